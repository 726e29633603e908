"""The methods that ``benchmarks.tables`` compares: this package by its defaults, and its peers as their users run them.

Each takes the task, a frame, its targets (float64, or labels 0..C-1) and a seed, and returns its ``predict``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xrfm import xRFM

from agop.tables import table_pipeline

Task = Literal["regression", "classification"]
Values = NDArray[Any]
Predict = Callable[[pd.DataFrame], Values]

KERNEL_RIDGE_ROWS, SEARCH_ROWS = 10_000, 2000


def split_rows(y: Values, task: Task, share: float, seed: int) -> tuple[Values, Values]:
    """Random row numbers of the larger and the smaller part, with equal shares of each class where it can be had."""
    stratified = task == "classification" and np.bincount(y)[np.unique(y)].min() > 1
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=share, random_state=seed, stratify=y if stratified else None
    )
    return rows, held_out


def encoder() -> ColumnTransformer:
    """Numbers: median for what is missing, standardized; the others: one column a category, not standardized."""
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("categories", categories, make_column_selector(dtype_exclude="number")),
        ]
    )


def fit_agop(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Predict:  # noqa: ARG001 - defaults only
    return cast("Predict", table_pipeline(task).fit(X, y).predict)


def fit_xrfm(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Predict:
    """As its README does: identity vectors for the one-hot columns, 20 % of the rows choose the iterate."""
    rows, held_out = split_rows(y, task, 0.2, seed)
    encode = encoder().fit(X.iloc[rows])
    classes = task == "classification"
    shift, scale = (0, 1) if classes else (y[rows].mean(), y[rows].std())
    targets = torch.tensor((y - shift) / scale, dtype=torch.long if classes else torch.float32)

    def inputs(frame: pd.DataFrame) -> torch.Tensor:
        return torch.tensor(encode.transform(frame), dtype=torch.float32)

    model = xRFM(
        device="cpu",
        tuning_metric="accuracy" if classes else "mse",
        categorical_info=one_hot_columns(encode),
        random_state=seed,
        verbose=False,
    )
    model.fit(inputs(X.iloc[rows]), targets[rows], inputs(X.iloc[held_out]), targets[held_out])
    return lambda frame: cast("Values", model.predict(inputs(frame)).reshape(-1) * scale + shift)


def one_hot_columns(encode: ColumnTransformer) -> dict[str, Any] | None:
    """Where each category's columns are, in the form that xrfm takes; None without categories."""
    start = encode.output_indices_["categories"].start
    if not encode.transformers_[1][2]:
        return None
    widths = [len(found) for found in encode.named_transformers_["categories"].categories_]
    return {
        "numerical_indices": torch.arange(start),
        "categorical_indices": list(torch.split(torch.arange(start, start + sum(widths)), widths)),
        "categorical_vectors": [torch.eye(width) for width in widths],
    }


def fit_kernel_ridge(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Predict:
    """At most 10,000 rows; kernel, bandwidth and ridge by three-fold cross-validation on at most 2,000 of them."""
    rows = np.random.default_rng(seed).permutation(len(y))[:KERNEL_RIDGE_ROWS]
    encode = encoder().fit(X.iloc[rows])
    inputs = encode.transform(X.iloc[rows])
    classes = task == "classification"
    shift, scale = (0, 1) if classes else (y[rows].mean(), y[rows].std())
    targets = 2 * np.eye(y.max() + 1)[y[rows]] - 1 if classes else (y[rows] - shift) / scale
    accuracy: Any = lambda model, A, B: np.mean(model.predict(A).argmax(1) == B.argmax(1))  # noqa: E731
    search = GridSearchCV(
        KernelRidge(),
        {
            "kernel": ["laplacian", "rbf"],
            "gamma": np.array([0.03, 0.1, 0.3, 1.0]) / inputs.shape[1],
            "alpha": [1e-3, 1e-2, 1e-1],
        },
        scoring=accuracy if classes else "neg_mean_squared_error",
        cv=KFold(3, shuffle=True, random_state=seed),
        refit=False,
    ).fit(inputs[:SEARCH_ROWS], targets[:SEARCH_ROWS])
    model = KernelRidge(**search.best_params_).fit(inputs, targets)

    def predict(frame: pd.DataFrame) -> Values:
        raw = model.predict(encode.transform(frame))
        return cast("Values", raw.argmax(1) if classes else raw * scale + shift)

    return predict


def fit_gradient_boosting(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Predict:
    """Native categories, of which it takes at most 255 a column: rarer ones are missing values, as are new ones."""
    kept = {name: X[name].value_counts().index[:255] for name in X.select_dtypes(exclude="number")}

    def inputs(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: pd.Categorical(frame[name]).set_categories(kept[name]) for name in kept})

    booster = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
    model = booster(categorical_features="from_dtype", random_state=seed).fit(inputs(X), y)
    return lambda frame: cast("Values", model.predict(inputs(frame)))


METHODS: dict[str, Callable[[Task, pd.DataFrame, Values, int], Predict]] = {
    "agop": fit_agop,
    "xrfm": fit_xrfm,
    "kernel-ridge": fit_kernel_ridge,
    "gradient-boosting": fit_gradient_boosting,
}
