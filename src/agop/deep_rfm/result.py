"""Result of a run of Deep RFM, as reports see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.charts.kind import nothing_measured, plain_settings
from agop.collapse.lines import PREDICTOR_RANGES, checked_lines
from agop.deep_rfm.estimator import DeepRFMClassifier
from agop.deep_rfm.writer import tensor_name
from agop.runs import Line, Run, TrainingFit, distinct, select, with_columns

__all__ = ["DeepRFMResult"]


@dataclass(frozen=True, eq=False)
class DeepRFMResult:
    """A run of Deep RFM.

    Attributes
    ----------
    name
        Name of the run in this report.
    info
        ``run.json``; at least "settings".
    lines
        ``metrics.jsonl``.
    tensors
        Spectra, eigenvectors and Gram pictures; may be empty.
    """

    name: str
    info: Mapping[str, Any]
    lines: Sequence[Line]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def read(cls, run: Run) -> DeepRFMResult:
        """Result of a run folder."""
        keys = "seed", "control", "layer", "stage"
        lines = distinct(with_columns(run.metrics(), *keys), run.path, *keys)
        if not lines:
            raise nothing_measured(run)
        return cls(run.name, run.info(), checked_lines(lines, run.path, PREDICTOR_RANGES), run.load_tensors())

    @classmethod
    def of(cls, model: DeepRFMClassifier) -> DeepRFMResult:
        """Result of a fitted classifier."""
        check_is_fitted(model)
        control = not model.agop
        lines: list[Line] = [
            {"seed": 0, "control": control, **line} for each in model.records_ for line in each.lines()
        ]
        spectra = {each.layer: each.spectrum for each in model.records_ if each.spectrum is not None}
        tensors = {tensor_name(False, 0, layer, "spectrum"): spectrum for layer, spectrum in spectra.items()}
        settings = plain_settings(model.get_params(deep=False).items())
        return cls("Deep RFM", {"settings": settings, "majority": model._classes.majority}, lines, tensors)

    def fit(self) -> TrainingFit:
        """Fit of the worst seed at the last layer; that of the control where it ran alone."""
        lines = select(self.lines, control=False) or select(self.lines, control=True)
        return TrainingFit.of(lines, "layer", self.info.get("majority", 0.0))
