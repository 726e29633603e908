"""Losses by name, as training and the commands take them, and the targets that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from agop.datasets import coded_targets
from agop.errors import InputError
from agop.network.factory import function_of
from agop.network.passes.forward import Loss

__all__ = ["LOSSES", "check_scores", "check_shares", "loss_of", "squared"]


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over samples and outputs of (f - y)^2, y the targets (m, K), or +1 for the class (m,) and -1 for others.

    Raises
    ------
    InputError
        If there are more or fewer targets than outputs.

    Examples
    --------
    >>> import torch
    >>> outputs = torch.tensor([[1.0, -1.0], [1.0, 0.0]])
    >>> squared(outputs, torch.tensor([0, 1])).item(), squared(outputs, torch.zeros(2, 2)).item()
    (1.25, 0.75)
    """
    if not targets.is_floating_point():
        targets = coded_targets(targets, outputs.shape[1], "signed", outputs.dtype)
    elif targets.shape != outputs.shape:
        got = f"{targets.shape[1]} for {outputs.shape[1]}"
        raise InputError("as many targets as outputs for the squared loss", got, "Return them alike from forward.")
    return functional.mse_loss(outputs, targets)


LOSSES: Mapping[str, Loss] = MappingProxyType({"squared": squared, "cross-entropy": functional.cross_entropy})
"""Losses of scores by name: for labels output c is the score of class c."""


def loss_of(name: str) -> Loss:
    """Loss of this name, or MODULE:FUNCTION of outputs and targets, which returns the mean over samples.

    Raises
    ------
    InputError
        If there is no such loss or function, or it takes other arguments.
    """
    expected = f"a loss out of {', '.join(LOSSES)}, or a function of outputs and targets as MODULE:FUNCTION"
    return LOSSES[name] if name in LOSSES else function_of(name, expected, 2)


def check_scores(loss: Loss, n_outputs: int, labels: NDArray[np.int64] | None) -> None:
    """Raise InputError where a loss of scores has no output for one of the labels (m,), which are on the host."""
    if labels is None or loss not in LOSSES.values():
        return
    largest = int(labels.max())
    if n_outputs < 2 or largest >= n_outputs:
        got, advice = f"label {largest} and outputs: {n_outputs}", "Give a function of one's own as the loss."
        raise InputError("an output for each class, two or more, for a loss of scores", got, advice)


def check_shares(loss: Loss, outputs: Tensor, values: Tensor | None) -> None:
    """Raise InputError where the cross-entropy is asked of numbers that are no shares (m, K) of the classes.

    Waits for the device.
    """
    if values is None or loss is not functional.cross_entropy:
        return
    if values.shape != outputs.shape or bool((values < 0).any()) or bool(((values.sum(1) - 1).abs() > _ROUNDING).any()):
        expected = "labels of classes, or shares of them, for the cross-entropy"
        raise InputError(expected, "targets of a regression", "Take the squared loss.")


_ROUNDING = 1e-3
"""Deviation from 1 of a sum of shares in half precision."""
