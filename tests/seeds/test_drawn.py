"""Files of tests are left out for other seeds only where nothing is drawn, however it would be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
from seeds.drawn import add_option as pytest_addoption, register as pytest_configure
from seeds.shift import shift_seeds

shift_seeds()
"""

FILES = {
    "nothing": """
import numpy

def test_numbers():
    assert numpy.ones(3).sum() == 3
""",
    "fixture": """
import numpy, pytest

@pytest.fixture(scope="module")
def rows():
    return numpy.random.default_rng(0).random(3)

def test_rows(rows):
    assert rows.max() < 1
""",
    "module": """
import torch

GENERATOR = torch.Generator().manual_seed(0)

def test_rows():
    assert torch.rand(3, generator=GENERATOR).max() < 1
""",
    "legacy": """
import numpy

def test_rows():
    assert numpy.random.RandomState(0).random_sample(3).max() < 1
""",
    "test": """
import torch

def test_rows():
    torch.manual_seed(0)
""",
    "process": """
import subprocess, sys

def test_process():
    subprocess.run([sys.executable, "-c", "import numpy; numpy.random.default_rng(0)"], check=True)
""",
    "hypothesis": """
from hypothesis import given, strategies

@given(strategies.integers())
def test_number(n):
    assert n == n
""",
}


@pytest.fixture
def run(tmp_path):
    """Runs pytest on a folder with these files of tests, and returns what it prints."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name, text in FILES.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    seeds = Path(__file__).parent
    environment = {**os.environ, "AGOP_SEED": "3", "PYTHONPATH": os.pathsep.join([str(seeds), str(seeds.parent)])}

    def run(*options):
        command = [sys.executable, "-m", "pytest", "-q", *options, str(tmp_path)]
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


@pytest.mark.slow
def test_files_in_which_nothing_is_drawn_are_left_out(run):
    """Also where other processes run the tests."""
    first = run("--numprocesses=1", "--dist=loadfile")
    assert f"{len(FILES)} passed" in first
    assert "same for other seeds" in first
    assert "test_nothing.py" in first
    again = run("--drawn")
    assert f"{len(FILES) - 1} passed" in again
    assert "left out" in again
    assert "test_nothing.py" in again
    without_cache = run("--drawn", "-p", "no:cacheprovider")
    assert f"{len(FILES)} passed" in without_cache
