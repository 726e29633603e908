"""What every test shares: where real data are, small problems, and settings that make each run the same."""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch

from agop import datasets
from agop.runs import Run
from seeds.shift import set_shift, shift, shift_seeds, shift_seeds_of_processes
from seeds.sweep import Sweep, add_options

os.environ["MPLBACKEND"] = "Agg"

hypothesis.settings.register_profile("agop", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("agop")


def pytest_addoption(parser):
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """The console of the commands has no width of its own; seeds are shifted before files of tests are imported."""
    os.environ.pop("COLUMNS", None)
    importlib.import_module("agop.cli.terminal")
    if seeds := config.getoption("--seeds"):
        set_shift(seeds[0])
        config.pluginmanager.register(Sweep(seeds, config.getoption("--seconds")))
    if "AGOP_SEED" in os.environ:
        shift_seeds()
        shift_seeds_of_processes()


def pytest_runtest_setup(item):
    """Hypothesis draws other examples for other seeds."""
    if "AGOP_SEED" in os.environ and "hypothesis" in item.keywords:
        hypothesis.seed(shift())(item.obj)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Matrices this small are not worth a second thread; numbers must not depend on it, so odd seeds have two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1 + shift() % 2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with one folder a data set; a test that needs it is skipped where there is none."""
    beside_checkout = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("AGOP_DATA") or beside_checkout)
    if not folder.is_dir():
        pytest.skip("no data folder: set AGOP_DATA")
    return folder


@pytest.fixture
def blobs():
    """Three overlapping classes in five dimensions, (90, 5) and labels 0, 1, 2, and 40 new rows with labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(130) % 3)
    centers = 2 * rng.standard_normal((3, 5))
    rows = centers[labels] + rng.standard_normal((130, 5))
    return rows[:90], labels[:90], rows[90:], labels[90:]


@pytest.fixture
def surface():
    """A smooth function of two out of five features, (80, 5), and 40 new rows."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((120, 5))
    values = np.sin(rows[:, 0]) + rows[:, 1] ** 2
    return rows[:80], values[:80], rows[80:], values[80:]


def line(seed, layer, stage, nc1, control=False, **measures):
    """A line of metrics.jsonl."""
    return {
        "seed": seed,
        "control": control,
        "layer": layer,
        "stage": stage,
        "nc1_trace_ratio": nc1,
        "nc2_gram_mse": 0.1 / layer,
        "train_accuracy": 1.0,
        "test_accuracy": 0.75 + 0.01 * layer,
        **measures,
    }


@pytest.fixture(scope="module")
def make_run(tmp_path_factory):
    """A run folder with made-up numbers: NC1 falls fourfold a layer, that of the control rises."""

    def make(depth=3, seeds=(0, 1), control=True, gram_size=12, notes=(), **changes):
        settings = {"data": "digits", "permute_labels": False, **changes}
        run = Run.create(tmp_path_factory.mktemp("runs") / "run", settings, kind="deep-rfm")
        generator = torch.Generator().manual_seed(0)
        tensors = {}
        for is_control in (False, True) if control else (False,):
            for seed in seeds:
                for layer in range(1, depth + 1):
                    start = 8.0 * (1 + seed) * (1.5**layer / 1.5 if is_control else 4.0 ** (1 - layer))
                    factors = {"input": 1, "agop": 1 if is_control else 0.25, "features": 2}
                    run.append(line(seed, layer, stage, start * f, is_control) for stage, f in factors.items())
                    name = f"{'control' if is_control else 'agop'}/seed{seed}/layer{layer:02d}"
                    if not is_control:
                        tensors[f"{name}/spectrum"] = torch.tensor([4.0, 2.0, 1.0]) / layer
                    if seed == seeds[0]:
                        for stage in factors:
                            gram = torch.rand(gram_size, gram_size, generator=generator) * 2 - 1
                            tensors[f"{name}/gram/{stage}"] = gram.half()
        run.save_tensors(tensors)
        third = gram_size // 3
        run.record(notes=list(notes), n_classes=3, gram_counts=[third, third, gram_size - 2 * third], seconds=1.5)
        run.finish()
        return run

    return make


@pytest.fixture(scope="module")
def run(make_run):
    return make_run()


@pytest.fixture(scope="session")
def load():
    """Loader that reads each data set once."""
    return functools.lru_cache(datasets.load)
