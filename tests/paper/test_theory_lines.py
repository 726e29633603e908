"""Lines of the two figures of theory against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.datasets import subset
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.paper.computed import Rows, collapse_of_gram, write_once
from agop.paper.curves import curve
from agop.paper.kernel_learning_lines import KernelLearningSettings, kernel_learning_lines
from agop.paper.recursion_lines import explaining_shift, recursion_lines
from agop.runs import select
from oracles import collapse as oracles_collapse

SETTINGS = DeepRFMSettings(samples=150, test_samples=0, depth=3, width=64)


@pytest.fixture(scope="module")
def rows(load):
    return Rows.of(subset(load("digits"), 150, 0), "feature", "cpu")


@pytest.fixture(scope="module")
def recursion(rows):
    return list(recursion_lines(SETTINGS, rows))


def test_measured_curve_is_that_of_deep_rfm(recursion, load, tmp_path):
    run = run_deep_rfm(SETTINGS, load("digits"), tmp_path / "run")
    for stage in ("input", "agop", "features"):
        expected = curve(select(run.metrics(), stage=stage), "nc1_trace_ratio", "layer")
        found = curve(select(recursion, curve="measured", stage=stage), "nc1_trace_ratio", "layer")
        assert found == pytest.approx(expected, rel=1e-6)


def test_curves_and_stages(recursion):
    found = {name: {(line["layer"], line["stage"]) for line in select(recursion, curve=name)} for name in CURVES}
    every = {(layer, stage) for layer in (1, 2, 3) for stage in ("input", "agop", "features")}
    assert all(
        found[name] == (every if name != "one step" else {(1, "agop"), (2, "agop"), (3, "agop")}) for name in CURVES
    )
    start = [line["nc1_trace_ratio"] for line in select(recursion, layer=1, stage="input")]
    assert start[1:] == [start[1]] * 3  # all three from the centered inputs
    assert start[1] == pytest.approx(start[0], rel=0.05)


CURVES = ("measured", "one step", "first", "refitted", "explained")


def test_predictions_follow_from_the_shifts_that_are_written(recursion, rows):
    """The recursion in numpy with the shifts of the lines."""
    x = rows.inputs.numpy()
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    x = x - x.mean(0)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    y = np.eye(10)[rows.labels] * 2 - 1
    y = y - y.mean(0)
    shifts = select(recursion, curve="measured", stage="input")
    for name, kernel, features in (
        ("refitted", "kernel_shift", "features_shift"),
        ("explained", "kernel_shift", "explaining_shift"),
    ):
        gram = x @ x.T
        for line in shifts:
            predictions = gram @ np.linalg.solve(gram + line[kernel] * np.eye(len(x)), y)
            mapped = predictions @ predictions.T
            after = mapped / np.diag(mapped).mean() + line[features] * np.eye(len(x))
            (found,) = select(recursion, curve=name, layer=line["layer"], stage="features")
            assert found["nc1_trace_ratio"] == pytest.approx(nc1(after, rows), rel=1e-6)
            gram = after / np.sqrt(np.outer(np.diag(after), np.diag(after)))


def nc1(gram, rows):
    """NC1 of features whose inner products these are."""
    values, vectors = np.linalg.eigh(gram)
    features = vectors * np.sqrt(np.clip(values, 0, None))
    return oracles_collapse.nc1_trace_ratio(features, rows.labels.numpy(), 10)


def test_one_agop_step_is_predicted_well(recursion):
    measured, predicted = (
        curve(select(recursion, curve=name, stage="agop"), "nc1_trace_ratio", "layer")
        for name in ("measured", "one step")
    )
    assert all(abs(np.log10(predicted[layer] / measured[layer])) < 0.3 for layer in (1, 2, 3))


def test_explaining_shift(rows):
    generator = torch.Generator().manual_seed(0)
    mapped = rows.inputs[:, :20] + torch.randn(150, 20, generator=generator, dtype=torch.float64)
    mapped = mapped - mapped.mean(0)
    gram = mapped @ mapped.T
    gram = gram * (150 / gram.trace())
    features = torch.linalg.cholesky(gram + 0.4 * torch.eye(150))
    assert explaining_shift(7 * mapped + 5, features, rows) == pytest.approx(0.4)
    assert explaining_shift(mapped, mapped, rows) == pytest.approx(0, abs=1e-9)


def test_balanced_rows(rows):
    chosen = rows.balanced(5)
    assert torch.bincount(chosen.labels).tolist() == [5] * 10
    first = [row for c in range(10) for row in np.flatnonzero(rows.labels.numpy() == c)[:5]]
    torch.testing.assert_close(chosen.inputs, rows.inputs[sorted(first)])


@pytest.fixture(scope="module")
def kernels(rows):
    settings = KernelLearningSettings(per_class=5, steps=15, iterations=2, depth=3, width=32)
    return settings, rows.balanced(5), list(kernel_learning_lines(settings, rows.balanced(5), lambda text: None))


def test_objective_of_the_first_kernel(kernels):
    """RFM before any update, Deep RFM at layer 1, and the descent on signed targets start at the Laplace kernel."""
    settings, chosen, lines = kernels
    x = chosen.inputs.numpy()
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    kernel = np.exp(-np.sqrt(np.clip(2 - 2 * x @ x.T, 0, None)) / settings.bandwidth)
    y = np.eye(10)[chosen.labels] * 2 - 1
    alpha = np.linalg.solve(kernel + settings.ridge * np.eye(50), y)
    expected = np.sum((kernel @ alpha - y) ** 2) + settings.ridge * np.trace(alpha.T @ kernel @ alpha)
    starts = [("descent", "signed", 0), ("rfm", "RFM", 0), ("layers", "Deep RFM", 1), ("layers", "control", 1)]
    for panel, name, step in starts:
        (line,) = select(lines, panel=panel, curve=name, step=step)
        assert line["objective"] == pytest.approx(expected, rel=1e-6)
        assert line["nc1_trace_ratio"] == pytest.approx(nc1(kernel, chosen), rel=1e-6)


def test_panels(kernels):
    _, _, lines = kernels
    for coding in ("one-hot", "centered", "signed"):
        found = select(lines, panel="descent", curve=coding)
        objectives = [line["objective"] for line in found]
        assert objectives == sorted(objectives, reverse=True)
        assert objectives[-1] >= found[-1]["minimum"]
        assert found[-1]["distance"] < found[0]["distance"]
    assert len(select(lines, panel="rfm")) == 3
    assert len(select(lines, panel="layers")) == 6
    free = select(lines, panel="unconstrained")
    assert {(line["curve"], line["shuffled"]) for line in free} == {
        (name, shuffled)
        for name in ("linear, 1 layer", "linear, 3 layers", "ReLU, 3 layers")
        for shuffled in (False, True)
    }
    ends = [select(free, curve="linear, 1 layer", shuffled=shuffled)[-1] for shuffled in (False, True)]
    assert ends[0]["objective"] == pytest.approx(ends[1]["objective"], rel=1e-9)
    assert max(end["nc1_trace_ratio"] for end in ends) < 1e-6


def test_no_value_where_class_means_coincide(rows):
    assert collapse_of_gram(torch.ones(150, 150), rows) == {"nc1_trace_ratio": None, "nc2_gram_mse": None}


def test_written_once(load, tmp_path):
    calls = []

    def lines():
        calls.append(1)
        return [{"step": 0}]

    settings = KernelLearningSettings()
    for _ in range(2):
        run = write_once(settings, load("digits"), tmp_path / "run", lines)
    assert (run.metrics(), len(calls)) == ([{"step": 0}], 1)
