"""How do time, memory and accuracy of fits grow up to a million rows, and which share is products?

y = x_0 x_1 + sin(x_2) + noise in 50 normal features, float32, as in ``synthetic``. Every fit has a fresh process.
Phases of the last solve are measured inside it, beside the rates of square products before it, both by processor time,
in which other processes do not count: so their share of what the cores can do is known.

Methods: ``machine`` is the default; ``centers`` has 4,000 centers at all sizes, whose time is to grow as the rows do;
``tree`` has leaves of 20,000. Sources: ``array``; ``map``, a memory-mapped file; ``parquet``, a file whose pieces an
encoder codes and which is read pass by pass, from 30,000 rows on. The curves, and minutes on two quiet cores::

    python -m benchmarks.large                                                           # 10: machine, array
    python -m benchmarks.large --method centers                                          # 7
    python -m benchmarks.large --method centers --source map                             # 7
    python -m benchmarks.large --method centers --source parquet                         # 9
    python -m benchmarks.large --method tree --rows 10000 30000 100000                   # 4

Sizes that are measured again replace their results. Of a memory map, pages of the file that are still in memory count
as memory of the process, though they are given up when memory is short.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import torch
from benchmarks.measuring import RESULTS, machine, peak_extra_memory, write
from benchmarks.synthetic import FEATURES, growth, table
from pyarrow import parquet

from agop import RFMRegressor, TreeRFMRegressor, table_pipeline
from agop.estimator import chunked
from agop.estimator.rows import GATHERED_BYTES, ChunkedRows
from agop.kernels import KernelMatrix
from agop.solvers import Nystrom, nystrom
from agop.tables import ParquetTable
from agop.tables.task import TableTask

ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
METHODS: dict[str, Callable[[], Any]] = {
    "machine": RFMRegressor,
    "centers": lambda: RFMRegressor(solver=Nystrom(4000)),
    "tree": lambda: TreeRFMRegressor(RFMRegressor(), max_leaf_size=20_000, random_state=0),
}
SOURCES = ("array", "map", "parquet")

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


def write_files(n: int, folder: Path) -> None:
    """The table of n rows, and its test rows, in files of all kinds."""
    X, y, X_test, y_test = table(n)
    for name, values in (("X", X), ("y", y), ("X_test", X_test), ("y_test", y_test)):
        np.save(folder / f"{name}.npy", values)
    for name, rows, targets in (("rows", X, y), ("few", X[:300], y[:300]), ("test", X_test, y_test)):
        columns = {f"x{k}": column for k, column in enumerate(rows.T)} | {"y": targets}
        parquet.write_table(pyarrow.table(columns), folder / f"{name}.parquet", row_group_size=50_000)


def data(source: str, name: str, folder: Path) -> tuple[Any, Any]:
    """Inputs and targets: of the "rows", of a "few" of them, or of the "test"."""
    if source == "parquet":
        task = TableTask.of(ParquetTable(folder / f"{name}.parquet"), "y")
        return task.rows, task.targets
    end = "_test" if name == "test" else ""
    X, y = (np.load(folder / f"{each}{end}.npy", mmap_mode="r" if source == "map" else None) for each in ("X", "y"))
    return (X[:300], y[:300]) if name == "few" else (X, y)


def measured(method: str, source: str, folder: Path) -> dict[str, Any]:
    """One fit to the table in a folder, and its predictions of the test rows."""

    def new() -> Any:
        return table_pipeline(METHODS[method]()) if source == "parquet" else METHODS[method]()

    new().fit(*data(source, "few", folder)).predict(data(source, "test", folder)[0])  # libraries are loaded before
    X, y = data(source, "rows", folder)
    n = len(y)
    setattr(chunked, "GATHERED_BYTES", 6 * n * FEATURES if n > 20_000 else GATHERED_BYTES)  # noqa: B010 - less than it has
    found: dict[str, Any] = {
        "method": method,
        "source": source,
        "n": n,
        "float32_rate": product_rate(torch.float32),
        "float64_rate": product_rate(torch.float64),
        "table_bytes": 4 * n * FEATURES,
        "machine": machine(),
    }
    watch = Stopwatch()
    for owner, name in ((Nystrom, "solve"), (Nystrom, "_centers"), (nystrom, "_normal_equations")):
        watch.watch(owner, name)
    watch.watch(KernelMatrix, "between")
    watch.watch(ChunkedRows, "__getitem__")
    model = new()

    def fit() -> None:
        start, used = time.perf_counter(), time.process_time()
        model.fit(X, y)
        found["seconds"], found["processor_seconds"] = time.perf_counter() - start, time.process_time() - used

    found["extra_bytes"] = peak_extra_memory(fit)
    found["process_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    X_test, y_test = data(source, "test", folder)
    start = time.perf_counter()
    residuals = model.predict(X_test) - y_test
    found["test_seconds"] = time.perf_counter() - start
    found["r2"] = float(1 - np.square(residuals).mean() / np.var(y_test))
    found["reading_seconds"] = watch.seconds["__getitem__"]
    if method != "tree":
        found["predicted_seconds"] = METHODS[method]().predicted_cost(n, FEATURES).seconds
    if watch.seconds["solve"]:
        fitted = model[-1] if source == "parquet" else model
        found["last_solve"] = phases(watch.seconds, n, len(fitted.machine_.centers), found)
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
    """Processor time of a solve with m centers, and the share that its products need at the measured rates.

    Kernel values of rows in chunks include reading these.
    """
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


def in_fresh_process(call: Callable[..., Any], *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh_process:
        return fresh_process.submit(call, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--method", choices=list(METHODS), default="machine")
    parser.add_argument("--source", choices=SOURCES, default="array")
    parser.add_argument("--name", default="large", help="name of the results")
    options = parser.parse_args()
    path = RESULTS / f"{options.name}.json"
    results = json.loads(path.read_text())["results"] if path.exists() else []
    for n in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            in_fresh_process(write_files, n, Path(folder))
            entry = in_fresh_process(measured, options.method, options.source, Path(folder))
        print(json.dumps(entry, indent=1), flush=True)
        same = (options.method, options.source, n)
        results = [each for each in results if place(each) != same] + [entry]
        results.sort(key=place)
        write(options.name, {"growth_exponents": exponents(results), "results": results})


def place(entry: dict[str, Any]) -> tuple[str, str, int]:
    """Method, source and rows of a result."""
    return entry["method"], entry["source"], entry["n"]


def exponents(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Growth of the seconds of each method and source that has two sizes or more."""
    found = {}
    for method, source in sorted({place(each)[:2] for each in results}):
        own = [each for each in results if place(each)[:2] == (method, source)]
        if len(own) > 1:
            found[f"{method}, {source}"] = growth([each["n"] for each in own], [each["seconds"] for each in own])
    return found


if __name__ == "__main__":
    main()
