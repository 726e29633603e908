"""Every command says in one sentence, before its work, that it may not write where it is told to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from commands import invoke, words

pandas = pytest.importorskip("pandas")
pytest.importorskip("plotly")

NETS = "from torch import nn; mlp = lambda: nn.Sequential(nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 10))"
ANYONE = getattr(os, "geteuid", lambda: 0)() != 0
AS_NOBODY = [
    *(shutil.which("setpriv") or "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]
"""Start of a command of a user who may read all files, Python's own too, and write none of others."""

anyone = pytest.mark.skipif(not ANYONE, reason="root may write anywhere")

FILES = {
    "fit": (["fit", "table.csv", "--target", "y"], "agop.cli.fit._fit"),
    "predict": (["predict", "model", "table.csv"], "agop.cli.predict.predict_file"),
    "explain": (["explain", "model"], "agop.cli.explain.explain"),
    "report": (["report", "part1", "part2"], "agop.cli.report.document_of"),
}
"""Commands that write a file, and where their work begins."""

FOLDERS = {
    "deep-rfm": (["deep-rfm", "digits", "--samples", 150], "agop.deep_rfm.run._layers"),
    "conv-rfm": (["conv-rfm", "digits", "--samples", 400], "agop.conv_rfm.run._iterates"),
    "train": (["train", "mlp", "digits", "--epochs", 1], "agop.paper.training.run._train"),
    "measure": (["measure", "nets:mlp", "--data", "digits"], "agop.network.run.measure.measure"),
    "merge": (["merge", "part1", "part2"], "agop.network.run.merge._merged"),
    "explain --run": (["explain", "model", "table.csv"], "agop.tables.run.explain"),
    "reproduce": (["reproduce", "theory-recursion"], "agop.datasets.load"),
    "figures": (["figures", "part1"], "agop.charts.print.figures.draw"),
}
"""Commands that write a folder, and where their work begins."""

SUFFIXES = {"predict": ".csv", "explain": ".svg", "report": ".html"}


@pytest.mark.skipif(ANYONE, reason="the other tests run as they are")
def test_these_as_a_user_without_rights():
    if shutil.which("setpriv") is None or subprocess.run([*AS_NOBODY, "true"], check=False).returncode:
        pytest.skip("no setpriv, or no right to use it")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        Path(folder).chmod(0o777)
        command = [*AS_NOBODY, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command += ["--basetemp", f"{folder}/tests", __file__]
        environment = {**os.environ, "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    assert ended.returncode == 0, ended.stdout
    assert re.search(r"\b\d\d passed, 1 skipped", ended.stdout), ended.stdout


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with a table, a model of it, a network, and measurements of it on two halves of the data."""
    folder = tmp_path_factory.mktemp("inputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        pandas.DataFrame({"x": range(12), "y": [number % 5 / 2 for number in range(12)]}).to_csv(
            "table.csv", index=False
        )
        Path("nets.py").write_text(NETS)
        done = [invoke("fit", "table.csv", "--target", "y", "--out", "model")]
        for part in (1, 2):
            shard = ["--shard", f"{part}/2", "--samples", 40, "--out", f"part{part}"]
            done.append(invoke("measure", "nets:mlp", "--data", "digits", *shard))
    assert [result.exit_code for result in done] == [0] * 3, [result.output for result in done]
    return folder


def closed_folder(folder):
    folder.mkdir(mode=0o500)
    return folder


def another_s_folder(folder):
    """One of the system's."""
    return Path("/")


def folder_without_entry(folder):
    """One whose names cannot even be looked up."""
    folder.mkdir(mode=0o600)
    return folder


CLOSED = [closed_folder, another_s_folder, folder_without_entry]


def place_of(name):
    """Option that names the folder of a command."""
    return "--run" if name == "explain --run" else "--out"


def refused(command, begins, *arguments, patch):
    """Assert that a command ends with a sentence before it begins its work."""
    patch.setattr(begins, lambda *_, **__: pytest.fail("the work began"))
    result = invoke(*command, *arguments)
    assert result.exit_code == 2, result.output
    said = result.stderr.strip()
    assert said.startswith("Error: ")
    assert "\n" not in said
    assert "Permission denied" in words(said)


@anyone
@pytest.mark.parametrize("place", CLOSED)
@pytest.mark.parametrize("name", FILES)
def test_files_in_a_folder_that_is_closed(name, place, inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(inputs)
    out = place(tmp_path / "closed") / f"new{SUFFIXES.get(name, '')}"
    refused(*FILES[name], "--out", out, patch=monkeypatch)


@anyone
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_read_only(name, inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(inputs)
    out = tmp_path / f"old{SUFFIXES.get(name, '')}"
    out.write_text("mine")
    out.chmod(0o400)
    refused(*FILES[name], "--out", out, patch=monkeypatch)
    assert out.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@anyone
@pytest.mark.parametrize("place", CLOSED)
@pytest.mark.parametrize("name", FOLDERS)
def test_runs_in_a_folder_that_is_closed(name, place, inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(inputs)
    out = place(tmp_path / "closed") / "new"
    refused(*FOLDERS[name], place_of(name), out, patch=monkeypatch)


@anyone
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_runs_that_is_closed(name, inputs, tmp_path, monkeypatch):
    """The folder that the command is told is there, and closed."""
    monkeypatch.chdir(inputs)
    out = closed_folder(tmp_path / "closed")
    refused(*FOLDERS[name], place_of(name), out, patch=monkeypatch)


@anyone
def test_a_run_that_is_read_only_gets_no_page(inputs, tmp_path, monkeypatch):
    """By default a page is written into the folder of its run."""
    monkeypatch.chdir(inputs)
    shutil.copytree("part1", tmp_path / "run")
    (tmp_path / "run").chmod(0o500)
    refused(["report", tmp_path / "run"], FILES["report"][1], patch=monkeypatch)
