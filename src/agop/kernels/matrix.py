"""The kernel matrix of one set of points, dense or by blocks of one triangle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Self

import torch
from torch import Tensor

from agop.chunks import blocks
from agop.estimator.rows import center
from agop.kernels.kernel import Kernel
from agop.kernels.metric import Metric, mapped
from agop.ranks import Panels

__all__ = ["KernelMatrix"]

_BLOCK = 1024
"""Rows and columns of a block: one product with it costs little beside its two readings from the cache."""


@dataclass(frozen=True, eq=False)
class KernelMatrix:
    r"""K = k(X, X) at a metric, and the shift s of the systems :math:`(K + \mathrm{diag}(s)) A = Y`.

    It is there in full, by ``dense``, or is known by products, columns and diagonal in float32. Products take less
    memory than its entries: each block below the diagonal is the transpose of one above, and as many of them as fit
    ``max_memory`` are kept after their first use; the others are computed again for each product.

    Attributes
    ----------
    kernel
        Kernel k.
    points
        X, (n, d), float32 or float64.
    shift
        s >= 0, a number or (n,): lambda / w for kernel ridge regression with a ridge lambda and sample weights w.
    metric
        M; identity if None.
    max_memory
        Bytes for matrices over pairs; unlimited if None.
    keep_gradient_weights
        Whether ``dense`` keeps the gradient weights as well, which are functions of the same distances.
    distances
        (n, n) distances of the points at the metric, if they are known: ``dense`` is a function of them then.

    Examples
    --------
    >>> from agop.kernels.radial import Laplace
    >>> matrix = KernelMatrix(Laplace(1.0), torch.zeros(3, 2))
    >>> matrix @ torch.ones(3, 1)
    tensor([[3.],
            [3.],
            [3.]], dtype=torch.float64)
    """

    kernel: Kernel
    points: Tensor
    shift: Tensor | float = 0.0
    metric: Metric | None = None
    max_memory: int | None = None
    keep_gradient_weights: bool = False
    distances: Tensor | None = None
    _blocks: dict[tuple[int, int], Tensor] = field(default_factory=dict, init=False, repr=False)
    _last: list[tuple[torch.dtype, Tensor | None]] = field(default_factory=list, init=False, repr=False)

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the points, or of their distances."""
        return self.points.dtype if self.distances is None else self.distances.dtype

    @property
    def products(self) -> torch.dtype:
        """Data type of the inner products behind the closest pairs."""
        return self._last[0][0] if self._last else torch.float32

    @property
    def gradient_weights(self) -> Tensor | None:
        """Gradient weights (n, n) that the last dense matrix kept.

        None if they were not to be kept, the kernel has none, or ``max_memory`` has no room for a second matrix.
        """
        return self._last[0][1] if self._last else None

    @property
    def diagonal(self) -> Tensor:
        """(n,) diagonal of K: ones, for kernels of a difference."""
        if not self.kernel.stationary:
            return self.kernel.diagonal(self._narrow)
        return torch.ones(len(self.points), device=self.points.device)

    def dense(self, dtype: torch.dtype) -> Tensor:
        """K, (n, n), from the points in this precision."""
        if self.distances is not None:
            return self.kernel.profile_(self.distances.to(dtype, copy=True))
        self._last.clear()  # of an attempt in lower precision
        points = mapped(self.points, self._origin, self.metric, dtype)
        twice = 2 * len(points) ** 2 * dtype.itemsize
        if self.keep_gradient_weights and (self.max_memory is None or twice <= self.max_memory):
            (gram, products), weights = self.kernel.gram_and_gradient_weights(points)
        else:
            (gram, products), weights = self.kernel.gram(points), None
        self._last.append((products, weights))
        return gram

    def rows(self, panels: Panels, dtype: torch.dtype) -> Iterator[Tensor]:
        """Rows of K from the diagonal on, (b, n - start), of each panel of this rank.

        With ``keep_gradient_weights`` those of its rows, in all columns, are in ``gradient_weights`` afterwards: each
        is computed once, and sent to the rank that has its transpose.
        """
        self._last.clear()  # of an attempt in lower precision
        points = mapped(self.points, self._origin, self.metric, dtype)
        fits = self.max_memory is None or 2 * panels.most_rows * len(points) * dtype.itemsize <= self.max_memory
        keeps = self.keep_gradient_weights and fits and self.kernel.gradient_weights(points[:1]) is not None
        kept = points.new_empty(len(panels.own_rows), len(points)) if keeps else None
        products = torch.float32
        for k in panels.own:
            part = panels.slices[k]
            own, behind = points[part], points[part.stop :]
            if kept is None:
                found = [self.kernel.gram(own), self.kernel.gram(own, behind)]
            else:
                both = [self.kernel.gram_and_gradient_weights(own, others) for others in (None, behind)]
                weights = [each for _, each in both if each is not None]
                torch.cat(weights, 1, out=kept[panels.own_slices[k], part.start :])
                found = [gram for gram, _ in both]
            products = reduce(torch.promote_types, (gram.products for gram in found), products)
            yield torch.cat([gram.values for gram in found], 1)
        self._last.append((products, None if kept is None else panels.mirrored_(kept)))

    def columns(self, index: Tensor) -> Tensor:
        """Columns k(X, X[index]) of K, (n, k)."""
        return self.kernel.gram(self._narrow, self._narrow[index]).values

    def between(self, rows: Tensor | slice, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Kernel values k(X[rows], X[index]), (b, k), from the points in this precision."""
        some, centers = (mapped(self.points[part], self._origin, self.metric, dtype) for part in (rows, index))
        return self.kernel.gram(some, centers).values

    def __matmul__(self, vectors: Tensor) -> Tensor:
        """K V, (n, c) float64, for V (n, c), which is rounded to float32."""
        narrow = vectors.to(self._narrow)
        products = torch.zeros_like(vectors, dtype=torch.float64)
        parts = blocks(len(self.points), _BLOCK)
        for i, rows in enumerate(parts):
            for j, columns in enumerate(parts[: i + 1]):
                block = self._block(i, j, rows, columns)
                products[rows] += block @ narrow[columns]
                if i != j:
                    products[columns] += block.mT @ narrow[rows]
        return products

    def within(self, max_memory: int) -> Self:
        """The same matrix with another budget and no blocks yet."""
        return replace(self, max_memory=max_memory)

    @cached_property
    def _narrow(self) -> Tensor:
        return mapped(self.points, self._origin, self.metric, torch.float32)

    @cached_property
    def _origin(self) -> Tensor:
        return self.kernel.origin(center(self.points))

    def _block(self, i: int, j: int, rows: slice, columns: slice) -> Tensor:
        if (i, j) in self._blocks:
            return self._blocks[i, j]
        block = self.kernel.gram(self._narrow[rows], None if i == j else self._narrow[columns]).values
        bytes_kept = (len(self._blocks) + 1) * _BLOCK**2 * block.element_size()
        if self.max_memory is None or bytes_kept <= self.max_memory:
            self._blocks[i, j] = block
        return block
