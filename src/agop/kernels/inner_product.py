"""Kernels of the inner product: polynomials, the quadratic kernel among them, and the exponential."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

from torch import Tensor

from agop.chunks import blocks
from agop.errors import InputError
from agop.kernels.bandwidth import Bandwidth
from agop.kernels.distances import Pairwise
from agop.kernels.kernel import Kernel
from agop.storable import storable

__all__ = ["Exponential", "InnerProductKernel", "Polynomial"]

_ROWS = 256
"""Points whose products with all centers are weighted together."""


class InnerProductKernel(Kernel):
    r"""A kernel :math:`k(x, z) = \kappa(s)` of :math:`s = \langle x, z \rangle / L^2`.

    It depends on where the origin is, and k(x, x) on x. With a metric M the product is :math:`x^T M z`. The gradient is
    :math:`\nabla_x k(x, z) = \kappa'(s)\, z / L^2`.

    Examples
    --------
    A kernel of one's own, the linear one:

    >>> import torch
    >>> class Linear(InnerProductKernel):
    ...     def value(self, products):
    ...         return products
    ...     def slope(self, products):
    ...         return torch.ones_like(products)
    >>> Linear()(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.5], [2.0, -1.0]]))
    tensor([[4., 0.]])
    """

    stationary = False

    def __init__(self, bandwidth: Bandwidth = 1.0) -> None:
        super().__init__(bandwidth)

    @abstractmethod
    def value(self, products: Tensor) -> Tensor:
        """kappa(s) at scaled products s."""

    @abstractmethod
    def slope(self, products: Tensor) -> Tensor:
        """kappa'(s) at scaled products s."""

    def gram(self, points: Tensor, centers: Tensor | None = None) -> Pairwise:
        """Kernel matrix kappa(<x_i, z_j> / L^2), (n, m)."""
        if centers is not None:
            return Pairwise(self.value(self._products(points, centers)), points.dtype)
        products = self._products(points, points)
        upper = products.triu(1)  # products are symmetric up to rounding
        return Pairwise(self.value(upper + upper.mT + products.diagonal().diag()), points.dtype)

    def diagonal(self, points: Tensor) -> Tensor:
        """kappa(||x_i||^2 / L^2), (n,)."""
        return self.value(points.square().sum(1) / self.bandwidth**2)

    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients sum_j a_jl kappa'(s_ij) z_j / L^2 at the points: (C, n, d)."""
        gradients = points.new_empty(coefficients.shape[1], *points.shape)
        for rows in blocks(len(points), _ROWS):
            slopes = self.slope(self._products(points[rows], centers)).div_(self.bandwidth**2)
            gradients[:, rows] = (coefficients.mT[:, None] * slopes) @ centers
        return gradients

    def distances(self, points: Tensor, centers: Tensor | None = None) -> Tensor:  # noqa: ARG002 (the interface)
        """No distances, since it is a function of none.

        Raises
        ------
        InputError
            Always.
        """
        raise self._no_distance()

    def profile_(self, distances: Tensor) -> Tensor:  # noqa: ARG002 (the interface)
        """No function of a distance.

        Raises
        ------
        InputError
            Always.
        """
        raise self._no_distance()

    def _no_distance(self) -> InputError:
        return InputError(
            "a kernel of a distance, for rules of the bandwidth and choices by leave-one-out",
            type(self).__name__,
            "Set bandwidth and ridge to numbers and take agop.rfm.rfm, the recursion itself.",
        )

    def _products(self, points: Tensor, centers: Tensor) -> Tensor:
        return (points @ centers.mT).div_(self.bandwidth**2)


@storable
class Polynomial(InnerProductKernel):
    r"""Polynomial kernel :math:`k(x, z) = (c + \langle x, z \rangle / L^2)^q`; with q = 2, c = 0 the quadratic one.

    Parameters
    ----------
    bandwidth
        L > 0, in units of the norm; :math:`\sqrt d` makes the product a mean over coordinates.
    degree
        Whole number q >= 1.
    offset
        c >= 0; with c > 0 terms of lower degree are there as well.

    References
    ----------
    Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin 2024 (arXiv 2407.20199) learn modular arithmetic with
    q = 2, c = 0 and :math:`k(x, z) = (x^T M z)^2`.

    Examples
    --------
    >>> import torch
    >>> Polynomial()(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.5], [2.0, -1.0]]))
    tensor([[16.,  0.]])
    """

    def __init__(self, bandwidth: Bandwidth = 1.0, degree: int = 2, offset: float = 0.0) -> None:
        super().__init__(bandwidth)
        self.degree = degree
        self.offset = offset

    def value(self, products: Tensor) -> Tensor:
        """(c + s)^q."""
        return (products + self.offset) ** self.degree

    def slope(self, products: Tensor) -> Tensor:
        """The slope q (c + s)^(q-1)."""
        return self.degree * (products + self.offset) ** (self.degree - 1)

    def check(self) -> None:
        """Raise InputError unless L > 0, q >= 1 is whole and c >= 0."""
        super().check()
        degree: Any = self.degree
        if not isinstance(degree, Integral) or degree < 1:
            raise InputError("a whole degree >= 1", repr(degree), "Others are not positive definite.")
        offset: Any = self.offset
        if not isinstance(offset, Real) or not 0 <= float(offset) < float("inf"):
            raise InputError("a finite offset >= 0", repr(offset), "Negative ones are not positive definite.")


@storable
class Exponential(InnerProductKernel):
    r"""Exponential kernel :math:`k(x, z) = \exp(\langle x, z \rangle / L^2)`, the sum of all :math:`s^q / q!`.

    Parameters
    ----------
    bandwidth
        L > 0, in units of the norm; one much smaller than the norms makes values that are too large to compute with.

    References
    ----------
    Steinwart, Christmann 2008, Support Vector Machines, section 4.6: it is universal on compact sets.

    Examples
    --------
    >>> import torch
    >>> Exponential()(torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, -1.0]]))
    tensor([[1.]])
    """

    def value(self, products: Tensor) -> Tensor:
        """exp(s)."""
        return products.exp()

    def slope(self, products: Tensor) -> Tensor:
        """exp(s)."""
        return products.exp()
