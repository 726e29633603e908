"""Verdicts of the figures on FACT, chance and superclasses follow the numbers."""

from __future__ import annotations

import types

import pytest

from agop.paper import FIGURES


def verdicts(name, lines):
    return FIGURES[name].verdicts(types.SimpleNamespace(metrics=lambda: lines))


def fact(with_decay=(0.1, 0.95), root=(0.8, 0.6), without=0.3, accuracy=1.0, by_layer=None):
    """Two depths and two weight decays; FACT and the ansatz at the start and at the end, by layer if wanted."""
    lines = []
    for depth in (2, 10):
        for decay in (0.0, 1e-3):
            for epoch in (0, 10):
                for place in range(depth):
                    values = [(0.1, without), with_decay][decay > 0][epoch > 0], root[epoch > 0]
                    if by_layer and epoch:
                        values = by_layer(place)
                    line = {"part": f"{depth}-{decay}", "data": "digits", "depth": depth, "decay": decay, "seed": 1}
                    line |= {"epoch": epoch, "loss": 0.1, "train_accuracy": accuracy, "layer": f"fc.{place}"}
                    line |= {"fact_pearson": values[0], "nfa_pearson_root": values[1]}
                    lines += [line | {"stage": "input"}, line | {"stage": "output"}]
    return lines


def of_fact(lines):
    """FACT holds, predicts better, needs weight decay; the ansatz before training; both in the same layers."""
    converges, predicts, needs, *_, before, explains = [verdict.holds for verdict in verdicts("fact", lines)]
    return [converges, predicts, needs, before, explains]


def rising(place):
    return 0.5 + place / 25, 0.4 + place / 50


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (fact(), [True, True, True, True, None]),  # all layers alike: no rank correlation
        (fact(with_decay=(0.1, 0.8)), [False, True, True, True, None]),  # not precise
        (fact(with_decay=(0.7, 0.95)), [False, True, True, True, None]),  # there already
        (fact(root=(0.8, 0.94)), [True, False, True, True, None]),  # a difference too small
        (fact(without=0.94), [True, True, False, True, None]),  # without weight decay as well
        (fact(root=(0.3, 0.2)), [True, True, True, False, None]),  # no ansatz before training
        (fact(accuracy=0.5), [None, None, None, True, None]),  # not fitted
        (fact(by_layer=rising), [False, True, False, True, True]),
        (fact(by_layer=lambda place: (rising(place)[0], 0.9 - place / 20)), [False, True, False, True, False]),
    ],
)
def test_fact(lines, expected):
    found = of_fact(lines)
    if lines[0]["train_accuracy"] == 1 and expected[-1] in (True, False):
        found[1] = expected[1]  # differs from layer to layer
    assert found == expected


def test_fact_before_training_must_not_hold():
    *_, before, _ = verdicts("fact", [line | {"fact_pearson": 0.7} for line in fact()])
    assert before.holds is False


def test_a_seed_in_which_the_ansatz_is_better_is_enough():
    other = [line | {"seed": 2, "fact_pearson": 0.9, "nfa_pearson_root": 0.9} for line in fact()]
    predicts = verdicts("fact", fact() + other)[1]
    assert predicts.holds is False
    assert predicts.numbers["fact_end"] == pytest.approx(0.925)


def test_a_seed_in_which_fact_has_no_value_decides_nothing():
    """As of a network whose units died."""
    dead = [line | {"seed": 2, "fact_pearson": None} for line in fact()]
    assert verdicts("fact", fact() + dead)[1].holds is True
    assert verdicts("fact", dead)[1].holds is None


CONDITIONS = ("as it is", "learning rate / 2", "batches of 100", "weight decay 1e-3", "shuffled labels")


