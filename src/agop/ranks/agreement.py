"""What must be the same on all ranks before they begin a work together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agop.errors import InputError
from agop.ranks.group import Ranks

__all__ = ["require_same"]


def require_same(ranks: Ranks, named: Mapping[str, Any], kind: str = "settings") -> None:
    """Raise unless all ranks give the same values under these names; of tensors the sums of their bits are compared.

    Parameters
    ----------
    ranks
        The processes, all of which call this.
    named
        Values by name: tensors with rows, and others that can be sent and compared.
    kind
        What they are, for the advice.

    Raises
    ------
    InputError
        On all ranks, if one of them has another value.

    Examples
    --------
    >>> from agop.ranks import ALONE
    >>> require_same(ALONE, {"depth": 3, "inputs": torch.ones(2, 2)})
    """
    if ranks.group is None:
        return
    own = {name: _Sums.of(value) if isinstance(value, Tensor) else value for name, value in named.items()}
    first, *others = ranks.exchange(own)
    for rank, other in enumerate(others, 1):
        for name, value in other.items():
            if value != first[name]:
                expected, got = f"{name}={first[name]!r} on all ranks", f"{value!r} on rank {rank}"
                if isinstance(own[name], _Sums):
                    expected, got = f"the same {name} on all ranks", f"others on rank {rank}"
                raise InputError(expected, got, f"Give all ranks the same {kind}.")


@dataclass(frozen=True)
class _Sums:
    """Type and shape of a tensor (n, ...), and sums of its bits in which the order of rows and columns counts."""

    dtype: torch.dtype
    shape: torch.Size
    by_row: int
    by_column: int

    @classmethod
    def of(cls, tensor: Tensor) -> _Sums:
        kind = torch.int32 if tensor.element_size() >= 4 else torch.uint8
        words = tensor.contiguous().view(kind).reshape(len(tensor), -1)
        rows, columns = (
            int((part * torch.arange(1, 1 + len(part), device=part.device)).sum())
            for part in (words.sum(1, dtype=torch.int64), words.sum(0, dtype=torch.int64))
        )
        return cls(tensor.dtype, tensor.shape, rows, columns)
