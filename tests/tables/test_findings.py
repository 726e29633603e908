"""Findings on models of tables, against numbers counted by hand, and what they must not claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agop.charts.judging import UNSETTLED
from agop.tables.findings import part_findings, table_findings
from tables.models import COUPLING, EXPLANATION, folds, plain, result, wide


def about(**change):
    """Findings on the explanation with other numbers, by their quantities."""
    found = {}
    for finding in table_findings([result(explanation=replace(EXPLANATION, **change))]):
        found.setdefault(finding.quantity, []).append(finding)
    return found


def notes(findings):
    return {finding.where: finding.notes for finding in findings}


def test_what_is_found():
    found = table_findings([result(lines=folds(1.0, 2.0, 3.0))])
    assert [(f.quantity, f.where, f.value, f.notes) for f in found] == [
        ("effect", "mass", 0.45, ("largest",)),
        ("effect", "age", 0.3, ("next",)),
        ("columns", "with an effect below 1 %", 1, ()),
        ("steepness", "age", 0.5, ("steepest, but its effect is below that of mass",)),
        ("interaction", "age with mass", 0.062, ("strongest of 3 pairs",)),
        ("coupling", "age and town", 0.5, ("strongest among the 3 columns with the largest effects",)),
        ("share of the AGOP", "first direction", 0.625, ("age +0.8, mass −0.6", "the first 2 hold 88 %")),
        ("RMSE", "mean over 3 folds", 2.0, ("50 % of the constant prediction", "below it in 3 of 3 folds")),
    ]
    assert found[0].interval[:2] == pytest.approx((0.39, 0.51))
    assert found[-1].interval[:2] == (1.0, 3.0)


def test_no_share_is_told_that_none_can_be():
    """An estimate and its errors may lie beyond 0 and 1; the whole of the variance is 1."""
    for effect, value, ends in ((0.97, 0.97, (0.91, 1.0)), (1.02, 1.0, (0.96, 1.0))):
        largest = about(effects=np.array([0.0, effect, 0.0, 0.0]), errors=np.full(4, 0.03))["effect"][0]
        assert (largest.value, largest.interval[:2]) == (value, pytest.approx(ends))
    (pair,) = about(interactions=(("age", "mass", 0.03, 0.02),))["interaction"]
    assert pair.interval[:2] == (0.0, pytest.approx(0.07))


def test_a_difference_within_the_errors_is_no_finding():
    """Age and mass are 0.15 apart: told apart with errors of 0.03 each, not with 0.05."""
    settled, unsettled = (about(errors=np.full(4, error)) for error in (0.03, 0.05))
    assert notes(settled["effect"])["mass"] == ("largest",)
    assert notes(unsettled["effect"]) == dict.fromkeys(("mass", "age"), ("may be the largest: not settled",))
    assert "below that of mass" in settled["steepness"][0].notes[0]
    assert unsettled["steepness"][0].notes == ("steepest",)
    second = about(effects=np.array([0.12, 0.13, 0.01, 0.9]))["effect"]
    assert notes(second) == {"mass": ("largest",)} | dict.fromkeys(("age", "noise"), ("may be next: not settled",))


@pytest.mark.parametrize(
    ("steepness", "where", "note"),
    [
        ([0.9, 0.05, 0.03, 0.02], "noise", "steepest, but its effect is below that of mass"),  # as fnlwgt on Adult
        ([0.1, 0.2, 0.1, 0.6], "mass", "steepest"),
        ([0.4, 0.1, 0.1, 0.4], "mass", "steepest"),
    ],
)
def test_what_leads_by_steepness_only_is_named_as_steep(steepness, where, note):
    found = about(steepness=np.array(steepness))
    assert notes(found["steepness"]) == {where: (note,)}
    assert notes(found["effect"])["mass"] == ("largest",)


@pytest.mark.parametrize(("effect", "error"), [(0.0, 0.0), (0.05, 0.03)])
def test_no_effect_at_all(effect, error):
    (found,) = about(effects=np.full(4, effect), errors=np.full(4, error))["effect"]
    assert found.notes == ("no column has an effect beyond its standard error",)


def pairs(*shares, error):
    names = (("age", "mass"), ("town", "mass"), ("age", "town"))
    return tuple((*pair, share, error) for pair, share in zip(names, shares, strict=False))


@pytest.mark.parametrize(
    ("interactions", "shown", "note"),
    [
        (pairs(0.062, 0.021, 0.0, error=0.012), 2, "may be the strongest of 3 pairs: not settled"),
        (pairs(0.062, 0.021, 0.0, error=0.04), 1, "none of 3 pairs is beyond its standard error"),
        (pairs(0.062, error=0.04), 1, "none of 1 pairs is beyond its standard error"),
        (pairs(0.062, error=0.004), 1, "the only pair that was tried"),
        (pairs(0.004, 0.0, 0.0, error=0.001), 1, "nearly additive: all 3 pairs that were tried are below 1 %"),
    ],
)
def test_interactions(interactions, shown, note):
    found = about(interactions=interactions)["interaction"]
    assert [finding.notes for finding in found] == [(note,)] * shown


def effects_of(*found):
    return [line | {"effects": effects} for line, effects in zip(folds(*[1.0] * len(found)), found, strict=True)]


def test_the_largest_effect_by_fold():
    age, mass = ({"age": {"share": a, "error": 0.01}, "mass": {"share": 0.3, "error": 0.01}} for a in (0.4, 0.2))

    def of(lines):
        return notes(
            f for f in part_findings([result(lines=lines)], "effects") if f.quantity == "effect on unseen rows"
        )

    assert of(effects_of(age, age)) == {"age": ("largest in 2 of 2 folds",)}
    assert of(effects_of(age, mass, age)) == {
        "age": ("largest in 2 of 3 folds", "the folds disagree"),
        "mass": ("largest in 1 of 3 folds", "the folds disagree"),
    }
    nothing = {name: {"share": 0.0, "error": 0.0} for name in ("age", "mass")}
    assert of(effects_of(nothing, nothing)) == of(effects_of(age)) == of(folds(1.0, 2.0)) == {}


def test_the_only_column_is_the_largest_in_no_fold():
    lines = effects_of(*[{"age": {"share": 1.0, "error": 0.01}}] * 2)
    found = part_findings([result(explanation=plain([1.0], ("age",)), lines=lines)], "effects")
    assert [finding.quantity for finding in found] == ["effect"]


def test_the_coupling_is_one_that_is_shown_of_columns_with_an_effect():
    explanation = wide()
    explanation.coupling[3, 4] = explanation.coupling[4, 3] = 0.9  # x3 and x4 have small effects
    explanation.coupling[20, 25] = explanation.coupling[25, 20] = 0.4
    found = {f.quantity: f for f in table_findings([result(explanation=explanation)])}["coupling"]
    assert (found.where, found.value) == ("x20 and x25", 0.4)
    coupling = np.array([[1, 0.99, 0.2], [0.99, 1, 0.1], [0.2, 0.1, 1]])
    explanation = replace(plain([0.7, 0.002, 0.4]), coupling=coupling)
    found = {f.quantity: f for f in table_findings([result(explanation=explanation)])}["coupling"]
    assert (found.where, found.value) == ("x0 and x2", 0.2)
    alone = replace(explanation, effects=np.array([0.9, 0.002, 0.001]))
    found = {f.quantity: f for f in table_findings([result(explanation=alone)])}["coupling"]
    assert found.notes == ("fewer than two columns have an effect of 1 %",)
    assert about(coupling=np.eye(4))["coupling"][0].notes == ("no two columns act through a common direction",)
    assert "nearly one direction" in about(coupling=COUPLING + 0.45 * (COUPLING == 0.5))["coupling"][0].notes


def test_directions():
    small = about(directions=np.array([[0.894, 0.001, -0.447, 0.0, 0.0]]), shares=np.ones(1))
    assert small["share of the AGOP"][0].notes == ("noise +0.89, town=Bonn −0.45",)  # small entries have no sign
    (alone,) = about(shares=np.array([0.995, 0.004]))["share of the AGOP"]
    assert not any("hold" in note for note in alone.notes)  # what others hold beside all of it tells nothing


def test_many_columns_are_not_all_named():
    found = part_findings([result(explanation=replace(wide(), errors=np.full(30, 0.04)))], "effects")
    assert [f.where for f in found if f.quantity == "effect"] == ["x29", "x28", "x27", "x26"]


def test_one_column():
    effect, direction = table_findings([result(explanation=plain([1.0], ("age",)))])
    assert effect.notes == ("the only column",)
    assert direction.notes == ("age +1",)


@pytest.mark.parametrize(
    ("lines", "value", "interval", "notes"),
    [
        (folds(1.0, 6.0), 3.5, 3.54, ("88 % of the constant prediction", "below it in 1 of 2 folds")),
        (folds(8.0, 8.0), 8, 0, ("200 % of the constant prediction", "below it in 0 of 2 folds")),
        (folds(1.0), 1, None, ("25 % of the constant prediction",)),
        (folds(0.1, 0.2, baseline=None, measure="error rate"), 0.15, 0.0707, ()),
        (folds(0.0, 0.0, baseline=0.0), 0, 0, ()),
    ],
)
def test_errors_over_folds(lines, value, interval, notes):
    (found,) = part_findings([result(lines=lines)], "folds")
    assert (found.value, found.notes) == (pytest.approx(value), notes)
    assert ("mean" in found.where) is (len(lines) > 1)
    if interval is None:
        assert found.interval is None
    else:
        ends = max(0, value - interval), value + interval  # no error is below 0
        assert found.interval[:2] == pytest.approx(ends, abs=0.01)


def compared(*results):
    """Quantity, and value and notes of each model in the comparison."""
    found = [finding for finding in part_findings(results, "folds") if not finding.where.startswith(("mean", "one"))]
    return {(f.quantity, f.where) for f in found}, {f.run: (f.value, *f.notes[:1]) for f in found}


SAME_FOLDS, RELATIVE = {("RMSE", "same folds")}, {("error", "relative to its own constant prediction")}


def test_which_model_has_the_lowest_error():
    a, b = result("a", lines=folds(1.0, 3.0, 2.0)), result("b", lines=folds(1.9, 4.0, 3.1))
    assert compared(b, a) == (SAME_FOLDS, {"a": (2, "lowest"), "b": (3, "higher in 3 of 3 folds")})
    other, steady = result("c", lines=folds(0.4, 0.5, baseline=8.0)), result("f", lines=folds(1.9, 2.1, 2.0))
    quantity, found = compared(steady, other, result("d"))
    assert quantity == RELATIVE
    assert found == {"c": (pytest.approx(0.05625), "lowest"), "f": (pytest.approx(0.5),)}
    assert compared(result("e", lines=folds(1.0, baseline=None)), other) == (set(), {})
    assert part_findings([result()], "folds") == []


def test_a_difference_inside_the_spread_over_folds_is_none():
    a, b = result("a", lines=folds(1.0, 3.0, 2.0)), result("b", lines=folds(2.0, 2.5, 3.0))
    assert compared(b, a)[1] == {"a": (2, UNSETTLED), "b": (2.5, UNSETTLED)}
    worse, steady = (result(name, lines=folds(*errors)) for name, errors in (("w", (4, 1, 4)), ("s", (2.1, 4, 3.2))))
    assert compared(worse, a, steady)[1] == {
        "w": (3, f"among the lowest, {UNSETTLED}"),
        "a": (2, f"among the lowest, {UNSETTLED}"),
        "s": (pytest.approx(3.1), "higher in 3 of 3 folds"),
    }
    other = result("c", lines=folds(2.0, 2.0, baseline=8.0))
    assert compared(a, other)[1] == {"a": (0.5, UNSETTLED), "c": (0.25, UNSETTLED)}


def test_balanced_classes_do_not_make_two_tables_one():
    """Error rates of the most frequent class are the same in many tables."""
    lines = folds(0.1, 0.2, baseline=0.5, measure="error rate"), folds(0.4, 0.5, baseline=0.5, measure="error rate")
    facts = {"checksum": "1", "target": "y", "settings": {"seed": 0}}

    def quantity(**changes):
        return compared(result("a", lines=lines[0], **facts), result("b", lines=lines[1], **facts | changes))[0]

    assert quantity() == {("error rate", "same folds")}
    for changes in ({"checksum": "2"}, {"target": "z"}, {"settings": {"seed": 1}}, {"checksum": None}):
        assert quantity(**changes) == RELATIVE


def test_models_that_are_equally_good():
    a, b, c = (result(name, lines=folds(*errors)) for name, errors in zip("abc", [(1, 3), (3, 1), (2, 4)], strict=True))
    assert compared(a, b, c)[1] == {"a": (2, "lowest"), "b": (2, "lowest"), "c": (3, "higher in 2 of 2 folds")}
    others = [result(name, lines=folds(base / 4, base / 4, baseline=base)) for name, base in (("d", 4.0), ("e", 8.0))]
    assert compared(*others)[1] == dict.fromkeys("de", (0.25, "about the same"))
