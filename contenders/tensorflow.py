#!/usr/bin/env python3
"""TensorFlow as a contender, called as an experienced TensorFlow user calls it.

    python contenders/tensorflow.py [--xla]

It serves gemm, gemv, the three convolution passes and the four training steps on the processor (`cpu`) and on
CUDA and ROCm devices (`gpu-0`, ...). It needs TensorFlow 2.12 or newer, nothing else.

Binary32 products everywhere: TF32 is off. Gemm and convolution are eager operations, which have the least
overhead; a training step is one tf.function. TensorFlow takes its device and its threads once, so the first
`prepare` sets them for the life of the process. oneDNN computes on processors for which TensorFlow chooses
it; on others convolutions are transposed to NHWC and back, and that counts.

--xla compiles every workload with XLA before its first run.
"""

import argparse
import os
import sys
from functools import partial
from types import SimpleNamespace

from protocol import Unsupported, cpu_name, serve

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # warnings and errors only


def import_tensorflow():
    """The package: this file bears its name, and a script's folder comes first on the path."""
    path, here = sys.path[:], os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [folder for folder in path if os.path.realpath(folder) != here]
    try:
        import tensorflow
    except ImportError as error:
        sys.exit(f"tensorflow.py: {error}. Install TensorFlow: pip install tensorflow (any venv will do)")
    finally:
        sys.path[:] = path
    return tensorflow


tf = import_tensorflow()
import numpy as np  # noqa: E402 (TensorFlow brings it along, so that is missed first)

raw = tf.raw_ops
tf.config.experimental.enable_tensor_float_32_execution(False)


# Gemm and convolution. Each function takes the axes of a workload, and whether kernels of the processor
# compute it rather than a GPU or XLA. It returns the shapes of the operands as they are stored, and functions
# of them: the first for which TensorFlow has kernels is used.


def gemm(axes, cpu_kernels):
    m, n, k, ta, tb = axes.m, axes.n, axes.k, bool(axes.ta), bool(axes.tb)
    stored = [(k, m) if ta else (m, k), (n, k) if tb else (k, n)]
    batch = getattr(axes, "batch", 1)
    if batch > 1:
        stored = [(batch, *sizes) for sizes in stored]
    return stored, [lambda a, b: tf.linalg.matmul(a, b, transpose_a=ta, transpose_b=tb)]


def gemv(axes, cpu_kernels):
    m, n, ta = axes.m, axes.n, bool(axes.ta)
    return [(n, m) if ta else (m, n), (n,)], [lambda a, x: tf.linalg.matvec(a, x, transpose_a=ta)]


def convolution(direction, operands, axes, cpu_kernels):
    """In NCHW, which takes no transposition, else in NHWC, which every kernel takes."""
    explicit = not cpu_kernels or direction == "fprop"
    ways = [Convolution(axes, layout, explicit) for layout in ("NCHW", "NHWC")]
    return [ways[0].stored[name] for name in operands], [getattr(way, direction) for way in ways]


