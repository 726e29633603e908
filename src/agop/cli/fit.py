"""Work of ``agop fit``: a model of a column of a table, in a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray
from rich.table import Table
from sklearn.pipeline import Pipeline

from agop.cli.app import NOTHING_WRITTEN, readable_errors
from agop.cli.terminal import check_out, console, printed_warnings, quiet_unless, say, warn, working, working_towards
from agop.estimator import save
from agop.ranks import is_writer, launched_group
from agop.rfm import FitCost, learned_settings
from agop.tables import FitSettings, explain, table_pipeline
from agop.tables.files import open_table
from agop.tables.score import stated_scores
from agop.tables.task import TableTask

__all__ = ["fit"]

_SHOWN_COLUMNS = 5


def fit(settings: FitSettings, out: Path) -> None:
    """Fit, write the model, and print its scores and columns."""
    with readable_errors(NOTHING_WRITTEN), launched_group("cpu") as group, quiet_unless(is_writer(group)):
        table = Path(settings.table)
        check_out(out, table)
        with working(f"reading {table.name}"):
            frame = open_table(table, settings.max_bytes)
            wanted = TableTask.of(frame, settings.target, settings.task)
        pipeline = table_pipeline(wanted.name).set_params(
            model__power=settings.power_of_agop,
            model__time_budget=settings.time_budget,
            model__max_memory=settings.max_bytes,
            model__random_state=settings.seed,
        )
        with working(f"coding {len(wanted.rows)} rows"):
            features = pipeline["table"].fit_transform(wanted.rows, wanted.targets)
        pipeline["table"].target_ = settings.target
        n_features = len(pipeline["table"].column_of_)
        shape = f"{len(wanted.rows)} rows, {len(wanted.rows.columns)} columns as {n_features} features"
        say(f"{table.name}: {shape}; {wanted.name} of {settings.target}")
        if left_out := len(frame) - len(wanted.rows):
            warn(f"{left_out} rows without {settings.target} left out")
        say(_predicted(wanted.cost(pipeline["model"], n_features), settings.time_budget))
        seconds = _fit(pipeline["model"], features, wanted.targets, settings.verbose, group)
        if not is_writer(group):
            return
        save(pipeline, out)
        with readable_errors(f"The model is written: {out}."):
            console.print(_summary(pipeline["model"], wanted.targets, seconds))
            _print_columns(pipeline)
            say(f"Model: {out}")


def _predicted(cost: FitCost, time_budget: float | None) -> str:
    """Sentence on the time and memory of a fit."""
    parts = f"{cost.choosing:.2g} s choosing, {cost.learning:.2g} s learning, {cost.stating:.2g} s stating the score"
    solve = f"{cost.solving:.2g} s for the last solve by {type(cost.solver).__name__}"
    budget = "" if time_budget is None else f" The time budget is {time_budget:g} s."
    return f"About {cost.seconds:.2g} s and {cost.bytes / 2**20:.0f} MiB: {parts}, {solve}.{budget}"


def _fit(model: Any, features: Any, targets: NDArray[Any], verbose: int, group: dist.ProcessGroup | None) -> float:
    """Fit and show how far it is; the seconds that it took."""
    start = time.monotonic()
    with printed_warnings():
        model.set_params(verbose=verbose).fit(features, targets, group=group)
    model.set_params(verbose=False)
    return time.monotonic() - start


def _summary(model: Any, targets: NDArray[Any], seconds: float) -> Table:
    table = Table(show_header=False)
    for name, value in (
        *stated_scores(model, targets).items(),
        *learned_settings(model).items(),
        ("time", f"{seconds:.1f} s"),
    ):
        table.add_row(name, value)
    return table


def _print_columns(pipeline: Pipeline) -> None:
    """The largest effects, whether they can be told apart, and the steepest columns."""
    with working_towards("swapping the values of each column") as observe:
        found = explain(pipeline, n_columns=0, observe=observe)
    if found.doubt:
        warn(f"{found.doubt} What it depends on says little.")
    order, steepest = found.ranking()[:_SHOWN_COLUMNS], np.argsort(-found.steepness, kind="stable")[:_SHOWN_COLUMNS]
    named = [f"{found.columns[k]} {found.effects[k]:.3f} ± {found.errors[k]:.3f}" for k in order]
    say(f"Largest effects (share of the variance of the prediction ± standard error): {', '.join(named)}")
    if len(leaders := found.leaders()) > 1:
        say(f"Not settled which of these is largest: {', '.join(found.columns[k] for k in leaders[:_SHOWN_COLUMNS])}")
    named = [f"{found.columns[k]} {found.steepness[k]:.3f}" for k in steepest]
    say(f"Steepest (diagonal of the AGOP, which is no importance): {', '.join(named)}")
