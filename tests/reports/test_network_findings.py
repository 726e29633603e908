"""What is said about a training, from lines whose answers are known."""

from __future__ import annotations

import pytest

from agop.reports.network_findings import (
    attribution_findings,
    epoch_findings,
    layer_findings,
    map_findings,
    network_comparison,
    network_findings,
    nfa_findings,
    score_findings,
)
from agop.reports.results import NetworkResult


def line(seed, epoch, layer, stage, nc1, **columns):
    scores = {"loss": 0.5, "train_accuracy": 0.9, "test_accuracy": 0.25 * (1 + seed)}
    return {"seed": seed, "epoch": epoch, **scores, "layer": layer, "stage": stage, "nc1_trace_ratio": nc1, **columns}


LINES = [
    line(0, 0, "fc.1", "input", 900.0, linear_log_fall=9.0, output_log_fall=9.0, nfa_pearson_root=0.9),
    line(0, 4, "fc.1", "input", 1.0, linear_log_fall=3.0, output_log_fall=4.0, nfa_pearson_root=0.5),
    line(0, 4, "fc.1", "linear", 0.5),
    line(0, 4, "fc.1", "output", None),
    line(0, 4, "fc.output", "input", 0.25, linear_log_fall=0.5, output_log_fall=None),
    line(1, 6, "fc.1", "input", 4.0, linear_log_fall=-1.0, output_log_fall=0.0, nfa_pearson_root=0.7),
    line(1, 6, "fc.1", "linear", 0.02),
    line(1, 6, "fc.1", "output", 0.125),
    line(1, 6, "fc.output", "input", 0.01, linear_log_fall=0.3, output_log_fall=1.0),
]


def test_sentences():
    assert network_findings(LINES) == [
        "After 4 to 6 epochs: training loss 0.5, training accuracy 0.900, test accuracy 0.375 (means over 2 seeds).",
        "NC1 of the layer inputs falls from 2 at fc.1 to 0.05 at fc.output.",
        "The linear map, S Vᵀ, makes 50 % of the fall of NC1 at fc.1 and 30 % at fc.output: more than half in 0 of 2 "
        "layers.",
        "Correlation of WᵀW with the root of the AGOP: fc.1 0.60.",
    ]


def test_a_rise_and_no_values():
    rising = [line(0, 1, "fc.1", "input", 1.0), line(0, 1, "fc.2", "input", 3.0)]
    assert network_findings(rising)[1:] == ["NC1 of the layer inputs rises from 1 at fc.1 to 3 at fc.2."]
    assert network_findings([line(0, 1, "fc.1", "input", None)])[1:] == ["No layer has a positive, finite NC1."]
    assert network_findings([]) == ["No layer has a positive, finite NC1."]


def result(name, lines):
    return NetworkResult(name, {"settings": {}}, lines)


def course(layer, stage, *values, seed=0, **columns):
    return [line(seed, 5 * k, layer, stage, value, **columns) for k, value in enumerate(values)]


def test_one_measurement_has_no_epochs():
    once = [{k: v for k, v in line(0, 0, "fc.1", "input", 4.0).items() if k != "loss"}]
    assert network_findings(once) == [
        "Training accuracy 0.900, test accuracy 0.250.",
        "NC1 of the layer inputs is 4 at fc.1.",
    ]
    bare = [{"seed": 0, "epoch": 0, "layer": "fc.1", "stage": "input", "nc1_trace_ratio": 4.0}]
    assert network_findings(bare) == ["NC1 of the layer inputs is 4 at fc.1."]


def test_steps_are_named_as_such():
    assert network_findings([line(0, 1, "fc.1", "input", 4.0)], "step")[0].startswith("After 1 step: ")
    assert network_findings([line(0, 7, "fc.1", "input", 4.0)], "step")[0].startswith("After 7 steps: ")


