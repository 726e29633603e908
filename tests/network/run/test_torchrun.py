"""``torchrun -m agop measure``: numbers of one process, written and printed once, and an end for all on an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from agop.network import NetworkRecord
from agop.runs import Run
from commands import invoke, words
from network.same_records import assert_same

pytestmark = pytest.mark.slow

OWN = """
import os
import torch
from torch import nn

generator = torch.Generator().manual_seed(0)
y = torch.arange(60) % 3
x = torch.randn(60, 5, generator=generator).double() + y[:, None]

def mlp():
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).double()

def batches():
    return list(zip(x.split(8), y.split(8)))

def one_batch():
    return [(x, y)]

def dying(model, batch):
    if os.environ.get("RANK") == "1" and len(batch[0]) < 8:
        os._exit(7)
    return model(batch[0]), batch[1]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Current directory with a module of a model and loaders."""
    (tmp_path / "launched_here.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("launched_here", None)


def launched(n, *arguments):
    """Result of ``agop measure`` in n processes of torchrun."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n), "-m"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "250", "AGOP_DATA": ""}
    command = [*start, "agop", "measure", "launched_here:mlp", "--seed", "3", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "launched_here:one_batch"],
        ["--data", "launched_here:batches", "--shard", "1/2", "--outputs", "2"],
    ],
)
def test_the_numbers_of_one_process(here, arguments):
    done = launched(2, *arguments, "--out", "many")
    assert done.returncode == 0, done.stderr
    assert invoke("measure", "launched_here:mlp", "--seed", 3, *arguments, "--out", "one").exit_code == 0
    found, expected = (NetworkRecord.load(f"{run}/network.safetensors") for run in ("many", "one"))
    assert_same(found, expected)
    assert words(done.stdout).count("Record: many/network.safetensors") == 1
    assert words(done.stdout).count(f"{expected.n_samples} samples, 3 classes") == 1
    files = {"run.json", "metrics.jsonl", "network.safetensors", "report.html"}
    assert {path.name for path in (here / "many").iterdir() if path.name != ".lock"} == files
    run = Run.open("many")
    assert run.metrics() == json.loads(json.dumps(list(found.lines())))
    assert run.info()["n_samples"] == found.n_samples


def test_an_error_ends_all(here):
    done = launched(2, "--data", "launched_here:nope", "--out", "many")
    assert done.returncode != 0
    assert "expected a function nope in launched_here, got no such name." in words(done.stderr)
    assert not (here / "many").exists()


def test_a_folder_that_is_taken_ends_all(here):
    (here / "many").mkdir()
    (here / "many" / "notes.txt").touch()
    done = launched(2, "--data", "launched_here:batches", "--out", "many")
    assert done.returncode != 0
    assert "expected a new or empty folder at many, got other files there." in words(done.stderr)
    assert [path.name for path in (here / "many").iterdir()] == ["notes.txt"]


def test_a_process_that_dies_ends_all(here):
    done = launched(2, "--data", "launched_here:batches", "--forward", "launched_here:dying", "--out", "many")
    assert done.returncode != 0
    assert not (here / "many" / "network.safetensors").exists()
