"""Findings on a training, from lines whose answers are known."""

from __future__ import annotations

import pytest

from agop.charts.judging import NOT_FITTED, UNSETTLED
from agop.network.output_layer import BY_DEFINITION
from agop.network.plots.attribution import attribution_findings, share_sum
from agop.network.plots.findings import epoch_findings, layer_findings, map_findings, network_findings, nfa_findings
from agop.network.plots.summary import network_summary
from agop.network.result import NetworkResult


def line(seed, epoch, layer, stage, nc1, **columns):
    scores = {"loss": 0.5, "train_accuracy": 0.95, "test_accuracy": 0.25 * (1 + seed)}
    return {"seed": seed, "epoch": epoch, **scores, "layer": layer, "stage": stage, "nc1_trace_ratio": nc1, **columns}


def result(name, lines, unit="epoch"):
    return NetworkResult(name, {"settings": {}}, lines, unit=unit)


def course(layer, stage, *values, seed=0, **columns):
    return [line(seed, 5 * k, layer, stage, value, **columns) for k, value in enumerate(values)]


def seeds_of(*courses, stage="input", layer="fc.1"):
    return [each for seed, values in enumerate(courses) for each in course(layer, stage, *values, seed=seed)]


def layers_of(*by_seed):
    return [
        line(seed, 1, f"fc.{k}", "input", nc1) for seed, values in enumerate(by_seed) for k, nc1 in enumerate(values)
    ]


def falls(*pairs, name="a", seed=0):
    """A run whose layers have these falls of log NC1 at the linear map and over the whole layer."""
    lines = [
        line(seed, 1, f"fc.{k}", "input", 1.0, linear_log_fall=linear, output_log_fall=whole)
        for k, (linear, whole) in enumerate(pairs)
    ]
    return result(name, lines)


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


def shown(findings):
    """Quantity, place, and value of each."""
    return [(finding.quantity, finding.where, finding.value) for finding in findings]


def found(lines, unit="epoch"):
    return network_findings([result("run", lines, unit)])


def compared(*runs):
    """Notes of each run in the comparison at the last layer."""
    return {f.run: f.notes for f in layer_findings(runs) if f.where == "input of fc.2"}


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


def test_scores_course_cause_and_ansatz_at_the_last_measurement_of_each_seed():
    loss, training, test, nc1, first, last, ansatz = found(LINES)
    assert shown([loss, training, test]) == [
        ("training loss", "epoch 4 to 6", 0.5),
        ("training accuracy", "epoch 4 to 6", 0.95),
        ("test accuracy", "epoch 4 to 6", 0.375),
    ]
    assert (nc1.course.start, nc1.value) == pytest.approx((2, 0.05))
    assert (nc1.course.direction, nc1.notes) == ("unsettled", ("lower in 2 of 2 seeds",))
    assert (first.where, first.value) == ("fc.output", pytest.approx(0.3))
    assert (last.where, last.value, last.notes) == ("fc.1", None, ("no fall of 5 % in every seed",))
    assert (ansatz.where, ansatz.value) == ("fc.1", pytest.approx(0.6))


def test_a_rise_and_no_values():
    rising = [line(0, 1, "fc.1", "input", 1.0), line(0, 1, "fc.2", "input", 3.0)]
    nc1 = found(rising)[-1]
    assert (nc1.where, nc1.course.direction, nc1.course.factor) == (
        "layer inputs, fc.1 to fc.2",
        "rises",
        pytest.approx(3),
    )
    for value in (None, float("nan"), float("inf")):
        assert found([line(0, 1, "fc.1", "input", value)])[-1].value is None
    collapsed = found([line(0, 1, "fc.1", "input", 0.0)])[-1]
    assert (collapsed.value, collapsed.where) == (0.0, "layer inputs, layer fc.1")
    assert found([])[0].notes == ("not known at any layer",)


