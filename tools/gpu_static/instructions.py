"""What an instruction does, as far as the table of kernels counts it."""

import re
from dataclasses import dataclass


@dataclass
class Instruction:
    """One instruction. `fma` is how many multiply-adds it does: two where it is packed or dual."""

    text: str
    operation: str
    kind: str = "other"  # fma, load, local_load, local_store, spill, barrier, wait
    width: int = 0  # bits of a load or store
    fma: int = 0
    vector: bool = False  # takes the vector ALU (AMD)
    jump: str = ""  # label that it may go to
    goes_on: bool = True  # whether the next instruction may follow
    writes: frozenset = frozenset()  # registers of a load's result
    reads: frozenset = frozenset()  # registers of a local store


def of(text, maker):
    """Reads one instruction."""
    return nvidia(text) if maker == "nvidia" else amd(text)


def nvidia(text):
    predicated = re.match(r"@!?U?P\w+\s+(.*)", text)
    text = predicated.group(1) if predicated else text
    operation = text.split()[0]
    made = Instruction(text, operation)
    is_ = operation.startswith
    width = 128 if ".128" in operation else 64 if ".64" in operation else 32
    if is_("FFMA"):
        made.kind, made.fma = "fma", 2 if is_("FFMA2") else 1
    elif is_("LDG") or is_("LD.E"):
        made.kind, made.width = "load", width
        made.writes = numbers(text.split()[1], r"R(\d+)", width)
    elif is_("STG"):
        made.kind, made.width = "store", width
    elif is_("LDS"):
        made.kind, made.width = "local_load", width
    elif is_("STS"):
        made.kind, made.width = "local_store", width
        made.reads = frozenset(int(n) for n in re.findall(r"\bR(\d+)\b", text))
    elif is_("LDL") or is_("STL"):
        made.kind = "spill"
    elif is_("BAR"):
        made.kind = "barrier"
    elif is_("BRA") or is_("CALL.REL"):
        # A far branch is a CALL.REL.NOINC.
        label = re.search(r"`\((\.L\w*)\)", text)
        made.jump = label.group(1) if label else ""
        conditional = predicated or re.match(r"BRA\S*\s+!?U?P\d|BRA\.(DIV|CONV)", text)
        made.goes_on = bool(conditional)
    elif is_("EXIT") or is_("RET"):
        made.goes_on = bool(predicated)
    return made


def amd(text):
    operation = text.split()[0]
    made = Instruction(text, operation, vector=operation.startswith("v_"))
    is_ = operation.startswith
    if is_("v_dual_"):
        made.fma = len(re.findall(r"v_dual_fma(?:c|ak|mk)_f32", text))
    elif is_("v_pk_fma_f32"):
        made.fma = 2
    elif re.match(r"v_(fma|fmac|mac|mad|fmaak|fmamk)_f32", operation):
        made.fma = 1
    elif is_("scratch_") or (is_("buffer_") and "s[0:3]" in text):
        made.kind = "spill"
    elif re.match(r"(global|buffer|flat)_load", operation):
        made.kind, made.width = "load", memory_width(operation)
        made.writes = numbers(text.split()[1], r"v\[?(\d+)", made.width)
    elif re.match(r"(global|buffer|flat)_store", operation):
        made.kind, made.width = "store", memory_width(operation)
    elif re.match(r"ds_(read|load)", operation):
        made.kind, made.width = "local_load", local_width(operation)
    elif re.match(r"ds_(write|store)", operation):
        made.kind, made.width = "local_store", local_width(operation)
        for first, last in re.findall(r"\bv\[?(\d+)(?::(\d+))?", text):
            made.reads |= frozenset(range(int(first), int(last or first) + 1))
    elif is_("s_barrier"):
        made.kind = "barrier"
    elif is_("s_waitcnt") and "vmcnt(0)" in text:
        made.kind = "wait"
    elif is_("s_branch") or is_("s_cbranch"):
        made.jump, made.goes_on = text.split()[1], is_("s_cbranch")
    elif is_("s_endpgm") or is_("s_setpc"):
        made.goes_on = False
    if made.fma:
        made.kind = "fma"
    return made


def memory_width(operation):
    for word, width in (("x4", 128), ("b128", 128), ("x3", 96), ("b96", 96), ("x2", 64), ("b64", 64)):
        if word in operation:
            return width
    return 32


def local_width(operation):
    pair = 2 if "read2" in operation or "write2" in operation or "2addr" in operation else 1
    for word in ("b128", "b96", "b64"):
        if operation.endswith(word):
            return pair * int(word[1:])
    return pair * 32


def numbers(operand, pattern, width):
    """The registers from an operand's first one on."""
    first = re.match(pattern, operand)
    return frozenset(range(int(first.group(1)), int(first.group(1)) + width // 32)) if first else frozenset()
