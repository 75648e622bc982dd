"""ONNX Runtime's speed on the default encoder, as the rival of `crates/model/examples/encode_bench.rs`.

Builds the ONNX graph of EfficientNet-Lite0 from the very weights file that Marrowscope loads (BatchNorm folded, as
ONNX Runtime would fold it), runs it on the CPU with the given number of threads and prints one JSON line.

    python encode_ort.py --weights data/assets/efficientnet-lite0-57934424.pth --threads 2 --batch 16 --seconds 10

Needs numpy, onnx and onnxruntime, nothing else: the legacy PyTorch container is read here, without PyTorch.
"""

import argparse
import collections
import json
import pickle
import resource
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

TILE_SIZE_PX = 224
DIM = 1280
BATCH_NORM_EPS = 1e-3
# repeats, kernel, stride, expansion, channels in, channels out
BLOCKS = [
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
]


class LegacyUnpickler(pickle.Unpickler):
    """Reads the pickles of PyTorch's legacy container: a storage becomes its key, a tensor its place in a storage."""

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return {"FloatStorage": np.float32, "LongStorage": np.int64}[name]
        raise pickle.UnpicklingError(f"{module}.{name} does not belong into a weights file")

    def persistent_load(self, saved_id):
        _kind, dtype, key, _location, length, *_ = saved_id
        return key, dtype, length


def read_legacy_weights(path):
    """{tensor name: array} of a PyTorch file in the container of before version 1.6."""
    with open(path, "rb") as file:
        for _ in range(3):  # magic number, protocol version, properties of the machine that wrote it
            LegacyUnpickler(file).load()
        tensors = LegacyUnpickler(file).load()
        dtypes = {storage[0]: storage[1] for storage, *_ in tensors.values()}
        storages = {}
        for key in LegacyUnpickler(file).load():
            length = int(np.frombuffer(file.read(8), "<i8")[0])
            dtype = np.dtype(dtypes[key])
            storages[key] = np.frombuffer(file.read(length * dtype.itemsize), dtype)
    arrays = {}
    for name, ((key, _dtype, _length), offset, size, stride) in tensors.items():
        # The strides count: these weights were transposed from TensorFlow's order without being copied.
        start = storages[key][offset:]
        strides = [step * start.itemsize for step in stride]
        arrays[name] = np.lib.stride_tricks.as_strided(start, size, strides)
    return arrays


def same_padding(size, kernel, stride):
    """TensorFlow's "SAME" padding: (before, after) along one axis."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class GraphBuilder:
    def __init__(self, weights):
        self.weights, self.nodes, self.initializers = weights, [], []
        for name, value in (("zero", 0.0), ("six", 6.0)):
            self.initializers.append(numpy_helper.from_array(np.float32(value), name))

    def convolution(self, source, conv, norm, size, kernel, stride, groups=1, relu6=True):
        """Convolution with its BatchNorm folded in, then ReLU6 where asked; returns (tensor name, size after)."""
        get = self.weights.__getitem__
        scale = get(f"{norm}.weight") / np.sqrt(get(f"{norm}.running_var") + BATCH_NORM_EPS)
        weight = get(f"{conv}.weight") * scale[:, None, None, None]
        bias = get(f"{norm}.bias") - get(f"{norm}.running_mean") * scale
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(weight, np.float32), f"{conv}.w"))
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(bias, np.float32), f"{conv}.b"))
        before, after = same_padding(size, kernel, stride)
        self.nodes.append(
            helper.make_node(
                "Conv", [source, f"{conv}.w", f"{conv}.b"], [conv], group=groups, strides=[stride, stride],
                kernel_shape=[kernel, kernel], pads=[before, before, after, after],
            )
        )  # fmt: skip
        if relu6:
            self.nodes.append(helper.make_node("Clip", [conv, "zero", "six"], [f"{conv}.relu6"]))
        return (f"{conv}.relu6" if relu6 else conv), -(-size // stride)


def build_model(weights):
    graph = GraphBuilder(weights)
    source, size = graph.convolution("tiles", "_conv_stem", "_bn0", TILE_SIZE_PX, 3, 2)
    index = 0
    for repeats, kernel, stride, expansion, channels_in, channels_out in BLOCKS:
        for repeat in range(repeats):
            block = f"_blocks.{index}"
            first = repeat == 0
            block_in = channels_in if first else channels_out
            inner, block_stride = source, stride if first else 1
            if expansion > 1:
                inner, _ = graph.convolution(inner, f"{block}._expand_conv", f"{block}._bn0", size, 1, 1)
            inner, size_after = graph.convolution(
                inner, f"{block}._depthwise_conv", f"{block}._bn1", size, kernel, block_stride, block_in * expansion
            )
            inner, _ = graph.convolution(inner, f"{block}._project_conv", f"{block}._bn2", size_after, 1, 1, relu6=False)
            if block_stride == 1 and block_in == channels_out:
                graph.nodes.append(helper.make_node("Add", [inner, source], [f"{block}.sum"]))
                inner = f"{block}.sum"
            source, size, index = inner, size_after, index + 1
    source, size = graph.convolution(source, "_conv_head", "_bn1", size, 1, 1)
    graph.nodes.append(helper.make_node("GlobalAveragePool", [source], ["pooled"]))
    graph.nodes.append(helper.make_node("Flatten", ["pooled"], ["features"]))
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("tiles", TensorProto.FLOAT, ["n", 3, TILE_SIZE_PX, TILE_SIZE_PX])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", DIM])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )


def tile_bytes(count):
    """The same tiles as the Rust side's `encoder::sample_tiles`: a formula, so no file is needed."""
    t, y, x, c = np.meshgrid(
        np.arange(count), np.arange(TILE_SIZE_PX), np.arange(TILE_SIZE_PX), np.arange(3), indexing="ij"
    )
    value = (x * (3 + t) + y * (5 + c) + (x * y) // 7 + 41 * c + 17 * t) % 256
    return value.astype(np.uint8)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--weights", required=True)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--seconds", type=float, default=10.0)
    options = arguments.parse_args()

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session_options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        build_model(read_legacy_weights(options.weights)).SerializeToString(),
        session_options,
        providers=["CPUExecutionProvider"],
    )
    tiles = tile_bytes(options.batch)

    def encode():
        # The rival is given the same start as ours: bytes as a slide reader hands them over.
        values = (tiles.transpose(0, 3, 1, 2).astype(np.float32) - 127.0) / 128.0
        return session.run(None, {"tiles": values})[0]

    features = encode()
    batches, cpu_before, started = 0, resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    while time.perf_counter() - started < options.seconds:
        encode()
        batches += 1
    seconds = time.perf_counter() - started
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = cpu.ru_utime + cpu.ru_stime - cpu_before.ru_utime - cpu_before.ru_stime
    print(
        json.dumps(
            {
                "engine": f"onnxruntime {onnxruntime.__version__}",
                "device": "cpu",
                "threads": options.threads,
                "batch": options.batch,
                "tiles": batches * options.batch,
                "seconds": round(seconds, 3),
                "tiles_per_s": round(batches * options.batch / seconds, 1),
                "tiles_per_cpu_s": round(batches * options.batch / cpu_seconds, 1),
                "first_features": [round(float(value), 5) for value in features[0, :4]],
            }
        )
    )


if __name__ == "__main__":
    main()
