"""The nearest of n points for each of 100: with NumPy on the CPU, or with PyTorch on a GPU (or, without one, on the CPU).

    python3 examples/race/neighbours.py cpu 100000

The time that counts is that of one search, with the points where they are needed.
"""

import sys
import time

import numpy as np

side, n = sys.argv[1], int(sys.argv[2])
random = np.random.default_rng(1)
points, wanted = random.random((n, 16), dtype=np.float32), random.random((100, 16), dtype=np.float32)

if side == "cpu":
    lengths = (points * points).sum(1)

    def run():
        return (lengths - 2 * wanted @ points.T).argmin(1)

else:
    import torch

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    points, wanted = (torch.from_numpy(array).to(device) for array in (points, wanted))
    lengths = (points * points).sum(1)

    def run():
        return (lengths - 2 * wanted @ points.T).argmin(1).cpu().numpy()


found = run()
seconds = []
while len(seconds) < 5 or sum(seconds) < 0.05:
    start = time.perf_counter()
    found = run()
    seconds.append(time.perf_counter() - start)
print(*found)
print(f"crossover: seconds={sorted(seconds)[len(seconds) // 2]:.9f}")
