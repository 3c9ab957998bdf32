#!/usr/bin/env python3
"""CLBlast as a contender: its CLBlastSgemm on every OpenCL device, called from Python's standard library.

Untuned: CLBlast runs with the parameters that it ships for the device, or with its defaults where it
ships none. What its tuners find has to be built into the library: give that one with --library.
"""

import argparse
import re
import sys
from array import array
from ctypes import CDLL, byref, c_float, c_int, c_size_t, c_uint64, c_void_p, create_string_buffer
from ctypes.util import find_library
from functools import cache, partial

from protocol import Unsupported, read_floats, serve

ALL_TYPES, CPU, GPU = 0xFFFFFFFF, 2, 4
TYPE, COMPUTE_UNITS, NAME = 0x1000, 0x1002, 0x102B
PARTITION_BY_COUNTS, COUNTS_END = 0x1087, 0
READ_WRITE = 1
ROW_MAJOR = 101
STORED, TRANSPOSED = 111, 112
INSTALL = "install Debian's packages libclblast1 and ocl-icd-libopencl1, or name another CLBlast with --library PATH"

# Status codes of OpenCL and CLBlast that a user may meet.
STATUS = {
    -3: "the driver has no compiler",
    -4: "no memory for a buffer",
    -5: "out of resources",
    -6: "out of host memory",
    -11: "a kernel does not compile",
    -54: "too large a work-group",
    -61: "too large a buffer",
    -2041: "the device is not in CLBlast's database",
    -2046: "too little local memory",
}


def check(status, call):
    """Raises what a call's status means; nothing where it is success."""
    if status:
        meaning = STATUS.get(status)
        raise RuntimeError(f"{call}: status {status}" + (f", {meaning}" if meaning else ""))


class OpenCl:
    """The loader. Handles and sizes are passed as ctypes objects, so that none is cut to 32 bits."""

    def __init__(self):
        self.library = CDLL(find_library("OpenCL") or "libOpenCL.so.1")

    def call(self, name, *arguments):
        check(getattr(self.library, name)(*arguments), name)

    def create(self, name, *arguments):
        """A new object; the status goes where the last argument points to."""
        function, status = getattr(self.library, name), c_int()
        function.restype = c_void_p
        handle = function(*arguments, byref(status))
        check(status.value, name)
        return c_void_p(handle)

    def listed(self, name, *arguments):
        """All handles that a call lists; none where it fails: its driver is then of no use."""
        count = c_int()
        if getattr(self.library, name)(*arguments, 0, None, byref(count)) or not count.value:
            return []
        handles = (c_void_p * count.value)()
        self.call(name, *arguments, count, handles, None)
        return [c_void_p(handle) for handle in handles]

    def devices(self):
        """Every device of every platform, in the loader's order, which numbers them."""
        platforms = self.listed("clGetPlatformIDs")
        lists = [self.listed("clGetDeviceIDs", platform, c_uint64(ALL_TYPES)) for platform in platforms]
        return [Device(self, handle) for handles in lists for handle in handles]


class Device:
    """A device and what it says about itself."""

    def __init__(self, cl, handle):
        self.cl, self.handle = cl, handle
        bits, units = (int.from_bytes(self.info(number), sys.byteorder) for number in (TYPE, COMPUTE_UNITS))
        self.kind = "cpu" if bits & CPU else "gpu" if bits & GPU else "accelerator"
        self.units = units
        self.name = self.info(NAME).decode(errors="replace").strip("\0 ")

    def info(self, question):
        size = c_size_t()
        self.cl.call("clGetDeviceInfo", self.handle, question, c_size_t(0), None, byref(size))
        answer = create_string_buffer(size.value)
        self.cl.call("clGetDeviceInfo", self.handle, question, size, answer, None)
        return answer.raw

    @cache  # one context for all cases: CLBlast keeps its compiled kernels by context
    def opened(self, threads):
        """Context, queue and, of a CPU, the threads in use. No profiling: it slows some drivers down."""
        handle, units = self.handle, None
        if self.kind == "cpu":
            units = min(self.units, threads)
            if units < self.units:
                handle = self.part(units)
        context = self.cl.create("clCreateContext", None, 1, byref(handle), None, None)
        return context, self.cl.create("clCreateCommandQueue", context, handle, c_uint64(0)), units

    def part(self, units):
        """A device of fewer compute units out of this one."""
        part, by_counts = c_void_p(), (c_size_t * 4)(PARTITION_BY_COUNTS, units, COUNTS_END, 0)
        if self.cl.library.clCreateSubDevices(self.handle, by_counts, 1, byref(part), None):
            raise Unsupported(f"its driver runs on {self.units} threads and can't be held to {units}")
        return part


