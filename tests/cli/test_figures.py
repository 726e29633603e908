"""Figures of runs from the command line."""

from __future__ import annotations

import pytest

from agop.charts.chart import Curve, Curves
from agop.charts.document import Plot
from agop.errors import InputError
from commands import invoke, words

pytest.importorskip("matplotlib")
from agop.cli import figures as command


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two run folders, whose plots are a line for each of them; what was read is remembered."""
    paths = [tmp_path / "one [run]", tmp_path / "two"]
    for path in paths:
        path.mkdir()
    monkeypatch.setattr(command, "reading", lambda given: [path.name for path in given])
    monkeypatch.setattr(command, "count_plots", lambda names: 2)
    monkeypatch.setattr(
        command,
        "plots_of",
        lambda names, observe: [
            Plot(
                name, name, Curves("layer", name, [Curve(run, [1, 2], [4.0, 1.0], "#2b7bba") for run in names]), [], ""
            )
            for name in ("nc1", "nc2")
        ],
    )
    return paths


def test_one_run(runs):
    result = invoke("figures", runs[0])
    assert result.exit_code == 0, result.output
    folder = runs[0] / "figures"
    expected = ["nc1.pdf", "nc1.svg", "nc2.pdf", "nc2.svg"]
    assert sorted(path.name for path in folder.iterdir()) == expected
    assert [line for line in result.stdout.splitlines() if line] == [f"Figure: {folder / name}" for name in expected]


def test_several_runs_in_formats_of_choice(runs, tmp_path):
    out = tmp_path / "deep" / "er"
    result = invoke("figures", *runs, "--out", out, "--format", "png", "--format", "svg", "--format", "png")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["nc1.png", "nc1.svg", "nc2.png", "nc2.svg"]
    text = (out / "nc1.svg").read_text()
    assert ">one [run]<" in text
    assert ">two<" in text


def test_what_cannot_be_done(runs, tmp_path, monkeypatch):
    several = invoke("figures", *runs)
    assert several.exit_code == 2
    assert "expected --out, got none with several runs. Name a folder" in words(several.stderr)
    file = tmp_path / "model.safetensors"
    file.touch()
    assert f"got none with {file}, which is no folder" in words(invoke("figures", file).stderr)
    onto_file = invoke("figures", runs[0], "--out", file)
    assert (onto_file.exit_code, "a file in its place" in words(onto_file.stderr)) == (2, True)
    other = invoke("figures", runs[0], "--format", "gif")
    assert other.exit_code == 2
    assert "expected figures in .pdf, .svg, .png, got .gif." in words(other.stderr)

    def nothing(paths):
        raise InputError("a run", "none", "Look elsewhere.")

    monkeypatch.setattr(command, "reading", nothing)
    unread = invoke("figures", runs[0])
    assert unread.exit_code == 2
    assert words(unread.stderr).startswith("Error: expected a run, got none.")
    assert not list(runs[0].iterdir())
