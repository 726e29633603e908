"""What the folder of a figure holds, and what is made only once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import pytest
import torch

from agop.charts.chart import Grid
from agop.errors import InputError
from agop.paper import FIGURES, Figure, Part, Verdict, figures_named, reproduce
from agop.runs import Run


@dataclass(frozen=True)
class Settings:
    n_layers: int
    standardize: str = "feature"


@pytest.fixture
def calls():
    return []


@pytest.fixture
def figure(calls):
    """Two parts a data set, one with a line for each of two layers."""

    def work(settings, dataset, out, observe):
        n_layers = settings.n_layers
        calls.append((dataset, out.name))
        observe("at work")
        run = Run.create(out, asdict(settings))
        run.rewrite({"layer": layer, "nc1": 1.0 / layer, "other": 1} for layer in range(1, n_layers + 1))
        run.save_tensors({"gram/1": torch.eye(2), "spectrum": torch.ones(2)})
        run.record(notes=["a note"], seconds=1.5)
        run.finish()
        return run

    def parts(scale, data, device):
        assert device == "cpu"
        return [Part(f"{name}-{n}", name, {"n": n}, Settings(n), work) for name in data for n in (1, 2)]

    def verdicts(run):
        return [Verdict("it falls", {"lines": len(run.metrics())}, True, "of one seed")]

    data = {"quick": ("digits",), "cpu": ("mnist",), "paper": ("mnist", "svhn")}
    return Figure("toy", "All falls.", 1, parts, verdicts, lambda run: Grid({}), data, tensors=r"gram/\d")


def make(figure, out, **options):
    return reproduce(figure, out, load=lambda name: f"data {name}", device="cpu", **options)


def test_everything_in_one_folder(figure, tmp_path, calls):
    heard = []
    run = make(figure, tmp_path / "out", scale="paper", observe=heard.append)
    assert calls == [(f"data {name}", f"{name}-{n}") for name in ("mnist", "svhn") for n in (1, 2)]
    assert heard[:2] == ["mnist-1", "mnist-1: at work"]
    expected = [
        {"part": f"{name}-{n}", "data": name, "n": n, "layer": layer, "nc1": 1 / layer, "other": 1}
        for name in ("mnist", "svhn")
        for n in (1, 2)
        for layer in range(1, n + 1)
    ]
    assert run.metrics() == expected
    assert set(run.load_tensors()) == {f"{name}-{n}/gram/1" for name in ("mnist", "svhn") for n in (1, 2)}
    info = run.info()
    assert info["settings"] == {"figure": "toy", "scale": "paper", "data": ["mnist", "svhn"], "standardize": None}
    assert (info["claim"], info["budget_seconds"], info["seconds"]) == ("All falls.", 1, 6.0)
    assert info["finished"] is not None
    assert info["notes"] == ["a note"]
    assert info["parts"][0]["settings"] == {"n_layers": 1, "standardize": "feature"}
    verdict = {"claim": "it falls", "numbers": {"lines": 6}, "holds": True, "note": "of one seed"}
    assert json.loads((run.path / "verdicts.json").read_text()) == [verdict] == info["verdicts"]


def test_settings_of_a_part_are_those_it_was_given(figure, tmp_path):
    """Also where its folder is that of a tracker, with settings of its own."""

    def tracked(settings, dataset, out, observe):
        run = Run.create(out, {"unit": "epoch"}, kind="network")
        run.finish()
        return run

    figure = replace(figure, parts=lambda *_: [Part("network", "digits", {}, Settings(3), tracked)], tensors="")
    (part,) = make(figure, tmp_path).info()["parts"]
    assert part["settings"] == {"n_layers": 3, "standardize": "feature"}


def test_columns_that_are_kept(figure, tmp_path):
    run = make(replace(figure, measures=("nc1", "absent"), tensors=""), tmp_path)
    assert run.metrics()[0] == {"part": "digits-1", "data": "digits", "n": 1, "nc1": 1.0}
    assert not (run.path / "tensors.safetensors").exists()


def test_data_sets_that_are_wanted(figure, tmp_path):
    run = make(figure, tmp_path, data=("svhn", "digits", "svhn"))
    assert run.info()["settings"]["data"] == ["svhn", "digits"]


def test_other_settings_need_another_folder(figure, tmp_path):
    make(figure, tmp_path)
    with pytest.raises(InputError, match="Choose another folder"):
        make(figure, tmp_path, scale="cpu")


def test_one_form_of_inputs_for_every_run(figure, tmp_path):
    run = make(figure, tmp_path, standardize="channel")
    assert run.info()["settings"]["standardize"] == "channel"
    assert [part["settings"]["standardize"] for part in run.info()["parts"]] == ["channel", "channel"]
    with pytest.raises(InputError, match="standardize='channel'"):
        make(figure, tmp_path)
    with pytest.raises(InputError, match="standardize as one of feature, channel, got 'pixel'"):
        make(figure, tmp_path / "other", standardize="pixel")


def test_unknown_scale_and_figure(figure, tmp_path):
    with pytest.raises(InputError, match="a scale out of quick, cpu, paper, got 'huge'"):
        make(figure, tmp_path / "out", scale="huge")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="or all, got 'figure-7'"):
        figures_named("figure-7")


def test_runs_are_shared_and_resumed(load, tmp_path):
    """The second figure takes the runs of the first as they are, and so does the first when it is repeated."""
    part = FIGURES["deep-rfm-metrics"].parts("quick", ("digits",), "cpu")[0]
    small = replace(part.settings, samples=100, depth=2, width=16, test_samples=0)
    parts = [replace(part, settings=small)]
    metrics, gram = (replace(FIGURES[name], parts=lambda *_: parts) for name in ("deep-rfm-metrics", "deep-rfm-gram"))
    first = reproduce(metrics, tmp_path, load=load, device="cpu")
    made = (tmp_path / "parts" / part.name / "metrics.jsonl").read_bytes()
    lines = first.metrics()
    second = reproduce(gram, tmp_path, load=load, device="cpu")
    assert reproduce(metrics, tmp_path, load=load, device="cpu").metrics() == lines
    assert (tmp_path / "parts" / part.name / "metrics.jsonl").read_bytes() == made
    assert [line["nc1_trace_ratio"] for line in second.metrics()] == [line["nc1_trace_ratio"] for line in lines]