def chance(nc1=0.05, nc2=0.01, norms=(4.0, 4.1, 3.9, 4.0, 9.0), accuracy=1.0):
    """Five trainings that collapse between the second and the third measurement, unless NC1 ends above 0.1."""
    lines = []
    for condition, norm in zip(CONDITIONS, norms, strict=True):
        for epoch, value in ((0, 3.0), (10, 2.0), (20, nc1)):
            line = {"part": condition, "data": "digits", "condition": condition, "seed": 1, "epoch": epoch, "loss": 0.1}
            line |= {"train_accuracy": accuracy, "layer": "fc.output", "stage": "input", "feature_norm": norm}
            line |= {"nc1_trace_ratio": value, "nc1_trace_ratio_chance_least": 40.0}
            line |= {"nc1_trace_ratio_chance_largest": 60.0, "nc2_gram_mse": nc2 if epoch == 20 else 0.1}
            lines.append(line | {"nc2_gram_mse_chance_least": 0.02, "nc2_gram_mse_chance_largest": 0.05})
    return lines


@pytest.mark.parametrize(
    ("lines", "nc1", "nc2", "norm"),
    [
        (chance(), True, True, True),
        (chance(nc1=50.0), False, True, None),  # inside chance, and no onset
        (chance(nc1=70.0), False, True, None),
        (chance(nc1=None), False, True, None),  # no class is told from another at the end
        (chance(nc2=0.03), True, False, True),  # random labels have such angles, too
        (chance(norms=(4.0, 5.0, 3.0, 4.0, 4.0)), True, True, False),
        (chance(accuracy=0.5), None, None, None),
    ],
)
def test_chance(lines, nc1, nc2, norm):
    *levels, same = verdicts("chance", lines)
    assert [verdict.holds for verdict in levels] == [nc1, nc2] * 5
    assert same.holds is norm


def test_onsets_are_told_with_their_errors():
    numbers = verdicts("chance", chance())[-1].numbers
    assert 10 < numbers["onset_as_it_is"] < 20
    assert numbers["error_as_it_is"] >= 5
    assert (numbers["norm_shuffled_labels"], numbers["trainings"]) == (pytest.approx(9), 4)  # which does not count


EARLY = ((0.1, 0.3), (0.5, 0.01), (0.4, 0.03), (0.1, 0.3))
"""Structure and the share of random groupings with as much, at four measurements."""

NC2 = (0.09, 0.06, 0.02, 0.001)


def structure(loops=EARLY, halves=((0.0, 0.5),) * 4, nc2=NC2, accuracy=1.0, seed=1):
    lines = []
    for epoch, (one, other, symmetry) in enumerate(zip(loops, halves, nc2, strict=True)):
        line = {"part": "p", "data": "digits", "seed": seed, "epoch": epoch, "loss": 0.1, "train_accuracy": accuracy}
        line |= {"layer": "fc.output", "stage": "input", "nc2_gram_mse": symmetry, "nc1_trace_ratio": 0.1}
        line |= {"superclass_structure/loops": one[0], "superclass_chance/loops": one[1]}
        lines.append(line | {"superclass_structure/halves": other[0], "superclass_chance/halves": other[1]})
    return lines


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (structure(), [True, True, True]),
        (structure(nc2=(0.09, 0.09, 0.06, 0.05)), [False, True, True]),  # no frame
        (structure() + structure(nc2=(0.09, 0.09, 0.06, 0.05), seed=2), [False, True, True]),  # none in one seed
        (structure(nc2=(0.09, 0.001, 0.001, 0.001)), [True, False, True]),  # symmetry first
        (structure(nc2=(0.09, 0.002, 0.001, 0.0005)), [True, False, True]),  # most of it, and more later
        (structure(loops=((0.48, 0.01), *EARLY[1:])), [True, False, True]),  # there before training
        (structure(loops=(*EARLY[:3], (0.4, 0.02))), [True, False, True]),  # it stays
        (structure(loops=((0.1, 0.3), (0.5, 0.2), *EARLY[2:])), [True, False, True]),  # no more than by chance
        (structure(halves=EARLY), [True, True, False]),  # the control has it, too
        (structure() + structure(nc2=(0.09, 0.001, 0.001, 0.001), seed=2), [True, False, True]),
        (structure(accuracy=0.5), [None, None, None]),
    ],
)
def test_structure(lines, expected):
    assert [verdict.holds for verdict in verdicts("structure-before-collapse", lines)] == expected
