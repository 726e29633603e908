"""Standard deviations and intervals of predictions: against refits and Gaussian processes, and what they cover."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agop import Laplace, RFMRegressor
from agop.errors import InputError, MemoryBudgetError
from agop.estimator import load, save
from agop.rfm import Samples
from agop.rfm.uncertainty import LeftOut, intervals

FIXED = {"kernel": Laplace(3.0), "ridge": 0.3, "n_iterations": 0, "fit_intercept": False}
"""Nothing is chosen or learned: residuals are exact leave-one-out."""


def gram(rows, centers):
    return np.exp(-cdist(rows, centers) / 3.0)


def process(signal_variance, weights):
    """The Gaussian process that the machine with FIXED is."""
    kernel = ConstantKernel(signal_variance, "fixed") * Matern(3.0, "fixed", nu=0.5)
    return GaussianProcessRegressor(kernel, alpha=0.3 * signal_variance / weights, optimizer=None)


def left_out(X, y, weights):
    """Residual and variance, noise included at signal variance 1, of each row as predicted by the others, in a loop."""
    pairs = []
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        model = process(1.0, weights[others]).fit(X[others], y[others])
        mean, deviation = model.predict(X[i : i + 1], return_std=True)
        pairs.append((y[i] - mean[0], deviation[0] ** 2 + 0.3 / weights[i]))
    return np.array(pairs).T


@pytest.fixture
def noisy(surface):
    X, y, new, truth = surface
    return X, y + np.random.default_rng(3).normal(0, 0.2, 80), new, truth


@pytest.mark.parametrize("weighted", [False, True])
def test_deviations_are_those_of_a_gaussian_process(noisy, weighted):
    X, y, new, _ = noisy
    weights = np.random.default_rng(0).uniform(0.2, 4, 80) if weighted else np.ones(80)
    residuals, variances = left_out(X, y, weights)
    signal_variance = np.mean(residuals**2 / variances)
    model = RFMRegressor(**FIXED).fit(X, y, weights)
    mean, deviation = model.predict(new, return_std=True)
    expected = process(signal_variance, weights).fit(X, y).predict(new, return_std=True)
    np.testing.assert_allclose(mean, expected[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(deviation, expected[1], rtol=1e-7)
    np.testing.assert_array_equal(mean, model.predict(new))


def test_validation_residuals_scale_too(noisy):
    X, y, new, truth = noisy
    ones = np.ones(80)
    mean, deviation = process(1.0, ones).fit(X, y).predict(new, return_std=True)
    signal_variance = np.mean((truth - mean) ** 2 / (deviation**2 + 0.3))
    model = RFMRegressor(**FIXED).fit(X, y, validation=(new, truth))
    expected = process(signal_variance, ones).fit(X, y).predict(X[:9] + 1, return_std=True)[1]
    np.testing.assert_allclose(model.predict(X[:9] + 1, return_std=True)[1], expected, rtol=1e-7)


def test_the_unit_of_weights_and_repetitions_do_not_count(noisy):
    X, y, new, _ = noisy
    settings = {"kernel": Laplace(3.0), "n_iterations": 1}
    deviation = RFMRegressor(**settings).fit(X, y, np.full(80, 2.0)).predict(new, return_std=True)[1]
    for other in (
        RFMRegressor(**settings).fit(X, y, np.full(80, 1e3)),
        RFMRegressor(**settings).fit(np.r_[X, X], np.r_[y, y]),
    ):
        np.testing.assert_allclose(other.predict(new, return_std=True)[1], deviation, rtol=1e-6)


def test_deviations_are_small_near_the_data_and_that_of_the_signal_far_away(noisy):
    X, y, *_ = noisy
    model = RFMRegressor(n_iterations=1).fit(X, y)
    near, far = model.predict(X, return_std=True)[1], model.predict(X + 1e6, return_std=True)[1]
    assert near.max() < far.min()
    np.testing.assert_allclose(far, far[0], rtol=1e-6)


def weighted_quantile(values, weights, coverage):
    """The definition, in a loop: a new sample of mean weight is beyond all others."""
    total, reached = weights.sum() + weights.mean(), 0.0
    for place in np.argsort(values, kind="stable"):
        reached += weights[place]
        if reached >= coverage * total * (1 - 1e-12):
            return values[place]
    raise AssertionError("too few")


@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_against_refits_without_each_row(noisy, weighted):
    X, y, new, _ = noisy
    weights = np.random.default_rng(0).uniform(0.5, 2, 80) if weighted else np.ones(80)
    residuals = np.abs(left_out(X, y, weights)[0])
    without = []
    for i in range(80):
        others = np.arange(80) != i
        system = gram(X[others], X[others]) + np.diag(0.3 / weights[others])
        without.append(gram(new, X[others]) @ np.linalg.solve(system, y[others]))
    lower = [-weighted_quantile(residuals - f, weights, 0.8) for f in np.transpose(without)]
    upper = [weighted_quantile(residuals + f, weights, 0.8) for f in np.transpose(without)]
    found = RFMRegressor(**FIXED).fit(X, y, weights).predict_interval(new, coverage=0.8)
    np.testing.assert_allclose(found, [lower, upper], rtol=0, atol=1e-9)


def test_intervals_of_samples_held_out_are_of_one_width(noisy):
    X, y, new, truth = noisy
    model = RFMRegressor(n_iterations=1).fit(X, y, validation=(new, truth))
    residuals = np.sort(np.abs(truth - model.predict(new)))
    lower, upper = model.predict_interval(X, coverage=0.75)
    np.testing.assert_allclose(upper - lower, 2 * residuals[30], rtol=1e-9)  # the 31st of 40: 0.75 * 41 = 30.75
    np.testing.assert_allclose((upper + lower) / 2, model.predict(X), rtol=0, atol=1e-9)


def made_up(kind, seed, n=60, n_new=200):
    rng = np.random.default_rng([len(kind), seed])
    X = rng.uniform(-1, 1, (n + n_new, 3))
    signal = 0 * X[:, 0] if kind == "noise" else np.sin(3 * X[:, 0]) + X[:, 1]
    deviation = 0.1 + np.abs(X[:, 1]) if kind == "heteroscedastic" else 0.4
    y = signal + rng.normal(0, 1, n + n_new) * deviation
    return X[:n], y[:n], X[n:], y[n:]


@pytest.mark.slow
@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("kind", ["smooth", "heteroscedastic", "noise"])
def test_intervals_cover_what_they_say(kind, validated):
    """The mean over data sets is not below the nominal coverage by more than its error, nor the intervals wide.

    Validation samples also choose the iterate, for which two errors are allowed.
    """
    shares, widths = [], []
    settings = {"kernel": "laplace", "n_iterations": 1} | ({"validation_fraction": 0.4} if validated else {})
    for seed in range(100 if validated else 30):
        X, y, new, truth = made_up(kind, seed)
        model = RFMRegressor(**settings, random_state=seed).fit(X, y)
        lower, upper = model.predict_interval(new, coverage=0.8)
        shares.append(np.mean((lower <= truth) & (truth <= upper)))
        widths.append(np.mean(upper - lower) / np.std(truth))
    error = np.std(shares) / len(shares) ** 0.5
    assert 0.8 - (2 if validated else 1) * error < np.mean(shares) < 0.8 + 0.03 + 2 * error
    assert np.mean(widths) < 2 * 1.28 * (1.15 if kind == "noise" else 0.95)  # of one Gaussian without a model: 2.56


def test_deviations_and_noise_explain_left_out_errors():
    """Standardized errors at new points have a mean square of about one, whatever the size of the noise."""
    squares = []
    for seed in range(20):
        X, y, new, truth = made_up("smooth", seed)
        model = RFMRegressor("laplace", n_iterations=1).fit(X, y)
        mean, deviation = model.predict(new, return_std=True)
        noise = model.ridge_ * model._signal_variance.item()
        squares.append(np.mean((truth - mean) ** 2 / (deviation**2 + noise)))
    assert 0.85 < np.mean(squares) < 1.2


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_kinds(noisy, outputs, dtype):
    X, y, new, _ = noisy
    y = y if outputs == 1 else np.c_[y, 10 * y]
    shape = (40,) if outputs == 1 else (40, 2)
    model = RFMRegressor(n_iterations=1).fit(torch.tensor(X, dtype=dtype), torch.tensor(y, dtype=dtype))
    found = [*model.predict(torch.tensor(new, dtype=dtype), return_std=True)]
    found += model.predict_interval(torch.tensor(new, dtype=dtype))
    assert all(each.shape == shape and each.dtype == dtype for each in found)
    assert (found[2] < found[0]).all()
    assert (found[0] < found[3]).all()
    arrays = [*model.predict(new, return_std=True), *model.predict_interval(new)]
    for array, tensor in zip(arrays, found, strict=True):
        np.testing.assert_allclose(array, tensor, rtol=1e-3, atol=1e-3)
    if outputs == 2:
        np.testing.assert_allclose(10 * found[1][:, 0], found[1][:, 1], rtol=1e-3)


def test_constant_targets_have_no_doubt(surface):
    X, _, new, _ = surface
    model = RFMRegressor().fit(X, np.full(80, 3.7))
    mean, deviation = model.predict(new, return_std=True)
    np.testing.assert_array_equal([mean, *model.predict_interval(new)], 3.7)
    np.testing.assert_array_equal(deviation, 0)


def test_blocks_of_rows_change_nothing(noisy):
    X, y, new, _ = noisy
    model = RFMRegressor(n_iterations=1).fit(X, y)
    expected = [*model.predict(new, return_std=True), *model.predict_interval(new)]
    model.set_params(max_memory=80 * 80 * 8 + 1)
    found = [*model.predict(new, return_std=True), *model.predict_interval(new)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    model.set_params(max_memory=1000)
    for call in (model.predict_interval, lambda X: model.predict(X, return_std=True)):
        with pytest.raises(MemoryBudgetError):
            call(new)


def test_rows_that_are_no_centers_count_as_held_out(noisy):
    X, y, *_ = noisy
    samples = Samples.of(torch.tensor(X), torch.tensor(y)[:, None])
    predictions = torch.zeros(80, 1)
    assert LeftOut.of(predictions, samples, torch.tensor(X[::-1].copy())).rows.tolist() == [*range(80)][::-1]
    some = LeftOut.of(predictions, samples, torch.tensor(X[:70]))
    assert torch.equal(some.inputs, samples.inputs)
    assert torch.equal(some.rows, torch.arange(80))


def test_saved_models_keep_them(noisy, tmp_path):
    X, y, new, truth = noisy
    for number, validation in enumerate([None, (new, truth)]):
        model = RFMRegressor(n_iterations=1).fit(X, y, validation=validation)
        save(model, tmp_path / f"{number}.safetensors")
        copy = load(tmp_path / f"{number}.safetensors")
        np.testing.assert_array_equal(copy.predict(new, return_std=True), model.predict(new, return_std=True))
        np.testing.assert_array_equal(copy.predict_interval(new), model.predict_interval(new))


def test_pipelines_pass_it_on(noisy):
    X, y, new, _ = noisy
    pipeline = make_pipeline(StandardScaler(), RFMRegressor(n_iterations=1)).fit(X, y)
    mean, deviation = pipeline.predict(new, return_std=True)
    assert mean.shape == deviation.shape == (40,)


def test_nothing_is_said_without_left_out_residuals(noisy):
    X, y, new, _ = noisy
    plain = RFMRegressor(Laplace(3.0), ridge=0.1, selection=None).fit(X, y)
    for model in (plain, RFMRegressor().fit(X[:2], y[:2])):
        for call in (model.predict_interval, lambda X, model=model: model.predict(X, return_std=True)):
            with pytest.raises(InputError, match="a fit with left-out residuals"):
                call(new)


@pytest.mark.parametrize(
    ("coverage", "message"), [(0, "between 0 and 1"), (1.0, "between 0 and 1"), (0.91, "0.9 at most with 9 residuals")]
)
def test_unusable_coverages(coverage, message):
    left = LeftOut(torch.ones(9, 1).double(), torch.ones(9).double(), torch.arange(9), torch.zeros(9, 1))
    with pytest.raises(InputError, match=message):
        intervals(torch.zeros(1, 1), torch.zeros(1, 1), left, coverage)
    assert intervals(torch.zeros(1, 1), torch.zeros(1, 1), left, 0.9)[1].item() == 1