class Buffer:
    """Floats on the device and their copy in host memory."""

    def __init__(self, cl, context, queue, host):
        self.cl, self.queue, self.host = cl, queue, host
        address, count = host.buffer_info()
        self.bytes = c_size_t(count * host.itemsize)
        self.address = c_void_p(address)
        self.handle = cl.create("clCreateBuffer", context, c_uint64(READ_WRITE), self.bytes, None)

    def __del__(self):
        if hasattr(self, "handle"):
            self.cl.call("clFinish", self.queue)  # nothing may be under way from or to the host's copy
            self.cl.call("clReleaseMemObject", self.handle)

    def upload(self, blocking=False):
        self.move("clEnqueueWriteBuffer", blocking)

    def download(self):
        self.move("clEnqueueReadBuffer", blocking=True)

    def move(self, call, blocking):
        start, no_events = c_size_t(0), (0, None, None)
        extent = start, self.bytes, self.address
        self.cl.call(call, self.queue, self.handle, int(blocking), *extent, *no_events)


class Product:
    """One gemm with its operands on the device."""

    def __init__(self, cl, sgemm, device, shape, threads, inputs):
        m, n, k, ta, tb = (shape[axis] for axis in ("m", "n", "k", "ta", "tb"))
        self.cl = cl
        context, self.queue, self.threads = device.opened(threads)
        hosts = [read_floats(path) for path in inputs] + [array("f", [0]) * (m * n)]
        if [len(host) for host in hosts] != [m * k, k * n, m * n]:
            raise ValueError("the files do not hold as many floats as the shape says")
        self.a, self.b, self.c = (Buffer(cl, context, self.queue, host) for host in hosts)

        def matrix(buffer, from_row_to_row):
            return buffer.handle, c_size_t(0), c_size_t(from_row_to_row)

        op_a, op_b = (TRANSPOSED if turned else STORED for turned in (ta, tb))
        sizes = [c_size_t(size) for size in (m, n, k)]
        a, b, c = matrix(self.a, m if ta else k), matrix(self.b, k if tb else n), matrix(self.c, n)
        alpha, beta, no_event = c_float(1), c_float(0), None
        operands = (*sizes, alpha, *a, *b, beta, *c, byref(self.queue), no_event)
        self.enqueue = partial(sgemm, ROW_MAJOR, op_a, op_b, *operands)
        self.a.upload(blocking=True)
        self.b.upload(blocking=True)
        self.run("compute")  # the first call compiles

    def run(self, scope):
        self.on_host = scope == "end_to_end"
        if self.on_host:
            self.a.upload()
            self.b.upload()
        check(self.enqueue(), "CLBlastSgemm")
        if self.on_host:
            self.c.download()
        else:
            self.cl.call("clFinish", self.queue)

    def outputs(self):
        if not self.on_host:
            self.c.download()
        return [self.c.host]


def library_version():
    """CLBlast has no call for it: the number in the name of the file that is loaded."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            found = re.search(r"libclblast\.so\.([\d.]+)$", maps.read(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--library",
        default=find_library("clblast") or "libclblast.so.1",
        metavar="PATH",
        help="the CLBlast to load, as a path or a soname (%(default)s)",
    )
    path = parser.parse_args().library
    try:
        cl, sgemm = OpenCl(), CDLL(path).CLBlastSgemm
    except (OSError, AttributeError) as error:
        sys.exit(f"clblast.py: no CLBlast: {error}. {INSTALL}.")
    devices = {f"opencl-{number}": device for number, device in enumerate(cl.devices())}
    if not devices:
        sys.exit(
            "clblast.py: OpenCL has no device. A GPU's driver comes from its maker; "
            "Debian's package pocl-opencl-icd drives the CPU."
        )

    def prepare(device, workload, shape, dtype, threads, inputs):
        if workload != "gemm" or device not in devices:
            raise Unsupported(f"no {workload} on {device}, only gemm on {', '.join(devices)}")
        if "batch" in shape:
            raise Unsupported("no products of many matrices")
        return Product(cl, sgemm, devices[device], shape, threads, inputs)

    serve("clblast", library_version(), [(i, d.kind, d.name) for i, d in devices.items()], prepare)


if __name__ == "__main__":
    main()
