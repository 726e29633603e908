"""Fits to rows of a memory-mapped file, of which no copy is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agop import RFMRegressor
from agop.kernels import Laplace
from agop.rfm import samples as samples_module
from agop.solvers import Nystrom

RNG = np.random.default_rng(0)


def mapped(folder, n, d):
    """A memory map of n random rows, made part by part, and targets."""
    rows = np.lib.format.open_memmap(folder / "rows.npy", mode="w+", dtype=np.float32, shape=(n, d))
    for part in np.array_split(np.arange(n), 20):
        rows[part] = RNG.uniform(-1, 1, (len(part), d))
    rows.flush()
    return np.load(folder / "rows.npy", mmap_mode="r"), np.sin(3 * rows[:, 0]) + rows[:, 1]


def test_the_model_is_that_of_an_array(tmp_path, monkeypatch):
    monkeypatch.setattr(samples_module, "IN_PLACE_ROWS", 5000)
    rows, y = mapped(tmp_path, 6000, 4)
    models = [
        RFMRegressor("laplace", n_iterations=1, solver=Nystrom(200), metric_samples=400).fit(x, y)
        for x in (rows, np.array(rows))
    ]
    np.testing.assert_array_equal(models[0].predict(rows), models[1].predict(np.array(rows)))
    assert models[0].score(rows[:500], y[:500]) > 0.98


def test_the_order_of_many_rows_changes_little(monkeypatch):
    monkeypatch.setattr(samples_module, "IN_PLACE_ROWS", 5000)
    x = RNG.uniform(-1, 1, (6000, 3))
    y = np.sin(3 * x[:, 0]) + 0.1 * RNG.standard_normal(6000)
    first, second = (
        RFMRegressor(Laplace(3.0), n_iterations=1, solver=Nystrom(300), metric_samples=400).fit(x[rows], y[rows])
        for rows in (slice(None), slice(None, None, -1))
    )
    assert np.square(first.predict(x) - second.predict(x)).mean() < 1e-3


FIT = """
import resource, sys
import numpy as np
import agop.chunks
from agop import RFMRegressor
from agop.kernels import Laplace
from agop.solvers import Nystrom, nystrom

nystrom._WORK_BYTES = agop.chunks.DEFAULT_CHUNK_BYTES = 2**22
rows = np.load(sys.argv[1], mmap_mode="r")
y = rows[:, 0] * rows[:, 1]
few = {"solver": Nystrom(30), "metric_samples": 200, "agop_samples": 100}
model = RFMRegressor(Laplace(5.0), ridge=1e-2, n_iterations=1, power=1, **few)
model.fit(rows[:300], y[:300]).predict(rows[:300])
data = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
limit = data + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
model.fit(rows, y).predict(rows)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is limited as on Linux")
def test_the_table_need_not_fit_in_memory(tmp_path):
    """With less memory than the table has bytes, beside a dozen numbers for each row."""
    rows, _ = mapped(tmp_path, 210_000, 150)
    limit = int(0.6 * rows.nbytes)
    assert 12 * 8 * len(rows) < limit
    command = [sys.executable, "-c", FIT, str(tmp_path / "rows.npy"), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
