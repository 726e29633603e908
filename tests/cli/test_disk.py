"""What the system refuses is one sentence, before the work; a scheduler's signal is an interruption."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from agop.runs import Run
from commands import invoke, words

pandas = pytest.importorskip("pandas")

import agop.cli.fit as fitting  # noqa: E402

SMALL = ["deep-rfm", "digits", "--samples", 150, "--depth", 1, "--width", 8]


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "table.csv"
    pandas.DataFrame({"x": range(12), "y": [number % 5 for number in range(12)]}).to_csv(file, index=False)
    return file


def assert_one_sentence(result, *parts):
    assert result.exit_code == 2, result.output
    said = result.stderr.strip()
    assert said.startswith("Error: ")
    assert "\n" not in said
    for part in parts:
        assert part in words(said)


@pytest.mark.parametrize("name", ["n" * 300, "nul\udcff" * 100])
def test_a_name_that_the_system_refuses(table, tmp_path, monkeypatch, name):
    monkeypatch.setattr(fitting, "_fit", lambda *_: pytest.fail("the fit began"))
    result = invoke("fit", table, "--target", "y", "--out", tmp_path / name)
    assert_one_sentence(result, "name too long")


def test_names_that_are_no_text(table, tmp_path):
    """Of a table, a model and runs: they are printed, and stand in run.json as they are."""
    odd = table.rename(tmp_path / "t\udcff.csv")
    model, run, deep = tmp_path / "m\udcff.safetensors", tmp_path / "r\udcff", tmp_path / "d\udcff"
    fitted = invoke("fit", odd, "--target", "y", "--out", model)
    assert fitted.exit_code == 0, fitted.output
    explained = invoke("explain", model, odd, "--folds", 0, "--run", run)
    assert explained.exit_code == 0, explained.output
    settings = Run.open(run).info()["settings"]
    assert (settings["table"], settings["model"]) == (str(odd), str(model))
    assert invoke(*SMALL, "--out", deep).exit_code == 0
    for each in (run, model, deep):
        assert invoke("report", each, "--out", tmp_path / "page\udcff.html").exit_code == 0


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert_one_sentence(invoke(*SMALL, "--out", tmp_path / "file" / "run"), "Not a directory")
    assert_one_sentence(invoke(*SMALL, "--out", tmp_path / ("n" * 300)), "name too long")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_table_that_cannot_be_read(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    assert_one_sentence(invoke("fit", tmp_path / "folder.csv", "--target", "y", "--out", tmp_path / "model"))


def test_a_full_disk_of_what_is_printed(table, tmp_path, monkeypatch):
    def full(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fitting, "say", full)
    result = invoke("fit", table, "--target", "y", "--out", tmp_path / "model")
    assert_one_sentence(result)
    assert words(result.stderr) == f"Error: {os.strerror(errno.ENOSPC)}."


def test_ctrl_c_says_what_there_is(table, tmp_path, monkeypatch, heeded_ctrl_c):
    monkeypatch.setattr(fitting, "_fit", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    result = invoke("fit", table, "--target", "y", "--out", tmp_path / "model")
    assert result.exit_code == 130
    assert words(result.stderr) == "Interrupted. Nothing was written."


def test_ctrl_c_after_a_model_is_written(table, tmp_path, monkeypatch, heeded_ctrl_c):
    monkeypatch.setattr(fitting, "_print_columns", lambda _: os.kill(os.getpid(), signal.SIGINT))
    result = invoke("fit", table, "--target", "y", "--out", tmp_path / "model")
    assert result.exit_code == 130
    assert (tmp_path / "model").exists()
    assert "Nothing was written" not in words(result.stderr)
    assert "model is written" in words(result.stderr)
