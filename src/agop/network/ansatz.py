"""The neural feature ansatz: how far W^T W of a layer is a power of the AGOP at its input."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, all_finite, as_matrix, require_finite
from agop.linalg import Spectrum
from agop.storable import storable

__all__ = ["Ansatz", "neural_feature_matrix", "nfa_correlation"]

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


def neural_feature_matrix(weight: ArrayLike) -> Tensor:
    r"""Neural feature matrix :math:`W^T W` of a layer (Radhakrishnan et al. 2024, arXiv 2212.13881).

    Parameters
    ----------
    weight
        W of shape (out, in).

    Returns
    -------
    Tensor
        (in, in), float64.

    Raises
    ------
    InputError
        If W is not a finite real matrix.

    Examples
    --------
    >>> neural_feature_matrix(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
    tensor([[1., 2.],
            [2., 5.]], dtype=torch.float64)
    """
    weight = as_matrix(weight, "weight").double()
    matrix = weight.mT @ weight
    require_finite(matrix, "weight")
    return matrix


def nfa_correlation(
    weight: ArrayLike,
    agop: ArrayLike | Spectrum,
    *,
    power: float = 0.5,
    kind: Literal["pearson", "cosine"] = "pearson",
) -> float:
    r"""Correlation over the entries of :math:`W^T W` and :math:`\mathrm{AGOP}^p`.

    The cosine is :math:`\langle A, B \rangle / (\|A\|_F \|B\|_F)` with the inner product over entries; Pearson's
    correlation is the cosine of the two matrices minus the means of their entries. Both come from W and the spectrum of
    the AGOP: no matrix of d x d entries is formed where that is given.

    Parameters
    ----------
    weight
        W of shape (out, d).
    agop
        (d, d) symmetric positive semi-definite, or its spectrum.
    power
        p > 0: 1/2 in the ansatz of Radhakrishnan et al. 2024 (arXiv 2212.13881), 1 in Beaglehole et al. 2024
        (arXiv 2402.13728), section 5, as well.
    kind
        "pearson" or "cosine".

    Returns
    -------
    float
        Pearson: -1 to 1. Cosine: 0 to 1.

    Raises
    ------
    UndefinedMeasureError
        If one of the matrices is zero, or for Pearson all its entries are equal.
    InputError
        If the weight or the AGOP is unusable, or they have another number of features.

    Examples
    --------
    >>> weight = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> round(nfa_correlation(weight, torch.diag(torch.tensor([16.0, 1.0]))), 12)
    1.0
    """
    if kind not in ("pearson", "cosine"):
        raise InputError("kind 'pearson' or 'cosine'", repr(kind), "Choose one of the two.")
    if not 0 < power < math.inf:
        raise InputError("a positive, finite power", str(power), "Use 1/2 for the ansatz.")
    products = _EntryProducts.of(weight, agop if isinstance(agop, Spectrum) else Spectrum.of(agop))
    return products.pearson(power) if kind == "pearson" else products.cosine(power)


@storable
@dataclass(frozen=True, slots=True, eq=False)
class Ansatz:
    r"""Agreement of the neural feature matrix :math:`W^T W` of a layer with powers of the AGOP at its input.

    Attributes
    ----------
    pearson, pearson_root
        Pearson's correlation over the entries of :math:`W^T W` and :math:`\mathrm{AGOP}^p`, p = 1 and 1/2.
    cosine, cosine_root
        The same, entries not centred.
    best_power, best_pearson
        Power in 0.05 .. 2 with the largest Pearson correlation, and that correlation. The power is None where all
        non-zero eigenvalues of the AGOP agree, as with rank one: all powers are then the same up to a factor.
    nfm_spectrum, agop_spectrum
        Eigenvalues that are not rounding, descending, float64.
    nfm_effective_rank, agop_effective_rank
        :math:`(\mathrm{tr} A)^2 / \|A\|_F^2` of :math:`A = W^T W` and of the AGOP.
    nfm_stable_rank, agop_stable_rank
        :math:`\|A\|_F^2 / \|A\|_2^2` of the same.

    Examples
    --------
    >>> weight = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> found = Ansatz.of(weight, Spectrum.of(torch.diag(torch.tensor([16.0, 1.0]))))
    >>> round(found.pearson_root, 6), round(found.best_power, 6), found.nfm_spectrum.tolist()
    (1.0, 0.5, [4.0, 1.0])
    """

    pearson: float
    pearson_root: float
    cosine: float
    cosine_root: float
    best_power: float | None
    best_pearson: float
    nfm_spectrum: Tensor
    agop_spectrum: Tensor
    nfm_effective_rank: float
    nfm_stable_rank: float
    agop_effective_rank: float
    agop_stable_rank: float

    @classmethod
    def of(cls, weight: ArrayLike, spectrum: Spectrum) -> Ansatz:
        """Compare W (out, d) with the spectrum of the AGOP (d, d), without a (d, d) matrix.

        Raises
        ------
        UndefinedMeasureError
            If :math:`W^T W` or the AGOP is zero, or all its entries are equal.
        InputError
            If W is not a finite matrix with d columns.
        """
        products = _EntryProducts.of(weight, spectrum)
        best_power, best_pearson = products.best()
        nfm = Spectrum.of_factor(_checked(weight, spectrum))
        return cls(
            pearson=products.pearson(1.0),
            pearson_root=products.pearson(0.5),
            cosine=products.cosine(1.0),
            cosine_root=products.cosine(0.5),
            best_power=best_power,
            best_pearson=best_pearson,
            nfm_spectrum=nfm.values,
            agop_spectrum=spectrum.values,
            nfm_effective_rank=nfm.effective_rank,
            nfm_stable_rank=nfm.stable_rank,
            agop_effective_rank=spectrum.effective_rank,
            agop_stable_rank=spectrum.stable_rank,
        )

    def as_dict(self) -> dict[str, float | None]:
        """Numbers by name, without the spectra; JSON can hold it."""
        names = [field.name for field in fields(self) if not field.name.endswith("_spectrum")]
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, eq=False)
class _EntryProducts:
    r"""Inner products over the entries of :math:`N = W^T W` and :math:`A^p = \sum_j w_j v_j v_j^T`, for any p.

    Here :math:`w_j = (\lambda_j / \lambda_1)^p`: factors do not matter to correlations, nor does the scale of W.
    Then :math:`\langle N, A^p \rangle = \sum_j w_j \|W v_j\|^2` and :math:`\|A^p\|_F = \|w\|`.

    Minus its mean entry, with the unit vector u of equal entries and :math:`P = I - uu^T`, a symmetric N is the sum of
    PNP, :math:`PNuu^T` and :math:`uu^TNP`, orthogonal to each other. With :math:`H = WP` and :math:`c_j = Pv_j`, in
    which a mean is taken off rows and eigenvectors, :math:`PNP = H^T H`, :math:`PNu = H^T W u`,
    :math:`PA^pP = \sum_j w_j c_j c_j^T` and :math:`PA^pu = \sum_j w_j \langle v_j, u \rangle c_j`. A mean that dwarfs
    the rest costs no digits, as it would in the difference of sums of squares.

    Attributes
    ----------
    logarithms
        (r,) logarithms of the eigenvalues over the largest.
    cross, centred_cross
        (r,) factors of w in the inner product with N.
    centred_gram
        (r, r) quadratic form in w of the squared norm of the centred power.
    norm, centred_norm
        Norm of N.
    """

    logarithms: Tensor
    cross: Tensor
    centred_cross: Tensor
    centred_gram: Tensor
    norm: float
    centred_norm: float

    @classmethod
    def of(cls, weight: ArrayLike, spectrum: Spectrum) -> _EntryProducts:
        weight = _checked(weight, spectrum)
        if not spectrum.rank:
            raise UndefinedMeasureError("an AGOP that is not zero", "zero", "Does a gradient reach this layer?")
        largest = weight.abs().max() if weight.numel() else weight.new_zeros(())
        if largest == 0:
            raise UndefinedMeasureError("a weight that is not zero", "zero", "The layer maps everything to its bias.")
        weight, vectors = weight / largest, spectrum.vectors
        d = spectrum.n_features
        rows, columns = weight - weight.mean(1, keepdim=True), vectors - vectors.mean(0)
        along_rows, along_columns = weight.sum(1) / math.sqrt(d), vectors.sum(0) / math.sqrt(d)
        mapped = rows @ columns
        overlaps = columns.mT @ columns
        return cls(
            logarithms=(spectrum.values / spectrum.values[0]).log(),
            cross=(weight @ vectors).square().sum(0),
            centred_cross=mapped.square().sum(0) + 2 * along_columns * (along_rows @ mapped),
            centred_gram=overlaps * (overlaps + 2 * torch.outer(along_columns, along_columns)),
            norm=_product_norm(weight),
            centred_norm=math.hypot(_product_norm(rows), math.sqrt(2) * float((along_rows @ rows).norm())),
        )

    def cosine(self, power: float) -> float:
        """Cosine of N and the power."""
        weights = (power * self.logarithms).exp()
        return min(1.0, float(weights @ self.cross / weights.norm()) / self.norm)

    def pearson(self, power: float) -> float:
        """Pearson's correlation of N and the power, where both have entries that differ."""
        if self.centred_norm <= _CONSTANT * self.norm:
            raise UndefinedMeasureError("entries of W^T W that differ", "equal ones", "Use the cosine.")
        found = float(self._pearson(self.logarithms.new_tensor([power])))
        if math.isnan(found):
            raise UndefinedMeasureError("entries of the AGOP that differ", "equal ones", "Use the cosine.")
        return min(1.0, max(-1.0, found))

    def best(self) -> tuple[float | None, float]:
        """Power with the largest Pearson correlation, None where it does not matter, and that correlation."""
        at_one = self.pearson(1.0)
        if self.logarithms[-1] >= -_EQUAL:
            return None, at_one
        powers = torch.linspace(*_POWERS, _N_POWERS, dtype=torch.float64).to(self.logarithms)
        best = int(self._pearson(powers).nan_to_num(nan=_WORSE).argmax())
        refined = minimize_scalar(
            lambda power: -float(self._pearson(powers.new_tensor([power])).nan_to_num(nan=_WORSE)),
            bounds=(float(powers[max(best - 1, 0)]), float(powers[min(best + 1, _N_POWERS - 1)])),
            method="bounded",
            options={"xatol": 1e-9},
        )
        power = max(float(powers[best]), float(refined.x), key=self.pearson)
        return power, self.pearson(power)

    def _pearson(self, powers: Tensor) -> Tensor:
        """Correlations for powers (k,); NaN where all entries of the power are equal up to rounding."""
        weights = (powers[:, None] * self.logarithms).exp()
        lengths = ((weights @ self.centred_gram) * weights).sum(1).clamp_min(0).sqrt()
        lengths = torch.where(lengths <= _CONSTANT * weights.norm(dim=1), math.nan, lengths)
        return weights @ self.centred_cross / lengths / self.centred_norm


def _checked(weight: ArrayLike, spectrum: Spectrum) -> Tensor:
    """Return the weight (out, d) in float64 where the spectrum is."""
    weight = as_matrix(weight, "weight", n_columns=spectrum.n_features)
    if not all_finite(weight):
        raise InputError("a finite weight", "NaN or infinity", "Did the training diverge?")
    return weight.to(spectrum.vectors)


def _product_norm(rows: Tensor) -> float:
    """Frobenius norm of X^T X, from the smaller of it and X X^T."""
    smaller = rows @ rows.mT if rows.shape[0] < rows.shape[1] else rows.mT @ rows
    return float(smaller.norm())
