"""Growth of a tree of samples along AGOP directions: all of a tree of machines that chance decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from numpy.random import RandomState
from torch import Tensor

from agop.kernel_machine import KernelMachine
from agop.outer_product import kernel_agop
from agop.rfm.samples import Samples
from agop.rfm.splits import Tree, grow_tree, principal_direction

__all__ = ["Grown", "Growth"]

_KEPT = 4_000
"""Samples at most that are kept for the importance of the features."""


@dataclass(frozen=True)
class Grown:
    """A tree, the rows and the seed of each leaf, and the rows to keep: all if None."""

    tree: Tree
    leaves: list[Tensor]
    seeds: list[int]
    kept: Tensor | None


@dataclass(frozen=True)
class Growth:
    """The way in which a tree grows.

    Attributes
    ----------
    first_machine
        Predictor of iterate 0, fitted to some samples at a seed: the AGOP of it has the direction of a split.
    max_leaf_size, n_split_samples, softness
        As for ``TreeRFMRegressor``.
    max_memory
        Bytes for the matrices behind an AGOP; None for no limit.

    Examples
    --------
    >>> from agop.kernel_machine import fit_kernel_machine
    >>> from agop.kernels import Gaussian, KernelMatrix
    >>> def first_machine(samples, seed):
    ...     return fit_kernel_machine(KernelMatrix(Gaussian(1.0), samples.inputs, 0.1), samples.targets).machine
    >>> x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    >>> grown = Growth(first_machine, max_leaf_size=40, n_split_samples=60, softness=0.0).grown(
    ...     Samples.of(x, x[:, :1].sin()), RandomState(0)
    ... )
    >>> [len(rows) for rows in grown.leaves], bool(abs(grown.tree.direction[0]) > 0.99)
    ([30, 30], True)
    """

    first_machine: Callable[[Samples, int], KernelMachine]
    max_leaf_size: int
    n_split_samples: int
    softness: float
    max_memory: int | None = None

    def grown(self, samples: Samples, generator: RandomState) -> Grown:
        """The tree of distinct samples, seeds of its leaves, and the rows to keep."""
        tree, leaves = grow_tree(
            samples.inputs,
            lambda rows: self._direction(samples.part(rows), generator),
            max_leaf_size=self.max_leaf_size,
            overlap=self.softness,
        )
        seeds = [_seed(generator) for _ in leaves]
        return Grown(tree, leaves, seeds, _drawn(samples, _KEPT, generator))

    def _direction(self, samples: Samples, generator: RandomState) -> Tensor | None:
        """Leading AGOP direction of iterate 0 on some samples; the principal one of all where those do not vary."""
        if samples.constant:
            return None
        drawn = _drawn(samples, self.n_split_samples, generator)
        some = samples if drawn is None else samples.part(drawn)
        if some.constant:
            centered = samples.inputs.double() - samples.inputs.double().mean(0)
            return principal_direction(centered.mT @ centered)
        machine = self.first_machine(some, _seed(generator))
        agop = kernel_agop(machine, some.inputs, weights=some.weights, max_memory=self.max_memory)
        return principal_direction(agop.matrix)


def _drawn(samples: Samples, most: int, generator: RandomState) -> Tensor | None:
    """Rows of at most so many of the samples, in random order; None for all."""
    if len(samples) <= most:
        return None
    return torch.from_numpy(generator.choice(len(samples), most, replace=False)).to(samples.group)


def _seed(generator: RandomState) -> int:
    return int(generator.randint(2**31 - 1))
