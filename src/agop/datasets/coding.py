"""Codings of classes as targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from agop.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["CODINGS", "Coding", "coded_targets", "require_coding"]

Coding: TypeAlias = Literal["one-hot", "centered", "signed"]
"""Name of a coding."""

CODINGS: Mapping[Coding, Callable[[int], tuple[float, float]]] = MappingProxyType(
    {
        "one-hot": lambda _: (1.0, 0.0),
        "centered": lambda n_classes: (1 - 1 / n_classes, -1 / n_classes),
        "signed": lambda _: (1.0, -1.0),
    }
)
"""Target of the class of a sample, and of each of the others, for C classes.

"one-hot" as in arXiv 2407.20199, "signed" as in arXiv 2402.13728; "centered" is one-hot less its mean 1/C, so that
rows sum to 0.
"""


def coded_targets(labels: Tensor, n_classes: int, coding: Coding, dtype: torch.dtype | None = None) -> Tensor:
    r"""Targets Y (n, C) of labels (n,) in 0 .. C-1, on their device, without waiting for it.

    With one-hot targets T they are :math:`T` ("one-hot"), :math:`T - 1 / C` ("centered") or :math:`2 T - 1` ("signed").
    Kernel ridge regression is linear in its targets: with f for one-hot targets and u for the target 1, it predicts
    :math:`f_c - u / C` or :math:`2 f_c - u`. So all three decide for the same class. Their AGOPs are different ones:
    :math:`A - U / C` and :math:`4 A + (C - 4) U`, with those of f and of u, A and U.

    Parameters
    ----------
    labels
        Integers; one out of range is an error of PyTorch.
    n_classes
        C.
    coding
        One of ``CODINGS``.
    dtype
        Floating-point data type; that of PyTorch's new tensors if None.

    Raises
    ------
    InputError
        If there is no such coding.

    References
    ----------
    Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728); Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit,
    Belkin 2024 (arXiv 2407.20199).

    Examples
    --------
    >>> import torch
    >>> for coding in CODINGS:
    ...     print(coding, coded_targets(torch.tensor([1, 0]), 2, coding).tolist())
    one-hot [[0.0, 1.0], [1.0, 0.0]]
    centered [[-0.5, 0.5], [0.5, -0.5]]
    signed [[-1.0, 1.0], [1.0, -1.0]]
    """
    import torch  # when there are labels: the names of the codings come without it

    require_coding(coding)
    own, other = CODINGS[coding](n_classes)
    targets = torch.full((len(labels), n_classes), other, dtype=dtype, device=labels.device)
    return targets.scatter_(1, labels[:, None], own)


def require_coding(coding: str) -> None:
    """Raise InputError unless there is a coding of this name."""
    if coding not in CODINGS:
        raise InputError(f"targets={' or '.join(map(repr, CODINGS))}", repr(coding), "Choose one of these.")
