"""Explanation of a fitted recursive feature machine: effects by swaps, steepness by the AGOP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.errors import InputError
from agop.estimator.arrays import as_array, check_features
from agop.estimator.effects import n_swaps_of, n_values, row_worth, swap_effects
from agop.outer_product import kernel_agop
from agop.rfm import RFMClassifier, RFMRegressor
from agop.tables.encoder import TableEncoder
from agop.tables.explanation import Explanation
from agop.tables.parquet import ParquetTable
from agop.tables.steepness import explain_agop

__all__ = ["FEWEST_ROWS", "column_effects", "explain"]

_POINTS = 2000
"""Centers at most over which the AGOP is averaged."""

_ROUNDING = 1e-6
"""Rounding of the number of rows that weights are worth."""

FEWEST_ROWS = 3
"""Rows from which on effects have errors: two are one pair, which has no spread."""


def explain(
    model: Pipeline | RFMRegressor | RFMClassifier,
    X: Any = None,
    *,
    n_directions: int = 3,
    n_columns: int = 6,
    n_swaps: int | None = None,
    random_state: int = 0,
    observe: Callable[[float], object] = lambda share: None,
) -> Explanation:
    """Effects of the columns, pairs of columns that interact, and from the AGOP steepness and leading directions.

    Effects are those of the values of the predictor: the targets of a regression, the decision values of classes. All
    features of a column are swapped together. The AGOP is that at 2,000 of its centers at most, in units of the
    standard deviation of each column over these: see ``Explanation``.

    Parameters
    ----------
    model
        Fitted pipeline of ``table_pipeline``, or a fitted RFMRegressor or RFMClassifier.
    X
        Rows as the model takes them, between which values are swapped; those of the fit with their weights if None.
        On its own samples the predictor follows their noise too, so that effects on new rows can differ by more than
        their errors: pass rows that were held out where there are some.
    n_directions
        Number of leading directions.
    n_columns
        Number of the columns of largest effect whose pairs are tried; none below 2.
    n_swaps
        Swaps of each column and each pair, of which each costs a prediction. With fewer rows all are taken several
        times; of more, random ones once. Errors fall as the root of it. If None, 4,000, or as many as take 100,000
        predictions for the columns of a wide table, but 100 at least.
    random_state
        Seed of the centers and of the rows.
    observe
        Called with the share of the predictions that are made, again and again.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    InputError
        If it is another model, is constant, also on the rows, or these are worth fewer than three by their weights.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 4))
    >>> model = RFMRegressor(n_iterations=2).fit(X, X[:, 0] * X[:, 1] + X[:, 2])
    >>> explanation = explain(model)
    >>> explanation.interactions[0][:2]
    ('x0', 'x1')
    """
    encoder, predictor = _parts(model)
    check_is_fitted(predictor)
    columns, features, column_of = _names(encoder, predictor)
    each: list[tuple[int, ...]] = [(column,) for column in range(len(columns))]
    of_pairs = list(combinations(range(min(n_columns, len(columns))), 2))
    found = _swaps(model, X, n_swaps, random_state, (each, of_pairs), observe)
    effects, errors = found(each)
    explanation = explain_agop(
        *_agop(predictor, random_state),
        features,
        column_of,
        columns,
        effects=effects,
        errors=errors,
        n_directions=n_directions,
    )
    if not effects.any():
        raise InputError("rows on which the prediction varies", "the same for all", "Pass rows that differ.")
    explanation = replace(explanation, skill=predictor.skill_)
    pairs: list[tuple[int, ...]] = list(combinations(sorted(explanation.ranking()[:n_columns]), 2))
    if not pairs:
        return explanation
    named = [
        (columns[a], columns[b], float(share), float(error))
        for (a, b), share, error in zip(pairs, *found(pairs), strict=True)
    ]
    return replace(explanation, interactions=tuple(sorted(named, key=lambda pair: -pair[2])))


def column_effects(
    model: Pipeline | RFMRegressor | RFMClassifier, X: Any = None, *, n_swaps: int | None = None, random_state: int = 0
) -> dict[str, tuple[float, float]]:
    """Effect of each column and its standard error, by swaps between rows as in ``explain``.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> effects = column_effects(RFMRegressor(n_iterations=0).fit(X, X[:, 1]))
    >>> max(effects, key=effects.get)
    'x1'
    """
    columns, _, _ = _names(*_parts(model))
    found = _swaps(model, X, n_swaps, random_state)([(column,) for column in range(len(columns))])
    return dict(zip(columns, zip(*(each.tolist() for each in found), strict=True), strict=True))


def _swaps(
    model: Any,
    X: Any,
    n_swaps: int | None,
    random_state: int,
    planned: Sequence[Sequence[tuple[int, ...]]] = (),
    observe: Callable[[float], object] = lambda share: None,
) -> Callable[[list[tuple[int, ...]]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Function from subsets of the columns of a model to their effects, by ``swap_effects``.

    Where all subsets that it will be called with are planned, as many as these, it is observed how much is done.
    """
    encoder, predictor = _parts(model)
    columns, _, column_of = _names(encoder, predictor)
    swaps = n_swaps_of(len(columns)) if n_swaps is None else n_swaps
    if swaps < FEWEST_ROWS:
        raise InputError(f"{FEWEST_ROWS} or more swaps", str(swaps), "Thousands give small standard errors.")
    rows, weights = predictor.rows_at_random(random_state)
    if X is not None:
        rows, weights = _at_random(encoder, predictor, X, swaps, random_state), None
    if (worth := float(len(rows)) if weights is None else row_worth(weights)) < FEWEST_ROWS - _ROUNDING:
        expected, advice = f"{FEWEST_ROWS} or more rows, by their weights", "Pass others: fewer tell no error."
        raise InputError(expected, f"{worth:.3g}", advice)
    total = sum(n_values(len(rows), subsets, swaps) for subsets in planned if subsets)
    values = _observed(predictor.values_of, total, observe)
    return lambda subsets: swap_effects(values, rows, column_of, subsets, n_swaps=swaps, weights=weights)


