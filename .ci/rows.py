"""What the rows say that `crossover run --json` and `crossover report --json` print, a JSON object a line.

rows.py measured FILE DEVICE...: fails where a row has failed, or where nothing was measured on one of
these devices; `opencl` means any OpenCL device. Prints what is wrong, or the count of rows.
rows.py ratios FILE: prints each device's speed-up over the best of the CPU; fails where there is none.
"""

import json
import sys


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def measured(rows, devices):
    for row in (failed := [row for row in rows if row["outcome"] == "failed"]):
        print("failed: {device} {implementation} {workload} {shape}: {reason}".format(**row))
    there = {row["device"] for row in rows if row["outcome"] == "measured"}
    missing = [d for d in devices if not any(t == d or t.startswith(d + ":") for t in there)]
    for device in missing:
        print(f"nothing was measured on {device}")
    print(f"{len(rows)} rows of {', '.join(sorted(there))}")
    return not failed and not missing


def ratios(rows):
    best = [row for row in rows if row["baseline"] == "best"]
    for row in best:
        print(
            ">>> RATIO {workload} {shape} {scope}: {device} {implementation} is {speedup:.2f} times as fast "
            "as cpu {cpu_implementation} ({speedup_low:.2f}-{speedup_high:.2f}, {verdict})".format(**row)
        )
    return bool(best)


if __name__ == "__main__":
    question, path, *devices = sys.argv[1:]
    well = measured(read(path), devices) if question == "measured" else ratios(read(path))
    sys.exit(0 if well else 1)
