"""What one layer of a network showed: collapse at its stages, the AGOP, and which part made the collapse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from agop.collapse import Collapse
from agop.errors import InputError, UndefinedMeasureError
from agop.linalg import Spectrum
from agop.moments import ClassMoments
from agop.network.ansatz import Ansatz
from agop.runs import LEAST_FALL

__all__ = ["STAGES", "Attribution", "LayerRecord", "Stage"]

STAGES = ("input", "linear", "output", "agop_1/2", "agop_1/4")
"""phi, W phi + b, sigma(W phi + b), AGOP^{1/2} phi and AGOP^{1/4} phi."""


@dataclass(frozen=True)
class Stage:
    """Features of one stage of a layer.

    Attributes
    ----------
    moments
        Class means and scatter; of AGOP^p phi up to an isometry.
    collapse
        All measures of collapse; None where they have no value, as for class means that coincide.
    """

    moments: ClassMoments
    collapse: Collapse | None

    def merge(self, other: Stage) -> Stage:
        """Both together; NC1 with the pseudo-inverse, NC4 and NC5 depend on all the data at once and become None."""
        return Stage.of(self.moments.merge(other.moments))

    @classmethod
    def of(cls, moments: ClassMoments) -> Stage:
        """Stage from its moments alone."""
        try:
            return cls(moments, Collapse.from_passes(moments, None))
        except UndefinedMeasureError:
            return cls(moments, None)


@dataclass(frozen=True)
class Attribution:
    r"""Which part of a layer made its features collapse.

    Attributes
    ----------
    linear_log_fall
        :math:`\log(\mathrm{NC1}(\phi) / \mathrm{NC1}(W\phi))`, the part of S V^T in W = U S V^T.
    output_log_fall
        :math:`\log(\mathrm{NC1}(\phi) / \mathrm{NC1}(\sigma(W\phi + b)))`, the whole layer.
    share
        The first over the second: the share of the linear part in the fall of NC1.

    Each is None where a stage or its NC1 is missing; the share also where NC1 falls by less than 5 % over the whole
    layer, or rises: a share of next to nothing can be any number.

    Examples
    --------
    >>> round(Attribution.of(8.0, 2.0, 1.0).share, 3), Attribution.of(1.0, 2.0, 3.0).share
    (0.667, None)
    """

    linear_log_fall: float | None
    output_log_fall: float | None
    share: float | None

    @classmethod
    def of(cls, before: float | None, linear: float | None, output: float | None) -> Attribution:
        """Attribution from NC1 (trace ratio) of phi, W phi + b and sigma(W phi + b)."""
        first, whole = (_log_fall(before, after) for after in (linear, output))
        share = first / whole if first is not None and whole is not None and whole >= LEAST_FALL else None
        return cls(first, whole, share)


@dataclass(frozen=True)
class LayerRecord:
    """What one layer showed.

    Attributes
    ----------
    name
        Path of the layer in the model.
    weight
        W, dense, (out, in).
    stages
        "input", "linear", "output", "agop_1/2" and "agop_1/4"; one that does not exist is missing.
    activation
        Call that made the output stage, such as "relu"; None if none was found.
    spectrum
        Eigenvalues and eigenvectors of the AGOP at the layer's input, a mean over samples and a sum over outputs and
        rows; None if no gradient reached the layer.
    agop_error
        Standard error of the AGOP's trace over the trace, for random directions of the outputs.
    rows
        Rows (positions, tokens, uses) of a sample.
    patch
        (channels, height, width) that the columns of the weight and of the AGOP of a 2-d convolution are, flattened in
        this order; with groups the channels of all of them, as in the dense weight. None for other layers.
    """

    name: str
    weight: Tensor
    stages: dict[str, Stage]
    activation: str | None = None
    spectrum: Spectrum | None = None
    agop_error: float | None = None
    rows: float = 1.0
    patch: tuple[int, int, int] | None = None

    @property
    def input(self) -> Collapse | None:
        """Collapse of phi."""
        return self._collapse("input")

    @property
    def linear(self) -> Collapse | None:
        """Collapse of W phi + b."""
        return self._collapse("linear")

    @property
    def output(self) -> Collapse | None:
        """Collapse of sigma(W phi + b), None if no nonlinearity was found."""
        return self._collapse("output")

    @property
    def agop_stage(self) -> Collapse | None:
        """Collapse of AGOP^{1/2} phi; the stage "agop_1/4" has that of AGOP^{1/4} phi."""
        return self._collapse("agop_1/2")

    @property
    def agop(self) -> Tensor | None:
        """AGOP (in, in), float64; ``spectrum.top(r)`` where that is too large."""
        return None if self.spectrum is None else self.spectrum.matrix()

    @cached_property
    def nfa(self) -> Ansatz | None:
        """Agreement of W^T W with powers of the AGOP; None where one of them is zero."""
        if self.spectrum is None:
            return None
        try:
            return Ansatz.of(self.weight, self.spectrum)
        except UndefinedMeasureError:
            return None

    @property
    def attribution(self) -> Attribution:
        """Share of the linear part in the fall of NC1."""
        found = (self._collapse(stage) for stage in ("input", "linear", "output"))
        return Attribution.of(*(None if collapse is None else collapse.nc1_trace_ratio for collapse in found))

    @property
    def feature_norm(self) -> float:
        """Root of the mean squared norm of the input features."""
        moments = self.stages["input"].moments
        squares = moments.scatter_trace + float((moments.counts * moments.means.square().sum(1)).sum())
        return math.sqrt(squares / moments.n_samples)

    def lines(self) -> Iterator[dict[str, Any]]:
        """One flat dictionary a stage: its measures, and on the input stage those of the whole layer."""
        for name in STAGES:
            if name in self.stages:
                collapse = self._collapse(name)
                whole = self._whole_layer() if name == "input" else {}
                yield {"layer": self.name, "stage": name, **({} if collapse is None else collapse.as_dict()), **whole}

    def merge(self, other: LayerRecord, shares: tuple[float, float]) -> LayerRecord:
        """The layer on the samples of both, which are the given shares of all.

        Stages after the AGOP change with it and are left out.
        """
        if self.name != other.name or not torch.equal(self.weight, other.weight):
            raise InputError(f"layer {self.name} with the same weight", other.name, "Merge records of one model only.")
        common = [stage for stage in self.stages if stage in other.stages and not stage.startswith("agop")]
        spectrum = None
        if self.spectrum is not None and other.spectrum is not None:
            parts = zip(shares, (self.spectrum, other.spectrum), strict=True)
            spectrum = Spectrum.of_factor(torch.cat([share**0.5 * part.factor() for share, part in parts]))
        return replace(
            self,
            stages={stage: self.stages[stage].merge(other.stages[stage]) for stage in common},
            spectrum=spectrum,
            agop_error=None,
            rows=shares[0] * self.rows + shares[1] * other.rows,
        )

    def _collapse(self, stage: str) -> Collapse | None:
        return self.stages[stage].collapse if stage in self.stages else None

    def _whole_layer(self) -> dict[str, Any]:
        attribution, nfa = self.attribution, self.nfa
        return {
            "activation": self.activation,
            "linear_log_fall": attribution.linear_log_fall,
            "output_log_fall": attribution.output_log_fall,
            "share": attribution.share,
            "feature_norm": self.feature_norm,
            "agop_error": self.agop_error,
            **({} if nfa is None else {f"nfa_{name}": value for name, value in nfa.as_dict().items()}),
        }


def _log_fall(before: float | None, after: float | None) -> float | None:
    return math.log(before / after) if before and after else None
