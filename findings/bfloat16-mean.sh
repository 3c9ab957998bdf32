#!/bin/sh
# The mean of a thousand ones in bfloat16 is 0.256.
#
# Guess: NumPy's mean of ones is 1 in every type. For float16 it sums in float32 for this very reason, and bfloat16 from
#        ml_dtypes is a NumPy type like it. At the least, a sum and a dot product of the same numbers agree.
# Seen:  the mean is 0.255859 and the sum is 256: every partial sum is rounded to bfloat16, and past 256 a one is less than
#        half a step. NumPy's wider accumulator and its pairwise sums are for its own types only. The dot product of the
#        same vector with ones is 1000, since that loop is ml_dtypes's own and sums in float32.
# With:  NumPy 2.4.6 and ml_dtypes 0.6.0 (PyPI), 2026-11-30.

. "$(dirname "$0")/common.sh"
python numpy==2.4.6 ml_dtypes==0.6.0

cat >mean.py <<'END'
import ml_dtypes
import numpy

for name in "float16", "bfloat16":
    ones = numpy.ones(1000, ml_dtypes.bfloat16 if name == "bfloat16" else name)
    print(f"{name}: sum {float(ones.sum()):g}, mean {float(ones.mean()):g}, dot product {float(ones @ ones):g}")
END
venv/bin/python mean.py | tee seen
grep -q '^float16: sum 1000, mean 1, dot product 1000$' seen || changed "float16 was right throughout"
grep -q '^bfloat16: sum 256, mean 0.255859, dot product 1000$' seen || changed "only the dot product was right in bfloat16"
