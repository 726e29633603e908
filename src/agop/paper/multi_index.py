"""Targets of a few directions, learned by the recursion: are the directions known before the target is?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from agop.kernels import Gaussian
from agop.linalg import leading_subspace, principal_angles
from agop.outer_product import kernel_agop
from agop.paper.figure import Observe
from agop.rfm import RFMStep, Samples, Setting, rfm

__all__ = ["MultiIndex", "MultiIndexSettings", "multi_index_lines"]


@dataclass(frozen=True)
class MultiIndexSettings:
    """Settings of the recursion on a target of two directions.

    Attributes
    ----------
    dimension
        d, the number of features.
    rows
        Numbers of training rows; fewer are the first ones of more.
    iterations
        Number of AGOP updates.
    seed
        Seed of directions and rows.
    test_rows
        Number of test rows.
    ridge, power
        Ridge of the solves, and power of the AGOP.
    data
        Name of the data.
    """

    dimension: int
    rows: tuple[int, ...]
    iterations: int
    seed: int
    test_rows: int = 2000
    ridge: float = 1e-3
    power: float = 1.0
    data: str = "multi-index"


class MultiIndex(NamedTuple):
    r"""Rows of signs, and a target of degree 4 in two of their directions.

    x is uniform on :math:`\{-1, 1\}^d`, z = Ux, and

    .. math:: f(x) = \frac{1}{\sqrt 2} \frac{z_1^2 - z_2^2}{2} + \frac{1}{\sqrt 2} \frac{(z_1^3 - 3 z_1) z_2}{\sqrt 6}.

    Were z normal, each term would have half of the variance 1, and the second be uncorrelated with all functions of
    lower degree. The first, of degree 2, has both directions in its gradients.

    Attributes
    ----------
    inputs, targets
        (n, d) and (n, 1), float64.
    directions
        U^T, (d, 2), orthonormal and random.
    """

    inputs: Tensor
    targets: Tensor
    directions: Tensor

    @classmethod
    def draw(cls, n: int, dimension: int, seed: int) -> MultiIndex:
        """Draw n rows and the directions."""
        generator = torch.Generator().manual_seed(seed)
        directions = torch.linalg.qr(torch.randn(dimension, 2, generator=generator, dtype=torch.float64)).Q
        inputs = torch.randint(0, 2, (n, dimension), generator=generator).double() * 2 - 1
        first, second = (inputs @ directions).unbind(1)
        low, high = (first**2 - second**2) / 2, (first**3 - 3 * first) * second / 6**0.5
        return cls(inputs, (low + high)[:, None] / 2**0.5, directions)

    def part(self, rows: slice) -> MultiIndex:
        """Some of the rows."""
        return self._replace(inputs=self.inputs[rows], targets=self.targets[rows])


def multi_index_lines(settings: MultiIndexSettings, observe: Observe) -> Iterator[dict[str, Any]]:
    """A line for every number of rows and every iterate, and one for targets in a random order.

    It has "rows", "iteration", "shuffled", "angle", the largest principal angle in degrees between the two directions
    and the leading ones of the AGOP of the iterate's predictor, and "test_error", the squared error over the variance.
    """
    most = max(settings.rows)
    drawn = MultiIndex.draw(most + settings.test_rows, settings.dimension, settings.seed)
    test = drawn.part(slice(most, None))
    setting = Setting(Gaussian(settings.dimension**0.5), settings.ridge, power=settings.power)
    order = torch.randperm(most, generator=torch.Generator().manual_seed(settings.seed))
    for n in settings.rows:
        observe(f"{n} rows")
        learned = drawn.part(slice(n))
        for step in rfm(Samples.of(learned.inputs, learned.targets), setting, settings.iterations):
            yield {"rows": n, "iteration": step.iteration, "shuffled": False} | _line(step, test)
        shuffled = drawn.targets[order[order < n]]
        (step,) = rfm(Samples.of(learned.inputs, shuffled), setting, 0)
        yield {"rows": n, "iteration": 0, "shuffled": True} | _line(step, test)


def _line(step: RFMStep, test: MultiIndex) -> dict[str, float]:
    found = leading_subspace(kernel_agop(step.machine).matrix, test.directions.shape[1])
    errors = (step.machine(test.inputs) - test.targets).square().mean() / test.targets.var(correction=0)
    return {"angle": float(principal_angles(found, test.directions)[0].rad2deg()), "test_error": float(errors)}
