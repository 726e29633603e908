"""What is read first of runs of Deep RFM, on made-up runs for which the answer is known."""

from __future__ import annotations

import numpy as np

from agop import DeepRFMClassifier
from agop.deep_rfm import ReLUFeatures
from agop.deep_rfm.result import DeepRFMResult
from agop.deep_rfm.summary import deep_rfm_data, deep_rfm_summary


def run(name, *layers, accuracy=1.0, control=()):
    """A run with (input, after the AGOP, after the random features) of each layer, and inputs of its control."""
    lines = [
        {"seed": 0, "control": False, "layer": k, "stage": stage, "nc1_trace_ratio": nc1, "train_accuracy": accuracy}
        for k, layer in enumerate(layers, 1)
        for stage, nc1 in zip(("input", "agop", "features"), layer, strict=True)
    ]
    lines += [
        {"seed": 0, "control": True, "layer": k, "stage": "input", "nc1_trace_ratio": nc1, "train_accuracy": 1.0}
        for k, nc1 in enumerate(control, 1)
    ]
    return DeepRFMResult(name, {"settings": {"samples": 60, "test_samples": 20}}, lines)


def marked(summary):
    return {summary.table.rows[row][0]: summary.table.columns[column] for row, column in summary.deciding}


def test_a_fall_by_the_agop():
    summary = deep_rfm_summary([run("a", (4.0, 1.0, 2.0), (2.0, 0.5, 1.0), control=(4.0, 5.0))])
    assert summary.sentence == "NC1 falls from 4 to 2 over layers 1 to 2; the AGOP step makes 100 % of the fall."
    assert marked(summary) == {"a": "AGOP step in the fall"}
    assert summary.table.rows == [["a", "yes", "4 → 2", "4 → 5", "100 %", "1"]]


def test_falls_that_the_agop_does_not_make():
    other = deep_rfm_summary([run("a", (4.0, 6.0, 2.0), (2.0, 3.0, 1.0))])
    assert other.sentence == "NC1 falls from 4 to 2 over layers 1 to 2."
    assert marked(other) == {"a": "NC1, first → last"}
    still = deep_rfm_summary([run("a", (4.0, 4.0, 2.0), (2.0, 2.0, 1.0))])
    assert still.sentence == "NC1 falls from 4 to 2 over layers 1 to 2."
    assert "AGOP step in the fall" not in still.table.columns
    rising = deep_rfm_summary([run("a", (1.0, 0.9, 2.0), (2.0, 1.8, 4.0))])
    assert rising.sentence == "NC1 rises from 1 to 2 over layers 1 to 2."


def test_what_has_not_fitted_comes_first():
    summary = deep_rfm_summary([run("a", (4.0, 1.0, 2.0), (2.0, 0.5, 1.0), accuracy=0.4)])
    assert summary.sentence == "The last layer has not fitted its data (accuracy 0.4)."
    assert marked(summary) == {"a": "fitted"}


def test_runs_that_are_compared():
    summary = deep_rfm_summary([run("a", (4.0, 1.0, 2.0), (2.0, 1.0, 1.0)), run("b", (4.0, 1.0, 2.0), (0.5, 0.1, 0.2))])
    assert summary.sentence == "NC1, last layer: lowest in b."
    assert marked(summary) == {"b": "NC1, first → last"}


def test_data():
    assert deep_rfm_data(run("a", (4.0, 1.0, 2.0))) == "60 training samples, 20 test samples"


def test_one_class_for_all_has_not_fitted():
    """Where it has 97 of 100 samples, a classifier with a large ridge is right in 97 %, and has learned nothing."""
    X, y = np.random.default_rng(0).standard_normal((100, 3)), (np.arange(100) < 3).astype(int)
    for ridge, fitted in ((100.0, False), (1e-6, True)):
        model = DeepRFMClassifier(depth=1, features=ReLUFeatures(16), ridge=ridge, random_state=0).fit(X, y)
        fit = DeepRFMResult.of(model).fit()
        assert fit.value >= 0.95
        assert fit.fitted is fitted
