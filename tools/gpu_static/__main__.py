"""Proves the quality of the GPU kernels without a GPU: compiles each with the default parameters of
its class for GPUs of NVIDIA and AMD, writes a table and fails on a spill, a kernel that does not
compile or a floor that is missed. For developers; run in the root of the repository."""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import compiler
import floors
import table
from measure import measure
from targets import TARGETS

LIST = "cargo run --quiet --profile test --example gpu_builds --".split()
# What a GPU gets that nobody knows is compiled for one of each maker.
UNKNOWN, FOR_UNKNOWN = "gpu", ("sm_80", "gfx1030")


def wide(builds):
    """The plain product with 16 x 8 sums an item: what the tuner may choose where it pays."""
    for build in builds:
        if build["name"] == "gemm local ta=0 tb=0 aligned" and build["class"] != UNKNOWN:
            options = build["options"].replace("-D WM=8", "-D WM=16").replace("-D DB=2", "-D DB=1")
            ahead = " -D AHEAD=1" if build["class"] == "amd" else ""
            yield {**build, "name": "gemm local, 16 x 8 sums", "options": options + ahead}


def jobs(builds, targets):
    """Which build is compiled for which target."""
    for target in targets:
        for build in builds:
            unknown = build["class"] == UNKNOWN and target.name in FOR_UNKNOWN
            if build["class"] == target.klass or unknown:
                yield build, target


def attempt(job):
    build, target = job
    try:
        return measure(build, target), None
    except compiler.Failed as error:
        return [], f"{target.name} {build['class']}: {build['name']}: does not compile: {error}"


def listed(file):
    """The builds of the program as it is, or of a file."""
    if file:
        return file.read_text()
    classes = [*dict.fromkeys(target.klass for target in TARGETS), UNKNOWN]
    return subprocess.run([*LIST, *classes], check=True, stdout=subprocess.PIPE, text=True).stdout


def compiled(jobs):
    """Rows of all jobs, and sentences on what is wrong with them."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        done = list(pool.map(attempt, jobs))
    rows = [row for found, _ in done for row in found]
    problems = [problem for _, problem in done if problem]
    for row in rows:
        name = f"{row.target.name} {row.klass}: {row.build}: {row.function}"
        problems += [f"{name}: {what}" for what in floors.missed(row)]
    return rows, problems


def main():
    parser = argparse.ArgumentParser(prog="python3 tools/gpu_static", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, default=Path("reports/gpu-static.md"), help="where the table goes")
    add("--target", action="append", help="this target alone, on the terminal; repeatable")
    add("--kernel", help="kernels with this in their names alone, on the terminal")
    add("--builds", type=Path, help="a list of builds instead of the program's own")
    arguments = parser.parse_args()
    if missing := compiler.missing():
        sys.exit(f"gpu_static: not installed: {missing} (./setup --ci brings them)")
    builds = [json.loads(line) for line in listed(arguments.builds).splitlines()]
    builds += list(wide(builds))
    builds = [build for build in builds if (arguments.kernel or "") in build["name"]]
    targets = [t for t in TARGETS if not arguments.target or t.name in arguments.target]

    sys.setrecursionlimit(100_000)  # a path through a loop is found block by block
    rows, problems = compiled(jobs(builds, targets))
    if arguments.target or arguments.kernel:
        print(table.sections(rows))
    elif not problems:
        arguments.out.write_text(table.text(rows, compiler.versions()))
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"gpu_static: {len(rows)} kernels on {len(targets)} targets, {len(problems)} problems")
    sys.exit(1 if problems or not rows else 0)


main()
