"""The networks: their shapes, what they compute against slow loops, and their initial weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from agop.errors import InputError
from agop.paper import build_network
from agop.paper.training.networks import NETWORKS, Architecture

SMALL = {"width": 6, "fc_layers": 2, "conv_width": 1 / 32}


def convolve(maps, weight, bias=None, stride=1):
    """Convolution of (channels, height, width) with zeros around, by loops."""
    kernel = weight.shape[-1]
    pad = kernel // 2
    padded = np.pad(maps, ((0, 0), (pad, pad), (pad, pad)))
    height, width = (math.ceil(side / stride) for side in maps.shape[1:])
    out = np.zeros((len(weight), height, width))
    for c in range(len(weight)):
        for i in range(height):
            for j in range(width):
                window = padded[:, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
                out[c, i, j] = (window * weight[c]).sum() + (0.0 if bias is None else bias[c])
    return out


def relu(values):
    return np.maximum(values, 0)


def batch_norm(maps, state, name):
    parts = [state[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")]
    mean, variance, scale, shift = parts
    return (maps - mean) / np.sqrt(variance + 1e-5) * scale + shift


def max_pool(maps):
    _, height, width = maps.shape
    cut = maps[:, : height // 2 * 2, : width // 2 * 2]
    return cut.reshape(len(maps), height // 2, 2, width // 2, 2).max((2, 4))


def to_four(maps):
    """Means over 4x4 windows, which overlap where the side is no multiple of 4."""
    out = np.zeros((len(maps), 4, 4))
    for i in range(4):
        for j in range(4):
            (top, bottom), (left, right) = (
                (math.floor(k * n / 4), math.ceil((k + 1) * n / 4)) for k, n in zip((i, j), maps.shape[1:], strict=True)
            )
            out[:, i, j] = maps[:, top:bottom, left:right].mean((1, 2))
    return out.ravel()


def fully_connected(features, state, layers):
    for layer in range(1, layers + 1):
        features = relu(state[f"fc.{layer}.weight"] @ features)
    return state["fc.output.weight"] @ features


def mlp(image, state):
    return image.ravel()


def vgg11(image, state):
    names = sorted({int(name.split(".")[1]) for name in state if name.startswith("features.")})
    for number, name in enumerate(names):
        if number in (1, 2, 4) and min(image.shape[1:]) > 1:
            image = max_pool(image)
        image = relu(convolve(image, state[f"features.{name}.weight"], state[f"features.{name}.bias"]))
    return to_four(image)


def resnet18(image, state):
    x = relu(batch_norm(convolve(image, state["features.0.weight"]), state, "features.1"))
    for block in range(8):
        name, stride = f"features.{block + 3}", 2 if block in (2, 4, 6) else 1
        hidden = relu(batch_norm(convolve(x, state[f"{name}.conv1.weight"], stride=stride), state, f"{name}.bn1"))
        hidden = batch_norm(convolve(hidden, state[f"{name}.conv2.weight"]), state, f"{name}.bn2")
        if stride == 2:
            short = convolve(x, state[f"{name}.shortcut.0.weight"], stride=2)
            x = batch_norm(short, state, f"{name}.shortcut.1")
        x = relu(hidden + x)
    return x.mean((1, 2))


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 11, 9)])
@pytest.mark.parametrize("features", [mlp, resnet18, vgg11])
def test_outputs_against_loops(features, shape):
    network = build_network(Architecture(features.__name__, **SMALL), shape, 3, seed=2).eval().double()
    generator = torch.Generator().manual_seed(0)
    for value in network.state_dict().values():  # BatchNorm as after training, biases that count
        if value.ndim == 1:
            value.copy_(0.5 + torch.rand(value.shape, generator=generator, dtype=torch.float64))
    images = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    with torch.no_grad():
        found = network(images).numpy()
    for image, outputs in zip(images.numpy(), found, strict=True):
        np.testing.assert_allclose(outputs, fully_connected(features(image, state), state, 2), rtol=1e-9, atol=1e-12)


def test_sizes():
    """The published number of parameters of ResNet-18 for small images, without its own classifier."""
    counts = {
        name: sum(
            parameter.numel() for parameter in build_network(Architecture(name), (3, 32, 32), 10).features.parameters()
        )
        for name in NETWORKS
    }
    convolutions = [(3, 64), (64, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    assert counts == {"mlp": 0, "resnet18": 11_168_832, "vgg11": sum(9 * a * b + b for a, b in convolutions)}


@pytest.mark.parametrize(("name", "n_features"), [("mlp", 3 * 32 * 32), ("resnet18", 512), ("vgg11", 512 * 16)])
def test_fully_connected_part(name, n_features):
    layers = {
        n: m
        for n, m in build_network(Architecture(name), (3, 32, 32), 10).fc.named_modules()
        if isinstance(m, nn.Linear)
    }
    assert list(layers) == ["1", "2", "3", "4", "5", "output"]
    assert layers["1"].weight.shape == (512, n_features)
    assert {layers[str(i)].weight.shape for i in range(2, 6)} == {(512, 512)}
    assert layers["output"].weight.shape == (10, 512)
    assert all(layer.bias is None for layer in layers.values())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_images(name, side):
    network = build_network(Architecture(name, **SMALL), (2, side, side), 3)
    assert network(torch.randn(4, 2, side, side, generator=torch.Generator().manual_seed(0))).shape == (4, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_biases_and_depth(name):
    network = build_network(Architecture(name, width=5, fc_layers=1, conv_width=0.01, bias=True), (1, 4, 4), 3)
    assert {n for n, _ in network.fc.named_parameters()} == {"1.weight", "1.bias", "output.weight", "output.bias"}
    assert network(torch.zeros(2, 1, 4, 4)).shape == (2, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_initial_weights(name):
    network = build_network(Architecture(name, width=256, conv_width=0.25, gain=0.4), (3, 8, 8), 10, seed=1)
    weights = network.fc.state_dict()
    xavier = 0.4 * math.sqrt(6 / 512)
    n_features = weights["1.weight"].shape[1]
    first = 0.4 * math.sqrt(6 / (n_features + 256)) if name == "mlp" else 1 / math.sqrt(n_features)
    bounds = {"1": first, **dict.fromkeys("2345", xavier), "output": 1 / 16}
    for layer, bound in bounds.items():
        weight = weights[f"{layer}.weight"]
        assert 0.98 * bound < weight.abs().max() <= bound * (1 + 1e-6)
        assert weight.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    for module in network.features.modules():
        if isinstance(module, nn.Conv2d):
            reached = module.weight[:, 0].numel()
            assert float(module.weight.detach().std()) == pytest.approx(math.sqrt(2 / reached), rel=0.2)
            assert module.bias is None or not module.bias.any()


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_depend_on_the_seed_alone(name):
    def weights(seed):
        network = build_network(Architecture(name, **SMALL), (1, 4, 4), 3, seed=seed)
        return torch.cat([p.flatten() for p in network.parameters()])

    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = weights(0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(weights(0), first)
    assert not torch.equal(weights(1), first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "vgg19"}, "a network out of mlp, resnet18, vgg11"),
        ({"name": "vgg11", "input_shape": (64,)}, "images .channels, height, width. for vgg11"),
        ({"width": 0}, "width=0"),
        ({"fc_layers": 0}, "fc_layers=0"),
        ({"n_classes": 0}, "n_classes=0"),
        ({"gain": 0.0}, "gain=0.0"),
        ({"gain": float("nan")}, "gain=nan"),
        ({"conv_width": -1.0}, "conv_width=-1.0"),
    ],
)
def test_errors(arguments, message):
    size = {name: arguments[name] for name in ("input_shape", "n_classes") if name in arguments}
    parts = {name: value for name, value in arguments.items() if name not in size}
    with pytest.raises(InputError, match=message):
        build_network(Architecture(**parts), **{"input_shape": (1, 4, 4), "n_classes": 3, **size})
