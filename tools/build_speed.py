#!/usr/bin/env python3
"""Two builds of the program set against each other: whether a change cost speed.

    python3 tools/build_speed.py OLD NEW [--processes 3] [--preset quick] [--out DIR]

OLD and NEW are two binaries. Both run the same cases, in processes of their own that take turns, group
by group of workloads, so that a machine that drifts slows both alike. `NEW compare` pools the
processes of each and sets implementation against implementation. Printed: for each workload the
geometric mean of old over new time (1.02: the new build is 2 % faster) and its worst row; then every
row that is surely slower than the floor. Exit code 1 where a mean or a row is under its floor.
"""

import argparse
import csv
import math
import pathlib
import subprocess
import sys
import tempfile
from collections import defaultdict

MEAN_FLOOR = 0.98  # of a workload's rows together
ROW_FLOOR = 0.92  # of a single row, beyond its interval

GROUPS = [
    ["gemm"],
    ["conv-fprop", "conv-dgrad", "conv-wgrad"],
    ["train-mlp", "train-cnn", "train-lstm", "train-transformer"],
    ["stream-copy", "stream-scale", "stream-add", "stream-triad", "stream-dot", "peak-fma"],
    ["transfer-h2d", "transfer-d2h", "launch"],
]


def measure(program, folder, preset, group):
    command = [program, "run", "--preset", preset, "--workload", ",".join(group), "--out", folder]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # 1: a row failed or is suspect; the comparison leaves it out.
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")


def compared(program, folders, out):
    command = [program, "compare", *folders, "--by", "implementation", "--out", out]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    with open(out / "comparison.csv", newline="") as file:
        return list(csv.DictReader(file))


def name(row):
    words = ["workload", "shape", "dtype", "scope", "device_a", "implementation"]
    return " ".join(row[word] for word in words if row[word])


def judge(rows):
    ratios = defaultdict(list)
    for row in rows:
        ratios[row["workload"]].append((float(row["ratio"]), row))
    well = True
    print(f"{'workload':<20} {'rows':>5} {'mean':>7} {'worst':>7}")
    for workload, found in ratios.items():
        mean = math.exp(sum(math.log(ratio) for ratio, _ in found) / len(found))
        worst = min(ratio for ratio, _ in found)
        mark = "" if mean >= MEAN_FLOOR else f"  under {MEAN_FLOOR}"
        well &= not mark
        print(f"{workload:<20} {len(found):>5} {mean:>7.3f} {worst:>7.3f}{mark}")
    for row in rows:
        if float(row["ratio_high"]) < ROW_FLOOR:
            well = False
            interval = f"{float(row['ratio_low']):.3f}-{float(row['ratio_high']):.3f}"
            print(f"under {ROW_FLOOR}: {float(row['ratio']):.3f} ({interval}) {name(row)}")
    return well


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--out", type=pathlib.Path, help="keep the run folders here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or pathlib.Path(temporary)
        rows = []
        for group in GROUPS:
            folders = {"old": [], "new": []}
            for process in range(1, given.processes + 1):
                turn = [("old", given.old), ("new", given.new)]
                # Whoever comes second may find a warmer machine.
                for side, program in turn if process % 2 else reversed(turn):
                    folder = out / f"{group[0]}-{side}-r{process}"
                    measure(program.resolve(), folder, given.preset, group)
                    folders[side].append(folder)
            comparison = out / f"{group[0]}-comparison"
            rows += compared(given.new.resolve(), folders["old"] + folders["new"], comparison)
            print(f"measured: {', '.join(group)}", file=sys.stderr)
        return 0 if judge(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
