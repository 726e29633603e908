"""The two constants of the linearised recursion, estimated at a layer of Deep RFM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from agop.collapse import nc1_trace_ratio
from agop.deep_rfm import DeepRFMLayer
from agop.errors import UndefinedMeasureError
from agop.kernels import Kernel
from agop.moments import ClassMoments
from agop.paper.computed import Rows
from agop.theory import Linearisation, centred_gram, features_shift, kernel_shift

__all__ = ["LayerShifts", "explaining_shift"]

T = TypeVar("T")


@dataclass(frozen=True)
class LayerShifts:
    r"""Estimates at one layer, for Gram matrices centred and scaled to a mean diagonal of 1; None where there is none.

    Attributes
    ----------
    kernel, features
        :math:`\lambda_k` and :math:`\lambda_\Phi` by least squares over all pairs of samples, with the residuals.
    explaining
        The :math:`\lambda_\Phi` with which the recursion has the measured NC1 after the random map.
    """

    kernel: Linearisation | None
    features: Linearisation | None
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


def explaining_shift(mapped: Tensor, features: Tensor, rows: Rows) -> float:
    r"""The :math:`\lambda \geq 0` for which the Gram matrix of Z plus :math:`\lambda I` has the NC1 of the features.

    The Gram matrix of Z = ``mapped`` (n, d) is centred and scaled to a mean diagonal of 1. The identity adds
    :math:`\lambda (1 - C/n)` to :math:`\mathrm{tr} \Sigma_W` and :math:`\lambda (1 - 1/C)` times the mean of
    :math:`1/N_c` to :math:`\mathrm{tr} \Sigma_B`.
    """
    n, classes = len(rows.labels), rows.n_classes
    wanted = nc1_trace_ratio(ClassMoments.from_gram(features @ features.mT, rows.labels, classes))
    moments = ClassMoments.from_gram(centred_gram(mapped @ mapped.mT), rows.labels, classes)
    within, between = moments.scatter_trace / n, float(moments.centered_means().square().sum()) / classes
    adds_within, adds_between = 1 - classes / n, float((1 / moments.counts).mean()) * (1 - 1 / classes)
    return max(0.0, (wanted * between - within) / (adds_within - wanted * adds_between))


def _or_none(estimate: Callable[[], T]) -> T | None:
    try:
        return estimate()
    except UndefinedMeasureError:
        return None
