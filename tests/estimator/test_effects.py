"""Effects of swapped columns, against known Sobol indices and double loops over pairs of rows."""

from __future__ import annotations

import numpy as np
import pytest

from agop.errors import InputError
from agop.estimator.effects import n_swaps_of, n_values, swap_effects
from sampling import is_share, margin

RNG = np.random.default_rng(0)


def alone(p):
    return [(column,) for column in range(p)]


def column(values):
    return values[:, None]


def ishigami(x):
    return column(np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))


def sobol_g(x):
    a = np.array([0, 1, 9])
    return column(np.prod((np.abs(4 * x - 2) + a) / (1 + a), 1))


def shifted_line(x):
    return column(1e6 + x @ [1.0, 0.5, 0.1])


def rare(x):
    """An indicator of 5 % of the rows with a large step, and its interaction with another column."""
    return column(
        3 * (x[:, 0] < 0.05) + np.sqrt(12) * (x[:, 1] - 0.5) + (x[:, 0] < 0.05) * np.sqrt(12) * (x[:, 2] - 0.5)
    )


def ishigami_indices():
    first = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2
    second, both = 49 / 8, 0.01 * np.pi**8 * (1 / 18 - 1 / 50)
    return np.array([first + both, second, both]) / (first + second + both)


def sobol_g_indices():
    parts = 1 / (3 * (1 + np.array([0, 1, 9])) ** 2)
    whole = np.prod(1 + parts)
    return parts / (1 + parts) * whole / (whole - 1)


KNOWN = {
    "ishigami": (ishigami, lambda rng, n: rng.uniform(-np.pi, np.pi, (n, 3)), ishigami_indices()),
    "sobol g": (sobol_g, lambda rng, n: rng.uniform(size=(n, 3)), sobol_g_indices()),
    "line": (shifted_line, lambda rng, n: rng.standard_normal((n, 3)), np.array([1, 0.25, 0.01]) / 1.26),
    "rare": (
        rare,
        lambda rng, n: rng.uniform(size=(n, 3)),
        np.array([9 * 0.0475 + 0.0475, 1, 0.05]) / (9 * 0.0475 + 1.05),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(("n", "n_swaps", "weighted"), [(2000, 2000, False), (300, 3000, False), (1500, 1500, True)])
def test_the_standard_error_covers_known_indices(name, n, n_swaps, weighted):
    """Over 300 draws: no bias beyond its error, and 95 % intervals that hold the truth as often as they say."""
    function, draw, truth = KNOWN[name]
    rng, found = np.random.default_rng(7), []
    for _ in range(300):
        weights = rng.uniform(0.5, 1.5, n) if weighted else None
        found.append(swap_effects(function, draw(rng, n), (0, 1, 2), alone(3), n_swaps=n_swaps, weights=weights))
    shares, errors = (np.array(part) for part in zip(*found, strict=True))
    assert (np.abs(shares.mean(0) - truth) < margin(shares)).all()
    np.testing.assert_allclose(errors.mean(0), shares.std(0), rtol=0.2)  # the deviation of 300 draws errs by 4 %
    covered = (np.abs(shares - truth) < 1.96 * errors).sum(0)
    assert all(is_share(count, 300, 0.95) for count in covered), covered


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"rare"}))  # which few rows do not have at all
@pytest.mark.parametrize("n", [6, 10, 20])
def test_few_rows_are_said_to_tell_little(name, n):
    """Two errors hold the truth in three of four draws at least; two rows tell no error."""
    function, draw, truth = KNOWN[name]
    rng = np.random.default_rng(0)
    found = [swap_effects(function, draw(rng, n), (0, 1, 2), alone(3), n_swaps=9999) for _ in range(600)]
    shares, errors = (np.array(part) for part in zip(*found, strict=True))
    assert ((np.abs(shares - truth) <= 2 * errors).mean(0) > 0.75).all()
    assert np.isinf(swap_effects(function, draw(rng, 2), (0, 1, 2), alone(3), n_swaps=9999)[1]).all()


def test_the_error_halves_with_four_times_the_rows():
    rows = RNG.uniform(size=(8000, 3))
    few, many = (swap_effects(sobol_g, rows[:n], (0, 1, 2), alone(3), n_swaps=n)[1] for n in (2000, 8000))
    np.testing.assert_allclose(many, few / 2, rtol=0.25)


