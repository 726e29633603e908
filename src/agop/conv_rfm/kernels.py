"""Kernels of images through their patches: those of convolutional networks, and one of the distance of patches."""

from __future__ import annotations

from torch import Tensor

from agop.conv_rfm.patch_kernel import NetworkKernel, PatchKernel
from agop.kernels import Laplace
from agop.storable import storable

__all__ = ["PATCH_KERNELS", "ConvNNGP", "ConvNTK", "PatchLaplace"]


@storable
class ConvNNGP(NetworkKernel):
    r"""Kernel of a wide random convolutional ReLU network whose read-out alone is trained.

    With :math:`S_0(x, z)[p] = \langle P_p x, M P_p z \rangle / q_0` at position p, :math:`q_0` the entries of a patch,
    and :math:`S_{d+1}[p]` the mean of :math:`E(S_d)` over the patch of p, zeros beyond the edge, it is the mean over
    positions of :math:`E(S_{D-1})`, where D is ``depth`` and E twice the mean product of two ReLU features:
    :math:`E = \sqrt{ab}\,(\sin\theta + (\pi - \theta)\cos\theta)/\pi` for pre-activations of variances a and b at an
    angle :math:`\theta`. Only equal positions of two images meet.

    Parameters
    ----------
    depth
        Number D of convolutions.
    size
        Pixels q of a side of a patch, in every convolution.
    stride
        Pixels from one patch to the next, in every convolution.
    padding
        Pixels of zeros at each edge; q // 2 if None.

    References
    ----------
    Beaglehole, Radhakrishnan, Pandit, Belkin 2023 (arXiv 2309.00570). Cho and Saul 2009, Kernel methods for deep
    learning, NeurIPS. Novak et al. 2019 (arXiv 1810.05148).

    Examples
    --------
    >>> import torch
    >>> images = torch.eye(4, dtype=torch.float64).reshape(4, 1, 2, 2)
    >>> kernel = ConvNNGP(depth=1)
    >>> kernel.gram(kernel.patches.of(images))[0]
    tensor([0.1111, 0.0354, 0.0354, 0.0354], dtype=torch.float64)
    """

    tangent = False


@storable
class ConvNTK(NetworkKernel):
    r"""Neural tangent kernel of a wide convolutional ReLU network, all of whose layers are trained.

    Beside the covariances of :class:`agop.conv_rfm.ConvNNGP`, :math:`T_0 = S_0` and :math:`T_{d+1}[p]` is the mean over
    the patch of p of :math:`E(S_d) + T_d\,E'(S_d)`, :math:`E' = (\pi - \theta)/\pi`; the kernel is the mean over
    positions of :math:`E(S_{D-1}) + T_{D-1}\,E'(S_{D-1})`. Where two images coincide it has a kink; values of patches
    that nearly coincide have four digits in float32. Use float64 with a ridge far below 0.01.

    Parameters
    ----------
    depth
        Number D of convolutions.
    size
        Pixels q of a side of a patch, in every convolution.
    stride
        Pixels from one patch to the next, in every convolution.
    padding
        Pixels of zeros at each edge; q // 2 if None.

    References
    ----------
    Beaglehole, Radhakrishnan, Pandit, Belkin 2023 (arXiv 2309.00570). Arora et al. 2019 (arXiv 1904.11955).

    Examples
    --------
    >>> import torch
    >>> images = torch.eye(4, dtype=torch.float64).reshape(4, 1, 2, 2)
    >>> kernel = ConvNTK(depth=1)
    >>> kernel.gram(kernel.patches.of(images))[0]
    tensor([0.2222, 0.0354, 0.0354, 0.0354], dtype=torch.float64)
    """

    tangent = True


@storable
class PatchLaplace(PatchKernel):
    r"""Laplace kernel of the concatenated mapped patches: a baseline without layers.

    :math:`k(x, z) = \exp(-r / L)` with :math:`r^2` the mean over positions p and entries of the squares of
    :math:`M^{1/2}(P_p x - P_p z)`.

    Parameters
    ----------
    bandwidth
        L > 0, in units of a pixel.
    size
        Pixels q of a side of a patch.
    stride
        Pixels from one patch to the next.
    padding
        Pixels of zeros at each edge; q // 2 if None.

    Examples
    --------
    >>> import torch
    >>> images = torch.eye(4, dtype=torch.float64).reshape(4, 1, 2, 2)
    >>> kernel = PatchLaplace(bandwidth=1.0)
    >>> kernel.gram(kernel.patches.of(images))[0]
    tensor([1.0000, 0.6242, 0.6242, 0.6242], dtype=torch.float64)
    """

    def __init__(self, bandwidth: float = 1.0, size: int = 3, stride: int = 1, padding: int | None = None) -> None:
        self.bandwidth = bandwidth
        self.size = size
        self.stride = stride
        self.padding = padding

    def check(self, height: int, width: int) -> None:
        """Raise InputError unless the hyper-parameters are in their range and a patch fits."""
        self._laplace.check()
        super().check(height, width)

    def gram(self, points: Tensor, centers: Tensor | None = None) -> Tensor:
        """Values of the Laplace kernel of long rows."""
        others = None if centers is None else _rows(centers)
        return self._laplace.gram(_rows(points), others).values.double()

    def output_gradients(self, points: Tensor, centers: Tensor, coefficients: Tensor) -> Tensor:
        """Gradients of the Laplace machine on long rows, cut into patches."""
        found = self._laplace.output_gradients(_rows(points), _rows(centers), coefficients.to(points))
        scale = points[0].numel() ** -0.5
        return found.mul(scale).reshape(-1, *points.shape).permute(1, 2, 3, 0, 4)

    @property
    def _laplace(self) -> Laplace:
        return Laplace(self.bandwidth)


PATCH_KERNELS: dict[str, type[PatchKernel]] = {"nngp": ConvNNGP, "ntk": ConvNTK, "laplace": PatchLaplace}
"""Classes of kernels of patches by name."""


def _rows(points: Tensor) -> Tensor:
    """Long rows (n, h w r) whose squared distances are means over their entries."""
    scale: float = points[0].numel() ** -0.5
    return points.flatten(1) * scale
