"""How do time, memory and accuracy of default fits grow up to a million rows, and which share is products?

y = x_0 x_1 + sin(x_2) + noise in 50 normal features, float32, as in ``synthetic``. Every fit has a fresh process.
Phases of the last solve are measured inside it, beside the rates of square products before it, both by processor time,
in which other processes do not count: so their share of what the cores can do is known. Sizes that are measured again
replace their results::

    python -m benchmarks.large --rows 10000 100000
    python -m benchmarks.large --method tree --rows 100000
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import torch
from benchmarks.measuring import RESULTS, machine, peak_extra_memory, write
from benchmarks.synthetic import FEATURES, growth, table

from agop import RFMRegressor, TreeRFMRegressor
from agop.kernels import KernelMatrix
from agop.solvers import Nystrom, nystrom

ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
METHODS: dict[str, Callable[[], Any]] = {
    "machine": RFMRegressor,
    "tree": lambda: TreeRFMRegressor(RFMRegressor(), max_leaf_size=20_000, random_state=0),
}

Phases = dict[str, float]


class Stopwatch:
    """Processor seconds spent in some functions, once they are replaced by ones that look at the clock."""

    def __init__(self) -> None:
        self.seconds: Phases = {}

    def watch(self, owner: Any, name: str) -> None:
        """Add up the time of all calls of ``owner.name``."""
        call = getattr(owner, name)
        self.seconds[name] = 0.0

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return call(*args, **kwargs)
            finally:
                self.seconds[name] += time.process_time() - start

        setattr(owner, name, timed)


def measured(method: str, n: int) -> dict[str, Any]:
    """One fit to n rows, and its predictions of the test rows."""
    X, y, X_test, y_test = table(n)
    METHODS[method]().fit(X[:300], y[:300]).predict(X_test)  # libraries are loaded before anything is measured
    found: dict[str, Any] = {
        "method": method,
        "n": n,
        "float32_rate": product_rate(torch.float32),
        "float64_rate": product_rate(torch.float64),
        "machine": machine(),
    }
    watch = Stopwatch()
    for owner, name in ((Nystrom, "solve"), (Nystrom, "_centers"), (nystrom, "_normal_equations")):
        watch.watch(owner, name)
    watch.watch(KernelMatrix, "between")
    model = METHODS[method]()

    def fit() -> None:
        start, used = time.perf_counter(), time.process_time()
        model.fit(X, y)
        found["seconds"], found["processor_seconds"] = time.perf_counter() - start, time.process_time() - used

    found["extra_bytes"] = peak_extra_memory(fit)
    found["process_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found["r2"] = float(model.score(X_test, y_test))
    found["test_seconds"] = time.perf_counter() - start
    found["predicted_seconds"] = RFMRegressor().predicted_cost(n, FEATURES).seconds
    if watch.seconds["solve"]:
        found["last_solve"] = phases(watch.seconds, n, len(model.machine_.centers), found)
    return found


def product_rate(dtype: torch.dtype, size: int = 2048) -> float:
    """Best of five rates of a square matrix product, in floating-point operations per processor second."""
    square = torch.randn(size, size, generator=torch.Generator().manual_seed(0)).to(dtype)
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        square @ square
        best = min(best, time.process_time() - start)
    return 2 * size**3 / best


def phases(seconds: Phases, n: int, m: int, rates: dict[str, Any]) -> dict[str, Any]:
    """Processor time of a solve with m centers, and the share that its products need at the measured rates."""
    values = seconds["between"]
    products = seconds["_normal_equations"] - values
    least = {
        "values": 2 * n * m * FEATURES / rates["float32_rate"],
        "products": n * m**2 / rates["float64_rate"],
    }
    return {
        "centers": m,
        "processor_seconds": seconds["solve"],
        "choice_of_centers": seconds["_centers"],
        "kernel_values": values,
        "products": products,
        "share_of_products": least["products"] / products,
        "share_of_solve": sum(least.values()) / seconds["solve"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--method", choices=list(METHODS), default="machine")
    options = parser.parse_args()
    path = RESULTS / "large.json"
    results = json.loads(path.read_text())["results"] if path.exists() else []
    for n in options.rows:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh_process:
            entry = fresh_process.submit(measured, options.method, n).result()
        print(json.dumps(entry, indent=1), flush=True)
        results = [each for each in results if (each["method"], each["n"]) != (options.method, n)] + [entry]
        results.sort(key=lambda each: (each["method"], each["n"]))
        exponents = {}
        for method in METHODS:
            own = [each for each in results if each["method"] == method]
            if len(own) > 1:
                exponents[method] = growth([each["n"] for each in own], [each["seconds"] for each in own])
        write("large", {"growth_exponents": exponents, "results": results})


if __name__ == "__main__":
    main()
