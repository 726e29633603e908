"""``agop deep-rfm`` from the outside: exit codes, what is printed, what is written."""

from __future__ import annotations

import json
import re
import sys
import warnings

import pytest

from agop import datasets
from agop.cli import deep_rfm as command
from agop.deep_rfm import run_deep_rfm
from agop.errors import InputError
from agop.runs import Run, summarize_seeds
from commands import invoke, words

SMALL = ["digits", "--samples", "150", "--test-samples", "50", "--depth", "2", "--width", "32"]


@pytest.fixture
def undrawn(monkeypatch):
    """No page, as without jinja2: it takes the time."""
    monkeypatch.setitem(sys.modules, "jinja2", None)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A run of two seeds with its control and page."""
    pytest.importorskip("plotly")
    pytest.importorskip("jinja2")
    out = tmp_path_factory.mktemp("runs") / "a [very] odd name"
    return out, invoke("deep-rfm", *SMALL, "--seed", 1, "--seed", 0, "--seed", 1, "--control", "--out", out)


def test_success(drawn):
    out, result = drawn
    assert result.exit_code == 0, result.output
    assert not result.stderr
    names = {"run.json", "metrics.jsonl", "tensors.safetensors", "report.html"}
    assert {path.name for path in out.iterdir() if path.name != ".lock"} == names
    assert f"Report: {out / 'report.html'}" in result.stdout
    assert "100%" in result.stdout


def test_settings_arrive(drawn):
    run = Run.open(drawn[0])
    settings = run.info()["settings"]
    assert settings["seeds"] == [1, 0]
    assert settings["control"] is True
    assert (settings["samples"], settings["test_samples"], settings["depth"], settings["width"]) == (150, 50, 2, 32)
    assert len(run.metrics()) == 2 * 2 * 2 * 3


def test_table_and_findings(drawn):
    out, result = drawn
    text = words(result.stdout)
    for column in ("NC1 input", "NC1 AGOP", "NC1 features", "NC2 input", "NC1 control", "test accuracy"):
        assert column in text
    lines = Run.open(out).metrics()
    nc1 = summarize_seeds(lines, "nc1_trace_ratio")
    accuracy = summarize_seeds(lines, "test_accuracy", log=False)[False, "input"]
    rows = [row.split() for row in result.stdout.splitlines() if re.match(r"\s*\d+\s+\d", row)]
    keys = [(False, "input"), (False, "agop"), (False, "features"), None, (True, "input")]
    for layer, row in enumerate(rows, start=1):
        assert row[0] == str(layer)
        for key, cell in zip(keys, row[1:6], strict=True):
            assert key is None or cell == f"{nc1[key][layer].mean:.3g}"
        assert row[6] == f"{accuracy[layer].mean:.4f}"
    assert len(rows) == 2
    assert "NC1, layer inputs, layers 1 to 2" in text
    assert "NC1, control, without the AGOP, layers 1 to 2" in text


def test_every_option_reaches_the_settings(monkeypatch, tmp_path):
    seen = {}

    def stop(settings, dataset, out, observe, group):
        seen.update(vars(settings))
        raise InputError("nothing", "this", "Stop here.")

    monkeypatch.setattr(command, "run_deep_rfm", stop)
    arguments = {
        "samples": 90,
        "subset": "random",
        "test_samples": 7,
        "standardize": "channel",
        "depth": 3,
        "width": 11,
        "kernel": "gaussian",
        "bandwidth": 1.5,
        "ridge": 0.25,
        "targets": "one-hot",
        "features": "cosine",
        "gamma": 0.2,
        "features_bandwidth": 0.7,
        "agop_scale": "row-norm",
        "dtype": "float32",
        "device": "cpu:0",
        "max_memory": 10**6,
    }
    flags = [part for name, value in arguments.items() for part in (f"--{name.replace('_', '-')}", value)]
    result = invoke("deep-rfm", "digits", *flags, "--seed", 4, "--permute-labels", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert seen == {**arguments, "data": "digits", "seeds": (4,), "control": False, "permute_labels": True}
    assert invoke("deep-rfm", "digits", "--out", tmp_path / "run").exit_code == 2
    assert seen == vars(command.DeepRFMSettings())  # one set of defaults


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["foo"], "expected a data set out of digits, mnist, fashion_mnist, cifar10, svhn, got 'foo'."),
        (["mnist"], "expected a data folder for mnist, got neither data_dir nor AGOP_DATA."),
        (["mnist", "--data-dir", "/nowhere/[red]x"], "expected a folder /nowhere/[red]x/mnist, got no such folder."),
        (["digits", "--samples", "99999"], "expected 1 .. 1437 training rows of digits, got"),
        (["digits", "--samples", "5"], "training samples of each of the 10 classes of digits, got none of"),
        (["digits", "--test-samples", "361"], "expected 0 .. 360 test rows of digits, got"),
        (["digits", "--bandwidth", "0"], "expected a positive finite bandwidth, got 0.0."),
        (["digits", "--bandwidth", "nan"], "expected a positive finite bandwidth, got nan."),
        (["digits", "--features", "cosine", "--gamma", "-1"], "expected a positive finite gamma, got -1.0."),
        (["digits", "--device", "nowhere"], "expected a device that torch can use here, got 'nowhere'"),
    ],
)
def test_errors_are_one_sentence(tmp_path, arguments, message):
    result = invoke("deep-rfm", *arguments, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert words(result.stderr).startswith("Error: expected ")
    assert message in words(result.stderr)
    assert "Traceback" not in result.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--samples", "0"], "--samples"),
        (["--samples", "many"], "--samples"),
        (["--depth", "0"], "--depth"),
        (["--width", "0"], "--width"),
        (["--seed", "-1"], "--seed"),
        (["--ridge", "-1"], "--ridge"),
        (["--test-samples", "-1"], "--test-samples"),
        (["--kernel", "cosine"], "--kernel"),
        (["--features", "tanh"], "--features"),
        (["--dtype", "float16"], "--dtype"),
        (["--subset", "last"], "--subset"),
    ],
)
def test_options_out_of_range(tmp_path, arguments, option):
    result = invoke("deep-rfm", "digits", *arguments, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert option in words(result.stderr)
    assert not (tmp_path / "run").exists()


def test_required_arguments(tmp_path):
    assert invoke("deep-rfm", "digits").exit_code == 2
    assert invoke("deep-rfm", "--out", tmp_path / "run").exit_code == 2
    assert invoke("no-such-command").exit_code == 2


def test_help():
    result = invoke("--help")
    assert result.exit_code == 0
    assert "deep-rfm" in result.stdout
    result = invoke("deep-rfm", "--help")
    assert result.exit_code == 0
    text = words(result.stdout)
    for option in ("--data-dir", "--samples", "--subset", "--test-samples", "--depth", "--width", "--kernel"):
        assert option in text
    for option in ("--bandwidth", "--ridge", "--features", "--gamma", "--seed", "--control", "--permute-labels"):
        assert option in text
    for option in ("--dtype", "--device", "--out"):
        assert option in text
    for name in datasets.NAMES:
        assert name in text


def test_folder_with_another_run(drawn):
    out, _ = drawn
    before = (out / "metrics.jsonl").read_bytes()
    result = invoke("deep-rfm", *SMALL, "--ridge", "0.5", "--out", out)
    assert result.exit_code == 2
    assert f"the settings of the run in {out}: control=True, ridge=0.0, seeds=[1, 0]" in words(result.stderr)
    assert (out / "metrics.jsonl").read_bytes() == before


def test_out_is_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    result = invoke("deep-rfm", *SMALL, "--out", tmp_path / "file")
    assert result.exit_code == 2
    assert "expected a new or empty folder" in words(result.stderr)


@pytest.mark.parametrize("where", [1, 2, 3])
def test_interrupted_and_resumed(tmp_path, monkeypatch, undrawn, where):
    whole = invoke("deep-rfm", *SMALL, "--seed", 0, "--seed", 1, "--out", tmp_path / "whole")
    assert whole.exit_code == 0
    seen = []

    def interrupted(settings, dataset, out, observe, group):
        def observe_and_stop(*what):
            observe(*what)
            seen.append(what)
            if len(seen) == where:
                raise KeyboardInterrupt

        return run_deep_rfm(settings, dataset, out, observe_and_stop, group)

    arguments = ["deep-rfm", *SMALL, "--seed", 0, "--seed", 1, "--out", tmp_path / "run"]
    with monkeypatch.context() as patch:
        patch.setattr(command, "run_deep_rfm", interrupted)
        result = invoke(*arguments)
    assert result.exit_code == 130
    assert words(result.stderr) == "Interrupted. Repeat the command to go on with what it finished."
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    lines = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("run", "whole")]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("package", ["plotly.offline", "jinja2"])
def test_without_the_extra_the_job_finishes_and_says_so(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    result = invoke("deep-rfm", *SMALL, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    text = words(result.stdout)
    assert f"Report left out: expected {package.partition('.')[0]}, " in text
    assert "pip install 'agop[report]'." in text
    assert not (tmp_path / "run" / "report.html").exists()
    assert len(Run.open(tmp_path / "run").metrics()) == 6


def test_no_test_rows_no_column(tmp_path, undrawn):
    result = invoke("deep-rfm", *SMALL[:3], "--test-samples", "0", *SMALL[5:], "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "test accuracy" not in words(result.stdout)
    assert "NC1 control" not in words(result.stdout)
    assert all(line["test_accuracy"] is None for line in Run.open(tmp_path / "run").metrics())


def test_float32_and_permuted_labels(tmp_path, undrawn):
    result = invoke("deep-rfm", *SMALL, "--dtype", "float32", "--permute-labels", "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert all(part["features"] == "float32" for part in info["precision"])
    assert info["settings"]["permute_labels"] is True


@pytest.mark.filterwarnings("always")
def test_warnings_are_shown_as_one_line(tmp_path, monkeypatch, undrawn):
    def run_and_warn(*arguments):
        warnings.warn("the [matrix] is singular", UserWarning, stacklevel=2)
        return run_deep_rfm(*arguments)

    monkeypatch.setattr(command, "run_deep_rfm", run_and_warn)
    result = invoke("deep-rfm", *SMALL, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "the [matrix] is singular" in words(result.stdout)
    assert "UserWarning" not in result.output


def test_data_from_a_folder(tmp_path, data_dir, undrawn):
    result = invoke("deep-rfm", "mnist", *SMALL[1:], "--out", tmp_path / "run", AGOP_DATA=str(data_dir))
    assert result.exit_code == 0, result.output
    assert "Deep RFM on mnist" in result.stdout
    assert len(Run.open(tmp_path / "run").metrics()) == 6
