"""Explanations from an AGOP, against loops over the blocks of its columns."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from agop.errors import InputError
from agop.rfm import Skill
from agop.tables import Explanation, explain_agop

FEATURES, COLUMNS, OWNER = ("age", "town=a", "town=b", "town=c", "mass"), ("age", "town", "mass"), (0, 1, 1, 1, 2)
RNG = np.random.default_rng(0)
GRADIENTS = RNG.standard_normal((40, 5)) @ RNG.standard_normal((5, 5))
AGOP = GRADIENTS.T @ GRADIENTS / 40
LEVELS = np.eye(3)[RNG.integers(0, 3, 60)]
ROWS = np.column_stack([5 * RNG.standard_normal(60), 1.4 * LEVELS, RNG.standard_normal(60)])
COVARIANCE = np.cov(ROWS.T)


def root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T


def scaled():
    """S^{1/2} G S^{1/2} with S the blocks of the covariance."""
    owner = np.array(OWNER)
    roots = np.zeros((5, 5))
    for column in range(3):
        block = np.ix_(owner == column, owner == column)
        roots[block] = root(COVARIANCE[block])
    return roots @ AGOP @ roots


def explained(effects=(0.5, 0.1, 0.7), errors=(0.1, 0.01, 0.02), **settings):
    return explain_agop(AGOP, COVARIANCE, FEATURES, OWNER, COLUMNS, effects=effects, errors=errors, **settings)


def of_two(agop, **effects):
    """Explanation of two columns of one feature each."""
    names = ("a", "b")
    return explain_agop(
        agop, np.eye(2), names, (0, 1), names, **({"effects": (1.0, 0.0), "errors": (0.1, 0.0)} | effects)
    )


def test_steepness_is_the_mean_square_of_a_step():
    """E (grad f . s)^2 over independent gradients and steps s with the covariance of the column."""
    wanted = []
    for column in range(3):
        block = [index for index, owner in enumerate(OWNER) if owner == column]
        wanted.append(math.fsum(AGOP[a, b] * COVARIANCE[a, b] for a in block for b in block))
    found = explained()
    np.testing.assert_allclose(found.steepness, np.array(wanted) / math.fsum(wanted), rtol=1e-10)
    assert found.steepness.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("effects", "errors", "order", "leaders"),
    [
        ((0.5, 0.1, 0.7), (0.01, 0.01, 0.01), [2, 0, 1], [2]),
        ((0.5, 0.1, 0.7), (0.05, 0.01, 0.06), [2, 0, 1], [2, 0]),  # 0.2 apart, the intervals touch at 0.22
        ((0.5, 0.1, 0.7), (0.01, 0.4, 0.01), [2, 0, 1], [2, 1]),  # one that is hardly known may lead
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), None, [0, 1, 2]),
    ],
)
def test_columns_whose_intervals_overlap_are_not_told_apart(effects, errors, order, leaders):
    found = explained(effects, errors)
    assert found.ranking() == (order or np.argsort(-found.steepness).tolist())
    assert sorted(found.leaders()) == sorted(leaders)
    for a in range(3):
        assert not found.is_above(a, a)
        for b in range(3):
            assert found.is_above(a, b) == (effects[a] - 2 * errors[a] > effects[b] + 2 * errors[b])


def test_directions():
    found = explained(n_directions=2)
    values, vectors = np.linalg.eigh(scaled())
    np.testing.assert_allclose(found.shares, values[::-1][:2] / values.sum(), rtol=1e-10)
    for row, vector in zip(found.directions, vectors.T[::-1], strict=False):
        assert row[np.abs(row).argmax()] > 0
        np.testing.assert_allclose(row * np.sign(row @ vector), vector, atol=1e-7)  # as exact as the oracle's root
    assert len(explained(n_directions=9).shares) == 4  # S has rank four: the shares of the levels add up to one


def test_coupling():
    matrix, owner = scaled(), np.array(OWNER)

    def norm(a, b):
        return math.sqrt(math.fsum(entry**2 for entry in matrix[np.ix_(owner == a, owner == b)].ravel()))

    found = explained().coupling
    for a in range(3):
        for b in range(3):
            assert found[a, b] == pytest.approx(norm(a, b) / math.sqrt(norm(a, a) * norm(b, b)))
    assert found.max() <= 1 + 1e-12


def test_columns_without_influence():
    found = of_two(np.diag([2.0, 0.0]))
    np.testing.assert_array_equal(found.steepness, [1, 0])
    np.testing.assert_array_equal(found.coupling, np.eye(2))
    assert found.shares.tolist() == [1]


def test_units_do_not_matter():
    units = np.diag([1e6, 1.0, 1.0, 1.0, 1e-6])
    inverse = np.linalg.inv(units)
    scaled_to = inverse @ AGOP @ inverse, units @ COVARIANCE @ units
    found = explain_agop(*scaled_to, FEATURES, OWNER, COLUMNS, effects=np.ones(3), errors=np.ones(3))
    np.testing.assert_allclose(found.steepness, explained().steepness, rtol=1e-9)
    np.testing.assert_allclose(found.directions, explained().directions, atol=1e-8)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"agop": np.eye(4)}, "AGOP of shape"),
        ({"covariance": np.eye(4)}, "covariance of shape"),
        ({"column_of": (0, 1, 1, 1)}, "3 columns for each feature"),
        ({"column_of": (0, 1, 1, 1, 3)}, "3 columns for each feature"),
        ({"agop": np.zeros((5, 5))}, "depends on its columns"),
        ({"n_directions": 0}, "one or more"),
        ({"effects": [0.5, 0.5]}, "shapes"),
        ({"errors": 0.5}, "shapes"),
    ],
)
def test_unusable(change, word):
    arguments = {
        "agop": AGOP,
        "covariance": COVARIANCE,
        "features": FEATURES,
        "column_of": OWNER,
        "columns": COLUMNS,
        "effects": np.ones(3),
        "errors": np.ones(3),
    }
    with pytest.raises(InputError, match=word):
        explain_agop(**(arguments | change))


FOUND = Explanation(
    columns=("age", "mass", "town"),
    effects=np.array([0.5, 0.625, 0.0]),
    errors=np.array([0.03, 0.0156, 0.0]),
    steepness=np.array([0.75, 0.25, 0.0]),
    features=("age", "mass", "town"),
    directions=np.eye(3)[:1],
    shares=np.array([0.75]),
    coupling=np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    interactions=(("age", "mass", 0.125, 0.0139),),
)


def test_json_and_table():
    values = json.loads(json.dumps(FOUND.to_json(), allow_nan=False))
    assert values["steepness"] == [0.75, 0.25, 0]
    assert values["interactions"] == [["age", "mass", 0.125, 0.0139]]
    console = Console(width=140, file=StringIO())
    console.print(FOUND.table())
    *_, mass, age, town = [line for line in console.file.getvalue().splitlines() if line.strip()]
    strongest = ["0.1250", "±", "0.0139"]
    assert mass.split() == ["mass", "██████░░░░", "0.6250", "±", "0.0156", "0.250", "age", *strongest, "age", "0.50"]
    assert age.split() == ["age", "█████░░░░░", "0.5000", "±", "0.0300", "0.750", "mass", *strongest, "mass", "0.50"]
    assert town.split() == ["town", "░░░░░░░░░░", "0.0000", "±", "0.0000", "0.000", "–", "–"]
    assert len(FOUND.table(n_rows=2).rows) == 2


def test_a_narrow_terminal_cuts_no_numbers():
    found = replace(FOUND, columns=("fine_aggregate_in_the_mix", "blast_furnace_slag_in_it", "rate [/h]"))
    found = replace(found, interactions=((*found.columns[:2], 0.125, 0.0139),))
    console = Console(width=60, file=StringIO())
    console.print(found.table())
    text = console.file.getvalue()
    for number, count in {
        "0.6250 ± 0.0156": 1,
        "0.250": 1,
        "0.50": 2 + 1,
        "0.1250 ± 0.0139": 2,
        "rate [/h]": 2,
    }.items():
        assert text.count(number) >= count
    assert max(map(len, text.splitlines())) <= 60


PAIRS = (("age", "mass", 1 / 3, 0.1), ("town", "age", 0.1, 1 / 7))


@pytest.mark.parametrize(
    "more", [{}, {"interactions": PAIRS}, {"skill": Skill(1.0, 0.0)}, {"skill": Skill(-0.1, 1 / 3)}]
)
def test_from_json_is_exact(more):
    found = replace(explained(np.array([math.pi, 5e-324, 0.0])), **more)
    copy = Explanation.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    for name, value in vars(found).items():
        other = getattr(copy, name)
        assert type(other) is type(value)
        if isinstance(value, np.ndarray):
            assert other.dtype == np.float64
            np.testing.assert_array_equal(other, value)
        else:
            assert other == value


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"columns": ["age", "town"]}, "shapes .* of 2 columns and 5 features"),
        ({"coupling": [1.0, 0.5]}, "shapes"),
        ({"steepness": ["a", "b", "c"]}, "names and numbers"),
        ({"interactions": [["age", 0.5]]}, "names and numbers"),
        ({"interactions": [["age", "mass", 0.5]]}, "names and numbers"),
        ({"interactions": [["age", "height", 0.5, 0.1]]}, "interactions of the columns, got height"),
        ({"effects": [0.5]}, "shapes"),
        ({"effects": [0.5, None, 0.1]}, "finite numbers"),
        ({"errors": [0.5, -0.1, 0.1]}, "finite numbers"),
        ({"interactions": [["age", "mass", 0.5, -0.1]]}, "finite numbers"),
        ({"skill": [0.5, -0.1]}, "finite numbers"),
        ({"skill": [1.5, 0.1]}, "finite numbers"),
        ({"skill": [0.5]}, "names and numbers"),
        ({"skill": 0.5}, "names and numbers"),
        ({"shares": 0.5}, "shapes"),
        ({"more": 1}, "an explanation with columns, coupling"),
    ],
)
def test_from_json_of_other_values(change, word):
    with pytest.raises(InputError, match=word):
        Explanation.from_json({**explained().to_json(), **change})


def test_from_json_of_no_explanation():
    for values in ([], None, {"columns": []}):
        with pytest.raises(InputError, match="an explanation with columns"):
            Explanation.from_json(values)


def test_strongest_partners():
    found = replace(explained(), interactions=(("mass", "age", 0.5, 0.1), ("age", "town", 0.25, 0.2)))
    a, b = sorted(((found.coupling[0, 1], "town"), (found.coupling[0, 2], "mass")))[::-1]
    assert found.strongest_coupling(0) == a[::-1]
    assert a > b
    assert found.strongest_interaction(0) == ("mass", 0.5, 0.1)
    assert found.strongest_interaction(1) == ("age", 0.25, 0.2)
    alone = of_two(np.diag([2.0, 0.0]))
    assert alone.strongest_coupling(0) is alone.strongest_interaction(0) is None
