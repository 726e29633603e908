"""Whether samples are independent: the outputs of one do not depend on the rows of another."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from agop.errors import InputError
from agop.network.passes.features import CallFeatures
from agop.network.passes.sweep import SeenBatch

__all__ = ["check_independence"]

_LEVELS = 8
"""Powers of two that tell samples apart; more would overflow gradients in half precision."""

_MIXED = 1e-4
"""Gradients at the rows of another sample, relative to the largest, that are not rounding."""


def check_independence(seen: SeenBatch, calls: list[CallFeatures]) -> None:
    """Raise, on all ranks that pass a batch together, if the outputs of one sample depend on the rows of another."""
    if any(seen.ranks.exchange(_are_mixed(seen, calls))):
        raise InputError(
            "outputs of a sample that depend on that sample alone",
            "outputs that depend on other samples too, as those of tokens do, or samples on an unusual axis",
            "Use outputs=Rademacher(k), which is right for tokens, or leave such layers out by layers=....",
        )


def _are_mixed(seen: SeenBatch, calls: list[CallFeatures]) -> bool:
    """Whether the outputs of one sample depend on the rows of another, from two backward passes.

    The outputs of each sample are weighted by a power of two, which rounding respects in every precision: the gradients
    at its rows must be weighted by the same one.
    """
    outputs = seen.batch.outputs.detach()
    powers = torch.arange(len(outputs), device=outputs.device)
    factors = torch.exp2((powers + powers // _LEVELS) % _LEVELS).to(outputs)[:, None]
    plain = torch.arange(1, outputs.shape[1] + 1).to(outputs).expand_as(outputs)
    found: dict[int, Tensor] = {}
    for features in calls:
        features.listen(partial(found.__setitem__, id(features)))
    seen.backward(plain)
    mixed: list[Tensor] = []
    for features in calls:
        if (before := found.get(id(features))) is not None:
            features.listen(partial(_note_mixing, before, factors, mixed))
    seen.backward(plain * factors)
    return bool(mixed) and bool(torch.stack(mixed).any())


def _note_mixing(plain: Tensor, factors: Tensor, mixed: list[Tensor], weighted: Tensor) -> None:
    """Compare gradients (n, S, out) with and without factors of the samples."""
    gap, largest = (weighted / factors[:, :, None] - plain).abs().amax(), plain.abs().amax()
    rounded = torch.finfo(plain.dtype).tiny / _MIXED**2  # numbers so small have lost digits
    mixed.append((gap > _MIXED * largest) & (largest > rounded))
