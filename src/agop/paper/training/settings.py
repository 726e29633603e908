"""Settings by which a network is built, trained and measured, as one checked value.

A command states its options from it: what is slow to import, its methods import when they are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from agop import paper
from agop.datasets import DataName, Standardization
from agop.errors import InputError
from agop.network.loss_names import LossName
from agop.network.passes.rows import Rows
from agop.paper.groupings import groupings_of
from agop.runs.settings import AtLeast, Count, Seed, check_settings

if TYPE_CHECKING:
    import torch

    from agop.network.passes.forward import Loss

__all__ = ["NetworkName", "TrainSettings"]

NetworkName: TypeAlias = Literal["mlp", "resnet18", "vgg11"]
"""Networks of the paper."""


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a training; learning rate, batches and fully connected layers are the paper's.

    Attributes
    ----------
    model
        Network of the paper, as ``build_network`` makes it.
    data
        Data set.
    samples
        Training rows; all by default.
    test_samples
        Test rows; all by default.
    subset
        Which rows: the "first" ones, or "random" ones, drawn anew for every seed.
    standardize
        Pixels that share a mean and a deviation: all pixels of a "channel", or one "feature" over the rows.
    width
        Units of a fully connected layer.
    fc_layers
        Hidden fully connected layers.
    conv_width
        Factor on the numbers of channels.
    bias
        Whether the fully connected layers have biases.
    gain
        Scale of the initial hidden weights.
    loss
        "squared": the mean over samples and classes of (f - y)^2 with y = +1 for the class and -1 for the others; or
        "cross-entropy".
    optimizer
        "sgd" with momentum, or "adam".
    lr
        Learning rate, the same throughout.
    momentum
        Momentum of SGD, or the decay of Adam's mean gradient.
    weight_decay
        Factor of the weights that is added to their gradient.
    epochs
        Passes over the data.
    batch_size
        Rows of a step.
    stop_loss
        Training ends after an epoch whose mean loss over its steps is below this; never by default.
    seeds
        Seed of a training, of its weights, batches, random rows and labels; repeat for several.
    every
        Epochs from one measurement to the next; the start and the end are always measured.
    layers
        Name or glob of layers to measure; repeat for several.
    measure_rows
        Rows that a layer with many positions a sample, a convolution, contributes to the measures of collapse.
    measure_samples
        Training rows that are measured, the first ones; all by default.
    chance
        Draws of random labels for the level of NC1 and NC2 that chance has; 39 tell 95 %.
    superclasses
        Groupings of classes whose traces in the class means are measured; repeat for several. loops, parity and halves
        are of digits, animals of CIFAR-10.
    permute_labels
        Break the relation of inputs and labels: the baseline that tells collapse from generalization.
    device
        Device, such as cpu or cuda; "auto" takes a GPU where there is one.
    """

    model: NetworkName = "mlp"
    data: DataName = "digits"
    samples: Count | None = None
    test_samples: Annotated[int, AtLeast(0)] | None = None
    subset: Literal["first", "random"] = "first"
    standardize: Standardization = "channel"
    width: Count = 512
    fc_layers: Count = 5
    conv_width: float = 1.0
    bias: bool = False
    gain: float = 1.0
    loss: LossName = "squared"
    optimizer: Literal["sgd", "adam"] = "sgd"
    lr: float = 0.05
    momentum: Annotated[float, AtLeast(0)] = 0.9
    weight_decay: Annotated[float, AtLeast(0)] = 0.0
    epochs: Count = 200
    batch_size: Count = 128
    stop_loss: float | None = None
    seeds: tuple[Seed, ...] = (0,)
    every: Count = 10
    layers: tuple[str, ...] = ("fc.*",)
    measure_rows: Rows = "mean"
    measure_samples: Count | None = None
    chance: Annotated[int, AtLeast(0)] = 0
    superclasses: tuple[str, ...] = ()
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
        check_settings(self)
        ranges = {
            "lr": 0 < self.lr < inf,
            "momentum": self.momentum < 1,
            "weight_decay": self.weight_decay < inf,
            "stop_loss": self.stop_loss is None or 0 < self.stop_loss < inf,
        }
        if outside := [name for name, is_inside in ranges.items() if not is_inside]:
            advice = "lr and stop_loss are above 0, weight_decay is 0 or more, momentum at least 0 and below 1."
            raise InputError(f"a usable {outside[0]}", str(getattr(self, outside[0])), advice)
        groupings_of(self.superclasses, self.data)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            got = ", ".join(map(str, self.seeds)) or "none"
            raise InputError("one or more different seeds, 0 or more each", got, "Name each seed once.")

    def network(self, input_shape: Sequence[int], n_classes: int, seed: int) -> torch.nn.Module:
        """Network of a seed before training."""
        shape = paper.Architecture(self.model, self.width, self.fc_layers, self.conv_width, self.bias, self.gain)
        return paper.build_network(shape, input_shape, n_classes, seed=seed)

    def make_optimizer(self, model: torch.nn.Module) -> torch.optim.Optimizer:
        """Optimizer of the network's parameters."""
        import torch

        if self.optimizer == "sgd":
            return torch.optim.SGD(model.parameters(), self.lr, self.momentum, weight_decay=self.weight_decay)
        betas = (self.momentum, 0.999)
        return torch.optim.Adam(model.parameters(), self.lr, betas, weight_decay=self.weight_decay)

    @property
    def mean_loss(self) -> Loss:
        """Function of outputs (n, C) and labels (n,)."""
        from agop.network.losses import LOSSES

        return LOSSES[self.loss]

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
        import torch

        from agop.inputs import usable_device

        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return usable_device(self.device)
