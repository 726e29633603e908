"""How does the fit of a recursive feature machine grow with the rows of a table, beside xrfm?

Table: x ~ N(0, I_50), y = x_0 x_1 + sin(x_2) + 0.1 noise. Laplace L = 10, ridge 1e-3, 3 AGOP updates, float32, both
packages in turn in one process, R^2 on the same 2,000 new rows. Two parts, each in a fresh process::

    python -m benchmarks.synthetic                          # all
    python -m benchmarks.synthetic curve --rows 1000 2000   # one, on other sizes

``curve`` takes 1,000 to 20,000 rows, and both packages run every iterate on all of them. ``large`` takes 100,000 rows,
in a process of at most 4 GiB, this package only: a tree of such machines, each of which learns its metric on at most
10,000 rows. Parts that are not run keep their place in the results.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import RESULTS, machine, peak_extra_memory, write
from numpy.typing import NDArray
from xrfm.rfm_src import RFM

from agop import Laplace, RFMRegressor, TreeRFMRegressor

FEATURES, TEST_ROWS, SEED = 50, 2000, 0
BANDWIDTH, RIDGE, ITERATIONS = 10.0, 1e-3, 3

Problem = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
Fit = Callable[[Problem, "Part"], float]


def table(n: int) -> Problem:
    """Training inputs and targets of n rows, then those of the test rows."""
    generator = np.random.default_rng(SEED)
    X = generator.standard_normal((n + TEST_ROWS, FEATURES)).astype("f4")
    y = (X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + 0.1 * generator.standard_normal(len(X))).astype("f4")
    return X[:n], y[:n], X[n:], y[n:]


def machine_of(part: Part) -> RFMRegressor:
    return RFMRegressor(
        Laplace(BANDWIDTH),
        ridge=RIDGE,
        n_iterations=ITERATIONS,
        selection=None,
        metric_samples=part.metric_samples,
        max_memory=part.max_memory,
    )


def fit_agop(problem: Problem, part: Part) -> float:
    return float(machine_of(part).fit(*problem[:2]).score(*problem[2:]))


def fit_tree(problem: Problem, part: Part) -> float:
    tree = TreeRFMRegressor(machine_of(part), max_leaf_size=20_000, random_state=SEED)
    return float(tree.fit(*problem[:2]).score(*problem[2:]))


def fit_xrfm(problem: Problem, part: Part) -> float:  # noqa: ARG001 - xrfm has no such settings
    X, y, X_test, y_test = (torch.from_numpy(part) for part in problem)
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


FITS: dict[str, Fit] = {"agop": fit_agop, "agop-tree": fit_tree, "xrfm": fit_xrfm}


@dataclass(frozen=True)
class Part:
    """Sizes, packages, the memory that this package's fit may take, and the rows on which it learns the metric."""

    rows: Sequence[int]
    packages: Sequence[str]
    max_memory: int
    metric_samples: int | None = None


PARTS = {
    "large": Part([100_000], ["agop-tree"], 3 << 30, 10_000),
    "curve": Part([1000, 2000, 5000, 10_000, 20_000], ["agop", "xrfm"], 1 << 30),
}


def measured(fit: Fit, problem: Problem, part: Part) -> dict[str, float]:
    """Seconds of fit and test prediction, R^2, and the memory that they took."""
    found: dict[str, float] = {}

    def call() -> None:
        start = time.perf_counter()
        found["r2"] = fit(problem, part)
        found["seconds"] = time.perf_counter() - start

    found["extra_bytes"] = peak_extra_memory(call)
    found["process_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found


def at_size(n: int, part: Part) -> dict[str, Any]:
    """Medians over three rounds, taken in turns, or over a single round where a fit takes long."""
    problem = table(n)
    rounds = [
        {name: measured(FITS[name], problem, part) for name in part.packages} for _ in range(3 if n <= 5000 else 1)
    ]
    found: dict[str, Any] = {
        name: {key: median(entry[name][key] for entry in rounds) for key in rounds[0][name]} for name in part.packages
    }
    if len(part.packages) > 1:
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


def measure(part: Part) -> dict[str, Any]:
    for name in part.packages:
        FITS[name](table(200), part)  # libraries are loaded before anything is measured
    results = [at_size(n, part) for n in part.rows]
    settings = {"max_memory": part.max_memory, "metric_samples": part.metric_samples}
    found: dict[str, Any] = {"machine": machine(), **settings, "results": results}
    if len(part.rows) > 1:
        found["growth_exponents"] = {
            name: growth(part.rows, [entry[name]["seconds"] for entry in results]) for name in part.packages
        }
        print(found["growth_exponents"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"any of {', '.join(PARTS)}; default: all")
    parser.add_argument("--rows", type=int, nargs="+", help="other sizes than those of the parts")
    parser.add_argument("--max-memory", type=int, help="bytes that a fit of this package may take")
    parser.add_argument("--name", default="synthetic", help="name of the results")
    options = parser.parse_args()
    names = options.parts or list(PARTS)
    if unknown := set(names) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: expected {', '.join(PARTS)}")
    changes = {"rows": options.rows, "max_memory": options.max_memory}
    changes = {key: value for key, value in changes.items() if value is not None}

    path = RESULTS / f"{options.name}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for name in names:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh_process:
            found[name] = fresh_process.submit(measure, replace(PARTS[name], **changes)).result()
        write(options.name, {key: value for key, value in found.items() if key != "machine"})


if __name__ == "__main__":
    main()
