"""The kernel matrix of one set of points as an operator, in blocks of one triangle."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from agop.chunks import blocks
from agop.kernels.kernel import Kernel

__all__ = ["GramOperator"]

_BLOCK = 1024
"""Rows and columns of a block: one product with it costs little beside its two readings from the cache."""


@dataclass(frozen=True)
class GramOperator:
    """K = k(X, X) known by its products, in less memory than its entries take.

    Half of the blocks suffice: each one below the diagonal is the transpose of one above. As many of them as fit
    ``max_memory`` are kept after their first use; the others are computed again for each product.

    Attributes
    ----------
    kernel
        Kernel k.
    points
        X, (n, d), float32 or float64: the precision of the entries.
    max_memory
        Bytes for kept blocks.

    Examples
    --------
    >>> from agop.kernels.radial import Laplace
    >>> gram = GramOperator(Laplace(1.0), torch.zeros(3, 2), max_memory=0)
    >>> gram @ torch.ones(3, 1)
    tensor([[3.],
            [3.],
            [3.]], dtype=torch.float64)
    """

    kernel: Kernel
    points: Tensor
    max_memory: int
    _kept: dict[tuple[int, int], Tensor] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def diagonal(self) -> Tensor:
        """(n,) diagonal of K: ones, for kernels of a difference."""
        return torch.ones_like(self.points[:, 0])

    def columns(self, index: Tensor) -> Tensor:
        """Columns k(X, X[index]) of K, (n, k)."""
        return self.kernel.gram(self.points, self.points[index]).values

    def __matmul__(self, vectors: Tensor) -> Tensor:
        """K V, (n, c) float64, for V (n, c), which is rounded to the precision of the entries."""
        narrow = vectors.to(self.points)
        products = torch.zeros_like(vectors, dtype=torch.float64)
        parts = blocks(len(self), _BLOCK)
        for i, rows in enumerate(parts):
            for j, columns in enumerate(parts[: i + 1]):
                block = self._block(i, j, rows, columns)
                products[rows] += block @ narrow[columns]
                if i != j:
                    products[columns] += block.mT @ narrow[rows]
        return products

    def _block(self, i: int, j: int, rows: slice, columns: slice) -> Tensor:
        if (i, j) in self._kept:
            return self._kept[i, j]
        block = self.kernel.gram(self.points[rows], None if i == j else self.points[columns]).values
        if (len(self._kept) + 1) * _BLOCK**2 * block.element_size() <= self.max_memory:
            self._kept[i, j] = block
        return block
