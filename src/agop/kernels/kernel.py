"""The interface of a kernel: its values, its distance, and the gradients of the functions it spans."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from agop.errors import InputError
from agop.estimator.reference import ReferenceMixin
from agop.kernels.bandwidth import Bandwidth
from agop.kernels.distances import Pairwise, median_positive

__all__ = ["Kernel"]

_SMALLEST = 1e-15
"""Bandwidth at which distances that are far smaller still have squares in float32."""


class Kernel(ReferenceMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A positive definite function of two points, given by its hyper-parameters only.

    Kernels follow scikit-learn's conventions (``get_params``, ``set_params``, ``clone``), so that
    ``kernel__bandwidth`` can be searched. A Mahalanobis metric M is applied to the points beforehand,
    as the linear map M^{1/2}.

    Parameters
    ----------
    bandwidth
        L > 0, in units of the distance; the RFM estimators resolve a rule such as ``MedianDistance()``.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> kernel = Laplace().set_params(bandwidth=2.0)
    >>> kernel(torch.tensor([[0.0]]), torch.tensor([[0.0], [2.0]]))
    tensor([[1.0000, 0.3679]])
    """

    default_diagonal: ClassVar[bool] = False
    """Whether a diagonal metric is what the kernel is made for."""

    stationary: ClassVar[bool] = True
    """Whether it is a function of x - z, which is 1 where x = z and the same about any origin."""

    def __init__(self, bandwidth: Bandwidth = 10.0) -> None:
        self.bandwidth: Any = bandwidth

    @abstractmethod
    def distances(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Distances (n, m) between two sets of points, or those of one set, whose unit is that of the bandwidth."""

    @abstractmethod
    def profile_(self, distances: Tensor) -> Tensor:
        """Replace distances by the values of the kernel, in place."""

    @abstractmethod
    def gram(self, points: Tensor, centers: Tensor | None = None) -> Pairwise:
        """Kernel matrix k(x_i, z_j), (n, m), with the precision of the products behind it.

        ``centers`` is ``points`` itself if None; the result is then exactly symmetric.
        """

    @abstractmethod
    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients at ``points`` of the C functions sum_j a_jl k(., z_j): (C, n, d)."""

    def gradient_weights(self, points: Tensor, centers: Tensor | None = None) -> Tensor | None:
        """Weights V (n, m), the gradient of k(x_i, z_j) in x_i being V_ij (x_i - z_j); None without such a form."""

    def gram_and_gradient_weights(
        self, points: Tensor, centers: Tensor | None = None
    ) -> tuple[Pairwise, Tensor | None]:
        """Both matrices, from the same distances where they can share these."""
        return self.gram(points, centers), self.gradient_weights(points, centers)

    def origin(self, center: Tensor) -> Tensor:
        """Origin about which it takes its points: their center (d,), which keeps digits, where it has the choice."""
        return center if self.stationary else torch.zeros_like(center)

    def diagonal(self, points: Tensor) -> Tensor:
        """Values k(x_i, x_i), (n,)."""
        return torch.ones(len(points), dtype=points.dtype, device=points.device)

    def median_distance(self, points: Tensor) -> float:
        """Median of the positive distances between two of the points (n, d), in float64; 1.0 if there are none.

        Raises
        ------
        InputError
            If there is a single point.
        """
        if len(points) < 2:
            raise InputError("two distinct samples to choose a bandwidth", "one", "Check that columns vary, or set it.")
        return median_positive(self.distances(points.double()))

    def check(self) -> None:
        """Raise InputError unless the hyper-parameters are numbers in their range."""
        bandwidth: Any = self.bandwidth
        if not isinstance(bandwidth, Real) or not 0 < float(bandwidth) < float("inf"):
            raise InputError("a positive finite bandwidth", repr(bandwidth), "Set bandwidth > 0.")
        if not _SMALLEST <= float(bandwidth) <= 1 / _SMALLEST:
            advice = "Scale the features: squares of such distances are no numbers in float32."
            raise InputError(f"a bandwidth from {_SMALLEST:g} to {1 / _SMALLEST:g}", f"{bandwidth:.3g}", advice)

    def __call__(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Kernel matrix k(x_i, z_j) of shape (n, m)."""
        self.check()
        return self.gram(points, centers).values