def test_one_measurement_has_no_epochs():
    once = [{k: v for k, v in line(0, 0, "fc.1", "input", 4.0).items() if k != "loss"}]
    assert shown(found(once)) == [
        ("training accuracy", "", 0.95),
        ("test accuracy", "", 0.25),
        ("NC1", "input of fc.1", 4.0),
    ]
    bare = [{"seed": 0, "epoch": 0, "layer": "fc.1", "stage": "input", "nc1_trace_ratio": 4.0}]
    assert shown(found(bare)) == [("NC1", "input of fc.1", 4.0)]


def test_steps_are_named_as_such():
    assert found([line(0, 7, "fc.1", "input", 4.0)], "step")[0].where == "step 7"


def test_where_and_when_nc1_falls_most():
    lines = [
        *course("fc.1", "input", 4.0, 4.0, 4.0),
        *course("fc.2", "input", 8.0, 4.0, 0.4),
        *course("fc.3", "input", 8.0, 0.08, 0.04),
    ]
    *layers, steepest = map_findings([result("a", lines)])
    assert [f.course.direction for f in layers] == ["same", "falls", "falls"]
    assert [f.course.factor for f in layers] == pytest.approx([1, 0.05, 0.005])
    assert ["largest fall" in f.notes for f in layers] == [False, False, True]
    assert (steepest.where, steepest.value) == ("steepest fall: fc.3 from epoch 0 to 5", pytest.approx(0.01))
    rising = map_findings([result("a", [*course("fc.1", "input", 4.0, 4.0), *course("fc.2", "input", 4.0, 8.0)])])
    assert [f.course.direction for f in rising] == ["same", "rises"]
    assert map_findings([result("a", course("fc.1", "input", 4.0))]) == []
    one, _ = map_findings([result("a", course("fc.2", "input", 8.0, 0.8))])
    assert (one.where, one.course.factor, one.notes) == ("input of fc.2, epoch 0 to 5", pytest.approx(0.1), ())


def test_course_of_every_layer():
    lines = [*course("fc.1", "output", 4.0, 3.0, 2.0), *course("fc.2", "output", 8.0, 1.0, 16.0)]
    found = epoch_findings([result("a", lines)])
    assert [f.where for f in found] == [f"after the nonlinearity of fc.{k}, epoch 0 to 10" for k in (1, 2)]
    assert [(f.course.start, f.value) for f in found] == [pytest.approx((4, 2)), pytest.approx((8, 16))]
    assert epoch_findings([result("a", course("fc.1", "output", 4.0))]) == []


def test_layers_without_a_nonlinearity():
    for stage, where in (("linear", "after the linear map of"), ("input", "input of")):
        (one,) = epoch_findings([result("a", course("fc.1", stage, 2.0, 0.5))])
        assert one.where == f"{where} fc.1, epoch 0 to 5"


def test_many_layers_are_counted():
    lines = [each for k in range(20) for each in course(f"fc.{k}", "output", 4.0, 2.0)]
    *_, rest = epoch_findings([result("a", lines)])
    assert rest.where == "12 more"


def test_runs_are_compared_at_the_same_layer():
    a, b = ([line(0, 1, "fc.1", "input", 4.0), line(0, 1, "fc.2", "input", end)] for end in (2.0, 0.25))
    assert compared(result("a", a), result("b", b)) == {
        "a": ("spread unknown",),
        "b": ("lowest", "spread unknown"),
    }
    assert [f.run for f in layer_findings([result("a", a), result("b", b)])[2:]] == ["a", "b"]
    assert all(f.course or f.run == "b" for f in layer_findings([result("a", a), result("b", a[:1])]))


def test_ansatz_before_and_after():
    roots = zip(course("fc.1", "input", 4.0, 4.0), (0.25, 0.75), strict=True)
    lines = [{**each, "nfa_pearson_root": root} for each, root in roots]
    (both,) = nfa_findings([result("a", lines)])
    assert (both.course.start, both.value) == (0.25, 0.75)
    (end,) = nfa_findings([result("a", lines[1:])])
    assert (end.course, end.value) == (None, 0.75)
    assert nfa_findings([result("a", course("fc.1", "input", 1.0, nfa_pearson_root=float("nan")))]) == []


