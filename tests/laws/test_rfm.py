"""What a recursive feature machine learns does not depend on names, order, origin and unit of what it is given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from agop.errors import InputError
from agop.kernels import Laplace, MedianDistance, ProductLaplace
from agop.rfm import RFMClassifier, RFMRegressor
from laws.draws import SEEDS, law, rotations

N, D = 30, 4
OPTIONS = st.fixed_dictionaries(
    {
        "kernel": st.sampled_from([Laplace(MedianDistance()), ProductLaplace(MedianDistance())]),
        "diagonal": st.booleans(),
    }
)
DTYPES = st.sampled_from([np.float32, np.float64])


def problem(seed, dtype=np.float64):
    """Rows, targets that depend on two columns, and new rows."""
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal((N, D)), rng.standard_normal((5, D))
    return x.astype(dtype), (np.sin(x[:, 0]) + x[:, 1]).astype(dtype), z.astype(dtype)


def fitted(x, y, options, **more):
    return RFMRegressor(ridge=0.1, n_iterations=2, selection=None, **options, **more).fit(x, y)


def assert_close(found, expected, dtype=np.float64):
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-3 if dtype == np.float32 else 1e-4)


@law(examples=15, seed=SEEDS, options=OPTIONS, order=st.permutations(range(N)))
def test_order_of_the_samples(seed, options, order):
    """Samples in another order give the same predictions."""
    x, y, z = problem(seed)
    assert_close(fitted(x[order], y[order], options).predict(z), fitted(x, y, options).predict(z))


@law(examples=15, seed=SEEDS, options=OPTIONS, order=st.permutations(range(D)))
def test_order_of_the_columns(seed, options, order):
    """Columns in another order permute the metric and change no prediction."""
    x, y, z = problem(seed)
    one, other = fitted(x, y, options), fitted(x[:, order], y, options)
    assert_close(other.predict(z[:, order]), one.predict(z))
    metric = np.asarray(one.metric_)
    assert_close(other.metric_, metric[order] if metric.ndim == 1 else metric[order][:, order])


@law(examples=15, seed=SEEDS, rotation=rotations(D))
def test_rotation(seed, rotation):
    """Turned rows turn the metric, but for its unit, where the kernel is one of the distance."""
    x, y, _ = problem(seed)

    def metric(x):
        found = RFMRegressor(Laplace(2.0), ridge=0.1, n_iterations=1, selection=None, diagonal=False).fit(x, y).metric_
        return found / found.trace()

    assert_close(metric(x @ rotation.numpy()), rotation.mT @ metric(x) @ rotation)


@law(examples=15, seed=SEEDS, options=OPTIONS, dtype=DTYPES, shift=st.integers(-100, 100))
def test_origins(seed, options, dtype, shift):
    """Moved rows change nothing, and moved targets move the predictions."""
    x, y, z = problem(seed, dtype)
    assert_close(fitted(x + shift, y, options).predict(z + shift), fitted(x, y, options).predict(z), np.float32)
    assert_close(fitted(x, y + shift, options).predict(z) - shift, fitted(x, y, options).predict(z), np.float32)


@law(examples=15, seed=SEEDS, options=OPTIONS, dtype=DTYPES, data=st.data())
def test_units(seed, options, dtype, data):
    """Other units of rows (3e-14 to 4e13) or targets (1e-24 to 1e24) change nothing but the unit of the predictions."""
    x, _, z = problem(seed, dtype)
    outputs, exponents = data.draw(st.sampled_from([1, 30])), [data.draw(st.integers(-n, n)) for n in (45, 80)]
    y = np.sin(x @ np.random.default_rng(seed).standard_normal((D, outputs))).astype(dtype)
    unit, unit_of_y = (dtype(2.0**exponent) for exponent in exponents)
    expected = fitted(x, y, options).predict(z)
    assert_close(fitted(unit * x, y, options).predict(unit * z), expected, dtype)
    assert_close(fitted(x, unit_of_y * y, options).predict(z) / unit_of_y, expected, dtype)


@pytest.mark.parametrize("size", [1e-30, 1e30])
@law(examples=15, seed=SEEDS, options=OPTIONS)
def test_units_that_are_refused(size, seed, options):
    """Rows and targets so small or large that their squares are no numbers are refused, never fitted wrongly."""
    x, y, _ = problem(seed)
    with pytest.raises(InputError, match=r"a bandwidth from .* Scale the features"):
        fitted(size * x, y, options)
    with pytest.raises(InputError, match=r"targets of a size from .* Scale them"):
        fitted(x, size * y, options)


@law(examples=15, seed=SEEDS, options=OPTIONS, copies=st.integers(2, 3))
def test_weights_are_copies(seed, options, copies):
    """A sample of weight w is one that comes w times."""
    x, y, z = problem(seed)
    many = fitted(np.concatenate([x, *[x[:5]] * (copies - 1)]), np.concatenate([y, *[y[:5]] * (copies - 1)]), options)
    weights = np.where(np.arange(N) < 5, copies, 1.0)
    once = RFMRegressor(ridge=0.1, n_iterations=2, selection=None, **options).fit(x, y, weights)
    assert_close(once.predict(z), many.predict(z))


@law(examples=15, seed=SEEDS, options=OPTIONS, names=st.permutations(["a", "b", "c"]))
def test_names_of_classes(seed, options, names):
    """Classes of other names, in another order, get the same probabilities."""
    x, y, z = problem(seed)
    codes = np.digitize(y, [-0.5, 0.5])
    codes[:3] = range(3)

    def probabilities(names):
        labels = np.array(names)[codes]
        found = RFMClassifier(ridge=0.1, n_iterations=1, selection=None, **options).fit(x, labels)
        return found.predict_proba(z)[:, np.searchsorted(found.classes_, names)]

    assert_close(probabilities(names), probabilities(["a", "b", "c"]))
