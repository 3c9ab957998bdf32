#!/usr/bin/env python3
"""OpenBLAS as a contender: its cblas_sgemm and cblas_sgemv, called from Python's standard library alone.

The library is --library, else the variable OPENBLAS_LIBRARY, else the one that the system finds.
"""

import argparse
import os
import re
import sys
from ctypes import CDLL, POINTER, addressof, c_char, c_char_p, c_float, c_int, c_longlong, sizeof
from ctypes.util import find_library
from functools import partial

from protocol import Unsupported, cpu_name, serve

ROW_MAJOR = 101
STORED, TRANSPOSED = 111, 112
CACHE_LINE = 64
THREADING = ("serial", "pthreads", "OpenMP")  # what openblas_get_parallel answers
INSTALL = "install Debian's package libopenblas0, or name another with --library PATH"


class OpenBlas:
    """The library with the types of the calls that are used here."""

    def __init__(self, path):
        library = CDLL(path)
        library.openblas_get_config.restype = library.openblas_get_corename.restype = c_char_p
        config = library.openblas_get_config().decode()
        number = re.match(r"OpenBLAS (\S+)", config)
        core = library.openblas_get_corename().decode()
        threading = THREADING[library.openblas_get_parallel()]
        self.version = f"{number.group(1) if number else 'unknown'} ({core}, {threading})"
        self.set_threads = library.openblas_set_num_threads
        self.threads = library.openblas_get_num_threads
        self.sgemm = library.cblas_sgemm
        size = c_longlong if "USE64BITINT" in config else c_int
        matrix = POINTER(c_float)
        self.sgemm.argtypes = [c_int] * 3 + [size] * 3 + [c_float, matrix, size, matrix, size]
        self.sgemm.argtypes += [c_float, matrix, size]
        self.sgemm.restype = None
        self.sgemv = library.cblas_sgemv
        self.sgemv.argtypes = [c_int] * 2 + [size] * 2 + [c_float, matrix, size, matrix, size]
        self.sgemv.argtypes += [c_float, matrix, size]
        self.sgemv.restype = None


def find(chosen):
    """The chosen library, else the first of the usual names that loads."""
    usual = [find_library("openblas"), "libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"]
    for name in filter(None, [chosen] if chosen else usual):
        try:
            return OpenBlas(name)
        except (OSError, AttributeError) as error:  # not there, or not OpenBLAS
            problem = error
    sys.exit(f"openblas.py: no OpenBLAS: {problem}. {INSTALL}.")


def aligned(count):
    """Memory for floats that begins at a cache line, so that no vector load crosses two."""
    memory = (c_char * (sizeof(c_float) * count + CACHE_LINE))()
    return (c_float * count).from_buffer(memory, -addressof(memory) % CACHE_LINE)


def read(path, count):
    """A tensor file, in aligned memory."""
    values = aligned(count)
    with open(path, "rb") as file:
        if file.readinto(values) != sizeof(values) or file.read(1):
            raise ValueError(f"{path} does not hold {count} floats")
    return values


class Product:
    """A gemm or a gemv with its operands in memory. On a CPU both scopes are the same run."""

    def __init__(self, blas, workload, shape, threads, inputs):
        blas.set_threads(threads)
        self.threads = blas.threads()
        (self.gemv if workload == "gemv" else self.gemm)(blas, shape, inputs)

    def gemv(self, blas, shape, inputs):
        m, n, ta = (shape[axis] for axis in ("m", "n", "ta"))
        rows, columns = (n, m) if ta else (m, n)
        self.c = aligned(m)
        a, x = read(inputs[0], m * n), read(inputs[1], n)
        shape_and_a = (ROW_MAJOR, TRANSPOSED if ta else STORED, rows, columns, 1.0, a, columns)
        self.compute = partial(blas.sgemv, *shape_and_a, x, 1, 0.0, self.c, 1)

    def gemm(self, blas, shape, inputs):
        m, n, k, ta, tb = (shape[axis] for axis in ("m", "n", "k", "ta", "tb"))
        self.c = aligned(m * n)
        a, b = read(inputs[0], m * k), read(inputs[1], k * n)
        op_a, op_b = (TRANSPOSED if turned else STORED for turned in (ta, tb))
        rows_of_a, rows_of_b = (m if ta else k), (k if tb else n)  # the distance from row to row
        shape_and_a = (ROW_MAJOR, op_a, op_b, m, n, k, 1.0, a, rows_of_a)
        self.compute = partial(blas.sgemm, *shape_and_a, b, rows_of_b, 0.0, self.c, n)

    def run(self, scope):
        self.compute()

    def outputs(self):
        return [self.c]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--library",
        default=os.environ.get("OPENBLAS_LIBRARY"),
        metavar="PATH",
        help="the library to load, as a path or a soname",
    )
    blas = find(parser.parse_args().library)
    core = os.environ.get("OPENBLAS_CORETYPE")
    if core:
        warning = f"openblas.py: OPENBLAS_CORETYPE={core} chooses the kernels and may halve the speed"
        print(warning, file=sys.stderr)

    def prepare(device, workload, shape, dtype, threads, inputs):
        if device != "cpu" or workload not in ("gemm", "gemv"):
            raise Unsupported(f"no {workload} on {device}, only gemm and gemv on cpu")
        if "batch" in shape:
            raise Unsupported("no products of many matrices")
        return Product(blas, workload, shape, threads, inputs)

    serve("openblas", blas.version, [("cpu", "cpu", cpu_name())], prepare)


if __name__ == "__main__":
    main()
