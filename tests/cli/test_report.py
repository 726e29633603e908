"""``agop report``: from run folders to one page."""

from __future__ import annotations

import sys

import pytest
import torch
from rich.console import Console
from torch import nn

from agop import Tracker, measure
from agop.charts.document import NumberTable
from agop.cli import terminal as application
from agop.datasets import load
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from charts.browser import CHROMIUM
from commands import invoke, words

pytest.importorskip("plotly")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two small runs of Deep RFM, one with an odd name."""
    folder, digits = tmp_path_factory.mktemp("runs"), load("digits")
    names = {8: "narrow", 32: "wide [b]"}
    return [
        run_deep_rfm(DeepRFMSettings(samples=150, test_samples=20, depth=2, width=width), digits, folder / name).path
        for width, name in names.items()
    ]


def test_page_of_a_run_lies_in_its_folder(runs):
    result = invoke("report", runs[0])
    assert result.exit_code == 0, result.output
    page = runs[0] / "report.html"
    assert f"Report: {page}" in result.stdout
    assert "NC1, layer inputs, layers 1 to 2" in words(result.stdout)
    assert "<title>Deep RFM on digits</title>" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 40])
def test_numbers_are_not_cut(monkeypatch, capsys, width):
    monkeypatch.setattr(application, "console", Console(width=width))
    numbers = NumberTable(
        "", ["layer", "NC1 features", "NC1 control", "accuracy"], [["1", "0.000831", "1.2e-08", "0.8840"]]
    )
    application.print_numbers(numbers, "title")
    text = capsys.readouterr().out
    assert "…" not in text
    assert {"0.000831", "1.2e-08", "0.8840"} <= set(text.split())


def test_page_of_several_runs(runs, tmp_path):
    result = invoke("report", *runs, "--out", tmp_path / "both.html")
    assert result.exit_code == 0, result.output
    assert "NC1, layer inputs, layers 1 to 2 wide [b]" in words(result.stdout)
    text = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert "2 runs compared: narrow, wide [b]" in text
    assert "Settings that differ" in text


def test_page_of_a_tracker_and_of_a_record(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    loader = [(torch.randn(30, 4), torch.arange(30) % 3)]
    tracker = Tracker(model, loader, tmp_path / "mine", time_share=None)
    tracker.step(0, loss=0.5)
    tracker.step(1, loss=0.25)
    measure(model, loader).save(tmp_path / "net.safetensors")
    assert invoke("report", tmp_path / "mine").exit_code == 0
    assert 'id="nc1-map"' in (tmp_path / "mine" / "report.html").read_text(encoding="utf-8")
    assert invoke("report", tmp_path / "net.safetensors", "--out", tmp_path / "net.html").exit_code == 0
    assert 'id="agop-nfm"' in (tmp_path / "net.html").read_text(encoding="utf-8")


def test_a_run_twice_or_nowhere(runs, tmp_path):
    for arguments, message in (
        ([runs[0], runs[0], "--out", tmp_path / "x.html"], "expected different runs, got one of them twice"),
        ([*runs], "expected --out, got none with several runs. Name the HTML file."),
        ([tmp_path / "missing"], "which is no folder"),
        ([tmp_path / "missing", "--out", tmp_path / "x.html"], "expected a run folder or a file at"),
        ([tmp_path, "--out", tmp_path / "x.html"], "a folder without run.json"),
        ([runs[0], "--out", tmp_path / "no" / "x.html"], "no such folder"),
        ([runs[0], "--out", tmp_path], "a file name as --out"),
    ):
        result = invoke("report", *arguments)
        assert result.exit_code == 2
        assert message in words(result.stderr)
        assert not (tmp_path / "x.html").exists()


def test_a_model_is_not_overwritten(tmp_path):
    model = nn.Linear(4, 3)
    file = tmp_path / "net.safetensors"
    measure(nn.Sequential(model), [(torch.randn(30, 4), torch.arange(30) % 3)]).save(file)
    before = file.read_bytes()
    result = invoke("report", file, "--out", file)
    assert result.exit_code == 2
    assert "another name for --out" in words(result.stderr)
    assert file.read_bytes() == before


def test_without_the_extra(runs, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    result = invoke("report", runs[0], "--out", tmp_path / "x.html")
    assert result.exit_code == 2
    assert "pip install 'agop[report]'" in words(result.stderr)
    assert not list(tmp_path.iterdir())


def test_a_picture_of_the_whole_page(runs, tmp_path):
    """It is as tall as the page, with its last plot drawn."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    result = invoke("report", runs[0], "--out", tmp_path / "run.html", "--png")
    assert result.exit_code == 0, result.output
    assert f"Picture: {tmp_path / 'run.png'}" in result.stdout
    pixels = pytest.importorskip("matplotlib.image").imread(tmp_path / "run.png")
    assert pixels.shape[1] == 1000
    assert pixels.shape[0] > 2500
    lines = [pixels[start : start + 400, :, :3] for start in range(0, pixels.shape[0] - 800, 400)]
    assert all(part.min() < 0.5 for part in lines)  # no stretch of the page is empty
    assert pixels[5, 5, :3].min() == 1


def test_no_browser_is_said_before_any_work(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    result = invoke("report", runs[0], "--out", tmp_path / "run.html", "--png")
    assert result.exit_code != 0
    assert "a browser to take the picture" in words(result.stderr)
    assert not list(tmp_path.iterdir())
