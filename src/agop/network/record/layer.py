"""One layer of a network as it was measured: collapse at its stages, the AGOP, and the cause of collapse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from agop.collapse import Collapse, RegressionCollapse
from agop.errors import InputError
from agop.linalg import Spectrum
from agop.network.passes.gradients import LayerGradients
from agop.network.record.ansatz import Ansatz, ansatz_of
from agop.network.record.attribution import Attribution
from agop.network.record.fact import Fact
from agop.network.record.stage import STAGES, Stage
from agop.storable import storable

__all__ = ["LayerRecord"]


_LEADING = 32
"""Eigenvectors of the AGOP that a compact record keeps."""


@storable
@dataclass(frozen=True)
class LayerRecord:
    """A measured layer, in full or compact (:meth:`compact`).

    Attributes
    ----------
    name
        Path of the layer in the model.
    weight
        W, dense, (out, in); None in a compact record.
    stages
        "input", "linear", "output", "agop_1/2" and "agop_1/4"; one that does not exist is missing.
    activation
        Call that made the output stage, such as "relu"; None if none was found.
    gradients
        Outer product of the gradients behind the AGOP; None if no gradient reached the layer, and in a compact record.
    spectrum
        Eigenvalues and eigenvectors of the AGOP at the layer's input, a mean over samples and a sum over outputs and
        rows, in a compact record the leading ones; None if no gradient reached the layer.
    agop_error
        Error of the AGOP's trace over the trace, for two or more random directions of the outputs: exceeded in about
        5 % of draws, more often where one sample has most of the variance. None for exact outputs.
    rows
        Rows (positions, tokens, uses) of a sample.
    patch
        (channels, height, width) that the columns of the weight and of the AGOP of a 2-d convolution are, flattened in
        this order; with groups the channels of all of them, as in the dense weight. None for other layers.
    is_classifier
        Whether its outputs are those of the network, so that its weight is the classifier of NC3.
    nfa
        Agreement of W^T W with powers of the AGOP, by :meth:`with_ansatz`; None where one of them is zero.
    smaller_eigenvalues
        Eigenvalues of the AGOP after those of ``spectrum``, descending, in a compact record; else None.
    fact
        Agreement of W^T W with the Features at Convergence Theorem; None where no loss was given, or it is zero.
    loss_gradient
        Gradient (out, in) of the mean loss with respect to W, float64; None where no loss was given, and in a compact
        record.
    """

    name: str
    weight: Tensor | None
    stages: dict[str, Stage]
    activation: str | None = None
    gradients: LayerGradients | None = None
    spectrum: Spectrum | None = None
    agop_error: float | None = None
    rows: float = 1.0
    patch: tuple[int, int, int] | None = None
    is_classifier: bool = False
    nfa: Ansatz | None = None
    smaller_eigenvalues: Tensor | None = None
    fact: Fact | None = None
    loss_gradient: Tensor | None = None

    def with_ansatz(self) -> Self:
        """The layer with the agreement of its weight and its AGOP, the most expensive number of a record."""
        if self.weight is None or self.spectrum is None:
            return self
        return replace(self, nfa=ansatz_of(self.weight, self.spectrum))

    def compact(self, k: int = _LEADING) -> Self:
        r"""The layer in little memory: all numbers and eigenvalues, no matrix, and it does not merge.

        Left out are the weight, the gradient of the loss with respect to it, the outer product of the gradients, class
        means, and the eigenvectors of the AGOP after the k-th: for a layer of d inputs and C classes about 8 k d bytes
        are left of 16 d^2 + 4 out d + 24 C d, or 12 out d with a loss.

        Parameters
        ----------
        k
            Eigenvectors of the AGOP that are kept.

        Raises
        ------
        InputError
            If k is less than one.

        Examples
        --------
        >>> import torch
        >>> agop = Spectrum.of(torch.diag(torch.tensor([4.0, 2.0, 1.0])))
        >>> layer = LayerRecord("fc", torch.eye(3)[:2], {}, spectrum=agop).with_ansatz()
        >>> small = layer.compact(k=1)
        >>> small.is_compact, small.spectrum.values.tolist(), small.eigenvalues.tolist(), small.nfa == layer.nfa
        (True, [4.0], [4.0, 2.0, 1.0], True)
        """
        spectrum, smaller = self.spectrum, None
        if spectrum is not None and self.eigenvalues is not None:
            top = spectrum.top(k)
            spectrum = Spectrum(top.values.clone(), top.vectors.clone(memory_format=torch.contiguous_format))
            smaller = self.eigenvalues[spectrum.rank :].clone()
        stages = {name: stage.compact() for name, stage in self.stages.items()}
        kept = replace(self, stages=stages, spectrum=spectrum, smaller_eigenvalues=smaller)
        return replace(kept, weight=None, gradients=None, loss_gradient=None)

    @property
    def is_compact(self) -> bool:
        """Whether matrices were left out."""
        return self.weight is None

    @property
    def input(self) -> Collapse | RegressionCollapse | None:
        """Collapse of phi."""
        return self._collapse("input")

    @property
    def linear(self) -> Collapse | RegressionCollapse | None:
        """Collapse of W phi + b."""
        return self._collapse("linear")

    @property
    def output(self) -> Collapse | RegressionCollapse | None:
        """Collapse of sigma(W phi + b), None if no nonlinearity was found."""
        return self._collapse("output")

    @property
    def agop_stage(self) -> Collapse | RegressionCollapse | None:
        """Collapse of AGOP^{1/2} phi; the stage "agop_1/4" has that of AGOP^{1/4} phi."""
        return self._collapse("agop_1/2")

    @property
    def agop(self) -> Tensor | None:
        """AGOP (in, in), float64; ``spectrum.top(r)`` where that is too large.

        Raises
        ------
        InputError
            If the record is compact; ``spectrum.matrix()`` is then the best approximation of its rank.
        """
        missing = 0 if self.smaller_eigenvalues is None else len(self.smaller_eigenvalues)
        if missing:
            got, advice = f"{missing} left out", "Use its spectrum, or measure with max_width=None."
            raise InputError(f"all eigenvectors of the AGOP of layer {self.name}", got, advice)
        return None if self.spectrum is None else self.spectrum.matrix()

    @property
    def eigenvalues(self) -> Tensor | None:
        """All eigenvalues of the AGOP that are not rounding, descending, float64."""
        if self.spectrum is None or self.smaller_eigenvalues is None:
            return None if self.spectrum is None else self.spectrum.values
        return torch.cat([self.spectrum.values, self.smaller_eigenvalues])

    @property
    def attribution(self) -> Attribution:
        """Share of the linear part in the fall of NC1."""
        found = (self._collapse(stage) for stage in ("input", "linear", "output"))
        return Attribution.of(*(None if part is None else part.values.get("nc1_trace_ratio") for part in found))

    @property
    def feature_norm(self) -> float | None:
        """Root of the mean squared norm of the input features, None if their collapse was not measured."""
        return math.sqrt(self.stages["input"].features.mean_square) if "input" in self.stages else None

    def lines(self) -> Iterator[dict[str, Any]]:
        """One flat dictionary a stage: its measures, and on the input stage those of the whole layer."""
        for name in STAGES:
            if name in self.stages or name == "input":
                numbers = self.stages[name].as_dict() if name in self.stages else {}
                whole = self._whole_layer() if name == "input" else {}
                yield {"layer": self.name, "stage": name, **numbers, **whole}

    def _collapse(self, stage: str) -> Collapse | RegressionCollapse | None:
        return self.stages[stage].collapse if stage in self.stages else None

    def _whole_layer(self) -> dict[str, Any]:
        attribution, nfa, fact = self.attribution, self.nfa, self.fact
        return {
            "activation": self.activation,
            "linear_log_fall": attribution.linear_log_fall,
            "output_log_fall": attribution.output_log_fall,
            "share": attribution.share,
            "feature_norm": self.feature_norm,
            "n_rows": self.stages["input"].features.n_rows if "input" in self.stages else None,
            "agop_error": self.agop_error,
            **({} if nfa is None else {f"nfa_{name}": value for name, value in nfa.as_dict().items()}),
            **({} if fact is None else {f"fact_{name}": value for name, value in fact.as_dict().items()}),
        }
