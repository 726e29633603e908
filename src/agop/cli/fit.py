"""``agop fit``: a model of a column of a table, in a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.pipeline import Pipeline

from agop.cli.app import app, console, progress_bar, readable_errors, say, warn
from agop.errors import InputError
from agop.estimator import save
from agop.rfm import RFMStep
from agop.tables import explain, table_pipeline
from agop.tables.files import read_table

if TYPE_CHECKING:
    import pandas

__all__ = ["fit"]

_MOST_CLASSES = 20
"""Distinct whole numbers that still are classes."""

_SHOWN_COLUMNS = 5


@app.command("fit")
def fit(
    table: Annotated[Path, typer.Argument(help="CSV, also compressed, or Parquet: one row a sample.")],
    target: Annotated[str, typer.Option(help="Column that is to be predicted.")],
    out: Annotated[Path, typer.Option(help="Model file, by custom .safetensors; replaced if it exists.")],
    task: Annotated[
        Literal["auto", "regression", "classification"],
        typer.Option(
            help="auto: classification if the target is text, categories, true/false, or whole numbers with "
            f"{_MOST_CLASSES} distinct values at most; else regression."
        ),
    ] = "auto",
    time_budget: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which no further iteration is started.")
    ] = None,
    max_memory: Annotated[
        float | None, typer.Option(min=0, help="GiB for matrices over pairs of rows; no limit by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random rows.")] = 0,
) -> None:
    """Fit a recursive feature machine to a table, all other columns as they are, and write it to OUT.

    Kernel, bandwidth, ridge and iterate are chosen by left-out predictions. Rows without a target are left out.
    """
    with readable_errors(), nothing_written():
        check_out(out, table)
        frame = read_table(table)
        y = frame[_column(frame, target)].dropna()
        X = frame.loc[frame[target].notna()].drop(columns=target)
        kind = _task_of(y) if task == "auto" else task
        targets = _targets(y, kind)
        pipeline = table_pipeline(kind).set_params(
            model__time_budget=time_budget,
            model__max_memory=None if max_memory is None else int(max_memory * 2**30),
            model__random_state=seed,
        )
        features = pipeline["table"].fit_transform(X)
        pipeline["table"].target_ = target
        shape = f"{len(X)} rows, {X.shape[1]} columns as {features.shape[1]} features"
        say(f"{table.name}: {shape}; {kind} of {target}")
        if left_out := len(frame) - len(X):
            warn(f"{left_out} rows without {target} left out")
        _announce(pipeline["model"], features, targets)
        seconds = _fit(pipeline["model"], features, targets)
        save(pipeline, out)
        console.print(_summary(pipeline["model"], targets, seconds))
        _print_columns(pipeline)
        say(f"Model: {out}")


def check_out(out: Path, *inputs: Path) -> None:
    """Raise InputError unless ``out`` is a name in an existing folder and none of the inputs."""
    if out.is_dir():
        raise InputError("a file name as --out", f"the folder {out}", "Add a name.")
    if not out.parent.is_dir():
        raise InputError(f"a folder {out.parent} for {out.name}", "no such folder", "Create it first.")
    if out.exists() and any(path.exists() and out.samefile(path) for path in inputs):
        raise InputError("another name for --out than that of an input", str(out), "Choose a new name.")


@contextmanager
def nothing_written() -> Iterator[None]:
    """Say after Ctrl-C that there is no file."""
    try:
        yield
    except KeyboardInterrupt as error:
        Console(stderr=True).print("Interrupted. Nothing was written.")
        raise typer.Exit(code=130) from error


def _column(frame: pandas.DataFrame, target: str) -> str:
    if target not in frame.columns:
        raise InputError(f"a column {target!r}", f"columns {', '.join(map(str, frame.columns))}", "Check --target.")
    if frame[target].isna().all():
        raise InputError(f"values in column {target!r}", "missing ones only", "Choose another target.")
    return target


def _task_of(y: pandas.Series[Any]) -> Literal["regression", "classification"]:
    """The rule of ``--task auto``."""
    few = y.nunique() <= _MOST_CLASSES
    return "regression" if _is_number(y) and not (few and _is_whole(y)) else "classification"


def _targets(y: pandas.Series[Any], task: str) -> NDArray[Any]:
    """Targets (n,) as numbers, or labels as whole numbers, true and false, or text."""
    name = f"column {str(y.name)!r}"
    if y.dtype.kind in "mM":
        raise InputError(f"numbers or classes in {name}", "times", "Turn them into numbers.")
    if y.nunique() < 2:
        raise InputError(f"different values in {name}", f"{y.iloc[0]} in all rows", "There is nothing to learn.")
    if y.dtype == "category":
        y = y.astype(y.cat.categories.dtype)
    if task == "regression":
        if not _is_number(y):
            raise InputError(f"numbers in {name}", f"values such as {y.iloc[0]!r}", "Use --task classification.")
        return np.asarray(y, dtype=np.float64)
    if not _is_number(y):
        return np.asarray(y, dtype=bool) if y.isin([True, False]).all() else np.asarray(y.map(str), dtype=object)
    if not _is_whole(y):
        raise InputError(f"classes in {name}", "numbers with fractions", "Use --task regression.")
    return np.asarray(y, dtype=np.int64)


def _is_number(y: pandas.Series[Any]) -> bool:
    """Whether values are numbers, also Decimal objects; categories and truth values are not."""
    from pandas.api.types import infer_dtype

    return infer_dtype(y) in ("integer", "floating", "mixed-integer-float", "decimal")


def _is_whole(y: pandas.Series[Any]) -> bool:
    values = np.asarray(y, dtype=np.float64)
    return bool((np.abs(values) < 2**53).all() and (values % 1 == 0).all())


def _announce(model: Any, features: NDArray[Any], targets: NDArray[Any]) -> None:
    """Print what the solver will take, before it starts; raises where it cannot fit."""
    classes = len(np.unique(targets)) if hasattr(model, "predict_proba") else 1
    (n, d), outputs = features.shape, classes if classes > 2 else 1
    part = min(n, model.metric_samples)
    solves = [(part, f"each of up to {model.n_iterations + 1} solves")]
    if part < n:
        solves = [(part, f"{solves[0][1]} with {part} rows"), (n, "the last solve with all of them")]
    for rows, what in solves:
        plan = model.predicted_cost(rows, d, outputs)
        cost = f"about {plan.seconds:.2g} s and {plan.bytes / 2**20:.0f} MiB"
        say(f"{type(plan.solver).__name__}: {cost} for {what}")
    say("Choices and AGOPs come on top.")


def _fit(model: Any, features: NDArray[Any], targets: NDArray[Any]) -> float:
    """Fit with a progress bar; the seconds that it took."""
    start = time.monotonic()
    with progress_bar() as progress:
        task = progress.add_task("choosing", total=model.n_iterations + 1)

        def observe(step: RFMStep) -> None:
            last = step.iteration == model.n_iterations and len(features) > model.metric_samples
            description = "fit to all rows" if last else f"iterate {step.iteration}"
            progress.update(task, completed=step.iteration + 1, description=description)

        model.set_params(callback=observe).fit(features, targets)
        progress.update(task, completed=model.n_iterations + 1, description="done")
    model.set_params(callback=None)
    return time.monotonic() - start


def _summary(model: Any, targets: NDArray[Any], seconds: float) -> Table:
    table = Table(show_header=False)
    for name, value in (
        *_scores(model, targets),
        ("kernel", f"{type(model.kernel_).__name__}, {model.metric_kind_} metric"),
        ("bandwidth", f"{model.bandwidth_:.4g}"),
        ("ridge", f"{model.ridge_:.4g}"),
        ("iterate", f"{model.best_iteration_} of {model.n_iter_}"),
        ("time", f"{seconds:.1f} s"),
    ):
        table.add_row(name, value)
    return table


def _scores(model: Any, targets: NDArray[Any]) -> list[tuple[str, str]]:
    """Names and values of the left-out score with its standard error; nothing where there were too few rows for one."""
    if model.validation_scores_ is None:
        return []
    score, spread = model.validation_scores_[-1], model.validation_standard_errors_[-1]
    if hasattr(model, "predict_proba"):
        return [("left-out accuracy", f"{score:.4f} ± {spread:.4f}")]
    error, variance = -score, targets.var()
    determination = f"{1 - error / variance:.4f} ± {spread / variance:.4f}" if variance else "–"
    return [("left-out R²", determination), ("left-out RMSE", f"{error**0.5:.4g}")]


def _print_columns(pipeline: Pipeline) -> None:
    """The largest effects, whether they can be told apart, and the steepest columns."""
    found = explain(pipeline, n_columns=0)
    order, steepest = found.ranking()[:_SHOWN_COLUMNS], np.argsort(-found.steepness, kind="stable")[:_SHOWN_COLUMNS]
    named = [f"{found.columns[k]} {found.effects[k]:.3f} ± {found.errors[k]:.3f}" for k in order]
    say(f"Largest effects (share of the variance of the prediction ± standard error): {', '.join(named)}")
    if len(leaders := found.leaders()) > 1:
        say(f"Not settled which of these is largest: {', '.join(found.columns[k] for k in leaders[:_SHOWN_COLUMNS])}")
    named = [f"{found.columns[k]} {found.steepness[k]:.3f}" for k in steepest]
    say(f"Steepest (diagonal of the AGOP, which is no importance): {', '.join(named)}")
