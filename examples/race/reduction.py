"""The sum of n squares: with NumPy on the CPU, or with PyOpenCL on the first GPU (or what there is).

    python3 examples/race/reduction.py cpu 1000000

The time that counts is that of one sum with its upload; imports, data and the build of the kernel do not.
"""

import sys
import time

import numpy as np

side, n = sys.argv[1], int(sys.argv[2])
x = np.random.default_rng(1).random(n, dtype=np.float32)

if side == "cpu":

    def run():
        return float(np.dot(x, x))

else:
    import pyopencl as cl
    import pyopencl.array
    import pyopencl.reduction

    devices = [d for platform in cl.get_platforms() for d in platform.get_devices()]
    gpus = [d for d in devices if d.type & cl.device_type.GPU]
    context = cl.Context([(gpus or devices)[0]])
    queue = cl.CommandQueue(context)
    total = cl.reduction.ReductionKernel(
        context, np.float32, neutral="0", reduce_expr="a + b", map_expr="x[i] * x[i]", arguments="__global const float *x"
    )

    def run():
        return float(total(cl.array.to_device(queue, x)).get())


result = run()  # what is built and allocated once is there now
seconds = []
while len(seconds) < 5 or sum(seconds) < 0.02:
    start = time.perf_counter()
    result = run()
    seconds.append(time.perf_counter() - start)
print(f"{result:.6g}")
print(f"crossover: seconds={sorted(seconds)[len(seconds) // 2]:.9f}")
