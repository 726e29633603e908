"""Run that explains a model of a table, and measures its error on rows that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from agop.errors import InputError
from agop.estimator.chunked import is_chunked
from agop.rfm import RFMClassifier, RFMRegressor
from agop.runs import Run
from agop.runs.storage import to_json, write_json
from agop.tables.digest import table_checksum
from agop.tables.explain import FEWEST_ROWS, explain
from agop.tables.folds import TableFolds
from agop.tables.parquet import ParquetTable
from agop.tables.settings import ExplainSettings
from agop.tables.task import target_of, without_target

if TYPE_CHECKING:
    import pandas

__all__ = ["run_explain"]


def run_explain(
    settings: ExplainSettings,
    pipeline: Pipeline,
    frame: pandas.DataFrame | ParquetTable,
    out: Path,
    observe: Callable[[Mapping[str, Any]], None] = lambda line: None,
    observe_swaps: Callable[[float], object] = lambda share: None,
) -> Run:
    """Write what a model of a table depends on, and its error on every fold that the folder does not hold yet.

    ``explanation.json`` holds the ``Explanation`` of the fitted model, with effects and interactions from the rows.
    ``metrics.jsonl`` has a line for each fold, of a model fitted to the other folds with all its choices made anew:
    "fold" from 1, "error" and its "measure" ("RMSE" or "error rate"), "score" (R^2, null for a constant fold, or
    accuracy), "baseline" (the same error for the mean target, or for the most frequent class, of the other folds),
    "n_rows", "effects" ("share" and standard "error" of each column, on the rows of the fold) and "seconds".
    ``run.json`` has the facts of the fitted model.

    Parameters
    ----------
    settings
        Settings of the run.
    pipeline
        Fitted pipeline of ``table_pipeline``, read from ``settings.model``. Its encoder knows the target, ``target_``,
        if ``agop fit`` wrote it.
    frame
        The rows in ``settings.table``; with the target if there are folds. Rows without a target are in no fold. Of a
        ``ParquetTable`` a column or a piece is in memory at a time, and what the fits of the folds gather.
    out
        Folder of the run. A folder of the same settings is resumed after the last finished fold.
    observe
        Called with the line of every fold.
    observe_swaps
        Called with the share of the predictions for the explanation that are made.

    Raises
    ------
    InputError
        If the settings, the table or the folder cannot be used, or the folder is that of another model or table.

    Examples
    --------
    >>> import json
    >>> import tempfile
    >>> import numpy as np
    >>> import pandas
    >>> from agop import Laplace, table_pipeline
    >>> rng = np.random.default_rng(0)
    >>> frame = pandas.DataFrame({"size": rng.normal(size=60), "noise": rng.normal(size=60)})
    >>> regressor = RFMRegressor(Laplace(5.0), ridge=0.01, n_iterations=1, selection=None)
    >>> model = table_pipeline(regressor).fit(frame, 2 * frame["size"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = run_explain(ExplainSettings("houses.safetensors"), model, frame, Path(folder, "run"))
    ...     effects = json.loads((run.path / "explanation.json").read_text(encoding="utf-8"))["effects"]
    >>> [round(effect, 1) for effect in effects]
    [1.0, 0.0]
    """
    _check_model(pipeline)
    rows = without_target(frame, pipeline)
    folds = _folds(pipeline, frame, settings) if settings.folds else None
    _check_rows(pipeline[0].transform(rows))
    if len(rows) < FEWEST_ROWS:
        raise InputError(f"{FEWEST_ROWS} or more rows", str(len(rows)), "Pass the training data.")
    facts = _facts(pipeline, frame)
    _check_same(Run(out), settings, facts)
    run = Run.create(out, asdict(settings), kind="table")
    run.record(**facts, notes=[] if folds is None else folds.notes)
    with run.working():
        if not (run.path / "explanation.json").exists():
            explanation = explain(
                pipeline, rows, n_swaps=settings.swaps, random_state=settings.seed, observe=observe_swaps
            )
            write_json(run.path / "explanation.json", explanation.to_json())
        for line in () if folds is None else folds.lines(after=len(run.metrics())):
            run.append([line])
            observe(line)
    run.finish()
    return run


def _folds(pipeline: Pipeline, frame: pandas.DataFrame | ParquetTable, settings: ExplainSettings) -> TableFolds:
    return TableFolds.of(pipeline, frame, settings.folds, settings.seed, swaps=settings.swaps)


def _check_rows(features: Any) -> None:
    """Code all rows once, which says what is wrong with them: of a Parquet file a piece at a time."""
    if is_chunked(features):
        for _ in features:
            pass


def _check_model(pipeline: Pipeline) -> None:
    check_is_fitted(pipeline)
    if not isinstance(pipeline[-1], RFMRegressor | RFMClassifier):
        got = f"a {type(pipeline[-1]).__name__}"
        raise InputError("a table_pipeline of an RFMRegressor or RFMClassifier", got, "Explain it by other means.")


def _facts(pipeline: Pipeline, frame: pandas.DataFrame | ParquetTable) -> dict[str, Any]:
    """Facts of the fitted model and of the table."""
    model = pipeline[-1]
    return {
        "task": "classification" if isinstance(model, RFMClassifier) else "regression",
        "target": target_of(pipeline),
        "kernel": type(model.kernel_).__name__,
        "bandwidth": model.bandwidth_,
        "ridge": model.ridge_,
        "diagonal": model.diagonal_,
        "iterate": model.best_iteration_,
        "power": model.power_,
        "selection": "validation" if model.validation_fraction is not None else model.selection,
        "scores": None if model.validation_scores_ is None else model.validation_scores_.tolist(),
        "n_centers": len(model.machine_.centers),
        "n_columns": len(pipeline[0].columns_),
        "n_features": len(pipeline[0].column_of_),
        "n_rows": len(frame),
        "checksum": table_checksum(frame),
    }


def _check_same(run: Run, settings: ExplainSettings, facts: Mapping[str, Any]) -> None:
    """Raise if a run of these settings began with another model or table under the same names."""
    if not run.is_started():
        return
    info = run.info()
    if info["settings"] == asdict(settings):
        changed = sorted(name for name, value in facts.items() if name in info and info[name] != to_json(value))
        if changed:
            expected = f"the model and the table that the run in {run.path} began with"
            raise InputError(expected, f"others: {', '.join(changed)} differ", "Choose another folder.")