class Convolution:
    """A convolution by TensorFlow's operations in a layout.

    Told an explicit padding on the processor, gradients do not come from oneDNN: they are slower and know
    neither dilation nor groups. So they are told SAME where that pads all sides alike, else VALID, and x has
    a margin that is added before or cut off after.
    """

    def __init__(self, axes, layout, explicit):
        a, self.layout = axes, layout
        size, taps, pad = (a.h, a.w), (a.r, a.s), (a.pad_h, a.pad_w)
        stride, dilation = (a.stride_h, a.stride_w), (a.dilation_h, a.dilation_w)
        span = [d * (t - 1) + 1 for d, t in zip(dilation, taps)]
        out = [(i + 2 * p - e) // s + 1 for i, p, e, s in zip(size, pad, span, stride)]
        same = all(
            o == -(-i // s) and (o - 1) * s + e - i == 2 * p
            for i, p, e, s, o in zip(size, pad, span, stride, out)
        )
        self.stored = {"x": (a.n, a.c, *size), "w": (a.k, a.c // a.groups, *taps), "y": (a.n, a.k, *out)}
        self.margin = (0, 0) if explicit or same else pad
        self.x_sizes = self.ordered(a.n, a.c, *(i + 2 * m for i, m in zip(size, self.margin)))
        self.w_sizes = (*taps, a.c // a.groups, a.k)
        self.attributes = {
            "data_format": layout,
            "strides": self.ordered(1, 1, *stride),
            "dilations": self.ordered(1, 1, *dilation),
            "padding": "EXPLICIT" if explicit else "SAME" if same else "VALID",
            "explicit_paddings": sum(self.ordered(*both_sides(pad)), ()) if explicit else [],
        }

    def fprop(self, x, w):
        return self.to_nchw(raw.Conv2D(input=self.of_nchw(x), filter=to_rsck(w), **self.attributes))

    def dgrad(self, dy, w):
        operands = {"filter": to_rsck(w), "out_backprop": self.of_nchw(dy)}
        dx = self.to_nchw(raw.Conv2DBackpropInput(input_sizes=self.x_sizes, **operands, **self.attributes))
        return tf.slice(dx, (0, 0, *self.margin), self.stored["x"]) if any(self.margin) else dx

    def wgrad(self, dy, x):
        x = tf.pad(x, both_sides(self.margin)) if any(self.margin) else x
        operands = {"input": self.of_nchw(x), "out_backprop": self.of_nchw(dy)}
        dw = raw.Conv2DBackpropFilter(filter_sizes=self.w_sizes, **operands, **self.attributes)
        return tf.transpose(dw, (3, 2, 0, 1))

    def ordered(self, n, c, h, w):
        return [n, c, h, w] if self.layout == "NCHW" else [n, h, w, c]

    def of_nchw(self, x):
        return x if self.layout == "NCHW" else tf.transpose(x, (0, 2, 3, 1))

    def to_nchw(self, x):
        return x if self.layout == "NCHW" else tf.transpose(x, (0, 3, 1, 2))


def both_sides(margin):
    return (0, 0), (0, 0), *((m, m) for m in margin)


def to_rsck(w):
    return tf.transpose(w, (2, 3, 1, 0))


# The optimisers, by TensorFlow's fused kernels.


class Momentum:
    def __init__(self, weights):
        self.state = [zeros_like(w) for w in weights]

    def apply(self, weights, gradients):
        for w, v, g in zip(weights, self.state, gradients):
            raw.ResourceApplyMomentum(var=w.handle, accum=v.handle, lr=0.01, grad=g, momentum=0.9)


class Adam:
    """The kernel would add epsilon to the root of the uncorrected second moment. So the bias corrections
    are in the rate and the epsilon that it is given, and it is told of no bias."""

    def __init__(self, weights):
        self.m, self.v = ([zeros_like(w) for w in weights] for _ in range(2))
        self.steps = tf.Variable(0.0, dtype=tf.float64)
        self.state = [*self.m, *self.v, self.steps]

    def apply(self, weights, gradients):
        beta1, beta2 = (float(np.float32(beta)) for beta in (0.9, 0.999))  # as the kernel rounds them
        step = self.steps.assign_add(1.0)
        root = tf.sqrt(1 - beta2**step)
        rate, epsilon = (tf.cast(x, tf.float32) for x in (0.001 * root / (1 - beta1**step), 1e-8 * root))
        numbers = {"beta1": beta1, "beta2": beta2, "beta1_power": 0.0, "beta2_power": 0.0, "epsilon": epsilon}
        for w, m, v, g in zip(weights, self.m, self.v, gradients):
            raw.ResourceApplyAdam(var=w.handle, m=m.handle, v=v.handle, grad=g, lr=rate, **numbers)


def zeros_like(variable):
    return tf.Variable(tf.zeros(variable.shape))


# The networks that are trained. `declare` gives the shapes of the parameters, in declaration order, and of a
# batch. `load` and `save` take parameters or gradients from the layouts declared to the variables' and back.


class Network:
    optimizer = Momentum

    def __init__(self, axes, gpu, compiled):
        self.axes, self.gpu, self.compiled = axes, gpu, compiled
        self.shapes, self.batch = self.declare(axes)

    def load(self, parameters):
        return parameters

    def save(self, values):
        return values

    def load_batch(self, batch):
        return batch


class Mlp(Network):
    def declare(self, axes):
        widths = [axes.inputs] + [axes.width] * axes.depth + [axes.classes]
        shapes = [shape for i, o in zip(widths, widths[1:]) for shape in ((o, i), (o,))]
        return shapes, (axes.batch, axes.inputs)

    def logits(self, weights, x):
        *hidden, head = layers(weights)
        for layer in hidden:
            x = tf.nn.relu(linear(x, *layer))
        return linear(x, *head)


class Cnn(Network):
    """In TensorFlow's layouts, NHWC and RSCK; the head, too, takes its features in the order NHWC."""

    def declare(self, axes):
        c, self.rest = axes.channels, axes.image // 8
        shapes = [((o, i, 3, 3), (o,), (o,)) for i, o in ((3, c), (c, c), (c, 2 * c), (2 * c, 4 * c))]
        head = [(axes.classes, 4 * c * self.rest**2), (axes.classes,)]
        return sum(shapes, ()) + (*head,), (axes.batch, 3, axes.image, axes.image)

    def load(self, parameters):
        *blocks, head, bias = parameters
        head = head.reshape(len(head), -1, self.rest, self.rest).transpose(0, 2, 3, 1).reshape(head.shape)
        return [p.transpose(2, 3, 1, 0) if p.ndim == 4 else p for p in blocks] + [head, bias]

    def save(self, values):
        *blocks, head, bias = values
        head = head.reshape(len(head), self.rest, self.rest, -1).transpose(0, 3, 1, 2).reshape(head.shape)
        return [v.transpose(3, 2, 0, 1) if v.ndim == 4 else v for v in blocks] + [head, bias]

    def load_batch(self, batch):
        return batch.transpose(0, 2, 3, 1)

    def logits(self, weights, x):
        *blocks, head, bias = weights
        for k in range(4):
            w, scale, offset = blocks[3 * k : 3 * k + 3]
            x = tf.nn.relu(self.batch_norm(tf.nn.conv2d(x, w, 1, "SAME"), scale, offset))
            if k > 0:
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        return linear(tf.reshape(x, (self.axes.batch, -1)), head, bias)

    def batch_norm(self, x, scale, offset):
        if self.compiled:  # XLA's own takes the variance as a difference of means, which costs digits
            return norm(x, (0, 1, 2), scale, offset)
        # raw, because tf.nn's makes every epsilon at least 1.001e-5
        return raw.FusedBatchNormV3(x=x, scale=scale, offset=offset, mean=[], variance=[], epsilon=1e-5).y


class Lstm(Network):
    def declare(self, axes):
        h = axes.hidden
        shapes = [(4 * h, h), (4 * h, h), (4 * h,), (4 * h,), (axes.classes, h), (axes.classes,)]
        return shapes, (axes.seq, axes.batch, h)

    def logits(self, weights, x):
        *lstm, w, b = weights
        fused = self.gpu and tf.test.is_built_with_cuda() and not self.compiled
        return linear(self.cudnn(x, *lstm) if fused else self.loop(x, *lstm), w, b)

    def cudnn(self, x, *lstm):
        """By cuDNN, which has gates, weights and biases in the order declared."""
        seq, batch, hidden = self.batch
        packed = tf.concat([tf.reshape(w, [-1]) for w in lstm], 0)
        state = {"input_h": tf.zeros((1, batch, hidden)), "input_c": tf.zeros((1, batch, hidden))}
        lengths = tf.fill([batch], seq)
        return raw.CudnnRNNV3(input=x, params=packed, sequence_lengths=lengths, **state).output_h[0]

    def loop(self, x, w_input, w_hidden, b_input, b_hidden):
        """All inputs at once, then step by step: unrolled, but a loop for XLA, which compiles that sooner."""
        seq, batch, hidden = self.batch
        gates = linear(tf.reshape(x, (seq * batch, hidden)), w_input, b_input + b_hidden)
        steps = tf.reshape(gates, (seq, batch, 4 * hidden))
        h = c = tf.zeros((batch, hidden))
        for gates in steps if self.compiled else tf.unstack(steps):
            i, f, g, o = tf.split(gates + tf.matmul(h, w_hidden, transpose_b=True), 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
        return h


class Transformer(Network):
    optimizer = Adam

    def declare(self, axes):
        d = axes.d_model
        attention = [(d,), (d,), (3 * d, d), (3 * d,), (d, d), (d,)]
        feed_forward = [(d,), (d,), (4 * d, d), (4 * d,), (d, 4 * d), (d,)]
        head = [(axes.classes, d), (axes.classes,)]
        return (attention + feed_forward) * axes.layers + head, (axes.batch, axes.seq, d)

    def logits(self, weights, x):
        *blocks, head = layers(weights)
        x = tf.reshape(x, (-1, self.axes.d_model))
        for start in range(0, len(blocks), 6):
            norm1, qkv, out, norm2, up, down = blocks[start : start + 6]
            x += linear(self.attention(linear(norm(x, -1, *norm1), *qkv)), *out)
            x += linear(tf.nn.gelu(linear(norm(x, -1, *norm2), *up)), *down)
        return linear(tf.reduce_mean(tf.reshape(x, self.batch), 1), *head)

    def attention(self, qkv):
        (batch, seq, d), heads = self.batch, self.axes.heads
        split = tf.reshape(qkv, (batch, seq, 3, heads, d // heads))
        q, k, v = tf.unstack(tf.transpose(split, (2, 0, 3, 1, 4)))
        shares = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * (d // heads) ** -0.5)
        return tf.reshape(tf.transpose(tf.matmul(shares, v), (0, 2, 1, 3)), (batch * seq, d))


def layers(weights):
    """Weight and bias of each layer."""
    return list(zip(weights[::2], weights[1::2]))


def linear(x, w, b):
    return tf.nn.bias_add(tf.matmul(x, w, transpose_b=True), b)


def norm(x, over, scale, offset):
    mean, variance = tf.nn.moments(x, over, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-5) * scale + offset


# The cases of the protocol.


class Case:
    """A prepared case. Each of the two kinds adds `compute`, `end_to_end` and `results`."""

    def __init__(self, gpu):
        self.gpu = gpu
        self.threads = None if gpu else tf.config.threading.get_intra_op_parallelism_threads()

    def run(self, scope):
        """Computes once and waits for the end, which on the processor is when TensorFlow returns."""
        if not self.gpu:
            return self.compute()
        self.compute() if scope == "compute" else self.end_to_end()
        tf.test.experimental.sync_devices()

    def outputs(self):
        return [np.ascontiguousarray(result) for result in self.results()]


class Operation(Case):
    """A gemm, a gemv or a convolution."""

    def __init__(self, operation, axes, gpu, inputs, compiled):
        super().__init__(gpu)
        stored, functions = operation(axes, cpu_kernels=not gpu and not compiled)
        host = [np.fromfile(path, "<f4").reshape(shape) for path, shape in zip(inputs, stored)]
        self.host, self.resident = host if gpu else None, upload(host, gpu)
        self.function, self.result = first_with_kernels(functions, self.resident, compiled)

    def compute(self):
        self.result = self.function(*self.resident)

    def end_to_end(self):
        self.result = self.function(*upload(self.host, self.gpu)).numpy()

    def results(self):
        return [self.result]


def first_with_kernels(functions, operands, compiled):
    """The first of the functions that TensorFlow can compute on these operands, and its result."""
    no_kernel = tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.UnimplementedError
    for function in functions:
        try:
            if compiled:
                function = tf.function(function, autograph=False, jit_compile=True)
                function = function.get_concrete_function(*operands)
            return function, function(*operands)
        except no_kernel as error:
            reason = error.message.split("}} ")[-1].splitlines()[0]  # without the place in the graph
    raise Unsupported(f"no kernel: {reason}; with TF_ENABLE_ONEDNN_OPTS=1 or --xla there may be one")


class Training(Case):
    """A network with its optimiser, which takes one step a mini-batch in one tf.function."""

    def __init__(self, network, axes, gpu, parameters, compiled):
        super().__init__(gpu)
        self.network = network(axes, gpu, compiled)
        shapes = self.network.shapes
        if len(parameters) != len(shapes):
            raise ValueError(f"{len(parameters)} parameters for a network that has {len(shapes)}")
        parameters = [np.float32(values).reshape(shape) for values, shape in zip(parameters, shapes)]
        self.weights = [tf.Variable(values) for values in self.network.load(parameters)]
        self.optimizer = self.network.optimizer(self.weights)
        self.state = [*self.weights, *self.optimizer.state]
        self.initial = [raw.DeepCopy(x=variable) for variable in self.state]
        self.reset = tf.function(self.assign_initial).get_concrete_function()
        batch = self.network.load_batch(np.empty(self.network.batch))
        specs = tf.TensorSpec(batch.shape), tf.TensorSpec((axes.batch,), tf.int64)
        self.advance = tf.function(self.train, jit_compile=compiled or None).get_concrete_function(*specs)

    def train(self, batch, labels):
        """One step: the loss, of before the update, and the gradients."""
        with tf.GradientTape() as tape:
            logits = self.network.logits(self.weights, batch)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, self.weights)
        self.optimizer.apply(self.weights, gradients)
        return loss, gradients

    def assign_initial(self):
        """Assigns copies, for a variable that shares its memory is copied in the step that updates it."""
        for variable, values in zip(self.state, self.initial):
            variable.assign(raw.DeepCopy(x=values))

    def feed(self, batch, labels):
        """Takes a mini-batch as arrays. TensorFlow would keep labels of 32 bits on the host."""
        batch = self.network.load_batch(np.float32(batch).reshape(self.network.batch))
        self.host = np.ascontiguousarray(batch), np.int64(labels)
        self.resident = upload(self.host, self.gpu)

    def step(self, batch, labels):
        """One step on a mini-batch of arrays; returns the loss as a number."""
        self.feed(batch, labels)
        self.compute()
        return float(self.loss)

    def gradients(self):
        """The gradients of the last step in declaration order, as NumPy arrays."""
        return self.network.save([gradient.numpy() for gradient in self.last_gradients])

    def parameters(self):
        """The parameters as they are now, in declaration order, as NumPy arrays."""
        return self.network.save([weight.numpy() for weight in self.weights])

    def restore(self):
        self.reset()
        if self.gpu:
            tf.test.experimental.sync_devices()

    def compute(self):
        self.loss, self.last_gradients = self.advance(*self.resident)

    def end_to_end(self):
        loss, self.last_gradients = self.advance(*upload(self.host, self.gpu))
        self.loss = loss.numpy()

    def results(self):
        return [self.loss, *self.gradients(), *self.parameters()]


def training(workload, shape, device, parameters, compiled=False):
    """The training of a workload on the device with this id, from these parameters."""
    gpu = start(device)
    return Training(NETWORKS[workload], SimpleNamespace(**shape), gpu, parameters, compiled)


def training_step(network, axes, gpu, inputs, compiled):
    *parameters, batch = [np.fromfile(path, "<f4") for path in inputs[:-1]]
    case = Training(network, axes, gpu, parameters, compiled)
    case.feed(batch, np.fromfile(inputs[-1], "<i4"))
    case.compute()
    case.restore()
    return case


def upload(arrays, gpu):
    with tf.device("GPU:0" if gpu else "CPU:0"):
        return [tf.constant(array) for array in arrays]


OPERATIONS = {
    "gemm": gemm,
    "gemv": gemv,
    "conv-fprop": partial(convolution, "fprop", ("x", "w")),
    "conv-dgrad": partial(convolution, "dgrad", ("y", "w")),
    "conv-wgrad": partial(convolution, "wgrad", ("y", "x")),
}
NETWORKS = {"train-mlp": Mlp, "train-cnn": Cnn, "train-lstm": Lstm, "train-transformer": Transformer}
WORKLOADS = {
    **{name: partial(Operation, operation) for name, operation in OPERATIONS.items()},
    **{name: partial(training_step, network) for name, network in NETWORKS.items()},
}


def prepare(device, workload, shape, dtype, threads, inputs, compiled=False):
    """A case for the protocol, which has computed once, so that all is traced and compiled."""
    if workload not in WORKLOADS:
        raise Unsupported(f"no workload {workload}; there are {', '.join(WORKLOADS)}")
    gpu = start(device, threads)
    return WORKLOADS[workload](SimpleNamespace(**shape), gpu, inputs, compiled)


def gpus():
    return {f"gpu-{i}": gpu for i, gpu in enumerate(tf.config.list_physical_devices("GPU"))}


def devices():
    """Id, kind and name of what TensorFlow can compute on here."""
    details = tf.config.experimental.get_device_details
    listed = [(name, "gpu", details(gpu).get("device_name", gpu.name)) for name, gpu in gpus().items()]
    return [("cpu", "cpu", cpu_name()), *listed]


def start(device, threads=None):
    """Confines TensorFlow to a device and, where given, to threads. Returns the GPU, or None for `cpu`."""
    found = gpus()
    if device != "cpu" and device not in found:
        raise Unsupported(f"no device {device}; TensorFlow finds {', '.join(['cpu', *found])}")
    gpu, threading = found.get(device), tf.config.threading
    running = threading.get_intra_op_parallelism_threads()
    try:
        threading.set_intra_op_parallelism_threads(threads or running)
        threading.set_inter_op_parallelism_threads(1)
        tf.config.set_visible_devices([gpu] if gpu else [], "GPU")
        if gpu:  # else TensorFlow takes all of its memory, now
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        raise RuntimeError(f"{running} threads run, no change to {device} with {threads} threads: {error}")
    return gpu


def main():
    parser = argparse.ArgumentParser(description="TensorFlow as a contender of Crossover.")
    parser.add_argument("--xla", action="store_true", help="compile with XLA, as tensorflow-xla")
    options = parser.parse_args()
    name = "tensorflow-xla" if options.xla else "tensorflow"
    serve(name, tf.__version__, devices(), partial(prepare, compiled=options.xla))


if __name__ == "__main__":
    main()
