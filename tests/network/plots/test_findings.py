"""What is said about a training, from lines whose answers are known."""

from __future__ import annotations

import pytest

from agop.network.plots.attribution import attribution_findings
from agop.network.plots.findings import (
    epoch_findings,
    layer_findings,
    map_findings,
    network_comparison,
    network_findings,
    nfa_findings,
)
from agop.network.plots.scores import score_findings
from agop.network.result import NetworkResult


def line(seed, epoch, layer, stage, nc1, **columns):
    scores = {"loss": 0.5, "train_accuracy": 0.95, "test_accuracy": 0.25 * (1 + seed)}
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
        "After 4 to 6 epochs: training loss 0.5, training accuracy 0.950, test accuracy 0.375 (means over 2 seeds).",
        "NC1 of the layer inputs goes from 2 at fc.1 to 0.05 at fc.output, lower in 2 of 2 seeds, inside their spread.",
        "The linear map, S Vᵀ, makes 30 % of the fall of NC1 at fc.output; NC1 falls by less than 5 %, or rises, "
        "in some seeds at fc.1.",
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
        "Training accuracy 0.950, test accuracy 0.250.",
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
    assert first == "NC1 at the input of fc.2 is lowest in b (0.25), 8x below a; of one seed the spread is not known."
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
        "Training accuracy stays at 0.95 and test accuracy stays at 0.25."
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
    assert network_findings(lines)[0] == "Training accuracy 0.950."


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


# ---- what must not be said ---------------------------------------------------------------------------------------


def ends(name, *values, accuracy=1.0, layer="fc.2", **columns):
    """A run with one value of NC1 a seed at its last layer."""
    return result(
        name,
        [
            {**line(seed, 9, each, "input", 4.0 if each == "fc.1" else nc1), "train_accuracy": accuracy, **columns}
            for seed, nc1 in enumerate(values)
            for each in ("fc.1", layer)
        ],
    )


def test_a_run_that_has_not_fitted_is_not_ranked():
    findings = network_comparison([ends("a", 2.0), ends("b", 0.01, accuracy=0.4), ends("c", 1.0)])
    assert findings[0].startswith("Not fitted")
    assert "b 0.01 (training accuracy 0.4, below 0.95)" in findings[0]
    assert findings[1].startswith("Among the others NC1 at the input of fc.2 is lowest in c (1)")
    assert "b (" not in findings[1]
    (alone,) = network_comparison([ends("a", 2.0), ends("b", 0.01, accuracy=0.4)])
    assert alone.startswith("Not fitted")
    assert "lowest" not in alone


def test_one_seed_that_has_not_fitted_is_enough():
    run = ends("b", 0.01, 0.01)
    lines = [{**each, "train_accuracy": 0.5} if each["seed"] == 1 else each for each in run.lines]
    assert network_findings(lines)[0] == "Not fitted: training accuracy 0.5, below 0.95, in the worst seed."
    (text,) = network_comparison([ends("a", 2.0, 2.0), result("b", lines)])
    assert text.startswith("Not fitted")


def test_the_loss_says_it_where_no_accuracy_is_known():
    lines = [{**line(0, e, "fc.1", "input", 1.0), "loss": loss} for e, loss in ((0, 2.0), (9, 1.5))]
    for each in lines:
        del each["train_accuracy"]
    assert network_findings(lines)[0] == "Not fitted: 75 % of the first training loss is left."


def test_an_unknown_fit_is_said():
    findings = network_comparison([ends("a", 2.0, accuracy=None, loss=None), ends("b", 0.5)])
    assert findings[0] == "Whether a has fitted is not known."


def test_a_difference_inside_the_interval_is_no_finding():
    (text,) = network_comparison([ends("a", 2.0, 0.5, 1.0), ends("b", 1.0, 0.4, 0.6)])
    assert "lowest" not in text
    assert "spread over seeds" in text
    (text,) = network_comparison([ends("a", 2.0, 2.2, 1.9), ends("b", 1.0, 0.95, 1.02)])
    assert text.startswith("NC1 at the input of fc.2 is lowest in b")


def test_a_value_of_zero_is_compared():
    (text,) = network_comparison([ends("a", 2.0), ends("b", 0.0)])
    assert "lowest in b (0)" in text


def test_rows_of_unknown_kind_are_called_so():
    lines = [{"seed": 0, "epoch": 0, "layer": "fc.1", "stage": "input", "nc1_trace_ratio": 4.0, "accuracy": 0.5}]
    assert network_findings(lines)[:2] == [
        "Not fitted: accuracy on these rows 0.5, below 0.95.",
        "Accuracy on these rows 0.500.",
    ]


