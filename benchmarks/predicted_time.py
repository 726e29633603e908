"""Is the time that is told before a fit right within a factor of two?

Defaults on the tables of ``benchmarks.tables``, one split of each: the prediction for the encoded rows, as ``agop fit``
prints it, and the time of that fit, each alone in a fresh process; encoding takes part in neither.

    python -m benchmarks.predicted_time
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.measuring import write
from benchmarks.table_methods import split_rows
from benchmarks.tables import Table, default_tables, warm_up

from agop.tables import table_pipeline


def compare(table: Table) -> dict[str, Any]:
    warm_up("agop", table.task)
    X, y = table.read()
    rows, _ = split_rows(y, table.task, 0.2, 0)
    pipeline = table_pipeline(table.task)
    encoded = pipeline[:-1].fit_transform(X.iloc[rows], y[rows])
    classes = len(set(y)) if table.task == "classification" else 1
    predicted = pipeline[-1].predicted_cost(*encoded.shape, classes if classes > 2 else 1).seconds
    start = time.perf_counter()
    pipeline[-1].fit(encoded, y[rows])
    seconds = time.perf_counter() - start
    return {
        "table": table.name,
        "rows": encoded.shape[0],
        "features": encoded.shape[1],
        "predicted_seconds": predicted,
        "seconds": seconds,
        "ratio": predicted / seconds,
    }


def main() -> None:
    folder = Path(os.environ.get("AGOP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "tabular"
    results = []
    for table in default_tables(folder):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            results.append(pool.submit(compare, table).result())
        print(results[-1], flush=True)
    write("predicted_time", {"results": results})


if __name__ == "__main__":
    main()
