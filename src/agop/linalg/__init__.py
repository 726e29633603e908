"""Positive semi-definite matrices: powers, maps by their spectra, and subspaces."""

from __future__ import annotations

from agop.linalg.powers import effective_rank, largest_positive, psd_eigen, psd_power
from agop.linalg.products import gram, product, triangular_factor
from agop.linalg.spectra import Spectrum, participation_ratio, stable_rank
from agop.linalg.subspaces import leading_subspace, principal_angles

__all__ = [
    "Spectrum",
    "effective_rank",
    "gram",
    "largest_positive",
    "leading_subspace",
    "participation_ratio",
    "principal_angles",
    "product",
    "psd_eigen",
    "psd_power",
    "stable_rank",
    "triangular_factor",
]
