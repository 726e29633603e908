"""What a fitted recursive feature machine depends on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from agop.errors import InputError
from agop.estimators.arrays import as_array, check_features
from agop.estimators.rfm import RFMClassifier, RFMRegressor
from agop.estimators.table import TableEncoder
from agop.outer_product import kernel_agop
from agop.records.explanation import Explanation, explain_agop

__all__ = ["explain", "superset_importance"]

_POINTS = 2000
"""Centers at most over which the AGOP is averaged."""


def explain(
    model: Pipeline | RFMRegressor | RFMClassifier,
    X: Any = None,
    *,
    n_directions: int = 3,
    n_columns: int = 6,
    n_samples: int = 500,
    random_state: int = 0,
) -> Explanation:
    """Importance of the columns, leading directions, and pairs of columns that interact.

    The AGOP is that of the fitted predictor at 2,000 of its centers at most, in units of the standard deviation of each
    column over these: see ``Explanation``.

    Parameters
    ----------
    model
        Fitted pipeline of ``table_pipeline``, or a fitted RFMRegressor or RFMClassifier.
    X
        Rows as the model takes them, such as the training data, for effects and interactions; without them there are
        none.
    n_directions
        Number of leading directions.
    n_columns
        Number of the most important columns whose pairs are tried.
    n_samples
        Random rows of X at most; each column and each pair costs a prediction for all of them.
    random_state
        Seed of the centers and of the rows.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    InputError
        If it is another model, is constant, or X has fewer than two rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 4))
    >>> model = RFMRegressor(n_iterations=2).fit(X, X[:, 0] * X[:, 1] + X[:, 2])
    >>> explanation = explain(model, X)
    >>> explanation.interactions[0][:2]
    ('x0', 'x1')
    """
    encoder, predictor = _parts(model)
    check_is_fitted(predictor)
    rng, machine = np.random.default_rng(random_state), predictor.machine_
    points = machine.centers
    if len(points) > _POINTS:
        points = points[np.sort(rng.choice(len(points), _POINTS, replace=False))]
    agop = kernel_agop(
        machine.kernel,
        points,
        machine.centers,
        machine.coefficients,
        metric=machine.metric,
        max_memory=predictor.max_memory,
    )
    columns, features, column_of = _names(encoder, predictor)
    centred = points.double() - points.double().mean(0)
    covariance = (centred.mT @ centred / len(points)).cpu()
    explanation = explain_agop(agop.cpu(), covariance, features, column_of, columns, n_directions=n_directions)
    if X is None:
        return explanation

    def values(rows: NDArray[Any]) -> NDArray[Any]:
        raw = machine(torch.as_tensor(rows).to(machine.centers), max_memory=predictor.max_memory)
        return as_array(raw)  # type: ignore[no-any-return]

    rows = as_array(check_features(predictor, X, reset=False)) if encoder is None else np.asarray(encoder.transform(X))
    rows = rows[rng.permutation(len(rows))[:n_samples]]
    pairs = list(combinations(sorted(explanation.ranking()[:n_columns]), 2))
    alone = [(column,) for column in range(len(columns))]
    found = superset_importance(values, rows, column_of, [*alone, *pairs])
    named = [(columns[a], columns[b], share) for (a, b), share in zip(pairs, found[len(alone) :], strict=True)]
    interactions = tuple(sorted(named, key=lambda pair: -pair[2]))
    return replace(explanation, effects=np.array(found[: len(alone)]), interactions=interactions)


def superset_importance(
    values: Callable[[NDArray[Any]], NDArray[Any]],
    rows: NDArray[Any],
    column_of: Sequence[int] | NDArray[Any],
    subsets: Sequence[tuple[int, ...]],
) -> list[float]:
    r"""Share of the variance of a predictor f in all effects that involve every column of a subset.

    For a subset u it is
    :math:`2^{-|u|} E\left[\left(\sum_{v \subseteq u} (-1)^{|v|} f(x_v)\right)^2\right] / \mathrm{Var} f`, where
    :math:`x_v` is the row x with the columns v of another row z. For one column it is the total effect, for two the
    total interaction index. Exact in expectation for independent columns. Several outputs are summed in the numerator
    and in the variance.

    Parameters
    ----------
    values
        f, from rows (n, d) to (n,) or (n, C).
    rows
        (n, d) in random order: row i + 1 is the z of row i.
    column_of
        (d,) index of the column of each feature; the features of a column are swapped together.
    subsets
        Subsets of columns.

    Returns
    -------
    list of float
        One a subset, an estimate from n rows; 0 for a constant f.

    Raises
    ------
    InputError
        If there are fewer than two rows.

    References
    ----------
    Liu and Owen 2006, Estimating mean dimensionality of analysis of variance decompositions, JASA 101:712.

    Examples
    --------
    >>> rows = np.random.default_rng(0).choice([-1.0, 1.0], size=(1000, 3))
    >>> shares = superset_importance(lambda x: x[:, 0] * x[:, 1] + x[:, 2], rows, (0, 1, 2), [(0,), (0, 1), (0, 2)])
    >>> [round(share, 1) for share in shares]
    [0.5, 0.5, 0.0]
    """
    if len(rows) < 2:
        raise InputError("two or more rows", str(len(rows)), "Pass the training data.")
    others, owner = np.roll(rows, -1, axis=0), np.asarray(column_of)

    @cache
    def swapped(columns: tuple[int, ...]) -> NDArray[np.float64]:
        return np.asarray(values(np.where(np.isin(owner, columns), others, rows)), dtype=np.float64)

    def share(subset: tuple[int, ...]) -> float:
        parts = [part for size in range(len(subset) + 1) for part in combinations(subset, size)]
        change: NDArray[np.float64] = sum((-1) ** len(part) * swapped(part) for part in parts)
        return float((change**2).mean(0).sum() / 2 ** len(subset) / variance) if variance else 0.0

    variance = swapped(()).var(0, ddof=1).sum()
    return [share(subset) for subset in subsets]


def _parts(model: Any) -> tuple[TableEncoder | None, Any]:
    """The encoder, if there is one, and the predictor."""
    encoder, predictor = None, model
    if isinstance(model, Pipeline) and len(model) == 2 and isinstance(model[0], TableEncoder):
        encoder, predictor = model[0], model[1]
    if not isinstance(predictor, (RFMRegressor, RFMClassifier)):
        got = f"a {type(predictor).__name__}"
        raise InputError("an RFMRegressor or RFMClassifier, alone or in a table_pipeline", got, "Pass best_estimator_?")
    return encoder, predictor


def _names(encoder: TableEncoder | None, predictor: Any) -> tuple[list[str], list[str], NDArray[Any]]:
    """Columns, features, and the column of each feature."""
    if encoder is not None:
        return list(encoder.columns_), encoder.get_feature_names_out().tolist(), encoder.column_of_
    unnamed = [f"x{index}" for index in range(predictor.n_features_in_)]
    names = list(getattr(predictor, "feature_names_in_", unnamed))
    return names, names, np.arange(len(names))
