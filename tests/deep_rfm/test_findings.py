"""Findings on Deep RFM: numbers that are computed from the lines, and what they must not claim."""

from __future__ import annotations

import numpy as np
import pytest

from agop.charts.judging import NOT_FITTED, UNSETTLED
from agop.deep_rfm.findings import accuracy_findings, collapse_findings, comparison, deep_rfm_findings
from agop.deep_rfm.result import DeepRFMResult

STEPS = ("AGOP step", "random features", "normalization", "all steps")


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


def result(name, *lines):
    return DeepRFMResult(name, {"settings": {}}, lines)


def findings(lines):
    return deep_rfm_findings([result("run", *lines)])


def steps(lines):
    """Findings on the steps by their names."""
    found = {finding.where.split(",")[0]: finding for finding in findings(lines)}
    return {step: found[step] for step in STEPS if step in found}


def at(layer, *stages, seed=0):
    """Lines of a layer with these values of NC1 at its stages."""
    names = ("input", "agop", "features")
    return [line(layer, stage, nc1, seed=seed) for stage, nc1 in zip(names, stages, strict=False)]


def seeds(name, *ends, train=1.0, start=8.0):
    lines = [
        line(layer, "input", nc1, seed=seed, train=train)
        for seed, end in enumerate(ends)
        for layer, nc1 in ((1, start), (2, end))
    ]
    return result(name, *lines)


def test_fall_cause_control_and_accuracy(run):
    found = deep_rfm_findings([DeepRFMResult.read(run)])
    assert [(f.quantity, f.where) for f in found] == [
        ("NC1", "layer inputs, layers 1 to 3"),
        *(("NC1", f"{step}, layers 1 to 2") for step in STEPS),
        ("NC1", "control, without the AGOP, layers 1 to 3"),
        ("test accuracy", "layers 1 to 3"),
    ]
    inputs, agop, features, rest, net, control, accuracy = found
    assert (inputs.course.start, inputs.value) == pytest.approx((8 * 2**0.5, 0.5**0.5))
    assert inputs.course.factor == pytest.approx(0.25)
    assert inputs.interval[:2] == (0.5, 1.0)
    assert [agop.value, features.value, rest.value, net.value] == pytest.approx([0.25, 8, 0.125, 0.25])
    notes = ["40 % of the fall", "undoes 60 % of the fall", "60 % of the fall"]
    assert [finding.notes[0] for finding in (agop, features, rest)] == notes
    assert (control.course.direction, control.course.factor) == ("rises", pytest.approx(1.5))
    assert (accuracy.course.start, accuracy.value) == pytest.approx((0.76, 0.78))


def test_the_steps_make_up_the_fall_from_input_to_input():
    """Whatever the numbers, of several seeds too: the last layer, which leads nowhere, does not count."""
    depth, nc1 = 5, np.exp(np.random.default_rng(0).normal(size=(2, 5, 3)))
    found = steps([each for s in range(2) for k in range(depth) for each in at(k + 1, *nc1[s, k], seed=s)])
    logs = np.log(nc1).mean(0)
    expected = [logs[:-1, 1] - logs[:-1, 0], logs[:-1, 2] - logs[:-1, 1], logs[1:, 0] - logs[:-1, 2]]
    assert [found[step].value for step in STEPS[:3]] == pytest.approx([np.exp(each.mean()) for each in expected])
    assert found["all steps"].value == pytest.approx(np.exp((logs[-1, 0] - logs[0, 0]) / (depth - 1)))


@pytest.mark.parametrize(
    ("agop", "features", "notes", "verdict"),
    [
        (0.1, 0.1 * 10**-0.25, ("80 % of the fall", "20 % of the fall"), None),
        (0.1, 0.1, ("100 % of the fall", "leaves it as it is"), None),
        (1.0, 0.1, ("leaves it as it is", "100 % of the fall"), None),
        (0.1, 0.10001, ("100 % of the fall", "leaves it as it is"), None),
        (0.01, 0.1, ("100 % of the fall", "undoes 50 % of the fall"), None),
        (10.0, 0.1, ("undoes 50 % of the fall", "100 % of the fall"), None),
        (0.1, 1.0, (None, None), "no net fall: the rises undo the falls"),
        (0.1, 10.0, (None, None), "no net fall: the rises undo the falls"),
        (100.0, 10.0, (None, None), "no net fall: the rises undo the falls"),
        (10.0, 100.0, (None, None), "no step makes it fall"),
        (1.0, 1.0, (None, None), "no step makes it fall"),
    ],
)
def test_cause_of_the_fall(agop, features, notes, verdict):
    found = steps(at(1, 1.0, agop, features))
    assert found["AGOP step"].value == pytest.approx(agop)
    assert tuple(next(iter(found[step].notes), None) for step in STEPS[:2]) == notes
    assert found["all steps"].notes == (() if verdict is None else (verdict,))


