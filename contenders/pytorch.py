#!/usr/bin/env python3
"""PyTorch as a contender, called as an experienced PyTorch user calls it.

    python contenders/pytorch.py [--compile] [--steady-allocator]

It serves gemm, gemv, the three convolution passes and the four training steps on the processor (`cpu`), on
CUDA and ROCm devices (`cuda-0`, ...) and on Apple's (`mps`). It needs PyTorch 2.4 or newer, nothing else.

Binary32 products everywhere: TF32 and oneDNN's reduced precisions are off. cuDNN tries its algorithms
while a case is prepared. Results are allocated at every call, as PyTorch does unless told otherwise.
End to end, operands come from and results go to pageable memory that was allocated before. Tensors are
in PyTorch's default layout but for train-cnn on the processor, where channels last is the faster one.

--compile gives every workload to torch.compile, which ends its work before the first run; what PyTorch
compiles to a call of a library anyway (gemm, convolution, the LSTM) stays that. On the processor it needs
a C++ compiler. --steady-allocator makes glibc keep freed memory, also blocks over 32 MB, which otherwise
go back to the system and come as new pages, cleared, at the next call. The name that the program gives
itself says which of the two are on.
"""

import argparse
import ctypes
import os
import platform
import sys
import time
from functools import partial

from protocol import Unsupported, cpu_name, serve

# Else torch.compile leaves a pool of worker processes beside the runs that are timed.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ModuleNotFoundError:
    sys.exit("pytorch.py: PyTorch is missing: pip install torch (any venv will do)")

DTYPES = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16}

torch.set_float32_matmul_precision("highest")
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
if hasattr(torch.backends, "fp32_precision"):  # newer releases: one switch for every library
    torch.backends.fp32_precision = "ieee"
torch.backends.cudnn.benchmark = True


# Gemm and convolution. Each function takes the shape of a workload and returns the shapes of the operands
# as they are stored, the function to call and what makes its arguments of the stored operands. No operand
# asks for a gradient, so PyTorch records nothing; entering inference_mode at every call would cost 2 us.


def gemm(shape):
    m, n, k, ta, tb = (shape[axis] for axis in ("m", "n", "k", "ta", "tb"))
    stored = [(k, m) if ta else (m, k), (n, k) if tb else (k, n)]
    batch = shape.get("batch", 1)
    if batch > 1:
        stored = [(batch, *sizes) for sizes in stored]
    return stored, torch.bmm if batch > 1 else torch.mm, lambda a, b: (a.mT if ta else a, b.mT if tb else b)


def gemv(shape):
    m, n, ta = (shape[axis] for axis in ("m", "n", "ta"))
    return [(n, m) if ta else (m, n), (n,)], torch.mv, lambda a, x: (a.T if ta else a, x)


def conv_fprop(shape):
    x, w, _, stride, padding, dilation, groups = convolution(shape)

    def forward(x, w):
        return F.conv2d(x, w, None, stride, padding, dilation, groups)

    return [x, w], forward, lambda x, w: (x, w)


def conv_dgrad(shape):
    x_shape, w, dy, *rest = convolution(shape)

    def backward(dy, x, w):
        return convolution_backward(dy, x, w, rest, (True, False, False))[0]

    # x lends its shape, nothing is read from it
    return [dy, w], backward, lambda dy, w: (dy, dy.new_empty(x_shape), w)


def conv_wgrad(shape):
    x, w_shape, dy, *rest = convolution(shape)

    def backward(dy, x, w):
        return convolution_backward(dy, x, w, rest, (False, True, False))[1]

    return [dy, x], backward, lambda dy, x: (dy, x, dy.new_empty(w_shape))


def convolution(shape):
    """The shapes of x, w and y; stride, padding and dilation as pairs; groups."""
    n, c, h, w, k, r, s, groups = (shape[axis] for axis in ("n", "c", "h", "w", "k", "r", "s", "groups"))
    pairs = [(shape[name + "_h"], shape[name + "_w"]) for name in ("stride", "pad", "dilation")]
    p, q = (
        (size + 2 * padding - dilation * (taps - 1) - 1) // stride + 1
        for size, taps, stride, padding, dilation in zip((h, w), (r, s), *pairs)
    )
    return (n, c, h, w), (k, c // groups, r, s), (n, k, p, q), *pairs, groups


def convolution_backward(dy, x, w, rest, wanted):
    """What autograd calls, with the gradients that it asks for."""
    stride, padding, dilation, groups = rest
    no_bias, not_transposed, output_padding = None, False, (0, 0)
    return torch.ops.aten.convolution_backward.default(
        dy, x, w, no_bias, stride, padding, dilation, not_transposed, output_padding, groups, wanted
    )


# The networks that are trained, their modules in the order in which parameters are declared.


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, fused=True)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8, fused=True)


