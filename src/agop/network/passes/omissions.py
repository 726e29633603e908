"""What a measurement leaves out, or takes long for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agop.network.options import MeasureOptions
from agop.network.passes.directions import Exact
from agop.network.passes.statistics import FirstPass
from agop.network.record.notes import few

__all__ = ["omissions"]

_MANY_OUTPUTS = 64
"""Outputs above which as many backward passes a batch are worth a note."""


def omissions(first: FirstPass, unseen: Iterable[str], options: MeasureOptions) -> Iterator[str]:
    """Sentences on layers that were not measured, on padding that was, and on what took long."""
    yield from (f"{name}: {reason}" for name, reason in first.skipped.items())
    yield from (f"{name}: no linear map, convolution or matrix product with its weight was seen" for name in unseen)
    unmasked = [name for name, layer in first.layers.items() if layer.is_unmasked]
    if unmasked:
        advice = "return (outputs, labels, mask) from forward if some are padding"
        yield f"{few(unmasked)}: several rows a sample came without a mask and count as data, all of them; {advice}"
    if isinstance(options.directions, Exact) and first.n_outputs > _MANY_OUTPUTS:
        yield f"exact, {first.n_outputs} backward passes a batch: outputs=Rademacher(k) takes k, and states its error"
