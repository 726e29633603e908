"""Random, untrained feature maps.

Weights are drawn in float64 on the CPU from (seed, layer) and then cast, so that a map is the same for
every dtype and device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from torch import Tensor

from agop.errors import InputError
from agop.estimator.reference import ReferenceMixin
from agop.storable import storable

__all__ = [
    "CosineFeatures",
    "GaussianCosineFeatures",
    "LaplaceCosineFeatures",
    "RandomFeatures",
    "RandomMap",
    "ReLUFeatures",
]


@storable
@dataclass(frozen=True)
class RandomMap:
    """A drawn map: relu(W z) without phases, sqrt(2/k) cos(W z + u) with phases u.

    Attributes
    ----------
    weight
        W, (k, d).
    phase
        u, (k,), or None for ReLU features.

    Examples
    --------
    >>> RandomMap(torch.tensor([[1.0, 2.0], [-1.0, 0.0]]))(torch.tensor([[1.0, 1.0]]))
    tensor([[3., 0.]])
    >>> RandomMap(torch.eye(2), phase=torch.zeros(2))(torch.zeros(1, 2))
    tensor([[1., 1.]])
    """

    weight: Tensor
    phase: Tensor | None = None

    def __call__(self, rows: Tensor) -> Tensor:
        """Features (n, k) of rows (n, d), in the dtype of the rows."""
        features = rows @ self.weight.to(rows).mT
        if self.phase is None:
            return features.relu_()
        return features.add_(self.phase.to(rows)).cos_().mul_((2 / len(self.weight)) ** 0.5)


class RandomFeatures(ReferenceMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """Distribution of a random map, given by its hyper-parameters only."""

    width: int

    def draw(self, n_features: int, *, seed: int, layer: int) -> RandomMap:
        """Draw the map of ``layer`` for inputs of ``n_features``; the same for the same arguments.

        Raises
        ------
        InputError
            If a hyper-parameter is out of range.
        """
        width: Any = self.width
        if not isinstance(width, Integral) or width < 1:
            raise InputError("a positive integer width", repr(width), "Set width >= 1.")
        return self._draw(n_features, np.random.default_rng((seed, layer)))

    @abstractmethod
    def _draw(self, n_features: int, generator: np.random.Generator) -> RandomMap: ...

    @abstractmethod
    def scaled_distances(self, rows: Tensor, others: Tensor) -> Tensor | None:
        """Distances (n, m) in units of the map's kernel, which is about 0 far beyond 1; None without such a unit.

        Examples
        --------
        >>> rows, others = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])
        >>> CosineFeatures(gamma=0.5).scaled_distances(rows, others).item()
        3.5
        >>> GaussianCosineFeatures(bandwidth=2.0).scaled_distances(rows, others).item()
        2.5
        """


@storable
class ReLUFeatures(RandomFeatures):
    r"""ReLU features :math:`\max(W z, 0)`, :math:`W_{ij} \sim U(-1/\sqrt d, 1/\sqrt d)`.

    Parameters
    ----------
    width
        Number of features k.

    Examples
    --------
    >>> ReLUFeatures(width=4).draw(2, seed=0, layer=1)(torch.ones(3, 2)).shape
    torch.Size([3, 4])
    """

    def __init__(self, width: int = 1024) -> None:
        self.width = width

    def _draw(self, n_features: int, generator: np.random.Generator) -> RandomMap:
        bound = n_features**-0.5
        return RandomMap(torch.from_numpy(generator.uniform(-bound, bound, (self.width, n_features))))

    def scaled_distances(self, rows: Tensor, others: Tensor) -> None:
        """None: the features of c x are c times those of x, for any c > 0."""


class FourierFeatures(RandomFeatures):
    r"""Random Fourier features :math:`\sqrt{2/k}\cos(W z + u)` of a shift-invariant kernel.

    The rows of W are drawn from its spectral density, u is uniform on [0, 2 pi) (Rahimi & Recht 2007). All
    hyper-parameters are positive numbers.
    """

    def _draw(self, n_features: int, generator: np.random.Generator) -> RandomMap:
        for name, value in self.get_params().items():
            if not isinstance(value, Real) or not 0 < float(value) < float("inf"):
                raise InputError(f"a positive finite {name}", repr(value), f"Set {name} > 0.")
        weight = self._frequencies(n_features, generator)
        return RandomMap(torch.from_numpy(weight), torch.from_numpy(generator.uniform(0, 2 * np.pi, self.width)))

    @abstractmethod
    def _frequencies(self, n_features: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """W, (k, d)."""


@storable
class CosineFeatures(FourierFeatures):
    r"""Random Fourier features of the kernel :math:`\exp(-\gamma \|x - z\|_1)`.

    W is i.i.d. Cauchy of scale gamma: the choice of the experiments of Beaglehole et al. 2024.

    Parameters
    ----------
    width
        Number of features k.
    gamma
        Scale of the Cauchy distribution, > 0.

    Examples
    --------
    >>> features = CosineFeatures(width=100_000, gamma=0.5).draw(1, seed=0, layer=1)
    >>> x, z = features(torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    >>> round((x @ z).item(), 2), round(float(np.exp(-0.5)), 2)
    (0.61, 0.61)
    """

    def __init__(self, width: int = 1024, gamma: float = 0.05) -> None:
        self.width = width
        self.gamma = gamma

    def _frequencies(self, n_features: int, generator: np.random.Generator) -> NDArray[np.float64]:
        return self.gamma * generator.standard_cauchy((self.width, n_features))

    def scaled_distances(self, rows: Tensor, others: Tensor) -> Tensor:
        r""":math:`\gamma \|x - z\|_1`, (n, m): the kernel is exp of minus it."""
        return self.gamma * torch.cdist(rows, others, p=1)


class RadialFourierFeatures(FourierFeatures):
    """Random Fourier features of a kernel of the Euclidean distance over a bandwidth."""

    def __init__(self, width: int = 1024, bandwidth: float = 2.0) -> None:
        self.width = width
        self.bandwidth = bandwidth

    def scaled_distances(self, rows: Tensor, others: Tensor) -> Tensor:
        r""":math:`\|x - z\|_2 / L`, (n, m)."""
        return torch.cdist(rows, others) / self.bandwidth


@storable
class LaplaceCosineFeatures(RadialFourierFeatures):
    r"""Random Fourier features of the Laplace kernel :math:`\exp(-\|x - z\|_2 / L)`.

    The rows of W are g / (L abs(h)), g standard normal in d dimensions and h in one: a multivariate Cauchy
    distribution.

    Parameters
    ----------
    width
        Number of features k.
    bandwidth
        L > 0.

    Examples
    --------
    >>> features = LaplaceCosineFeatures(width=100_000, bandwidth=2.0).draw(2, seed=0, layer=1)
    >>> x, z = features(torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64))
    >>> round((x @ z).item(), 2), round(float(np.exp(-2.5)), 2)
    (0.08, 0.08)
    """

    def _frequencies(self, n_features: int, generator: np.random.Generator) -> NDArray[np.float64]:
        directions = generator.standard_normal((self.width, n_features))
        return directions / (self.bandwidth * np.abs(generator.standard_normal((self.width, 1))))


@storable
class GaussianCosineFeatures(RadialFourierFeatures):
    r"""Random Fourier features of the Gaussian kernel :math:`\exp(-\|x - z\|_2^2 / (2 L^2))`.

    The rows of W are g / L, g standard normal in d dimensions. This kernel is smooth where x = z, so that near classes
    keep the ratio of their squared distances, which those of the other two turn into distances.

    Parameters
    ----------
    width
        Number of features k.
    bandwidth
        L > 0.

    Examples
    --------
    >>> features = GaussianCosineFeatures(width=100_000, bandwidth=5.0).draw(2, seed=0, layer=1)
    >>> x, z = features(torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64))
    >>> round((x @ z).item(), 2), round(float(np.exp(-0.5)), 2)
    (0.61, 0.61)
    """

    def _frequencies(self, n_features: int, generator: np.random.Generator) -> NDArray[np.float64]:
        return generator.standard_normal((self.width, n_features)) / self.bandwidth
