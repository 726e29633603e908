"""The interface of a solver: a matrix and right-hand sides in, one value out, whatever the method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from agop.errors import InputError, MemoryBudgetError
from agop.ranks import Panels

__all__ = ["DenseMatrix", "ShiftedMatrix", "Solution", "Solver", "positive_shift", "require_memory", "shifted_diagonal"]


class ShiftedMatrix(Protocol):
    """A positive semi-definite K, (n, n), by what solvers ask of it, and the shift s of systems (K + diag(s)) X = B."""

    @property
    def shift(self) -> Tensor | float:
        """Shift s >= 0, (n,) or a number."""

    @property
    def max_memory(self) -> int | None:
        """Bytes that matrices of n rows may take; unlimited if None."""

    @property
    def dtype(self) -> torch.dtype:
        """Data type of what K was made from: the precision in which a factorization is tried first."""

    @property
    def diagonal(self) -> Tensor:
        """(n,) diagonal of K."""

    def dense(self, dtype: torch.dtype) -> Tensor:
        """K as a new array, which is the caller's to overwrite."""

    def rows(self, panels: Panels, dtype: torch.dtype) -> Iterator[Tensor]:
        """Rows of K from the diagonal on, (b, n - start), of each panel of this rank; new arrays, the caller's."""

    def columns(self, index: Tensor) -> Tensor:
        """Columns (n, k) of K of k indices."""

    def between(self, rows: Tensor | slice, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Entries (b, k) of K in some rows and the columns of k indices."""

    def __matmul__(self, vectors: Tensor) -> Tensor:
        """Products K V, (n, c) float64, with vectors V (n, c)."""

    def within(self, max_memory: int) -> Self:
        """The same matrix, which keeps at most so many bytes between products."""


@dataclass(frozen=True, eq=False)
class DenseMatrix:
    """A ``ShiftedMatrix`` whose ``entries``, K (n, n), are there.

    Examples
    --------
    >>> from agop.solvers import Cholesky
    >>> Cholesky().solve(DenseMatrix(torch.eye(2), shift=1.0), torch.tensor([[2.0], [4.0]])).values
    tensor([[1.],
            [2.]])
    """

    entries: Tensor
    shift: Tensor | float = 0.0
    max_memory: int | None = None

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the entries."""
        return self.entries.dtype

    @property
    def diagonal(self) -> Tensor:
        """(n,) diagonal of K."""
        return self.entries.diagonal()

    def dense(self, dtype: torch.dtype) -> Tensor:
        """A copy of K."""
        return self.entries.to(dtype, copy=True)

    def rows(self, panels: Panels, dtype: torch.dtype) -> Iterator[Tensor]:
        """Copies of rows of K from the diagonal on."""
        for part in (panels.slices[k] for k in panels.own):
            yield self.entries[part, part.start :].to(dtype, copy=True, memory_format=torch.contiguous_format)

    def columns(self, index: Tensor) -> Tensor:
        """Columns (n, k) of K."""
        return self.entries[:, index]

    def between(self, rows: Tensor | slice, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Entries (b, k) of K."""
        return self.entries[rows][:, index].to(dtype)

    def __matmul__(self, vectors: Tensor) -> Tensor:
        """K V, (n, c) float64; V (n, c) is rounded to the precision of the entries."""
        return (self.entries @ vectors.to(self.entries)).double()

    def within(self, max_memory: int) -> Self:  # noqa: ARG002
        """Itself: it keeps nothing."""
        return self


@dataclass(frozen=True, eq=False)
class Solution:
    """The solution of (K + diag(s)) X = B, and how it was found.

    Attributes
    ----------
    values
        X, (n, c), or (m, c) for a solver with m centers.
    dtype
        Data type of the factorization, or of the products of an iteration.
    jitter
        Multiple of the identity that a factorization added beyond the shift.
    residual
        Largest of the columns' relative residuals ||b - A x|| / ||b||, by recursion; 0 for a factorization.
    iterations
        Number of products with the matrix; 0 for a factorization.
    left_out
        Residuals (v, c) float64 of the rows that were asked for, each by the solution without it; None unless asked
        for. An iteration only has the mean of s times the diagonal of the inverse: leave-one-out becomes generalized
        cross-validation.
    centers
        Indices (m,) of the rows that the values belong to; None for all.

    Examples
    --------
    >>> from agop.solvers import Cholesky
    >>> matrix = DenseMatrix(torch.eye(2), shift=1.0)
    >>> solution = Cholesky().solve(matrix, torch.tensor([[2.0], [4.0]]), left_out=torch.arange(2))
    >>> solution.values.ravel(), solution.left_out.ravel(), solution.jitter
    (tensor([1., 2.]), tensor([2., 4.], dtype=torch.float64), 0.0)
    """

    values: Tensor
    dtype: torch.dtype
    jitter: float = 0.0
    residual: float = 0.0
    iterations: int = 0
    left_out: Tensor | None = None
    centers: Tensor | None = None


class Solver(ABC):
    """A method for systems (K + diag(s)) X = B, given by its settings only."""

    @abstractmethod
    def solve(self, matrix: ShiftedMatrix, targets: Tensor, *, left_out: Tensor | None = None) -> Solution:
        """X, (n, c), for right-hand sides B (n, c), with the residuals of some rows (v,) that are left out in turn.

        Raises
        ------
        MemoryBudgetError
            If it cannot work within the memory of the matrix.
        """

    @abstractmethod
    def least_memory(self, n: int, dtype: torch.dtype) -> int:
        """Bytes without which it cannot work, for n rows in some data type."""


def shifted_diagonal(matrix: ShiftedMatrix) -> Tensor:
    """Diagonal of K + diag(s), (n,) float64."""
    diagonal = matrix.diagonal.double()
    return diagonal + torch.as_tensor(matrix.shift, device=diagonal.device)


def positive_shift(matrix: ShiftedMatrix) -> Tensor:
    """Shift s of every row, (n,) float64; InputError unless it is positive."""
    diagonal = matrix.diagonal
    shift = torch.as_tensor(matrix.shift, dtype=torch.float64, device=diagonal.device).expand(len(diagonal))
    if not (shift > 0).all():
        raise InputError("a positive ridge for this solver", "0", "Set a ridge, or solver=Cholesky().")
    return shift


def require_memory(needed: int, max_memory: int | None) -> None:
    """Raise MemoryBudgetError unless ``needed`` bytes fit."""
    if max_memory is not None and needed > max_memory:
        raise MemoryBudgetError(
            f"a kernel matrix within {max_memory / 2**20:.0f} MiB",
            f"{needed / 2**20:.0f} MiB that the solver needs for this number of samples",
            "Allow more memory, use solver='auto' with a positive ridge, or fit on fewer samples.",
        )
