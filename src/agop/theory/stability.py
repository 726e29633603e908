r"""Rates at which perturbations of the collapsed fixed point shrink or grow in a layer of the linearized recursion.

The symmetry between classes, and between the samples of a class, splits the linear map of perturbations into blocks of
size 2 at most: one for the coupling of class directions to the rest, one for what is constant on pairs of classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Strengths"]


@dataclass(frozen=True)
class Strengths:
    r"""The fixed point in the directions that it does not mix.

    T has the eigenvalue p = m (1 + (C-1) q) on the constant vector, m (1-q) on vectors constant on classes with sum
    0, and 0 on the rest. Then G* has :math:`\mu = (p + l)/(1 + l)`, and the predictor the gain :math:`\mu / (\mu + k)`.

    Attributes
    ----------
    n_classes, per_class
        C and m.
    k, l
        :math:`\lambda_k` and :math:`\lambda_\Phi`.
    q
        Entry of T across classes.
    """

    n_classes: int
    per_class: int
    k: float
    l: float  # noqa: E741 - as in the equations
    q: float

    @property
    def p(self) -> NDArray[np.float64]:
        """Eigenvalues of T on the constant vector and between classes."""
        return self.per_class * np.array([1 + (self.n_classes - 1) * self.q, 1 - self.q])

    def coupling_rate(self) -> float:
        r"""Spectral radius on couplings :math:`\sum_a \beta_a (v 1_a^T + 1_a v^T)`.

        v lives on the samples of one class c and sums to 0 there. A layer multiplies :math:`\beta` by
        :math:`\frac{p}{p+l} \frac{k(1+l)}{k(1+l)+l}` in each eigendirection over classes; normalizing the rows
        then takes :math:`\beta_c T_{ca}/(1+l)` from :math:`\beta_a`. What is 0 at c and has sum 0 feels only the first.
        """
        classes, l = self.n_classes, self.l  # noqa: E741
        noise = self.k * (1 + l)
        constant, between = (p / (p + l) * noise / (noise + l) if p > 0 else 0.0 for p in self.p)
        mean = np.array([[1, classes - 1], [1, classes - 1]]) / classes  # of beta = (at c, at every other class)
        layer = between * np.eye(2) + (constant - between) * mean
        own = l / (1 + l) * (1 - 2 / self.per_class)
        normalization = np.array([[own, 0], [-self.q / (1 + l), 1]])
        mixed = _spectral_radius(normalization @ layer)
        return max(mixed, float(between)) if classes > 2 else mixed

    def class_rate(self) -> float:
        """Spectral radius on perturbations of G* that are constant on pairs of classes, off the unit diagonal."""
        classes = self.n_classes
        diagonal = np.zeros(classes)
        diagonal[:2] = 1, -1
        contrast = diagonal[:, None] + diagonal - 2 * np.diag(diagonal)
        symmetric = self._block(np.eye(classes), np.ones((classes, classes)) - np.eye(classes), ((0, 0), (0, 1)))
        one_class = self._block(np.diag(diagonal), contrast, ((0, 0), (0, classes - 1)))
        rates = [_spectral_radius(symmetric), _spectral_radius(one_class if classes > 2 else one_class[:1, :1])]
        if classes > 3:  # zero diagonal, zero row sums
            rates.append(float(self._gains()[1, 1]) / (1 + self.l))
        return max(rates)

    def _block(
        self, first: NDArray[np.float64], second: NDArray[np.float64], at: tuple[tuple[int, int], tuple[int, int]]
    ) -> NDArray[np.float64]:
        """Matrix (2, 2) of the map on the span of two patterns, each 1 where the other is 0: the two places."""
        images = [self._layer(pattern) for pattern in (first, second)]
        return np.array([[image[place] for image in images] for place in at])

    def _layer(self, change: NDArray[np.float64]) -> NDArray[np.float64]:
        """Change (C, C) of the entries of G* after one layer, to first order."""
        classes, gains = self.n_classes, self._gains()
        change = change - np.diag(np.diag(change)) / self.per_class  # the diagonal of G* stays 1
        mean = np.full((classes, classes), 1 / classes)
        projections = (mean, np.eye(classes) - mean)
        raw = sum(gains[i, j] * projections[i] @ change @ projections[j] for i in (0, 1) for j in (0, 1))
        target = np.full((classes, classes), self.q) + (1 - self.q) * np.eye(classes)
        raw = raw - np.diag(raw).mean() * target
        lengths = np.diag(raw) / (1 + self.l)
        result: NDArray[np.float64] = (raw - (lengths[:, None] + lengths) / 2 * target) / (1 + self.l)
        return result

    def _gains(self) -> NDArray[np.float64]:
        """Change of T for one of G*, by pair of eigendirections: k (p/r + p'/r') / ((mu + k)(mu' + k)), r the gain."""
        mu = (self.p + self.l) / (1 + self.l)
        ratio = np.where(self.p > 0, self.p * (mu + self.k) / np.where(mu > 0, mu, 1), 0)
        result: NDArray[np.float64] = self.k * np.add.outer(ratio, ratio) / np.outer(mu + self.k, mu + self.k)
        return result


def _spectral_radius(matrix: NDArray[np.float64]) -> float:
    return float(abs(np.linalg.eigvals(matrix)).max())
