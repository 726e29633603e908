"""Sentences that are computed from the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from agop.deep_rfm.findings import accuracy_findings, collapse_findings, deep_rfm_comparison, deep_rfm_findings
from agop.deep_rfm.result import DeepRFMResult
from agop.deep_rfm.steps import Steps
from agop.runs import summarize_seeds


def line(layer, stage, nc1, control=False, seed=0, accuracy=None, train=1.0):
    return {
        "seed": seed,
        "control": control,
        "layer": layer,
        "stage": stage,
        "nc1_trace_ratio": nc1,
        "train_accuracy": train,
        "test_accuracy": accuracy,
    }


def test_fall_cause_control_and_accuracy(run):
    assert deep_rfm_findings(run.metrics()) == [
        "NC1 of the layer inputs falls from 11.3 at layer 1 to 0.707 at layer 3, 4x a layer "
        "(2 seeds at layer 3: 0.5 to 1).",
        "The AGOP step divides NC1 by 4, the random features multiply it by 8 and the normalisation divides it by 8 "
        "(geometric means over layers 1 to 2): 40 % of the fall is at the AGOP step and 60 % at the normalisation, and "
        "the random features undo 60 % of it.",
        "NC1 of the control, without the AGOP, rises from 11.3 at layer 1 to 25.5 at layer 3, 1.5x a layer "
        "(2 seeds at layer 3: 18 to 36).",
        "Test accuracy of the layer predictors is 0.760 at layer 1 and 0.780 at layer 3.",
    ]


def test_geometric_means_over_the_layers():
    lines = [line(1, "input", 1.0), line(1, "agop", 0.5), line(1, "features", 1.0)]
    lines += [line(2, "input", 2.0), line(2, "agop", 0.25), line(2, "features", 2.0), line(3, "input", 3.0)]
    assert deep_rfm_findings(lines)[1] == (
        "The AGOP step divides NC1 by 4, the random features multiply it by 4 and the normalisation multiplies it by "
        "1.73 (geometric means over layers 1 to 2): what it falls by at the AGOP step it rises by at the random "
        "features and normalisation and more."
    )


def test_the_steps_make_up_the_fall_from_input_to_input():
    """Whatever the numbers, of several seeds too: the last layer, which leads nowhere, does not count."""
    random = np.random.default_rng(0)
    depth, stages = 5, ("input", "agop", "features")
    nc1 = np.exp(random.normal(size=(2, depth, 3)))
    lines = [
        line(k + 1, stage, nc1[seed, k, s], seed=seed)
        for seed in range(2)
        for k in range(depth)
        for s, stage in enumerate(stages)
    ]
    falls = Steps.of(summarize_seeds(lines, "nc1_trace_ratio")).falls
    logs = np.log(nc1).mean(0)
    expected = [(logs[:-1, 0] - logs[:-1, 1]).mean(), (logs[:-1, 1] - logs[:-1, 2]).mean()]
    expected.append((logs[:-1, 2] - logs[1:, 0]).mean())
    assert list(falls.values()) == pytest.approx(expected)
    assert sum(falls.values()) == pytest.approx((logs[0, 0] - logs[-1, 0]) / (depth - 1))


@pytest.mark.parametrize(
    ("agop", "features", "sentence"),
    [
        (0.1, 0.1 * 10**-0.25, "80 % of the fall is at the AGOP step and 20 % at the random features"),
        (0.1, 0.1, "all of the fall is at the AGOP step"),
        (1.0, 0.1, "all of the fall is at the random features"),
        (0.1, 0.10001, "all of the fall is at the AGOP step"),
        (0.1, 1.0, "what it falls by at the AGOP step it rises by at the random features"),
        (0.01, 0.1, "all of the fall is at the AGOP step, and the random features undo 50 % of it"),
        (10.0, 0.1, "all of the fall is at the random features, and the AGOP step undoes 50 % of it"),
        (0.1, 10.0, "what it falls by at the AGOP step it rises by at the random features and more"),
        (100.0, 10.0, "what it falls by at the random features it rises by at the AGOP step and more"),
        (10.0, 100.0, "no step makes it fall"),
        (1.0, 1.0, "no step makes it fall"),
    ],
)
def test_cause_of_the_fall(agop, features, sentence):
    lines = [line(1, "input", 1.0), line(1, "agop", agop), line(1, "features", features)]
    assert f": {sentence}." in deep_rfm_findings(lines)[1]


def result(name, *lines):
    return DeepRFMResult(name, {"settings": {}}, lines)


def test_a_run_in_one_sentence():
    lines = [line(1, "input", 9.0), line(1, "agop", 1.0), line(1, "features", 3.0), line(3, "input", 1.0)]
    lines += [line(1, "input", 9.0, control=True), line(2, "input", 18.0, control=True)]
    assert collapse_findings([result("a", *lines)], "nc1_trace_ratio") == [
        "NC1 falls 3x a layer; all of the fall is at the AGOP step, and the random features undo 50 % of it; without "
        "the AGOP it rises 2x a layer."
    ]
    assert collapse_findings([result("a", line(1, "input", 2.0))], "nc1_trace_ratio") == ["NC1 is 2 at layer 1."]
    assert collapse_findings([result("a", line(1, "input", None))], "nc1_trace_ratio") == [
        "No layer has a positive, finite NC1."
    ]


def test_runs_are_compared_at_their_last_layers():
    a = result("a", line(1, "input", 8.0), line(2, "input", 4.0))
    b = result("b", line(1, "input", 8.0), line(3, "input", 0.5))
    assert collapse_findings([a, b], "nc1_trace_ratio") == [
        "NC1 at the last layer of each is lowest in b (0.5), 8x below a; of one seed the spread is not known.",
        "a: NC1 of the layer inputs falls from 8 at layer 1 to 4 at layer 2, 2x a layer.",
        "b: NC1 of the layer inputs falls from 8 at layer 1 to 0.5 at layer 3, 4x a layer.",
    ]


def test_best_layer():
    lines = [line(k, "input", 1.0, accuracy=accuracy) for k, accuracy in ((1, 0.5), (2, 0.75), (3, 0.625))]
    assert accuracy_findings([result("a", *lines)]) == [
        "Test accuracy of the layer predictors is 0.500 at layer 1 and 0.625 at layer 3; it is best at layer 2, 0.750."
    ]


@pytest.mark.parametrize(
    ("accuracies", "end"),
    [
        ((1.0, 1.0, 1.0), "is 1.000 at layer 1 and 1.000 at layer 3."),
        ((0.5, 0.75, 0.7502), "is 0.500 at layer 1 and 0.750 at layer 3."),
        ((0.75, 0.5, 0.625), "is 0.750 at layer 1 and 0.625 at layer 3; no layer is better than the first."),
    ],
)
def test_ties_of_the_best_layer(accuracies, end):
    lines = [line(k, "input", 1.0, accuracy=accuracy) for k, accuracy in enumerate(accuracies, start=1)]
    assert accuracy_findings([result("a", *lines)]) == [f"Test accuracy of the layer predictors {end}"]


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
    assert deep_rfm_findings(lines)[-1] == "Test accuracy of the layer predictor is 0.250."


def test_control_alone():
    (sentence,) = deep_rfm_findings([line(1, "input", 2.0, control=True), line(2, "input", 4.0, control=True)])
    assert sentence.startswith("NC1 of the control, without the AGOP, rises from 2")


@pytest.mark.parametrize("nc1", [None, 0.0])
def test_nothing_to_say(nc1):
    assert deep_rfm_findings([line(1, "input", nc1)]) == ["No layer has a positive, finite NC1."]
    assert deep_rfm_findings([]) == ["No layer has a positive, finite NC1."]


def test_layers_that_collapse_entirely_are_named():
    lines = [line(1, "input", 4.0), line(2, "input", 1.0), line(3, "input", 0.0), line(4, "input", 0.0)]
    zero = "NC1 of the layer inputs is 0 at layers 3 and 4, where it has no logarithm and is left out."
    assert deep_rfm_findings(lines)[-1] == zero
    assert collapse_findings([result("a", *lines)], "nc1_trace_ratio") == ["NC1 falls 4x a layer.", zero]
    first, _, _, last = collapse_findings([result("a", line(1, "input", 2.0)), result("b", *lines)], "nc1_trace_ratio")
    assert first == "NC1 at the last layer of each is lowest in b (0); of one seed the spread is not known."
    assert last == f"b: {zero}"
    seeds = [line(1, "input", 4.0), line(1, "input", 0.0, seed=1)]
    assert deep_rfm_findings(seeds)[-1].startswith("NC1 of the layer inputs is 0 in some seeds at layer 1, ")


def test_runs_without_a_value_at_their_last_layer_are_not_compared():
    a = result("a", line(1, "input", 8.0), line(2, "input", None))
    b = result("b", line(1, "input", 8.0), line(2, "input", 4.0))
    assert deep_rfm_comparison([a, b]) == []


def test_a_control_alone_is_compared_and_its_accuracy_told():
    control = [line(1, "input", 4.0, control=True, accuracy=0.5), line(2, "input", 8.0, control=True, accuracy=0.75)]
    runs = [result("a", line(1, "input", 4.0), line(2, "input", 1.0)), result("b", *control)]
    assert deep_rfm_comparison(runs) == [
        "NC1 at the last layer is lowest in a (1), 8x below b; of one seed the spread is not known."
    ]
    assert accuracy_findings(runs[1:]) == [
        "Test accuracy of the control, without the AGOP, is 0.500 at layer 1 and 0.750 at layer 2."
    ]
    assert collapse_findings(runs[1:], "nc1_trace_ratio") == ["Without the AGOP NC1 rises 2x a layer."]


def test_what_hardly_changes():
    lines = [line(1, "input", 9.0), line(2, "input", 9.001)]
    assert collapse_findings([result("a", *lines)], "nc1_trace_ratio") == ["NC1 hardly changes."]
    assert deep_rfm_findings(lines) == ["NC1 of the layer inputs hardly changes from 9 at layer 1 to 9 at layer 2."]


# ---- what must not be said ---------------------------------------------------------------------------------------


def seeds(name, *ends, train=1.0, start=8.0):
    lines = [
        line(layer, "input", nc1, seed=seed, train=train)
        for seed, end in enumerate(ends)
        for layer, nc1 in ((1, start), (2, end))
    ]
    return result(name, *lines)


def test_a_run_that_has_not_fitted_is_not_ranked():
    findings = deep_rfm_comparison([seeds("a", 2.0), seeds("b", 0.01, train=0.4), seeds("c", 1.0)])
    assert (
        findings[0]
        == "Not fitted, so that NC1 at the last layer is not compared: b 0.01 (training accuracy 0.4, below 0.95)."
    )
    assert findings[1].startswith("Among the others NC1 at the last layer is lowest in c (1)")
    assert deep_rfm_findings(seeds("b", 0.01, train=0.4).lines)[0].startswith("Not fitted: training accuracy 0.4")


def test_the_control_does_not_have_to_fit():
    control = [line(2, "input", 8.0, control=True, train=0.3)]
    assert not [text for text in deep_rfm_findings([*seeds("a", 2.0).lines, *control]) if text.startswith("Not fitted")]


def test_a_difference_inside_the_interval_is_no_finding():
    (text,) = deep_rfm_comparison([seeds("a", 2.0, 0.5, 1.0), seeds("b", 1.0, 0.4, 0.6)])
    assert "lowest" not in text
    (text,) = deep_rfm_comparison([seeds("a", 2.0, 2.1, 1.9), seeds("b", 1.0, 1.1, 0.9)])
    assert "lowest in b" in text


def test_a_course_inside_the_spread_is_no_fall():
    lines = seeds("a", 2.0, 20.0, 7.0).lines
    (text,) = deep_rfm_findings(lines)
    assert "lower in 2 of 3 seeds, inside their spread" in text
    assert "falls" not in text
    assert collapse_findings([result("a", *lines)], "nc1_trace_ratio") == [
        "NC1 moves by no more than the spread over 3 seeds."
    ]


def test_a_step_inside_the_spread_is_no_cause():
    def lines(*agop):
        return [
            line(1, stage, nc1, seed=seed)
            for seed, factor in enumerate(agop)
            for stage, nc1 in (("input", 1.0), ("agop", factor), ("features", factor))
        ]

    assert "no step makes it fall by more than the spread over seeds." in deep_rfm_findings(lines(0.1, 2.0, 0.5))[1]
    assert "all of the fall is at the AGOP step." in deep_rfm_findings(lines(0.1, 0.12, 0.09))[1]


def test_a_step_that_some_seeds_do_not_settle_is_marked():
    lines = [
        line(1, stage, nc1, seed=seed)
        for seed, factor in enumerate((0.3, 1.2, 0.5))
        for stage, nc1 in (("input", 1.0), ("agop", 0.1), ("features", 0.1 * factor))
    ]
    assert "(random features: no more than the spread over seeds)" in deep_rfm_findings(lines)[1]


def test_a_lower_value_on_the_way_is_told():
    lines = [line(layer, "input", nc1) for layer, nc1 in ((1, 16.0), (2, 0.1), (3, 4.0))]
    assert deep_rfm_findings(lines) == [
        "NC1 of the layer inputs falls from 16 at layer 1 to 4 at layer 3, 2x a layer on average, lowest at layer 2, "
        "0.1."
    ]


def test_seeds_without_a_value_do_not_make_a_fall():
    lines = [
        line(1, "input", 1.0),
        line(2, "input", None),
        line(1, "input", 100.0, seed=1),
        line(2, "input", 100.0, seed=1),
    ]
    assert "hardly changes from 100" in deep_rfm_findings(lines)[0]
    apart = [line(1, "input", 1.0), line(2, "input", 100.0, seed=1)]
    assert deep_rfm_findings(apart)[0].startswith("No seed has NC1 of the layer inputs both at layer 1 and at layer 2")


def test_the_best_layer_is_better_than_the_last_beyond_the_spread():
    def found(*best):
        lines = [
            line(layer, "input", 1.0, seed=seed, accuracy=accuracy)
            for seed, top in enumerate(best)
            for layer, accuracy in ((1, 0.5), (2, top), (3, 0.7))
        ]
        return accuracy_findings([result("a", *lines)])[0]

    assert found(0.9, 0.6, 0.75).endswith("; no layer is better than the last by more than the spread over seeds.")
    assert found(0.9, 0.91, 0.9).endswith("; it is best at layer 2, 0.903.")


def test_seeds_that_move_apart_do_not_hardly_change():
    """The mean stays, one seed falls tenfold and one rises tenfold."""
    lines = seeds("a", 0.8, 80.0).lines
    assert "hardly" not in deep_rfm_findings(lines)[0]
    apart = [
        line(1, stage, nc1, seed=seed)
        for seed, factor in enumerate((0.1, 10.0))
        for stage, nc1 in (("input", 1.0), ("agop", 0.1), ("features", 0.1 * factor))
    ]
    text = deep_rfm_findings(apart)[1]
    assert "as it is in the mean" in text
    assert "(random features: no more than the spread over seeds)" in text
