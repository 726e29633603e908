"""Kernel ridge regression for many ridges from one eigendecomposition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SpectralFactor"]


@dataclass(frozen=True)
class SpectralFactor:
    r"""Eigendecomposition :math:`W^{1/2} K W^{1/2} = Q \Lambda Q^T`, W the diagonal matrix of the weights.

    So :math:`A^{-1} = (K + \lambda W^{-1})^{-1} = W^{1/2} Q (\Lambda + \lambda)^{-1} Q^T W^{1/2}` for every ridge.

    Attributes
    ----------
    eigenvalues
        (n,) float64, those below the rounding of the largest one raised to it, since K is semi-definite.
    eigenvectors
        Q, (n, n) float64.
    weights
        (n,) float64.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    weights: Tensor

    @classmethod
    def of(cls, gram: Tensor, weights: Tensor | None = None) -> SpectralFactor:
        """Factor a kernel matrix (n, n) with positive weights (n,), ones if None: about 9 n^3 multiply-adds."""
        weights = torch.ones_like(gram[0], dtype=torch.float64) if weights is None else weights.double()
        roots = weights.sqrt()
        eigenvalues, eigenvectors = torch.linalg.eigh(roots[:, None] * gram.double() * roots)
        smallest = len(gram) * torch.finfo(torch.float64).eps * eigenvalues[-1]
        return cls(eigenvalues.clamp(min=smallest.item()), eigenvectors, weights)

    def solve(self, targets: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
        """Coefficients A^-1 Y, (n, C), and the diagonal of A^-1, (n,), float64: n^2 (C + 1) multiply-adds.

        Examples
        --------
        >>> alone = SpectralFactor.of(torch.ones(1, 1))
        >>> alone.solve(torch.tensor([[3.0]]), ridge=1.0)
        (tensor([[1.5000]], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
        """
        inverse = 1 / (self.eigenvalues + ridge)
        roots = self.weights.sqrt()[:, None]
        solved = self.eigenvectors @ (inverse[:, None] * (self.eigenvectors.mT @ (roots * targets.double())))
        return roots * solved, self.weights * (self.eigenvectors.square() @ inverse)
