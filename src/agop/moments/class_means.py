"""Class means of features, and the global mean that they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from agop.errors import EmptyClassError, InputError

__all__ = ["ClassMeans", "GlobalMean"]

GlobalMean: TypeAlias = Literal["classes", "samples"]
"""Meaning of "the global mean": the mean of the class means, or the mean of all samples."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMeans:
    """Number and mean of the samples of each class, in float64.

    Attributes
    ----------
    counts
        (C,) int64, number of samples of each class.
    means
        (C, d) class means; zero rows for classes without samples.

    Examples
    --------
    >>> found = ClassMeans(torch.tensor([3, 1]), torch.tensor([[0.0, 2.0], [4.0, 2.0]], dtype=torch.float64))
    >>> found.global_mean(), found.global_mean("samples")
    (tensor([2., 2.], dtype=torch.float64), tensor([1., 2.], dtype=torch.float64))
    """

    counts: Tensor
    means: Tensor

    @property
    def n_samples(self) -> int:
        """Number of samples N of all classes."""
        return int(self.counts.sum())

    def global_mean(self, weighting: GlobalMean = "classes") -> Tensor:
        """Mean (d,) of the class means, or with ``"samples"`` of all samples.

        Raises
        ------
        EmptyClassError
            If a class has no samples.
        """
        if weighting not in ("classes", "samples"):
            raise InputError("global_mean 'classes' or 'samples'", repr(weighting), "Choose one of the two.")
        if not self.counts.all():
            missing = torch.nonzero(self.counts == 0).flatten().tolist()
            advice = "Give samples of every class, or leave the empty ones out by moments.drop_empty()."
            raise EmptyClassError("samples of every class", f"none of class {_listed(missing)}", advice)
        if weighting == "classes":
            return self.means.mean(0)
        # About the mean of the class means, so that a common offset costs no digits.
        origin = self.means.mean(0)
        return origin + (self.counts.double() / self.n_samples) @ (self.means - origin)

    def centered_means(self, weighting: GlobalMean = "classes") -> Tensor:
        """Class means minus the global mean, (C, d).

        Raises
        ------
        InputError
            If there is one class only.
        EmptyClassError
            If a class has no samples.
        """
        if len(self.counts) < 2:
            raise InputError("two or more classes", "1 class", "Collapse compares the means of classes.")
        return self.means - self.global_mean(weighting)

    def resolution(self) -> float:
        """Length at or below which a difference of class means is rounding."""
        return float(self._size()) * max(self.means.shape) * torch.finfo(torch.float64).eps

    def _size(self) -> Tensor:
        """Length of the longest mean."""
        longest: Tensor = torch.linalg.vector_norm(self.means, dim=1).max()
        return longest

    def between_basis(self) -> Tensor:
        """Orthonormal basis (d, r) of the span of the centered class means, r <= C - 1.

        From the singular vectors of the centered means themselves. A direction is left out only if the means
        differ along it by no more than their rounding, so that two close classes stay apart.

        Raises
        ------
        InputError
            If there is one class only.
        EmptyClassError
            If a class has no samples.

        Examples
        --------
        >>> means = torch.tensor([[10.0, 0.0], [10.0, 0.1], [-10.0, 0.0]], dtype=torch.float64)
        >>> ClassMeans(torch.ones(3, dtype=torch.int64), means).between_basis().shape
        torch.Size([2, 2])
        """
        centered = self.centered_means()
        _, lengths, directions = torch.linalg.svd(centered, full_matrices=False)
        rank = min(int((lengths > self.resolution()).sum()), len(centered) - 1)
        basis: Tensor = directions[:rank].mT.contiguous()
        return basis


def _listed(classes: list[int]) -> str:
    shown = ", ".join(map(str, classes[:10]))
    return shown if len(classes) <= 10 else f"{shown} and {len(classes) - 10} more"
