"""Sentences that are computed from the numbers."""

from __future__ import annotations

import pytest

from agop.reports import deep_rfm_findings


def line(layer, stage, nc1, control=False, seed=0, accuracy=None):
    return {
        "seed": seed,
        "control": control,
        "layer": layer,
        "stage": stage,
        "nc1_trace_ratio": nc1,
        "test_accuracy": accuracy,
    }


def test_fall_cause_control_and_accuracy(run):
    assert deep_rfm_findings(run.metrics()) == [
        "NC1 of the layer inputs falls from 11.3 at layer 1 to 0.707 at layer 3, 4x a layer "
        "(95 % interval at layer 3: 0.00865 to 57.8, 2 seeds).",
        "The AGOP step multiplies NC1 by 0.25 and the random features by 8 (geometric means over the layers).",
        "NC1 of the control, without the AGOP, rises from 11.3 at layer 1 to 25.5 at layer 3, 1.5x a layer "
        "(95 % interval at layer 3: 0.311 to 2.08e+03, 2 seeds).",
        "Test accuracy of the layer predictors is 0.760 at layer 1 and 0.780 at layer 3.",
    ]


def test_geometric_means_over_the_layers():
    lines = [line(1, "input", 1.0), line(1, "agop", 0.5), line(1, "features", 1.0)]
    lines += [line(2, "input", 2.0), line(2, "agop", 0.25), line(2, "features", 2.0)]
    assert "by 0.25 and the random features by 4 " in deep_rfm_findings(lines)[1]


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (1.0, "NC1 of the layer inputs falls from 9 at layer 1 to 1 at layer 3, 3x a layer."),
        (36.0, "NC1 of the layer inputs rises from 9 at layer 1 to 36 at layer 3, 2x a layer."),
    ],
)
def test_direction_is_not_assumed(end, sentence):
    assert deep_rfm_findings([line(1, "input", 9.0), line(3, "input", end)]) == [sentence]


def test_a_depth_of_one_has_no_trend():
    lines = [line(1, "input", 9.0), line(1, "input", 2.5, control=True)]
    assert deep_rfm_findings(lines) == [
        "NC1 of the layer inputs is 9 at layer 1.",
        "NC1 of the control, without the AGOP, is 2.5 at layer 1.",
    ]


def test_accuracies_of_zero_count():
    lines = [line(1, "input", 4.0, seed=seed, accuracy=accuracy) for seed, accuracy in enumerate([0.0, 0.5])]
    assert "Test accuracy of the layer predictors is 0.250 at layer 1" in deep_rfm_findings(lines)[-1]


def test_control_alone():
    (sentence,) = deep_rfm_findings([line(1, "input", 2.0, control=True), line(2, "input", 4.0, control=True)])
    assert sentence.startswith("NC1 of the control, without the AGOP, rises from 2")


@pytest.mark.parametrize("nc1", [None, 0.0])
def test_nothing_to_say(nc1):
    assert deep_rfm_findings([line(1, "input", nc1)]) == ["No layer has a positive, finite NC1."]
    assert deep_rfm_findings([]) == ["No layer has a positive, finite NC1."]