def _observed(
    values: Callable[[NDArray[np.float64]], NDArray[np.float64]], total: int, observe: Callable[[float], object]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Function of which it is observed how many of a total of values are known, if there is one."""
    done = 0

    def known(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal done
        found, done = values(rows), done + len(rows)
        observe(done / total)
        return found

    return known if total else values


def _at_random(encoder: TableEncoder | None, predictor: Any, X: Any, most: int, random_state: int) -> NDArray[Any]:
    """Features of as many rows at random; of a Parquet file no others are coded."""
    if encoder is None or not isinstance(X, ParquetTable):
        X = check_features(predictor, X, reset=False) if encoder is None else encoder.transform(X)
    order = np.random.default_rng(random_state).permutation(len(X))[:most]
    if encoder is None or not isinstance(X, ParquetTable):
        return np.asarray(as_array(X))[order]
    chosen = np.zeros(len(X), dtype=bool)
    chosen[order] = True
    return np.vstack([*encoder.transform(X[chosen])])[order.argsort().argsort()]


def _agop(predictor: Any, random_state: int) -> tuple[Tensor, Tensor]:
    """AGOP and covariance of the features (d, d) at centers of the machine."""
    machine = predictor.machine_
    points = machine.centers
    if len(points) > _POINTS:
        points = points[np.sort(np.random.default_rng(random_state).choice(len(points), _POINTS, replace=False))]
    agop = kernel_agop(machine, points, max_memory=predictor.max_memory).matrix
    centered = points.double() - points.double().mean(0)
    return agop.cpu(), (centered.mT @ centered / len(points)).cpu()


def _parts(model: Any) -> tuple[TableEncoder | None, Any]:
    """The encoder, if there is one, and the predictor."""
    encoder, predictor = None, model
    if isinstance(model, Pipeline) and len(model) == 2 and isinstance(model[0], TableEncoder):
        encoder, predictor = model[0], model[1]
    if not isinstance(predictor, (RFMRegressor, RFMClassifier)):
        got = f"a {type(predictor).__name__}"
        raise InputError(
            "an RFMRegressor or RFMClassifier, alone or in a table_pipeline",
            got,
            "Pass the fitted model itself, such as best_estimator_ of a search.",
        )
    return encoder, predictor


def _names(encoder: TableEncoder | None, predictor: Any) -> tuple[list[str], list[str], NDArray[Any]]:
    """Columns, features, and the column of each feature."""
    if encoder is not None:
        return list(encoder.columns_), encoder.get_feature_names_out().tolist(), encoder.column_of_
    unnamed = [f"x{index}" for index in range(predictor.n_features_in_)]
    names = list(getattr(predictor, "feature_names_in_", unnamed))
    return names, names, np.arange(len(names))
