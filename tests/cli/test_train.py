"""``agop train`` from the outside: exit codes, what is printed, what is written."""

from __future__ import annotations

import pytest

from agop.cli import train as command
from agop.errors import InputError
from agop.network.plots.collapse import network_numbers
from agop.network.result import NetworkResult
from agop.paper import TrainSettings, run_train
from agop.runs import Run
from commands import invoke, words

SMALL = ["--samples", 100, "--test-samples", 50, "--width", 12, "--fc-layers", 2, "--epochs", 3, "--every", 2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "a [very] odd name"
    return out, invoke("train", "mlp", "digits", *SMALL, "--seed", 1, "--seed", 0, "--seed", 1, "--out", out)


def test_success(trained):
    out, result = trained
    assert result.exit_code == 0, result.output
    assert not result.stderr
    files = {"run.json", "metrics.jsonl", "epochs.jsonl", "report.html"}
    assert {path.name for path in out.iterdir() if path.name != ".lock"} == files | {"seed0", "seed1"}
    assert f"Report: {out / 'report.html'}" in result.stdout
    assert "100%" in result.stdout


def test_settings_arrive(trained):
    run = Run.open(trained[0])
    settings = TrainSettings.of(run.info()["settings"])
    expected = TrainSettings(
        samples=100, test_samples=50, width=12, fc_layers=2, epochs=3, every=2, seeds=(1, 0), device="auto"
    )
    assert settings == expected
    assert {(line["seed"], line["epoch"]) for line in run.metrics()} == {(s, e) for s in (0, 1) for e in (0, 2, 3)}


def test_table_and_findings(trained):
    out, result = trained
    numbers = network_numbers(NetworkResult("run", Run.open(out).info(), Run.open(out).metrics()))
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[0] for row in numbers.rows] == ["fc.1", "fc.2", "fc.output"]
    for row in numbers.rows:
        assert row in rows
    text = words(result.stdout)
    assert "training loss, epoch 3" in text
    assert "NC1, layer inputs, fc.1 to fc.output" in text
    assert "onset of collapse, epoch from which on NC1 is 0.1 or less at the input of fc.output" in text


def test_every_option_reaches_the_settings(monkeypatch, tmp_path):
    seen = {}

    def stop(settings, dataset, out, observe):
        seen.update(vars(settings))
        raise InputError("nothing", "this", "Stop here.")

    monkeypatch.setattr(command, "run_train", stop)
    arguments = {
        "samples": 90,
        "subset": "random",
        "test_samples": 7,
        "standardize": "feature",
        "width": 11,
        "fc_layers": 3,
        "conv_width": 0.5,
        "gain": 0.25,
        "loss": "cross-entropy",
        "optimizer": "adam",
        "lr": 0.125,
        "momentum": 0.5,
        "weight_decay": 0.0625,
        "epochs": 17,
        "batch_size": 19,
        "stop_loss": 0.75,
        "every": 6,
        "measure_samples": 80,
        "chance": 39,
        "device": "cpu:0",
    }
    options = [part for name, value in arguments.items() for part in (f"--{name.replace('_', '-')}", value)]
    more = [
        "--superclasses",
        "loops",
        "--bias",
        "--permute-labels",
        "--rows",
        "flatten",
        "--layers",
        "fc.1",
        "--layers",
        "features.*",
    ]
    result = invoke("train", "vgg11", "digits", *options, *more, "--seed", 5, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "expected nothing, got this. Stop here." in words(result.stderr)
    expected = {"model": "vgg11", "data": "digits", "bias": True, "permute_labels": True, "measure_rows": "flatten"}
    assert seen == {
        **arguments,
        **expected,
        "superclasses": ("loops",),
        "layers": ("fc.1", "features.*"),
        "seeds": (5,),
    }


def test_interrupted_and_continued(monkeypatch, tmp_path):
    out = tmp_path / "run"

    def interrupted(settings, dataset, folder, observe):
        def stop(seed, epoch, loss, record):
            observe(seed, epoch, loss, record)
            if (seed, epoch) == (1, 2):
                raise KeyboardInterrupt

        return run_train(settings, dataset, folder, stop)

    with monkeypatch.context() as patch:
        patch.setattr(command, "run_train", interrupted)
        result = invoke("train", "mlp", "digits", *SMALL, "--seed", 0, "--seed", 1, "--out", out)
    assert result.exit_code == 130
    assert "Repeat the command" in words(result.stderr)
    assert invoke("train", "mlp", "digits", *SMALL, "--seed", 0, "--seed", 1, "--out", out).exit_code == 0
    assert len(Run.open(out).info()["resumed"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mlp", "letters"], "a data set out of"),
        (["resnet50", "digits"], "Invalid value"),
        (["mlp", "digits", "--gain", "0"], "gain=0.0"),
        (["mlp", "digits", "--momentum", "1"], "usable momentum, got 1.0"),
        (["mlp", "digits", "--samples", "5000"], "a wish for 5000"),
        (["mlp", "digits", "--layers", "nothing.*"], "nothing"),
        (["mlp", "digits", "--superclasses", "animals"], "cifar10 for the superclasses 'animals', got digits"),
        (["mlp", "digits", "--superclasses", "colors"], "superclasses out of loops"),
    ],
)
def test_errors(tmp_path, arguments, message):
    result = invoke("train", *arguments, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert message in words(result.stderr)
    assert not (tmp_path / "run").exists()
