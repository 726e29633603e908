"""``agop measure`` on data of one's own: the numbers of ``agop.measure``, and one sentence for what does not fit."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from torch.nn import functional

import agop
from agop.network import NetworkRecord
from agop.network.factory import make_model
from agop.reports import report
from agop.runs import Run
from commands import invoke, words

OWN = """
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

generator = torch.Generator().manual_seed(0)
y = torch.arange(60) % 3
x = torch.randn(60, 5, generator=generator) + y[:, None]

def mlp():
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))

def batches():
    return list(zip(x.split(8), y.split(8)))

def loader():
    return DataLoader(TensorDataset(x, y), batch_size=8)

def shuffled():
    return DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)

class Parts:
    def __iter__(self):
        return iter(batches())

class Lines(IterableDataset):
    def __iter__(self):
        return iter(batches())

def lines():
    return DataLoader(Lines(), batch_size=None)

def triples():
    return [{"row": a, "truth": b} for a, b in batches()]

def of_triple(model, batch):
    return model(batch["row"]), batch["truth"]

def broken(model, batch):
    raise RuntimeError("a mistake in one's own function")

def once():
    return iter(batches())

def numbers():
    return [(a, a[:, :3].sin()) for a, _ in batches()]

def far():
    return [(a, b + 1) for a, b in batches()]

def absolute(outputs, targets):
    return (outputs - targets).abs().mean()

def samples():
    return TensorDataset(x, y)

def text():
    return "batches"

def number():
    return 3

def none():
    return []

