#!/usr/bin/env python3
"""Holds the networks of a contender in Python against the golden trajectories.

    python contenders/golden.py pytorch [--device cuda-0] [--compile] [--threads 8]

`tests/golden/trajectories.json` says what eight small trainings give in binary64. The contender, the
file of that name beside this one, trains each of them in binary32 from the same parameters on the same
batches. Compared are the loss of every step, the norm of every gradient of the first step, and the norm and
the sum of every parameter after the last step. The first step is also prepared, run three times and read
back as the benchmark does it, through files: it has to give the same loss and gradients, and the parameters
that one step gives, every time.

One line a case says how far off the worst number is, as a share of what is accepted, and which it is.
The exit code is 1 if any is off. A contender offers

    prepare(device, workload, shape, dtype, threads, inputs), which serves the protocol, and
    training(workload, shape, device, parameters), whose result has `step(batch, labels)`, which returns the
    loss of before the update, `gradients()` and `parameters()`, lists of arrays in declaration order

and both take `compiled=True` where it knows --compile. Needs NumPy.
"""

import argparse
import importlib.util
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import protocol  # before its folder goes from the path, so that contenders find it loaded

import numpy as np

HERE = Path(__file__).resolve().parent
TRAJECTORIES = HERE.parent / "tests" / "golden" / "trajectories.json"

# What is accepted, as a share of the number; of a sum of n elements, as a share of their norm times the
# root of n. In binary32, ten orders of summation moved losses by up to 5.4e-7 and norms by up to 1.9e-6,
# while the smallest mistake tried (a layer norm with eps 1e-6) moves a gradient by 6e-6. Parameters add up
# the errors of all steps; sums cancel, so they are never compared with themselves.
LOSS, GRADIENT, NORM, SUM = 5e-6, 5e-6, 1e-5, 1e-5
# The bias of the keys has no effect on the loss: its gradient is rounding noise, by which Adam moves it.
KEY_BIAS_NORM, KEY_BIAS_SUM = 3e-4, 5e-4

FIRST_BATCH = 1_000_000  # the tensor number of the first batch; parameters count from 0


