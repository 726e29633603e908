"""What holds for every kind of run: empty, half done, damaged, alone and beside another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from agop import measure
from agop.charts.kind import all_kinds
from agop.errors import DataFileError, InputError
from agop.paper import FIGURE_KIND
from agop.reports import document_of, plots_of, result_of
from agop.runs import Run, storage
from agop.tables import explain_agop


def measure_deep_rfm(run, scale):
    stages = {"input": 1.0, "agop": 0.25, "features": 0.5}
    columns = {"seed": 0, "control": False, "train_accuracy": 1.0}
    run.append(
        {**columns, "layer": layer, "stage": stage, "nc1_trace_ratio": scale * factor / layer}
        for layer in (1, 2)
        for stage, factor in stages.items()
    )


def measure_conv_rfm(run, scale):
    run.append(
        {"seed": 0, "iteration": k, "train_accuracy": 1.0, "test_accuracy": scale * (1 + k) / 8, "effective_rank": 5.0}
        for k in range(3)
    )


def measure_network(run, scale):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    run.append(measure(model, [(scale * torch.randn(30, 4), torch.arange(30) % 3)]).lines())


def measure_table(run, scale):
    names, effects = ("a", "b"), {"effects": [0.1 * scale, 0.6], "errors": [0.1, 0.1]}
    found = explain_agop(np.diag([2.0, 1.0]), np.eye(2), names, (0, 1), names, **effects)
    storage.write_json(run.path / "explanation.json", found.to_json())
    run.append({"fold": fold, "error": scale, "measure": "RMSE", "baseline": 2.0, "n_rows": 9} for fold in (1, 2))


MEASURES = {
    "conv-rfm": measure_conv_rfm,
    "deep-rfm": measure_deep_rfm,
    "network": measure_network,
    "table": measure_table,
}

kinds = pytest.mark.parametrize("kind", sorted(all_kinds().keys() - {FIGURE_KIND.name}))


@pytest.fixture
def started(tmp_path):
    """A run of a kind that has measured something, and is not finished."""

    def start(kind, name="run", scale=1.0):
        run = Run.create(tmp_path / name, {"data": "digits", "scale": scale}, kind=kind)
        MEASURES[kind](run, scale)
        return run

    return start


@kinds
def test_an_empty_run_has_nothing_to_show_yet(kind, tmp_path):
    with pytest.raises(InputError, match="a run that has measured nothing yet"):
        result_of(Run.create(tmp_path / "run", {}, kind=kind))


@kinds
def test_a_run_half_done_is_shown_and_said_to_be_so(kind, started):
    document = document_of([result_of(started(kind))])
    assert document.notes[0] == "The run is not finished: this is what it has found so far."
    assert document.findings
    assert document.plots
    assert document.tables[0].rows
    assert document.title.endswith(" on digits")


@kinds
@pytest.mark.parametrize("file", ["run.json", "metrics.jsonl"])
def test_a_damaged_run_is_said_to_be_so(kind, file, started):
    run = started(kind)
    (run.path / file).write_text('{"layer": 1,\n', encoding="utf-8")
    with pytest.raises(DataFileError, match=file):
        result_of(run)


@kinds
def test_two_runs_are_compared(kind, started):
    results = [result_of(started(kind, name, scale), name) for name, scale in (("one", 1.0), ("other", 2.0))]
    document = document_of(results)
    assert document.differences.rows == [["scale", "1.0", "2.0"]]
    assert {finding.run for finding in document.findings} == {"one", "other"}


@kinds
def test_every_plot_says_something_and_is_defined(kind, started):
    results = [result_of(started(kind))]
    for plot in plots_of(results):
        assert plot.caption.endswith(".")
        assert set(plot.terms) <= set(document_of(results).terms)
        assert plot.findings


def test_a_figure_that_is_not_finished_has_nothing_to_show_yet(tmp_path):
    with pytest.raises(InputError, match="a run that has measured nothing yet"):
        result_of(Run.create(tmp_path / "run", {}, kind="figure"))


def test_a_folder_of_another_kind_is_not_continued(tmp_path):
    Run.create(tmp_path / "run", {}, kind="table")
    with pytest.raises(InputError, match=r"expected a run of kind 'table' in .*, got a run of kind 'network'"):
        Run.create(tmp_path / "run", {}, kind="network")


@pytest.mark.parametrize(
    "file", sorted(Path(__file__).parents[2].glob("results/**/run.json")), ids=lambda f: f.parent.name
)
def test_the_results_of_the_repository_are_of_a_kind(file):
    info = Run.open(file.parent).info()
    document = document_of([result_of(file.parent)])
    if info["kind"] == FIGURE_KIND.name:
        assert len(document.summary.table.rows) == len(info["verdicts"])
    else:
        assert document.findings
