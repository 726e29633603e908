"""Low-rank approximation of a kernel matrix from few of its columns, and the preconditioner made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError

__all__ = ["LowRankPlusDiagonal", "Pivoted", "randomly_pivoted_cholesky"]

_BLOCK = 200
"""Pivots proposed at once: enough for matrix products, few enough that most of them are taken."""


class Pivoted(NamedTuple):
    """A factor of a kernel matrix K, and what made it.

    Attributes
    ----------
    factor
        F (n, r) with K about F F^T, in the dtype of the columns.
    rest
        Diagonal of K - F F^T, (n,) float64.
    pivots
        Indices (r,) of the columns that were used.
    """

    factor: Tensor
    rest: Tensor
    pivots: Tensor


def randomly_pivoted_cholesky(
    columns: Callable[[Tensor], Tensor], diagonal: Tensor, rank: int, *, seed: int = 0
) -> Pivoted:
    r"""Factor F (n, r) with :math:`K \approx F F^T`, from r columns of K.

    Pivots are drawn with probabilities proportional to the diagonal of what is not yet explained,
    :math:`K - F F^T`: several are proposed at a time, and those that the others explain are rejected. The approximation
    is below K in the sense of semi-definite matrices, and nearly as good as that of r exact eigenvectors.

    Parameters
    ----------
    columns
        Returns the columns (n, k) of K for k indices.
    diagonal
        (n,) diagonal of K, which is positive semi-definite.
    rank
        Largest r; it is smaller where fewer columns explain K to working precision.
    seed
        Seed of the pivots.

    References
    ----------
    Chen, Epperly, Tropp, Webber 2022, "Randomly pivoted Cholesky" (arXiv 2207.06503).

    Epperly, Tropp, Webber 2024, "Embrace rejection" (arXiv 2410.03969): several pivots at a time.

    Examples
    --------
    >>> gram = torch.outer(torch.arange(1.0, 4.0), torch.arange(1.0, 4.0))
    >>> found = randomly_pivoted_cholesky(lambda index: gram[:, index], gram.diagonal(), rank=1)
    >>> found.factor @ found.factor.mT
    tensor([[1.0000, 2.0000, 3.0000],
            [2.0000, 4.0000, 6.0000],
            [3.0000, 6.0000, 9.0000]])
    """
    n = len(diagonal)
    if not 1 <= rank <= n:
        raise InputError(f"a rank in 1..{n}", str(rank), "A kernel matrix has as many columns as samples.")
    generator = torch.Generator().manual_seed(seed)
    rest = diagonal.double().cpu().clone()
    smallest = 1e-6 * rest.max().item()
    pivots = torch.zeros(0, dtype=torch.long, device=diagonal.device)
    factor = columns(pivots).new_empty(n, rank)
    while (done := len(pivots)) < rank and rest.max() > smallest:
        proposed = torch.multinomial(rest, _BLOCK, replacement=True, generator=generator).to(diagonal.device)
        block = torch.addmm(columns(proposed), factor[:, :done], factor[proposed, :done].mT, alpha=-1)
        accepted, lower = _accepted(block[proposed].double().cpu(), rank - done, smallest, generator)
        at = proposed[accepted.to(proposed.device)]
        part = torch.linalg.solve_triangular(lower.to(block), block[:, accepted.to(block.device)].mT, upper=False).mT
        factor[:, done : done + len(at)] = part
        pivots = torch.cat([pivots, at])
        rest -= torch.linalg.vector_norm(part, dim=1, dtype=torch.float64).square().cpu()
        rest.clamp_(min=0)[at.cpu()] = 0
    return Pivoted(factor[:, : len(pivots)], rest.to(diagonal.device), pivots)


def _accepted(remaining: Tensor, most: int, smallest: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which of the proposed pivots are taken, (k,), and the Cholesky factor (k, k) of what remains of K at these.

    A pivot was proposed with a probability proportional to its entry of the diagonal. Those before it explain a part of
    that; it is taken with a probability equal to the share that is left.
    """
    proposed, thresholds = remaining.diagonal().clone(), torch.rand(len(remaining), generator=generator)
    remaining, lower = remaining.clone(), torch.zeros_like(remaining)
    taken: list[int] = []
    for i, (before, threshold) in enumerate(zip(proposed.tolist(), thresholds.tolist(), strict=True)):
        left = remaining[i, i].item()
        if len(taken) < most and left > max(threshold * before, smallest):
            column = remaining[:, i] / left**0.5
            remaining -= torch.outer(column, column)
            lower[:, len(taken)] = column
            taken.append(i)
    index = torch.tensor(taken, dtype=torch.long)
    return index, lower[index, : len(taken)].tril()


@dataclass(frozen=True)
class LowRankPlusDiagonal:
    r"""The matrix :math:`P = F F^T + D`, and the solution of systems with it (Woodbury's formula).

    Attributes
    ----------
    factor
        F, (n, r).
    diagonal
        D > 0, (n,), in the dtype of F.
    lower
        Cholesky factor of I + F^T D^-1 F, (r, r).
    """

    factor: Tensor
    diagonal: Tensor
    lower: Tensor

    @classmethod
    def of(cls, factor: Tensor, diagonal: Tensor) -> LowRankPlusDiagonal:
        """P from F (n, r) and D (n,), which must be positive.

        Examples
        --------
        >>> precondition = LowRankPlusDiagonal.of(torch.tensor([[1.0], [0.0]]), torch.ones(2))
        >>> precondition.solve(torch.tensor([[2.0], [2.0]]))
        tensor([[1.],
                [2.]])
        """
        diagonal = diagonal.to(factor)
        inner = torch.eye(factor.shape[1], dtype=torch.float64, device=factor.device)
        for rows in row_chunks(len(factor), factor.shape[1] * factor.element_size()):
            part = factor[rows] / diagonal[rows, None].sqrt()
            inner += part.mT @ part
        return cls(factor, diagonal, torch.linalg.cholesky(inner).to(factor))

    def solve(self, vectors: Tensor) -> Tensor:
        """P^-1 V for V (n, c), in the dtype of V."""
        scaled = vectors.to(self.factor) / self.diagonal[:, None]
        inner = torch.cholesky_solve(self.factor.mT @ scaled, self.lower)
        return scaled.sub_((self.factor @ inner).div_(self.diagonal[:, None])).to(vectors.dtype)
