"""Problems of some hundred rows: scikit-learn's own tables, samples of larger ones, and made-up functions.

Of a larger table, and of a function, the rows for learning are few (350 to 1,600, a number that the seed draws) and
those for judging are 2,000 others, or all others, at least half; of a table that is small itself a quarter judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.table_methods import Task, Values, split_rows
from benchmarks.tables import default_tables
from sklearn import datasets

__all__ = ["Problem", "problems"]

FEWEST, MOST, JUDGED = 350, 1600, 2000
SAMPLES = 2


@dataclass(frozen=True)
class Problem:
    """Rows to learn from and rows to judge by; categories are of pandas' type, targets are numbers or labels 0..C-1."""

    name: str
    kind: str
    task: Task
    train: tuple[pd.DataFrame, Values]
    test: tuple[pd.DataFrame, Values]


OWN: Mapping[str, tuple[Task, Callable[..., Any]]] = {
    "diabetes": ("regression", datasets.load_diabetes),
    "breast cancer": ("classification", datasets.load_breast_cancer),
    "wine": ("classification", datasets.load_wine),
    "iris": ("classification", datasets.load_iris),
    "digits": ("classification", datasets.load_digits),
}

MADE_UP: Mapping[str, tuple[Task, Callable[[int, int], tuple[Values, Values]]]] = {
    "friedman1": ("regression", lambda n, seed: datasets.make_friedman1(n, noise=1.0, random_state=seed)),
    "friedman2": ("regression", lambda n, seed: datasets.make_friedman2(n, noise=100.0, random_state=seed)),
    "friedman3": ("regression", lambda n, seed: datasets.make_friedman3(n, noise=0.1, random_state=seed)),
    "sparse": ("regression", lambda n, seed: datasets.make_sparse_uncorrelated(n, 20, random_state=seed)),
    "clusters": (
        "classification",
        lambda n, seed: datasets.make_classification(
            n, 20, n_informative=6, n_classes=3, flip_y=0.05, random_state=seed
        ),
    ),
    "quantiles": (
        "classification",
        lambda n, seed: datasets.make_gaussian_quantiles(n_samples=n, n_features=8, n_classes=2, random_state=seed),
    ),
}


def problems(folder: Path, seed: int) -> Iterator[Problem]:
    """All problems, made when they are asked for; samples, functions and splits depend on the seed."""
    for name, (task, load) in OWN.items():
        frame, y = load(return_X_y=True, as_frame=True)
        learn, judge = split_rows(np.asarray(y), task, 0.25, seed)
        yield _problem(name, "own", task, frame, np.asarray(y), learn, judge)
    generator = np.random.default_rng(seed)
    for table in default_tables(folder):
        frame, y = table.read()
        for number in range(SAMPLES):
            order = generator.permutation(len(frame))
            size = min(_size(generator), len(frame) // 2)
            name = f"{table.name} {number + 1}"
            yield _problem(name, "sample", table.task, frame, y, order[:size], order[size:][:JUDGED])
    for name, (task, make) in MADE_UP.items():
        size = _size(generator)
        X, y = make(size + JUDGED, seed)
        order = np.arange(len(X))
        yield _problem(name, "made up", task, pd.DataFrame(X).add_prefix("x"), y, order[:size], order[size:])


def _size(generator: np.random.Generator) -> int:
    return int(np.exp(generator.uniform(np.log(FEWEST), np.log(MOST))))


def _problem(name: str, kind: str, task: Task, frame: pd.DataFrame, y: Values, learn: Values, judge: Values) -> Problem:
    """The rows, their texts as categories; labels that no row for learning has are left out, as are single ones."""
    frame = frame.astype(dict.fromkeys(frame.select_dtypes(exclude="number"), "category"))
    if task == "classification":
        labels, counts = np.unique(y[learn], return_counts=True)
        kept = labels[counts > 1]
        learn, judge = (rows[np.isin(y[rows], kept)] for rows in (learn, judge))
        y = np.searchsorted(kept, y)
    return Problem(name, kind, task, (frame.iloc[learn], y[learn]), (frame.iloc[judge], y[judge]))
