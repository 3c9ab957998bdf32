"""The contender protocol, version 2, for contenders in Python: `serve` answers the harness until it
says goodbye. README.md beside this file explains the protocol. Standard library only.

A contender gives a function `prepare(device, workload, shape, dtype, threads, inputs)` that returns a case:

    case.threads         threads in use, or None
    case.run(scope)      computes once, blocking: returns when the result is there. May return the
                         seconds that the device's own clock counted, and nothing else
    case.restore()       optional: puts state back before each run, outside the clock
    case.outputs()       the results of the last run, each as an object with the buffer interface

and raises `Unsupported` with a reason where it does not serve the workload, the shape or the device.
"""

import gc
import json
import os
import sys
import time
from array import array

PROTOCOL = 2


class Unsupported(Exception):
    """This contender does not serve what was asked for; not a fault."""


def serve(name, version, devices, prepare, dtypes=("f32",)):
    """Answers requests. `devices` lists (id, kind, name) with kind cpu, gpu or accelerator."""
    requests, replies = sys.stdin.buffer, private_stdout()
    listed = [{"id": i, "kind": kind, "name": text} for i, kind, text in devices]
    hello = {"protocol": PROTOCOL, "name": name, "version": version, "devices": listed, "dtypes": dtypes}
    case = None
    for line in requests:
        started = time.perf_counter()
        request = json.loads(line)
        what = request["do"]
        if what == "bye":
            return
        try:
            if what == "hello":
                reply = hello if request["protocol"] == PROTOCOL else {"error": f"speaks protocol {PROTOCOL}"}
            elif what == "prepare":
                case = None
                collect_garbage_now()  # frees the case before: two need not fit into memory
                arguments = [request[key] for key in ("device", "workload", "shape", "dtype", "threads", "inputs")]
                if request["dtype"] not in dtypes:
                    raise Unsupported(f"no dtype {request['dtype']}")
                case = prepare(*arguments)
                reply = {"ok": True} if case.threads is None else {"ok": True, "threads": case.threads}
                collect_garbage_now()
            elif what in ("run", "outputs") and case is None:
                reply = {"error": "nothing is prepared"}
            elif what == "run":
                reply = run(case, request["scope"], request["iterations"], started)
            elif what == "outputs":
                write_outputs(case, request["paths"])
                reply = {"ok": True}
            elif what == "release":
                case = None
                collect_garbage_now()
                reply = {"ok": True}
            else:
                reply = {"error": f"unknown request '{what}'"}
        except Unsupported as reason:
            reply = {"unsupported": str(reason)}
        except Exception as error:  # whatever went wrong, the harness gets a reason and goes on
            reply = {"error": f"{type(error).__name__}: {error}"}
        text = reply if isinstance(reply, str) else json.dumps(reply)
        replies.write(text.encode() + b"\n")
        replies.flush()


def private_stdout():
    """The real standard output for replies alone: what libraries print goes to standard error."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def collect_garbage_now():
    """Python's collector runs here and not inside a timed run."""
    gc.enable()
    gc.collect()
    gc.disable()


def run(case, scope, iterations, started):
    """Runs a case, each time from the same state. The reply as text: `total_s` is read last."""
    clock = time.perf_counter
    restore = getattr(case, "restore", None)
    wall, device = [], []
    for _ in range(iterations):
        if restore:
            restore()
        start = clock()
        seconds = case.run(scope)
        wall.append(clock() - start)
        if seconds is not None:
            device.append(seconds)
    times = f'"wall_s": {json.dumps(wall)}'
    if len(device) == iterations:
        times += f', "device_s": {json.dumps(device)}'
    return f'{{{times}, "total_s": {clock() - started!r}}}'


def write_outputs(case, paths):
    """Every output as raw little-endian numbers, row-major."""
    outputs = case.outputs()
    if len(outputs) != len(paths):
        raise ValueError(f"{len(outputs)} outputs for {len(paths)} files")
    for path, output in zip(paths, outputs):
        with open(path, "wb") as file:
            file.write(memoryview(output).cast("B"))


def read_floats(path):
    """A tensor file as an array of the standard library."""
    values = array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def cpu_name():
    """What the system calls the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        import platform

        return platform.processor() or platform.machine() or "CPU"
