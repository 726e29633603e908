"""A frozen predictor: kernel, centers, coefficients and metric."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.kernels import Kernel, Metric
from agop.kernels.metric import mapped
from agop.storable import storable

__all__ = ["KernelMachine"]


@storable
@dataclass(frozen=True)
class KernelMachine:
    r"""The function :math:`f(x) = \sum_j \alpha_j\, k(M^{1/2} x, M^{1/2} x_j)`.

    For a radial kernel this is a function of the Mahalanobis distance
    :math:`\sqrt{(x - x_j)^T M (x - x_j)}` (Radhakrishnan et al. 2024, arXiv 2212.13881).

    Attributes
    ----------
    kernel
        Hyper-parameters of k.
    centers
        Training inputs x_j, (n, d).
    coefficients
        alpha, (n, C).
    metric
        M, or None for the identity.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace
    >>> machine = KernelMachine(Laplace(2.0), torch.zeros(1, 3), torch.tensor([[5.0]]))
    >>> machine(torch.zeros(2, 3))
    tensor([[5.],
            [5.]])
    """

    kernel: Kernel
    centers: Tensor
    coefficients: Tensor
    metric: Metric | None = None

    def __call__(self, points: Tensor, *, max_memory: int | None = None) -> Tensor:
        """Predictions (m, C) at ``points`` (m, d), in row blocks of at most ``max_memory`` bytes.

        They are computed in the precision of the coefficients and returned in that of the centers.
        """
        self.kernel.check()
        if points.ndim != 2 or points.shape[1] != self.centers.shape[1]:
            raise InputError(
                f"points of shape (m, {self.centers.shape[1]})",
                f"shape {tuple(points.shape)}",
                "Pass the features that the model was fitted on.",
            )
        dtype, origin = self.coefficients.dtype, self.kernel.origin(self.centers.mean(0))
        centers = mapped(self.centers, origin, self.metric, dtype)
        predictions = self.centers.new_empty(len(points), self.coefficients.shape[1])
        bytes_per_row = 3 * (len(centers) + points.shape[1]) * dtype.itemsize
        for rows in row_chunks(len(points), bytes_per_row, max_memory):
            block = mapped(points[rows], origin, self.metric, dtype)
            predictions[rows] = (self.kernel.gram(block, centers).values @ self.coefficients).to(predictions)
        return predictions