def mix(z):
    """splitmix64's output function on an array of uint64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits(seed, tensor, count):
    """The first 24-bit integers of a stream."""
    key = mix(np.uint64(seed) ^ mix(np.array([tensor], np.uint64)))
    counter = np.arange(1, count + 1, dtype=np.uint64)
    return mix(key + counter * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)


def uniform(seed, tensor, shape, bound):
    """Binary32 values from -bound to bound."""
    signed = bits(seed, tensor, math.prod(shape)).astype(np.int64) - (1 << 23)
    return (signed.astype(np.float32) * np.float32(2**-23) * np.float32(bound)).reshape(shape)


def initial(case):
    """The parameters before the first step."""
    values = []
    for tensor, (name, after) in enumerate(case["parameters_after"].items()):
        shape = after["shape"]
        if "norm" in name:
            values.append(np.full(shape, name.endswith("weight"), np.float32))
            continue
        if len(shape) > 1:  # a bias takes this from the weight before it
            inputs = math.prod(shape[1:])
        values.append(uniform(case["seed"], tensor, shape, 1 / math.sqrt(inputs)))
    return values


def mini_batch(case, step):
    """The batch of a step and its labels."""
    axes, tensor = case["axes"], FIRST_BATCH + 2 * step
    shape = {
        "mlp": lambda batch, inputs, **_: (batch, inputs),
        "cnn": lambda batch, image, **_: (batch, 3, image, image),
        "lstm": lambda batch, seq, hidden, **_: (seq, batch, hidden),
        "transformer": lambda batch, seq, d_model, **_: (batch, seq, d_model),
    }[case["network"]](**axes)
    labels = bits(case["seed"], tensor + 1, axes["batch"]) * np.uint64(axes["classes"]) >> np.uint64(24)
    return uniform(case["seed"], tensor, shape, math.sqrt(3)), labels.astype(np.int32)


def norm(values):
    return float(np.linalg.norm(np.asarray(values, np.float64)))


class Comparison:
    """Keeps the worst deviation as a share of what is accepted, and where it was."""

    def __init__(self):
        self.worst, self.where = 0.0, "nothing compared"

    def add(self, where, got, expected, accepted):
        share = abs(got - expected) / accepted
        if not share <= self.worst:  # this way round, a NaN is the worst
            self.worst, self.where = share, where

    def loss(self, where, got, expected):
        self.add(where, got, expected, LOSS * expected)

    def gradients(self, where, gradients, case):
        for (name, expected), gradient in matched(case["gradient_l2_step0"].items(), gradients):
            self.add(f"{where} gradient {name}", norm(gradient), expected, GRADIENT * expected)

    def final(self, parameters, case):
        for (name, golden), values in matched(case["parameters_after"].items(), parameters):
            norm_share, sum_share = (KEY_BIAS_NORM, KEY_BIAS_SUM) if "qkv.bias" in name else (NORM, SUM)
            self.add(f"final norm {name}", norm(values), golden["l2"], norm_share * golden["l2"])
            scale = golden["l2"] * math.sqrt(math.prod(golden["shape"]))
            self.add(f"final sum {name}", np.sum(values, dtype=np.float64), golden["sum"], sum_share * scale)

    def parameters(self, where, parameters, others, case):
        """Element by element, against parameters of the same contender."""
        for name, values, other in matched(case["parameters_after"], parameters, others):
            values, other = values.ravel(), other.ravel()
            if "qkv.bias" in name:  # noise may move the keys' third either way
                values, other = (np.delete(v, slice(v.size // 3, 2 * v.size // 3)) for v in (values, other))
            self.add(f"{where} parameter {name}", norm(values - other), 0, NORM * norm(other))


def matched(*lists):
    """`zip` for lists that must be of one length."""
    lengths = [len(items) for items in lists]
    if len(set(lengths)) > 1:
        raise ValueError(f"lists that should match have the lengths {lengths}")
    return zip(*lists)


def prepare(contender, case, options, folder):
    """The first step as the benchmark prepares it."""
    tensors = [*initial(case), *mini_batch(case, 0)]
    paths = [os.path.join(folder, f"input-{i}") for i in range(len(tensors))]
    for path, values in zip(paths, tensors):
        values.tofile(path)
    where, what = options.device, "train-" + case["network"]
    return contender.prepare(where, what, case["axes"], "f32", options.threads, paths, **options.compiled)


def check_training(comparison, contender, case, options):
    """Takes every step. Returns the parameters after the first."""
    where, what = options.device, "train-" + case["network"]
    training = contender.training(what, case["axes"], where, initial(case), **options.compiled)
    for step, expected in enumerate(case["losses"]):
        comparison.loss(f"step {step} loss", training.step(*mini_batch(case, step)), expected)
        if step == 0:
            comparison.gradients("step 0", training.gradients(), case)
            after_one = training.parameters()
    comparison.final(training.parameters(), case)
    return after_one


def check_runs(comparison, prepared, case, after_one, folder):
    """Takes the first step again and again, as the benchmark does."""
    count = len(after_one)
    paths = [os.path.join(folder, f"output-{i}") for i in range(1 + 2 * count)]
    for run, scope in enumerate(("compute", "compute", "end_to_end")):
        protocol.run(prepared, scope, 1, time.perf_counter())
        protocol.write_outputs(prepared, paths)
        (loss,), *tensors = (np.fromfile(path, np.float32) for path in paths)
        comparison.loss(f"run {run} loss", loss, case["losses"][0])
        comparison.gradients(f"run {run}", tensors[:count], case)
        comparison.parameters(f"run {run}", tensors[count:], after_one, case)


def load(name):
    """A contender by its file, under a name that is no library's."""
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != HERE]
    spec = importlib.util.spec_from_file_location(f"contender_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser(description="Holds a contender's networks against golden trajectories.")
    parser.add_argument("contender", help="pytorch or tensorflow, a file beside this one")
    parser.add_argument("--device", default="cpu", help="an id that the contender lists (cpu)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="for the cpu (all)")
    parser.add_argument("--compile", action="store_true", help="let the contender compile its networks")
    options = parser.parse_args()
    options.compiled = {"compiled": True} if options.compile else {}
    contender = load(options.contender)
    right = True
    for case in json.loads(TRAJECTORIES.read_text())["cases"]:
        comparison = Comparison()
        with tempfile.TemporaryDirectory() as folder:
            prepared = prepare(contender, case, options, folder)  # first: TensorFlow fixes its threads here
            after_one = check_training(comparison, contender, case, options)
            check_runs(comparison, prepared, case, after_one, folder)
        axes = " ".join(f"{axis}={size}" for axis, size in case["axes"].items())
        verdict = "right" if comparison.worst <= 1 else "OFF"
        title = f"{case['network']} {axes}"
        print(f"{verdict:5} {comparison.worst:8.3f}  {title}: {comparison.where}", flush=True)
        right &= comparison.worst <= 1
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
