"""Inputs of two latent factors, each pair of whose values is a class, and a network that learns the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from agop.network import Tracker
from agop.network.losses import squared
from agop.paper.figure import Observe
from agop.paper.training.networks import Architecture, build_network
from agop.runs import Run

__all__ = ["FactorSettings", "factor_samples", "run_factors"]


@dataclass(frozen=True)
class FactorSettings:
    """Settings of a network that learns pairs of factors as classes.

    Attributes
    ----------
    n_values
        Values k of each of the two factors; there are k^2 classes.
    per_class
        Samples of a class.
    n_features, noise
        Number of features of an input, and standard deviation of the noise in each.
    width, fc_layers, gain
        Size of the network and scale of its initial hidden weights.
    lr, momentum, weight_decay
        Of gradient descent on the squared loss of all samples.
    steps, every
        Number of steps, and steps from one measurement to the next.
    seed
        Seed of samples and weights.
    data
        Name of the data.
    """

    n_values: int = 4
    per_class: int = 10
    n_features: int = 32
    noise: float = 0.1
    width: int = 128
    fc_layers: int = 5
    gain: float = 0.7
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    steps: int = 2000
    every: int = 20
    seed: int = 0
    data: str = "factors"

    @property
    def superclasses(self) -> dict[str, Mapping[int, int]]:
        """Value of each factor by class: class c has the values c // k and c % k."""
        k = self.n_values
        return {
            "first": {label: label // k for label in range(k**2)},
            "second": {label: label % k for label in range(k**2)},
            "neither": {label: (label // k + label % k) % k for label in range(k**2)},
        }


def factor_samples(settings: FactorSettings) -> tuple[Tensor, Tensor]:
    """Inputs (n, d), the sum of a direction for each value of either factor with noise, and classes (n,).

    The directions are orthonormal: of two classes those that share a value are nearer to each other.

    Examples
    --------
    >>> inputs, labels = factor_samples(FactorSettings(n_values=3, per_class=5))
    >>> inputs.shape, labels.unique().tolist()
    (torch.Size([45, 32]), [0, 1, 2, 3, 4, 5, 6, 7, 8])
    """
    k, generator = settings.n_values, torch.Generator().manual_seed(settings.seed)
    directions, _ = torch.linalg.qr(torch.randn(settings.n_features, 2 * k, generator=generator))
    labels = torch.arange(k**2).repeat(settings.per_class)
    noise = settings.noise * torch.randn(len(labels), settings.n_features, generator=generator)
    return directions.mT[labels // k] + directions.mT[k + labels % k] + noise, labels


def run_factors(settings: FactorSettings, dataset: None, out: Path, observe: Observe) -> Run:  # noqa: ARG001
    """Train the network by gradient descent on all samples, and track the superclasses that the factors are.

    A folder in which these settings have come to their end is left as it is.
    """
    run = Run(out)
    if run.is_started() and run.info()["finished"] and run.info().get("factors") == asdict(settings):
        return run
    inputs, labels = factor_samples(settings)
    n_classes = settings.n_values**2
    shape = Architecture("mlp", settings.width, settings.fc_layers, gain=settings.gain)
    model = build_network(shape, inputs.shape[1:], n_classes, seed=settings.seed)
    optimizer = torch.optim.SGD(model.parameters(), settings.lr, settings.momentum, weight_decay=settings.weight_decay)
    tracker = Tracker(
        model,
        [(inputs, labels)],
        out,
        every=settings.every,
        time_share=None,
        layers="fc.output",
        superclasses=settings.superclasses,
    )
    tracker.run.record(factors=asdict(settings))
    for step in range(settings.steps + 1):
        outputs = model(inputs)
        loss = squared(outputs, labels)
        if step % settings.every == 0:
            observe(f"step {step} of {settings.steps}: loss {loss.item():.3g}")
        accuracy = (outputs.detach().argmax(1) == labels).double().mean()
        tracker.step(step, seed=settings.seed, loss=loss, train_accuracy=accuracy)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    tracker.finish()
    return tracker.run
