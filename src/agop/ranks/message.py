"""Tensors of several shapes and data types in one message."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["empty_message", "parts_of"]

_ALIGNED = 8
"""Bytes at whose multiples the tensors of a message start, so that each can be looked at in its own data type."""


def empty_message(outlines: Sequence[Tensor], device: torch.device) -> Tensor:
    """Bytes for tensors of some outlines, on a device.

    Examples
    --------
    >>> outlines = [torch.empty(3, dtype=torch.float32), torch.empty(2, 2, dtype=torch.float64)]
    >>> len(empty_message(outlines, torch.device("cpu")))
    48
    """
    return torch.zeros(_places(outlines)[-1], dtype=torch.uint8, device=device)


def parts_of(message: Tensor, outlines: Sequence[Tensor]) -> list[Tensor]:
    """The tensors of a message: views of its bytes, with the shapes and data types of their outlines.

    Examples
    --------
    >>> outlines = [torch.empty(2, dtype=torch.float32), torch.empty(1, dtype=torch.int64)]
    >>> message = empty_message(outlines, torch.device("cpu"))
    >>> parts_of(message, outlines)[1].fill_(7)
    tensor([7])
    >>> parts_of(message, outlines)
    [tensor([0., 0.]), tensor([7])]
    """
    starts = zip(_places(outlines), outlines, strict=False)
    return [message[at : at + outline.nbytes].view(outline.dtype).view(outline.shape) for at, outline in starts]


def _places(outlines: Sequence[Tensor]) -> list[int]:
    """Where each tensor starts, and where the last one ends."""
    sizes = (math.ceil(outline.nbytes / _ALIGNED) * _ALIGNED for outline in outlines)
    return list(itertools.accumulate(sizes, initial=0))
