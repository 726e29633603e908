"""Record of Deep RFM: collapse at three stages of every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agop.collapse import Collapse
from agop.deep_rfm.layer import DeepRFMLayer, normalize_rows
from agop.errors import UndefinedMeasureError
from agop.linalg import effective_rank
from agop.ranks import Panels
from agop.storable import storable

__all__ = ["DeepRFMRecord", "StageRecord", "deep_rfm_records"]

RECORDED = ("nc1_trace_ratio", "nc1_pinv", "nc1_cdnv", "nc2_gram_mse", "nc2_etf_error")
"""Measures in the lines of a run, of all that a stage has."""

_SPECTRUM = 4
"""Multiply-adds behind the eigenvalues of a (d, d) matrix over d^3, at the rate of a product."""

_PAIRED_ROWS = 500
"""Rows at most of which all pairs are looked at for the scaled distance."""


@storable
@dataclass(frozen=True)
class StageRecord:
    """Collapse of the features of one stage.

    Attributes
    ----------
    collapse
        All measures of collapse; None where they have no value, as for class means that coincide.
    effective_rank
        (tr S)^2 / ||S||_F^2 of the covariance S of the features.

    Examples
    --------
    >>> features = torch.tensor([[0.0, 1.0], [0.0, 3.0], [4.0, 0.0], [6.0, 0.0]])
    >>> stage = StageRecord.of(features, torch.tensor([0, 0, 1, 1]), n_classes=2)
    >>> round(stage.collapse.nc1_trace_ratio, 4), round(stage.effective_rank, 4)
    (0.1379, 1.1285)
    """

    collapse: Collapse | None
    effective_rank: float

    @classmethod
    def of(cls, features: Tensor, labels: Tensor, n_classes: int) -> StageRecord:
        """Measure features (n, d) with labels (n,)."""
        features = features.double()
        try:
            collapse = Collapse.of(features, labels, n_classes)
        except UndefinedMeasureError:
            collapse = None
        return cls(collapse, effective_rank(features - features.mean(0)))


@storable
@dataclass(frozen=True)
class DeepRFMRecord:
    """Measurements at one layer of Deep RFM.

    Attributes
    ----------
    layer
        Layer number, from 1.
    stages
        "input": X_l after normalization; "agop": X_l M_l^{1/2}; "features": Phi_l of it, before
        normalization.
    train_accuracy, test_accuracy
        Accuracy of the layer's kernel ridge regression; the latter None without test data.
    spectrum
        Eigenvalues of M_l, largest first; None for the identity control.
    scaled_distance
        Median distance of training rows of two classes after the AGOP stage, in units of the kernel of the random
        map: gamma ||x - z||_1 or ||x - z||_2 / L. Far above 1 the kernel across classes is about 0 and the map is
        saturated. None for ReLU features, which have no unit.
    precision
        Data types in which the parts were computed, and the jitter of the solve.

    Examples
    --------
    >>> features = torch.tensor([[0.0, 1.0], [0.0, 3.0], [4.0, 0.0], [6.0, 0.0]])
    >>> stage = StageRecord.of(features, torch.tensor([0, 0, 1, 1]), n_classes=2)
    >>> (line,) = DeepRFMRecord(1, {"input": stage}, 1.0, 0.9, None, None, {}).lines()
    >>> line["layer"], line["stage"], round(line["nc1_trace_ratio"], 4), line["test_accuracy"]
    (1, 'input', 0.1379, 0.9)
    """

    layer: int
    stages: dict[str, StageRecord]
    train_accuracy: float
    test_accuracy: float | None
    spectrum: Tensor | None
    scaled_distance: float | None
    precision: dict[str, Any]

    def lines(self) -> Iterator[dict[str, Any]]:
        """One flat dictionary a stage, in the order of the stages."""
        for name, stage in self.stages.items():
            yield {
                "layer": self.layer,
                "stage": name,
                **{measure: getattr(stage.collapse, measure, None) for measure in RECORDED},
                "effective_rank": stage.effective_rank,
                "train_accuracy": self.train_accuracy,
                "test_accuracy": self.test_accuracy,
                "scaled_distance": self.scaled_distance,
            }


def deep_rfm_records(
    layers: Iterable[DeepRFMLayer],
    labels: Tensor,
    n_classes: int,
    test: tuple[Tensor, Tensor] | None = None,
) -> Iterator[tuple[DeepRFMLayer, DeepRFMRecord]]:
    """Measure layers as they come; test inputs (standardized, not normalized) travel along.

    Ranks that take the layers together share the work, and all get the records.

    Parameters
    ----------
    layers
        Layers of ``agop.deep_rfm.deep_rfm``.
    labels
        (n,) integer labels in 0..n_classes-1 of the training inputs.
    n_classes
        Number of classes C, the number of targets.
    test
        Test inputs (m, d) and labels (m,).

    Yields
    ------
    tuple of DeepRFMLayer and DeepRFMRecord

    Examples
    --------
    >>> from agop.deep_rfm import LayerSettings, ReLUFeatures, deep_rfm
    >>> from agop.kernels import Laplace
    >>> from agop.rfm import Samples
    >>> labels = torch.arange(40) % 2
    >>> x = torch.randn(40, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + labels[:, None]
    >>> samples = Samples.of(x, 2.0 * torch.nn.functional.one_hot(labels).double() - 1)
    >>> layers = deep_rfm(samples, LayerSettings(Laplace(2.0), ReLUFeatures(64)), depth=3)
    >>> for _, record in deep_rfm_records(layers, labels, n_classes=2):
    ...     print(record.layer, round(record.stages["input"].collapse.nc1_trace_ratio, 2))
    1 3.44
    2 2.63
    3 1.24
    """
    test_inputs = None if test is None else normalize_rows(test[0])
    for layer in layers:
        test_accuracy = None
        if test is not None and test_inputs is not None:
            test_accuracy = _accuracy(layer, test_inputs, test[1])
            test_inputs = layer.map(test_inputs)
        stages = _measured(layer, labels, n_classes)
        spectrum = stages.pop("spectrum", None)
        yield (
            layer,
            DeepRFMRecord(
                layer.index,
                stages,
                _accuracy(layer, layer.inputs, labels),
                test_accuracy,
                spectrum,
                _scaled_distance(layer, labels),
                _precision(layer),
            ),
        )


def _measured(layer: DeepRFMLayer, labels: Tensor, n_classes: int) -> dict[str, Any]:
    """Record of each stage, and the "spectrum" of the AGOP if there is one, each by one of the ranks."""
    pieces: dict[str, Callable[[], Any]] = {
        name: partial(StageRecord.of, features, labels, n_classes) for name, features in layer.stages.items()
    }
    costs = {name: float(features.numel() * features.shape[1]) for name, features in layer.stages.items()}
    if layer.agop is not None:
        pieces["spectrum"] = partial(_spectrum, layer.agop)
        costs["spectrum"] = float(_SPECTRUM * len(layer.agop) ** 3)
    return layer.ranks.spread(lambda name: pieces[name](), costs, layer.inputs.device)


def _spectrum(agop: Tensor) -> Tensor:
    """Eigenvalues, largest first."""
    values: Tensor = torch.linalg.eigvalsh(agop).flip(0)
    return values


def _accuracy(layer: DeepRFMLayer, inputs: Tensor, labels: Tensor) -> float:
    panels = Panels.of(len(inputs), layer.ranks)
    right = layer.fit.machine(panels.own_part(inputs)).argmax(1) == panels.own_part(labels)
    (total,) = layer.ranks.sum([right.sum()])
    return total.item() / len(inputs)


def _scaled_distance(layer: DeepRFMLayer, labels: Tensor) -> float | None:
    """Median over pairs of two classes, of the rows that a fixed draw takes."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(labels))[:_PAIRED_ROWS]).to(labels.device)
    mapped, labels = layer.stages["agop"][order].double(), labels[order]
    distances = layer.random_features.scaled_distances(mapped, mapped)
    if distances is None:
        return None
    across = distances[labels[:, None] != labels]
    return across.median().item() if len(across) else None


def _precision(layer: DeepRFMLayer) -> dict[str, Any]:
    def name(dtype: torch.dtype) -> str:
        return str(dtype).removeprefix("torch.")

    record = {
        "features": name(layer.inputs.dtype),
        "distances": name(layer.fit.distances),
        "solve": name(layer.fit.solution.dtype),
        "jitter": layer.fit.solution.jitter,
    }
    if layer.plan is not None:
        record |= {
            "agop": name(layer.plan.dtype),
            "agop_form": layer.plan.form,
            "agop_error": layer.plan.error,
        }
    return record
