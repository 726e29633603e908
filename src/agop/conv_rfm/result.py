"""Result of a run of convolutional RFM, as reports see it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.charts.kind import nothing_measured, plain_settings
from agop.collapse.lines import PREDICTOR_RANGES, checked_lines
from agop.conv_rfm.estimator import ConvRFMClassifier
from agop.conv_rfm.run import tensor_name
from agop.runs import Line, Run, TrainingFit, distinct, with_columns

__all__ = ["ConvRFMResult"]


@dataclass(frozen=True, eq=False)
class ConvRFMResult:
    """A run of convolutional RFM.

    Attributes
    ----------
    name
        Name of the run in this report.
    info
        ``run.json``; at least "settings".
    lines
        ``metrics.jsonl``.
    tensors
        Spectra and filters; may be empty.
    """

    name: str
    info: Mapping[str, Any]
    lines: Sequence[Line]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def read(cls, run: Run) -> ConvRFMResult:
        """Result of a run folder."""
        keys = "seed", "iteration"
        lines = distinct(with_columns(run.metrics(), *keys), run.path, *keys)
        if not lines:
            raise nothing_measured(run)
        return cls(run.name, run.info(), checked_lines(lines, run.path, PREDICTOR_RANGES), run.load_tensors())

    @classmethod
    def of(cls, model: ConvRFMClassifier) -> ConvRFMResult:
        """Result of a fitted classifier; its filters are those of the kept iterate."""
        check_is_fitted(model)
        lines = [{"seed": 0, **record.line()} for record in model.records_]
        found = {each.iteration: each.spectrum for each in model.records_ if each.spectrum is not None}
        tensors = {tensor_name(0, iteration, "spectrum"): spectrum for iteration, spectrum in found.items()}
        if model.metric_ is not None:
            tensors[tensor_name(0, model.best_iteration_, "filters")] = model.filters_[:8]
        settings = plain_settings(model.get_params(deep=False).items())
        return cls("Convolutional RFM", {"settings": settings, "majority": model._classes.majority}, lines, tensors)

    def fit(self) -> TrainingFit:
        """Fit of the worst seed at the last iterate."""
        return TrainingFit.of(self.lines, "iteration", self.info.get("majority", 0.0))

    def of_iterations(self, what: str) -> dict[int, Tensor]:
        """Tensors of a name, "spectrum" or "filters", by iteration, of the first seed that has them.

        Examples
        --------
        >>> import torch
        >>> tensors = {"seed3/iteration01/filters": torch.ones(2), "seed4/iteration01/filters": torch.zeros(2)}
        >>> ConvRFMResult("run", {"settings": {}}, [], tensors).of_iterations("filters")
        {1: tensor([1., 1.])}
        """
        found: dict[int, tuple[int, Tensor]] = {}
        for name, tensor in self.tensors.items():
            if match := re.fullmatch(rf"seed(\d+)/iteration(\d+)/{what}", name):
                seed, iteration = int(match[1]), int(match[2])
                if iteration not in found or seed < found[iteration][0]:
                    found[iteration] = seed, tensor
        return {iteration: tensor for iteration, (_, tensor) in sorted(found.items())}
