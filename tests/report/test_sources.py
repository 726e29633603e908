"""Results are read from whatever people have at hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from agop import ClassMoments, DeepRFMClassifier, RFMRegressor, Tracker, measure, save, table_pipeline
from agop.datasets import load
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.deep_rfm.result import DeepRFMResult
from agop.errors import DataFileError, InputError
from agop.network.result import NetworkResult
from agop.paper import TrainSettings, run_train
from agop.report import plots_of, read_results
from agop.report.overview import notes_of
from agop.report.sources import result_of
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
    settings = DeepRFMSettings(samples=60, test_samples=20, depth=2, width=16)
    run = run_deep_rfm(settings, digits, tmp_path / "deep")
    (result,) = read_results([run.path])
    assert isinstance(result, DeepRFMResult)
    assert result.name == "deep"
    assert result.lines == run.metrics()
    assert result.info == run.info()
    assert set(result.tensors) == set(run.load_tensors()[0])
    assert [type(result_of(each)) for each in (run, str(run.path))] == [DeepRFMResult] * 2


def test_folder_without_tensors(make_run):
    run = make_run(depth=1)
    (run.path / "tensors.safetensors").unlink()
    result = result_of(run)
    assert result.lines
    assert result.tensors == {}


def test_folder_of_a_training(digits, tmp_path):
    settings = TrainSettings(samples=40, test_samples=20, width=8, fc_layers=1, epochs=2, every=1, seeds=(3, 12))
    run = run_train(settings, digits, tmp_path / "mlp")
    result = result_of(run)
    assert isinstance(result, NetworkResult)
    assert result.lines == run.metrics()
    assert {line["epoch"] for line in result.lines} == {0, 1, 2}
    assert [(line["seed"], line["epoch"]) for line in result.epochs] == [(3, 1), (3, 2), (12, 1), (12, 2)]
    assert list(result.record) == ["fc.1", "fc.output"]
    means = result.record["fc.output"].stages["input"].moments.means
    other = storage.load(run.path / "seed12" / "network.safetensors")[0]["1/input/means"]
    assert not torch.equal(means, other)  # that of the first seed, 3


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
    run = Run.create(tmp_path / "run", {"model": "m"})
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


def test_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match="got a dict"):
        result_of({"a": 1})
    with pytest.raises(DataFileError, match="got nothing"):
        result_of(tmp_path / "missing")
    with pytest.raises(DataFileError, match=r"a folder without run\.json"):
        result_of(tmp_path)
    run = Run.create(tmp_path / "empty", {"data": "digits"})
    with pytest.raises(InputError, match="measured nothing yet"):
        result_of(run)
    for name, columns in (("network-nfa", {}), ("deep-rfm-metrics", {"seed": 0, "control": False, "part": "digits"})):
        figure = Run.create(tmp_path / name, {"figure": name})
        figure.append([{"layer": "fc.1", "stage": "input", **columns}])
        with pytest.raises(InputError, match="a figure of agop reproduce"):
            result_of(figure)
    other = Run.create(tmp_path / "other", {"data": "digits"})
    other.append([{"gain": 1.0}])
    with pytest.raises(InputError, match="lines of another kind"):
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
    with pytest.raises(DataFileError, match="Name one of the runs in it: a and b"):
        result_of(tmp_path)


def test_slashes_and_links_do_not_matter(make_run, tmp_path):
    run = make_run(depth=1, seeds=(0,))
    (tmp_path / "link").symlink_to(run.path)
    for path in (f"{run.path}/", tmp_path / "link", f"{tmp_path}/link/"):
        assert read_results([path])[0].name == run.path.name
        assert result_of(path).lines == run.metrics()


def test_lines_of_a_later_agop_are_left_out(make_run, record, tmp_path):
    run = make_run(depth=2, seeds=(0,))
    lines = run.metrics()
    run.rewrite([{"event": "checkpoint"}, *lines, {"layer": 1, "seconds": 2.0}])
    assert result_of(run).lines == lines
    other = Run.create(tmp_path / "run", {})
    other.append([{"event": "start"}, *record.lines(), {"layer": "0", "memory": 1}])
    assert len(result_of(other).lines) == len(list(record.lines()))


def test_columns_that_an_earlier_agop_did_not_write(make_run):
    run = make_run(depth=2, seeds=(0,))
    lines = [{k: v for k, v in line.items() if k not in ("nc2_gram_mse", "test_accuracy")} for line in run.metrics()]
    run.rewrite(lines)
    assert [plot.name for plot in plots_of([result_of(run)])] == ["nc1", "gram", "spectra", "accuracy"]


@pytest.mark.parametrize("kept", [0, 100])
def test_damaged_tensors(make_run, kept):
    run = make_run(depth=1, seeds=(0,))
    file = run.path / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DataFileError, match=r"tensors\.safetensors to be a complete safetensors file"):
        result_of(run)


def test_damaged_records(record, tmp_path):
    run = Run.create(tmp_path / "run", {})
    run.append(record.lines())
    file = run.path / "network.safetensors"
    record.save(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(DataFileError, match="a complete safetensors file"):
        result_of(run)
    file.write_bytes(whole)
    tensors, header = storage.load(file)
    storage.save(file, tensors, {"network": header["network"] | {"colour": "red"}})
    with pytest.raises(DataFileError, match="to hold a network's record"):
        result_of(run)
    del header["network"]["layers"]
    storage.save(file, tensors, header)
    with pytest.raises(DataFileError, match="to hold a network's record"):
        result_of(file)
    file.write_bytes(whole)
    (run.path / "epochs.jsonl").write_text("{broken", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"epochs\.jsonl to hold JSON objects"):
        result_of(run)


def test_a_training_that_goes_on(digits, tmp_path):
    """The first seed has ended, the second is in its first epochs: its lines are in its own folder alone."""
    settings = TrainSettings(samples=40, test_samples=20, width=8, fc_layers=1, epochs=2, every=1, seeds=(3, 12))

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
        assert notes_of([result])[0].startswith("The run is not finished")


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
