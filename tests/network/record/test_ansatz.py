"""The neural feature ansatz against correlations of dense matrices."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agop.errors import InputError, UndefinedMeasureError
from agop.linalg import Spectrum
from agop.network import Ansatz, neural_feature_matrix, nfa_correlation

FIELDS = [
    "pearson", "pearson_root", "cosine", "cosine_root", "best_power", "best_pearson", "nfm_effective_rank",
    "nfm_stable_rank", "agop_effective_rank", "agop_stable_rank",
]  # fmt: skip


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def dense_power(f, power):
    _, lengths, right = np.linalg.svd(f, full_matrices=False)
    return right.T @ np.diag(lengths ** (2 * power)) @ right


def dense_correlation(weight, f, power, kind):
    a, b = (weight.T @ weight).ravel(), dense_power(f, power).ravel()
    if kind == "pearson":
        return np.corrcoef(a, b)[0, 1]
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_neural_feature_matrix(dtype):
    weight = torch.tensor(normal(3, 5), dtype=dtype)
    found = neural_feature_matrix(weight)
    assert found.dtype == torch.float64
    exact = weight.double().numpy()
    np.testing.assert_allclose(found, exact.T @ exact, rtol=0, atol=1e-14 * (exact**2).sum())
    for bad in (torch.full((2, 2), float("nan")), 1e200 * torch.eye(2).double(), torch.ones(2, 2, 3, 3)):
        with pytest.raises(InputError, match="weight"):
            neural_feature_matrix(bad)


@given(
    out=st.integers(1, 9),
    r=st.integers(1, 9),
    d=st.integers(2, 9),
    seed=st.integers(0, 99),
    power=st.sampled_from([0.25, 0.5, 1.0, 2.0]),
    kind=st.sampled_from(["pearson", "cosine"]),
)
def test_correlation_of_dense_entries(out, r, d, seed, power, kind):
    weight, f = normal(out, d, seed=seed), normal(r, d, seed=seed + 1000)
    expected = dense_correlation(weight, f, power, kind)
    for agop in (f.T @ f, Spectrum.of(f.T @ f), Spectrum.of_factor(f)):
        found = nfa_correlation(weight, agop, power=power, kind=kind)
        assert found == pytest.approx(expected, abs=1e-9)


def test_the_ansatz_is_the_root_and_pearson():
    weight, f = normal(4, 6), normal(5, 6, seed=1)
    assert nfa_correlation(weight, f.T @ f) == pytest.approx(dense_correlation(weight, f, 0.5, "pearson"), rel=1e-12)


@pytest.mark.parametrize(("out", "r", "d"), [(4, 3, 60), (60, 50, 4), (5, 90, 30), (30, 30, 30)])
def test_every_number_of_the_record(out, r, d):
    weight, f = normal(out, d), normal(r, d, seed=1)
    found = Ansatz.of(weight, Spectrum.of_factor(f))
    for name, power in (("", 1.0), ("_root", 0.5)):
        for kind in ("pearson", "cosine"):
            assert getattr(found, kind + name) == pytest.approx(dense_correlation(weight, f, power, kind), rel=1e-10)
    for name, factor in (("nfm", weight), ("agop", f)):
        gram = factor.T @ factor
        values = np.linalg.eigvalsh(gram)[::-1][: min(factor.shape)]
        rounding = len(gram) * np.finfo(float).eps * values[0]
        np.testing.assert_allclose(getattr(found, f"{name}_spectrum"), values, rtol=1e-10, atol=rounding)
        squares = (gram**2).sum()
        assert getattr(found, f"{name}_effective_rank") == pytest.approx(np.trace(gram) ** 2 / squares, rel=1e-12)
        assert getattr(found, f"{name}_stable_rank") == pytest.approx(squares / np.linalg.norm(gram, 2) ** 2, rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_best_power_against_a_dense_scan(seed):
    """Weights whose W^T W is a noisy power of the AGOP, some with the best one at an end of the range."""
    power = [0.02, 0.1, 0.3, 0.5, 1.3, 3.0][seed]
    f = normal(7, 12, seed=seed) @ np.diag(10.0 ** np.linspace(0, -2, 12))
    weight = dense_power(f, power / 2) + 0.01 * normal(12, 12, seed=seed + 50)
    found = Ansatz.of(weight, Spectrum.of_factor(f))
    powers = np.linspace(0.05, 2, 1951)
    scan = [dense_correlation(weight, f, p, "pearson") for p in powers]
    assert found.best_pearson >= max(scan) - 1e-10
    assert found.best_power == pytest.approx(powers[np.argmax(scan)], abs=1.1e-3)
    assert found.best_pearson == pytest.approx(dense_correlation(weight, f, found.best_power, "pearson"), rel=1e-10)


def test_the_better_of_two_maxima_is_found():
    """Small powers raise tiny eigenvalues, one near 1.1 fits the large ones: which is better depends on W."""
    values = np.array([1.0, 0.5, 1e-16, 1e-16, 1e-16, 1e-16])
    spectrum = Spectrum(torch.tensor(values), torch.eye(6, dtype=torch.float64))
    powers = np.linspace(0.05, 2, 391)
    found, n_maxima = [], []
    for tail in np.linspace(0.1, 1.0, 16):
        weight = np.diag(np.sqrt([1.0, 0.2, tail, tail, tail, tail]))
        scan = np.array([np.corrcoef((weight**2).ravel(), np.diag(values**p).ravel())[0, 1] for p in powers])
        result = Ansatz.of(weight, spectrum)
        assert result.best_pearson >= scan.max() - 1e-12
        walled = np.concatenate([[-2], scan, [-2]])
        n_maxima.append(((walled[1:-1] > walled[:-2]) & (walled[1:-1] > walled[2:])).sum())
        found.append(result.best_power)
    assert max(n_maxima) > 1
    assert min(found) < 0.2
    assert max(found) > 1.0


@pytest.mark.parametrize("power", [0.25, 0.5, 0.77, 1.0, 1.9])
def test_an_exact_power_is_recovered(power):
    f = normal(6, 8)
    found = Ansatz.of(dense_power(f, power / 2), Spectrum.of_factor(f))
    assert found.best_power == pytest.approx(power, abs=1e-6)
    assert found.best_pearson == pytest.approx(1, abs=1e-12)
    assert found.best_pearson <= 1


@pytest.mark.parametrize("f", [normal(1, 5), np.eye(5), 3 * np.linalg.qr(normal(5, 3))[0].T])
def test_equal_eigenvalues_have_no_best_power(f):
    found = Ansatz.of(normal(4, 5, seed=1), Spectrum.of_factor(f))
    assert found.best_power is None
    assert found.best_pearson == found.pearson == pytest.approx(found.pearson_root, rel=1e-12)


def test_near_zero_eigenvalues():
    """Singular values down to 1e-11, of which F^T F would lose those below 1e-8."""
    left, right = np.linalg.qr(normal(6, 6))[0], np.linalg.qr(normal(20, 6, seed=1))[0]
    lengths = 10.0 ** np.array([0.0, -1, -3, -6, -9, -11])
    weight = normal(7, 20, seed=2)
    spectrum = Spectrum.of_factor(left @ np.diag(lengths) @ right.T)
    assert spectrum.rank == 6
    for power in (0.1, 0.25, 0.5):
        expected = np.corrcoef((weight.T @ weight).ravel(), (right @ np.diag(lengths ** (2 * power)) @ right.T).ravel())
        assert nfa_correlation(weight, spectrum, power=power) == pytest.approx(expected[0, 1], abs=1e-6)


@pytest.mark.parametrize("spread", [1e-3, 1e-5, 1e-7])
def test_a_mean_that_dwarfs_the_rest_costs_no_digits(spread):
    """Sums of squares minus squared sums would lose 2 log10(1 / spread) digits, the oracle loses half of that."""
    weight = np.ones((1, 8)) + spread * normal(1, 8)
    f = np.ones((1, 8)) + spread * normal(1, 8, seed=1)
    expected = np.corrcoef(np.outer(weight, weight).ravel(), np.outer(f, f).ravel())[0, 1]
    assert nfa_correlation(weight, Spectrum.of_factor(f), power=1.0) == pytest.approx(expected, abs=1e-15 / spread)


@pytest.mark.parametrize("scales", [(1e-100, 1e100), (1e100, 1e-100), (1e6, 1e6)])
def test_scale_does_not_matter(scales):
    weight, f = normal(3, 5), normal(4, 5, seed=1)
    expected = Ansatz.of(weight, Spectrum.of_factor(f)).as_dict()
    found = Ansatz.of(scales[0] * weight, Spectrum.of_factor(scales[1] * f)).as_dict()
    assert found == pytest.approx(expected, rel=1e-6)


def test_no_square_matrix_of_many_features():
    """One of 200,000 x 200,000 would take 320 GB."""
    weight, f = normal(3, 200_000), normal(2, 200_000, seed=1)
    found = Ansatz.of(weight + 100 * f[:1], Spectrum.of_factor(f))
    assert 0.5 < found.pearson < 1


def test_numbers_that_json_holds():
    found = Ansatz.of(normal(3, 5), Spectrum.of_factor(normal(4, 5, seed=1))).as_dict()
    assert list(found) == FIELDS
    assert json.loads(json.dumps(found)) == found
    assert all(isinstance(value, float) for value in found.values())


@pytest.mark.parametrize("kind", ["pearson", "cosine"])
def test_zero_has_no_correlation(kind):
    with pytest.raises(UndefinedMeasureError, match="AGOP that is not zero"):
        nfa_correlation(normal(3, 4), np.zeros((4, 4)), kind=kind)
    for weight in (np.zeros((3, 4)), np.zeros((0, 4))):
        with pytest.raises(UndefinedMeasureError, match="weight that is not zero"):
            nfa_correlation(weight, np.eye(4), kind=kind)
        with pytest.raises(UndefinedMeasureError, match="weight that is not zero"):
            Ansatz.of(weight, Spectrum.of(np.eye(4)))


@pytest.mark.parametrize("d", [1, 2, 7, 100])
def test_equal_entries_have_a_cosine_only(d):
    constant, other = np.full((2, d), 0.1), normal(2, d)
    matrix = constant.T @ constant
    for agop in (matrix, Spectrum.of_factor(constant)):
        with pytest.raises(UndefinedMeasureError, match="differ"):
            nfa_correlation(other, agop)
        expected = ((other.T @ other) * matrix).sum() / np.linalg.norm(other.T @ other) / np.linalg.norm(matrix)
        assert nfa_correlation(other, agop, kind="cosine") == pytest.approx(expected, abs=1e-12)
    with pytest.raises(UndefinedMeasureError, match="differ"):
        nfa_correlation(constant, other.T @ other)
    with pytest.raises(UndefinedMeasureError, match="differ"):
        Ansatz.of(constant, Spectrum.of_factor(other))


def test_bad_input():
    weight, agop = normal(3, 4), np.eye(4)
    with pytest.raises(InputError, match=r"weight of shape \(n, 5\)"):
        nfa_correlation(weight, np.eye(5))
    with pytest.raises(InputError, match="square"):
        nfa_correlation(weight, normal(3, 4))
    with pytest.raises(InputError, match="finite weight"):
        nfa_correlation(np.where(weight == weight[0, 0], np.inf, weight), agop)
    with pytest.raises(InputError, match="kind"):
        nfa_correlation(weight, agop, kind="spearman")
    for power in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="power"):
            nfa_correlation(weight, agop, power=power)
