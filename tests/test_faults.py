"""Whatever call to the disk fails: the old files are whole, the error is one sentence, and a repetition ends the same.

A few calls of each command here, all of them by ``make faults``.
"""

from __future__ import annotations

import itertools
import json
import os

import numpy as np
import pytest

import agop
from agop.datasets import Dataset
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.errors import OutputError
from agop.kernels import Laplace
from agop.paper import TrainSettings, run_train
from agop.rfm import RFMRegressor
from agop.runs import Run, storage
from faults import ERRORS, Killed, failing_disk
from network.models import data, mlp, seeded

EVERY = 1 if os.environ.get("AGOP_FAULTS") == "all" else 13
FAULTS = (*ERRORS, Killed)
TIMES = ("started", "finished", "seconds", "resumed", "measured", "digest", "machine")
"""Sections of run.json that differ from one run to another."""


def toy():
    """Three classes, six features."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 12)
    inputs = rng.standard_normal((3, 6))[labels] + 0.3 * rng.standard_normal((36, 6))
    return Dataset("toy", inputs[:30], labels[:30], inputs[30:], labels[30:], ("a", "b", "c"))


def deep_rfm(folder):
    run_deep_rfm(DeepRFMSettings(data="toy", depth=2, width=8, ridge=1e-3, seeds=(0, 1)), toy(), folder / "run")


def train(folder):
    settings = TrainSettings(data="toy", width=5, fc_layers=2, epochs=2, batch_size=8, every=1, lr=0.1, seeds=(0, 1))
    run_train(settings, toy(), folder / "run")


def fit(folder):
    X = np.linspace(0, 1, 24).reshape(12, 2)
    model = RFMRegressor(Laplace(1.0), ridge=1e-3, n_iterations=1, selection=None).fit(X, X[:, 0])
    agop.save(model, folder / "model.safetensors")


def record(folder):
    agop.measure(seeded(mlp), [data()]).save(folder / "record.safetensors")


COMMANDS = {"deep-rfm": deep_rfm, "train": train, "fit": fit, "measure": record}


def found(folder):
    """Bytes of all files by name, without times; of a file by itself a killed process may leave another beside it."""
    contents = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"):
        if storage.is_temporary(file.name) and file.parent == folder:
            continue
        name = str(file.relative_to(folder))
        contents[name] = file.read_bytes()
        if file.name == "run.json":
            info = json.loads(contents[name])
            contents[name] = {key: value for key, value in info.items() if key not in TIMES}
    return contents


def assert_readable(folder):
    """Everything that is there can be read, except what was being written."""
    for file in folder.rglob("*"):
        if file.suffix == ".safetensors":
            storage.load(file)
        if file.name == "run.json":
            Run.open(file.parent).metrics()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What commands leave that nothing disturbs, and how many calls to the disk they take."""
    wholes = {}
    for name, command in COMMANDS.items():
        folder = tmp_path_factory.mktemp(name)
        with failing_disk(Killed, 10**9) as disk:
            command(folder)
        wholes[name] = found(folder), 10**9 - disk.left
    return wholes


@pytest.mark.parametrize("name", COMMANDS)
def test_every_call_to_the_disk_may_fail(name, whole, tmp_path):
    command, (expected, n_calls) = COMMANDS[name], whole[name]
    faults = itertools.cycle(FAULTS)
    tried = [(n, fault) for n in range(1, n_calls + 1) for fault in FAULTS]
    for n, fault in tried if EVERY == 1 else [(n, next(faults)) for n in range(1, n_calls + 1, EVERY)]:
        folder = tmp_path / f"{n}-{FAULTS.index(fault)}"
        folder.mkdir()
        try:
            with failing_disk(fault, n):
                command(folder)
        except (OutputError, Killed) as error:
            said = str(error)
            assert fault is Killed if isinstance(error, Killed) else os.strerror(fault) in said  # noqa: PT017
            assert "\n" not in said
        assert_readable(folder)
        command(folder)
        assert found(folder) == expected, (n, fault)
