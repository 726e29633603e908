"""Reports: results are read from whatever people have at hand, and shown alone, beside others, and of several kinds."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from agop import ClassMoments, DeepRFMClassifier, RFMRegressor, Tracker, explain, measure, save, table_pipeline
from agop.charts import write_page
from agop.datasets import load
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.deep_rfm.result import DeepRFMResult
from agop.errors import DataFileError, InputError
from agop.network import NetworkRecord
from agop.network.result import NetworkResult
from agop.paper import TrainSettings, run_train
from agop.reports import count_plots, document_of, plots_of, read_results, report, result_of
from agop.runs import Run, storage
from agop.tables import explain_agop
from agop.tables.result import TableResult


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def record():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    return measure(model, [(torch.randn(30, 4), torch.arange(30) % 3)])


def explanation():
    names, effects = ("a", "b"), {"effects": [0.5, 0.6], "errors": [0.1, 0.1]}
    return explain_agop(np.diag([2.0, 1.0]), np.eye(2), names, (0, 1), names, **effects)


def test_folder_of_deep_rfm(digits, tmp_path):
    settings = DeepRFMSettings(samples=150, test_samples=20, depth=2, width=16)
    run = run_deep_rfm(settings, digits, tmp_path / "deep")
    (result,) = read_results([run.path])
    assert isinstance(result, DeepRFMResult)
    assert result.name == "deep"
    assert result.lines == run.metrics()
    assert result.info == run.info()
    assert set(result.tensors) == set(run.load_tensors())
    assert [type(result_of(each)) for each in (run, str(run.path))] == [DeepRFMResult] * 2


def test_folder_without_tensors(make_run):
    run = make_run(depth=1)
    (run.path / "tensors.safetensors").unlink()
    result = result_of(run)
    assert result.lines
    assert result.tensors == {}


def test_folder_of_a_training(digits, tmp_path):
    settings = TrainSettings(samples=150, test_samples=20, width=8, fc_layers=1, epochs=2, every=1, seeds=(3, 12))
    run = run_train(settings, digits, tmp_path / "mlp")
    result = result_of(run)
    assert isinstance(result, NetworkResult)
    assert result.lines == run.metrics()
    assert {line["epoch"] for line in result.lines} == {0, 1, 2}
    assert [(line["seed"], line["epoch"]) for line in result.epochs] == [(3, 1), (3, 2), (12, 1), (12, 2)]
    assert list(result.record) == ["fc.1", "fc.output"]
    means = result.record["fc.output"].stages["input"].moments.means
    other = NetworkRecord.load(run.path / "seed12" / "network.safetensors")
    assert not torch.equal(means, other["fc.output"].stages["input"].moments.means)  # that of the first seed, 3


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_folder_of_a_tracker(tmp_path, unit):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    loader = [(torch.randn(30, 4), torch.arange(30) % 3)]
    tracker = Tracker(model, loader, tmp_path / "mine", unit=unit, time_share=None)
    for index in (0, 5):
        tracker.step(index, loss=0.5)
    for result in (result_of(tracker), result_of(tmp_path / "mine")):
        assert isinstance(result, NetworkResult)
        assert result.unit == unit
        assert {(line["seed"], line["epoch"]) for line in result.lines} == {(0, 0), (0, 5)}
        assert result.record is None


def test_records_and_their_files(record, tmp_path):
    record.save(tmp_path / "net.safetensors")
    for result, name in ((result_of(record), "network"), (result_of(tmp_path / "net.safetensors"), "net")):
        assert isinstance(result, NetworkResult)
        assert result.name == name
        assert list(result.record) == ["0", "2"]
        assert {(line["seed"], line["epoch"], line["accuracy"]) for line in result.lines} == {(0, 0, record.accuracy)}
        assert [line["layer"] for line in result.lines] == [line["layer"] for line in record.lines()]


def test_deep_rfm_classifiers(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 2
    model = DeepRFMClassifier(depth=2, random_state=0).fit(X, y)
    result = result_of(model)
    assert isinstance(result, DeepRFMResult)
    assert [line["layer"] for line in result.lines] == [1, 1, 1, 2, 2, 2]
    assert not any(line["control"] for line in result.lines)
    assert result.info["settings"]["depth"] == 2
    assert torch.equal(result.tensors["agop/seed0/layer02/spectrum"], model.records_[1].spectrum)
    json.dumps(result.info)
    control = result_of(DeepRFMClassifier(depth=1, agop=False, random_state=0).fit(X, y))
    assert all(line["control"] for line in control.lines)
    save(model, tmp_path / "model.safetensors")
    assert result_of(tmp_path / "model.safetensors").name == "model"


def test_models_of_tables(tmp_path):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["u", "v"], size=60)})
    pipeline = table_pipeline("regression").fit(frame, frame["a"].to_numpy())
    save(pipeline, tmp_path / "model.safetensors")
    for result in (result_of(pipeline), result_of(tmp_path / "model.safetensors")):
        assert isinstance(result, TableResult)
        assert result.explanation.columns == ("a", "b")
        assert result.explanation.effects[0] > 0.9
    X = rng.normal(size=(40, 3))
    assert result_of(RFMRegressor(n_iterations=1).fit(X, X[:, 1])).explanation.ranking()[0] == 1


def test_folder_of_an_explanation(tmp_path):
    run = Run.create(tmp_path / "run", {"model": "m"}, kind="table")
    storage.write_json(run.path / "explanation.json", explanation().to_json())
    run.append([{"fold": 1, "error": 0.5}])
    result = result_of(run)
    assert isinstance(result, TableResult)
    assert result.explanation.effects.tolist() == explanation().effects.tolist()
    assert result.folds == [{"fold": 1, "error": 0.5}]
    (run.path / "explanation.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataFileError, match="to hold an explanation"):
        result_of(run)


def test_names_tell_runs_apart(make_run, tmp_path):
    info = (make_run(depth=1).path / "run.json").read_text(encoding="utf-8")
    metrics = (make_run(depth=1).path / "metrics.jsonl").read_text(encoding="utf-8")
    paths = [tmp_path / part / "x" / name for part in "ab" for name in ("v1.5", "v1.6")]
    for path in paths:
        path.mkdir(parents=True)
        (path / "run.json").write_text(info, encoding="utf-8")
        (path / "metrics.jsonl").write_text(metrics, encoding="utf-8")
    assert [result.name for result in read_results(paths[:2])] == ["v1.5", "v1.6"]
    assert [result.name for result in read_results(paths)] == ["a/x/v1.5", "a/x/v1.6", "b/x/v1.5", "b/x/v1.6"]
    assert result_of(paths[0], "mine").name == "mine"
    with pytest.raises(InputError, match="expected different runs, got one of them twice"):
        read_results([paths[0], paths[0]])
    with pytest.raises(InputError, match="one or more runs"):
        read_results([])


def test_each_run_that_is_read_is_told_of(make_run):
    runs, read = [make_run(depth=1, width=width).path for width in (8, 16)], []
    results = read_results(runs, lambda: read.append(None))
    assert len(results) == len(read) == 2


def test_one_large_run_shows_how_much_is_left(make_run, record):
    """Also of runs of two kinds, and where a kind has nothing to show."""
    for results in ([result_of(record)], [result_of(make_run()), result_of(record)]):
        for compute in (document_of, plots_of):
            told = []
            compute(results, lambda told=told: told.append(True))
            assert len(told) == count_plots(results) > len(plots_of(results))


def test_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match="got a dict"):
        result_of({"a": 1})
    with pytest.raises(DataFileError, match="got nothing"):
        result_of(tmp_path / "missing")
    with pytest.raises(DataFileError, match=r"a folder without run\.json"):
        result_of(tmp_path)
    figure = Run.create(tmp_path / "nfa", {"figure": "network-nfa"}, kind="figure")
    with pytest.raises(InputError, match="a run that has measured nothing yet"):
        result_of(figure)
    for kind in ("", "spectroscopy"):
        other = Run.create(tmp_path / f"other{kind}", {"data": "digits"}, kind=kind)
        other.append([{"seed": 0, "control": False, "layer": 1, "stage": "input"}])
        with pytest.raises(InputError, match=f"a run of .*deep-rfm, .*, got one of kind '{kind}'"):
            result_of(other)
    moments = ClassMoments.of(np.eye(2), np.arange(2), 2)
    with pytest.raises(InputError, match="got a ClassMoments"):
        result_of(moments)


def test_what_leads_to_a_run_is_named(make_run, tmp_path):
    """Folders above runs and files in them are no runs, but it is said where the run is."""
    run = make_run(depth=1, seeds=(0,))
    for name in ("run.json", "metrics.jsonl", "tensors.safetensors"):
        with pytest.raises(InputError, match=f"Name its folder, {run.path}"):
            result_of(run.path / name)
    for name in ("a", "b"):
        Run.create(tmp_path / name, {})
    with pytest.raises(DataFileError, match="Name one of the runs in it: a, b"):
        result_of(tmp_path)


def test_slashes_and_links_do_not_matter(make_run, tmp_path):
    run = make_run(depth=1, seeds=(0,))
    (tmp_path / "link").symlink_to(run.path)
    for path in (f"{run.path}/", tmp_path / "link", f"{tmp_path}/link/"):
        assert read_results([path])[0].name == run.path.name
        assert result_of(path).lines == run.metrics()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataFileError, match="got nothing"):
        read_results([tmp_path / "loop"])


def test_lines_of_a_later_agop_are_left_out(make_run, record, tmp_path):
    run = make_run(depth=2, seeds=(0,))
    run.record(sealed=None)
    lines = run.metrics()
    run.rewrite([{"event": "checkpoint"}, *lines, {"layer": 1, "seconds": 2.0}])
    assert result_of(run).lines == lines
    other = Run.create(tmp_path / "run", {}, kind="network")
    other.append([{"event": "start"}, *record.lines(), {"layer": "0", "memory": 1}])
    assert len(result_of(other).lines) == len(list(record.lines()))


def test_columns_that_an_earlier_agop_did_not_write(make_run):
    run = make_run(depth=2, seeds=(0,))
    lines = [{k: v for k, v in line.items() if k not in ("nc2_gram_mse", "test_accuracy")} for line in run.metrics()]
    run.record(sealed=None)
    run.rewrite(lines)
    assert [plot.name for plot in plots_of([result_of(run)])] == ["nc1", "gram", "spectra", "accuracy"]


@pytest.mark.parametrize("kept", [0, 100])
def test_damaged_tensors(make_run, kept):
    run = make_run(depth=1, seeds=(0,))
    file = run.path / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DataFileError, match=r"got tensors\.safetensors"):
        result_of(run)
    run.record(sealed=None)
    with pytest.raises(DataFileError, match=r"tensors\.safetensors to be a complete safetensors file"):
        result_of(run)


def test_damaged_records(record, tmp_path):
    run = Run.create(tmp_path / "run", {}, kind="network")
    run.append(record.lines())
    file = run.path / "network.safetensors"
    record.save(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(DataFileError, match="a complete safetensors file"):
        result_of(run)
    file.write_bytes(whole)
    tensors, header = storage.load(file)
    storage.save(file, tensors, {"network": {"object": ["NetworkRecord", {"color": "red"}]}})
    with pytest.raises(DataFileError, match="to hold a network's record"):
        result_of(run)
    storage.save(file, tensors, header | {"network": 3})
    with pytest.raises(DataFileError, match="to hold a network's record"):
        result_of(file)
    file.write_bytes(whole)
    (run.path / "epochs.jsonl").write_text("{broken", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"epochs\.jsonl to hold JSON objects"):
        result_of(run)


def test_a_training_that_goes_on(digits, tmp_path):
    """The first seed has ended, the second is in its first epochs: its lines are in its own folder alone."""
    settings = TrainSettings(samples=150, test_samples=20, width=8, fc_layers=1, epochs=2, every=1, seeds=(3, 12))

    def observe(seed, epoch, loss, record):
        if (seed, epoch) == (12, 1):
            found.append(result_of(tmp_path / "mlp"))
            raise KeyboardInterrupt

    found = []
    with pytest.raises(KeyboardInterrupt):
        run_train(settings, digits, tmp_path / "mlp", observe)
    expected = {(3, 0), (3, 1), (3, 2), (12, 0), (12, 1)}
    for result in (*found, result_of(tmp_path / "mlp")):
        assert {(line["seed"], line["epoch"]) for line in result.lines} == expected
        assert len({(line["seed"], line["epoch"], line["layer"], line["stage"]) for line in result.lines}) == len(
            result.lines
        )
        assert document_of([result]).notes[0].startswith("The run is not finished")


def test_half_a_measurement_of_a_tracker_is_left_out(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    tracker = Tracker(model, [(torch.randn(30, 4), torch.arange(30) % 3)], tmp_path / "mine", time_share=None)
    tracker.step(0)
    tracker.run.append([{**tracker.lines[0], "epoch": 5}])
    assert {line["epoch"] for line in result_of(tracker).lines} == {0}


def test_models_that_are_not_fitted():
    for model in (DeepRFMClassifier(), RFMRegressor(), table_pipeline("regression")):
        with pytest.raises(NotFittedError):
            result_of(model)


def test_settings_of_a_pipeline_are_those_of_its_model():
    X = np.random.default_rng(0).normal(size=(40, 2))
    pipeline = table_pipeline("regression").set_params(model__n_iterations=1).fit(X, X[:, 0])
    settings = result_of(pipeline).info["settings"]
    assert settings["n_iterations"] == 1
    assert "memory" not in settings


@pytest.fixture(scope="module")
def explained():
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
    one, other, *rest = document.findings
    assert [(finding.value, finding.notes[0]) for finding in (one, other)] == [(2.0, "about the same")] * 2
    assert {finding.run for finding in rest} == {"a", "b"}


def test_runs_without_a_difference(make_run, tmp_path):
    run = make_run(depth=1, seeds=(0,))
    document = document_of([result_of(run, "a"), result_of(run, "b")])
    assert document.differences.rows == []
    page = report({"a": run, "b": run}, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "None: the runs have the same settings." in page
    assert document_of([result_of(run)]).differences is None
    titles = [table.title for table in document.tables]
    assert titles == ["Layers of a", "Layers of b", "Settings and machine of a", "Settings and machine of b"]


def test_kinds_do_not_share_names(make_run, record, explained):
    results = [result_of(make_run(depth=2)), result_of(record), result_of(explained)]
    plots = plots_of(results)
    names = [plot.name for plot in plots]
    assert len(set(names)) == len(names)
    assert {"deep-rfm-nc1", "network-nc1", "table-effects"} <= set(names)
    assert plots[0].title == "NC1 by layer (Deep RFM)"
    assert document_of(results).differences is None  # all of them would
    assert next(plot.name for plot in plots_of(results[:1])) == "nc1"


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"mine": x}])
def test_records_of_every_kind(record, explained, tmp_path, wrap):
    for value in (record, explained):
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
    assert document_of([result]).lead == "2026-01-02, a processor, a card, 12.3 s, agop 1.2"
    assert document_of([DeepRFMResult("run", {"settings": {}}, [])]).lead == ""


def test_what_is_the_same_for_all_runs_is_said_once():
    info = {"settings": {}, "started": "2026-01-02T03:04:05+00:00", "versions": {"agop": "1.2"}}
    lines = [{"seed": 0, "epoch": 0, "layer": "fc", "stage": "input", "nc1_trace_ratio": 1.0, "n_rows": 40}]
    results = [NetworkResult(name, {**info, "seconds": k}, lines) for k, name in ((1.0, "a"), (2.0, "b"))]
    document = document_of([replace(each, info={**each.info, "settings": {"rows": "each"}}) for each in results])
    assert document.lead == "measured: each of 40 rows; 2026-01-02, agop 1.2; a: 1 s; b: 2 s"
    captions = [plot.caption for plot in document.plots]
    assert max(caption.count("each of 40 rows") for caption in captions) == 1
    other = replace(results[1], info={**info, "seconds": 2.0, "settings": {"rows": "mean"}})
    told = "a: measured: 40 rows, 1 s; b: measured: means of the rows of 40 samples, 2 s"
    assert document_of([results[0], other]).lead == f"2026-01-02, agop 1.2; {told}"


def test_what_is_missing_is_said():
    result = DeepRFMResult("run", {"settings": {}, "finished": None}, [])
    document = document_of([result])
    assert document.notes == ["The run is not finished: this is what it has found so far."]
    assert document.remarks == ["There are no tensors in the run, so that Gram matrices and spectra are not shown."]


def test_paths_in_a_list_have_the_names_that_tell_them_apart(make_run, tmp_path):
    runs = [make_run(depth=1, seeds=(0,)).path for _ in range(2)]
    text = report(runs, tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"2 runs compared: {runs[0].parent.name}/run, {runs[1].parent.name}/run" in text


def test_titles(record, explained):
    assert document_of([result_of(record)]).title == "Network"
    assert document_of([result_of(record, "mlp")]).title == "Network mlp"
    assert document_of([result_of(explained)]).title == "Model of a table"
    assert document_of([result_of(explained, "prices")]).title == "Model prices"


def test_size_of_large_trainings(tmp_path):
    torch.manual_seed(0)
    layers = [layer for _ in range(29) for layer in (nn.Linear(32, 32), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(32, 100))
    record = measure(model, [(torch.randn(200, 32), torch.arange(200) % 100)])
    rng = np.random.default_rng(0)

    def lines():
        """No two numbers are the same, so that none costs less than another."""
        for epoch, line in itertools.product(range(60), record.lines()):
            factor = rng.uniform(0.5, 1)
            changed = {name: factor * value for name, value in line.items() if isinstance(value, float)}
            yield {"seed": 0, "epoch": epoch, "loss": 1.0, **line, **changed}

    results = [NetworkResult(name, {"settings": {}}, list(lines()), record) for name in "abc"]
    page = write_page(document_of(results), tmp_path / "report.html")
    assert page.stat().st_size < 2_500_000


def test_rows_of_a_measurement_are_not_called_training_rows():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    record = measure(model, [(torch.randn(40, 4), torch.arange(40) % 2)])
    document = document_of([result_of(record)])
    said = [*document.findings, *(finding for plot in document.plots for finding in plot.findings)]
    assert "accuracy on these rows" in {finding.quantity for finding in said}
    assert not [finding for finding in said if "training" in finding.quantity]
    assert document.findings[0].notes == ("not fitted: below 0.95",)


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
    said = [*document.findings, *(finding for plot in document.plots for finding in plot.findings)]
    assert said
    cells = [cell for finding in said for cell in finding.cells()]
    assert not [cell for cell in cells if "nan" in cell or "None" in cell or "inf" in cell.replace("infinite", "")]
