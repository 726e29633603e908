"""Powers of an average gradient outer product: the metrics that it can make."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from agop.errors import InputError
from agop.kernels import Metric
from agop.linalg import Spectrum, psd_power
from agop.outer_product import KernelAGOP, normalized_agop

__all__ = ["POWERS", "Powers"]

POWERS = (0.25, 0.5, 1.0)
"""Powers that are tried; the smaller, the closer to the identity, which the power 0 is."""


@dataclass(frozen=True, eq=False)
class Powers:
    r"""An AGOP and the metrics :math:`M = \mathrm{AGOP}^s / \max_{ij} (\mathrm{AGOP}^s)_{ij}` of its powers s > 0.

    Power 1 is the recursive feature machine as published; 1/2 learns more slowly and forgets less. Eigenvalues that are
    rounding in the precision of the AGOP count as zero under other powers, which would raise them.

    Attributes
    ----------
    agop
        (d, d), or its diagonal (d,), float64.
    precision
        Floating dtype that it was computed in.

    References
    ----------
    Radhakrishnan, Beaglehole, Pandit, Belkin 2024 (arXiv 2212.13881): s = 1. Mallinar, Beaglehole, Zhu,
    Radhakrishnan, Pandit, Belkin 2024 (arXiv 2407.20199): s = 1/2.

    Examples
    --------
    >>> Powers(torch.tensor([0.5, 2.0], dtype=torch.float64), torch.float64).metric(0.5).matrix
    tensor([0.5000, 1.0000], dtype=torch.float64)
    """

    agop: Tensor
    precision: torch.dtype
    _metrics: dict[tuple[float, float], Metric] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, agop: KernelAGOP, dtype: torch.dtype, *, diagonal: bool) -> Powers:
        """The AGOP of a machine of some dtype, or its diagonal."""
        matrix = agop.matrix.diagonal() if diagonal else agop.matrix
        return cls(matrix, dtype if agop.plan is None else agop.plan.dtype)

    def metric(self, power: float, smoothing: float = 0.0) -> Metric:
        r"""The metric of a power, computed once.

        With smoothing epsilon it is that of :math:`\mathrm{AGOP} / \max_{ij} \mathrm{AGOP}_{ij} + \epsilon I`.

        Raises
        ------
        InputError
            If the power is not positive and finite, the smoothing negative or not finite, or the AGOP zero, which is
            that of a constant predictor.
        """
        if not 0 < power < math.inf:
            raise InputError("a positive, finite power", repr(power), "For power 0, the identity, take no AGOP.")
        if not 0 <= smoothing < math.inf:
            raise InputError("a finite smoothing >= 0", repr(smoothing), "0 takes the AGOP as it is.")
        key = power, smoothing
        if key not in self._metrics:
            self._metrics[key] = Metric(normalized_agop(self._power(power, smoothing)))
        return self._metrics[key]

    def _power(self, power: float, smoothing: float) -> Tensor:
        if smoothing > 0:
            smooth = normalized_agop(self.agop)
            smooth = smooth + smoothing * (1 if smooth.ndim == 1 else torch.eye(len(smooth)).to(smooth))
            return smooth if power == 1 else psd_power(smooth, power)
        if power == 1:
            return self.agop
        if self.agop.ndim == 2:
            return self._spectrum.matrix(power)
        rounding = 2 * math.sqrt(len(self.agop)) * torch.finfo(self.precision).eps * self.agop.max()
        return torch.where(self.agop > rounding, self.agop, 0).pow(power)

    @cached_property
    def _spectrum(self) -> Spectrum:
        return Spectrum.of(self.agop, precision=self.precision)
