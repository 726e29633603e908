"""Sparse vectors and low-rank matrices from few observations: linear RFM and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import torch
from sklearn.linear_model import lars_path
from torch import Tensor

from agop.kernels import Polynomial
from agop.rfm import Samples, Setting, rfm
from agop.rfm.powers import Powers
from agop.rfm.recursion import in_turn

__all__ = [
    "LOW_RANK",
    "SPARSE",
    "deep_diagonal",
    "deep_linear",
    "deep_product",
    "least_l1_norm",
    "least_nuclear_norm",
    "linear_rfm_completion",
    "linear_rfm_regression",
]

_SMOOTHING = tuple(torch.logspace(-1, -9, 200, dtype=torch.float64).tolist())
"""Smoothing of the iterates, which falls from one to the next as in reweighted least squares."""

_RIDGE = 1e-9
"""Ridge beside metrics whose largest entry is 1: observations are exact."""


def linear_rfm_regression(inputs: Tensor, targets: Tensor, power: float) -> Tensor:
    r"""Weights (d,) of the recursion with the kernel :math:`x^T M z` and the diagonal of the AGOP.

    The predictor is :math:`\langle w, x \rangle` and its AGOP :math:`w w^T`, so that :math:`M = |w|^{2s}` over its
    largest entry, with smoothing that falls to zero: iteratively reweighted least squares for the sum of the powers
    2 - 2s of :math:`|w_j|`, which for s = 1/2 is the 1-norm, for s = 1 in the limit that of their logarithms.

    Parameters
    ----------
    inputs, targets
        (n, d) and (n,), float64.
    power
        s > 0.

    References
    ----------
    Radhakrishnan, Belkin, Drusvyatskiy 2025, PNAS 122:e2411325122 (arXiv 2401.04553).

    Examples
    --------
    >>> inputs = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]], dtype=torch.float64)
    >>> linear_rfm_regression(inputs, torch.tensor([4.0, 2.0], dtype=torch.float64), 1.0).round(decimals=3).abs()
    tensor([0., 2., 0.], dtype=torch.float64)
    """
    kernel = Polynomial(degree=1)
    settings = in_turn([Setting(kernel, _RIDGE, power=power, smoothing=smoothing) for smoothing in _SMOOTHING])
    *_, last = rfm(Samples.of(inputs, targets[:, None]), settings, len(_SMOOTHING) - 1, diagonal=True)
    return last.machine(torch.eye(inputs.shape[1]).to(inputs))[:, 0]


def linear_rfm_completion(entries: Tensor, known: Tensor, power: float) -> Tensor:
    r"""Matrix (d, d) of the recursion from some of its entries.

    The observations are :math:`\langle e_i e_j^T, W \rangle`, whose kernel is :math:`M_{jj'}` in one row and 0 across.
    The predictor has the gradients W, and over the rows the AGOP :math:`W^T W / d`, of whose power s M is made, with
    smoothing that falls to zero. s = 1/2 is reweighted least squares for the nuclear norm, s = 1 for the logarithm of
    the determinant. The exponent of the paper, a power of :math:`M^{1/2}`, is s/2.

    Parameters
    ----------
    entries
        (d, d) float64; of account where known.
    known
        (d, d) bool.
    power
        s > 0.

    References
    ----------
    Radhakrishnan, Belkin, Drusvyatskiy 2025, PNAS 122:e2411325122 (arXiv 2401.04553); their code,
    https://github.com/aradha/lin-RFM.

    Examples
    --------
    >>> ones = torch.ones(3, 3, dtype=torch.float64)
    >>> linear_rfm_completion(ones, ones.tril() > 0, 1.0).round(decimals=3)[0]
    tensor([1., 1., 1.], dtype=torch.float64)
    """
    metric = torch.eye(len(entries), dtype=torch.float64)
    for smoothing in _SMOOTHING:
        weights = _least_squares(entries, known, metric)
        metric = Powers(weights.mT @ weights / len(weights), torch.float64).metric(power, smoothing).matrix
    return weights


def _least_squares(entries: Tensor, known: Tensor, metric: Tensor) -> Tensor:
    """Kernel ridge regression of every row on its known columns J: rows M_:J (M_JJ + ridge I)^-1 y_J, (d, d)."""
    mask = known.double()
    both = mask[:, :, None] * mask[:, None, :]
    rest = torch.diag_embed(_RIDGE * mask + (1 - mask))  # the identity where nothing is known
    dual = torch.linalg.solve(both * metric + rest, (mask * entries)[..., None])[..., 0]
    rows: Tensor = (mask * dual) @ metric
    return rows


def least_l1_norm(inputs: Tensor, targets: Tensor) -> Tensor:
    """Weights (d,) of least 1-norm among those that fit: the end of the lasso's path, where the penalty is zero."""
    _, _, path = lars_path(inputs.numpy(), targets.numpy(), method="lasso")
    return torch.from_numpy(path[:, -1].copy())


