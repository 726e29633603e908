"""Is the score that an estimator states the one that it has on new samples?

Twenty draws of each problem, the defaults of the estimators. Noise: labels or targets that do not depend on the 20
features. Signal: the sign of x0 + x1 x2 + noise, or x0 x1 + sin 2 x2 + 0.3 noise of 12 features. The score is the
accuracy, or the mean squared error over the variance of the targets::

    python -m benchmarks.left_out --seeds 20
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import write
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import log_loss

from agop import RFMClassifier, RFMRegressor

Array = NDArray[Any]
N_TEST = 4000


def noise_labels(X: Array, rng: np.random.Generator) -> Array:
    return np.asarray(rng.integers(0, 2, len(X)) == 1)


def signal_labels(X: Array, rng: np.random.Generator) -> Array:
    return np.asarray(X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_normal(len(X)) > 0)


def noise_targets(X: Array, rng: np.random.Generator) -> Array:
    return rng.standard_normal(len(X))


def signal_targets(X: Array, rng: np.random.Generator) -> Array:
    return np.asarray(X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + 0.3 * rng.standard_normal(len(X)))


@dataclass(frozen=True)
class Problem:
    """Targets of n samples with d standard normal features."""

    name: str
    targets: Callable[[Array, np.random.Generator], Array]
    n: int
    d: int = 20


PROBLEMS = [
    *(Problem("noise labels", noise_labels, n) for n in (80, 300, 1000)),
    Problem("signal labels", signal_labels, 300),
    Problem("noise targets", noise_targets, 300),
    Problem("signal targets", signal_targets, 700, d=12),
]


def measure(problem: Problem, seed: int) -> dict[str, float]:
    """What is stated of one draw and what is true."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((problem.n + N_TEST, problem.d))
    y = problem.targets(X, rng)
    train, test = slice(problem.n), slice(problem.n, None)
    labels = y.dtype == bool
    start = time.perf_counter()
    model = (RFMClassifier if labels else RFMRegressor)(random_state=seed).fit(X[train], y[train])
    seconds = time.perf_counter() - start
    unit = 1.0 if labels else -float(y[train].var())
    scores, errors = model.validation_scores_, model.validation_standard_errors_
    assert scores is not None
    assert errors is not None
    found = {
        "stated": float(scores[-1]) / unit,
        "standard_error": float(errors[-1]) / abs(unit),
        "true": float(
            np.mean(model.predict(X[test]) == y[test])
            if labels
            else np.mean((model.predict(X[test]) - y[test]) ** 2) / y[test].var()
        ),
        "iterate": float(model.best_iteration_),
        "seconds": seconds,
    }
    if labels:
        plain = RFMClassifier(n_iterations=0, random_state=seed).fit(X[train], y[train])
        found["log_loss"] = float(log_loss(y[test], model.predict_proba(X[test])))
        found["log_loss_of_iterate_0"] = float(log_loss(y[test], plain.predict_proba(X[test])))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    grid = Table("problem", "n", "stated", "true", "stated - true", "its error", "log loss", "of iterate 0")
    results = []
    for problem in PROBLEMS:
        draws = [measure(problem, seed) for seed in seeds]
        means = {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
        gaps = [draw["stated"] - draw["true"] for draw in draws]
        gap, error = float(np.mean(gaps)), float(np.std(gaps, ddof=1) / len(gaps) ** 0.5)
        results.append(
            {"problem": problem.name, "n": problem.n, "gap": gap, "gap_error": error, **means, "draws": draws}
        )
        losses = [f"{means[name]:.4f}" if name in means else "–" for name in ("log_loss", "log_loss_of_iterate_0")]
        numbers = [f"{value:.4f}" for value in (means["stated"], means["true"], gap, error)]
        grid.add_row(problem.name, str(problem.n), *numbers, *losses)
    Console().print(grid)
    write("left_out", {"results": results})


if __name__ == "__main__":
    main()