def test_ansatz_of_several_runs():
    a = result("a", [line(0, 0, f"fc.{k}", "input", 1.0, nfa_pearson_root=root) for k, root in ((1, 0.5), (2, 0.0))])
    b = result("b", course("fc.1", "input", 1.0, 1.0, nfa_pearson_root=1.0))
    assert [(f.run, f.where, f.value) for f in nfa_findings([a, b])] == [
        ("a", "mean over the layers at the end", 0.25),
        ("b", "mean over the layers at the end", 1.0),
        ("a", "fc.1", 0.5),
        ("b", "fc.1", 1.0),
        ("a", "fc.2", 0.0),
    ]


@pytest.mark.parametrize(
    ("pairs", "shares", "notes"),
    [
        ([(3.0, 4.0), (1.0, 4.0)], [0.75, 0.25], [("more than half",), ()]),
        ([(3.0, 4.0), (3.0, -1.0)], [0.75, None], [("more than half",), ("no fall of 5 %",)]),
        ([(3.0, 4.0), (3.0, 0.04)], [0.75, None], [("more than half",), ("no fall of 5 %",)]),
        ([(4.0, 4.0)], [1.0], [("more than half",)]),  # the nonlinearity leaves NC1 as it is
        ([(-1.0, 4.0)], [None], [("no share: the linear map raises NC1",)]),
        ([(3.0, 2.0)], [None], [("no share: the nonlinearity raises NC1 again",)]),
        (
            [(3.0, 2.0), (3.0, 4.0)],
            [0.75, None],
            [("more than half",), ("no share: the nonlinearity raises NC1 again",)],
        ),
        ([(0.0, 0.0)] * 20, [None], [("no fall of 5 %",)]),
        ([(1.0, -1.0)], [None], [("no fall of 5 %",)]),
        ([(1.0, None)], [], []),
    ],
)
def test_share_of_the_linear_map(pairs, shares, notes):
    findings = attribution_findings([falls(*pairs)])
    assert [f.value for f in findings] == shares
    assert [f.notes for f in findings] == notes


def test_shares_of_several_runs():
    runs = falls((3.0, 4.0), (1.0, 1.0)), falls((1.0, 4.0), name="b"), falls((1.0, -1.0), name="c")
    sums = [(f.run, f.value) for f in attribution_findings(runs) if f.where == "sum over the layers"]
    assert sums == [("a", 0.8), ("b", 0.25)]


def test_a_sum_that_is_no_share_is_not_told():
    lines = falls((3.0, 2.0), (1.0, 1.0)).lines
    (found,) = share_sum(lines)
    assert (found.value, found.notes) == (None, ("no share: the nonlinearity raises NC1 again",))
    assert share_sum(falls((0.04, 0.04)).lines) == []


def test_the_layer_that_makes_the_outputs_is_not_compared():
    """Its AGOP is W^T W whatever was learned: an ansatz that holds there would be counted as evidence."""
    pairs = ("fc.1", 0.25, 0.5), ("fc.2", 1.0, 0.9)
    lines = [line(0, 1, name, "input", 1.0, nfa_pearson=nfa, nfa_pearson_root=root) for name, nfa, root in pairs]
    one, other = nfa_findings([result("a", lines)])
    assert (one.where, one.value) == ("fc.1", 0.5)
    assert (other.where, other.value, other.notes) == ("fc.2", None, (BY_DEFINITION,))
    assert [f.value for f in found(lines) if f.quantity.startswith("correlation")] == [0.5]
    near = [{**each, "nfa_pearson": min(each["nfa_pearson"], 0.9999)} for each in lines]
    assert [f.value for f in nfa_findings([result("a", near)])] == [pytest.approx(0.7), 0.5, 0.9]


def test_values_that_are_not_numbers_are_left_out():
    lines = [{**line(0, 0, "a", "input", 2.0), "loss": float("nan"), "test_accuracy": None}]
    assert shown(found(lines)) == [("training accuracy", "", 0.95), ("NC1", "input of a", 2.0)]


