"""Which package's defaults predict a table best, how long does it take, and how much memory?

Random splits (80/20, stratified for classes) of real tables, every method on the same ones; error is RMSE / std for
numbers, the share of wrong labels for classes; ``error_on_new_rows`` is that of test rows that repeat no training row,
``repeated`` the share of the others. Each fit has a fresh process, warmed up on a small table, so that
memory is its own; a crash counts as a failure, and so does a fit of more than ``--limit`` seconds. Each result is
appended to a JSON-lines file beside ``--out`` at once; what is there is not measured again until its line is deleted.
Data: ``AGOP_DATA``, ``../shared/data``, or any::

    python -m benchmarks.tables --table sales.csv --target price --task regression --out benchmarks/results/sales.json
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.measuring import RESULTS, peak_extra_memory, write
from benchmarks.table_methods import METHODS, Task, Values, split_rows
from rich.console import Console
from rich.table import Table as Grid

Record = dict[str, Any]

COLUMNS = ["table", "split", "method", "error", "fit_seconds", "predict_seconds", "peak_mib"]


@dataclass(frozen=True)
class Table:
    """Where a table is, what is to be predicted and which columns must not be used."""

    name: str
    target: str
    task: Task
    files: tuple[str, ...]
    dropped: tuple[str, ...] = ()

    def read(self) -> tuple[pd.DataFrame, Values]:
        """Features, and targets as float64 or labels 0..C-1, of the rows that have one."""
        parts = [pd.read_parquet(f) if f.endswith(".parquet") else pd.read_csv(f, na_values="?") for f in self.files]
        frame = pd.concat(parts, ignore_index=True).dropna(subset=[self.target])
        y = frame[self.target]
        values = y.to_numpy(dtype=float) if self.task == "regression" else pd.factorize(y, sort=True)[0]
        return frame.drop(columns=[self.target, *self.dropped]), values


@dataclass(frozen=True)
class Job:
    """One method on one split of one table."""

    table: Table
    split: int
    method: str
    limit: int


def default_tables(folder: Path) -> list[Table]:
    def table(name: str, target: str, task: Task = "regression", *, dropped: tuple[str, ...] = ()) -> Table:
        return Table(name, target, task, tuple(str(path) for path in sorted(folder.glob(f"{name}*.csv.gz"))), dropped)

    return [
        table("california_housing", "median_house_value"),
        table("adult", "income", "classification", dropped=("fnlwgt",)),  # a sampling weight
        table("letter", "letter", "classification"),
        table("wine_quality", "quality"),
        table("abalone", "rings"),
        table("concrete", "compressive_strength"),
    ]


def warm_up(method: str, task: Task) -> None:
    """Load the libraries that a fit needs, so that neither its time nor its memory counts them."""
    numbers = np.random.default_rng(0).standard_normal((200, 2))
    X = pd.DataFrame(numbers, columns=["a", "b"]).assign(c=np.where(numbers[:, 0] > 0, "yes", "no"))
    METHODS[method](task, X, numbers[:, 1] if task == "regression" else (numbers[:, 1] > 0).astype(int), 0)(X)


def measure(job: Job) -> Record:
    X, y = job.table.read()
    train, test = split_rows(y, job.table.task, 0.2, job.split)
    found: dict[str, Any] = {}

    def fit_and_predict() -> None:
        start, busy = time.perf_counter(), time.process_time()
        signal.alarm(job.limit)  # ends the process, also in the midst of a factorization
        predict = METHODS[job.method](job.table.task, X.iloc[train], y[train], job.split)
        signal.alarm(0)
        fitted = time.perf_counter()
        found["fit_cpu_seconds"] = time.process_time() - busy
        predictions = predict(X.iloc[test])
        found.update(fit_seconds=fitted - start, predict_seconds=time.perf_counter() - fitted, predictions=predictions)

    warm_up(job.method, job.table.task)
    peak = peak_extra_memory(fit_and_predict)
    predictions = found.pop("predictions")
    if job.table.task == "classification":
        losses, unit = (predictions != y[test]).astype(float), 1.0
    else:
        losses, unit = ((predictions - y[test]) / y[test].std()) ** 2, 0.5
    if not np.isfinite(losses).all():
        raise ArithmeticError("predictions are not finite")
    hashes = pd.util.hash_pandas_object(X, index=False).to_numpy()
    new = ~np.isin(hashes[test], hashes[train])
    errors = {"error": float(losses.mean() ** unit), "error_on_new_rows": float(losses[new].mean() ** unit)}
    sizes = {"rows": len(train), "columns": X.shape[1], "repeated": float(1 - new.mean())}
    return {**sizes, **errors, **found, "peak_mib": peak / 2**20}


def in_fresh_process(job: Job) -> Record:
    start = time.perf_counter()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        future = pool.submit(measure, job)
        failure = future.exception()
    late = failure and time.perf_counter() - start >= job.limit
    failed = {"failure": f"no fit within {job.limit} s" if late else repr(failure)}
    found = failed if failure else future.result()
    return {"table": job.table.name, "split": job.split, "method": job.method, "task": job.table.task, **found}


def read_lines(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def summarize(records: Sequence[Record]) -> list[Record]:
    """Mean rank and wins of each method over the splits that all methods have seen; a failure ranks last."""
    frame = pd.DataFrame(records, columns=COLUMNS)
    failed = frame["error"].isna()
    pairs = frame.assign(error=frame["error"].fillna(np.inf)).pivot(
        index=["table", "split"], columns="method", values="error"
    )
    errors = pairs.dropna()
    by_method = frame.assign(failures=failed).groupby("method")
    summary = pd.DataFrame(
        {
            "mean_rank": errors.rank(axis=1).mean(),
            "wins": errors.eq(errors.min(axis=1), axis=0).sum(),
            "splits": len(errors),
            "failures": by_method["failures"].sum(),
            "longest_fit_seconds": by_method["fit_seconds"].max(),
            "largest_peak_mib": by_method["peak_mib"].max(),
        }
    )
    return sorted(json.loads(summary.reset_index(names="method").to_json(orient="records")), key=mean_rank)


def mean_rank(entry: Record) -> float:
    return float("inf") if entry["mean_rank"] is None else entry["mean_rank"]


def show(records: Sequence[Record], summary: Sequence[Record]) -> None:
    console = Console()
    grid = Grid("table", "method", "error, each split", "mean", "fit s", "predict s", "peak MiB", "failures")
    for table in dict.fromkeys(record["table"] for record in records):
        for method in METHODS:
            part = [record for record in records if (record["table"], record["method"]) == (table, method)]
            if not part:
                continue
            done = pd.DataFrame(part, columns=COLUMNS).sort_values("split").dropna(subset=["error"])
            middle = done[["fit_seconds", "predict_seconds", "peak_mib"]].median()
            each = " ".join(f"{error:.4f}" for error in done["error"])
            numbers = [f"{done['error'].mean():.4f}", *(f"{value:.2f}" for value in middle)]
            grid.add_row(table, method, each, *numbers, str(len(part) - len(done)))
        grid.add_section()
    console.print(grid)
    overall = Grid(*summary[0])
    for entry in summary:
        overall.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in entry.values()))
    console.print(overall)


def arguments() -> tuple[list[Job], Path]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with tabular/; default: AGOP_DATA or ../shared/data")
    parser.add_argument(
        "--table", action="append", default=[], help="CSV (.gz) or Parquet, instead of the default ones"
    )
    parser.add_argument("--target", action="append", default=[], help="target column of each --table")
    parser.add_argument("--task", action="append", default=[], choices=["regression", "classification"])
    parser.add_argument("--only", nargs="+", help="names of tables; others are left out")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--limit", type=int, default=300, help="seconds that a fit may take")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--out", type=Path, default=RESULTS / "tables.json")
    options = parser.parse_args()
    if not len(options.table) == len(options.target) == len(options.task):
        parser.error("give one --target and one --task for each --table")
    if options.out.suffix != ".json":
        parser.error("--out: expected a name that ends in .json")
    named = zip(options.table, options.target, options.task, strict=True)
    tables = [Table(Path(path).name.split(".")[0], target, task, (path,)) for path, target, task in named]
    if not tables:
        beside = Path(__file__).resolve().parents[2] / "shared" / "data"
        tables = default_tables((options.data_dir or Path(os.environ.get("AGOP_DATA", beside))) / "tabular")
    tables = [table for table in tables if options.only is None or table.name in options.only]
    if len({table.name for table in tables}) < max(1, len(tables)):
        parser.error("expected tables of different names, at least one")
    if missing := [table.name for table in tables if not all(Path(f).is_file() for f in table.files or [""])]:
        parser.error(f"no files of {', '.join(missing)}: name their folder with --data-dir or AGOP_DATA")
    splits = range(options.splits)
    return [
        Job(table, split, method, options.limit) for table in tables for split in splits for method in options.methods
    ], options.out


def main() -> None:
    jobs, out = arguments()
    lines = out.with_suffix(".jsonl")
    lines.parent.mkdir(parents=True, exist_ok=True)
    done = {(record["table"], record["split"], record["method"]) for record in read_lines(lines)}
    for job in jobs:
        if (job.table.name, job.split, job.method) in done:
            continue
        record = in_fresh_process(job)
        with lines.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(record, flush=True)
    records = read_lines(lines)
    summary = summarize(records)
    show(records, summary)
    write(str(out.resolve().with_suffix("")), {"summary": summary, "results": records})


if __name__ == "__main__":
    main()
