"""The patch AGOP as a value, and the recursion that takes it as metric."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agop.conv_rfm import ConvMachine, ConvNNGP, ConvNTK, IterateSettings, PatchLaplace, conv_rfm, patch_agop
from agop.conv_rfm.machine import MetricPatches, patch_kernel_matrix
from agop.errors import InputError, MemoryBudgetError
from agop.linalg import psd_power
from agop.rfm import Samples
from oracles import conv_autograd

SHAPE = (2, 5, 4)
KERNELS = [ConvNNGP(1), ConvNTK(2), PatchLaplace()]
kernels = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def machine(rng):
    factor = torch.from_numpy(rng.standard_normal((18, 18)))
    images, alpha = (torch.from_numpy(rng.standard_normal(shape)) for shape in ((6, *SHAPE), (6, 2)))
    return ConvMachine(ConvNTK(2), images, alpha, factor @ factor.mT)


@pytest.fixture
def samples(rng):
    rows = torch.from_numpy(rng.standard_normal((24, 40)))
    targets = torch.stack([rows[:, 9] * rows[:, 10], rows[:, 30]], 1).sign()
    return Samples.of(rows, targets, torch.from_numpy(rng.uniform(0.5, 2, 24)))


def test_the_patch_agop_is_that_of_automatic_differentiation(machine, rng):
    images = torch.from_numpy(rng.standard_normal((3, *SHAPE)))
    points, centers = (machine.kernel.patches.of(each) for each in (images, machine.centers))
    settings = {"depth": 2, "size": 3, "stride": 1, "padding": 1, "tangent": True}
    expected = conv_autograd.patch_agop(points, centers, machine.coefficients, machine.metric, **settings)
    torch.testing.assert_close(patch_agop(machine, images).mean(), expected, rtol=1e-8, atol=0)


def test_batches_merge_and_weights_repeat(machine):
    images = machine.centers
    whole = patch_agop(machine, images)
    parts = patch_agop(machine, images[:2]).merge(patch_agop(machine, images[2:]))
    torch.testing.assert_close(parts.mean(), whole.mean(), rtol=1e-10, atol=0)
    weights = torch.tensor([2.0, 0.0, 1.0, 3.0, 1.0, 0.0], dtype=torch.float64)
    repeated = patch_agop(machine, images[[0, 0, 2, 3, 3, 3, 4]])
    weighted = patch_agop(machine, images, weights)
    assert weighted.count == repeated.count == 7
    torch.testing.assert_close(weighted.mean(), repeated.mean(), rtol=1e-10, atol=0)


@kernels
def test_little_memory_makes_no_difference(kernel, machine):
    machine = replace(machine, kernel=kernel)
    images = machine.centers
    whole = patch_kernel_matrix(kernel, images, machine.root)
    torch.testing.assert_close(patch_kernel_matrix(kernel, images, machine.root, 1), whole, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(machine(images, max_memory=1), machine(images), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(machine(images), whole @ machine.coefficients, rtol=1e-12, atol=1e-12)
    agop = patch_agop(machine, images, max_memory=1).mean()
    torch.testing.assert_close(agop, patch_agop(machine, images).mean(), rtol=1e-9, atol=1e-10)


@kernels
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_the_metric_is_the_power_of_the_agop_before(kernel, power, samples):
    first, second = conv_rfm(samples, SHAPE, IterateSettings(kernel, 1e-2, power), n_iterations=1)
    images, weights = samples.inputs.unflatten(1, SHAPE), samples.weights
    gram = patch_kernel_matrix(kernel, images) + torch.diag(1e-2 / weights)
    torch.testing.assert_close(first.machine.coefficients, torch.linalg.solve(gram, samples.targets))
    assert (first.iteration, first.machine.metric, second.iteration) == (0, None, 1)
    metric = second.machine.metric
    agop = psd_power(patch_agop(first.machine, images, weights).mean(), power)
    torch.testing.assert_close(metric / metric.trace(), agop / agop.trace(), rtol=1e-9, atol=1e-12)
    plain, mapped = (MetricPatches(kernel, images, root)[:] for root in (None, second.machine.root))
    mean_squares = [weights @ each.square().flatten(1).sum(1) for each in (plain, mapped)]
    torch.testing.assert_close(*mean_squares)
    gram = patch_kernel_matrix(kernel, images, second.machine.root) + torch.diag(1e-2 / weights)
    torch.testing.assert_close(second.machine.coefficients, torch.linalg.solve(gram, samples.targets))
    torch.testing.assert_close(second.fit.predictions, second.machine(images), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS[:2], ids=["nngp", "ntk"])
def test_network_kernels_are_proportional_to_the_metric(kernel, machine):
    scaled = patch_kernel_matrix(kernel, machine.centers, 3 * machine.root)
    torch.testing.assert_close(scaled, 9 * patch_kernel_matrix(kernel, machine.centers, machine.root))


def test_agops_of_some_images_depend_on_the_seed_alone(samples):
    settings = IterateSettings(ConvNNGP(1), agop_samples=8)
    metrics = [list(conv_rfm(samples, SHAPE, settings, 2, seed=seed))[2].machine.metric for seed in (1, 1, 2)]
    assert torch.equal(metrics[0], metrics[1])
    assert not torch.allclose(metrics[0], metrics[2])


def test_a_zero_target_has_one_iterate(samples):
    nothing = Samples.of(samples.inputs, torch.zeros(24, 1, dtype=torch.float64))
    assert len(list(conv_rfm(nothing, SHAPE, IterateSettings(ConvNNGP(1)), 3))) == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"image_shape": (1, 5, 4)}, InputError, r"images of shape \(1, 5, 4\), got rows of 40 values"),
        ({"settings": IterateSettings(ConvNNGP(), power=0.0)}, InputError, "a positive, finite power"),
        ({"settings": IterateSettings(ConvNNGP(), ridge=-1.0)}, InputError, "ridge >= 0, got -1.0"),
        ({"settings": IterateSettings(ConvNNGP(size=0))}, InputError, "1 or more as size"),
        ({"n_iterations": -1}, InputError, "n_iterations >= 0"),
        ({"max_memory": 8000}, MemoryBudgetError, "memory"),
    ],
)
def test_unusable_settings(samples, change, error, message):
    arguments = {"image_shape": SHAPE, "settings": IterateSettings(ConvNNGP()), "n_iterations": 1} | change
    with pytest.raises(error, match=message):
        next(conv_rfm(samples, **arguments))


def test_unusable_images(machine):
    with pytest.raises(InputError, match=r"images of shape \(m, 2, 5, 4\), got shape \(2, 2, 4, 5\)"):
        machine(torch.zeros(2, 2, 4, 5))
    with pytest.raises(InputError, match="one weight each"):
        patch_agop(machine, machine.centers, torch.ones(5))
    with pytest.raises(InputError, match="non-negative weights"):
        patch_agop(machine, machine.centers, -torch.ones(6))
    with pytest.raises(InputError, match="finite images"):
        patch_agop(replace(machine, centers=machine.centers * torch.nan), machine.centers)
