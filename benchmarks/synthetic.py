"""How does the fit of a recursive feature machine grow with the rows of a table, beside xrfm?

Table: x ~ N(0, I_50), y = x_0 x_1 + sin(x_2) + 0.1 noise. Laplace L = 10, ridge 1e-3, 3 AGOP updates, float32, both
packages in turn in one process, every iterate on all rows, R^2 on the same 2,000 new rows::

    python -m benchmarks.synthetic                     # 1,000 to 20,000 rows
    python -m benchmarks.synthetic --rows 1000 2000    # other sizes

``large`` goes on to a million rows, with this package's defaults.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import peak_extra_memory, write
from numpy.typing import NDArray
from xrfm.rfm_src import RFM

from agop import Laplace, RFMRegressor

FEATURES, TEST_ROWS, SEED = 50, 2000, 0
BANDWIDTH, RIDGE, ITERATIONS = 10.0, 1e-3, 3
ROWS = (1000, 2000, 5000, 10_000, 20_000)
MAX_MEMORY = 1 << 30

Problem = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
Fit = Callable[[Problem], float]


def table(n: int) -> Problem:
    """Training inputs and targets of n rows, then those of the test rows."""
    generator = np.random.default_rng(SEED)
    X = generator.standard_normal((n + TEST_ROWS, FEATURES)).astype("f4")
    y = (X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + 0.1 * generator.standard_normal(len(X))).astype("f4")
    return X[:n], y[:n], X[n:], y[n:]


def fit_agop(problem: Problem) -> float:
    model = RFMRegressor(
        Laplace(BANDWIDTH),
        ridge=RIDGE,
        n_iterations=ITERATIONS,
        selection=None,
        metric_samples=None,
        max_memory=MAX_MEMORY,
    )
    return float(model.fit(*problem[:2]).score(*problem[2:]))


def fit_xrfm(problem: Problem) -> float:
    X, y, X_test, y_test = (torch.from_numpy(values) for values in problem)
    model = RFM("laplace", bandwidth=BANDWIDTH, device="cpu", verbose=False)
    model.fit(
        (X, y[:, None]),
        (X_test[:10], y_test[:10, None]),
        iters=ITERATIONS,
        reg=RIDGE,
        total_points_to_sample=len(X),
        early_stop_rfm=False,
        return_best_params=False,
        verbose=False,
    )
    residuals = model.predict(X_test)[:, 0] - y_test
    return float(1 - residuals.square().sum() / (y_test - y_test.mean()).square().sum())


FITS: dict[str, Fit] = {"agop": fit_agop, "xrfm": fit_xrfm}


def measured(fit: Fit, problem: Problem) -> dict[str, float]:
    """Seconds of fit and test prediction, R^2, and the memory that they took."""
    found: dict[str, float] = {}

    def call() -> None:
        start = time.perf_counter()
        found["r2"] = fit(problem)
        found["seconds"] = time.perf_counter() - start

    found["extra_bytes"] = peak_extra_memory(call)
    found["process_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found


def at_size(n: int) -> dict[str, Any]:
    """Medians over three rounds, taken in turns, or over a single round where a fit takes long."""
    problem = table(n)
    rounds = [{name: measured(fit, problem) for name, fit in FITS.items()} for _ in range(3 if n <= 5000 else 1)]
    found: dict[str, Any] = {
        name: {key: median(entry[name][key] for entry in rounds) for key in rounds[0][name]} for name in FITS
    }
    ours, theirs = found["agop"], found["xrfm"]
    found["speed_ratio"] = theirs["seconds"] / ours["seconds"]
    found["memory_ratio"] = ours["extra_bytes"] / theirs["extra_bytes"]
    found["r2_difference"] = ours["r2"] - theirs["r2"]
    print({"n": n, **found}, flush=True)
    return {"n": n, **found}


def growth(rows: Sequence[int], seconds: Sequence[float]) -> dict[str, Any]:
    """Exponents b of seconds ~ rows^b: of the least-squares line in logarithms, and between neighboring sizes."""
    sizes, times = np.log(rows), np.log(seconds)
    overall = float(np.polyfit(sizes, times, 1)[0])
    return {"overall": overall, "neighbors": (np.diff(times) / np.diff(sizes)).tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--name", default="synthetic", help="name of the results")
    options = parser.parse_args()
    for fit in FITS.values():
        fit(table(200))  # libraries are loaded before anything is measured
    results = [at_size(n) for n in options.rows]
    found: dict[str, Any] = {"max_memory": MAX_MEMORY, "results": results}
    if len(results) > 1:
        found["growth_exponents"] = {
            name: growth(options.rows, [entry[name]["seconds"] for entry in results]) for name in FITS
        }
    write(options.name, found)


if __name__ == "__main__":
    main()
