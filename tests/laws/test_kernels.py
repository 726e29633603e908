"""Kernels are symmetric, positive semi-definite, and functions of the distance in units of the bandwidth."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from sklearn.base import clone

from agop.kernel_machine import KernelMachine
from agop.kernels import Gaussian, GeneralizedGaussian, Laplace, Metric, ProductLaplace
from laws.draws import SEEDS, law, matrices, powers_of_two

D = 3
KERNELS = [
    Laplace(),
    Gaussian(),
    GeneralizedGaussian(exponent=0.6),
    GeneralizedGaussian(exponent=1.7),
    ProductLaplace(),
]
ROWS = matrices((1, 9), D, scales=(-2, 2), offsets=(0.0, 1.0, 1e3))
BANDWIDTHS = st.floats(0.1, 10)
ANY = st.sampled_from(KERNELS)
DTYPES = st.sampled_from([torch.float32, torch.float64])


def at(kernel, bandwidth):
    """The kernel with a bandwidth."""
    return clone(kernel).set_params(bandwidth=bandwidth)


@law(kernel=ANY, dtype=DTYPES, x=ROWS, z=ROWS, bandwidth=BANDWIDTHS)
def test_symmetry(kernel, dtype, x, z, bandwidth):
    """k(x, z) = k(z, x), exactly within one set of points; k(x, x) = 1 and k is in [0, 1]."""
    x, z, k = torch.tensor(x, dtype=dtype), torch.tensor(z, dtype=dtype), at(kernel, bandwidth)
    gram = k(x)
    assert torch.equal(gram, gram.mT)
    assert (gram.diagonal() == 1).all()
    assert ((gram >= 0) & (gram <= 1)).all()
    torch.testing.assert_close(k(x, z), k(z, x).mT, rtol=1e-3 if dtype == torch.float32 else 1e-6, atol=1e-7)


@law(kernel=ANY, x=ROWS, bandwidth=BANDWIDTHS)
def test_no_negative_eigenvalue(kernel, x, bandwidth):
    """A Gram matrix is positive semi-definite, up to the rounding of its entries."""
    values = np.linalg.eigvalsh(at(kernel, bandwidth)(torch.tensor(x)))
    assert values.min() >= -1e-7 * len(x)


@law(kernel=ANY, dtype=DTYPES, x=ROWS, z=ROWS, bandwidth=BANDWIDTHS, unit=powers_of_two(-20, 20))
def test_unit(kernel, dtype, x, z, bandwidth, unit):
    """k(a x, a z; a L) = k(x, z; L), to the last bit where multiplying by a rounds nothing."""
    x, z = torch.tensor(x, dtype=dtype), torch.tensor(z, dtype=dtype)
    found, expected = at(kernel, unit * bandwidth)(unit * x, unit * z), at(kernel, bandwidth)(x, z)
    torch.testing.assert_close(found, expected, rtol=1e-6 if dtype == torch.float32 else 1e-14, atol=1e-30)


@law(kernel=ANY, x=ROWS, z=ROWS, shift=st.integers(-64, 64))
def test_origin(kernel, x, z, shift):
    """k(x + t, z + t) = k(x, z)."""
    x, z, k = torch.tensor(x).round(decimals=3), torch.tensor(z).round(decimals=3), at(kernel, 1.0)
    torch.testing.assert_close(k(x + shift, z + shift), k(x, z), rtol=1e-5, atol=1e-9)


@law(kernel=ANY, x=ROWS, z=ROWS, bandwidth=BANDWIDTHS)
def test_precision(kernel, x, z, bandwidth):
    """Values in float32 are those in float64 of the same points, however near or far these are."""
    x, z, k = torch.tensor(x).float(), torch.tensor(z).float(), at(kernel, bandwidth)
    torch.testing.assert_close(k(x, z).double(), k(x.double(), z.double()), rtol=2e-3, atol=2e-5)


@law(kernel=ANY, seed=SEEDS, bandwidth=st.floats(0.5, 5), diagonal=st.booleans())
def test_gradients_are_those_of_central_differences(kernel, seed, bandwidth, diagonal):
    """The gradient of sum_j a_j k(M^(1/2) x, M^(1/2) z_j) in x, away from the kinks, at any metric."""
    rng = np.random.default_rng(seed)
    x, z, a = rng.standard_normal((1, D)), rng.standard_normal((4, D)), torch.tensor(rng.standard_normal((4, 2)))
    half = np.eye(D) + np.diag(rng.uniform(0, 1, D)) if diagonal or kernel.default_diagonal else rng.normal(size=(D, D))
    matrix = half @ half.T
    metric = Metric(torch.tensor(np.diag(matrix) if diagonal else matrix))
    k, step = at(kernel, bandwidth), 1e-5
    machine = KernelMachine(k, torch.tensor(z), a, metric)
    if abs((x - z) @ np.asarray(Metric(torch.tensor(matrix)).root)).min() < 1e-3:
        return
    origin = torch.zeros(D, dtype=torch.float64)
    inner = k.output_gradients(metric.map(torch.tensor(x), origin), metric.map(torch.tensor(z), origin), a)[:, 0]
    root = metric.root.diag() if metric.root.ndim == 1 else metric.root
    moved = torch.tensor(np.concatenate([x + step * np.eye(D), x - step * np.eye(D)]))
    values = machine(moved)
    torch.testing.assert_close(inner @ root, ((values[:D] - values[D:]) / (2 * step)).mT, rtol=1e-5, atol=1e-6)
