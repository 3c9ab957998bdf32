"""The main loop of a kernel: the strongly connected part of its control flow that does the most
multiply-adds, best one with a barrier. What is counted is one turn along the path with the most
multiply-adds, then the most loads."""

from dataclasses import dataclass

import instructions


@dataclass
class Loop:
    """One turn of a main loop."""

    count: int  # instructions
    vector_count: int  # that take the vector ALU (AMD)
    fma_count: int  # that multiply and add
    fma: int  # multiply-adds: packed and dual ones are two
    doubled: int  # multiply-adds in packed and dual instructions
    loads: dict  # count by width in bits
    local_loads: dict
    local_stores: dict
    barriers: int
    distance: float | None  # smallest share of the turn's FMAs from a load to the use of its value

    @property
    def share(self):
        """Multiply-adds of all instructions, packed and dual ones counted as two."""
        return self.fma / (self.count + self.doubled / 2)

    @property
    def vector_share(self):
        """The same of those that take the vector ALU; 0 where none is known to."""
        return self.fma / (self.vector_count + self.doubled / 2) if self.vector_count else 0.0


def code(function, maker):
    """A function's instructions, and at which of them each label stands."""
    made, labels = [], {}
    for what, text in function.lines:
        if what == "label":
            labels[text] = len(made)
        else:
            made.append(instructions.of(text, maker))
    return made, labels


def blocks_of(made, labels):
    """Basic blocks as ranges, and the blocks that may follow each."""
    count = len(made)
    starts = {0} | {at for at in labels.values() if at < count}
    starts |= {i + 1 for i, one in enumerate(made[:-1]) if one.jump or not one.goes_on}
    starts = sorted(starts)
    number = {start: i for i, start in enumerate(starts)}
    blocks = [range(s, e) for s, e in zip(starts, starts[1:] + [count])]
    following = []
    for i, block in enumerate(blocks):
        last, after = made[block[-1]], set()
        if labels.get(last.jump) in number:
            after.add(number[labels[last.jump]])
        if last.goes_on and i + 1 < len(blocks):
            after.add(i + 1)
        following.append(after)
    return blocks, following


def reachable(start, edges):
    seen, todo = {start}, [start]
    while todo:
        for other in edges[todo.pop()] - seen:
            seen.add(other)
            todo.append(other)
    return seen


def main_loop(function, maker):
    """The main loop of a function; None where no loop multiplies and adds."""
    made, labels = code(function, maker)
    blocks, following = blocks_of(made, labels)
    before = [set() for _ in blocks]
    for i, after in enumerate(following):
        for other in after:
            before[other].add(i)
    total = lambda part, value: sum(value(made[i]) for b in part for i in blocks[b])
    is_barrier = lambda one: one.kind == "barrier"
    best = None
    for b in range(len(blocks)):
        if not total([b], lambda one: one.fma):
            continue
        part = reachable(b, following) & reachable(b, before)
        if len(part) == 1 and b not in following[b]:
            continue
        merit = (total(part, is_barrier) > 0, total(part, lambda one: one.fma))
        if best is None or merit > best[0]:
            best = (merit, part)
    if best is None:
        return None
    part = best[1]
    # A turn begins at a barrier's block, so that a path through the loop has one turn.
    with_barrier = [b for b in sorted(part) if total([b], is_barrier)]
    head = with_barrier[0] if with_barrier else min(part)
    path = longest(head, part, following, lambda b: weight([made[i] for i in blocks[b]]))
    return counted([made[i] for b in path for i in blocks[b]])


def weight(block):
    fma = sum(one.fma for one in block)
    loaded = sum(one.width for one in block if one.kind in ("load", "local_store"))
    return fma, loaded, -len(block)


def longest(head, part, following, weight_of):
    """The heaviest path from a block through a part and back to it."""
    best, under_way = {}, set()

    def walk(block):
        if block in best:
            return best[block]
        under_way.add(block)
        ways = []
        for after in following[block] & part:
            if after == head:
                ways.append(((0, 0, 0), []))
            elif after not in under_way and (way := walk(after)):
                ways.append(way)
        under_way.discard(block)
        found = None
        if ways:
            length, rest = max(ways)
            found = (tuple(map(sum, zip(weight_of(block), length))), [block, *rest])
        best[block] = found
        return found

    return walk(head)[1]


def counted(turn):
    by_width = lambda kind: {
        width: sum(one.kind == kind and one.width == width for one in turn)
        for width in sorted({one.width for one in turn if one.kind == kind}, reverse=True)
    }
    fma = sum(one.fma for one in turn)
    return Loop(
        count=len(turn),
        vector_count=sum(one.vector for one in turn),
        fma_count=sum(one.kind == "fma" for one in turn),
        fma=fma,
        doubled=sum(one.fma for one in turn if one.fma == 2),
        loads=by_width("load"),
        local_loads=by_width("local_load"),
        local_stores=by_width("local_store"),
        barriers=sum(one.kind == "barrier" for one in turn),
        distance=distance(turn, fma),
    )


def distance(turn, fma):
    """The smallest share of the turn's FMAs between a global load and what needs its value: the local
    store of it, or a wait for all loads. Loads whose values are not stored don't count."""
    shares = []
    for at, load in enumerate(turn):
        if load.kind != "load":
            continue
        done, waited = 0, None
        for later in turn[at + 1 :] + turn[:at]:
            if later.kind == "local_store" and later.reads & load.writes:
                shares.append((done if waited is None else waited) / fma)
                break
            if later.kind == "wait" and waited is None:
                waited = done
            if later.kind == "load" and later.writes & load.writes:
                break
            done += later.fma
    return min(shares, default=None)
