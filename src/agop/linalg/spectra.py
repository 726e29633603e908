"""Positive semi-definite matrices as their spectra: powers and maps without the matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, all_finite, as_matrix, require_finite
from agop.linalg.effective_ranks import participation_ratio, stable_rank
from agop.linalg.powers import psd_eigen
from agop.storable import storable

__all__ = ["Spectrum"]


@storable
@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    r"""A positive semi-definite matrix :math:`A = V \Lambda V^T` by its eigenvalues and eigenvectors.

    Only eigenvalues that are not rounding are kept, so that the null space stays one under every power. The zero
    matrix has r = 0.

    Attributes
    ----------
    values
        (r,) positive eigenvalues, descending, float64.
    vectors
        (d, r) orthonormal eigenvectors V as columns, float64.

    Examples
    --------
    >>> spectrum = Spectrum.of(torch.diag(torch.tensor([4.0, 0.0, 9.0])))
    >>> spectrum.values
    tensor([9., 4.], dtype=torch.float64)
    >>> spectrum.matrix(0.5).diagonal()
    tensor([2., 0., 3.], dtype=torch.float64)
    """

    values: Tensor
    vectors: Tensor

    @classmethod
    def of(cls, matrix: ArrayLike, *, precision: torch.dtype | None = None) -> Spectrum:
        r"""Spectrum of a dense matrix A, computed in float64.

        With eps of ``precision``, eigenvalues up to ``2 sqrt(d) eps`` times the largest are rounding, of either sign,
        and are dropped.

        Parameters
        ----------
        matrix
            (d, d) symmetric positive semi-definite.
        precision
            Floating dtype that the entries were computed in, where that is coarser than the one they are stored in.
            If None, float32 for a float32 matrix and float64 for any other.

        Raises
        ------
        InputError
            If the matrix is not a finite, symmetric, positive semi-definite one.
        """
        matrix = as_matrix(matrix, "matrix")
        if matrix.shape[0] != matrix.shape[1] or not matrix.numel():
            raise InputError("a square matrix", f"shape {tuple(matrix.shape)}", "Pass (d, d), with d of one or more.")
        _require_finite_entries(matrix)
        eps = _rounding(matrix, precision)
        values, vectors = psd_eigen(matrix.double(), eps)
        return cls(values.flip(0), vectors.flip(1).contiguous())

    @classmethod
    def of_factor(cls, factor: ArrayLike) -> Spectrum:
        r"""Spectrum of :math:`A = F^T F` from the singular values of F, computed in float64 without A.

        A singular value s has an error of order eps times the largest, s_1, so that the eigenvalue s^2 is known to a
        relative error of order ``eps s_1 / s``. Eigenvalues of A itself would be lost below ``eps s_1^2``. Singular
        values up to ``2 sqrt(max(r, d)) eps s_1`` are rounding and are dropped, with eps that of float32 for a float32
        factor and of float64 for any other.

        Parameters
        ----------
        factor
            F of shape (r, d); r = 0 is the zero matrix.

        Raises
        ------
        InputError
            If F is not a finite (r, d) matrix, or its squares overflow.

        Examples
        --------
        >>> gradients = torch.tensor([[3.0, 0.0, 4.0], [0.0, 1e-9, 0.0]], dtype=torch.float64)
        >>> Spectrum.of_factor(gradients).values
        tensor([2.5000e+01, 1.0000e-18], dtype=torch.float64)
        """
        factor = as_matrix(factor, "factor")
        rows, d = factor.shape
        if not d:
            raise InputError("a factor with columns", f"shape {(rows, d)}", "Pass (r, d), with d of one or more.")
        _require_finite_entries(factor)
        eps = _rounding(factor, None)
        if not rows:
            factor = factor.new_zeros(1, d)
        # The tall side is what factorizes faster.
        wide = rows < d
        left, lengths, right = torch.linalg.svd(factor.double().mT if wide else factor.double(), full_matrices=False)
        values = lengths.square()
        require_finite(values, "factor")
        rank = _rank(lengths, max(rows, d), eps)
        vectors = left[:, :rank] if wide else right[:rank].mT
        return cls(values[:rank], vectors.contiguous())

    @staticmethod
    def values_of_factor(factor: ArrayLike) -> Tensor:
        """Eigenvalues (r,) that :meth:`of_factor` finds, without the vectors: a fraction of its time.

        Examples
        --------
        >>> Spectrum.values_of_factor(torch.tensor([[3.0, 0.0, 4.0], [0.0, 1.0, 0.0]]))
        tensor([25.,  1.], dtype=torch.float64)
        """
        factor = as_matrix(factor, "factor")
        _require_finite_entries(factor)
        lengths = torch.linalg.svdvals(factor.double())
        values = lengths.square()
        require_finite(values, "factor")
        kept: Tensor = values[: _rank(lengths, max(factor.shape), _rounding(factor, None))]
        return kept

    @property
    def n_features(self) -> int:
        """Number d of rows and columns of A."""
        return self.vectors.shape[0]

    @property
    def rank(self) -> int:
        """Number r of eigenvalues that are not rounding."""
        return len(self.values)

    @property
    def effective_rank(self) -> float:
        r"""Participation ratio :math:`(\mathrm{tr} A)^2 / \|A\|_F^2`, from 1 to the rank; 0.0 for A = 0."""
        return participation_ratio(self.values)

    @property
    def stable_rank(self) -> float:
        r"""Stable rank of A itself, :math:`\|A\|_F^2 / \|A\|_2^2`, from 1 to the rank; 0.0 for A = 0."""
        return stable_rank(self.values)

    def to(self, device: torch.device | str) -> Spectrum:
        """The same values on another device."""
        return Spectrum(self.values.to(device), self.vectors.to(device))

    def top(self, k: int) -> Spectrum:
        """Spectrum of the k leading eigenvalues: the best approximation of rank k; all if there are fewer.

        Raises
        ------
        InputError
            If k is less than one.
        """
        if k < 1:
            raise InputError("one or more eigenvalues", f"k={k}", "Ask for a positive number.")
        return Spectrum(self.values[:k], self.vectors[:, :k])

    def factor(self) -> Tensor:
        r""":math:`F = \Lambda^{1/2} V^T` of shape (r, d), so that :math:`A = F^T F`."""
        return self.values.sqrt()[:, None] * self.vectors.mT

    def matrix(self, power: float = 1.0) -> Tensor:
        """Dense power :math:`A^p` of shape (d, d), for p > 0.

        Raises
        ------
        InputError
            If the power is not positive and finite.
        """
        return (self.vectors * self._powers(power)) @ self.vectors.mT

    def coordinates(self, rows: Tensor, power: float) -> Tensor:
        r"""Rows :math:`\Lambda^p V^T x` for the rows x: :math:`A^p x` up to an isometry, since V keeps lengths.

        Distances, angles and scatter traces of the rows are those of :math:`A^p x`, in r instead of d numbers.

        Parameters
        ----------
        rows
            (n, d), of any real dtype, on any device.
        power
            p > 0.

        Returns
        -------
        Tensor
            (n, r), float64, on the device of the spectrum.

        Raises
        ------
        InputError
            If there are not d columns, or the power is not positive and finite.

        Examples
        --------
        >>> spectrum = Spectrum.of_factor(torch.tensor([[3.0, 0.0, 4.0]]))
        >>> spectrum.coordinates(torch.tensor([[1.0, 7.0, 0.0]]), 0.5).abs()
        tensor([[3.0000]], dtype=torch.float64)
        """
        powers = self._powers(power)
        rows = as_matrix(rows, "rows", n_columns=self.n_features).to(self.vectors)
        return (rows @ self.vectors) * powers

    def map(self, rows: Tensor, power: float) -> Tensor:
        """Rows :math:`A^p x` of shape (n, d) for the rows x, float64; the rest as in :meth:`coordinates`."""
        return self.coordinates(rows, power) @ self.vectors.mT

    def _powers(self, power: float) -> Tensor:
        if not 0 < power < math.inf:
            advice = "Negative powers of singular matrices diverge."
            raise InputError("a positive, finite power", str(power), advice)
        powers = self.values.pow(power)
        require_finite(powers, "power of the eigenvalues")
        return powers


def _rank(lengths: Tensor, size: int, eps: float) -> int:
    """Number of descending singular values that are not rounding."""
    kept = (lengths > 2 * math.sqrt(size) * eps * lengths[:1]) & (lengths.square() > 0)
    return int(kept.sum())


def _require_finite_entries(matrix: Tensor) -> None:
    if not all_finite(matrix):
        raise InputError("finite entries", "NaN or infinity", "Check the data that the matrix was made from.")


def _rounding(values: Tensor, precision: torch.dtype | None) -> float:
    """Machine epsilon of the dtype that the values were computed in."""
    if precision is None:
        precision = torch.float32 if values.dtype == torch.float32 else torch.float64
    if not precision.is_floating_point:
        raise InputError("a floating precision", str(precision), "Pass for example torch.float32.")
    return torch.finfo(precision).eps
