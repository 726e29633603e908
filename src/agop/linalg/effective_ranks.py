"""Effective ranks of a positive semi-definite matrix: how many of its eigenvalues count, by their size."""

from __future__ import annotations

from torch import Tensor

__all__ = ["participation_ratio", "stable_rank"]


def participation_ratio(values: Tensor) -> float:
    r"""Effective rank :math:`(\sum \lambda)^2 / \sum \lambda^2` of descending eigenvalues; 0.0 if there are none.

    Examples
    --------
    >>> import torch
    >>> participation_ratio(torch.tensor([2.0, 2.0, 0.0])), participation_ratio(torch.tensor([3.0, 1.0]))
    (2.0, 1.6)
    """
    if not len(values):
        return 0.0
    shares = values / values[0]
    return (shares.sum().square() / shares.square().sum()).item()


def stable_rank(values: Tensor) -> float:
    r"""Stable rank :math:`\sum \lambda^2 / \lambda_1^2` of descending eigenvalues; 0.0 if there are none.

    Examples
    --------
    >>> import torch
    >>> stable_rank(torch.tensor([2.0, 2.0, 0.0])), stable_rank(torch.tensor([2.0, 1.0]))
    (2.0, 1.25)
    """
    return (values / values[0]).square().sum().item() if len(values) else 0.0