def test_runs_are_compared_at_their_last_layers():
    a = result("a", line(1, "input", 8.0), line(2, "input", 4.0))
    b = result("b", line(1, "input", 8.0), line(3, "input", 0.5))
    one, other, *parts = collapse_findings([a, b], "nc1_trace_ratio")
    assert [(f.run, f.value, "lowest" in f.notes) for f in (one, other)] == [("a", 4.0, False), ("b", 0.5, True)]
    assert "spread unknown" in other.notes
    assert one.where == other.where == "last layer of each"
    assert {f.where for f in comparison([a, DeepRFMResult("c", a.info, a.lines)], "nc1_trace_ratio")} == {"last layer"}
    assert [(f.run, f.course.factor) for f in parts] == [("a", pytest.approx(0.5)), ("b", pytest.approx(0.25))]


@pytest.mark.parametrize(
    ("accuracies", "notes"),
    [
        ((0.5, 0.75, 0.625), ("best at layer 2: 0.75",)),
        ((1.0, 1.0, 1.0), ()),
        ((0.5, 0.75, 0.7502), ()),
        ((0.75, 0.5, 0.625), ("no layer is better than the first",)),
    ],
)
def test_best_layer(accuracies, notes):
    lines = [line(k, "input", 1.0, accuracy=accuracy) for k, accuracy in enumerate(accuracies, start=1)]
    (found,) = accuracy_findings([result("a", *lines)])
    assert (found.course.start, found.value, found.notes) == (accuracies[0], accuracies[-1], notes)


@pytest.mark.parametrize(("end", "direction", "factor"), [(1.0, "falls", 1 / 3), (36.0, "rises", 2)])
def test_direction_is_not_assumed(end, direction, factor):
    (found,) = findings([line(1, "input", 9.0), line(3, "input", end)])
    assert (found.course.direction, found.course.factor) == (direction, pytest.approx(factor))
    assert found.cells()[3] == f"×{factor:.3g} a layer"


def test_a_depth_of_one_has_no_trend():
    found = findings([line(1, "input", 9.0), line(1, "input", 2.5, control=True)])
    assert [(f.value, f.course) for f in found] == [(9.0, None), (2.5, None)]


def test_accuracies_of_zero_count():
    lines = [line(1, "input", 4.0, seed=seed, accuracy=accuracy) for seed, accuracy in enumerate([0.0, 0.5])]
    assert findings(lines)[-1].value == 0.25


def test_control_alone():
    lines = [
        line(1, "input", 2.0, control=True, accuracy=0.5),
        line(2, "input", 4.0, control=True, accuracy=0.75),
    ]
    nc1, accuracy = findings(lines)
    assert (nc1.where, nc1.course.direction) == ("control, without the AGOP, layers 1 to 2", "rises")
    assert accuracy.where == "control, without the AGOP, layers 1 to 2"
    runs = [result("a", line(1, "input", 4.0), line(2, "input", 1.0)), result("b", *lines)]
    assert [(f.run, f.value, f.notes[0]) for f in comparison(runs, "nc1_trace_ratio")] == [
        ("a", 1.0, "lowest"),
        ("b", 4.0, "spread unknown"),
    ]


@pytest.mark.parametrize("lines", [[line(1, "input", None)], []])
def test_nothing_to_say(lines):
    (found,) = findings(lines)
    assert found.value is None
    assert found.notes == ("not known at any layer",)


def test_layers_that_collapse_entirely_are_named():
    (alone,) = findings([line(1, "input", 0.0)])
    assert (alone.value, alone.where) == (0.0, "layer inputs, layer 1")
    lines = [line(k, "input", nc1) for k, nc1 in enumerate((4.0, 1.0, 0.0, 0.0), start=1)]
    course, zero = findings(lines)
    assert course.course.factor == pytest.approx(0.25)
    assert (zero.value, zero.where) == (0.0, "layer inputs, layers 3, 4")
    assert zero.notes == ("no logarithm, so left out of means",)
    _, lowest = comparison([result("a", line(1, "input", 2.0)), result("b", *lines)], "nc1_trace_ratio")
    assert (lowest.run, lowest.value, lowest.notes[0]) == ("b", 0.0, "lowest")
    assert "in some seeds" in findings([line(1, "input", 4.0), line(1, "input", 0.0, seed=1)])[-1].notes


def test_runs_without_a_value_at_their_last_layer_are_not_compared():
    a = result("a", line(1, "input", 8.0), line(2, "input", None))
    b = result("b", line(1, "input", 8.0), line(2, "input", 4.0))
    assert comparison([a, b], "nc1_trace_ratio") == []


# ---- what must not be said ---------------------------------------------------------------------------------------


