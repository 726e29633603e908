"""Which rows of a layer belong to which sample, and what they contribute to the measures of collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from agop.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Owners", "Rows", "UnalignedRowsError", "by_sample", "reduce_rows"]

Rows: TypeAlias = Literal["each", "mean", "flatten"]
"""A sample contributes each of its rows (positions, tokens), their mean, or all of them as one vector."""


class Owners(NamedTuple):
    """Samples that features (g, S, d) belong to: those from start to stop of a batch that count, in their order.

    Attributes
    ----------
    start, stop
        First sample, and the one behind the last.
    by_mask
        Whether g counts the real rows of a mask, each by itself, and not samples.
    """

    start: int
    stop: int
    by_mask: bool = False


class UnalignedRowsError(InputError):
    """The rows of a layer cannot be told apart by sample."""


def by_sample(rows: Tensor, n_samples: int, *, batch: int | None = None, time_first: bool = False) -> Tensor:
    """Bring rows (..., d) of a layer into the form (n, S, d), with S rows a sample.

    Samples come first, or second where sequences have time first; or the leading axes together count them, as the
    tokens of a language model; or each sample has several consecutive rows, as the windows of an image.

    Parameters
    ----------
    rows
        Inputs or outputs of a layer.
    n_samples
        Number n of samples.
    batch
        Number of sequences if the rows are those inside an attention, which has time first.
    time_first
        Whether the model as a whole has time first, so that a tie is to be decided for the second axis.

    Raises
    ------
    UnalignedRowsError
        If the samples cannot be told apart.

    Examples
    --------
    >>> import torch
    >>> by_sample(torch.zeros(4, 3, 7), 4).shape, by_sample(torch.zeros(3, 4, 7), 4).shape
    (torch.Size([4, 3, 7]), torch.Size([4, 3, 7]))
    >>> by_sample(torch.zeros(4, 3, 7), 12).shape, by_sample(torch.zeros(12, 7), 4).shape
    (torch.Size([12, 1, 7]), torch.Size([4, 3, 7]))
    """
    d = rows.shape[-1]
    if batch is not None and rows.ndim == 2:
        rows = rows.reshape(-1, batch, d)
    if rows.ndim == 3 and _second_is_sample(rows.shape, n_samples, batch is not None, time_first):
        rows = rows.transpose(0, 1)
    leading = rows.shape[:-1]
    whole = any(math.prod(leading[:axes]) == n_samples for axes in range(len(leading) + 1))
    if whole or (leading and leading[0] % n_samples == 0):
        return rows.reshape(n_samples, -1, d)
    raise UnalignedRowsError(
        f"rows of {n_samples} samples",
        f"a layer with rows of shape {tuple(leading)}",
        "Leave the layer out by layers=..., or give outputs and labels of as many samples: of a language model all "
        "B x T, the label of the last position -100 (forward=agop.network.next_token_forward does so).",
    )


def _second_is_sample(shape: Sequence[int], n_samples: int, in_attention: bool, time_first: bool) -> bool:
    """Whether rows (T, B, d) have time first, rather than samples or windows of them."""
    if time_first and shape[0] * shape[1] == n_samples:
        return False  # tokens are samples, in the order that all of the model has
    if in_attention:
        return True
    return shape[1] == n_samples and (time_first or bool(shape[0] % n_samples))


def reduce_rows(rows: Tensor, how: Rows) -> Tensor:
    """Rows (n, S, d) as the features of samples: themselves, (n, 1, d) or (n, 1, S d)."""
    if how == "each":
        return rows
    return rows.mean(1, keepdim=True) if how == "mean" else rows.flatten(1)[:, None]
