"""``agop conv-rfm`` from the outside: exit codes, what is printed, what is written."""

from __future__ import annotations

import pytest

from agop.conv_rfm import ConvRFMSettings
from agop.runs import Run
from commands import invoke, words

SMALL = ["conv-rfm", "digits", "--samples", "150", "--test-samples", "40", "--iterations", "1"]


def test_success(tmp_path):
    pytest.importorskip("plotly")
    pytest.importorskip("jinja2")
    out = tmp_path / "run"
    chosen = ["--kernel", "nngp", "--depth", 1, "--power", 0.5, "--targets", "one-hot", "--seed", 3]
    result = invoke(*SMALL, *chosen, "--out", out)
    assert result.exit_code == 0, result.output
    names = {"run.json", "metrics.jsonl", "tensors.safetensors", "report.html"}
    assert {path.name for path in out.iterdir() if path.name != ".lock"} == names
    text = words(result.stdout)
    for part in ("updates", "test accuracy", "effective rank of the metric", f"Report: {out / 'report.html'}"):
        assert part in text
    settings = Run.open(out).info()["settings"]
    assert (settings["kernel"], settings["depth"], settings["power"], settings["seeds"]) == ("nngp", 1, 0.5, [3])
    assert settings["targets"] == "one-hot"
    assert settings["ridge"] == ConvRFMSettings().ridge


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shrink", 3], "expected sides that are multiples of 3, got images of 8 x 8 pixels."),
        (["--kernel", "rbf"], "'rbf' is not one of"),
        (["--power", 0], "expected a positive, finite power, got 0.0."),
        (["--depth", 0], "Invalid value for '--depth'"),
    ],
)
def test_unusable_arguments(arguments, message, tmp_path):
    result = invoke(*SMALL, *arguments, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert message in words(result.stderr)
    assert not (tmp_path / "run").exists()
