"""The layer that makes the outputs, at which the ansatz holds whatever was learned."""

from __future__ import annotations

from collections.abc import Iterable

from agop.runs import Line, select, values_of

__all__ = ["BY_DEFINITION", "compared_lines", "output_layer"]

BY_DEFINITION = "not compared: the AGOP of the layer that makes the outputs is WᵀW by definition"

_EXACT = 1 - 1e-6
"""Correlation of the entries of two matrices that are the same up to a factor and rounding."""


def output_layer(last: Iterable[Line]) -> str | None:
    """Last layer, if its AGOP is proportional to W^T W in every seed; None if it is not, or that is not known.

    The outputs of a linear layer that makes them are W x, whose gradient in x is W wherever x lies, so that the AGOP
    is W^T W before any training.

    Examples
    --------
    >>> lines = [{"layer": f"fc.{k}", "stage": "input", "nfa_pearson": nfa} for k, nfa in ((1, 0.5), (2, 1.0))]
    >>> output_layer(lines), output_layer(lines[:1])
    ('fc.2', None)
    """
    inputs = select(last, stage="input")
    if not inputs:
        return None
    layer = values_of(inputs, "layer")[-1]
    found = [line.get("nfa_pearson") for line in inputs if line["layer"] == layer]
    return layer if all(value is not None and value > _EXACT for value in found) else None


def compared_lines(last: Iterable[Line]) -> list[Line]:
    """Inputs of the layers at which the ansatz says something."""
    lines = select(last, stage="input")
    skipped = output_layer(lines)
    return [line for line in lines if line["layer"] != skipped]
