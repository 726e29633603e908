"""Superclasses: how far the class means of one superclass lie together, which a simplex frame does not know of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from agop.collapse.geometry import ClassGeometry
from agop.collapse.nc1 import nc1_trace_ratio
from agop.errors import InputError, UndefinedMeasureError
from agop.moments import ClassMoments
from agop.storable import storable

__all__ = ["Superclasses", "superclass_moments", "superclass_structure"]

_DRAWS = 999
"""Random groupings that a grouping is compared with: the least probability that they can show is 1/1000."""


def superclass_moments(moments: ClassMoments, superclasses: Sequence[int]) -> ClassMoments:
    """Moments of the features by superclass, from those by class: no second look at the data.

    Parameters
    ----------
    moments
        Moments of C classes, with their scatter traces.
    superclasses
        (C,) superclass of each class, numbered from 0.

    Raises
    ------
    InputError
        If there is no superclass for each class, or there are fewer than two, or as many as classes.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0], [2.0], [6.0], [9.0]]), torch.tensor([0, 1, 2, 2])
    >>> superclass_moments(ClassMoments.of(x, y, 3), [0, 0, 1]).scatter_traces
    tensor([2.0000, 4.5000], dtype=torch.float64)
    """
    groups = _checked(superclasses, len(moments.counts))
    total, places = int(groups.max()) + 1, torch.arange(len(groups), device=moments.counts.device)[:, None]
    parts = (
        moments.select(place).placed(group, total)
        for place, group in zip(places, groups.to(places.device)[:, None], strict=True)
    )
    return reduce(ClassMoments.merge, parts)


def superclass_structure(moments: ClassMoments | ClassGeometry, superclasses: Sequence[int]) -> float:
    r"""Share of the scatter of C class means that lies between G superclasses, adjusted for chance.

    With :math:`m_c` the class means about their mean, and :math:`n_g` classes in superclass g,

    .. math::

        R^2 = \frac{\sum_g \frac1{n_g} \left\| \sum_{c \in g} m_c \right\|^2}{\sum_c \|m_c\|^2}, \qquad
        \frac{R^2 - e}{1 - e}, \quad e = \frac{G - 1}{C - 1}.

    It is 1 where the classes of each superclass have one mean. It is 0 for a simplex frame, in which no two classes are
    closer than others, and in the mean over all ways of dealing the classes out to superclasses of these sizes.

    Parameters
    ----------
    moments
        Moments of the features by class, or their geometry.
    superclasses
        (C,) superclass of each class, numbered from 0.

    Raises
    ------
    InputError
        If there is no superclass for each class, or there are fewer than two, or as many as classes.
    UndefinedMeasureError
        If all class means coincide.

    Examples
    --------
    >>> frame = ClassMoments.of(torch.eye(4), torch.arange(4), 4)
    >>> round(superclass_structure(frame, [0, 0, 1, 1]), 12) + 0
    0.0
    """
    geometry = ClassGeometry.of(moments)
    groups = _checked(superclasses, len(geometry.centered))
    return float(_structure(geometry, groups[None])[0])


@storable
@dataclass(frozen=True, slots=True)
class Superclasses:
    """What the class means of one set of features know of superclasses.

    Attributes
    ----------
    structure
        :func:`~agop.collapse.superclass_structure`.
    chance
        Share of random groupings of the same sizes with as much structure or more, this one among them.
    nc1
        NC1 of the superclasses in place of the classes; None where it has no value.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0], [8.0], [9.0], [10.0], [11.0]])
    >>> found = Superclasses.of(ClassMoments.of(x, torch.arange(8) // 2, 4), [0, 0, 1, 1])
    >>> round(found.structure, 3), 0.2 < found.chance < 0.5, found.nc1
    (0.912, True, 0.078125)
    """

    structure: float
    chance: float
    nc1: float | None

    @classmethod
    def of(cls, moments: ClassMoments, superclasses: Sequence[int]) -> Superclasses:
        """Measure the superclasses (C,) of the classes of these moments.

        Raises
        ------
        InputError
            If there is no superclass for each class, or there are fewer than two, or as many as classes.
        UndefinedMeasureError
            If all class means coincide.
        """
        geometry = ClassGeometry.of(moments)
        groups = _checked(superclasses, len(geometry.centered))
        draws = np.random.default_rng(0).permuted(np.tile(groups.numpy(), (_DRAWS, 1)), axis=1)
        found = _structure(geometry, torch.cat([groups[None], torch.from_numpy(draws)]))
        as_much = found >= found[0] - 1e-12
        return cls(float(found[0]), float(as_much.double().mean()), _nc1(moments, superclasses))


def _structure(geometry: ClassGeometry, groups: Tensor) -> Tensor:
    """Adjusted shares (k,) of groupings (k, C) of the class means."""
    _ = geometry.between_trace
    centered = geometry.centered
    n_classes, n_groups = len(centered), int(groups.max()) + 1
    members = torch.nn.functional.one_hot(groups, n_groups).to(centered).mT  # (k, G, C)
    between = torch.linalg.vector_norm(members @ centered, dim=2).square() / members.sum(2)
    share = between.sum(1) / geometry.lengths.square().sum()
    expected = (n_groups - 1) / (n_classes - 1)
    adjusted: Tensor = (share - expected) / (1 - expected)
    return adjusted


def _nc1(moments: ClassMoments, superclasses: Sequence[int]) -> float | None:
    if moments.scatter_traces is None:
        return None
    try:
        return nc1_trace_ratio(superclass_moments(moments, superclasses))
    except UndefinedMeasureError:
        return None


def _checked(superclasses: Sequence[int], n_classes: int) -> Tensor:
    found = np.asarray(superclasses)
    expected = f"a superclass for each of {n_classes} classes"
    if found.shape != (n_classes,) or not np.issubdtype(found.dtype, np.integer):
        raise InputError(expected, f"{found.dtype} of shape {found.shape}", "Number them from 0.")
    names = np.unique(found)
    if not (1 < len(names) < n_classes and np.array_equal(names, np.arange(len(names)))):
        got = f"superclasses {', '.join(map(str, names[:5]))}{', ...' if len(names) > 5 else ''}"
        raise InputError(f"2 to {n_classes - 1} superclasses, numbered from 0", got, "Each needs a class.")
    return torch.from_numpy(found.astype(np.int64))