def test_rows_that_were_trained_on_have_one_accuracy():
    lines = [line(0, 1, "fc.1", "input", 4.0, accuracy=0.95)]
    assert (
        network_findings(lines)[0] == "After 1 epoch: training loss 0.5, training accuracy 0.950, test accuracy 0.250."
    )


def seeds_of(*courses, stage="input", layer="fc.1"):
    return [each for seed, values in enumerate(courses) for each in course(layer, stage, *values, seed=seed)]


def test_a_course_inside_the_spread_is_no_fall():
    assert map_findings([result("a", seeds_of((4.0, 3.0), (4.0, 5.0), (4.0, 3.9)))]) == [
        "NC1 at the input of fc.1 moves by no more than the spread over seeds."
    ]
    first = seeds_of((4.0, 3.0), (4.0, 5.0), (4.0, 3.9))
    second = seeds_of((4.0, 1.0), (4.0, 1.1), (4.0, 0.9), layer="fc.2")
    (text,) = map_findings([result("a", first + second)])
    assert text.startswith("NC1 at the input ends lower than it began in 1 of 2 layers (in 1 more ")
    assert "most at fc.2" in text


def test_layers_that_end_alike_are_both_named():
    lines = [*course("fc.1", "input", 4.0, 0.4), *course("fc.2", "input", 8.0, 0.8)]
    (text,) = map_findings([result("a", lines)])
    assert "most at fc.1 and fc.2, by 1 decade" in text


def test_the_layer_that_falls_most_is_that_of_every_seed():
    lines = [
        *seeds_of((10.0, 1.0), (10.0, 0.1)),
        *seeds_of((10.0, 0.1), (10.0, 0.11), layer="fc.2"),
    ]
    assert "most at" not in map_findings([result("a", lines)])[0]


def layers_of(*by_seed):
    return [
        line(seed, 1, f"fc.{k}", "input", nc1) for seed, values in enumerate(by_seed) for k, nc1 in enumerate(values)
    ]


def test_the_largest_step_is_that_of_every_seed():
    same = layer_findings([result("a", layers_of((8.0, 7.0, 0.5), (9.0, 7.0, 0.6)))])[0]
    assert same.endswith("leads to fc.2.")
    other = layer_findings([result("a", layers_of((8.0, 7.0, 0.5), (8.0, 0.1, 0.09)))])[0]
    assert "largest fall" not in other
    tie = layer_findings([result("a", layers_of((8.0, 4.0, 2.0)))])[0]
    assert tie.endswith("the largest fall of a step, 2x, leads to fc.1 and fc.2.")


def test_seeds_without_a_value_do_not_make_a_fall():
    """The first layer is known for a seed of large NC1 alone; nothing changes in the other seed."""
    lines = layers_of((None, 1.0), (100.0, 100.0))
    assert layer_findings([result("a", lines)])[0] == "NC1 of the layer inputs is 100 at fc.0 and at fc.1."
    apart = layers_of((None, 1.0), (100.0, None))
    assert layer_findings([result("a", apart)])[0] == "No seed has a positive, finite NC1 both at fc.0 and at fc.1."


def test_no_share_where_one_seed_does_not_fall():
    lines = [
        line(seed, 1, "fc.1", "input", 1.0, linear_log_fall=0.5, output_log_fall=fall)
        for seed, fall in enumerate((4.0, -3.9))
    ]
    (text,) = attribution_findings([result("a", lines)])
    assert text == "NC1 falls by 5 % in every seed in no layer up to the nonlinearity."


def test_more_than_half_is_counted_seed_by_seed():
    lines = [
        line(seed, 1, f"fc.{k}", "input", 1.0, linear_log_fall=linear, output_log_fall=1.0)
        for k in range(2)
        for seed, linear in enumerate((0.9, 0.4))
    ]
    (text,) = attribution_findings([result("a", lines)])
    assert "more than half in every seed in 0 of 2 layers" in text


def test_scores_that_some_seeds_lack():
    lines = [{**line(0, 1, "fc.1", "input", 1.0), "loss": None}, line(1, 1, "fc.1", "input", 1.0)]
    assert "training loss 0.5 (of 1 of 2 seeds)" in network_findings(lines)[0]


def test_runs_that_have_not_fitted_are_marked_in_every_comparison():
    a = result("a", course("fc.1", "input", 10.0, 1.0, nfa_pearson_root=0.5))
    lines = course("fc.1", "input", 10.0, 0.01, nfa_pearson_root=0.9)
    b = result("b", [{**each, "train_accuracy": 0.2} for each in lines])
    assert "in b (not fitted)" in map_findings([a, b])[0]
    assert "in b (not fitted)" in nfa_findings([a, b])[0]
