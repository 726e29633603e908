"""The neural feature ansatz: how far W^T W of a layer is a power of the AGOP at its input."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from torch import Tensor

from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.linalg import Spectrum, participation_ratio, stable_rank
from agop.network.record.entry_products import EntryProducts, weight_factor
from agop.storable import storable

__all__ = ["Ansatz", "ansatz_of", "neural_feature_matrix", "nfa_correlation"]


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
    >>> import torch
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
    >>> import torch
    >>> weight = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> round(nfa_correlation(weight, torch.diag(torch.tensor([16.0, 1.0]))), 12)
    1.0
    """
    if kind not in ("pearson", "cosine"):
        raise InputError("kind 'pearson' or 'cosine'", repr(kind), "Choose one of the two.")
    if not 0 < power < math.inf:
        raise InputError("a positive, finite power", str(power), "Use 1/2 for the ansatz.")
    spectrum = agop if isinstance(agop, Spectrum) else Spectrum.of(agop)
    products = EntryProducts.of(weight_factor(weight, spectrum), spectrum)
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
        The same, entries not centered.
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
    >>> import torch
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
        factor = weight_factor(weight, spectrum)
        products = EntryProducts.of(factor, spectrum)
        best_power, best_pearson = products.best()
        nfm = Spectrum.values_of_factor(factor)
        return cls(
            pearson=products.pearson(1.0),
            pearson_root=products.pearson(0.5),
            cosine=products.cosine(1.0),
            cosine_root=products.cosine(0.5),
            best_power=best_power,
            best_pearson=best_pearson,
            nfm_spectrum=nfm,
            agop_spectrum=spectrum.values,
            nfm_effective_rank=participation_ratio(nfm),
            nfm_stable_rank=stable_rank(nfm),
            agop_effective_rank=spectrum.effective_rank,
            agop_stable_rank=spectrum.stable_rank,
        )

    def as_dict(self) -> dict[str, float | None]:
        """Numbers by name, without the spectra; JSON can hold it."""
        names = [field.name for field in fields(self) if not field.name.endswith("_spectrum")]
        return {name: getattr(self, name) for name in names}


def ansatz_of(weight: Tensor, spectrum: Spectrum) -> Ansatz | None:
    """Agreement of a weight (out, d) with the spectrum of an AGOP (d, d), on the CPU; None where one is zero."""
    try:
        return Ansatz.of(weight.cpu(), spectrum.to("cpu"))
    except UndefinedMeasureError:
        return None
