"""What a predictor on a table depends on: columns, directions, and pairs of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.charts.terminal import Column, TerminalTable
from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix
from agop.linalg import Spectrum, largest_positive, psd_power
from agop.runs.storage import JSON, to_json

__all__ = ["Explanation", "explain_agop"]

_BAR = 10

_ARRAYS = ("effects", "errors", "steepness", "directions", "shares", "coupling")


@dataclass(frozen=True, eq=False)
class Explanation:
    r"""What a predictor f on a table depends on.

    Effects and interactions are what happens when values are swapped between rows. All else is that of the AGOP G and
    of the covariance S of the features of each column: of :math:`S^{1/2} G S^{1/2}`, the AGOP in units of standard
    deviations. For standardised numeric columns it is G itself; for the features of a category S keeps the directions
    that lead from level to level.

    Attributes
    ----------
    columns
        Names of the p columns.
    effects
        (p,) total effect of each column: the share of the variance of f that hangs on it, which is open when all other
        columns are known (Homma and Saltelli 1996). Columns are taken for independent.
    errors
        (p,) standard errors of the effects: their spread over other rows of the same kind with the same predictor.
        Rows that it was fitted to are of another kind than new ones.
    steepness
        (p,) mean squared change of f to first order when a column moves by a random step with the covariance of its
        features, over the sum of all: the diagonal of the AGOP, summed over the features of a column. It can be large
        where f is steep between the data and flat on them, and says nothing of what a column is good for.
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
        (column, column, share, standard error) for pairs of columns, largest first: total interaction index over the
        variance of f (Liu and Owen 2006). 0 if f is additive over the pair. Empty if no pair was tried.

    References
    ----------
    Homma and Saltelli 1996, Importance measures in global sensitivity analysis of nonlinear models, RESS 52:1.
    Robert and Escoufier 1976, A unifying tool for linear multivariate statistical methods: the RV coefficient.
    Liu and Owen 2006, Estimating mean dimensionality of analysis of variance decompositions, JASA 101:712.

    Examples
    --------
    >>> names = ("age", "income")
    >>> effects, errors = [0.2, 0.9], [0.1, 0.1]
    >>> found = explain_agop(np.diag([3.0, 1.0]), np.eye(2), names, (0, 1), names, effects=effects, errors=errors)
    >>> found.ranking(), found.is_above(1, 0), found.steepness
    ([1, 0], True, array([0.75, 0.25]))
    """

    columns: tuple[str, ...]
    effects: NDArray[np.float64]
    errors: NDArray[np.float64]
    steepness: NDArray[np.float64]
    features: tuple[str, ...]
    directions: NDArray[np.float64]
    shares: NDArray[np.float64]
    coupling: NDArray[np.float64]
    interactions: tuple[tuple[str, str, float, float], ...] = ()

    def ranking(self) -> list[int]:
        """Indices of the columns, the largest effect first; neighbours may differ by less than their errors."""
        return [int(index) for index in np.lexsort((-self.steepness, -self.effects))]

    def is_above(self, first: int, second: int) -> bool:
        """Whether the effect of a column is larger than that of another: two standard errors about each are apart."""
        gap = self.effects[first] - self.effects[second]
        return bool(gap > 2 * (self.errors[first] + self.errors[second]))

    def leaders(self) -> list[int]:
        """Columns of which any may have the largest effect: the first by ``ranking``, and all that it is not above."""
        first, *others = self.ranking()
        return [first, *(index for index in others if not self.is_above(first, index))]

    def table(self, n_rows: int = 20) -> TerminalTable:
        """Table of the ``n_rows`` columns of largest effect, each with the partners of strongest interaction, coupling.

        Behind ± stand standard errors.
        """
        shares = ", ".join(f"{share:.0%}" for share in self.shares)
        columns = [Column("column", "name"), Column("", "bar"), Column("effect"), Column("steepness")]
        columns += [Column("interacts with", "name"), Column(""), Column("coupled with", "name"), Column("")]
        return TerminalTable(
            f"leading directions: {shares} of the AGOP",
            columns,
            [self._row(index) for index in self.ranking()[:n_rows]],
        )

    def _row(self, index: int) -> list[str]:
        effect, error = self.effects[index], self.errors[index]
        bar = f"{'█' * min(round(_BAR * effect), _BAR):░<{_BAR}}"
        partner, coupled = self.strongest_interaction(index), self.strongest_coupling(index)
        return [
            *(self.columns[index], bar, f"{effect:.4f} ± {error:.4f}", f"{self.steepness[index]:.3f}"),
            *(("–", "") if partner is None else (partner[0], f"{partner[1]:.4f} ± {partner[2]:.4f}")),
            *(("–", "") if coupled is None else (coupled[0], f"{coupled[1]:.2f}")),
        ]

    def strongest_coupling(self, index: int) -> tuple[str, float] | None:
        """The column that a column is coupled with most, and how far; None if it is with none."""
        others = np.where(np.arange(len(self.columns)) == index, -1.0, self.coupling[index])
        best = int(others.argmax())
        return (self.columns[best], float(others[best])) if others[best] > 0 else None

    def strongest_interaction(self, index: int) -> tuple[str, float, float] | None:
        """The column that a column interacts with most, the share and its error; None if no pair was tried."""
        name = self.columns[index]
        pairs = ((a if b == name else b, share, error) for a, b, share, error in self.interactions if name in (a, b))
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
        >>> names = ("age", "mass")
        >>> found = explain_agop(np.diag([3.0, 1]), np.eye(2), names, (0, 1), names, effects=[0.2, 0.9], errors=[0, 0])
        >>> Explanation.from_json(found.to_json()).steepness
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
                interactions=tuple((str(a), str(b), float(s), float(e)) for a, b, s, e in values["interactions"]),
                **{name: np.array(values[name], dtype=np.float64) for name in _ARRAYS},
            )
        except (TypeError, ValueError) as error:
            raise InputError("an explanation of names and numbers", str(error), "Explain the model again.") from error
        found._check_shapes()
        return found

    def _check_shapes(self) -> None:
        p, d, k = len(self.columns), len(self.features), len(self.shares)
        of_columns: dict[str, tuple[int, ...]] = dict.fromkeys(("effects", "errors", "steepness"), (p,))
        wanted = of_columns | {"directions": (k, d), "shares": (k,), "coupling": (p, p)}
        shapes = {name: getattr(self, name).shape for name in wanted}
        if shapes != wanted:
            advice = "Give a number for each column; explain a saved model again."
            raise InputError(f"shapes {wanted} of {p} columns and {d} features", str(shapes), advice)
        if unknown := {name for a, b, *_ in self.interactions for name in (a, b)}.difference(self.columns):
            raise InputError("interactions of the columns", ", ".join(sorted(unknown)), "Explain the model again.")


def explain_agop(
    agop: ArrayLike,
    covariance: ArrayLike,
    features: Sequence[str],
    column_of: Sequence[int] | NDArray[Any],
    columns: Sequence[str],
    *,
    effects: ArrayLike,
    errors: ArrayLike,
    n_directions: int = 3,
) -> Explanation:
    """Explanation from the AGOP and the effects of the columns, without interactions: those it does not show.

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
    effects, errors
        (p,) shares of the variance, and their standard errors.
    n_directions
        Number of eigenvectors at most.

    Raises
    ------
    InputError
        If shapes do not match, or the predictor depends on none of the columns.

    Examples
    --------
    >>> agop, names = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 2.0]]), ("a", "b", "c")
    >>> effects, errors = [0.25, 0.25, 0.5], [0.01, 0.01, 0.02]
    >>> found = explain_agop(agop, np.eye(3), ("a", "b", "c=u"), (0, 1, 2), names, effects=effects, errors=errors)
    >>> found.coupling
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
    found = Explanation(
        columns=tuple(columns),
        effects=np.asarray(effects, dtype=np.float64),
        errors=np.asarray(errors, dtype=np.float64),
        steepness=(member.mT @ (scaled / trace).diagonal()).numpy(),
        features=tuple(features),
        directions=largest_positive(top.vectors.mT).numpy(),
        shares=top.values.numpy(),
        coupling=_coupling(scaled / trace, member).numpy(),
    )
    found._check_shapes()
    return found


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
