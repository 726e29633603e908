"""The outer product of gradients as a value that merges."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import require_finite
from agop.storable import storable

__all__ = ["OuterProduct"]


@storable
@dataclass(frozen=True)
class OuterProduct:
    r"""A sum of outer products :math:`\sum_i g_i g_i^T` and the number of samples behind it.

    Attributes
    ----------
    count
        Number of samples n (or their total weight).
    total
        (d, d) sum in float64.

    Examples
    --------
    >>> gradients = torch.tensor([[1.0, 0.0], [1.0, 2.0]])
    >>> whole = OuterProduct.of(gradients)
    >>> parts = OuterProduct.of(gradients[:1]).merge(OuterProduct.of(gradients[1:]))
    >>> parts.count, parts.mean() - whole.mean()
    (2.0, tensor([[0., 0.],
            [0., 0.]], dtype=torch.float64))
    >>> whole.mean()
    tensor([[1., 1.],
            [1., 2.]], dtype=torch.float64)
    """

    count: float
    total: Tensor

    @classmethod
    def empty(cls, n_features: int, *, device: torch.device | str | None = None) -> OuterProduct:
        """Identity of ``merge``."""
        return cls(0.0, torch.zeros(n_features, n_features, dtype=torch.float64, device=device))

    @classmethod
    def of(cls, gradients: Tensor) -> OuterProduct:
        """Outer products of Jacobians (n, C, d), or of gradients (n, d) of a single output.

        Raises
        ------
        InputError
            If the gradients or their squares are not finite, or they have another number of axes.
        """
        if gradients.ndim not in (2, 3):
            raise InputError("gradients (n, d) or (n, C, d)", f"shape {tuple(gradients.shape)}", "Add the axes.")
        rows = gradients.reshape(-1, gradients.shape[-1]).double()
        total = rows.mT @ rows
        require_finite(total, "gradients")
        return cls(float(len(gradients)), total)

    def merge(self, other: OuterProduct) -> OuterProduct:
        """Sum over the samples of both."""
        if self.total.shape != other.total.shape:
            raise InputError(
                f"an outer product of {self.total.shape[0]} features",
                f"{other.total.shape[0]}",
                "Merge statistics of the same layer only.",
            )
        return OuterProduct(self.count + other.count, self.total + other.total)

    def mean(self) -> Tensor:
        """Average outer product (d, d): the AGOP if the rows were Jacobians."""
        if self.count == 0:
            raise InputError("at least one sample", "an empty outer product", "Add data before asking for its mean.")
        return self.total / self.count
