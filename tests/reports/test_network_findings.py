"""What is said about a training, from lines whose answers are known."""

from __future__ import annotations

import pytest

from agop.reports.network_attribution import attribution_findings
from agop.reports.network_findings import (
    epoch_findings,
    layer_findings,
    map_findings,
    network_comparison,
    network_findings,
    nfa_findings,
)
from agop.reports.network_scores import score_findings
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
    for value in (float("nan"), float("inf"), 0.0):
        assert network_findings([line(0, 1, "fc.1", "input", value)])[1:] == ["No layer has a positive, finite NC1."]
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
    assert score_findings([result("a", lines)], "loss") == ["Training loss falls from 1 at epoch 0 to 0.5 at 5."]
    assert score_findings([result("a", lines)], "accuracy") == [
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
        (
            [(3.0, 4.0), (3.0, -1.0)],
            " makes 75 % of the fall of NC1 at fc.0; NC1 falls by less than 5 %, or rises, at fc.1.",
        ),
        (
            [(3.0, 4.0), (3.0, 0.04)],
            " makes 75 % of the fall of NC1 at fc.0; NC1 falls by less than 5 %, or rises, at fc.1.",
        ),
        ([(-1.0, 4.0)], " makes −25 % of the fall of NC1 at fc.0 (below 0 % the linear map raises it)."),
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
    assert attribution_findings([result("a", [rising])]) == ["NC1 falls by 5 % in no layer up to the nonlinearity."]
    unknown = {**rising, "output_log_fall": None}
    assert attribution_findings([result("a", [unknown])]) == []


def test_shares_of_several_runs():
    def run(name, *falls):
        return result(
            name,
            [
                line(0, 1, f"fc.{k}", "input", 1.0, linear_log_fall=linear, output_log_fall=whole)
                for k, (linear, whole) in enumerate(falls)
            ],
        )

    a, b, c = run("a", (3.0, 4.0), (1.0, 1.0)), run("b", (1.0, 4.0)), run("c", (1.0, -1.0))
    first, *others = attribution_findings([a, b, c])
    assert first == "Share of S Vᵀ in the fall of NC1, summed over the layers: 80 % in a and 25 % in b."
    assert others[2] == "c: NC1 falls by 5 % in no layer up to the nonlinearity."
    assert [text[:3] for text in attribution_findings([a, c])] == ["a: ", "c: "]


def test_a_tie_and_a_layer_without_a_value():
    tie = [line(0, 0, name, "input", 4.0) for name in ("a", "b")]
    assert layer_findings([result("run", tie)]) == ["NC1 of the layer inputs is 4 at a and at b."]
    gap = [line(0, 0, name, "input", nc1) for name, nc1 in (("a", 2.0), ("b", None), ("c", 1.0))]
    assert layer_findings([result("run", gap)]) == ["NC1 of the layer inputs falls from 2 at a to 1 at c."]
    peak = [line(0, 0, name, "input", nc1) for name, nc1 in (("a", 1.0), ("b", 4.0), ("c", 2.0))]
    assert layer_findings([result("run", peak)]) == [
        "NC1 of the layer inputs rises from 1 at a to 2 at c; the largest fall of a step, 2x, leads to c."
    ]


def test_values_that_are_not_numbers_are_left_out():
    lines = [{**line(0, 0, "a", "input", 2.0), "loss": float("nan"), "test_accuracy": None}]
    assert network_findings(lines)[0] == "Training accuracy 0.900."


def test_seeds_that_end_at_different_times_do_not_mix():
    seeds = [*course("fc.1", "input", 1.0, 1.0, 1.0), *course("fc.1", "input", 100.0, 100.0, seed=1)]
    # the mean over the seeds falls from 10 to 1 between 5 and 10
    assert map_findings([result("a", seeds)]) == ["NC1 at the input of fc.1 stays as it was."]
    outputs = [{**each, "stage": "output"} for each in seeds]
    assert epoch_findings([result("a", outputs)]) == [
        "NC1 after the nonlinearity from the first to the last measurement: fc.1 10 to 10."
    ]


def test_the_order_of_the_lines_does_not_matter():
    lines = course("fc.1", "input", 8.0, 4.0, 0.4)
    assert map_findings([result("a", lines[::-1])]) == map_findings([result("a", lines)])


def test_one_layer_that_rises_or_has_no_course():
    assert map_findings([result("a", course("fc.1", "input", 1.0, 10.0))]) == [
        "NC1 at the input of fc.1 rises by 1 decade."
    ]
    for value in (None, 0.0, float("nan"), float("inf")):
        assert map_findings([result("a", course("fc.1", "input", 1.0, value))]) == []


def test_courses_of_several_runs():
    a, b, c = (
        result(name, course("fc.1", "input", start, end))
        for name, start, end in (("a", 10.0, 1.0), ("b", 1.0, 10**-0.4), ("c", 1.0, 100.0))
    )
    start = "From the first to the last measurement NC1 at the input of fc.1"
    assert map_findings([a, b])[0] == f"{start} falls by 1 decade in a and by 0.4 decades in b."
    assert map_findings([a, c])[0] == f"{start} falls by 1 decade in a and rises by 2 decades in c."
    other = result("d", course("conv", "input", 10.0, 1.0))
    assert [text[:3] for text in map_findings([a, other])] == ["a: ", "d: "]


def test_layers_without_a_nonlinearity():
    for stage, where in (("linear", "after the linear map"), ("input", "at the input")):
        assert epoch_findings([result("a", course("fc.1", stage, 2.0, 0.5))]) == [
            f"NC1 {where} from epoch 0 to 5: fc.1 2 to 0.5."
        ]


def test_ansatz_of_several_runs():
    a = result("a", [line(0, 0, f"fc.{k}", "input", 1.0, nfa_pearson_root=root) for k, root in ((1, 0.5), (2, 0.0))])
    b = result("b", course("fc.1", "input", 1.0, 1.0, nfa_pearson_root=1.0))
    assert nfa_findings([a, b]) == [
        "WᵀW and AGOP½ correlate at the end, on average over the layers, by 0.25 in a and 1.00 in b.",
        "a: Correlation of WᵀW with the root of the AGOP: fc.1 0.50 and fc.2 0.00.",
        "b: From the first to the last measurement WᵀW and AGOP½ correlate: fc.1 1.00 to 1.00.",
    ]
    assert nfa_findings([result("a", course("fc.1", "input", 1.0, nfa_pearson_root=float("nan")))]) == []
