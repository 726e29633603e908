"""``torchrun -m agop``: numbers of one process, written and printed once, and an end for all on an error."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from agop.estimator import load
from agop.runs import Run
from commands import invoke, words

pytestmark = pytest.mark.slow
pandas = pytest.importorskip("pandas")

DEEP_RFM = ["deep-rfm", "digits", "--samples", "150", "--test-samples", "40", "--depth", "2", "--width", "16"]


def launched(n, *arguments):
    """Result of ``agop`` in n processes of torchrun."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n), "-m", "agop"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "250", "AGOP_DATA": ""}
    return subprocess.run(
        [*start, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=600
    )


def test_deep_rfm_has_the_numbers_of_one_process(tmp_path):
    options = [*DEEP_RFM, "--control", "--seed", "0", "--seed", "1"]
    done = launched(2, *options, "--out", str(tmp_path / "many"))
    assert done.returncode == 0, done.stderr
    assert invoke(*options, "--out", tmp_path / "one").exit_code == 0
    many, one = Run.open(tmp_path / "many"), Run.open(tmp_path / "one")
    assert {path.name for path in many.path.iterdir()} == {path.name for path in one.path.iterdir()}
    for line, expected in zip(many.metrics(), one.metrics(), strict=True):
        assert line.pop("stage") == expected.pop("stage")
        assert [name for name in line if line[name] is None] == [name for name in expected if expected[name] is None]
        left = {name: value for name, value in expected.items() if value is not None}
        assert {name: line[name] for name in left} == pytest.approx(left, rel=1e-8, abs=1e-12)
    assert words(done.stdout).count("Deep RFM on digits: means over seeds") == 1
    again = launched(2, *options, "--out", str(tmp_path / "many"))
    assert again.returncode == 0, again.stderr
    assert many.metrics() == Run.open(tmp_path / "many").metrics()


def test_fit_writes_the_model_of_one_process(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((90, 3))
    table = pandas.DataFrame(x, columns=["a", "b", "c"]).assign(y=np.sin(2 * x[:, 0]) + x[:, 1])
    table.to_csv(tmp_path / "table.csv", index=False)
    options = ["fit", str(tmp_path / "table.csv"), "--target", "y"]
    done = launched(2, *options, "--out", str(tmp_path / "many.safetensors"))
    assert done.returncode == 0, done.stderr
    assert words(done.stdout).count("Model: ") == 1
    assert words(done.stdout).count("table.csv: 90 rows") == 1
    assert invoke(*options, "--out", tmp_path / "one.safetensors").exit_code == 0
    many, one = (load(tmp_path / f"{name}.safetensors") for name in ("many", "one"))
    rows = table.drop(columns="y")
    np.testing.assert_allclose(many.predict(rows), one.predict(rows), rtol=0, atol=1e-8)


def test_a_folder_that_is_taken_ends_all(tmp_path):
    (tmp_path / "notes.txt").touch()
    done = launched(2, *DEEP_RFM, "--out", str(tmp_path))
    assert done.returncode != 0
    assert f"expected a new or empty folder at {tmp_path}, got other files there." in words(done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
