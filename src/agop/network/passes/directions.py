"""Directions in output space along which the outputs of a model are differentiated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agop.errors import InputError

__all__ = ["Directions", "Exact", "Rademacher", "directions_of"]


class Directions(ABC):
    """Which combinations of the outputs are differentiated, and how their outer products add up to the AGOP."""

    @abstractmethod
    def draws(self, outputs: Tensor, batch: int) -> Iterator[Tensor]:
        """Directions (n, C) for the outputs (n, C) of a batch, told by its number."""

    @property
    @abstractmethod
    def n_averaged(self) -> int:
        """Number of directions whose outer products are averaged; 1 where they are summed."""


@dataclass(frozen=True)
class Exact(Directions):
    """Every output by itself: C backward passes, no error.

    Right where the outputs of a sample depend on that sample alone, because one pass serves all samples.

    Examples
    --------
    >>> [direction.tolist() for direction in Exact().draws(torch.zeros(2, 2), batch=0)]
    [[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]]
    """

    def draws(self, outputs: Tensor, batch: int) -> Iterator[Tensor]:  # noqa: ARG002 - every batch alike
        """One direction for each of the C outputs, the same in every batch."""
        for output in range(outputs.shape[1]):
            direction = torch.zeros_like(outputs)
            direction[:, output] = 1
            yield direction

    @property
    def n_averaged(self) -> int:
        """1: the sum is the one over outputs."""
        return 1


@dataclass(frozen=True)
class Rademacher(Directions):
    r"""Random signs: k backward passes whatever the number of outputs, without bias.

    With v of independent signs, :math:`E[(J^T v)(J^T v)^T] = J^T J`. The signs of every sample are drawn apart, so that
    outputs which depend on other samples, as those of tokens do, are right on average too.

    Parameters
    ----------
    k
        Number of directions, drawn anew for every batch.
    seed
        Seed of the draws.

    References
    ----------
    Hutchinson 1990 (the trace estimator with random signs).

    Examples
    --------
    >>> draws = list(Rademacher(2, seed=0).draws(torch.zeros(3, 4), batch=0))
    >>> len(draws), sorted(set(draws[0].flatten().tolist()))
    (2, [-1.0, 1.0])
    """

    k: int
    seed: int = 0

    def __post_init__(self) -> None:
        """Check k."""
        if self.k < 1:
            raise InputError("k >= 1 random directions", str(self.k), "More directions, smaller error.")

    def draws(self, outputs: Tensor, batch: int) -> Iterator[Tensor]:
        """Draw k directions from the seed and the number of the batch."""
        generator = np.random.default_rng((self.seed, batch))
        for _ in range(self.k):
            signs = generator.integers(0, 2, size=tuple(outputs.shape), dtype=np.int8) * 2 - 1
            yield torch.from_numpy(signs).to(outputs)

    @property
    def n_averaged(self) -> int:
        """k: the mean over directions estimates the sum over outputs."""
        return self.k


def directions_of(outputs: object) -> Directions:
    """Directions for "exact" or Rademacher(k, seed); InputError for anything else."""
    if outputs == "exact":
        return Exact()
    if isinstance(outputs, Rademacher):
        return outputs
    raise InputError("outputs 'exact' or Rademacher(k, seed)", repr(outputs), "Choose one of them.")