def test_where_and_when_nc1_falls_most():
    lines = [
        *course("fc.1", "input", 4.0, 4.0, 4.0),
        *course("fc.2", "input", 8.0, 4.0, 0.4),
        *course("fc.3", "input", 8.0, 0.08, 0.04),
    ]
    assert map_findings([result("a", lines)]) == [
        "NC1 at the input ends lower than it began in 2 of 3 layers, most at fc.3, by 2.3 decades; the steepest fall "
        "is at fc.3 between epoch 0 and 5, by 2 decades."
    ]
    rising = [*course("fc.1", "input", 4.0, 4.0), *course("fc.2", "input", 4.0, 8.0)]
    assert map_findings([result("a", rising)]) == ["NC1 at the input ends lower than it began in 0 of 2 layers."]
    assert map_findings([result("a", course("fc.1", "input", 4.0))]) == []
    one = course("fc.2", "input", 8.0, 0.8)
    assert "by 1 decade;" in map_findings([result("a", one)])[0]


def test_course_of_every_layer():
    lines = [*course("fc.1", "output", 4.0, 3.0, 2.0), *course("fc.2", "output", 8.0, 1.0, 16.0)]
    assert epoch_findings([result("a", lines)]) == [
        "NC1 after the nonlinearity from epoch 0 to 10: fc.1 4 to 2 and fc.2 8 to 16."
    ]
    assert epoch_findings([result("a", course("fc.1", "output", 4.0))]) == []


def test_largest_step_between_layers():
    lines = [line(0, 1, f"fc.{k}", "input", nc1) for k, nc1 in enumerate((8.0, 4.0, 0.5, 1.0), start=1)]
    assert layer_findings([result("a", lines)]) == [
        "NC1 of the layer inputs falls from 8 at fc.1 to 1 at fc.4; the largest fall of a step, 8x, leads to fc.3."
    ]


def test_runs_are_compared_at_the_same_layer():
    a, b = ([line(0, 1, "fc.1", "input", 4.0), line(0, 1, "fc.2", "input", end)] for end in (2.0, 0.25))
    first, *others = layer_findings([result("a", a), result("b", b)])
    assert first == "NC1 at the input of fc.2 is lowest in b (0.25), 8x below a."
    assert [text[:3] for text in others] == ["a: ", "b: "]
    assert network_comparison([result("a", a), result("b", a[:1])]) == []


def test_ansatz_before_and_after():
    lines = [
        {**each, "nfa_pearson_root": root}
        for each, root in zip(course("fc.1", "input", 4.0, 4.0), (0.25, 0.75), strict=True)
    ]
    assert nfa_findings([result("a", lines)]) == [
        "From the first to the last measurement WᵀW and AGOP½ correlate: fc.1 0.25 to 0.75."
    ]
    assert nfa_findings([result("a", lines[1:])]) == ["Correlation of WᵀW with the root of the AGOP: fc.1 0.75."]


def test_loss_and_accuracy():
    lines = [{**each, "loss": loss} for each, loss in zip(course("fc.1", "input", 4.0, 4.0), (1.0, 0.5), strict=True)]
    assert score_findings([result("a", lines)], "loss", "loss") == [
        "Training loss falls from 1 at epoch 0 to 0.5 at 5."
    ]
    assert score_findings([result("a", lines)], "accuracy", "accuracy") == [
        "Training accuracy stays at 0.9 and test accuracy stays at 0.25."
    ]


@pytest.mark.parametrize(
    ("falls", "sentence"),
    [
        (
            [(3.0, 4.0), (1.0, 4.0)],
            " makes 75 % of the fall of NC1 at fc.0 and 25 % at fc.1: more than half in 1 of 2 layers.",
        ),
        ([(3.0, 4.0)], " makes 75 % of the fall of NC1 at fc.0."),
        ([(3.0, 4.0), (3.0, -1.0)], " makes 75 % of the fall of NC1 at fc.0."),
        ([(3.0, 2.0)], " makes 150 % of the fall of NC1 at fc.0 (above 100 % the nonlinearity raises it again)."),
    ],
)
def test_share_of_the_linear_map(falls, sentence):
    lines = [
        line(0, 1, f"fc.{k}", "input", 1.0, linear_log_fall=linear, output_log_fall=whole)
        for k, (linear, whole) in enumerate(falls)
    ]
    (found,) = attribution_findings([result("a", lines)])
    assert found.endswith(sentence)


def test_no_layer_falls():
    rising = line(0, 1, "fc.1", "input", 1.0, linear_log_fall=1.0, output_log_fall=-1.0)
    assert attribution_findings([result("a", [rising])]) == []
