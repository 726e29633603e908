"""Losses that a command names: those of ``agop train``, or a function of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor
from torch.nn import functional

from agop.errors import InputError
from agop.estimator.targets import signed_targets
from agop.network.factory import function_of
from agop.network.passes.forward import Loss

__all__ = ["LOSSES", "cross_entropy", "loss_of", "squared"]


def cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of outputs (m, K) and labels (m,).

    Raises
    ------
    InputError
        If the targets are those of a regression, or an output is missing for a label.
    """
    if labels.is_floating_point():
        raise InputError("labels of classes for the cross-entropy", "targets of a regression", "Take the squared loss.")
    _check_scores(outputs, labels)
    return functional.cross_entropy(outputs, labels)


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over samples and outputs of (f - y)^2, y the targets (m, K), or +1 for the class (m,) and -1 for others.

    Raises
    ------
    InputError
        If there are more or fewer targets than outputs, or an output is missing for a label.

    Examples
    --------
    >>> import torch
    >>> outputs = torch.tensor([[1.0, -1.0], [1.0, 0.0]])
    >>> squared(outputs, torch.tensor([0, 1])).item(), squared(outputs, torch.zeros(2, 2)).item()
    (1.25, 0.75)
    """
    if not targets.is_floating_point():
        _check_scores(outputs, targets)
        targets = signed_targets(targets, outputs.shape[1], outputs.dtype)
    elif targets.shape != outputs.shape:
        got = f"{targets.shape[1]} for {outputs.shape[1]}"
        raise InputError("as many targets as outputs for the squared loss", got, "Return them alike from forward.")
    return functional.mse_loss(outputs, targets)


LOSSES: Mapping[str, Loss] = MappingProxyType({"cross-entropy": cross_entropy, "squared": squared})
"""Losses by name."""


def loss_of(name: str) -> Loss:
    """Loss of this name, or MODULE:FUNCTION of outputs and targets, which returns the mean over samples.

    Raises
    ------
    InputError
        If there is no such loss or function, or it takes other arguments.
    """
    expected = f"a loss out of {', '.join(LOSSES)}, or a function of outputs and targets as MODULE:FUNCTION"
    return LOSSES[name] if name in LOSSES else function_of(name, expected, 2)


def _check_scores(outputs: Tensor, labels: Tensor) -> None:
    """Raise unless each label has an output of its own; waits for the device."""
    n_outputs, largest = outputs.shape[1], int(labels.max())
    if n_outputs < 2 or largest >= n_outputs:
        got, advice = f"label {largest} and outputs: {n_outputs}", "Name a function of one's own as MODULE:FUNCTION."
        raise InputError("an output for each class, two or more, for a loss of scores", got, advice)
