"""Explanation of a predictor on a table: columns, directions, and pairs of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from agop.charts.findings import percent
from agop.charts.notebook import NotebookMixin
from agop.charts.terminal import Column, TerminalTable
from agop.errors import InputError
from agop.extras import require
from agop.rfm import Skill
from agop.runs.storage import JSON, to_json

if TYPE_CHECKING:
    import pandas

__all__ = ["Explanation"]

_BAR = 10

_ARRAYS = ("effects", "errors", "steepness", "directions", "shares", "coupling")


@dataclass(frozen=True, eq=False)
class Explanation(NotebookMixin):
    r"""Columns, pairs of columns and directions on which a predictor f on a table depends.

    Effects and interactions are what happens when values are swapped between rows. All else is that of the AGOP G and
    of the covariance S of the features of each column: of :math:`S^{1/2} G S^{1/2}`, the AGOP in units of standard
    deviations. For standardized numeric columns it is G itself; for the features of a category S keeps the directions
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
        :math:`\|G_{ab}\|_F / \sqrt{\|G_{aa}\|_F \|G_{bb}\|_F}`, the root of the RV coefficient without centering: 1 if
        f depends on both through one direction, 0 if the slopes are uncorrelated, which an interaction can leave so.
    interactions
        (column, column, share, standard error) for pairs of columns, largest first: total interaction index over the
        variance of f (Liu and Owen 2006). 0 if f is additive over the pair. Empty if no pair was tried.
    skill
        Share of the variance of left-out targets that f predicts; None where no rows were left out. Of a model that
        predicts no better than a constant it says little what f depends on.

    References
    ----------
    Homma and Saltelli 1996, Importance measures in global sensitivity analysis of nonlinear models, RESS 52:1.
    Robert and Escoufier 1976, A unifying tool for linear multivariate statistical methods: the RV coefficient.
    Liu and Owen 2006, Estimating mean dimensionality of analysis of variance decompositions, JASA 101:712.

    Examples
    --------
    >>> from agop.tables import explain_agop
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
    skill: Skill | None = None

    @property
    def doubt(self) -> str:
        """Sentence on a model that predicts no better than a constant beyond two errors; empty of any other.

        Examples
        --------
        >>> from dataclasses import replace
        >>> from agop.tables import explain_agop
        >>> found = explain_agop(np.eye(1), np.eye(1), ["age"], [0], ["age"], effects=[0.5], errors=[0.1])
        >>> replace(found, skill=Skill(0.03, 0.02)).doubt
        'The model predicts no better than a constant: 3 % ± 2 % of the variance of rows that were left out.'
        """
        if self.skill is None or self.skill.is_positive:
            return ""
        share = f"{percent(self.skill.value)} ± {percent(self.skill.error)}"
        return f"The model predicts no better than a constant: {share} of the variance of rows that were left out."

    def ranking(self) -> list[int]:
        """Indices of the columns, the largest effect first; neighbors may differ by less than their errors."""
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

        Behind ± stand standard errors. The title says of a model that predicts no better than a constant that it does.
        """
        shares = ", ".join(f"{share:.0%}" for share in self.shares)
        columns = [Column("column", "name"), Column("", "bar"), Column("effect"), Column("steepness")]
        columns += [Column("interacts with", "name"), Column(""), Column("coupled with", "name"), Column("")]
        return TerminalTable(
            f"leading directions: {shares} of the AGOP" + (f". {self.doubt}" if self.doubt else ""),
            columns,
            [self._row(index) for index in self.ranking()[:n_rows]],
        )

    def to_frame(self) -> pandas.DataFrame:
        """Table with a row for each column, the largest effect first: effect, its standard error, and steepness.

        Also the partner of the strongest interaction, its share and standard error, and that of the strongest coupling;
        None and NaN where there is none.

        Raises
        ------
        MissingExtraError
            Without pandas, which comes with the extra ``tables``.

        Examples
        --------
        >>> from agop.tables import explain_agop
        >>> names, effects = ("age", "mass"), {"effects": [0.2, 0.9], "errors": [0.05, 0.05]}
        >>> explain_agop(np.diag([3.0, 1]), np.eye(2), names, (0, 1), names, **effects).to_frame().iloc[:, :4]
          column  effect  standard_error  steepness
        0   mass     0.9            0.05       0.25
        1    age     0.2            0.05       0.75
        """
        rows = []
        for index in self.ranking():
            interaction = self.strongest_interaction(index) or (None, np.nan, np.nan)
            coupling = self.strongest_coupling(index) or (None, np.nan)
            numbers = self.effects[index], self.errors[index], self.steepness[index]
            rows.append([self.columns[index], *map(float, numbers), *interaction, *coupling])
        names = ["column", "effect", "standard_error", "steepness", "interacts_with", "interaction"]
        names += ["interaction_standard_error", "coupled_with", "coupling"]
        return require("pandas", "tables").DataFrame(rows, columns=names)

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
        values = vars(self) | {"skill": self.skill and [self.skill.value, self.skill.error]}
        arrays = {name: values[name].tolist() for name in _ARRAYS}
        return to_json(values | arrays)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The explanation that ``to_json`` made these values of; every number is the same.

        Raises
        ------
        InputError
            If values are missing, surplus, of another type, or their shapes do not match.

        Examples
        --------
        >>> from agop.tables import explain_agop
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
                skill=None if values["skill"] is None else Skill(*map(float, values["skill"])),
                **{name: np.array(values[name], dtype=np.float64) for name in _ARRAYS},
            )
        except (TypeError, ValueError) as error:
            raise InputError("an explanation of names and numbers", str(error), "Explain the model again.") from error
        found.check()
        return found

    def check(self) -> None:
        """Raise InputError unless the shapes are those of the columns and features, and the numbers can be."""
        p, d, k = len(self.columns), len(self.features), self.shares.size
        of_columns: dict[str, tuple[int, ...]] = dict.fromkeys(("effects", "errors", "steepness"), (p,))
        wanted = of_columns | {"directions": (k, d), "shares": (k,), "coupling": (p, p)}
        shapes = {name: getattr(self, name).shape for name in wanted}
        if shapes != wanted:
            advice = "Give a number for each column; explain a saved model again."
            raise InputError(f"shapes {wanted} of {p} columns and {d} features", str(shapes), advice)
        of_pairs, skill = [pair[2:] for pair in self.interactions], self.skill or Skill(0.0, 0.0)
        finite = all(np.isfinite(getattr(self, name)).all() for name in _ARRAYS) and np.isfinite(of_pairs).all()
        if not finite or min(*self.errors, *(error for _, error in of_pairs), skill.error) < 0 or skill.value > 1:
            raise InputError("finite numbers, errors of 0 or more", "others", "Explain the model again.")
        if unknown := {name for a, b, *_ in self.interactions for name in (a, b)}.difference(self.columns):
            raise InputError("interactions of the columns", ", ".join(sorted(unknown)), "Explain the model again.")
