"""The networks of the paper: a perceptron, ResNet-18 and VGG-11, all ending in the same fully connected layers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, prod
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from agop.errors import InputError
from agop.paper.training.settings import NetworkName

__all__ = ["NETWORKS", "Architecture", "build_network"]

NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)
"""Names that `build_network` knows."""

_POOLED = 4
"""Side of the maps that VGG-11 hands to its fully connected layers."""


@dataclass(frozen=True)
class Architecture:
    """Kind and size of a network of the paper.

    Attributes
    ----------
    name
        One of ``NETWORKS``.
    width, fc_layers
        Units and number of the hidden fully connected layers.
    conv_width
        Factor on the numbers of channels.
    bias
        Whether the fully connected layers have biases. Convolutions of "vgg11" have them always, those of "resnet18",
        which BatchNorm follows, never.
    gain
        Scale g of the initial weights.

    Examples
    --------
    >>> Architecture("vgg11", conv_width=0.25)
    Architecture(name='vgg11', width=512, fc_layers=5, conv_width=0.25, bias=False, gain=1.0)
    """

    name: NetworkName = "mlp"
    width: int = 512
    fc_layers: int = 5
    conv_width: float = 1.0
    bias: bool = False
    gain: float = 1.0


def build_network(
    architecture: Architecture, input_shape: Sequence[int], n_classes: int, *, seed: int = 0
) -> nn.Module:
    r"""Build a network in training mode on the CPU, float32, with weights that depend on the arguments alone.

    Every network ends in ``fc``: ``fc_layers`` fully connected layers of ``width`` units with ReLU, named "fc.1",
    "fc.2" and so on, and "fc.output" for the class scores. In front of it:

    * "mlp": nothing, the inputs are flattened;
    * "resnet18": the residual network for small images: a first 3x3 convolution of stride 1 without pooling, four
      groups of two blocks with 64, 128, 256 and 512 channels, BatchNorm, and the mean over positions at the end;
    * "vgg11": the first fifteen modules of VGG-11, six 3x3 convolutions of 64 to 512 channels with ReLU and three 2x2
      max-poolings, then average pooling to 4x4 positions. A pooling is left out where a side of the map is one.

    The weights of the hidden fully connected layers are Xavier-uniform,
    :math:`U(-g\sqrt{6/(a+b)}, g\sqrt{6/(a+b)})` for a inputs, b outputs and the gain g. The first one behind
    convolutions and the output layer have PyTorch's own, :math:`U(-1/\sqrt a, 1/\sqrt a)`. Convolutions have normal
    weights of variance 2 over the number of outputs that an input reaches, and biases of zero.

    Parameters
    ----------
    architecture
        Kind and size of the network.
    input_shape
        Shape of one input: (channels, height, width), or any for "mlp".
    n_classes
        Number of outputs.
    seed
        Seed of the weights; no other random numbers are touched.

    Raises
    ------
    InputError
        If an argument is out of range, or the network needs images.

    References
    ----------
    Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728), section 5; He et al. 2016 (arXiv 1512.03385);
    Simonyan & Zisserman 2015 (arXiv 1409.1556); He et al. 2015 (arXiv 1502.01852) for the convolutions.

    Examples
    --------
    >>> network = build_network(Architecture("vgg11", width=16, conv_width=0.125), (1, 8, 8), 10)
    >>> network(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 10])
    >>> [layer for layer, module in network.fc.named_children() if isinstance(module, nn.Linear)]
    ['1', '2', '3', '4', '5', 'output']
    """
    features = {"mlp": lambda *_: nn.Flatten(), "resnet18": _resnet18, "vgg11": _vgg11}
    _check(architecture, input_shape, n_classes)
    name, depth = architecture.name, architecture.fc_layers
    channels = [max(1, round(architecture.conv_width * count)) for count in (64, 128, 256, 512)]
    n_features = {"mlp": prod(input_shape), "resnet18": channels[-1], "vgg11": channels[-1] * _POOLED**2}[name]
    widths = [n_features, *[architecture.width] * depth, n_classes]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        front = features[name](input_shape, channels)
        front.apply(_initialize_convolution)
        fc = _fully_connected(widths, bias=architecture.bias)
        for layer in range(1 if name == "mlp" else 2, depth + 1):
            nn.init.xavier_uniform_(fc.get_submodule(str(layer)).get_parameter("weight"), architecture.gain)
    return nn.Sequential(OrderedDict(features=front, fc=fc))


def _fully_connected(widths: Sequence[int], *, bias: bool) -> nn.Sequential:
    """Hidden layers "1", "2", ... with ReLU, and "output"."""
    *hidden, output = pairwise(widths)
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for layer, (before, after) in enumerate(hidden, start=1):
        modules[str(layer)] = nn.Linear(before, after, bias=bias)
        modules[f"relu{layer}"] = nn.ReLU()
    modules["output"] = nn.Linear(*output, bias=bias)
    return nn.Sequential(modules)


def _vgg11(image_shape: Sequence[int], channels: Sequence[int]) -> nn.Module:
    """Convolutions with ReLU, pooled between the groups."""
    modules: list[nn.Module] = []
    before, *sides = image_shape
    for group, count in zip(channels, (1, 1, 2, 2), strict=True):
        if modules and min(sides) > 1:
            modules.append(nn.MaxPool2d(2))
            sides = [side // 2 for side in sides]
        for _ in range(count):
            modules += [nn.Conv2d(before, group, 3, padding=1), nn.ReLU()]
            before = group
    return nn.Sequential(*modules, nn.AdaptiveAvgPool2d(_POOLED), nn.Flatten())


def _resnet18(image_shape: Sequence[int], channels: Sequence[int]) -> nn.Module:
    """Stem, four groups of two blocks, mean over positions."""
    modules: list[nn.Module] = [_conv3x3(image_shape[0], channels[0]), nn.BatchNorm2d(channels[0]), nn.ReLU()]
    before = channels[0]
    for index, group in enumerate(channels):
        modules += [_Residual(before, group, stride=1 + (index > 0)), _Residual(group, group, stride=1)]
        before = group
    return nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class _Residual(nn.Module):
    """relu(bn2(conv2(relu(bn1(conv1 x)))) + shortcut x); the shortcut is x, or a 1x1 convolution with BatchNorm."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv3x3(before, after, stride), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = _conv3x3(after, after), nn.BatchNorm2d(after)
        self.shortcut: Callable[[Tensor], Tensor] = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(hidden)) + self.shortcut(x))


def _conv3x3(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, padding=1, bias=False)


def _initialize_convolution(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _check(architecture: Architecture, input_shape: Sequence[int], n_classes: int) -> None:
    """Raise for what no network can be built of."""
    name, width, fc_layers = architecture.name, architecture.width, architecture.fc_layers
    if name not in NETWORKS:
        raise InputError(f"a network out of {', '.join(NETWORKS)}", repr(name), "Use one of these names.")
    if min(n_classes, width, fc_layers, *input_shape) < 1:
        got = f"n_classes={n_classes}, width={width}, fc_layers={fc_layers}, inputs of shape {tuple(input_shape)}"
        raise InputError("numbers of classes, units, layers and inputs of 1 or more", got, "Raise that number.")
    if not (0 < architecture.conv_width < inf and 0 < architecture.gain < inf):
        got = f"conv_width={architecture.conv_width}, gain={architecture.gain}"
        raise InputError("a conv_width and a gain above 0", got, "1 is the usual value of both.")
    if name != "mlp" and len(input_shape) != 3:
        got = f"inputs of shape {tuple(input_shape)}"
        raise InputError(f"images (channels, height, width) for {name}", got, 'Rows that are no images need "mlp".')
