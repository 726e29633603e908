"""How much longer does a fit take while another process fits too?

Default fits, alone and at the same time as a second process that fits the same again and again, both with all cores.
Half of the cores each would be a ratio of 2; waiting for each other's threads can cost far more. Alone and together
alternate, each several times; processor time stands beside the time, since it does not count waiting that sleeps.
Tables come from ``AGOP_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.measuring import write
from benchmarks.table_methods import split_rows
from benchmarks.tables import default_tables

from agop import RFMRegressor, table_pipeline

REPEATS = 3


class Job:
    """A default fit by name: of a table, or of normal numbers."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "synthetic":
            X = np.random.default_rng(0).standard_normal((2000, 20))
            self.X, self.y, self.model = X, X[:, 0] * X[:, 1] + np.sin(X[:, 2]), RFMRegressor()
            return
        folder = Path(os.environ.get("AGOP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
        table = next(table for table in default_tables(folder / "tabular") if table.name == name)
        X, y = table.read()
        rows, _ = split_rows(y, table.task, 0.2, 0)
        self.X, self.y, self.model = X.iloc[rows], y[rows], table_pipeline(table.task)

    def fit(self) -> tuple[float, float]:
        """Seconds and processor seconds of a fit."""
        start, busy = time.perf_counter(), time.process_time()
        self.model.fit(self.X, self.y)
        return time.perf_counter() - start, time.process_time() - busy


def fit_on_and_on(name: str, started: Event, ended: Event) -> None:
    job = Job(name)
    started.set()
    while not ended.is_set():
        job.fit()


@contextmanager
def another_process(name: str) -> Iterator[None]:
    """A second process that fits until the end."""
    context = get_context("spawn")
    started, ended = context.Event(), context.Event()
    process = context.Process(target=fit_on_and_on, args=(name, started, ended))
    process.start()
    started.wait()
    try:
        yield
    finally:
        ended.set()
        process.join()


def measure(name: str) -> dict[str, Any]:
    job = Job(name)
    job.fit()
    alone, together = [], []
    for _ in range(REPEATS):
        alone.append(job.fit())
        with another_process(name):
            together.append(job.fit())
    (seconds, busy), (shared, shared_busy) = (np.median(runs, axis=0).tolist() for runs in (alone, together))
    result = {
        "fit": name,
        "alone": alone,
        "together": together,
        "ratio": shared / seconds,
        "processor_ratio": shared_busy / busy,
    }
    print(result, flush=True)
    return result


def main() -> None:
    settings = {key: os.environ.get(key) for key in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")}
    results = [measure(name) for name in ("concrete", "abalone", "synthetic")]
    worst = max(result["ratio"] for result in results)
    write("two_fits", {"environment": settings, "worst_ratio": worst, "results": results})


if __name__ == "__main__":
    main()