def test_a_run_that_has_not_fitted_is_not_ranked():
    runs = [seeds("a", 2.0), seeds("b", 0.01, train=0.4), seeds("c", 1.0)]
    a, b, c = comparison(runs, "nc1_trace_ratio")
    assert b.notes[0] == f"{NOT_FITTED}, so not ranked"
    assert "lowest" in c.notes
    assert "lowest" not in a.notes
    alone = findings(runs[1].lines)[0]
    assert (alone.quantity, alone.value, alone.notes) == (
        "training accuracy",
        0.4,
        (f"{NOT_FITTED}: below 0.95",),
    )
    several = [finding for finding in collapse_findings(runs, "nc1_trace_ratio") if finding.run == "b"]
    assert all(any(note.startswith(NOT_FITTED) for note in finding.notes) for finding in several)


def test_the_control_does_not_have_to_fit():
    control = [line(2, "input", 8.0, control=True, train=0.3)]
    assert not [f for f in findings([*seeds("a", 2.0).lines, *control]) if "accuracy" in f.quantity]


def test_a_difference_inside_the_interval_is_no_finding():
    found = comparison([seeds("a", 2.0, 0.5, 1.0), seeds("b", 1.0, 0.4, 0.6)], "nc1_trace_ratio")
    assert [finding.notes for finding in found] == [(UNSETTLED,)] * 2
    found = comparison([seeds("a", 2.0, 2.1, 1.9), seeds("b", 1.0, 1.1, 0.9)], "nc1_trace_ratio")
    assert [finding.notes for finding in found] == [(), ("lowest",)]


def test_a_course_inside_the_spread_is_no_fall():
    (found,) = findings(seeds("a", 2.0, 20.0, 7.0).lines)
    assert found.course.direction == "unsettled"
    assert found.notes == ("lower in 2 of 3 seeds",)
    assert found.cells()[3] == "inside the spread"


def test_a_step_inside_the_spread_is_no_cause():
    def of(*agop):
        return steps([each for seed, factor in enumerate(agop) for each in at(1, 1.0, factor, factor, seed=seed)])

    unsettled, settled = of(0.1, 2.0, 0.5), of(0.1, 0.12, 0.09)
    assert unsettled["AGOP step"].notes == (UNSETTLED,)
    assert unsettled["all steps"].notes == ("no step makes it fall beyond the spread",)
    assert settled["AGOP step"].notes == ("100 % of the fall",)


def test_a_step_that_some_seeds_do_not_settle_is_marked():
    factors = enumerate((0.3, 1.2, 0.5))
    found = steps([each for seed, factor in factors for each in at(1, 1.0, 0.1, 0.1 * factor, seed=seed)])
    assert UNSETTLED in found["random features"].notes
    assert UNSETTLED not in found["AGOP step"].notes


def test_a_lower_value_on_the_way_is_told():
    (found,) = findings([line(layer, "input", nc1) for layer, nc1 in ((1, 16.0), (2, 0.1), (3, 4.0))])
    assert (found.course.factor, found.notes) == (pytest.approx(0.5), ("lowest at layer 2: 0.1",))


def test_seeds_without_a_value_do_not_make_a_fall():
    lines = [line(1, "input", 1.0), line(2, "input", None), *seeds("", 100.0, start=100.0).lines]
    lines = [each | {"seed": int(place > 1)} for place, each in enumerate(lines)]
    (found,) = findings(lines)
    assert (found.course.start, found.value, found.course.direction) == pytest.approx((100, 100, "same"))
    (apart,) = findings([line(1, "input", 1.0), line(2, "input", 100.0, seed=1)])
    assert (apart.value, apart.notes) == (None, ("no seed has a value at both ends",))


def test_the_best_layer_is_better_than_the_last_beyond_the_spread():
    def notes(*best):
        lines = [
            line(layer, "input", 1.0, seed=seed, accuracy=accuracy)
            for seed, top in enumerate(best)
            for layer, accuracy in ((1, 0.5), (2, top), (3, 0.7))
        ]
        return accuracy_findings([result("a", *lines)])[0].notes

    assert notes(0.9, 0.6, 0.75) == (f"no layer is better than the last: {UNSETTLED}",)
    assert notes(0.9, 0.91, 0.9) == ("best at layer 2: 0.903",)


def test_seeds_that_move_apart_do_not_hardly_change():
    """The mean stays, one seed falls tenfold and one rises tenfold."""
    assert findings(seeds("a", 0.8, 80.0).lines)[0].course.direction == "unsettled"
    apart = [each for seed, factor in enumerate((0.1, 10.0)) for each in at(1, 1.0, 0.1, 0.1 * factor, seed=seed)]
    assert UNSETTLED in steps(apart)["random features"].notes
