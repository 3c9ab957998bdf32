"""The table of compiled kernels, in Markdown."""

HEAD = """# What the GPU kernels compile to

Every kernel for GPUs with the default parameters of its class of devices, compiled without a GPU by
the compilers that drivers are built on: {versions}. Nothing here is a time. NVIDIA's and AMD's drivers hold
other versions of these compilers, so read the figures as what the source allows. Made by
`python3 tools/gpu_static`, which fails where a floor is missed; docs/tuning.md explains how to read it.

* **regs**: registers of a work-item; **spill**: what did not fit into them (NVIDIA bytes, AMD registers) and bytes of stack.
* **local**: bytes of local memory; **groups**: work-groups that fit one multiprocessor (NVIDIA SM; gfx906 and gfx90a CU; gfx1030 and
  gfx1100 WGP) by registers and local memory.
* The main loop, one turn (a tile): **FMA**: multiply-adds of a work-item; **share**: multiply-adds of all instructions, **ALU**: of those that
  take the vector ALU (AMD), packed and dual ones counted as two; **rate**: multiply-adds per instruction, packed and dual ones counted as one.
* **global**, **ld**, **st**: loads from global memory, loads from and stores to local memory, as count x bits; **bar**: barriers;
  **distance**: smallest share of the turn's FMAs between a load of the next tile and the use of its value.
* Without a main loop: **global** has the widest load and store of the kernel.
"""

COLUMNS = "kernel regs spill local items groups FMA share ALU rate global ld st bar distance".split()


def text(rows, versions):
    """The whole table."""
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n".join([HEAD.format(versions=named), summary(rows), sections(rows)])


def sections(rows):
    """A table a target."""
    parts = []
    for target in dict.fromkeys(row.target.name for row in rows):
        mine = [line(row) for row in rows if row.target.name == target]
        parts.append(f"## {target}\n\n" + table(COLUMNS, mine))
    return "\n".join(parts)


def table(columns, lines):
    rule = ["---", *["---:" for _ in columns[1:]]]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in [columns, rule, *lines])


def percent(share):
    return f"{100 * share:.1f} %" if share else ""


def widths(counts):
    return " ".join(f"{count}x{width}" for width, count in counts.items())


def line(row):
    name = row.build if row.function in row.build or row.function == "conv" else f"{row.build}: {row.function}"
    spill = "0" if not (row.spilled or row.stack_bytes) else f"{row.spilled}, {row.stack_bytes} B"
    cells = [f"{row.klass}: {name}", row.registers, spill, row.local_bytes, row.items, row.groups]
    loop = row.loop
    if loop is None:
        widest = " ".join(f"{what} {width}" for what, width in row.widest.items())
        cells += ["", "", "", "", widest, "", "", "", ""]
    else:
        far = "" if loop.distance is None else percent(loop.distance)
        cells += [
            loop.fma,
            percent(loop.share),
            percent(loop.vector_share),
            f"{loop.fma / loop.count:.2f}",
            widths(loop.loads),
            widths(loop.local_loads),
            widths(loop.local_stores),
            loop.barriers,
            far,
        ]
    return [str(cell) for cell in cells]


def summary(rows):
    """The matrix product and the worst of the convolutions, target by target."""
    columns = ["target", "kernels", "spills", "gemm 128x128 share", "ALU", "rate", "distance"]
    columns += ["16 x 8 sums: share", "rate", "conv local, lowest share", "ALU"]
    lines = []
    for target in dict.fromkeys(row.target.name for row in rows):
        mine = [row for row in rows if row.target.name == target]
        gemm = next(r for r in mine if r.build == "gemm local ta=0 tb=0 aligned" and r.klass == r.target.klass)
        conv = [r.loop for r in mine if r.build.startswith("conv local") and r.klass == r.target.klass]
        loop = gemm.loop
        wide = next(r.loop for r in mine if r.build == "gemm local, 16 x 8 sums")
        lines.append([
            target,
            str(len(mine)),
            str(sum(bool(r.spilled or r.stack_bytes) for r in mine)),
            percent(loop.share),
            percent(loop.vector_share),
            f"{loop.fma / loop.count:.2f}",
            percent(loop.distance or 0.0),
            percent(wide.share),
            f"{wide.fma / wide.count:.2f}",
            percent(min(other.share for other in conv)),
            percent(min(other.vector_share for other in conv)),
        ])
    return table(columns, lines)
