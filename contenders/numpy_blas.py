#!/usr/bin/env python3
"""NumPy as a contender: np.matmul, which calls the BLAS that NumPy was built with.

It runs in the Python that it is started with: /path/to/venv/bin/python contenders/numpy_blas.py
"""

import argparse
import os
import sys
from ctypes import CDLL, c_char_p, c_int

from protocol import Unsupported, cpu_name, serve

try:
    import numpy as np
    from numpy.linalg import _umath_linalg
except ImportError as error:
    sys.exit(f"numpy_blas.py: {error}. Install it: pip install numpy, or Debian's package python3-numpy.")

DTYPES = {"f32": "<f4", "f64": "<f8"}

# What builds of OpenBLAS call a function.
SPELLINGS = ("scipy_openblas_{}64_", "scipy_openblas_{}", "openblas_{}64_", "openblas_{}")


def openblas(name, result=c_int):
    """A function of the OpenBLAS under NumPy; None where another BLAS is there."""
    linked = CDLL(_umath_linalg.__file__)  # a symbol is looked up in all that a module is linked to
    for spelling in SPELLINGS:
        function = getattr(linked, spelling.format(name), None)
        if function:
            function.restype = result
            return function
    return None


def blas_version():
    """Name and version of the BLAS, of OpenBLAS also the processor that its kernels are for."""
    config, core = openblas("get_config", c_char_p), openblas("get_corename", c_char_p)
    if config and core:
        return f"{' '.join(config().decode().split()[:2])} {core().decode()}"
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (TypeError, KeyError):  # before NumPy 1.26, or nothing is known
        return "unknown BLAS"


def hold_to(threads):
    """Asks OpenBLAS for so many; another BLAS has read its environment. Returns the count in use."""
    set_threads, get_threads = openblas("set_num_threads", None), openblas("get_num_threads")
    if set_threads and get_threads:
        set_threads(threads)
        return get_threads()
    count = os.environ.get("MKL_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    return int(count) if count else None


def stored(path, dtype, batch, rows, columns, transposed):
    """Matrices from their file, as views that are not transposed; one alone has two axes."""
    values = np.fromfile(path, dtype)
    sizes = (columns, rows) if transposed else (rows, columns)
    matrices = values.reshape(*((batch,) if batch > 1 else ()), *sizes)
    return matrices.swapaxes(-1, -2) if transposed else matrices


class Product:
    """A gemm or a gemv with its operands in memory. On a CPU both scopes are the same run."""

    def __init__(self, workload, shape, dtype, threads, inputs):
        self.threads = hold_to(threads)
        if workload == "gemv":
            m, n, ta = (shape[axis] for axis in ("m", "n", "ta"))
            self.a, self.b = stored(inputs[0], dtype, 1, m, n, ta), np.fromfile(inputs[1], dtype)
        else:
            m, n, k, ta, tb = (shape[axis] for axis in ("m", "n", "k", "ta", "tb"))
            batch = shape.get("batch", 1)
            self.a = stored(inputs[0], dtype, batch, m, k, ta)
            self.b = stored(inputs[1], dtype, batch, k, n, tb)
        self.c = np.empty(np.matmul(self.a, self.b).shape, dtype)

    def run(self, scope):
        np.matmul(self.a, self.b, out=self.c)

    def outputs(self):
        return [self.c]


def prepare(device, workload, shape, dtype, threads, inputs):
    if device != "cpu" or workload not in ("gemm", "gemv"):
        raise Unsupported(f"no {workload} on {device}, only gemm and gemv on cpu")
    return Product(workload, shape, DTYPES[dtype], threads, inputs)


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    serve("numpy", f"{np.__version__} ({blas_version()})", [("cpu", "cpu", cpu_name())], prepare, list(DTYPES))


if __name__ == "__main__":
    main()
