"""Deep RFM by layer, and what the linearized recursion predicts for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from agop.collapse import nc1_trace_ratio
from agop.deep_rfm import DeepRFMLayer, DeepRFMSettings, LayerSettings, deep_rfm
from agop.errors import UndefinedMeasureError
from agop.kernels import Kernel
from agop.moments import ClassMoments
from agop.paper.computed import Rows, collapse_of_gram
from agop.paper.figure import Observe
from agop.rfm import Samples
from agop.runs import Line
from agop.theory import (
    Linearization,
    LinearizedLayer,
    centered_gram,
    class_targets,
    features_shift,
    kernel_shift,
    linearized_recursion,
)

__all__ = ["LayerShifts", "explaining_shift", "recursion_lines"]

T = TypeVar("T")

_LEAST_KERNEL_SHIFT = 1e-9
"""Smallest shift of the kernel in the recursion, which needs a positive one; a fit may fall below."""


@dataclass(frozen=True)
class LayerShifts:
    r"""Estimates at one layer, for Gram matrices centered and scaled to a mean diagonal of 1; None where there is none.

    Attributes
    ----------
    kernel, features
        :math:`\lambda_k` and :math:`\lambda_\Phi` by least squares over all pairs of samples, with the residuals.
    explaining
        The :math:`\lambda_\Phi` with which the recursion has the measured NC1 after the random map.
    """

    kernel: Linearization | None
    features: Linearization | None
    explaining: float | None

    @classmethod
    def of(cls, kernel: Kernel, layer: DeepRFMLayer, rows: Rows) -> LayerShifts:
        """Estimates for a layer that was run."""
        mapped, features = layer.stages["agop"], layer.stages["features"]
        return cls(
            _or_none(lambda: kernel_shift(kernel, layer.inputs)),
            _or_none(lambda: features_shift(layer.map.random_map, mapped)),
            _or_none(lambda: explaining_shift(mapped, features, rows)),
        )


def recursion_lines(settings: DeepRFMSettings, rows: Rows, observe: Observe = lambda text: None) -> Iterator[Line]:
    r"""NC1 and NC2 by layer and stage: the curve "measured" in Deep RFM, and four predicted ones.

    * "first": from the first layer's Gram matrix, with :math:`\lambda_k` and :math:`\lambda_\Phi` as fitted to the
      kernel and the random map of that layer;
    * "refitted": likewise, with those of each layer;
    * "explained": likewise, but with :math:`\lambda_\Phi` such that each random map raises NC1 as measured;
    * "one step": the AGOP stage of each layer from its own measured inputs. The error is that of one AGOP step;
      elsewhere errors add up.

    Gram matrices and targets are centered: the constant part of a kernel, of which inner products know nothing, fits
    the mean. The input lines of the measured curve have the shifts, and the residuals of their fits. A curve ends at
    the first layer without a fit.

    Parameters
    ----------
    settings
        Settings of Deep RFM; the first seed is used.
    rows
        Inputs and labels.
    observe
        Called with a line about the progress.
    """
    coded = class_targets(rows.labels, rows.n_classes, settings.targets)
    targets = coded - coded.mean(0)
    kernel = settings.make_kernel()
    layer_settings = LayerSettings(kernel, settings.make_features(), settings.ridge)
    layers = deep_rfm(Samples.of(rows.inputs, coded), layer_settings, settings.depth, seed=settings.seeds[0])
    start = torch.empty(0)
    found: list[LayerShifts] = []
    for layer in layers:
        gram = centered_gram(layer.inputs @ layer.inputs.mT)
        start = gram if layer.index == 1 else start
        shifts = LayerShifts.of(kernel, layer, rows)
        found.append(shifts)
        stages = {name: features @ features.mT for name, features in layer.stages.items()}
        yield from _lines("measured", layer.index, stages, rows, _columns(shifts))
        if shifts.kernel is not None:
            (step,) = _predicted(gram, targets, [(shifts.kernel.shift, 0.0)])
            yield from _lines("one step", layer.index, {"agop": step.mapped}, rows)
        observe(f"layer {layer.index}")
    for name, pairs in _schedules(found).items():
        for predicted in _predicted(start, targets, pairs) if pairs else ():
            yield from _lines(name, predicted.index, predicted.stages, rows)


def explaining_shift(mapped: Tensor, features: Tensor, rows: Rows) -> float:
    r"""The :math:`\lambda \geq 0` for which the Gram matrix of Z plus :math:`\lambda I` has the NC1 of the features.

    The Gram matrix of Z = ``mapped`` (n, d) is centered and scaled to a mean diagonal of 1. The identity adds
    :math:`\lambda (1 - C/n)` to :math:`\mathrm{tr} \Sigma_W` and :math:`\lambda (1 - 1/C)` times the mean of
    :math:`1/N_c` to :math:`\mathrm{tr} \Sigma_B`.
    """
    n, classes = len(rows.labels), rows.n_classes
    wanted = nc1_trace_ratio(ClassMoments.from_gram(features @ features.mT, rows.labels, classes))
    moments = ClassMoments.from_gram(centered_gram(mapped @ mapped.mT), rows.labels, classes)
    within, between = moments.scatter_trace / n, float(moments.centered_means().square().sum()) / classes
    adds_within, adds_between = 1 - classes / n, float((1 / moments.counts).mean()) * (1 - 1 / classes)
    return max(0.0, (wanted * between - within) / (adds_within - wanted * adds_between))


def _schedules(found: Sequence[LayerShifts]) -> dict[str, list[tuple[float, float]]]:
    """Shifts of each layer, as far as there are any, for the three curves that start at the first layer."""
    refitted: list[tuple[float, float]] = []
    explained: list[tuple[float, float]] = []
    for index, shifts in enumerate(found):
        if shifts.kernel is not None and shifts.features is not None and len(refitted) == index:
            refitted.append((shifts.kernel.shift, shifts.features.shift))
        if shifts.kernel is not None and shifts.explaining is not None and len(explained) == index:
            explained.append((shifts.kernel.shift, shifts.explaining))
    return {"first": refitted[:1] * len(found), "refitted": refitted, "explained": explained}


def _predicted(gram: Tensor, targets: Tensor, shifts: Sequence[tuple[float, float]]) -> Iterator[LinearizedLayer]:
    return linearized_recursion(
        gram,
        targets,
        kernel_shift=[max(kernel, _LEAST_KERNEL_SHIFT) for kernel, _ in shifts],
        features_shift=[max(features, 0.0) for _, features in shifts],
        depth=len(shifts),
    )


def _columns(shifts: LayerShifts) -> dict[str, float | None]:
    fits = {"kernel": shifts.kernel, "features": shifts.features}
    columns = {f"{name}_shift": None if fit is None else fit.shift for name, fit in fits.items()}
    columns |= {f"{name}_residual": None if fit is None else fit.residual for name, fit in fits.items()}
    return columns | {"explaining_shift": shifts.explaining}


def _lines(
    name: str, layer: int, stages: dict[str, Tensor], rows: Rows, columns: dict[str, float | None] | None = None
) -> Iterator[Line]:
    for stage, gram in stages.items():
        extra = columns if columns is not None and stage == "input" else {}
        yield {"curve": name, "layer": layer, "stage": stage, **collapse_of_gram(gram, rows), **extra}


def _or_none(estimate: Callable[[], T]) -> T | None:
    try:
        return estimate()
    except UndefinedMeasureError:
        return None
