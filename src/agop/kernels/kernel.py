"""The interface of a kernel: its values and the gradients of the functions it spans."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real

from sklearn.base import BaseEstimator
from torch import Tensor

from agop.errors import InputError
from agop.kernels.distances import Pairwise

__all__ = ["Kernel"]


class Kernel(BaseEstimator, ABC):  # type: ignore[misc]
    """A positive definite function of two points, given by its hyper-parameters only.

    Kernels follow scikit-learn's conventions (``get_params``, ``set_params``, ``clone``), so that
    ``kernel__bandwidth`` can be searched. A Mahalanobis metric M is applied to the points beforehand,
    as the linear map M^{1/2}.
    """

    @abstractmethod
    def gram(self, points: Tensor, centers: Tensor | None = None) -> Pairwise:
        """Kernel matrix k(x_i, z_j), (n, m), with the precision of the products behind it.

        ``centers`` is ``points`` itself if None; the result is then exactly symmetric.
        """

    @abstractmethod
    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients at ``points`` of the C functions sum_j a_jl k(., z_j): (C, n, d)."""

    @abstractmethod
    def check(self) -> None:
        """Raise InputError unless the hyper-parameters are in their range."""

    def __call__(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Kernel matrix k(x_i, z_j) of shape (n, m)."""
        self.check()
        return self.gram(points, centers).values


def check_positive(name: str, value: float) -> None:
    """Raise InputError unless a hyper-parameter is a positive finite number."""
    if not isinstance(value, Real) or not 0 < value < float("inf"):
        raise InputError(f"a positive finite {name}", repr(value), f"Set {name} > 0.")
