"""``agop measure`` from the outside: exit codes, what is printed, what is written, and which errors help."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import import_module

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import agop
from agop import datasets
from agop.datasets import Dataset, standardize
from agop.errors import InputError
from agop.network import MeasureSettings, NetworkRecord, Rademacher
from agop.network.factory import load_weights, make_model
from agop.network.losses import LOSSES
from agop.network.run.named import batches_of, options_of
from agop.runs import Run
from commands import invoke, words
from oracles import collapse as oracles_collapse

experiment = import_module("agop.network.run.measure")

NETS = """
from torch import nn
import torch

sequence = nn.Sequential(nn.Linear(64, 10))
number = 3

def mlp():
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

def cnn():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))

class Half(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(64, 10), nn.BatchNorm1d(10))
        self.double()

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 64)
        self.b.weight, self.last = self.a.weight, nn.Linear(64, 10)

    def forward(self, x):
        return self.last(self.b(self.a(x).relu()))

def widths(width):
    return nn.Linear(64, width)

def words():
    return ["no", "module"]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Current directory with a module of models, forgotten afterwards."""
    (tmp_path / "nets_here.py").write_text(NETS)
    (tmp_path / "needy.py").write_text("import no_such_package\n")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    assert sys.path == path
    for name in ("nets_here", "needy"):
        sys.modules.pop(name, None)


@pytest.fixture
def trained(here):
    """State dict of a model that the factory does not give by itself."""
    return make_model("nets_here:mlp", seed=7).state_dict()


def test_success(here):
    result = invoke("measure", "nets_here:mlp", "--data", "digits", "--samples", 300, "--out", "a [very] odd name")
    assert result.exit_code == 0, result.output
    assert not result.stderr
    out = here / "a [very] odd name"
    files = {"run.json", "metrics.jsonl", "network.safetensors", "report.html"}
    assert {path.name for path in out.iterdir() if path.name != ".lock"} == files
    record, run = NetworkRecord.load(out / "network.safetensors"), Run.open(out)
    assert [*record] == ["0", "2"]
    assert run.metrics() == json.loads(json.dumps(list(record.lines())))
    info = run.info()
    assert (info["n_samples"], info["n_classes"]) == (300, 10)
    assert info["accuracy"] == record.accuracy
    assert info["finished"] is not None
    assert info["seconds"] > 0
    assert info["settings"]["model"] == "nets_here:mlp"
    text = words(result.stdout)
    assert "300 samples, 10 classes" in text
    assert f"{record['2'].input.nc1_trace_ratio:.3g}" in text
    assert "Record: a [very] odd name/network.safetensors" in text


@pytest.mark.parametrize("test", [False, True])
def test_the_numbers(here, test):
    """NC1 and accuracy of what the model makes of standardized digits."""
    flags = ["--test"] if test else []
    assert invoke("measure", "nets_here:mlp", "--data", "digits", *flags, "--seed", 3, "--out", "run").exit_code == 0
    digits = datasets.load("digits")
    pixels = digits.train_inputs
    x = torch.from_numpy(((digits.test_inputs if test else pixels) - pixels.mean()) / pixels.std())
    y = digits.test_labels if test else digits.train_labels
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).double()
    record = NetworkRecord.load(here / "run" / "network.safetensors")
    hidden = model[:2](x).detach().numpy()
    expected = oracles_collapse.nc1_trace_ratio(hidden, y, 10)
    assert record["2"].input.nc1_trace_ratio == pytest.approx(float(expected), rel=1e-5)
    accuracy = (model(x).argmax(1).numpy() == y).mean()
    assert record.accuracy == pytest.approx(accuracy, abs=2 / len(y))
    assert record.n_samples == len(y)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_weights(here, trained, suffix):
    file = here / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(trained, file)
    arguments = ["measure", "nets_here:mlp", "--data", "digits", "--samples", 200, "--weights", file, "--out", "run"]
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    record = NetworkRecord.load(here / "run" / "network.safetensors")
    assert torch.equal(record["0"].weight, trained["0.weight"])
    assert torch.equal(record["2"].weight, trained["2.weight"])


def test_options(here, monkeypatch):
    seen = {}

    def stop(model, loader, options, *, group):
        seen.update(vars(options), model=model, loader=loader)
        raise InputError("nothing", "this", "Stop here.")

    monkeypatch.setattr(experiment, "measure", stop)
    flags = ["--images", "--outputs", 3, "--seed", 5, "--rows", "mean", "--layers", "0", "--layers", "3*", "--test"]
    flags += ["--samples", 50, "--batch-size", 20, "--device", "cpu", "--standardize", "feature"]
    flags += [
        "--min-count",
        2,
        "--no-classifier",
        "--common-inputs",
        "--loss",
        "squared",
        "--chance",
        0,
        "--no-collapse",
        "--max-memory",
        10**9,
        "--no-second-pass",
        "--max-width",
        77,
    ]
    assert invoke("measure", "nets_here:cnn", "--data", "digits", *flags, "--out", "run").exit_code == 2
    assert [tuple(x.shape) for x, _ in seen["loader"]] == [(20, 1, 8, 8), (20, 1, 8, 8), (10, 1, 8, 8)]
    assert all(x.dtype == torch.float32 and y.dtype == torch.int64 for x, y in seen["loader"])
    digits = datasets.load("digits")
    _, expected = standardize(digits.train_inputs, digits.test_inputs)
    rows = torch.cat([x for x, _ in seen["loader"]]).flatten(1)
    torch.testing.assert_close(rows, torch.from_numpy(expected[:50]).float(), rtol=0, atol=0)
    assert torch.cat([y for _, y in seen["loader"]]).tolist() == digits.test_labels[:50].tolist()
    assert seen["outputs"] == Rademacher(3, seed=5)
    assert (seen["layers"], seen["rows"], str(seen["device"])) == (("0", "3*"), "mean", "cpu")
    seen_first = dict(seen)
    assert invoke("measure", "nets_here:Half", "--data", "digits", "--out", "other").exit_code == 2
    names = ["min_count", "classifier", "common_inputs", "collapse", "max_memory", "second_pass", "max_width"]
    assert [seen_first[name] for name in names] == [2, False, True, False, 10**9, False, 77]
    assert (seen["layers"], seen["rows"], seen["outputs"]) == (None, "each", "exact")
    assert (seen_first["loss"], seen["loss"], seen_first["chance"]) == (LOSSES["squared"], None, 0)
    assert [seen[name] for name in names] == [1, None, False, True, None, True, "auto"]
    assert sum(len(y) for _, y in seen["loader"]) == 1437
    assert seen["loader"][0][0].dtype == torch.float64  # that of the model
    assert Run.open("other").info()["settings"] == {
        **vars(MeasureSettings("nets_here:Half", "digits", standardize="channel", batch_size=256)),
        "second_pass": True,
        "layers": [],
    }


def test_loss_and_chance(here):
    """Those of the call, in the table, on the page and in the record."""
    arguments = ["measure", "nets_here:mlp", "--data", "digits", "--samples", 100, "--seed", 2, "--chance", 9]
    result = invoke(*arguments, "--loss", "cross-entropy", "--out", "run")
    assert result.exit_code == 0, result.output
    digits = datasets.load("digits")
    (rows,) = standardize(digits.train_inputs, n_channels=1)
    x, y = torch.from_numpy(rows[:100]).float(), torch.from_numpy(digits.train_labels[:100])
    expected = agop.measure(make_model("nets_here:mlp", seed=2), [(x, y)], loss=nn.functional.cross_entropy, chance=9)
    found = NetworkRecord.load("run/network.safetensors")
    assert json.dumps(list(found.lines())) == json.dumps(list(expected.lines()))
    (least, *_), fact = expected["2"].stages["input"].chance.least.values(), expected["2"].fact.pearson
    text, page = words(result.stdout), (here / "run" / "report.html").read_text()
    for shown in ("NC1 chance ≥", "FACT", f"{least:.3g}", f"{fact:.2f}"):
        assert shown in text
    for shown in ("NC1 φ chance ≥", "FACT", f"{least:.3g}", f"{fact:.2f}", "NC1 of random labels"):
        assert shown in page
    settings = Run.open("run").info()["settings"]
    assert (settings["loss"], settings["chance"]) == ("cross-entropy", 9)


def test_images(here):
    result = invoke(
        "measure", "nets_here:cnn", "--data", "digits", "--images", "--samples", 100, "--layers", "3", "--out", "run"
    )
    assert result.exit_code == 0, result.output
    record = NetworkRecord.load(here / "run" / "network.safetensors")
    assert record["3"].agop.shape == (144, 144)


def test_same_seed_same_numbers(here):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        arguments = ["--samples", 100, "--outputs", 2, "--seed", seed, "--out", out]
        assert invoke("measure", "nets_here:mlp", "--data", "digits", *arguments).exit_code == 0
    a, b, c = ((here / out / "metrics.jsonl").read_text() for out in "abc")
    assert a == b != c


def test_repeated_in_the_same_folder(here):
    arguments = ["measure", "nets_here:mlp", "--data", "digits", "--samples", 100, "--out", "run"]
    assert invoke(*arguments).exit_code == 0
    lines = (here / "run" / "metrics.jsonl").read_text()
    assert invoke(*arguments).exit_code == 0
    assert (here / "run" / "metrics.jsonl").read_text() == lines
    result = invoke(*arguments, "--rows", "mean")
    assert result.exit_code == 2
    assert "expected the settings of the run in run: rows='each', got rows='mean'." in words(result.stderr)


def test_notes_are_printed(here, monkeypatch):
    def noting(*arguments, **options):
        record = measure(*arguments, **options)
        return NetworkRecord(**{**vars(record), "omissions": ("a [note]",)})

    measure = experiment.measure
    monkeypatch.setattr(experiment, "measure", noting)
    result = invoke("measure", "nets_here:mlp", "--data", "digits", "--samples", 100, "--out", "run")
    assert "• a [note]" in words(result.stdout)
    assert Run.open("run").info()["notes"][0] == "a [note]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nets_here"], "expected a model as MODULE:FACTORY, got 'nets_here'. Write \"nets:mlp\""),
        (["./nets_here.py:mlp"], "expected a model as MODULE:FACTORY, got './nets_here.py:mlp'."),
        (["nets_here.py:mlp"], "expected a module nets_here.py, got no module nets_here.py here."),
        (["nowhere:mlp"], "expected a module nowhere, got no module nowhere here. Run the command in the"),
        (["needy:mlp"], "expected a module needy that can be imported, got no module no_such_package, which"),
        (["nets_here:nope"], "expected a function nope in nets_here, got no such name. Look into "),
        (["nets_here:number"], "nets_here:number to be a function, got int."),
        (["nets_here:widths"], "expected nets_here:widths to need no arguments, got missing a required"),
        (["nets_here:words"], "expected nets_here:words to return a torch.nn.Module, got list."),
        (["nets_here:mlp", "--data", "nothing"], "expected a data set out of digits, "),
        (["nets_here:mlp", "--shard", "0/4"], "expected a shard such as \"3/16\", the first one 1/16, got '0/4'."),
        (["nets_here:mlp", "--shard", "5/4"], "expected a shard such as \"3/16\", the first one 1/16, got '5/4'."),
        (["nets_here:mlp", "--shard", "2"], "expected a shard such as \"3/16\", the first one 1/16, got '2'."),
        (["nets_here:mlp", "--shard", "2/4", "--min-count", "3"], "got min_count=3 in part 2/4. Leave it out, or"),
        (["nets_here:mlp", "--forward", "widths"], "expected a function of the model and a batch as MODULE:FUNCTION"),
        (["nets_here:mlp", "--forward", "nets_here:mlp"], "expected nets_here:mlp to need 2 arguments, got too many"),
        (
            ["nets_here:mlp", "--device", "nowhere"],
            "expected a device that torch can use here, got 'nowhere'",
        ),
        (
            ["nets_here:mlp", "--loss", "hinge"],
            "expected a loss out of squared, cross-entropy, or a function of outputs",
        ),
        (["nets_here:mlp", "--loss", "nets_here:mlp"], "expected nets_here:mlp to need 2 arguments, got too many"),
        (["nets_here:mlp", "--chance", "1"], "expected 2 draws or more, in a second pass, got chance=1."),
        (["nets_here:mlp", "--chance", "9", "--shard", "1/2"], "got chance=9 without a second pass."),
        (["nets_here:mlp", "--outputs", "all"], "expected outputs \"exact\" or a number >= 1, got 'all'."),
        (["nets_here:mlp", "--outputs", "0"], "expected outputs \"exact\" or a number >= 1, got '0'."),
        (["nets_here:mlp", "--samples", "9999"], "expected 1 .. 1437 training rows of digits, got a wish"),
        (["nets_here:mlp", "--test", "--samples", "361"], "expected 1 .. 360 test rows of digits, got"),
        (["nets_here:mlp", "--images"], "expected a model that takes inputs of shape (2, 1, 8, 8), got an"),
        (["nets_here:cnn"], "expected a model that takes inputs of shape (2, 64), got an error (Expected 3D"),
        (["nets_here:mlp", "--weights", "none.pt"], "expected none.pt to hold weights, got "),
        (
            ["nets_here:mlp", "--weights", "none.npz"],
            "expected weights in a file .safetensors, .pt or .pth, got",
        ),
    ],
)
def test_errors_are_one_sentence(here, arguments, message):
    result = invoke("measure", "--data", "digits", *arguments, "--out", here / "run")
    assert result.exit_code == 2
    assert words(result.stderr).startswith("Error: expected ")
    assert message in words(result.stderr)
    assert "Traceback" not in result.output
    assert not (here / "run").exists()


def test_layers_that_do_not_exist(here):
    result = invoke("measure", "nets_here:mlp", "--data", "digits", "--samples", 100, "--layers", "fc*", "--out", "run")
    assert result.exit_code == 2
    assert "'fc*'" in words(result.stderr)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("2.bias"), "got none for 2.bias. Save"),
        (lambda s: s.update({"4.bias": s["2.bias"]}), "got some for 4.bias, which the model lacks. Save"),
        (
            lambda s: [s.update({f"net.{name}": s.pop(name)}) for name in list(s)],
            "got none for 0.weight, 0.bias, 2.weight, 2.bias and some for net.0.weight, net.0.bias, net.2.weight, ",
        ),
        (lambda s: s.update({"2.weight": torch.zeros(10, 31)}), "got size mismatch for 2.weight: "),
        (
            lambda s: s.update({f"x{i}": torch.zeros(1) for i in range(8)}),
            "got some for x0, x1, x2, x3, x4 and 3 more, ",
        ),
    ],
)
def test_weights_that_differ(here, trained, change, message):
    change(trained)
    torch.save(dict(trained), here / "weights.pt")
    result = invoke("measure", "nets_here:mlp", "--data", "digits", "--weights", "weights.pt", "--out", "run")
    assert result.exit_code == 2
    assert message in words(result.stderr)
    assert not (here / "run").exists()


class Evil:
    """Code that a pickle would run."""

    def __reduce__(self):
        return (pytest.fail, ("code in the file was run",))


@pytest.mark.parametrize("content", [{"0.weight": Evil()}, torch.zeros(3), {"epoch": 3, "state_dict": {}}])
def test_files_with_other_content(here, content):
    torch.save(content, here / "weights.pt")
    result = invoke("measure", "nets_here:mlp", "--data", "digits", "--weights", "weights.pt", "--out", "run")
    assert result.exit_code == 2
    assert "expected weights.pt to hold " in words(result.stderr)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 50])
def test_broken_files(here, suffix, content):
    file = here / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(InputError, match="to hold weights"):
        load_weights(make_model("nets_here:mlp"), file)


def test_tied_weights_need_one_of_their_names(here):
    model, other = make_model("nets_here:Tied", seed=1), make_model("nets_here:Tied", seed=2)
    state = {name: value.clone() for name, value in model.state_dict().items() if name != "b.weight"}
    save_file(state, here / "weights.safetensors")
    load_weights(other, here / "weights.safetensors")
    assert torch.equal(other.b.weight, model.a.weight)
    del state["a.weight"]
    save_file(state, here / "weights.safetensors")
    with pytest.raises(InputError, match=r"got none for a\.weight, b\.weight\."):
        load_weights(other, here / "weights.safetensors")


def test_random_numbers_are_left_alone(here):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    make_model("nets_here:mlp", seed=4)
    assert torch.equal(torch.rand(3), expected)


def test_layers_of_a_part_are_recorded_so_that_they_merge():
    """However wide they are, unless a width is asked for."""
    part = MeasureSettings("m:f", "digits", shard="1/2")
    assert options_of(part).max_width is None
    assert options_of(replace(part, max_width=9)).max_width == 9


def test_shards_of_a_data_set(here):
    """Every fourth row, standardized by all training rows."""
    arguments = ["measure", "nets_here:mlp", "--data", "digits", "--samples", 90, "--batch-size", 16, "--seed", 2]
    assert invoke(*arguments, "--shard", "2/4", "--out", "run").exit_code == 0
    digits = datasets.load("digits")
    (rows,) = standardize(digits.train_inputs, n_channels=1)
    x, y = torch.from_numpy(rows[1:90:4]).float(), torch.from_numpy(digits.train_labels[1:90:4])
    batches = list(zip(x.split(16), y.split(16), strict=True))
    expected = agop.measure(make_model("nets_here:mlp", seed=2), batches, second_pass=False)
    found = NetworkRecord.load("run/network.safetensors")
    assert json.dumps(list(found.lines())) == json.dumps(list(expected.lines()))
    assert (found.n_samples, Run.open("run").info()["settings"]["shard"]) == (len(range(1, 90, 4)), "2/4")


def test_rows_that_are_no_images():
    rows, labels = torch.zeros(2, 3, dtype=torch.float64).numpy(), torch.tensor([0, 1]).numpy()
    pair = Dataset("pair", rows, labels, rows[:0], labels[:0], class_names=("a", "b"))
    with pytest.raises(InputError, match="expected images in pair, got rows that are none"):
        batches_of(MeasureSettings("m:f", "pair", images=True), pair, torch.float32)
    with pytest.raises(InputError, match=r"expected 1 \.\. 0 test rows of pair"):
        batches_of(MeasureSettings("m:f", "pair", test=True), pair, torch.float32)


@pytest.mark.parametrize("option", ["--samples", "--batch-size"])
def test_options_out_of_range(here, option):
    result = invoke("measure", "nets_here:mlp", "--data", "digits", option, "0", "--out", "run")
    assert result.exit_code == 2
    assert option in words(result.stderr)
    assert not (here / "run").exists()


def test_help():
    result = invoke("measure", "--help")
    assert result.exit_code == 0
    text = words(result.stdout)
    assert "MODULE:FACTORY" in text
    for option in ("--weights", "--layers", "--outputs", "--rows", "--samples", "--test", "--batch-size", "--images"):
        assert option in text
    for option in ("--rows-flat", "--data", "--data-dir", "--forward", "--shard", "--seed", "--device", "--out"):
        assert option in text
