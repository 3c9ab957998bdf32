#!/usr/bin/env python3
"""Two builds of the program set against each other: whether a change cost speed.

    python3 tools/build_speed.py OLD NEW [--processes 2] [--preset quick] [--workload W,..]
        [--implementation I,..] [--out DIR]

OLD and NEW are two binaries. Both run the same cases at the same time, and take turns of half a second:
while one runs the other is stopped, so that a machine that drifts slows both alike. A sample that a stop
falls into is long; of medians that shows little. `NEW compare` pools the processes of each and sets
implementation against implementation. Printed: for each workload the geometric mean of old over new time
(1.02: the new build is 2 % faster) and its worst row; then every row that is surely slower than the
floor. Exit code 1 where a mean or a row is under its floor.
"""

import argparse
import csv
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict

MEAN_FLOOR = 0.98  # of a workload's rows together
ROW_FLOOR = 0.92  # of a single row, beyond its interval

SLICE = 0.5  # seconds of a turn

GROUPS = [
    ["gemm"],
    ["conv-fprop"],
    ["conv-dgrad"],
    ["conv-wgrad"],
    ["train-mlp", "train-cnn", "train-lstm", "train-transformer"],
    ["stream-copy", "stream-scale", "stream-add", "stream-triad", "stream-dot", "peak-fma"],
    ["transfer-h2d", "transfer-d2h", "launch"],
]


class Turns:
    """A program that is stopped unless it is its turn."""

    def __init__(self, command):
        self.command = command
        self.errors = tempfile.TemporaryFile("w+")
        # A session of its own: its children stop with it.
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True
        )
        self.send(signal.SIGSTOP)

    def send(self, number):
        os.killpg(self.process.pid, number)

    def run(self):
        """Lets it run for a slice. Whether it goes on after that."""
        self.send(signal.SIGCONT)
        try:
            self.process.wait(SLICE)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGSTOP)
            return True
        # 1: a row failed or is suspect; the comparison leaves it out.
        if self.process.returncode not in (0, 1):
            self.errors.seek(0)
            command = " ".join(map(str, self.command))
            sys.exit(f"{command}: exit code {self.process.returncode}\n{self.errors.read()}")
        return False


def take_turns(commands):
    going = [Turns(command) for command in commands]
    try:
        while going:
            going = [program for program in going if program.run()]
    finally:
        for program in going:
            program.send(signal.SIGKILL)


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
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--workload", help="these alone")
    parser.add_argument("--implementation", help="these alone, where OLD and NEW have different ones")
    parser.add_argument("--out", type=pathlib.Path, help="keep the run folders here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or pathlib.Path(temporary)
        rows = []
        names = given.workload.split(",") if given.workload else sum(GROUPS, [])
        groups = [[name for name in group if name in names] for group in GROUPS]
        for group in filter(None, groups):
            folders = []
            for process in range(1, given.processes + 1):
                turn = [("old", given.old), ("new", given.new)]
                commands = []
                for side, program in turn if process % 2 else reversed(turn):
                    folder = out / f"{group[0]}-{side}-r{process}"
                    command = [program.resolve(), "run", "--preset", given.preset]
                    command += ["--workload", ",".join(group), "--out", folder]
                    if given.implementation:
                        command += ["--implementation", given.implementation]
                    commands.append(command)
                    folders.append(folder)
                take_turns(commands)
            folders.sort(key=lambda folder: "-new-" in folder.name)
            comparison = out / f"{group[0]}-comparison"
            rows += compared(given.new.resolve(), folders, comparison)
            print(f"measured: {', '.join(group)}", file=sys.stderr)
        return 0 if judge(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