class Mlp(nn.Sequential):
    optimizer = staticmethod(sgd)
    batch_shape = staticmethod(lambda shape: (shape["batch"], shape["inputs"]))

    def __init__(self, shape):
        widths = [shape["inputs"]] + [shape["width"]] * shape["depth"]
        hidden = [(nn.Linear(i, o), nn.ReLU(inplace=True)) for i, o in zip(widths, widths[1:])]
        super().__init__(*sum(hidden, ()), nn.Linear(shape["width"], shape["classes"]))


class Cnn(nn.Sequential):
    optimizer = staticmethod(sgd)
    batch_shape = staticmethod(lambda shape: (shape["batch"], 3, shape["image"], shape["image"]))

    def __init__(self, shape):
        c = shape["channels"]
        layers = []
        for k, (i, o) in enumerate(((3, c), (c, c), (c, 2 * c), (2 * c, 4 * c))):
            layers.append(nn.Conv2d(i, o, 3, padding=1, bias=False))
            layers += [nn.BatchNorm2d(o, track_running_stats=False), nn.ReLU(inplace=True)]
            if k > 0:
                layers.append(nn.MaxPool2d(2))
        features = 4 * c * (shape["image"] // 8) ** 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(features, shape["classes"]))


class Lstm(nn.Module):
    optimizer = staticmethod(sgd)
    batch_shape = staticmethod(lambda shape: (shape["seq"], shape["batch"], shape["hidden"]))

    def __init__(self, shape):
        super().__init__()
        self.lstm = nn.LSTM(shape["hidden"], shape["hidden"])
        self.head = nn.Linear(shape["hidden"], shape["classes"])

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.head(h[-1])


class Transformer(nn.Module):
    optimizer = staticmethod(adam)
    batch_shape = staticmethod(lambda shape: (shape["batch"], shape["seq"], shape["d_model"]))

    def __init__(self, shape):
        super().__init__()
        d = shape["d_model"]
        self.blocks = nn.Sequential(*(Block(d, shape["heads"]) for _ in range(shape["layers"])))
        self.head = nn.Linear(d, shape["classes"])

    def forward(self, x):
        return self.head(self.blocks(x).mean(1))


class Block(nn.Module):
    """A pre-norm encoder block."""

    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.qkv, self.out = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.norm2, self.up, self.down = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        x = x + self.out(self.attention(self.norm1(x)))
        return x + self.down(F.gelu(self.up(self.norm2(x))))

    def attention(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


NETWORKS = {"train-mlp": Mlp, "train-cnn": Cnn, "train-lstm": Lstm, "train-transformer": Transformer}


class Training:
    """A network with its optimiser, which takes one step a mini-batch."""

    def __init__(self, network, shape, device, parameters, compiled):
        self.device, self.batch_shape = device, network.batch_shape(shape)
        channels_last = network is Cnn and device.type == "cpu"
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.model = network(shape).to(device, memory_format=self.layout)
        self.weights = list(self.model.parameters())
        if len(parameters) != len(self.weights):
            raise ValueError(f"{len(parameters)} parameters for a network that has {len(self.weights)}")
        with torch.no_grad():
            for weight, values in zip(self.weights, parameters):
                weight.copy_(torch.as_tensor(values).view(weight.shape))
        self.initial = [weight.detach().clone() for weight in self.weights]
        self.loss = torch.compile(loss, dynamic=False) if compiled else loss
        self.optimizer = network.optimizer(self.weights)
        # A step on gradients of zero allocates the optimiser's state, so that no step timed does.
        for weight in self.weights:
            weight.grad = torch.zeros_like(weight)
        self.optimizer.step()
        self.state = [tensor for state in self.optimizer.state.values() for tensor in state.values()]
        self.reset()

    def reset(self):
        """Back to the initial parameters and, all zeros, the state of an optimiser before its first step."""
        with torch.no_grad():
            torch._foreach_copy_(self.weights, self.initial)
            torch._foreach_zero_(self.state)

    def arrange(self, batch, labels):
        """A mini-batch as it is uploaded."""
        batch = torch.as_tensor(batch).view(self.batch_shape).contiguous(memory_format=self.layout)
        return batch, torch.as_tensor(labels).long()

    def advance(self, batch, labels):
        """One step on a mini-batch that lies on the device; the loss, of before the update, stays there."""
        self.optimizer.zero_grad(set_to_none=True)
        value = self.loss(self.model, batch, labels)
        value.backward()
        self.optimizer.step()
        return value.detach()

    def step(self, batch, labels):
        """One step on a mini-batch from anywhere; returns the loss as a number."""
        return self.advance(*(tensor.to(self.device) for tensor in self.arrange(batch, labels))).item()

    def gradients(self):
        """The gradients of the last step in declaration order, as NumPy arrays."""
        return [weight.grad.cpu().numpy().copy() for weight in self.weights]

    def parameters(self):
        """The parameters as they are now, in declaration order, as NumPy arrays."""
        return [weight.detach().cpu().numpy().copy() for weight in self.weights]


def loss(model, batch, labels):
    return F.cross_entropy(model(batch), labels)


def training(workload, shape, device, parameters, compiled=False):
    """The training of a workload on the device with this id, from these parameters."""
    return Training(NETWORKS[workload], shape, find_device(device), parameters, compiled)


class Case:
    """A prepared case. Each of the two kinds adds `compute`, `end_to_end` and `results`."""

    def __init__(self, device):
        self.gpu = None if device.type == "cpu" else getattr(torch, device.type)  # torch.cuda, torch.mps
        self.threads = None if self.gpu else torch.get_num_threads()
        self.events = None
        if device.type == "cuda":
            self.events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]

    def run(self, scope):
        """Computes once and waits for the end. Returns the seconds between two events where there are any."""
        if self.gpu is None:  # nothing to move and nothing to wait for
            return self.compute()
        if scope == "end_to_end" or self.events is None:
            self.compute() if scope == "compute" else self.end_to_end()
            return self.gpu.synchronize()
        start, end = self.events
        start.record()
        self.compute()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    def outputs(self):
        return [raw(tensor) for tensor in self.results()]

    def __del__(self):
        gpu = self.gpu
        vars(self).clear()
        if gpu:  # what the tensors leave to PyTorch's own allocator goes back to the device
            gpu.empty_cache()


class Operation(Case):
    """A gemm, a gemv or a convolution."""

    def __init__(self, operation, shape, dtype, device, inputs, compiled):
        super().__init__(device)
        stored, function, arguments = operation(shape)
        self.host = [read(path, dtype).view(sizes) for path, sizes in zip(inputs, stored)]
        self.resident = [tensor.to(device) for tensor in self.host]
        self.arguments = arguments(*self.resident)
        self.function = torch.compile(function, dynamic=False) if compiled else function
        self.compute()
        self.landing = torch.empty_like(self.result, device="cpu")

    def compute(self):
        self.result = None  # first, so that its memory can serve the next result
        self.result = self.function(*self.arguments)

    def end_to_end(self):
        upload(self.host, self.resident)
        self.compute()
        self.landing.copy_(self.result)

    def results(self):
        return [self.result]


class Step(Case):
    """A training step."""

    def __init__(self, network, shape, dtype, device, inputs, compiled):
        super().__init__(device)
        *parameters, batch, labels = inputs
        parameters = [read(path, dtype) for path in parameters]
        self.training = Training(network, shape, device, parameters, compiled)
        self.host = self.training.arrange(read(batch, dtype), read(labels, torch.int32))
        self.resident = [tensor.to(device) for tensor in self.host]
        self.compute()

    def restore(self):
        self.training.reset()
        if self.gpu:
            self.gpu.synchronize()

    def compute(self):
        self.loss = self.training.advance(*self.resident)

    def end_to_end(self):
        upload(self.host, self.resident)
        self.compute()
        self.loss.item()

    def results(self):
        weights = self.training.weights
        return [self.loss, *(weight.grad for weight in weights), *weights]


def upload(host, resident):
    for source, target in zip(host, resident):
        target.copy_(source)


def read(path, dtype):
    """The numbers of a tensor file, in memory that PyTorch allocated."""
    return torch.from_file(path, size=os.path.getsize(path) // dtype.itemsize, dtype=dtype).clone()


def raw(tensor):
    """The numbers of a tensor in row-major order, with the buffer interface."""
    numbers = bytearray(tensor.element_size() * tensor.numel())
    torch.frombuffer(numbers, dtype=tensor.dtype).view(tensor.shape).copy_(tensor.detach())
    return numbers


OPERATIONS = {
    "gemm": gemm,
    "gemv": gemv,
    "conv-fprop": conv_fprop,
    "conv-dgrad": conv_dgrad,
    "conv-wgrad": conv_wgrad,
}
WORKLOADS = {
    **{name: partial(Operation, operation) for name, operation in OPERATIONS.items()},
    **{name: partial(Step, network) for name, network in NETWORKS.items()},
}


def prepare(device, workload, shape, dtype, threads, inputs, compiled=False, steady=False):
    """A case for the protocol, which has computed once: what is tuned or compiled is tuned and compiled."""
    if workload not in WORKLOADS:
        raise Unsupported(f"no workload {workload}; there are {', '.join(WORKLOADS)}")
    if dtype != "f32" and workload not in ("gemm", "gemv"):
        raise Unsupported(f"no {workload} in {dtype}, only gemm and gemv")
    if (device, dtype) == ("mps", "f64"):
        raise Unsupported("Apple's GPUs have no f64")
    torch.set_num_threads(threads)
    if compiled:
        torch.compiler.reset()  # else what was compiled for other shapes counts towards a limit
    try:
        case = WORKLOADS[workload](shape, DTYPES[dtype], find_device(device), inputs, compiled)
    except RuntimeError as error:
        if "InvalidCxxCompiler" not in str(error):
            raise
        raise Unsupported("torch.compile finds no C++ compiler: install g++ or name one in CXX") from None
    if steady:
        settle(case)
    return case


def devices():
    """Id, kind and name of what PyTorch can compute on here."""
    listed = [("cpu", "cpu", cpu_name())]
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        listed += [(f"cuda-{i}", "gpu", torch.cuda.get_device_name(i)) for i in range(count)]
    if torch.backends.mps.is_available():
        listed.append(("mps", "gpu", f"{cpu_name()} GPU"))
    return listed


def find_device(wanted):
    """The device with this id, made the current one."""
    ids = [device for device, _, _ in devices()]
    if wanted not in ids:
        raise Unsupported(f"no device {wanted}; PyTorch finds {', '.join(ids)}")
    device = torch.device(wanted.replace("-", ":"))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def keep_freed_memory():
    """Has glibc serve big blocks from its heap as well, and return nothing of that to the system."""
    if platform.libc_ver()[0] != "glibc":
        sys.exit("pytorch.py: --steady-allocator needs glibc")
    trim_threshold, mmap_max = -1, -4  # of <malloc.h>
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, -1)


def settle(case):
    """Runs a case until ten runs in a row have found their memory in what was freed, for 5 s at most."""
    import resource  # Unix only

    calm, end = 0, time.monotonic() + 5
    while calm < 10 and time.monotonic() < end:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        case.run("compute")
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        calm = calm + 1 if faults < 100 else 0


def main():
    parser = argparse.ArgumentParser(description="PyTorch as a contender of Crossover.")
    parser.add_argument("--compile", action="store_true", help="give every workload to torch.compile")
    parser.add_argument(
        "--steady-allocator", action="store_true", help="keep freed memory for the next call (glibc, cpu)"
    )
    options = parser.parse_args()
    name = "pytorch"
    if options.compile:
        name += "-compile"
    if options.steady_allocator:
        name += "-steady"
        keep_freed_memory()
    torch.set_num_interop_threads(1)
    chosen = {"compiled": options.compile, "steady": options.steady_allocator}
    serve(name, torch.__version__, devices(), partial(prepare, **chosen), list(DTYPES))


if __name__ == "__main__":
    main()