def test_the_order_of_the_lines_does_not_matter():
    lines = course("fc.1", "input", 8.0, 4.0, 0.4)
    assert map_findings([result("a", lines[::-1])]) == map_findings([result("a", lines)])


def test_a_course_without_a_value_at_its_end():
    for value in (None, 0.0, float("nan"), float("inf")):
        assert map_findings([result("a", course("fc.1", "input", 1.0, value))]) == []


def test_rows_of_unknown_kind_are_called_so():
    lines = [{"seed": 0, "epoch": 0, "layer": "fc.1", "stage": "input", "nc1_trace_ratio": 4.0, "accuracy": 0.5}]
    assert {f.quantity for f in found(lines)} == {"accuracy on these rows", "NC1"}
    trained = found([line(0, 1, "fc.1", "input", 4.0, accuracy=0.95)])
    assert [f.quantity for f in trained] == ["training loss", "training accuracy", "test accuracy", "NC1"]


# ---- what must not be said ---------------------------------------------------------------------------------------


def test_a_run_that_has_not_fitted_is_not_ranked():
    notes = compared(ends("a", 2.0), ends("b", 0.01, accuracy=0.4), ends("c", 1.0))
    assert notes["b"][0] == f"{NOT_FITTED}, so not ranked"
    assert notes["c"][0] == "lowest"
    alone = compared(ends("a", 2.0), ends("b", 0.01, accuracy=0.4))
    assert not [note for each in alone.values() for note in each if note == "lowest"]


def test_one_seed_that_has_not_fitted_is_enough():
    run = ends("b", 0.01, 0.01)
    lines = [{**each, "train_accuracy": 0.5} if each["seed"] == 1 else each for each in run.lines]
    worst = found(lines)[0]
    assert (worst.value, worst.where, worst.notes) == (0.5, "worst seed", (f"{NOT_FITTED}: below 0.95",))
    assert compared(ends("a", 2.0, 2.0), result("b", lines))["b"][0].startswith(NOT_FITTED)


@pytest.mark.parametrize("loss", [0.009, 0.02])
def test_a_network_that_had_fitted_before_it_was_measured_is_not_said_to_have_failed(loss):
    """Of the loss of one that is trained further most may be left, and no accuracy may be known."""
    lines = [{**line(0, e, "fc.1", "input", 1.0), "loss": each} for e, each in ((0, 0.01), (9, loss))]
    lines = [{**each, "train_accuracy": None} for each in lines]
    assert not [note for finding in found(lines) for note in finding.notes if NOT_FITTED in note]
    run = result("run", lines)
    assert network_summary([run]).table.rows[0][1] == "not known"
    assert NOT_FITTED not in network_summary([run]).sentence


def test_an_unknown_fit_is_said():
    notes = compared(ends("a", 2.0, accuracy=None, loss=None), ends("b", 0.5))
    assert "not known whether it has fitted" in notes["a"]
    assert "not known whether it has fitted" not in notes["b"]


def test_a_difference_inside_the_interval_is_no_finding():
    assert compared(ends("a", 2.0, 0.5, 1.0), ends("b", 1.0, 0.4, 0.6)) == {"a": (UNSETTLED,), "b": (UNSETTLED,)}
    assert compared(ends("a", 2.0, 2.2, 1.9), ends("b", 1.0, 0.95, 1.02)) == {"a": (), "b": ("lowest",)}


def test_a_value_of_zero_is_compared():
    assert compared(ends("a", 2.0), ends("b", 0.0))["b"][0] == "lowest"


def test_seeds_that_end_at_different_times_do_not_mix():
    """The mean over the seeds falls from 10 to 1 between 5 and 10, where one of them has ended."""
    seeds = [*course("fc.1", "input", 1.0, 1.0, 1.0), *course("fc.1", "input", 100.0, 100.0, seed=1)]
    (one,) = map_findings([result("a", seeds)])
    assert (one.course.direction, one.where) == ("same", "input of fc.1, first to last measurement")
    (output,) = epoch_findings([result("a", [{**each, "stage": "output"} for each in seeds])])
    assert (output.course.start, output.value) == pytest.approx((10, 10))


