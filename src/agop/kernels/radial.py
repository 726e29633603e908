"""Kernels of the Euclidean distance r: Laplace, Gaussian, and the family between and around them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from agop.chunks import blocks
from agop.errors import InputError
from agop.kernels.bandwidth import Bandwidth
from agop.kernels.distances import Pairwise, coincidence_tolerance, euclidean_distances, pairwise
from agop.kernels.kernel import Kernel
from agop.storable import storable

__all__ = ["Gaussian", "GeneralizedGaussian", "Laplace", "RadialKernel"]

_COLUMNS = 512
"""Columns of a product with the gradient weights: enough that it is not limited by reading them."""


class RadialKernel(Kernel):
    r"""A kernel :math:`k(x, z) = \kappa(\|x - z\|)`.

    Gradients follow from the weights :math:`V_{ij} = \kappa'(r_{ij}) / r_{ij}`:
    :math:`\nabla_x k(x, z) = V (x - z)`.

    Examples
    --------
    A kernel of one's own, 1 / (1 + (r / L)^2), with the slope -2 r k^2 / L^2:

    >>> class RationalQuadratic(RadialKernel):
    ...     def profile_(self, distances):
    ...         return distances.div_(self.bandwidth).square_().add_(1).reciprocal_()
    ...     def weights_(self, distances, values):
    ...         return distances.copy_(values.square().mul_(-2 / self.bandwidth**2))
    >>> kernel, x, z = RationalQuadratic(bandwidth=1.0), torch.tensor([[0.0]]), torch.tensor([[2.0]])
    >>> kernel(x, z), kernel.output_gradients(x, z, torch.ones(1, 1))
    (tensor([[0.2000]]), tensor([[[0.1600]]]))
    """

    @abstractmethod
    def weights_(self, distances: Tensor, values: Tensor) -> Tensor:
        """Replace positive distances r by kappa'(r) / r, in place, where the values kappa(r) are known."""

    def distances(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Euclidean distances, (n, m)."""
        return euclidean_distances(points, centers)

    def gram(self, points: Tensor, centers: Tensor | None = None) -> Pairwise:
        """Kernel matrix kappa(r_ij), (n, m), with the precision of the products behind it."""
        (values,), products = pairwise(points, centers, self.profile_)
        return Pairwise(values, products)

    def gradient_weights(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Weights V_ij = kappa'(r_ij) / r_ij, (n, m); 0 where two points coincide up to rounding."""
        weigh_ = self._weigh_(points if centers is None else centers)
        (weights,), _ = pairwise(points, centers, lambda block: weigh_(block, self.profile_(block.clone())))
        return weights

    def gram_and_gradient_weights(self, points: Tensor, centers: Tensor | None = None) -> tuple[Pairwise, Tensor]:
        """Both matrices from the same distances, which are most of the work."""
        weigh_ = self._weigh_(points if centers is None else centers)

        def both_(values: Tensor, weights: Tensor) -> None:
            weights.copy_(values)
            weigh_(weights, self.profile_(values))

        (gram, weights), products = pairwise(points, centers, both_, n_matrices=2)
        return Pairwise(gram, products), weights

    def _weigh_(self, centers: Tensor) -> Callable[[Tensor, Tensor], None]:
        """Function that replaces distances by weights, where the values are known; 0 for those that are rounding."""
        tolerance = coincidence_tolerance(centers)

        def weigh_(distances: Tensor, values: Tensor) -> None:
            if distances.min() > tolerance:
                self.weights_(distances, values)
            else:
                coincident = distances <= tolerance
                self.weights_(distances, values).masked_fill_(coincident, 0)

        return weigh_

    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients G_l = diag(S_l) Z - V diag(a_l) X with S = V A, at the points Z: (C, n, d)."""
        return weighted_gradients(self.gradient_weights(points, centers), points, centers, coefficients)


def weighted_gradients(weights: Tensor, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
    """Gradients sum_j a_jl V_ij (z_i - x_j) of every output l, (C, n, d), from the weights V.

    Examples
    --------
    >>> points, centers = torch.tensor([[0.0]]), torch.tensor([[2.0]])
    >>> weights = Gaussian(bandwidth=1.0).gradient_weights(points, centers)
    >>> weights, weighted_gradients(weights, points, centers, torch.ones(1, 1))
    (tensor([[-0.1353]]), tensor([[[0.2707]]]))
    """
    shift = centers.mean(0)
    points, centers = points - shift, centers - shift
    sums = weights @ coefficients
    gradients = sums.mT[:, :, None] * points
    n, d = points.shape
    if n < d:  # scale the smaller of weights and centers
        for some in blocks(coefficients.shape[1], d // max(1, n)):
            products = (coefficients[:, some].mT[:, None] * weights).flatten(0, 1) @ centers
            gradients[some] -= products.view(gradients[some].shape)
        return gradients
    for some in blocks(coefficients.shape[1], -(-_COLUMNS // d)):
        scaled = (coefficients[:, some, None] * centers[:, None]).flatten(1)
        gradients[some] -= (weights @ scaled).view(n, -1, d).transpose(0, 1)
    return gradients


@storable
class Laplace(RadialKernel):
    r"""Laplace kernel :math:`k(x, z) = \exp(-r / L)`.

    Parameters
    ----------
    bandwidth
        L > 0, in units of the distance, or a rule that the RFM estimators resolve.

    References
    ----------
    Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728) use L = 2 throughout.

    Examples
    --------
    >>> Laplace(bandwidth=2.0)(torch.tensor([[0.0], [2.0]]))
    tensor([[1.0000, 0.3679],
            [0.3679, 1.0000]])
    """

    def profile_(self, distances: Tensor) -> Tensor:
        """exp(-r/L), in place."""
        return distances.div_(-self.bandwidth).exp_()

    def weights_(self, distances: Tensor, values: Tensor) -> Tensor:
        """-exp(-r/L) / (L r), in place."""
        return torch.div(values, distances.mul_(-self.bandwidth), out=distances)


@storable
class Gaussian(RadialKernel):
    r"""Gaussian kernel :math:`k(x, z) = \exp(-r^2 / (2 L^2))`.

    Parameters
    ----------
    bandwidth
        L > 0, in units of the distance, or a rule that the RFM estimators resolve.

    Examples
    --------
    >>> Gaussian(bandwidth=1.0)(torch.tensor([[0.0]]), torch.tensor([[1.0]]))
    tensor([[0.6065]])
    """

    def profile_(self, distances: Tensor) -> Tensor:
        """exp(-r^2 / (2 L^2)), in place."""
        return distances.square_().div_(-2 * self.bandwidth**2).exp_()

    def weights_(self, distances: Tensor, values: Tensor) -> Tensor:
        """-exp(-r^2 / (2 L^2)) / L^2, in place."""
        return torch.div(values, -(self.bandwidth**2), out=distances)


@storable
class GeneralizedGaussian(RadialKernel):
    r"""The family :math:`k(x, z) = \exp(-(r / L)^q)`: Laplace at q = 1, Gaussian of bandwidth L/√2 at q = 2.

    Parameters
    ----------
    bandwidth
        L > 0, in units of the distance, or a rule that the RFM estimators resolve.
    exponent
        0 < q <= 2; above 2 the function is not positive definite.

    Examples
    --------
    >>> GeneralizedGaussian(bandwidth=2.0, exponent=0.5)(torch.tensor([[0.0]]), torch.tensor([[2.0]]))
    tensor([[0.3679]])
    """

    def __init__(self, bandwidth: Bandwidth = 10.0, exponent: float = 1.0) -> None:
        super().__init__(bandwidth)
        self.exponent = exponent

    def profile_(self, distances: Tensor) -> Tensor:
        """exp(-(r/L)^q), in place."""
        return distances.div_(self.bandwidth).pow_(self.exponent).neg_().exp_()

    def weights_(self, distances: Tensor, values: Tensor) -> Tensor:
        """-q r^(q-2) exp(-(r/L)^q) / L^q, in place."""
        q = self.exponent
        return distances.pow_(q - 2).mul_(values).mul_(-q / self.bandwidth**q)

    def check(self) -> None:
        """Raise InputError unless L > 0 and 0 < q <= 2."""
        super().check()
        if not 0 < self.exponent <= 2:
            raise InputError("an exponent in (0, 2]", repr(self.exponent), "Larger ones are not positive definite.")
