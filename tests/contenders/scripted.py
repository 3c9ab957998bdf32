"""A contender with one planted fault, named by its argument. Python's standard library only, no
protocol.py: what it writes must be as wrong as the fault says.

    scripted.py FAULT [PHASE] [STATE]

FAULT `right` makes no mistake; so does `version-2`, which speaks version 2 of the protocol and computes in f64
and bf16 too, and `only-version-1`, which refuses to be asked in any other. PHASE is the request at which the fault shows (hello, prepare, run,
outputs, release, bye). STATE is a file: the fault shows once, until the file is there, so that a
program that is started again does better.
"""

import json
import os
import struct
import sys
import time
from array import array

FAULT = sys.argv[1]
PHASE = sys.argv[2] if len(sys.argv) > 2 else ""
STATE = sys.argv[3] if len(sys.argv) > 3 else ""


def reply(text):
    sys.stdout.write(text if isinstance(text, str) else json.dumps(text))
    sys.stdout.write("\n")
    sys.stdout.flush()


def read(path, dtype):
    with open(path, "rb") as file:
        numbers = file.read()
    if dtype == "bf16":  # the upper halves of f32
        numbers = b"".join(b"\0\0" + numbers[i : i + 2] for i in range(0, len(numbers), 2))
    return array("d" if dtype == "f64" else "f", numbers)


def stored(values, dtype):
    """Numbers as a file holds them, rounded to the nearest, ties to the even one."""
    if dtype != "bf16":
        return array("d" if dtype == "f64" else "f", values).tobytes()
    bits = struct.unpack(f"<{len(values)}I", array("f", values).tobytes())
    return array("H", ((b + 0x7FFF + (b >> 16 & 1)) >> 16 for b in bits)).tobytes()


def product(shape, a, b):
    m, n, k = shape["m"], shape["n"], shape["k"]
    at = (lambda i, p: a[p * m + i]) if shape["ta"] else (lambda i, p: a[i * k + p])
    bt = (lambda p, j: b[j * k + p]) if shape["tb"] else (lambda p, j: b[p * n + j])
    return [sum(at(i, p) * bt(p, j) for p in range(k)) for i in range(m) for j in range(n)]


def shows(what):
    """Whether the fault shows at this request."""
    if what != PHASE or (STATE and os.path.exists(STATE)):
        return False
    if STATE:
        open(STATE, "w").close()
    return True


def misbehave(request):
    """The faults that are an answer of another kind, or none."""
    if FAULT == "crash":
        print("something broke inside", file=sys.stderr, flush=True)
        os._exit(3)
    if FAULT == "silent":
        time.sleep(1000)
    if FAULT == "half-a-line":
        sys.stdout.write('{"ok": tr')
        sys.stdout.flush()
        time.sleep(1000)
    if FAULT == "dies-in-a-line":
        sys.stdout.write('{"ok": tr')
        sys.stdout.flush()
        os._exit(0)
    if FAULT == "not-json":
        return reply("Welcome to the framework!")
    if FAULT == "huge":
        return reply('{"ok": "' + "x" * (3 << 20) + '"}')
    if FAULT == "error":
        return reply({"error": "out of memory on the device"})
    if FAULT == "unsupported":
        return reply({"unsupported": "no " + request.get("workload", "such thing")})
    if FAULT == "talkative":
        reply({"ok": True})
        return reply({"ok": True})
    if FAULT == "not-ok":
        return reply({"ok": False})
    raise SystemExit(f"no fault {FAULT}")


def run(request, case):
    started = time.perf_counter()
    wall = []
    for _ in range(request["iterations"]):
        start = time.perf_counter()
        if FAULT == "slow":
            time.sleep(0.3)
        case["c"] = product(case["shape"], case["a"], case["b"])
        wall.append(time.perf_counter() - start)
    total = time.perf_counter() - started
    if FAULT == "too-few-times":
        wall = wall[1:]
    elif FAULT == "negative-time":
        wall[0] = -wall[0]
    elif FAULT == "total-too-short":
        # A tenth of the time, consistently.
        wall, total = [w / 10 for w in wall], total / 10
        time.sleep(0.002)
    elif FAULT == "sum-over-total":
        wall = [2 * w + 0.001 for w in wall]
    elif FAULT == "hidden-work":
        time.sleep(0.005)
        total = time.perf_counter() - started
    reply({"wall_s": wall, "total_s": total})


def outputs(request, case):
    c = list(case["c"])
    if FAULT == "wrong":
        c[len(c) // 2] += 1
    elif FAULT == "less-exact":
        # Eleven bits, as TF32 has.
        c = [float(f"{v:.3e}") for v in c]
    elif FAULT == "too-short":
        c = c[:-1]
    elif FAULT == "unwritten":
        return reply({"ok": True})
    elif FAULT == "spoils-inputs":
        with open(case["paths"][0], "r+b") as file:
            file.write(b"\0\0\0\0")
    with open(request["paths"][0], "wb") as file:
        file.write(stored(c, case["dtype"]))
    reply({"ok": True})


def main():
    device = {"id": "cpu", "kind": "cpu", "name": "a scripted device"}
    if FAULT == "mask":
        # What a contender may run on, as the test asks.
        masks = ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))
        names = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES"
        device["name"] = " ".join([masks, *(os.environ[name] for name in names)])
    case = {}
    for line in sys.stdin:
        request = json.loads(line)
        what = request["do"]
        if shows(what):
            misbehave(request)
        elif what == "hello":
            hello = {"protocol": 1, "name": "scripted", "version": "1", "devices": [device]}
            if FAULT == "version-2":
                hello.update(protocol=2, dtypes=["bf16", "f32", "f64", "i8"])
            elif FAULT == "only-version-1" and request["protocol"] != 1:
                hello = {"error": "speaks protocol 1"}
            reply(hello)
        elif what == "prepare":
            case = {"shape": request["shape"], "dtype": request["dtype"], "paths": request["inputs"]}
            case["a"], case["b"] = (read(path, case["dtype"]) for path in request["inputs"])
            reply({"ok": True, "threads": 99 if FAULT == "too-many-threads" else 1})
        elif what == "run":
            run(request, case)
        elif what == "outputs":
            outputs(request, case)
        elif what == "release":
            case = {}
            reply({"ok": True})
        elif what == "bye":
            if FAULT == "never-exits":
                time.sleep(1000)
            return


main()