def test_a_course_inside_the_spread_is_no_fall():
    first = seeds_of((4.0, 3.0), (4.0, 5.0), (4.0, 3.9))
    assert [f.course.direction for f in map_findings([result("a", first)])] == ["unsettled"]
    second = seeds_of((4.0, 1.0), (4.0, 1.1), (4.0, 0.9), layer="fc.2")
    one, other, _ = map_findings([result("a", first + second)])
    assert (one.course.direction, one.notes) == ("unsettled", ("lower in 2 of 3 seeds",))
    assert (other.course.direction, other.notes) == ("falls", ("largest fall",))


def test_layers_that_end_alike_are_both_marked():
    lines = [*course("fc.1", "input", 4.0, 0.4), *course("fc.2", "input", 8.0, 0.8)]
    assert ["largest fall" in f.notes for f in map_findings([result("a", lines)])[:2]] == [True, True]


def test_the_layer_that_falls_most_is_that_of_every_seed():
    lines = [*seeds_of((10.0, 1.0), (10.0, 0.1)), *seeds_of((10.0, 0.1), (10.0, 0.11), layer="fc.2")]
    assert not [f for f in map_findings([result("a", lines)]) if "largest fall" in f.notes]


@pytest.mark.parametrize(
    ("layers", "where"),
    [
        ([(8.0, 4.0, 0.5, 1.0)], "fc.2"),
        ([(8.0, 7.0, 0.5), (9.0, 7.0, 0.6)], "fc.2"),
        ([(8.0, 7.0, 0.5), (8.0, 0.1, 0.09)], None),
        ([(8.0, 4.0, 2.0)], "fc.1, fc.2"),
        ([(1.0, 4.0, 2.0)], "fc.2"),
        ([(2.0, None, 1.0)], None),
    ],
)
def test_the_largest_step_is_that_of_every_seed(layers, where):
    findings = layer_findings([result("a", layers_of(*layers))])
    steps = [f.where for f in findings if "step" in f.where]
    assert steps == ([f"largest fall of a step, to {where}"] if where else [])


def test_seeds_without_a_value_do_not_make_a_fall():
    """The first layer is known for a seed of large NC1 alone; nothing changes in the other seed."""
    (same,) = layer_findings([result("a", layers_of((None, 1.0), (100.0, 100.0)))])
    assert (same.course.start, same.value, same.course.direction) == pytest.approx((100, 100, "same"))
    (apart,) = layer_findings([result("a", layers_of((None, 1.0), (100.0, None)))])
    assert apart.notes == ("no seed has a value at both ends",)


def test_no_share_where_one_seed_does_not_fall():
    both = [*falls((0.5, 4.0)).lines, *falls((0.5, -3.9), seed=1).lines]
    (share,) = attribution_findings([result("a", both)])
    assert (share.value, share.notes) == (None, ("no fall of 5 % in every seed",))


def test_more_than_half_is_counted_seed_by_seed():
    both = [*falls((0.9, 1.0), (0.9, 1.0)).lines, *falls((0.4, 1.0), (0.8, 1.0), seed=1).lines]
    assert [f.notes for f in attribution_findings([result("a", both)])] == [(), ("more than half in every seed",)]


def test_scores_that_some_seeds_lack():
    lines = [{**line(0, 1, "fc.1", "input", 1.0), "loss": None}, line(1, 1, "fc.1", "input", 1.0)]
    assert found(lines)[0].notes == ("of 1 of 2 seeds",)


def test_runs_that_have_not_fitted_are_marked_in_every_comparison():
    a = result("a", course("fc.1", "input", 10.0, 1.0, nfa_pearson_root=0.5))
    lines = course("fc.1", "input", 10.0, 0.01, nfa_pearson_root=0.9)
    b = result("b", [{**each, "train_accuracy": 0.2} for each in lines])
    for findings in (map_findings([a, b]), nfa_findings([a, b])):
        assert {f.run: NOT_FITTED in f.notes for f in findings} == {"a": False, "b": True}
