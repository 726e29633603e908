"""Record of convolutional RFM: the accuracy of every iterate and the spectrum of its metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agop.conv_rfm.recursion import ConvRFMStep
from agop.storable import storable

__all__ = ["ConvRFMRecord", "accuracy"]


@storable
@dataclass(frozen=True)
class ConvRFMRecord:
    """Measurements at one iterate.

    Attributes
    ----------
    iteration
        Number of AGOP updates behind the metric.
    train_accuracy, test_accuracy
        Accuracy of the predictor; the latter, on rows that it was not fitted to, None where there are none.
    spectrum
        Eigenvalues of the metric, largest first, float64; None at iteration 0, where it is the identity.
    jitter
        Multiple of the identity that the solve needed beyond the ridge.

    Examples
    --------
    >>> record = ConvRFMRecord(1, 1.0, 0.9, torch.tensor([3.0, 1.0], dtype=torch.float64), jitter=0.0)
    >>> record.line()
    {'iteration': 1, 'train_accuracy': 1.0, 'test_accuracy': 0.9, 'effective_rank': 1.6, 'jitter': 0.0}
    """

    iteration: int
    train_accuracy: float
    test_accuracy: float | None
    spectrum: Tensor | None
    jitter: float

    @classmethod
    def of(
        cls, step: ConvRFMStep, labels: Tensor, test: tuple[Tensor, Tensor] | None = None, max_memory: int | None = None
    ) -> ConvRFMRecord:
        """Record of a step, from the classes (n,) of the images it was fitted to; test images and their classes."""
        metric = step.machine.metric
        return cls(
            step.iteration,
            accuracy(step.fit.predictions, labels),
            None if test is None else accuracy(step.machine(test[0], max_memory=max_memory), test[1]),
            None if metric is None else torch.linalg.eigvalsh(metric).flip(0).clamp(min=0),
            step.fit.solution.jitter,
        )

    @property
    def effective_rank(self) -> float | None:
        """Participation ratio of the eigenvalues, tr(M)^2 / tr(M^2); None for the identity."""
        if self.spectrum is None:
            return None
        return (self.spectrum.sum().square() / self.spectrum.square().sum()).item()

    def line(self) -> dict[str, Any]:
        """The numbers as one flat dictionary."""
        return {
            "iteration": self.iteration,
            "train_accuracy": self.train_accuracy,
            "test_accuracy": self.test_accuracy,
            "effective_rank": self.effective_rank,
            "jitter": self.jitter,
        }


def accuracy(predictions: Tensor, labels: Tensor) -> float:
    """Share of rows of predictions (n, C) whose largest entry is that of their class, labels (n,)."""
    return (predictions.argmax(1) == labels).double().mean().item()
