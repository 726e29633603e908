"""Which defaults predict tables of some hundred rows best, and in what time?

This package, a grid-searched kernel machine (Laplacian ``KernelRidge``, or ``SVC`` with a Gaussian kernel), gradient
boosting, a linear model and a random forest, fitted in turn in one process to the problems of
``benchmarks.small_problems``. Error is RMSE / std for numbers, the share of wrong labels for classes; log loss is
that of what gives probabilities. Processor seconds stand beside seconds, for machines with other work::

    python -m benchmarks.small_tables --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.measuring import write
from benchmarks.small_problems import Problem, problems
from benchmarks.table_methods import Task, Values, encoder
from rich.console import Console
from rich.table import Table as Grid
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from agop import table_pipeline

Record = dict[str, Any]

GAMMAS = np.array([0.03, 0.1, 0.3, 1.0])
"""Of both kernels, over the number of features."""

FOLDS = 5


def fit_agop(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Any:  # noqa: ARG001 - defaults only
    return table_pipeline(task).fit(X, y)


def fit_kernel_grid(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Any:
    """Settings by cross-validation of all rows: 4 bandwidths and 4 ridges, or 4 bandwidths and 4 weights of errors."""
    encode = encoder().fit(X)
    inputs = encode.transform(X)
    gammas = GAMMAS / inputs.shape[1]
    if task == "regression":
        model: Any = TransformedTargetRegressor(KernelRidge(kernel="laplacian"), transformer=StandardScaler())
        grid = {"regressor__gamma": gammas, "regressor__alpha": [1e-3, 1e-2, 1e-1, 1.0]}
        folds: Any = KFold(FOLDS, shuffle=True, random_state=seed)
    else:
        model, grid = SVC(), {"gamma": gammas, "C": [0.3, 1.0, 10.0, 100.0]}
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return make_pipeline(encode, GridSearchCV(model, grid, cv=folds).fit(inputs, y))


def fit_boosting(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Any:
    model = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return model(random_state=seed).fit(X, y)


def fit_linear(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Any:  # noqa: ARG001 - nothing is drawn
    return make_pipeline(encoder(), RidgeCV() if task == "regression" else LogisticRegression(max_iter=5000)).fit(X, y)


def fit_forest(task: Task, X: pd.DataFrame, y: Values, seed: int) -> Any:
    model = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return make_pipeline(encoder(), model(random_state=seed)).fit(X, y)


METHODS: dict[str, Callable[[Task, pd.DataFrame, Values, int], Any]] = {
    "agop": fit_agop,
    "kernel-grid": fit_kernel_grid,
    "boosting": fit_boosting,
    "linear": fit_linear,
    "forest": fit_forest,
}


def measure(problem: Problem, method: str, seed: int) -> Record:
    (X, y), (X_test, y_test) = problem.train, problem.test
    start, busy = time.perf_counter(), time.process_time()
    model = METHODS[method](problem.task, X, y, seed)
    seconds, processor = time.perf_counter() - start, time.process_time() - busy
    predictions = model.predict(X_test)
    if problem.task == "regression":
        error = float(np.sqrt(np.mean((predictions - y_test) ** 2)) / y_test.std())
    else:
        error = float(np.mean(predictions != y_test))
    record: Record = {
        "problem": problem.name,
        "kind": problem.kind,
        "task": problem.task,
        "seed": seed,
        "method": method,
        "rows": len(X),
        "columns": X.shape[1],
        "error": error,
        "log_loss": None,
        "fit_seconds": seconds,
        "processor_seconds": processor,
    }
    if problem.task == "classification" and hasattr(model, "predict_proba"):
        shares = np.clip(model.predict_proba(X_test), 1e-15, 1)  # of a forest they may be 0
        record["log_loss"] = float(log_loss(y_test, shares / shares.sum(1, keepdims=True), labels=model.classes_))
    return record


def summarize(records: Sequence[Record]) -> list[Record]:
    """Mean rank of errors by method, of all problems and of each kind, beside the seconds of all fits together."""
    frame = pd.DataFrame(records)
    ranks = _ranks(frame, "error")
    by_kind = ranks.groupby(level="kind").mean().T
    losses = _ranks(frame.dropna(subset=["log_loss"]), "log_loss")
    first = ranks.columns[0]
    errors = frame.pivot(index=["kind", "problem", "seed"], columns="method", values="error")
    summary = pd.DataFrame(
        {
            "mean_rank": ranks.mean(),
            **{f"mean_rank_{kind.replace(' ', '_')}": by_kind[kind] for kind in by_kind},
            "mean_rank_of_log_loss": losses.mean(),
            f"worse_than_{first}": errors.gt(errors[first], axis=0).sum(),
            f"better_than_{first}": errors.lt(errors[first], axis=0).sum(),
            "problems": len(errors),
            "seconds": frame.groupby("method")["fit_seconds"].sum(),
            "processor_seconds": frame.groupby("method")["processor_seconds"].sum(),
        }
    ).sort_values("mean_rank")
    entries: list[Record] = summary.reset_index(names="method").to_dict("records")
    return [{key: None if value != value else value for key, value in entry.items()} for entry in entries]


def _ranks(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """Ranks of the methods that have a value, 1 the smallest; equal ones share theirs."""
    values = frame.pivot(index=["kind", "problem", "seed"], columns="method", values=what)
    return values[[name for name in METHODS if name in values]].rank(axis=1)


def show(summary: Sequence[Record]) -> None:
    grid = Grid(*summary[0])
    for entry in summary:
        grid.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in entry.values()))
    Console().print(grid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with tabular/; default: AGOP_DATA or ../shared/data")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--name", default="small_tables", help="name of the results")
    options = parser.parse_args()
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = (options.data_dir or Path(os.environ.get("AGOP_DATA", beside))) / "tabular"
    warnings.filterwarnings("ignore", message="Found unknown categories")
    records, warm = [], set()
    for seed in options.seeds:
        for problem in problems(folder, seed):
            for method in options.methods:
                if (method, problem.task) not in warm:  # libraries are loaded before anything is timed
                    METHODS[method](problem.task, *problem.train, seed)
                    warm.add((method, problem.task))
                records.append(measure(problem, method, seed))
                print({key: records[-1][key] for key in ("problem", "rows", "method", "error", "log_loss")}, flush=True)
    summary = summarize(records)
    show(summary)
    write(options.name, {"summary": summary, "results": records})


if __name__ == "__main__":
    main()
