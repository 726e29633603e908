"""Reports on one run, on several, and on runs of different kinds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from agop import RFMRegressor, explain, measure
from agop.charts import write_page
from agop.charts.page.definitions import DEFINITIONS
from agop.deep_rfm.result import DeepRFMResult
from agop.errors import InputError
from agop.network.result import NetworkResult
from agop.report import document_of, plots_of, report
from agop.report.overview import lead_of, notes_of, title_of
from agop.report.sources import result_of

pytest.importorskip("plotly")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def record():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    return measure(model, [(torch.randn(60, 4), torch.arange(60) % 3)])


@pytest.fixture(scope="module")
def explanation():
    X = np.random.default_rng(0).normal(size=(60, 3))
    return explain(RFMRegressor(n_iterations=1).fit(X, X[:, 0] * X[:, 1]), X)


def test_settings_that_differ(make_run):
    runs = [result_of(make_run(depth=2, width=width, seeds=(0,)), name) for width, name in ((8, "a"), (16, "b"))]
    document = document_of(runs)
    assert document.title == "2 runs compared: a, b"
    table = document.differences
    assert table.title == "Settings that differ"
    assert list(table.columns) == ["setting", "a", "b"]
    assert table.rows == [["width", "8", "16"]]
    compared, *others = document.findings
    assert compared == "NC1 at the last layer is about the same in all runs (2)."
    assert all(sentence.startswith(("a: ", "b: ")) for sentence in others)


def test_runs_without_a_difference(make_run, tmp_path):
    run = make_run(depth=1, seeds=(0,))
    document = document_of([result_of(run, "a"), result_of(run, "b")])
    assert document.differences.rows == []
    page = report({"a": run, "b": run}, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "None: the runs have the same settings." in page
    assert document_of([result_of(run)]).differences is None
    titles = [table.title for table in document.tables]
    assert titles == ["Layers of a", "Layers of b", "Settings and machine of a", "Settings and machine of b"]


def test_kinds_do_not_share_names(make_run, record, explanation):
    results = [result_of(make_run(depth=2)), result_of(record), result_of(explanation)]
    plots = plots_of(results)
    names = [plot.name for plot in plots]
    assert len(set(names)) == len(names)
    assert {"deep-rfm-nc1", "network-nc1", "table-effects"} <= set(names)
    assert plots[0].title == "NC1 by layer (Deep RFM)"
    assert document_of(results).differences is None  # all of them would
    assert next(plot.name for plot in plots_of(results[:1])) == "nc1"


def test_every_plot_says_something_and_is_defined(make_run, record, explanation):
    for results in ([result_of(make_run(depth=2))], [result_of(record)], [result_of(explanation)]):
        for plot in plots_of(results):
            assert plot.caption.endswith(".")
            assert set(plot.terms) <= set(DEFINITIONS)
            assert plot.findings
            assert all(sentence[-1] == "." for sentence in plot.findings)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"mine": x}])
def test_records_of_every_kind(record, explanation, tmp_path, wrap):
    for value in (record, explanation):
        path = report(wrap(value), tmp_path / "report.html")
        assert path.stat().st_size > 1_000_000


def test_names_must_differ(record, tmp_path):
    with pytest.raises(InputError, match="got network, network"):
        report([record, record], tmp_path / "report.html")
    with pytest.raises(InputError, match="got none"):
        report([], tmp_path / "report.html")
    assert report({"before": record, "after": record}, tmp_path / "report.html").exists()


def test_lead_says_when_and_where():
    info = {
        "settings": {},
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 12.34,
        "machine": {"cpu": "a processor", "gpus": ["a card"]},
        "versions": {"agop": "1.2"},
    }
    result = DeepRFMResult("run", info, [])
    assert lead_of([result]) == "2026-01-02, a processor, a card, 12.3 s, agop 1.2"
    assert lead_of([DeepRFMResult("run", {"settings": {}}, [])]) == ""


def test_what_is_missing_is_said():
    result = DeepRFMResult("run", {"settings": {}, "finished": None}, [])
    assert notes_of([result]) == [
        "The run is not finished: this is what it has found so far.",
        "There are no tensors in the run, so that Gram matrices and spectra are not shown.",
    ]


def test_paths_in_a_list_have_the_names_that_tell_them_apart(make_run, tmp_path):
    runs = [make_run(depth=1, seeds=(0,)).path for _ in range(2)]
    text = report(runs, tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"2 runs compared: {runs[0].parent.name}/run, {runs[1].parent.name}/run" in text


def test_titles(record, explanation):
    assert title_of([result_of(record)]) == "Network"
    assert title_of([result_of(record, "mlp")]) == "Network mlp"
    assert title_of([result_of(explanation)]) == "Model of a table"
    assert title_of([result_of(explanation, "prices")]) == "Model prices"


def test_size_of_large_trainings(tmp_path):
    torch.manual_seed(0)
    layers = [layer for _ in range(29) for layer in (nn.Linear(32, 32), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(32, 100))
    record = measure(model, [(torch.randn(200, 32), torch.arange(200) % 100)])
    lines = [{"seed": 0, "epoch": epoch, "loss": 1.0, **line} for epoch in range(60) for line in record.lines()]
    results = [NetworkResult(name, {"settings": {}}, lines, record) for name in "abc"]
    page = write_page(document_of(results), tmp_path / "report.html")
    assert page.stat().st_size < 8_000_000


def test_rows_of_a_measurement_are_not_called_training_rows():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    record = measure(model, [(torch.randn(40, 4), torch.arange(40) % 2)])
    document = document_of([result_of(record)])
    said = " ".join([*document.findings, *(text for plot in document.plots for text in plot.findings)])
    assert "ccuracy on these rows" in said
    assert "raining" not in said
    assert document.findings[0].startswith("Not fitted: accuracy on these rows 0.")


@pytest.mark.parametrize("case", range(30))
def test_anything_that_was_measured_makes_a_document(case):
    """Values that are missing, 0, infinite or tiny, in any stage, layer and seed."""
    rng = np.random.default_rng(case)
    values = (None, 0.0, float("nan"), float("inf"), 1e-100, 1e100, 1.0, 0.5, 4.0)
    scores = (None, 0.25, 0.75, 1.0)

    def lines(along, places, stages, **columns):
        return [
            {"seed": seed, along: place, "control": bool(seed % 2), "epoch": place, "layer": layer, "stage": stage}
            | {"nc1_trace_ratio": rng.choice(values), "nc2_gram_mse": rng.choice(values), "loss": rng.choice(values)}
            | {name: rng.choice(scores) for name in ("train_accuracy", "test_accuracy", "accuracy")}
            | {name: rng.choice((None, float(rng.normal()))) for name in ("linear_log_fall", "output_log_fall")}
            for seed in range(rng.integers(1, 7))
            for place in range(1, places)
            for layer in columns.get("layers", (place,))
            for stage in stages
            if rng.random() < 0.8
        ]

    stages = ("input", "linear", "output", "agop_1/2")
    networks = [
        NetworkResult(name, {"settings": {}}, lines("epoch", rng.integers(2, 5), stages, layers=("a [/h]", "b $x$")))
        for name in ("a", "b")
    ]
    deep = [
        DeepRFMResult(name, {"settings": {}}, lines("layer", rng.integers(2, 6), ("input", "agop", "features")))
        for name in ("c", "d")
    ]
    document = document_of([result for result in (*networks, *deep) if result.lines])
    said = [*document.findings, *(text for plot in document.plots for text in plot.findings)]
    assert said
    assert not [text for text in said if " nan" in text or "None" in text]
