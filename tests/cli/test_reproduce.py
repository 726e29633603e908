"""``agop reproduce`` from the outside: exit codes, what is printed, what is written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agop.cli import reproduce as command
from agop.errors import MissingExtraError
from agop.paper import FIGURES
from agop.runs import Run
from commands import invoke, words


def small(figure):
    """The figure with the ReLU features alone, and smaller runs."""

    def parts(scale, data, device):
        found = [part for part in figure.parts(scale, data, device) if part.columns["features"] == "relu"]
        return [replace(part, settings=replace(part.settings, samples=100, depth=2, width=16)) for part in found]

    return replace(figure, parts=parts)


@pytest.fixture
def two(monkeypatch):
    """Two small figures, as all that there are."""
    monkeypatch.setattr(
        command, "figures_named", lambda name: [small(FIGURES[f"deep-rfm-{n}"]) for n in ("metrics", "gram")]
    )


def test_all(two, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    result = invoke("reproduce", "all", "--device", "cpu")
    assert result.exit_code == 0, result.output
    out = tmp_path / "runs" / "reproduce" / "quick"
    assert {path.name for path in out.iterdir()} == {"deep-rfm-metrics", "deep-rfm-gram", "parts"}
    names = {"run.json", "metrics.jsonl", "verdicts.json", "README.md", "figure.svg"}
    metrics, gram = (
        {path.name for path in (out / name).iterdir()} - {".lock"} for name in ("deep-rfm-metrics", "deep-rfm-gram")
    )
    assert metrics == names
    assert gram == names | {"figure.png", "tensors.safetensors"}
    text = words(result.stdout)
    verdicts = [
        v for name in ("metrics", "gram") for v in json.loads((out / f"deep-rfm-{name}/verdicts.json").read_text())
    ]
    assert len(verdicts) == 4
    for verdict in verdicts:
        mark = "holds" if verdict["holds"] else "does not hold"
        assert mark in text
        assert all(f" {number:.3g}".replace("-", "−") in text for number in verdict["numbers"].values())
    assert "budget 30 s" in text
    page = (out / "deep-rfm-gram" / "README.md").read_text()
    assert "$ agop reproduce deep-rfm-gram --scale quick\n" in page
    assert "![deep-rfm-gram](figure.png)" in page


def test_options_arrive(monkeypatch, tmp_path):
    seen = {}

    def fake(figure, out, **options):
        seen.update(options, figure=figure.name, out=out)
        run = Run.create(out / figure.name, {"figure": figure.name, "scale": options["scale"]})
        run.record(claim="", paper=figure.paper, parts=[], notes=[], verdicts=[])
        return run

    monkeypatch.setattr(command, "run_figure", fake)
    monkeypatch.setattr(command, "save_reproduction_picture", no_matplotlib)
    arguments = ["--scale", "paper", "--data", "svhn", "--data", "mnist", "--device", "cuda:1", "--out", tmp_path / "o"]
    arguments += ["--standardize", "channel"]
    result = invoke("reproduce", "network-nfa", *arguments)
    assert result.exit_code == 0, result.output
    assert (seen["figure"], seen["out"], seen["scale"]) == ("network-nfa", tmp_path / "o", "paper")
    assert (seen["data"], seen["device"]) == (("svhn", "mnist"), "cuda:1")
    assert seen["standardize"] == "channel"
    assert seen["load"]("digits").name == "digits"
    assert seen["load"]("digits") is seen["load"]("digits")
    page = (tmp_path / "o" / "network-nfa" / "README.md").read_text()
    assert "$ agop reproduce network-nfa --scale paper --data svhn --data mnist --standardize channel\n" in page
    assert "![" not in page
    assert "Picture left out: expected matplotlib" in words(result.stdout)


def no_matplotlib(run):
    raise MissingExtraError("matplotlib", "none", "Install it.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figure-7"], "expected a figure out of deep-rfm-metrics, "),
        (
            ["deep-rfm-gram", "--data", "foo"],
            "expected a data set out of digits, mnist, fashion_mnist, cifar10, svhn, got 'foo'.",
        ),
        (["deep-rfm-gram", "--scale", "cpu"], "expected a data folder for mnist, got neither data_dir nor AGOP_DATA."),
        (["deep-rfm-gram", "--device", "warp"], "warp"),
    ],
)
def test_errors_are_one_sentence(arguments, message, tmp_path):
    result = invoke("reproduce", *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in words(result.stderr)
    assert "Traceback" not in result.output


def test_unknown_scale(tmp_path):
    assert invoke("reproduce", "all", "--scale", "huge", "--out", tmp_path / "out").exit_code == 2


def test_another_scale_needs_another_folder(two, tmp_path):
    pytest.importorskip("matplotlib")
    assert invoke("reproduce", "all", "--out", tmp_path).exit_code == 0
    result = invoke("reproduce", "all", "--scale", "cpu", "--data", "digits", "--out", tmp_path)
    assert result.exit_code == 2
    assert "scale='quick'" in words(result.stderr)


def test_options_of_data_are_not_for_a_figure_that_makes_its_data(monkeypatch, tmp_path):
    options = ["--data", "digits", "--out", tmp_path / "o"]
    alone = invoke("reproduce", "grokking", *options)
    assert alone.exit_code != 0
    assert "no data set for grokking" in words(alone.output)
    seen = {}

    def fake(figure, out, **options):
        seen[figure.name] = options["data"], options["standardize"]
        run = Run.create(out / figure.name, {"figure": figure.name, "scale": options["scale"]})
        run.record(claim="", paper=figure.paper, parts=[], notes=[], verdicts=[])
        return run

    monkeypatch.setattr(command, "run_figure", fake)
    monkeypatch.setattr(command, "save_reproduction_picture", no_matplotlib)
    result = invoke("reproduce", "all", "--standardize", "channel", *options)
    assert result.exit_code == 0, result.output
    for name, figure in FIGURES.items():
        assert seen[name] == (((), None) if figure.data is None else (("digits",), "channel"))
