#!/usr/bin/env python3
"""How long reports and comparisons of large runs take.

    python3 tools/report_speed.py [--rows 5000] [--samples 30] [--runs 10] [--program target/release/crossover]

Writes runs with made-up times into a folder of its own, and prints the time and the size of `crossover
report` of one and of `crossover compare` of all, beside what they are meant to stay under for 5,000 rows.
Nothing fails: the machine may be busy.
"""

import argparse
import csv
import math
import os
import random
import subprocess
import tempfile
import time

WORKLOADS = ("gemm", "conv-fprop", "conv-dgrad", "conv-wgrad")
ENTRANTS = [(device, implementation, scope)
            for device, names in (("cpu", ("native", "gemm", "matrixmultiply")), ("opencl:0", ("packed", "local")))
            for implementation in names for scope in ("compute", "end_to_end")]
CONV = "n=8,c={0},h=56,w=56,k=64,r=3,s=3,stride_h=1,stride_w=1,pad_h=1,pad_w=1,dilation_h=1,dilation_w=1,groups=1"


def shape_of(workload, size):
    return f"m={size},n={size},k={size},ta=0,tb=0" if workload == "gemm" else CONV.format(size)


def write(path, head, rows):
    with open(path, "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def make_run(folder, rows, samples, pace):
    """A run of about `rows` rows whose times are those of a machine of some pace."""
    os.makedirs(folder)
    results, taken, plan, summary = [], [], [], []
    sizes = rows // (len(ENTRANTS) * len(WORKLOADS))
    for workload in WORKLOADS:
        axis = "mnk" if workload == "gemm" else "channels"
        for size in range(8, 8 * sizes + 1, 8):
            shape = shape_of(workload, size)
            plan.append([workload, shape, "f32", axis, size, "", "", 1])
            flop = 2 * size**3 if workload == "gemm" else 2 * 8 * 56 * 56 * 64 * size * 9
            fastest = {}
            for device, implementation, scope in ENTRANTS:
                typical = pace * flop / 1e11 * (1.2 if device == "cpu" else 1) + 1e-6
                times = sorted(typical * random.gauss(1, 0.02) for _ in range(samples))
                median, low, high = times[samples // 2], times[samples // 3], times[2 * samples // 3]
                entrant = [workload, shape, "f32", "hot", scope, device]
                results.append([1, os.path.basename(folder)] + entrant + [
                    "cpu", "made up", "cpu" if device == "cpu" else "opencl", implementation, 2, "default", "measured",
                    "", "", "wall", 0.1, samples, median, low, high, times[0], median / 50, "", "", "", flop, flop,
                    12 * size * size, 0, flop / median, "", 0.5, 0.1, 0.02, ""])
                if device == "cpu":
                    fastest[scope] = min(fastest.get(scope, (math.inf, "")), (median, implementation))
                else:
                    cpu_median, best = fastest[scope]
                    ratio = cpu_median / median
                    summary += [[workload, axis, shape, "f32", "hot", scope, baseline, "cpu", best, device,
                                 implementation, cpu_median, median, ratio, 0.99 * ratio, 1.01 * ratio, "paired",
                                 "faster" if ratio > 1.02 else "same", "<=first"] for baseline in ("best", "own")]
                taken += [entrant + [implementation, 2, i, 1, t, ""] for i, t in enumerate(times)]
    write(f"{folder}/results.csv",
          "schema,run,workload,shape,dtype,cache,scope,device,device_kind,device_name,backend,implementation,threads,"
          "tuned,outcome,reason,notes,timer,max_error_ratio,samples,wall_median_s,wall_low_s,wall_high_s,wall_min_s,"
          "wall_mad_s,device_median_s,build_s,parameters,flop_count,flop_exact,bytes_moved,scratch_bytes,flop_per_s,"
          "bytes_per_s,compute_roof_fraction,memory_roof_fraction,noise,energy_j".split(","), results)
    write(f"{folder}/samples.csv",
          "workload,shape,dtype,cache,scope,device,implementation,threads,round,iterations,wall_s,device_s".split(","),
          taken)
    write(f"{folder}/plan.csv", "workload,shape,dtype,axis,axis_value,list,layer,repeat".split(","), plan)
    write(f"{folder}/summary.csv",
          "workload,axis,shape,dtype,cache,scope,baseline,cpu_device,cpu_implementation,device,implementation,"
          "cpu_median_s,device_median_s,speedup,speedup_low,speedup_high,pairing,verdict,crossover".split(","), summary)
    return len(results)


def timed(what, goal, page, command):
    start = time.perf_counter()
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if ended.returncode > 1 or not os.path.exists(page):
        raise SystemExit(f"{what}: {ended.stderr.strip()}")
    print(f"{what}: {seconds:.2f} s ({goal}), page {os.path.getsize(page) / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--program", default="target/release/crossover")
    args = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory() as tmp:
        folders = [f"{tmp}/run{i}" for i in range(args.runs)]
        rows = [make_run(folder, args.rows, args.samples, 1 + i / 10) for i, folder in enumerate(folders)][0]
        timed(f"report of {rows} rows", "meant: under 2 s and 5 MB", f"{folders[0]}/report.html",
              [args.program, "report", folders[0]])
        timed(f"compare {args.runs} runs of {rows} rows, {args.samples} samples each", "meant: under 5 s",
              f"{tmp}/out/comparison.html", [args.program, "compare", *folders, "--out", f"{tmp}/out"])


if __name__ == "__main__":
    main()
