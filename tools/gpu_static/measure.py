"""Figures of a build's kernel functions on a target."""

from dataclasses import dataclass

import compiler
import loop as loops
from targets import Amd, Nvidia


@dataclass
class Row:
    """What became of one kernel function."""

    target: Nvidia | Amd
    klass: str
    build: str
    function: str
    parameters: dict
    registers: int
    spilled: int
    stack_bytes: int
    local_bytes: int
    items: int
    groups: int  # of a multiprocessor
    spills: int  # instructions
    widest: dict  # bits of the widest global load and store
    loop: loops.Loop | None


def group_size(parameters):
    """Work-items of a group as the kernels' parameters make them."""
    get = lambda name: int(parameters.get(name, 0))
    if get("WM") and get("TM"):
        return get("TM") // get("WM") * (get("TN") // get("WN"))
    return get("WG") or get("LX") * max(get("LY"), 1) or 64


def measure(build, target):
    """A build compiled for a target, a row a kernel function."""
    words = (word for word in build["options"].split() if "=" in word)
    parameters = dict(word.split("=", 1) for word in words)
    rows = []
    for function in compiler.compile(build, target):
        made, _ = loops.code(function, target.maker)
        items = function.items or group_size(parameters)
        of = lambda kind: [one.width for one in made if one.kind == kind]
        widest = {kind: max(of(kind)) for kind in ("load", "store") if of(kind)}
        rows.append(
            Row(
                target=target,
                klass=build["class"],
                build=build["name"],
                function=function.name,
                parameters=parameters,
                registers=function.registers,
                spilled=function.spilled,
                stack_bytes=function.stack_bytes,
                local_bytes=function.local_bytes,
                items=items,
                groups=target.occupancy(function.registers, function.local_bytes, items),
                spills=len(of("spill")),
                widest=widest,
                loop=loops.main_loop(function, target.maker),
            )
        )
    return rows
