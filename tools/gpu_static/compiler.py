"""From OpenCL C to the instructions of a GPU, by the compilers that its maker's driver is built on."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

CLANG = "clang-19"
LIBCLC = Path("/usr/lib/clc")
VENV = Path("target/ci-venv/bin")

FLAGS = (
    "-x cl -cl-std=CL1.2 -O3 -cl-mad-enable -Wno-override-module -Wno-linker-warnings"
    " -Xclang -finclude-default-header -Xclang -fdeclare-opencl-builtins -S"
).split()


class Failed(Exception):
    """A kernel does not compile; the text is the compiler's."""


@dataclass
class Function:
    """A kernel function of a compiled file."""

    name: str
    registers: int
    spilled: int  # bytes (NVIDIA) or registers (AMD)
    stack_bytes: int
    local_bytes: int
    items: int = 0  # work-items of a group, where the compiler tells
    lines: list = field(default_factory=list)  # ("label", name) or ("code", text)


def tool(name):
    """Path of a program, on the path or where `./setup --ci` puts it; None where it is not."""
    found = shutil.which(name)
    if not found and os.access(VENV / name, os.X_OK):
        found = str(VENV / name)
    return found


def missing():
    """What is not installed, as one line; empty where all is there."""
    tools = [name for name in (CLANG, "ptxas", "nvdisasm") if not tool(name)]
    if not (LIBCLC / "nvptx64--nvidiacl.bc").exists():
        tools.append("libclc-19")
    return ", ".join(tools)


def versions():
    """Names and versions of the compilers."""
    first = lambda name: run([tool(name), "--version"]).splitlines()
    cuda = lambda name: re.search(r"V([\d.]+)", " ".join(first(name))).group(1)
    clang = re.search(r"version ([\d.]+)", first(CLANG)[0]).group(1)
    return {"clang": clang, "ptxas": cuda("ptxas"), "nvdisasm": cuda("nvdisasm")}


def run(command):
    """What a command prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failed(done.stdout.strip())
    return done.stdout


def compile(build, target):
    """The kernel functions of a build for a target."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.cl"
        source.write_text(build["source"])
        # `-D RESTRICT=` is two words for a driver and two arguments for clang.
        options = [*FLAGS, *build["options"].split()]
        make = nvidia if target.maker == "nvidia" else amd
        return make(target.name, source, options)


def clang(options, triple, builtins, source, to):
    link = ["-Xclang", "-mlink-builtin-bitcode", "-Xclang", str(LIBCLC / builtins)]
    run([CLANG, *options, "-target", triple, *link, "-o", str(to), str(source)])


def nvidia(target, source, options):
    ptx, cubin = source.with_suffix(".ptx"), source.with_suffix(".cubin")
    options = [*options, "-Xclang", "-target-cpu", "-Xclang", target]
    clang(options, "nvptx64-nvidia-nvcl", "nvptx64--nvidiacl.bc", source, ptx)
    report = run([tool("ptxas"), f"-arch={target}", "-v", str(ptx), "-o", str(cubin)])
    functions = {}
    for part in report.split("Compiling entry function")[1:]:
        number = lambda pattern: int((re.search(pattern, part) or [0, 0])[1])
        name = re.match(r" '(\w+)'", part).group(1)
        functions[name] = Function(
            name=name,
            registers=number(r"Used (\d+) registers"),
            spilled=number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads"),
            stack_bytes=number(r"(\d+) bytes stack frame"),
            local_bytes=number(r"(\d+) bytes smem"),
        )
    return sass(run([tool("nvdisasm"), "-c", str(cubin)]), functions)


def sass(text, functions):
    """Gives functions their lines of a disassembly."""
    function = None
    for line in text.splitlines():
        if section := re.match(r"\s*\.section\s+(\S+?),", line):
            name = section.group(1).removeprefix(".text.")
            function = functions.get(name) if section.group(1).startswith(".text.") else None
        elif not function:
            continue
        elif label := re.match(r"\s*(\.L\w*):", line):
            function.lines.append(("label", label.group(1)))
        elif code := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;", line):
            function.lines.append(("code", code.group(1).lstrip("{ ")))
    return list(functions.values())


def amd(target, source, options):
    to, builtins = source.with_suffix(".s"), f"{target}-amdgcn--.bc"
    options = [*options, f"-mcpu={target}", "-nogpulib"]
    text = ""
    # libclc has some functions only for a system whose compiler counts scratch, but no spills.
    for system in ("amdgcn-amd-amdhsa", "amdgcn--"):
        try:
            clang(options, system, builtins, source, to)
        except Failed as error:
            if "non-hsa intrinsic" not in str(error):
                raise
            continue
        text = to.read_text()
        if "s_swappc" not in text:
            return assembly(text)
    called = re.search(r"(_Z\w+)@", text)
    raise Failed(f"calls {called.group(1) if called else 'a function'}, which libclc has not")


def assembly(text):
    """The kernel functions of a compiler's assembly."""
    functions = []
    told = metadata(text)
    for part in re.split(r"\n\s*\.globl\s+", text)[1:]:
        name = re.match(r"\w+", part).group(0)
        body, _, facts = part.partition(".Lfunc_end")
        number = lambda key: int((re.search(rf"; {key}: (\d+)", facts) or [0, 0])[1])
        functions.append(
            Function(
                name=name,
                registers=number("TotalNumVgprs") or number("NumVgprs"),
                spilled=told(name, "sgpr_spill_count") + told(name, "vgpr_spill_count"),
                stack_bytes=number("ScratchSize"),
                local_bytes=number("LDSByteSize"),
                items=told(name, "max_flat_workgroup_size"),
                lines=list(body_lines(body)),
            )
        )
    return functions


def metadata(text):
    """What the end of an assembly tells of its kernels: a number by kernel and key, 0 without one."""
    kernels = re.split(r"\n  - ", text.partition("amdhsa.kernels:")[2])
    by_name = {m.group(1): part for part in kernels if (m := re.search(r"\n    \.name:\s+(\w+)", part))}

    def number(name, key):
        found = re.search(rf"\.{key}:\s+(\d+)", by_name.get(name, ""))
        return int(found.group(1)) if found else 0

    return number


def body_lines(body):
    for line in body.splitlines()[1:]:
        code = line.split(";")[0].strip()
        if label := re.match(r"(\.LBB\w+):", code):
            yield "label", label.group(1)
        elif code and not code.startswith(".") and not code.endswith(":"):
            yield "code", code
