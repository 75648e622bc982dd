"""PyTorch's speed on the default encoder, as the rival of `crates/model/examples/encode_bench.rs` on a graphics card.

Builds EfficientNet-Lite0 from the weights file that Marrowscope loads, with BatchNorm folded as Marrowscope folds it,
and prints one JSON line.

    python encode_torch.py --weights data/assets/efficientnet-lite0-57934424.pth --batch 64 --seconds 10

Needs PyTorch only.
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F

TILE_SIZE_PX = 224
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


def folded(weights, conv, norm, device):
    """Weight and bias of a convolution with the BatchNorm behind it."""
    scale = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + BATCH_NORM_EPS)
    weight = weights[f"{conv}.weight"] * scale[:, None, None, None]
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return weight.to(device), bias.to(device)


def convolution(x, parameters, stride, groups, relu6):
    """Convolution with TensorFlow's "SAME" padding, then ReLU6 where asked."""
    weight, bias = parameters
    kernel, size = weight.shape[-1], x.shape[-1]
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    if total % 2:
        before, after = total // 2, total - total // 2
        x = F.conv2d(F.pad(x, (before, after, before, after)), weight, bias, stride, 0, 1, groups)
    else:
        x = F.conv2d(x, weight, bias, stride, total // 2, 1, groups)
    return F.relu6(x) if relu6 else x


def build(weights, device):
    """tiles as uint8 [n, 224, 224, 3] → features [n, 1280]"""
    stem = folded(weights, "_conv_stem", "_bn0", device)
    head = folded(weights, "_conv_head", "_bn1", device)
    layers, index = [], 0
    for repeats, _kernel, stride, expansion, channels_in, channels_out in BLOCKS:
        for repeat in range(repeats):
            block = f"_blocks.{index}"
            block_in, block_stride = (channels_in, stride) if repeat == 0 else (channels_out, 1)
            expand = folded(weights, f"{block}._expand_conv", f"{block}._bn0", device) if expansion > 1 else None
            depthwise = folded(weights, f"{block}._depthwise_conv", f"{block}._bn1", device)
            project = folded(weights, f"{block}._project_conv", f"{block}._bn2", device)
            residual = block_stride == 1 and block_in == channels_out
            layers.append((expand, depthwise, project, block_stride, block_in * expansion, residual))
            index += 1

    def encode(tiles):
        x = (tiles.to(device, non_blocking=True).permute(0, 3, 1, 2).float() - 127.0) / 128.0
        x = convolution(x, stem, 2, 1, True)
        for expand, depthwise, project, stride, groups, residual in layers:
            inner = convolution(x, expand, 1, 1, True) if expand else x
            inner = convolution(inner, depthwise, stride, groups, True)
            inner = convolution(inner, project, 1, 1, False)
            x = x + inner if residual else inner
        # Back in main memory, as Marrowscope needs the features to write them down.
        return convolution(x, head, 1, 1, True).mean((2, 3)).cpu()

    return encode


def sample_tiles(count):
    """The same tiles as the Rust side's `encoder::sample_tiles`: a formula, so no file is needed."""
    t, y, x, c = torch.meshgrid(
        torch.arange(count), torch.arange(TILE_SIZE_PX), torch.arange(TILE_SIZE_PX), torch.arange(3), indexing="ij"
    )
    return ((x * (3 + t) + y * (5 + c) + (x * y) // 7 + 41 * c + 17 * t) % 256).to(torch.uint8)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--weights", required=True)
    arguments.add_argument("--device", default="cuda")
    arguments.add_argument("--batch", type=int, default=64)
    arguments.add_argument("--seconds", type=float, default=10.0)
    options = arguments.parse_args()

    torch.backends.cudnn.benchmark = True
    tiles = sample_tiles(options.batch)
    if options.device == "cuda":
        tiles = tiles.pin_memory()
    with torch.inference_mode():
        encode = build(torch.load(options.weights, map_location="cpu", weights_only=True), options.device)
        features = encode(tiles)
        calls, started = 0, time.perf_counter()
        while time.perf_counter() - started < options.seconds:
            encode(tiles)
            calls += 1
        seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "engine": f"PyTorch {torch.__version__}",
                "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
                "batch": options.batch,
                "tiles": calls * options.batch,
                "seconds": round(seconds, 3),
                "tiles_per_s": round(calls * options.batch / seconds, 1),
                "first_features": [round(float(value), 5) for value in features[0, :4]],
            }
        )
    )


if __name__ == "__main__":
    main()
