"""How a network is built, trained and measured, as one checked value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from agop.datasets import STANDARDIZATIONS, Standardization
from agop.errors import InputError
from agop.inputs import usable_device
from agop.network.passes.rows import Rows
from agop.paper.training.networks import build_network

__all__ = ["TrainSettings"]


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a training; learning rate, batches and fully connected layers are the paper's.

    Attributes
    ----------
    model
        "mlp", "resnet18" or "vgg11", see :func:`~agop.paper.build_network`.
    data
        Name of the data set.
    samples, test_samples
        Rows of the data set; all if None.
    subset
        "first" rows, or "random" ones, drawn anew for every seed.
    standardize
        What shares a mean and a deviation: all pixels of a "channel", or one "feature" over the rows.
    width, fc_layers, conv_width, bias, gain
        Of the network.
    loss
        "squared": the mean over samples and classes of (f - y)^2 with y = +1 for the class and -1 for the others; or
        "cross-entropy".
    optimizer
        "sgd" with momentum, or "adam".
    lr
        Learning rate, the same throughout.
    momentum
        Of SGD, or the decay of Adam's mean gradient.
    weight_decay
        Factor of the weights that is added to their gradient.
    epochs, batch_size
        Passes over the data, and rows of a step.
    stop_loss
        Training ends after an epoch whose mean loss over its steps is below this; never if None.
    seeds
        One training each: of weights, batches, and random rows and labels.
    every
        Epochs from one measurement to the next; the start and the end are always measured.
    layers
        Names or globs of the layers to measure, the fully connected ones by default; ("*",) for all.
    measure_rows
        What a layer with many positions a sample, a convolution, contributes to the measures of collapse.
    measure_samples
        Training rows that are measured, the first ones; all if None.
    permute_labels
        Break the relation of inputs and labels: the baseline that tells collapse from generalisation.
    device
        "auto" takes a GPU where there is one.
    """

    model: str = "mlp"
    data: str = "digits"
    samples: int | None = None
    test_samples: int | None = None
    subset: Literal["first", "random"] = "first"
    standardize: Standardization = "channel"
    width: int = 512
    fc_layers: int = 5
    conv_width: float = 1.0
    bias: bool = False
    gain: float = 1.0
    loss: Literal["squared", "cross-entropy"] = "squared"
    optimizer: Literal["sgd", "adam"] = "sgd"
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 0.0
    epochs: int = 200
    batch_size: int = 128
    stop_loss: float | None = None
    seeds: tuple[int, ...] = (0,)
    every: int = 10
    layers: tuple[str, ...] = ("fc.*",)
    measure_rows: Rows = "mean"
    measure_samples: int | None = None
    permute_labels: bool = False
    device: str = "auto"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> TrainSettings:
        """Settings as ``run.json`` has them.

        Examples
        --------
        >>> TrainSettings.of({"model": "vgg11", "seeds": [0, 1]}).seeds
        (0, 1)
        """
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
        return cls(**values)

    def check(self) -> None:
        """Raise InputError for numbers and names that no training can use; data and network are not looked at."""
        choices = {
            "subset": ("first", "random"),
            "standardize": STANDARDIZATIONS,
            "loss": ("squared", "cross-entropy"),
            "optimizer": ("sgd", "adam"),
            "measure_rows": ("each", "mean", "flatten"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                got = f"{name}={getattr(self, name)!r}"
                raise InputError(f"{name} to be one of {', '.join(allowed)}", got, "Choose one of them.")
        for name in ("epochs", "batch_size", "every", "measure_samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} of 1 or more", str(value), "Raise it.")
        ranges = {
            "lr": self.lr > 0,
            "momentum": 0 <= self.momentum < 1,
            "weight_decay": self.weight_decay >= 0,
            "stop_loss": self.stop_loss is None or self.stop_loss > 0,
        }
        for name, is_inside in ranges.items():
            value = getattr(self, name)
            if not is_inside or (value is not None and not isfinite(value)):
                advice = "lr and stop_loss are above 0, weight_decay is 0 or more, momentum at least 0 and below 1."
                raise InputError(f"a usable {name}", str(value), advice)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            got = ", ".join(map(str, self.seeds)) or "none"
            raise InputError("one or more different seeds, 0 or more each", got, "Name each seed once.")

    def network(self, input_shape: Sequence[int], n_classes: int, seed: int) -> nn.Module:
        """Network of a seed before training."""
        return build_network(
            self.model,
            input_shape,
            n_classes,
            width=self.width,
            fc_layers=self.fc_layers,
            conv_width=self.conv_width,
            bias=self.bias,
            gain=self.gain,
            seed=seed,
        )

    def make_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Optimizer of the network's parameters."""
        if self.optimizer == "sgd":
            return torch.optim.SGD(model.parameters(), self.lr, self.momentum, weight_decay=self.weight_decay)
        betas = (self.momentum, 0.999)
        return torch.optim.Adam(model.parameters(), self.lr, betas, weight_decay=self.weight_decay)

    def mean_loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Loss of outputs (n, C) for labels (n,)."""
        if self.loss == "cross-entropy":
            return functional.cross_entropy(outputs, labels)
        targets = 2 * functional.one_hot(labels, outputs.shape[1]).to(outputs) - 1
        return functional.mse_loss(outputs, targets)

    def is_over(self, losses: Sequence[float]) -> bool:
        """Whether training ends after epochs of these mean losses.

        Examples
        --------
        >>> settings = TrainSettings(epochs=3, stop_loss=0.1)
        >>> settings.is_over([]), settings.is_over([0.5]), settings.is_over([0.5, 0.09]), settings.is_over([0.5] * 3)
        (False, False, True, True)
        """
        is_low = self.stop_loss is not None and len(losses) > 0 and losses[-1] < self.stop_loss
        return is_low or len(losses) >= self.epochs

    def torch_device(self) -> torch.device:
        """Device of the run, checked to be there."""
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return usable_device(self.device)
