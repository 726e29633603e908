"""Low-rank approximation of a kernel matrix from few of its columns, and the preconditioner made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError

__all__ = ["LowRankPlusDiagonal", "randomly_pivoted_cholesky"]

_BLOCK = 200
"""Pivots drawn at once: enough for matrix products, few enough that most of them are still needed."""


def randomly_pivoted_cholesky(
    columns: Callable[[Tensor], Tensor], diagonal: Tensor, rank: int, *, seed: int = 0
) -> tuple[Tensor, Tensor]:
    r"""Factor F (n, r) with :math:`K \approx F F^T`, from r columns of K.

    Pivots are drawn with probabilities proportional to the diagonal of what is not yet explained,
    :math:`K - F F^T`, several at a time. The approximation is below K in the sense of semi-definite matrices, and
    nearly as good as that of r exact eigenvectors.

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

    Returns
    -------
    tuple of Tensor
        F, in the dtype of the columns, and the diagonal of K - F F^T, (n,) float64.

    References
    ----------
    Chen, Epperly, Tropp, Webber 2022, "Randomly pivoted Cholesky" (arXiv 2207.06503), with blocks.

    Examples
    --------
    >>> gram = torch.outer(torch.arange(1.0, 4.0), torch.arange(1.0, 4.0))
    >>> factor, rest = randomly_pivoted_cholesky(lambda index: gram[:, index], gram.diagonal(), rank=1)
    >>> factor @ factor.mT
    tensor([[1.0000, 2.0000, 3.0000],
            [2.0000, 4.0000, 6.0000],
            [3.0000, 6.0000, 9.0000]])
    """
    n = len(diagonal)
    if not 1 <= rank <= n:
        raise InputError(f"a rank in 1..{n}", str(rank), "A kernel matrix has as many columns as samples.")
    generator = torch.Generator().manual_seed(seed)
    rest, parts = diagonal.double().cpu().clone(), 0
    smallest = 1e-6 * rest.max().item()
    factor = columns(torch.zeros(0, dtype=torch.long, device=diagonal.device)).new_empty(n, rank)
    while parts < rank and rest.max() > smallest:
        open_rows = int((rest > smallest).count_nonzero())
        pivots = torch.multinomial(rest, min(_BLOCK, rank - parts, open_rows), generator=generator)
        at = pivots.to(diagonal.device)
        block = torch.addmm(columns(at), factor[:, :parts], factor[at, :parts].mT, alpha=-1)
        values, vectors = torch.linalg.eigh(block[at].double())
        kept = values > 1e-6 * values[-1]
        part = block @ (vectors[:, kept] / values[kept].sqrt()).to(block)
        factor[:, parts : parts + part.shape[1]] = part
        parts += part.shape[1]
        rest -= torch.linalg.vector_norm(part, dim=1, dtype=torch.float64).square().cpu()
        rest.clamp_(min=0)[pivots] = 0
    return factor[:, :parts], rest.to(diagonal.device)


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