def other():
    return [(torch.zeros(4, 6), torch.zeros(4, dtype=torch.long))]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Current directory with a module of models and loaders, forgotten afterwards."""
    (tmp_path / "own_here.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGOP_DATA", "")
    yield tmp_path
    sys.modules.pop("own_here", None)


def measured(*arguments):
    return invoke("measure", "own_here:mlp", "--seed", 3, "--out", "run", *arguments)


def lines(record):
    return json.dumps(list(record.lines()))


def own():
    return make_model("own_here:mlp", seed=3), sys.modules["own_here"]


@pytest.mark.parametrize(
    "data",
    [
        ["own_here:batches"],
        ["own_here:loader"],
        ["own_here:Parts"],
        ["own_here:lines"],
        ["own_here:triples", "--forward", "own_here:of_triple"],
    ],
)
def test_the_numbers_are_those_of_the_call(here, data):
    result = measured("--data", *data)
    assert result.exit_code == 0, result.output
    model, module = own()
    expected = agop.measure(model, module.batches())
    assert lines(NetworkRecord.load("run/network.safetensors")) == lines(expected)
    info = Run.open("run").info()
    assert (info["n_samples"], info["image_shape"], info["settings"]["data"]) == (60, None, data[0])
    assert info["settings"]["batch_size"] is None
    assert "60 samples, 3 classes" in words(result.stdout)


def test_reports_take_such_a_run(here):
    assert measured("--data", "own_here:batches").exit_code == 0
    page = (here / "run" / "report.html").read_text()
    assert "own_here:mlp" in page
    assert "own_here:mlp" in report("run", "again.html").read_text()


def test_shuffled_batches_are_the_same_samples(here):
    assert measured("--data", "own_here:shuffled").exit_code == 0
    model, module = own()
    found = NetworkRecord.load("run/network.safetensors")["2"].agop
    torch.testing.assert_close(found, agop.measure(model, module.batches())["2"].agop, rtol=1e-5, atol=1e-7)


def test_the_first_samples(here):
    assert measured("--data", "own_here:batches", "--samples", 30).exit_code == 0
    model, module = own()
    expected = agop.measure(model, module.batches(), max_samples=30)
    assert lines(NetworkRecord.load("run/network.safetensors")) == lines(expected)


def test_one_look_at_the_data(here):
    assert measured("--data", "own_here:batches", "--no-second-pass").exit_code == 0
    model, module = own()
    expected = agop.measure(model, module.batches(), second_pass=False)
    assert lines(NetworkRecord.load("run/network.safetensors")) == lines(expected)


@pytest.mark.parametrize(
    ("loss", "data", "function"),
    [
        ("squared", "numbers", functional.mse_loss),
        ("cross-entropy", "batches", functional.cross_entropy),
        ("own_here:absolute", "numbers", functional.l1_loss),
    ],
)
def test_the_loss_of_training(here, loss, data, function):
    assert measured("--data", f"own_here:{data}", "--loss", loss).exit_code == 0
    model, module = own()
    expected = agop.measure(model, getattr(module, data)(), loss=function)
    found = NetworkRecord.load("run/network.safetensors")
    for name in expected:
        assert found[name].fact.pearson == pytest.approx(expected[name].fact.pearson, abs=1e-5)


def test_weights_in_the_folder_of_a_training(here):
    """How the training standardized its inputs does not matter to batches that come as the model takes them."""
    run = Run.create(here / "trained", {"standardize": "feature"}, kind="network")
    (run.path / "seed0").mkdir()
    torch.save(make_model("own_here:mlp", seed=9).state_dict(), run.path / "seed0" / "weights.pt")
    assert measured("--data", "own_here:batches", "--weights", "trained/seed0/weights.pt").exit_code == 0
    assert Run.open("run").info()["settings"]["standardize"] is None


@pytest.mark.parametrize("data", ["batches", "loader", "lines"])
def test_shards_are_every_nth_batch(here, data):
    assert measured("--data", f"own_here:{data}", "--shard", "2/3").exit_code == 0
    model, module = own()
    expected = agop.measure(model, module.batches()[1::3], second_pass=False)
    assert lines(NetworkRecord.load("run/network.safetensors")) == lines(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["own_here:once"], "expected a loader that can be iterated twice, got list_iterator."),
        (["own_here:samples"], "expected a loader of batches, got a data set of single samples (TensorDataset)."),
        (["own_here:text"], "expected a loader of batches, got 'batches'."),
        (["own_here:number"], "expected a loader of batches, got int."),
        (["own_here:nope"], "expected a function nope in own_here, got no such name."),
        (["own_here:of_triple"], "expected own_here:of_triple to need no arguments, got missing a required"),
        (["own_here:"], "expected a data set or a loader as MODULE:LOADER, got 'own_here:'."),
        (["own_here:none"], "expected samples of own_here:none, got none."),
        (["own_here:batches", "--shard", "9/9"], "expected samples of own_here:batches in part 9/9, got none."),
        (["own_here:other"], "expected a model that takes the batches of own_here:other, got an error (mat1 and"),
        (["own_here:triples"], "expected "),
        (
            ["own_here:batches", "--images", "--batch-size", "256"],
            "expected settings that hold for data of one's own, got batch_size=256, images=True. Leave it out: "
            "own_here:batches gives batches as the model takes them.",
        ),
        (["own_here:batches", "--test"], "expected settings that hold for data of one's own, got test=True."),
        (["own_here:batches", "--standardize", "channel"], "data of one's own, got standardize='channel'."),
        (
            ["own_here:numbers", "--loss", "cross-entropy"],
            "cross-entropy, got targets of a regression. Take the squared",
        ),
        (
            ["own_here:far", "--loss", "cross-entropy"],
            "an output for each class, two or more, for a loss of scores, got",
        ),
        (["own_here:batches", "--samples", "9", "--shard", "1/2"], "got samples=9 of parts of them."),
        (["own_here:shuffled", "--shard", "1/2"], "expected all batches in a fixed order, got a loader with a Random"),
    ],
)
def test_errors_are_one_sentence(here, arguments, message):
    result = measured("--data", *arguments)
    assert result.exit_code == 2, result.output
    assert message in words(result.stderr)
    assert not (here / "run").exists()


def test_mistakes_in_an_own_function_keep_their_trace(here):
    result = measured("--data", "own_here:batches", "--forward", "own_here:broken")
    assert isinstance(result.exception, RuntimeError)
    assert str(result.exception) == "a mistake in one's own function"


def test_the_data_are_asked_for(here):
    result = invoke("measure", "own_here:mlp", "--out", "run")
    assert result.exit_code == 2
    assert "--data" in words(result.stderr)
