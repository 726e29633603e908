"""The average gradient outer product follows the function and its inputs when either is turned or stretched."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from sklearn.base import clone

from agop.kernel_machine import KernelMachine
from agop.kernels import Gaussian, GeneralizedGaussian, Laplace, ProductLaplace
from agop.outer_product import average_gradient_outer_product, kernel_agop
from laws.draws import SEEDS, law, powers_of_two, rotations

N, D, C = 7, 3, 2
RADIAL = [Laplace(1.5), Gaussian(1.2), GeneralizedGaussian(1.7, 0.7), GeneralizedGaussian(1.7, 1.8)]
ANY = st.sampled_from([*RADIAL, ProductLaplace(2.0)])


def machine(kernel, seed):
    """A kernel machine with random centers and coefficients."""
    rng = np.random.default_rng(seed)
    return KernelMachine(kernel, torch.tensor(rng.standard_normal((N, D))), torch.tensor(rng.standard_normal((N, C))))


def of(f, **changes):
    """AGOP of a machine with other centers, coefficients or kernel."""
    parts = {name: torch.as_tensor(changes.get(name, getattr(f, name))) for name in ("centers", "coefficients")}
    return kernel_agop(KernelMachine(changes.get("kernel", f.kernel), **parts)).matrix


def assert_same(found, expected):
    torch.testing.assert_close(found, torch.as_tensor(expected), rtol=0, atol=1e-6 * float(expected.diagonal().max()))


@law(kernel=ANY, seed=SEEDS, rotation=rotations(C))
def test_rotated_outputs(kernel, seed, rotation):
    """AGOP(Q f) = AGOP(f)."""
    f = machine(kernel, seed)
    assert_same(of(f, coefficients=f.coefficients @ rotation), of(f))


@law(kernel=st.sampled_from(RADIAL), seed=SEEDS, rotation=rotations(D))
def test_rotated_inputs(kernel, seed, rotation):
    """With g(x) = f(R x), AGOP(g) at R^T x is R^T AGOP(f) R."""
    f = machine(kernel, seed)
    assert_same(of(f, centers=f.centers @ rotation), rotation.mT @ of(f) @ rotation)


@law(kernel=ANY, seed=SEEDS, order=st.permutations(range(D)))
def test_columns_in_another_order(kernel, seed, order):
    """A permutation of the columns permutes rows and columns of the AGOP."""
    f = machine(kernel, seed)
    assert_same(of(f, centers=f.centers[:, order]), of(f)[order][:, order])


@law(kernel=ANY, seed=SEEDS, factor=powers_of_two(-120, 120))
def test_scaled_outputs(kernel, seed, factor):
    """AGOP(a f) = a^2 AGOP(f)."""
    f = machine(kernel, seed)
    assert_same(of(f, coefficients=factor * f.coefficients) / factor**2, of(f))


@law(kernel=ANY, seed=SEEDS, unit=powers_of_two(-45, 45))
def test_scaled_inputs(kernel, seed, unit):
    """With inputs and bandwidth a times as large, the AGOP is a^-2 times as large."""
    f = machine(kernel, seed)
    wide = clone(kernel).set_params(bandwidth=unit * kernel.bandwidth)
    assert_same(of(f, centers=unit * f.centers, kernel=wide) * unit**2, of(f))


@law(kernel=ANY, seed=SEEDS)
def test_weights_are_repetitions(kernel, seed):
    """A point of weight two is a point that comes twice."""
    f = machine(kernel, seed)
    twice = kernel_agop(f, torch.cat([f.centers, f.centers[:2]])).matrix
    weights = torch.tensor([2.0, 2.0] + [1.0] * (N - 2), dtype=torch.float64)
    assert_same(kernel_agop(f, f.centers.clone(), weights=weights).matrix, twice)


@law(seed=SEEDS, rotation=rotations(D), turned=rotations(C), scale=powers_of_two(-100, 100))
def test_any_function(seed, rotation, turned, scale):
    """AGOP(a Q f(R x)) = a^2 R^T AGOP(f) R, by automatic differentiation."""
    rng = np.random.default_rng(seed)
    weight, x = torch.tensor(rng.standard_normal((C, D))), torch.tensor(rng.standard_normal((N, D)))

    def f(points):
        return (points @ weight.mT).sin() * points[:, :1]

    found = average_gradient_outer_product(lambda points: f(points @ rotation.mT) @ (scale * turned), x @ rotation)
    expected = rotation.mT @ average_gradient_outer_product(f, x) @ rotation
    torch.testing.assert_close(found / scale**2, expected, rtol=1e-10, atol=1e-12)