def least_nuclear_norm(entries: Tensor, known: Tensor, steps: int = 1000) -> Tensor:
    """Matrix of least nuclear norm with the known entries, by alternating directions of multipliers.

    A step shrinks singular values by a tenth of the largest one of the known entries, puts these back, and adds what
    the two results disagree in to the next one.

    References
    ----------
    Candès and Recht 2009, Exact matrix completion via convex optimization. Boyd, Parikh, Chu, Peleato, Eckstein 2011,
    Distributed optimization and statistical learning via the alternating direction method of multipliers, section 5.

    Examples
    --------
    >>> ones = torch.ones(3, 3, dtype=torch.float64)
    >>> least_nuclear_norm(ones, ones.tril() > 0)[2].round(decimals=3)
    tensor([1., 1., 1.], dtype=torch.float64)
    """
    matrix = torch.where(known, entries, 0)
    shrink = float(torch.linalg.matrix_norm(matrix, 2)) / 10
    disagreement = torch.zeros_like(matrix)
    for _ in range(steps):
        left, singular, right = torch.linalg.svd(matrix - disagreement, full_matrices=False)
        low = (left * (singular - shrink).clamp(min=0)) @ right
        matrix = torch.where(known, entries, low + disagreement)
        disagreement = disagreement + low - matrix
    return matrix


def deep_linear(loss: Callable[[list[Tensor]], Tensor], start: list[Tensor], rate: float, steps: int) -> list[Tensor]:
    """Factors of a deep linear network after full-batch gradient descent with a momentum of 0.9."""
    factors = [factor.clone().requires_grad_() for factor in start]
    optimizer = torch.optim.SGD(factors, lr=rate, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(factors).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return [factor.detach() for factor in factors]


def deep_diagonal(inputs: Tensor, targets: Tensor) -> Tensor:
    """Weights of a network of three diagonal layers, u^3 - v^3 entry by entry, which starts at zero."""
    start = [torch.full((inputs.shape[1],), 0.03, dtype=torch.float64) for _ in range(2)]

    def weights(factors: list[Tensor]) -> Tensor:
        return factors[0] ** 3 - factors[1] ** 3

    return weights(
        deep_linear(lambda factors: (inputs @ weights(factors) - targets).square().mean(), start, 0.01, 6000)
    )


def deep_product(entries: Tensor, known: Tensor) -> Tensor:
    """Product of three square matrices, each of normal entries of variance 0.01 / d at the start."""
    generator, d = torch.Generator().manual_seed(0), len(entries)
    start = [0.1 * d**-0.5 * torch.randn(d, d, generator=generator, dtype=torch.float64) for _ in range(3)]
    row, column = known.nonzero(as_tuple=True)

    def product(factors: list[Tensor]) -> Tensor:
        first, second, third = factors
        return first @ second @ third

    def loss(factors: list[Tensor]) -> Tensor:
        return (product(factors) - entries)[row, column].square().mean()

    return product(deep_linear(loss, start, 0.3, 3000))


Method: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From inputs and targets, or entries and where they are known, to what was observed."""

SPARSE: Mapping[str, Method] = MappingProxyType(
    {
        "linear RFM, power 1": lambda inputs, targets: linear_rfm_regression(inputs, targets, 1.0),
        "linear RFM, power 1/2": lambda inputs, targets: linear_rfm_regression(inputs, targets, 0.5),
        "least norm": least_l1_norm,
        "deep linear network": deep_diagonal,
    }
)
"""Methods for sparse vectors."""

LOW_RANK: Mapping[str, Method] = MappingProxyType(
    {
        "linear RFM, power 1": lambda entries, known: linear_rfm_completion(entries, known, 1.0),
        "linear RFM, power 1/2": lambda entries, known: linear_rfm_completion(entries, known, 0.5),
        "least norm": least_nuclear_norm,
        "deep linear network": deep_product,
    }
)
"""Methods for matrices of low rank, under the same names."""
