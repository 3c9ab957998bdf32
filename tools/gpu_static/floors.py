"""What the code of a kernel must reach at least, by kernel and target. The figures are what an
experimental kernel of the same kind reached with these compilers, less a small margin."""

import re


def missed(row):
    """What a row misses, a sentence each."""
    said = []
    if row.spilled or row.stack_bytes or row.spills:
        said.append(f"spills: {row.spilled} spilled, {row.stack_bytes} bytes of stack")
    kernel = row.build.split()
    if row.klass != row.target.klass:
        return said  # defaults that suit no one maker
    if kernel[:2] == ["gemm", "local"] and "aligned" in kernel:
        said += gemm(row)
    elif kernel[:2] == ["conv", "local"]:
        said += conv(row)
    elif re.match(r"stream|attention|lstm|norm|softmax|layernorm|gemv", row.build) and "unaligned" not in kernel:
        said += streaming(row)
    return said


def at_least(what, value, floor):
    return [] if value >= floor - 1e-9 else [f"{what} {value:.3f}, floor {floor}"]


def at_most(what, value, ceiling):
    return [] if value <= ceiling else [f"{what} {value}, at most {ceiling}"]


def only(what, widths):
    """All accesses are 128 bits wide."""
    narrow = {width: count for width, count in widths.items() if width != 128}
    return [f"{what} of {width} bits: {count}" for width, count in narrow.items()]


def gemm(row):
    """Tiles in local memory, vectors in global memory; 64 or 32 sums an item."""
    loop, target = row.loop, row.target
    if loop is None:
        return ["no loop multiplies and adds"]
    get = lambda name: int(row.parameters.get(name, 0))
    large = get("WM") * get("WN") >= 64
    whole = get("TM") * get("TN") >= 128 * 128
    share, vector_share, rate = loop.fma_count / loop.count, 0.0, loop.fma / loop.count
    if target.maker == "nvidia":
        few = 128 if row.items >= 256 else 168
        floors = at_least("FMA share", share, (0.90 if whole else 0.88) if large else 0.84)
    else:
        few = 128 if row.items >= 256 else 152
        vector_share = loop.fma_count / loop.vector_count
        by_kind = {
            "plain": ((0.84, 0.97, 0.84), (0.79, 0.96, 0.79)),
            "packed": ((0.70, 0.89, 1.40), (0.61, 0.83, 1.22)),
            "dual": ((0.73, 0.95, 1.42), (0.68, 0.94, 1.28)),
        }
        kind = "packed" if target.packed else "dual" if target.dual else "plain"
        floor = by_kind[kind][0 if large else 1]
        floors = at_least("FMA share", share, floor[0])
        floors += at_least("FMA share of the vector ALU", vector_share, floor[1])
        floors += at_least("FMA per instruction", rate, floor[2])
        if kind != "plain":
            least = 1.0 if target.packed else 0.9
            floors += at_least("share of FMAs in pairs", loop.doubled / loop.fma, least)
    floors += at_most("registers", row.registers, few)
    floors += only("global loads", loop.loads) + only("local loads", loop.local_loads)
    if large:
        floors += at_most("local loads per 1024 FMA", sum(loop.local_loads.values()) * 1024 / loop.fma, 64)
    buffers = get("DB")
    # A group that is one wave needs no barrier.
    wave = 32 if target.maker == "nvidia" else target.wave
    barriers = 0 if row.items <= wave else 1 if buffers == 2 else 2
    floors += at_most("barriers of a tile", loop.barriers, barriers)
    if buffers:
        least = 0.85 if target.maker == "nvidia" else 0.90
        floors += at_least("prefetch distance", loop.distance or 0.0, least)
    if whole:
        floors += at_least("work-groups", row.groups, 3 if target.unit == "WGP" else 2)
    return floors


def conv(row):
    """Convolutions with tiles in local memory."""
    loop = row.loop
    if loop is None:
        return ["no loop multiplies and adds"]
    if row.target.maker == "nvidia":
        floors = at_least("FMA share", loop.share, 0.80)
    else:
        floors = at_least("FMA share of the vector ALU", loop.vector_share, 0.90)
    return floors + only("local loads", loop.local_loads)


def streaming(row):
    """Kernels that stream through memory. What sums up a few partial results is none."""
    if row.function in ("dot_reduce", "gemv_sums"):
        return []
    few = "store" if row.build == "stream-dot" or row.build.startswith("gemv local ta=0") else None
    whole = [what for what in row.widest if what != few]
    return [f"global {what}s of {row.widest[what]} bits at most" for what in whole if row.widest[what] < 128]
