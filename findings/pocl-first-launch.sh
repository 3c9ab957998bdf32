#!/bin/sh
# A kernel that was built, and has run, is compiled again because the grid grew past 65,535.
#
# Guess: clBuildProgram compiles a kernel; at worst a driver puts it off to the first launch. After one launch to warm up,
#        a kernel runs at any size.
# Seen:  building compiles nothing for the CPU. The first launch of every local size does (some 100 ms), once more with a
#        global offset in place of none, and once more where an extent of the grid reaches 65,535: PoCL keeps a variant
#        for small grids. What was warmed up at one size is timed cold at another; the table tells the compiled variants.
# With:  PoCL 3.1-3+deb12u1 (Debian 12, LLVM 15), PyOpenCL 2026.1.4 (PyPI), 2026-11-30.

. "$(dirname "$0")/common.sh"
pocl
pyopencl

cat >launch.py <<'END'
import os
import pathlib
import time

import pyopencl as cl

context = cl.Context([cl.get_platforms()[0].get_devices()[0]])
queue = cl.CommandQueue(context)
kernel = cl.Program(context, "__kernel void twice(__global float *x) { x[get_global_id(0)] *= 2; }").build().twice
memory = cl.Buffer(context, cl.mem_flags.READ_WRITE, 4 << 20)
kernel.set_arg(0, memory)


def compiled():
    return len(list(pathlib.Path(os.environ["POCL_CACHE_DIR"]).rglob("*.so")))


print(f"built: {compiled()} variants")
for what, size, group, offset in [
    ("first launch", 1024, 64, 0),
    ("again", 1024, 64, 0),
    ("32 times the size", 32768, 64, 0),
    ("64 times the size", 65536, 64, 0),
    ("1024 times the size", 1048576, 64, 0),
    ("first, other local size", 1024, 128, 0),
    ("first, with an offset", 1024, 64, 64),
    ("again, other offset", 1024, 64, 128),
]:
    before = time.perf_counter()
    cl.enqueue_nd_range_kernel(queue, kernel, (size,), (group,), (offset,) if offset else None).wait()
    took = time.perf_counter() - before
    print(f"{what}: {compiled()} variants, {took * 1e3:.1f} ms")
END
venv/bin/python launch.py | tee seen
[ "$(sed 's/.*: \([0-9]*\) variants.*/\1/' seen | tr '\n' ' ')" = "0 1 1 1 2 2 3 4 4 " ] || changed "variants were 0 1 1 1 2 2 3 4 4"