@pytest.mark.parametrize("weighted", [False, True])
def test_all_pairs_by_a_double_loop(weighted):
    """With every shift the estimate is that over all ordered pairs; features of one column move together."""
    rows, owner = RNG.standard_normal((12, 4)), np.array([0, 0, 1, 2])
    weights = RNG.uniform(0.2, 2.0, 12) if weighted else np.ones(12)

    def f(x):
        return np.stack([x[:, 0] * x[:, 2] + x[:, 1], x[:, 3] ** 2], 1)

    def over_pairs(subset):
        total = 0.0
        for i in range(12):
            for k in range(12):
                sums = 0.0
                for part in [(), *[(one,) for one in subset], *[subset] * (len(subset) > 1)]:
                    moved = np.where(np.isin(owner, part), rows[k], rows[i])
                    sums = sums + (-1) ** len(part) * f(moved[None])[0]
                total += weights[i] * weights[k] * (i != k) * (sums**2).sum() / 2 ** len(subset)
        return total

    centered = ((f(rows)[:, None] - f(rows)[None]) ** 2).sum(2) / 2 * weights[:, None] * weights
    subsets = [(0,), (1,), (2,), (0, 1), (1, 2)]
    shares, _ = swap_effects(f, rows, owner, subsets, n_swaps=12 * 11, weights=weights if weighted else None)
    np.testing.assert_allclose(shares, [over_pairs(subset) / centered.sum() for subset in subsets], rtol=1e-10)
    assert shares[4] == pytest.approx(0, abs=1e-25)  # additive over the pair


def test_a_column_that_is_everything_has_effect_one():
    shares, errors = swap_effects(
        lambda x: x[:, :1] ** 3, RNG.standard_normal((400, 2)), (0, 1), alone(2), n_swaps=9999
    )
    assert shares[0] == pytest.approx(1, abs=5 * errors[0])
    assert (shares[1], errors[1]) == (0, 0)


def test_weights_say_which_rows_count():
    """f depends on x0 where x2 > 0 and on x1 elsewhere."""
    rows = RNG.standard_normal((3000, 3))

    def f(x):
        return column(np.where(x[:, 2] > 0, x[:, 0], x[:, 1]))

    positive, negative = (
        swap_effects(f, rows, (0, 1, 2), alone(3), n_swaps=9000, weights=np.where(rows[:, 2] * sign > 0, 1.0, 1e-9))[0]
        for sign in (1, -1)
    )
    np.testing.assert_allclose(positive, [1, 0, 0], atol=0.1)
    np.testing.assert_allclose(negative, [0, 1, 0], atol=0.1)


def test_calls_are_few_and_counted():
    calls = []

    def f(x):
        calls.append(len(x))
        return x[:, :1] + x[:, 1:2]

    swap_effects(f, RNG.standard_normal((500, 40)), np.arange(40), alone(40), n_swaps=1000)
    assert sum(calls) == 500 + 2 * 40 * 500
    assert max(calls) <= 8192
    assert len(calls) < 10
    assert [n_swaps_of(p) for p in (1, 25, 100, 10_000)] == [4000, 4000, 1000, 100]


@pytest.mark.parametrize(("n", "n_swaps"), [(500, 1000), (50, 40), (7, 9999), (1, 9)])
@pytest.mark.parametrize("subsets", [alone(3), [(0, 1), (1, 2)], [(0,), (0, 2)]])
def test_the_number_of_values_is_known_before(n, n_swaps, subsets):
    calls = []

    def f(x):
        calls.append(len(x))
        return ishigami(x)

    swap_effects(f, RNG.standard_normal((n, 3)), (0, 1, 2), subsets, n_swaps=n_swaps)
    assert sum(calls) == n_values(n, subsets, n_swaps)


def test_unusable_and_constant():
    rows = RNG.standard_normal((9, 3))
    for found in swap_effects(lambda x: np.full((len(x), 1), 0.1), rows, (0, 1, 2), [(0, 1)], n_swaps=9):
        assert found.tolist() == [0]
    for found in swap_effects(ishigami, rows[:1], (0, 1, 2), alone(3), n_swaps=9):
        assert found.tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="two or more swaps, got 1"):
        swap_effects(ishigami, rows, (0, 1, 2), alone(3), n_swaps=1)
