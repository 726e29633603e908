"""Inner products over the entries of W^T W and of powers of a positive semi-definite matrix, without either matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, all_finite, as_matrix
from agop.linalg import Spectrum, gram, triangular_factor

__all__ = ["EntryProducts", "weight_factor"]

_CONSTANT = 1e-13
"""Entries whose spread is at most this share of their root mean square are taken to be equal."""
_POWERS = (0.05, 2.0)
"""Range of the best power."""
_N_POWERS = 391
"""Powers that are tried: steps of 0.005, in which the power of no eigenvalue changes by more than 1.5 times."""
_EQUAL = 1e-10
"""Eigenvalues whose logarithms differ by at most this are taken to be equal."""
_WORSE = -2.0
"""Below every correlation: in place of one that is undefined."""


@dataclass(frozen=True, slots=True, eq=False)
class EntryProducts:
    r"""Inner products over the entries of :math:`N = W^T W` and :math:`A^p = \sum_j w_j v_j v_j^T`, for any p.

    Here :math:`w_j = (\lambda_j / \lambda_1)^p`: factors do not matter to correlations, nor does the scale of W.
    Then :math:`\langle N, A^p \rangle = \sum_j w_j \|W v_j\|^2` and :math:`\|A^p\|_F = \|w\|`.

    Minus its mean entry, with the unit vector u of equal entries and :math:`P = I - uu^T`, a symmetric N is the sum of
    PNP, :math:`PNuu^T` and :math:`uu^TNP`, orthogonal to each other. With :math:`H = WP` and :math:`c_j = Pv_j`, in
    which a mean is taken off rows and eigenvectors, :math:`PNP = H^T H`, :math:`PNu = H^T W u`,
    :math:`PA^pP = \sum_j w_j c_j c_j^T` and :math:`PA^pu = \sum_j w_j \langle v_j, u \rangle c_j`. A mean that dwarfs
    the rest costs no digits, as it would in the difference of sums of squares.

    All on the host, since a power is found by many evaluations.

    Attributes
    ----------
    logarithms
        (r,) logarithms of the eigenvalues over the largest.
    cross, centered_cross
        (r,) factors of w in the inner product with N.
    centered_gram
        (r, r) quadratic form in w of the squared norm of the centered power.
    norm, centered_norm
        Norm of N.
    """

    logarithms: NDArray[np.float64]
    cross: NDArray[np.float64]
    centered_cross: Tensor
    centered_gram: Tensor
    norm: float
    centered_norm: float

    @classmethod
    def of(cls, weight: Tensor, spectrum: Spectrum) -> EntryProducts:
        """Products of W (out, d), or of its factor, with the spectrum of A (d, d)."""
        if not spectrum.rank:
            raise UndefinedMeasureError("an AGOP that is not zero", "zero", "No gradient reaches such a layer.")
        largest = weight.abs().max() if weight.numel() else weight.new_zeros(())
        if largest == 0:
            raise UndefinedMeasureError("a weight that is not zero", "zero", "The layer maps everything to its bias.")
        weight, vectors = weight / largest, spectrum.vectors
        d = spectrum.n_features
        rows, columns = weight - weight.mean(1, keepdim=True), vectors - vectors.mean(0)
        along_rows, along_columns = weight.sum(1) / math.sqrt(d), vectors.sum(0) / math.sqrt(d)
        mapped = rows @ columns
        overlaps = gram(columns)
        whole = torch.addr(mapped, along_rows, along_columns)  # W V, since rows and columns have lost their means
        return cls(
            logarithms=(spectrum.values / spectrum.values[0]).log().numpy(force=True),
            cross=whole.square().sum(0).numpy(force=True),
            centered_cross=(mapped.square().sum(0) + 2 * along_columns * (along_rows @ mapped)).cpu(),
            centered_gram=overlaps.mul_(overlaps + 2 * torch.outer(along_columns, along_columns)).cpu(),
            norm=_product_norm(weight),
            centered_norm=math.hypot(_product_norm(rows), math.sqrt(2) * float((along_rows @ rows).norm())),
        )

    def cosine(self, power: float) -> float:
        """Cosine of N and the power."""
        weights = np.exp(power * self.logarithms)
        return min(1.0, float(weights @ self.cross / np.linalg.norm(weights)) / self.norm)

    def pearson(self, power: float) -> float:
        """Pearson's correlation of N and the power, where both have entries that differ."""
        if self.centered_norm <= _CONSTANT * self.norm:
            raise UndefinedMeasureError("entries of W^T W that differ", "equal ones", "Use the cosine.")
        found = float(self._pearson(np.array([power]))[0])
        if math.isnan(found):
            raise UndefinedMeasureError("entries of the AGOP that differ", "equal ones", "Use the cosine.")
        return min(1.0, max(-1.0, found))

    def best(self) -> tuple[float | None, float]:
        """Power with the largest Pearson correlation, None where it does not matter, and that correlation."""
        at_one = self.pearson(1.0)
        if self.logarithms[-1] >= -_EQUAL:
            return None, at_one
        powers = np.linspace(*_POWERS, _N_POWERS)
        best = int(np.nan_to_num(self._pearson(powers), nan=_WORSE).argmax())
        refined = minimize_scalar(
            lambda power: -float(np.nan_to_num(self._pearson(np.array([power])), nan=_WORSE)[0]),
            bounds=(float(powers[max(best - 1, 0)]), float(powers[min(best + 1, _N_POWERS - 1)])),
            method="bounded",
            options={"xatol": 1e-9},
        )
        power = max(float(powers[best]), float(refined.x), key=self.pearson)
        return power, self.pearson(power)

    def _pearson(self, powers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Correlations for powers (k,); NaN where all entries of the power are equal up to rounding."""
        weights = np.exp(powers[:, None] * self.logarithms)
        own = torch.from_numpy(weights)  # products by torch: threads of another library would contend with its own
        inner, halves = (own @ self.centered_cross).numpy(), (own @ self.centered_gram).numpy()
        lengths = np.sqrt((halves * weights).sum(1).clip(min=0))
        lengths[lengths <= _CONSTANT * np.linalg.norm(weights, axis=1)] = math.nan
        found: NDArray[np.float64] = inner / lengths / self.centered_norm
        return found


def weight_factor(weight: ArrayLike, spectrum: Spectrum) -> Tensor:
    """Matrix F (min(out, d), d) in float64 where the spectrum is, with F^T F = W^T W for the weight W (out, d).

    It is the weight, or where that has more rows than columns, as that of a head, its triangular factor.
    """
    weight = as_matrix(weight, "weight", n_columns=spectrum.n_features)
    if not all_finite(weight):
        raise InputError("a finite weight", "NaN or infinity", "Training may have diverged.")
    weight = weight.to(spectrum.vectors.device)
    return triangular_factor(weight) if weight.shape[0] > weight.shape[1] else weight.double()


def _product_norm(rows: Tensor) -> float:
    """Frobenius norm of X^T X, from the smaller of it and X X^T."""
    return float(gram(rows.mT if rows.shape[0] < rows.shape[1] else rows).norm())
