"""Random maps: the same for every dtype, with the distribution and the kernel they claim."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone

from agop.deep_rfm import CosineFeatures, GaussianCosineFeatures, LaplaceCosineFeatures, ReLUFeatures
from agop.deep_rfm.random_features import RandomFeatures, RandomMap
from agop.errors import InputError
from oracles import deep_rfm as oracles_deep_rfm
from sampling import follows, is_share

FAMILIES = [
    ReLUFeatures(width=32),
    CosineFeatures(width=32, gamma=0.3),
    LaplaceCosineFeatures(width=32, bandwidth=1.5),
    GaussianCosineFeatures(width=32, bandwidth=0.7),
]
every_family = pytest.mark.parametrize("features", FAMILIES, ids=[type(family).__name__ for family in FAMILIES])


def rows(n, d, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal((n, d)))


@every_family
def test_values_against_the_oracle(features):
    drawn = features.draw(5, seed=3, layer=2)
    x = rows(7, 5)
    phase = None if drawn.phase is None else drawn.phase.numpy()
    expected = oracles_deep_rfm.random_features(x.numpy(), drawn.weight.numpy(), phase)
    arguments = (x.abs() @ drawn.weight.abs().mT).numpy()  # of a cosine, where weights are Cauchy they are large
    assert (abs(drawn(x).numpy() - expected) <= 1e-13 + 1e-15 * arguments).all()


@every_family
def test_same_map_for_every_dtype(features):
    x = rows(50, 6) / 6**0.5
    drawn = features.draw(6, seed=0, layer=1)
    assert drawn.weight.dtype == torch.float64
    low, high = drawn(x.float()), drawn(x.float().double())
    assert low.dtype == torch.float32
    assert high.dtype == torch.float64
    limit = 1e-6 * drawn.weight.abs().max().item()
    np.testing.assert_allclose(low, high, rtol=0, atol=limit)


@every_family
def test_same_map_for_the_same_seed_and_layer_only(features):
    draws = {
        (seed, layer): features.draw(4, seed=seed, layer=layer).weight.numpy().tobytes()
        for seed in range(3)
        for layer in range(1, 4)
    }
    assert len(set(draws.values())) == 9
    again = clone(features).draw(4, seed=1, layer=2)
    assert again.weight.numpy().tobytes() == draws[1, 2]


@every_family
def test_global_random_states_are_neither_read_nor_moved(features):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    first = features.draw(4, seed=0, layer=1).weight
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), numpy_state, strict=True))  # noqa: NPY002
    torch.rand(1)
    assert torch.equal(features.draw(4, seed=0, layer=1).weight, first)
    torch.set_rng_state(torch_state)


@every_family
def test_input_is_left_as_it_was(features):
    x = rows(5, 4)
    before = x.clone()
    features.draw(4, seed=0, layer=1)(x)
    assert torch.equal(x, before)


@every_family
def test_hyper_parameters_follow_scikit_learn(features):
    wider = clone(features).set_params(width=7)
    drawn = wider.draw(3, seed=0, layer=1)
    assert drawn.weight.shape == (7, 3)
    assert drawn(rows(2, 3)).shape == (2, 7)
    assert features.width == 32


@every_family
@pytest.mark.parametrize("width", [0, -3, 2.5, "wide", None])
def test_a_bad_width_is_refused(features, width):
    with pytest.raises(InputError, match="width"):
        clone(features).set_params(width=width).draw(3, seed=0, layer=1)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_a_bad_scale_is_refused(value):
    with pytest.raises(InputError, match="gamma"):
        CosineFeatures(gamma=value).draw(3, seed=0, layer=1)
    with pytest.raises(InputError, match="bandwidth"):
        LaplaceCosineFeatures(bandwidth=value).draw(3, seed=0, layer=1)
    with pytest.raises(InputError, match="bandwidth"):
        GaussianCosineFeatures(bandwidth=value).draw(3, seed=0, layer=1)


def test_relu_weights_are_uniform():
    d = 9
    drawn = ReLUFeatures(width=3000).draw(d, seed=0, layer=1)
    assert drawn.phase is None
    assert follows(drawn.weight, stats.uniform(-1 / 3, 2 / 3))


def test_cosine_weights_are_cauchy_and_independent():
    drawn = CosineFeatures(width=3000, gamma=0.7).draw(9, seed=0, layer=1)
    assert follows(drawn.weight, stats.cauchy(scale=0.7))
    assert follows(drawn.phase, stats.uniform(0, 2 * np.pi))
    # The ratio of two independent coordinates' magnitudes tells them from a multivariate Cauchy row.
    large = drawn.weight.abs() > 0.7
    assert is_share((large[:, 0] & large[:, 1]).sum(), 3000, 0.25)


def test_laplace_cosine_rows_are_a_multivariate_cauchy():
    d, bandwidth = 9, 1.7
    drawn = LaplaceCosineFeatures(width=20_000, bandwidth=bandwidth).draw(d, seed=0, layer=1)
    assert follows(drawn.weight[:, 0], stats.cauchy(scale=1 / bandwidth))
    squares = (drawn.weight.norm(dim=1) * bandwidth).square() / d
    assert follows(squares, stats.f(d, 1))
    assert follows(drawn.phase, stats.uniform(0, 2 * np.pi))


def test_gaussian_cosine_weights_are_normal_and_independent():
    d, bandwidth = 9, 0.7
    drawn = GaussianCosineFeatures(width=3000, bandwidth=bandwidth).draw(d, seed=0, layer=1)
    assert follows(drawn.weight, stats.norm(scale=1 / bandwidth))
    assert follows((drawn.weight * bandwidth).square().sum(1), stats.chi2(d))
    assert follows(drawn.phase, stats.uniform(0, 2 * np.pi))


@pytest.mark.parametrize("gap", [0.0, 0.1, 1.0, 3.0])
def test_inner_products_approximate_the_kernel(gap):
    direction = np.array([0.6, 0.8, 0.0])
    pair = torch.tensor(np.stack([np.zeros(3), gap * direction]) + 0.4)
    width = 40_000
    for features, kernel in (
        (CosineFeatures(width, gamma=0.5), np.exp(-0.5 * 1.4 * gap)),
        (LaplaceCosineFeatures(width, bandwidth=1.5), np.exp(-gap / 1.5)),
        (GaussianCosineFeatures(width, bandwidth=1.5), np.exp(-(gap**2) / (2 * 1.5**2))),
    ):
        x, z = features.draw(3, seed=1, layer=1)(pair)
        assert (x @ z).item() == pytest.approx(kernel, abs=5 / width**0.5)
        scaled = features.scaled_distances(pair[:1], pair[1:]).item()
        exponent = scaled**2 / 2 if isinstance(features, GaussianCosineFeatures) else scaled
        assert np.exp(-exponent) == pytest.approx(kernel)


def test_relu_features_approximate_the_arc_cosine_kernel_of_their_covariance():
    """E relu(w x) relu(w z) for nearly Gaussian w x: the order-1 arc-cosine kernel (Cho & Saul 2009) / 2."""
    d, width = 60, 60_000
    x, z = rows(2, d, seed=4)
    features = ReLUFeatures(width).draw(d, seed=0, layer=1)(torch.stack([x, z]))
    variance = 1 / (3 * d)
    cosine = (x @ z / (x.norm() * z.norm())).clamp(-1, 1)
    angle = torch.arccos(cosine)
    expected = variance * x.norm() * z.norm() * (angle.sin() + (np.pi - angle) * cosine) / (2 * np.pi)
    assert (features[0] @ features[1] / width).item() == pytest.approx(expected.item(), rel=0.03)


def test_a_family_of_ones_own_may_have_any_hyper_parameters():
    class Signs(RandomFeatures):
        def __init__(self, width=8, kind="signs", shift=0.0):
            self.width, self.kind, self.shift = width, kind, shift

        def _draw(self, n_features, generator):
            return RandomMap(torch.from_numpy(generator.choice([-1.0, 1.0], (self.width, n_features)) + self.shift))

        def scaled_distances(self, rows, others):
            return None

    assert Signs().draw(3, seed=0, layer=1)(torch.ones(2, 3)).shape == (2, 8)
    with pytest.raises(InputError, match="positive integer width"):
        Signs(width=0).draw(3, seed=0, layer=1)
