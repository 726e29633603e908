"""Tests run for every seed, however they draw, and what fails for one of them is told with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SEEDS = Path(__file__).parent
CONFTEST = (SEEDS.parent / "conftest.py").read_text()

HELPER = """
import torch

NUMBER = torch.rand(1, generator=torch.Generator().manual_seed(0)).item()

def number():
    return NUMBER
"""

FILES = {
    "other/nothing": """
def test_numbers():
    assert sum([1, 1, 1]) == 3
""",
    "fixture": """
import numpy, pytest

@pytest.fixture(scope="session")
def number():
    return numpy.random.default_rng(0).random()

def test_number(number):
    print("fixture", number)
""",
    "cache": """
import functools, numpy

@functools.cache
def number():
    return numpy.random.RandomState(0).random_sample()

def test_number():
    print("cache", number())
""",
    "module": """
import helper

def test_number():
    print("module", helper.number())
""",
    "process": """
import subprocess, sys

def test_process():
    program = "import torch; print('process', torch.manual_seed(0).initial_seed())"
    print(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)
""",
    "hypothesis": """
from hypothesis import given, strategies

FIRST = []

@given(strategies.floats(1, 2))
def test_number(number):
    FIRST.append(number)

def teardown_function():
    print("hypothesis", FIRST[3:6])
    FIRST.clear()
""",
    "threads": """
import torch

def test_threads():
    torch.manual_seed(0)
    print("threads", torch.get_num_threads())
""",
}


@pytest.fixture
def sweep(tmp_path):
    """Runs pytest for seeds on a folder with these files of tests, and returns its exit code and what it prints."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text(CONFTEST)
    (tests / "helper.py").write_text(HELPER)
    environment = {name: value for name, value in os.environ.items() if name != "AGOP_SEED"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tests), str(SEEDS.parent), environment.get("PYTHONPATH", "")])

    def sweep(files, *options):
        for path, text in files.items():
            folder, _, name = path.rpartition("/")
            file = tests / folder / f"test_{name}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(tests)]
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    return sweep


def test_all_that_is_drawn_is_drawn_anew(sweep):
    """Fixtures of a session, what modules draw or keep, examples of Hypothesis, processes, and threads."""
    code, text = sweep(FILES, "--seeds", "4-6", "--capture=no")
    assert code == 0, text
    lines = {line.lstrip(".") for line in text.splitlines()}
    for name in FILES:
        assert sum(line.startswith(name) for line in lines) == {"other/nothing": 0, "threads": 2}.get(name, 3), name
    assert "1 tests ran for 1 of them" in text
    assert "6 tests ran for 3 of them" in text
    assert "7 passed" in text


FAILS = """
import numpy

def test_seed():
    number = numpy.random.default_rng(0).integers(1000)
    assert number not in [numpy.random.Generator(numpy.random.PCG64(seed)).integers(1000) for seed in (5, 8)]
"""


def test_the_seeds_that_fail_are_told(sweep):
    """Also where other processes run the tests."""
    code, text = sweep({"some": FAILS}, "--seeds", "3-9", "--numprocesses=1")
    assert code == 1
    assert "AGOP_SEED=" in text
    assert "[5, 8]" in text
    assert "1 failed" in text


def test_no_other_seed_starts_when_the_time_is_over(sweep):
    code, text = sweep({"slow": FILES["fixture"]}, "--seeds", "0-9", "--seconds", "0")
    assert code == 0
    assert "1 tests ran for 1 of them" in text
