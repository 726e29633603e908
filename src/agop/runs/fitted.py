"""Whether a run has fitted its training rows, which must be known before its collapse is compared with others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite

from agop.runs.lines import Line

__all__ = ["FITTED_ACCURACY", "TrainingFit"]

FITTED_ACCURACY = 0.95
"""Training accuracy from which on a predictor has fitted, or the share by which the first loss has fallen."""

_NAMES = {
    "train_accuracy": "training accuracy",
    "accuracy": "accuracy on these rows",
    "read_out": "share of the variance of the targets that a read-out can predict",
}


@dataclass(frozen=True)
class TrainingFit:
    """Fit of the worst seed of a run.

    A loss can say that a run has fitted, never that it has not: little of it is gone where the network had learned
    before the first measurement, or where the loss cannot be small, as a contrastive one. A read-out can say that it
    has not, never that it has: the network may have a worse one.

    Attributes
    ----------
    measure
        "train_accuracy"; "accuracy", on rows of which only the run knows whether they were trained on; "read_out", the
        share of the variance of targets that the best linear read-out of the last features predicts; "loss" where none
        is known; None if nothing is.
    value
        The lowest accuracy or share over the seeds; of a loss the largest last value over the first one, that of epoch
        0.
    needed
        Accuracy from which on it has fitted.

    Examples
    --------
    >>> fit = TrainingFit("accuracy", 0.99, needed=0.995)  # 99 of 100 samples are of one class
    >>> fit.fitted
    False
    """

    measure: str | None = None
    value: float | None = None
    needed: float = FITTED_ACCURACY

    @property
    def name(self) -> str:
        """Name of the accuracy or share."""
        return _NAMES.get(self.measure or "", "")

    @property
    def fitted(self) -> bool | None:
        """Whether every seed has fitted; None if that is not known."""
        if self.value is None:
            return None
        if self.measure == "loss":
            return self.value <= 1 - FITTED_ACCURACY or None
        if self.measure == "read_out":
            return False if self.value < self.needed else None
        return self.value >= self.needed

    @classmethod
    def of(cls, lines: Iterable[Line], along: str = "epoch", majority: float = 0.0) -> TrainingFit:
        """Fit at the last "epoch", or at the last "layer" of Deep RFM, of each seed.

        Where some seeds have no value, that of the others counts only if it says that the run has not fitted. Of the
        errors that the most frequent class for all makes, where its share of the samples (``majority``) is known, at
        least half must be gone: most classes can be missing where one has nearly all samples.

        Examples
        --------
        >>> lines = [{"seed": seed, "epoch": 9, "train_accuracy": a} for seed, a in enumerate([1.0, 0.75])]
        >>> TrainingFit.of(lines).value, TrainingFit.of(lines).fitted
        (0.75, False)
        >>> TrainingFit.of([{"seed": 0, "epoch": e, "loss": loss} for e, loss in [(0, 2.0), (9, 0.01)]]).value
        0.005
        """
        seeds: dict[object, dict[int, Line]] = {}
        for line in lines:
            seeds.setdefault((line.get("part"), line["seed"]), {})[line[along]] = line
        for measure in ("train_accuracy", "accuracy"):
            values = [_number(places[max(places)], measure) for places in seeds.values()]
            if found := cls._worst(measure, values, min, max(FITTED_ACCURACY, (1 + majority) / 2)):
                return found
        values = [_left(places) for places in seeds.values()] if along == "epoch" else []
        return cls._worst("loss", values, max) or cls()

    @classmethod
    def _worst(
        cls,
        measure: str,
        values: list[float | None],
        worst: Callable[[list[float]], float],
        needed: float = FITTED_ACCURACY,
    ) -> TrainingFit | None:
        known = [value for value in values if value is not None]
        if not known:
            return None
        found = cls(measure, worst(known), needed)
        return found if len(known) == len(values) or found.fitted is False else cls()


def _left(places: dict[int, Line]) -> float | None:
    """Share of the loss at epoch 0 that is left at the last one."""
    last = max(places)
    start, end = (_number(places[epoch], "loss") if epoch in places else None for epoch in (0, last))
    return end / start if start is not None and end is not None and start > 0 and last > 0 else None


def _number(line: Line, column: str) -> float | None:
    value = line.get(column)
    return float(value) if value is not None and isfinite(value) else None
