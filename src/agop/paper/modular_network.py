"""A small network that learns modular addition, tracked while it does."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, one_hot

from agop.errors import InputError
from agop.network import NetworkRecord, Tracker, neural_feature_matrix
from agop.paper.figure import Observe
from agop.paper.modular import Addition, between, circulant_score
from agop.runs import Run

__all__ = ["ModularNetworkSettings", "run_modular_network"]

_LAYER = "first"


@dataclass(frozen=True)
class ModularNetworkSettings:
    """Settings of a network that learns modular addition.

    Width, optimizer and batches are the defaults of the code of arXiv 2407.20199,
    https://github.com/nmallinar/rfm-grokking, train_net.py. That learns from 30 % of the pairs for 1,000 epochs.

    Attributes
    ----------
    modulus
        p; there are p^2 pairs, each as two one-hot vectors of length p.
    width
        Hidden units, whose activation is the square.
    lr, weight_decay, momentum, square_decay
        Learning rate, weight decay, and decays of mean gradient and mean square of AdamW.
    batch_size
        Pairs of a step.
    epochs, every
        Number of epochs, and epochs from one measurement to the next.
    seed
        Seed of the half of the pairs that is learned from, of the weights and of the batches.
    data
        Name of the data.
    """

    modulus: int
    width: int = 256
    lr: float = 1e-3
    weight_decay: float = 1.0
    momentum: float = 0.9
    square_decay: float = 0.98
    batch_size: int = 32
    epochs: int = 60
    every: int = 2
    seed: int = 0
    data: str = "modular-addition"

    def network(self) -> nn.Module:
        """Network before training: two linear maps without biases, float64, and squares between them."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            modules = {
                _LAYER: nn.Linear(2 * self.modulus, self.width, bias=False),
                "square": Square(),
                "output": nn.Linear(self.width, self.modulus, bias=False),
            }
        return nn.Sequential(OrderedDict(modules)).double()

    def make_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Optimizer of the network's parameters."""
        betas = (self.momentum, self.square_decay)
        return torch.optim.AdamW(model.parameters(), self.lr, betas, weight_decay=self.weight_decay)


class Square(nn.Module):
    """The square of each entry."""

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape."""
        return features.square()


def run_modular_network(settings: ModularNetworkSettings, dataset: None, out: Path, observe: Observe) -> Run:  # noqa: ARG001
    """Train the network on half of the pairs by the squared loss of one-hot sums, and track its first layer.

    A line for every measured epoch has "train_error" and "test_error" (squared, a pair), "train_accuracy",
    "test_accuracy", the columns of the ansatz, and the circulant scores of the blocks between the two numbers of
    W^T W and of the AGOP. A folder in which these settings have come to their end is left as it is.

    Raises
    ------
    InputError
        If the folder holds a run of other settings.
    """
    run, wanted = Run(out), asdict(settings)
    known = run.info().get("network", wanted) if run.is_started() else wanted
    if known != wanted:
        raise InputError(f"the settings of the run in {out}: {known}", str(wanted), "Choose another folder.")
    if run.is_started() and run.info()["finished"]:
        return run
    learned, test = Addition.halves(settings.modulus, settings.seed)
    model = settings.network()
    optimizer = settings.make_optimizer(model)
    tracker = Tracker(model, [learned], out, every=settings.every, time_share=None, layers=_LAYER, collapse=False)
    tracker.run.record(network=wanted)
    targets = one_hot(learned.sums, settings.modulus).double()
    order = torch.Generator().manual_seed(settings.seed)
    for epoch in range(settings.epochs + 1):
        if epoch > 0:
            for rows in torch.split(torch.randperm(len(targets), generator=order), settings.batch_size):
                optimizer.zero_grad()
                mse_loss(model(learned.inputs[rows]), targets[rows]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        observe(f"epoch {epoch} of {settings.epochs}")
        with torch.no_grad():
            scores = learned.scores(model(learned.inputs), "train") | test.scores(model(test.inputs), "test")
        tracker.step(epoch, **scores, **_BLOCKS)
    tracker.finish()
    return tracker.run


def _of_weights(record: NetworkRecord) -> float:
    """Circulant score of W^T W."""
    weight = record[_LAYER].weight
    assert weight is not None  # noqa: S101 - the record is in full
    return circulant_score(between(neural_feature_matrix(weight)))


def _of_agop(record: NetworkRecord) -> float:
    """Circulant score of the AGOP."""
    agop = record[_LAYER].agop
    assert agop is not None  # noqa: S101 - gradients reach the layer
    return circulant_score(between(agop))


_BLOCKS = {"circulant_nfm": _of_weights, "circulant_agop": _of_agop}
"""Scores of the blocks between the two numbers, as functions of the record."""
