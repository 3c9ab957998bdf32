"""n numbers sorted: with NumPy on the CPU, or with PyTorch on a GPU (or, without one, on the CPU).

    python3 examples/race/sort.py cpu 1000000

It tells no time of its own: the whole process counts, as for somebody who sorts once.
"""

import sys

import numpy as np

side, n = sys.argv[1], int(sys.argv[2])
numbers = np.random.default_rng(1).integers(0, 1 << 30, n, dtype=np.int32)

if side == "cpu":
    numbers.sort()
else:
    import torch

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    numbers = torch.from_numpy(numbers).to(device).sort().values.cpu().numpy()

print(*numbers[:: max(n // 10, 1)])
