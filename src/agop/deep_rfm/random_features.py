"""Random, untrained feature maps.

Weights are drawn in float64 on the CPU from (seed, layer) and then cast, so that a map is the same for
every dtype and device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from agop.errors import InputError
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
    """

    weight: Tensor
    phase: Tensor | None = None

    def __call__(self, rows: Tensor) -> Tensor:
        """Features (n, k) of rows (n, d), in the dtype of the rows."""
        features = rows @ self.weight.to(rows).mT
        if self.phase is None:
            return features.relu_()
        return features.add_(self.phase.to(rows)).cos_().mul_((2 / len(self.weight)) ** 0.5)


class RandomFeatures(BaseEstimator, ABC):  # type: ignore[misc]
    """Distribution of a random map, given by its hyper-parameters only."""

    width: int

    def draw(self, n_features: int, *, seed: int, layer: int) -> RandomMap:
        """Draw the map of ``layer`` for inputs of ``n_features``; the same for the same arguments."""
        if not isinstance(self.width, Integral) or self.width < 1:
            raise InputError("a positive integer width", repr(self.width), "Set width >= 1.")
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


@storable
class CosineFeatures(RandomFeatures):
    r"""Random Fourier features of the kernel :math:`\exp(-\gamma \|x - z\|_1)`.

    :math:`\sqrt{2/k}\cos(W z + u)` with W i.i.d. Cauchy of scale gamma and u uniform on [0, 2 pi)
    (Rahimi & Recht 2007); the choice of the experiments of Beaglehole et al. 2024.

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

    def _draw(self, n_features: int, generator: np.random.Generator) -> RandomMap:
        _check_scale("gamma", self.gamma)
        weight = self.gamma * generator.standard_cauchy((self.width, n_features))
        return RandomMap(torch.from_numpy(weight), _phases(self.width, generator))

    def scaled_distances(self, rows: Tensor, others: Tensor) -> Tensor:
        r""":math:`\gamma \|x - z\|_1`, (n, m): the kernel is exp of minus it."""
        return self.gamma * torch.cdist(rows, others, p=1)


@storable
class LaplaceCosineFeatures(RandomFeatures):
    r"""Random Fourier features of the Laplace kernel :math:`\exp(-\|x - z\|_2 / L)`.

    :math:`\sqrt{2/k}\cos(W z + u)` with rows g / (L abs(h)), g standard normal in d dimensions and h in one:
    a multivariate Cauchy distribution (Rahimi & Recht 2007).

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

    def __init__(self, width: int = 1024, bandwidth: float = 2.0) -> None:
        self.width = width
        self.bandwidth = bandwidth

    def _draw(self, n_features: int, generator: np.random.Generator) -> RandomMap:
        _check_scale("bandwidth", self.bandwidth)
        directions = generator.standard_normal((self.width, n_features))
        scales = self.bandwidth * np.abs(generator.standard_normal((self.width, 1)))
        return RandomMap(torch.from_numpy(directions / scales), _phases(self.width, generator))

    def scaled_distances(self, rows: Tensor, others: Tensor) -> Tensor:
        r""":math:`\|x - z\|_2 / L`, (n, m): the kernel is exp of minus it."""
        return torch.cdist(rows, others) / self.bandwidth


@storable
class GaussianCosineFeatures(RandomFeatures):
    r"""Random Fourier features of the Gaussian kernel :math:`\exp(-\|x - z\|_2^2 / (2 L^2))`.

    :math:`\sqrt{2/k}\cos(W z + u)` with rows g / L, g standard normal in d dimensions, and u uniform on [0, 2 pi)
    (Rahimi & Recht 2007). This kernel is smooth where x = z, so that near classes keep the ratio of their
    squared distances, which those of the other two turn into distances.

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

    def __init__(self, width: int = 1024, bandwidth: float = 2.0) -> None:
        self.width = width
        self.bandwidth = bandwidth

    def _draw(self, n_features: int, generator: np.random.Generator) -> RandomMap:
        _check_scale("bandwidth", self.bandwidth)
        weight = generator.standard_normal((self.width, n_features)) / self.bandwidth
        return RandomMap(torch.from_numpy(weight), _phases(self.width, generator))

    def scaled_distances(self, rows: Tensor, others: Tensor) -> Tensor:
        r""":math:`\|x - z\|_2 / L`, (n, m): the kernel is exp of minus half its square."""
        return torch.cdist(rows, others) / self.bandwidth


def _phases(width: int, generator: np.random.Generator) -> Tensor:
    return torch.from_numpy(generator.uniform(0, 2 * np.pi, width))


def _check_scale(name: str, value: float) -> None:
    if not isinstance(value, Real) or not 0 < value < float("inf"):
        raise InputError(f"a positive finite {name}", repr(value), f"Set {name} > 0.")
