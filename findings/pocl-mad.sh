#!/bin/sh
# mad(a, b, c) is two roundings on PoCL, under every option that asks for speed; plain a * b + c is one.
#
# Guess: mad is OpenCL's word for "as fast as the device can", so on a CPU with fused multiply-adds it becomes one, at the
#        latest with -cl-mad-enable or -cl-fast-relaxed-math. A plain a * b + c is left as it is without such an option.
# Seen:  the other way round. The plain expression and fma() are fused under all options, mad() under none: it is compiled
#        into PoCL's library beforehand, with contraction off. A kernel that swaps one for the other changes its results
#        and takes two instructions for one.
# With:  PoCL 3.1-3+deb12u1 (Debian 12, LLVM 15), PyOpenCL 2026.1.4 (PyPI), 2026-11-30.

. "$(dirname "$0")/common.sh"
grep -qsw fma /proc/cpuinfo || not_applicable "the CPU has no fused multiply-add"
pocl
pyopencl

cat >mad.py <<'END'
import numpy
import pyopencl as cl

device = cl.get_platforms()[0].get_devices()[0]
context = cl.Context([device])
queue = cl.CommandQueue(context)
# (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last bit f32 has no room for: only a fused sum keeps it.
numbers = numpy.array([1 + 2**-12, 1 + 2**-12, -(1 + 2**-11)], numpy.float32)
source = "__kernel void combine(__global float *x) { float a = x[0], b = x[1], c = x[2]; x[3] = %s; }"
for option in "", "-cl-mad-enable", "-cl-fast-relaxed-math":
    fused = {}
    for expression in "a * b + c", "fma(a, b, c)", "mad(a, b, c)":
        memory = cl.Buffer(context, cl.mem_flags.READ_WRITE, 16)
        cl.enqueue_copy(queue, memory, numbers)
        cl.Program(context, source % expression).build(options=option).combine(queue, (1,), (1,), memory)
        result = numpy.empty(4, numpy.float32)
        cl.enqueue_copy(queue, result, memory)
        fused[expression] = {2**-24: "fused", 0: "two roundings"}[float(result[3])]
    print(f"{option or 'no option'}: " + ", ".join(f"{e} {how}" for e, how in fused.items()))
END
venv/bin/python mad.py | tee seen
[ "$(grep -c ': a \* b + c fused, fma(a, b, c) fused, mad(a, b, c) two roundings$' seen)" = 3 ] ||
    changed "mad alone was never fused"
