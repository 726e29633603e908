"""What a predictor on a table depends on: columns, directions, and pairs of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix
from agop.linalg import largest_positive, psd_power
from agop.spectra import Spectrum
from agop.storage import JSON, to_json

__all__ = ["Explanation", "explain_agop"]

_BAR = 10

_ARRAYS = ("importance", "directions", "shares", "coupling")


@dataclass(frozen=True, eq=False)
class Explanation:
    r"""What a predictor on a table depends on.

    With the AGOP G of the predictor f and, block by block, the covariance S of the features of each column, the first
    four are those of :math:`S^{1/2} G S^{1/2}`, the AGOP in units of standard deviations. For standardised numeric
    columns it is G itself; for the features of a category S keeps the directions that lead from level to level.

    Attributes
    ----------
    columns
        Names of the p columns.
    importance
        (p,) mean squared change of f to first order when a column moves by a random step with the covariance of its
        features, over the sum of all: the diagonal of the AGOP, summed over the features of a column.
    features
        Names of the d features that encode the columns.
    directions
        (k, d) leading eigenvectors, unit rows; the largest entry of each is positive.
    shares
        (k,) their eigenvalues over the trace.
    coupling
        (p, p) alignment of the gradients with respect to two columns,
        :math:`\|G_{ab}\|_F / \sqrt{\|G_{aa}\|_F \|G_{bb}\|_F}`, the root of the RV coefficient without centring: 1 if
        f depends on both through one direction, 0 if the slopes are uncorrelated, which an interaction can leave so.
    interactions
        (column, column, share) for pairs of columns, strongest first: total interaction index over the variance of f
        (Liu and Owen 2006). 0 if f is additive over the pair. Empty if no rows were given.
    effects
        (p,) total effect of each column over the variance of f (Homma and Saltelli 1996): what remains open of f when
        all other columns are known. Like the interactions it comes from whole swaps of values, not from slopes, and
        takes columns for independent. None if no rows were given.

    References
    ----------
    Homma and Saltelli 1996, Importance measures in global sensitivity analysis of nonlinear models, RESS 52:1.
    Robert and Escoufier 1976, A unifying tool for linear multivariate statistical methods: the RV coefficient.
    Liu and Owen 2006, Estimating mean dimensionality of analysis of variance decompositions, JASA 101:712.

    Examples
    --------
    >>> explanation = explain_agop(np.diag([3.0, 1.0]), np.eye(2), ("age", "income"), (0, 1), ("age", "income"))
    >>> explanation.importance, explanation.shares
    (array([0.75, 0.25]), array([0.75, 0.25]))
    """

    columns: tuple[str, ...]
    importance: NDArray[np.float64]
    features: tuple[str, ...]
    directions: NDArray[np.float64]
    shares: NDArray[np.float64]
    coupling: NDArray[np.float64]
    interactions: tuple[tuple[str, str, float], ...] = ()
    effects: NDArray[np.float64] | None = None

    def ranking(self) -> list[int]:
        """Indices of the columns, the most important first."""
        return [int(index) for index in np.argsort(-self.importance, kind="stable")]

    def table(self, n_rows: int = 20) -> Table:
        """Table of the ``n_rows`` most important columns, each with the partners of strongest coupling, interaction.

        Where it is wide, names are cut and numbers are not.
        """
        shares = ", ".join(f"{share:.0%}" for share in self.shares)
        table = Table(title=f"leading directions: {shares} of the AGOP", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for name in ("column", "importance", "", "effect", "coupled with", "", "interacts with", ""):
            is_name = name in ("column", "coupled with", "interacts with")
            table.add_column(name, no_wrap=not is_name, overflow="ellipsis")
        for index in self.ranking()[:n_rows]:
            share, name = self.importance[index], self.columns[index]
            bar = f"{'█' * round(_BAR * share):░<{_BAR}}"
            effect = "–" if self.effects is None else f"{self.effects[index]:.3f}"
            coupled = _cells(self.strongest_coupling(index), ".2f")
            partner = _cells(self.strongest_interaction(index), ".3f")
            table.add_row(name, bar, f"{share:.3f}", effect, *coupled, *partner)
        return table

    def strongest_coupling(self, index: int) -> tuple[str, float] | None:
        """The column that a column is coupled with most, and how far; None if it is with none."""
        others = np.where(np.arange(len(self.columns)) == index, -1.0, self.coupling[index])
        best = int(others.argmax())
        return (self.columns[best], float(others[best])) if others[best] > 0 else None

    def strongest_interaction(self, index: int) -> tuple[str, float] | None:
        """The column that a column interacts with most, and the share of the variance; None if no pair was tried."""
        name = self.columns[index]
        pairs = ((a if b == name else b, share) for a, b, share in self.interactions if name in (a, b))
        return next(pairs, None)

    def to_json(self) -> JSON:
        """Everything as plain JSON values, under the names of the attributes."""
        values = vars(self).items()
        return to_json({name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values})

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The explanation that ``to_json`` made these values of; every number is the same.

        Raises
        ------
        InputError
            If values are missing, surplus, of another type, or their shapes do not match.

        Examples
        --------
        >>> explanation = explain_agop(np.diag([3.0, 1.0]), np.eye(2), ("age", "mass"), (0, 1), ("age", "mass"))
        >>> Explanation.from_json(explanation.to_json()).importance
        array([0.75, 0.25])
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or values.keys() != names:
            got = ", ".join(map(str, values)) if isinstance(values, Mapping) else f"a {type(values).__name__}"
            raise InputError(f"an explanation with {', '.join(sorted(names))}", got, "Explain the model again.")
        try:
            found = cls(
                columns=tuple(map(str, values["columns"])),
                features=tuple(map(str, values["features"])),
                interactions=tuple((str(a), str(b), float(share)) for a, b, share in values["interactions"]),
                effects=None if values["effects"] is None else np.array(values["effects"], dtype=np.float64),
                **{name: np.array(values[name], dtype=np.float64) for name in _ARRAYS},
            )
        except (TypeError, ValueError) as error:
            raise InputError("an explanation of names and numbers", str(error), "Explain the model again.") from error
        found._check_shapes()
        return found

    def _check_shapes(self) -> None:
        p, d, k = len(self.columns), len(self.features), len(self.shares)
        wanted = {"importance": (p,), "directions": (k, d), "shares": (k,), "coupling": (p, p)}
        wanted |= {} if self.effects is None else {"effects": (p,)}
        shapes = {name: getattr(self, name).shape for name in wanted}
        if shapes != wanted:
            advice = "Explain the model again."
            raise InputError(f"shapes {wanted} of {p} columns and {d} features", str(shapes), advice)
        if unknown := {name for a, b, _ in self.interactions for name in (a, b)}.difference(self.columns):
            raise InputError("interactions of the columns", ", ".join(sorted(unknown)), "Explain the model again.")


def explain_agop(
    agop: ArrayLike,
    covariance: ArrayLike,
    features: Sequence[str],
    column_of: Sequence[int] | NDArray[Any],
    columns: Sequence[str],
    *,
    n_directions: int = 3,
) -> Explanation:
    """Explanation by the AGOP alone, without interactions: those it does not show.

    Off the diagonal it holds E[d_a f d_b f], which is 0 for f = x_a x_b.

    Parameters
    ----------
    agop
        G, (d, d).
    covariance
        (d, d) of the features; only its blocks within the columns are used. The identity leaves G as it is.
    features, columns
        Names of the d features and of the p columns.
    column_of
        (d,) index of the column of each feature.
    n_directions
        Number of eigenvectors at most.

    Raises
    ------
    InputError
        If shapes do not match, or the predictor depends on none of the columns.

    Examples
    --------
    >>> agop = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 2.0]])
    >>> explanation = explain_agop(agop, np.eye(3), ("a", "b", "c=u"), (0, 1, 2), ("a", "b", "c"))
    >>> explanation.coupling
    array([[1. , 0.6, 0. ],
           [0.6, 1. , 0. ],
           [0. , 0. , 1. ]])
    """
    d = len(features)
    owner = torch.as_tensor(np.asarray(column_of))
    if owner.shape != (d,) or not d or owner.min() < 0 or owner.max() >= len(columns):
        got = f"{d} features and column_of of shape {tuple(owner.shape)}"
        raise InputError(f"one of {len(columns)} columns for each feature", got, "Index them from 0.")
    root = _root(as_matrix(covariance, "covariance", n_rows=d, n_columns=d).double(), owner)
    scaled = root @ as_matrix(agop, "AGOP", n_rows=d, n_columns=d).double() @ root
    trace = scaled.trace()
    if not trace > 0:
        raise InputError("a predictor that depends on its columns", "an AGOP of zero", "Are the targets constant?")
    member = torch.nn.functional.one_hot(owner, len(columns)).double()
    top = Spectrum.of(scaled / trace).top(n_directions)
    return Explanation(
        tuple(columns),
        (member.mT @ (scaled / trace).diagonal()).numpy(),
        tuple(features),
        largest_positive(top.vectors.mT).numpy(),
        top.values.numpy(),
        _coupling(scaled / trace, member).numpy(),
    )


def _cells(found: tuple[str, float] | None, form: str) -> tuple[str, str]:
    return ("–", "") if found is None else (found[0], format(found[1], form))


def _root(covariance: Tensor, owner: Tensor) -> Tensor:
    """Square root of the block-diagonal part; block by block, so that small columns are not rounded away."""
    root = torch.zeros_like(covariance)
    for column in set(owner.tolist()):
        block = torch.nonzero(owner == column)
        root[block, block.mT] = psd_power(covariance[block, block.mT], 0.5)
    return root


def _coupling(agop: Tensor, member: Tensor) -> Tensor:
    """Norms of the blocks over the geometric means of those on the diagonal; 0 for a column without any."""
    norms = (member.mT @ agop.square() @ member).sqrt()
    own = norms.diagonal().sqrt()
    coupling = norms / torch.outer(own, own).where(torch.outer(own, own) > 0, torch.inf)
    return coupling.fill_diagonal_(1.0)
