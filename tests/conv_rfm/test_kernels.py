"""Kernels of images against slow numpy, wide random networks and automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.conv_rfm import ConvNNGP, ConvNTK, PatchLaplace
from agop.errors import InputError
from agop.linalg import psd_power
from oracles import conv as oracle
from oracles import conv_autograd

GEOMETRIES = [
    (1, 3, 1, None),
    (2, 3, 1, None),
    (2, 3, 1, 0),
    (4, 3, 1, None),
    (2, 3, 2, 1),
    (2, 2, 1, 0),
    (2, 5, 2, None),
]
KERNELS = [ConvNNGP(), ConvNTK(), PatchLaplace(0.7)]


def metric_of(rank, seed=0):
    factor = np.random.default_rng(seed).standard_normal((rank, rank))
    return factor @ factor.T / rank


def mapped(kernel, images, metric):
    return kernel.patches.of(images) @ psd_power(torch.from_numpy(metric), 0.5)


@pytest.fixture
def images():
    """Seven images, of which two are one, two share half of their pixels, and one is zero."""
    images = np.random.default_rng(1).standard_normal((7, 2, 7, 6))
    images[1] = images[0]
    images[3, :, :4] = images[2, :, :4]
    images[4] = 0
    return images


@pytest.mark.parametrize(("depth", "size", "stride", "padding"), GEOMETRIES)
def test_network_kernels_agree_with_slow_ones(images, depth, size, stride, padding):
    metric = metric_of(2 * size**2)
    edge = size // 2 if padding is None else padding
    expected = np.array(
        [[oracle.network_kernels(x, z, metric, depth, size, stride, edge) for z in images] for x in images]
    )
    for index, kind in enumerate((ConvNNGP, ConvNTK)):
        kernel = kind(depth, size, stride, padding)
        points = mapped(kernel, torch.from_numpy(images), metric)
        np.testing.assert_allclose(kernel.gram(points), expected[..., index], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(kernel.gram(points[:3], points), expected[:3, :, index], rtol=1e-10, atol=1e-12)


def test_the_laplace_kernel_agrees_with_a_slow_one(images):
    metric, kernel = metric_of(18), PatchLaplace(0.7)
    expected = [[oracle.patch_laplace(x, z, metric, 0.7, 3, 1, 1) for z in images] for x in images]
    points = mapped(kernel, torch.from_numpy(images), metric)
    np.testing.assert_allclose(kernel.gram(points), expected, rtol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)
def test_blocks_make_no_difference(images, kernel, monkeypatch):
    points = kernel.patches.of(torch.from_numpy(images))
    weights = torch.from_numpy(np.random.default_rng(2).standard_normal((7, 3)))
    whole, gradients = kernel.gram(points), kernel.output_gradients(points, points[1:], weights[1:])
    assert torch.equal(whole, whole.mT)
    monkeypatch.setattr("agop.conv_rfm.patch_kernel._PLANE", 42 * 8 * 4)
    torch.testing.assert_close(kernel.gram(points), whole, rtol=1e-13, atol=1e-14)
    parts = kernel.output_gradients(points, points[1:], weights[1:])
    torch.testing.assert_close(parts, gradients, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)
def test_float32_has_the_digits_of_float32(images, kernel):
    points = kernel.patches.of(torch.from_numpy(images))
    gram, single = kernel.gram(points), kernel.gram(points.float())
    assert single.dtype == torch.float64
    tolerance = 2e-3 if isinstance(kernel, PatchLaplace) else 1e-5 * gram.max()
    assert (single - gram).abs().max() < tolerance


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)
def test_gradients_are_those_of_central_differences(images, kernel):
    """At points that are centers too, where a kink has no slope on average, and at a zero image."""
    points = kernel.patches.of(torch.from_numpy(images))
    weights = torch.from_numpy(np.random.default_rng(2).standard_normal((7, 2)))
    gradients = kernel.output_gradients(points, points, weights)
    assert gradients.shape == (*points.shape[:3], 2, 18)
    step, rng = 1e-5, np.random.default_rng(3)
    for image in (0, 2, 5):
        for _ in range(4):
            direction = torch.zeros_like(points[:1])
            direction[0, rng.integers(7), rng.integers(6)] = torch.from_numpy(rng.standard_normal(18))
            up, down = (kernel.gram(points[image : image + 1] + h * direction, points) @ weights for h in (step, -step))
            found = torch.einsum("hwi,hwci->c", direction[0], gradients[image])
            torch.testing.assert_close(found, ((up - down) / (2 * step))[0], rtol=1e-4, atol=1e-5)
    assert gradients.isfinite().all()


def finite_network(images, metric, width, generator):
    """Kernel matrices of one random network with two convolutions: of its features, and of its gradients."""
    rank = len(metric)
    weights = [torch.randn(width, rank, generator=generator), torch.randn(width, 9 * width, generator=generator)]
    weights = [each.requires_grad_() for each in weights]
    planes = images
    for index, weight in enumerate(weights):
        maps = weight @ psd_power(metric, 0.5) if index == 0 else weight
        sums = torch.nn.functional.conv2d(planes, maps.unflatten(1, (-1, 3, 3)), padding=1)
        planes = sums.relu() * (2 / maps.shape[1]) ** 0.5
    features = planes.flatten(1) / planes[0, 0].numel() ** 0.5
    read_out = torch.randn(features.shape[1], generator=generator)
    outputs = features @ read_out / width**0.5
    rows = [torch.cat([part.ravel() for part in torch.autograd.grad(y, weights, retain_graph=True)]) for y in outputs]
    nngp = (features @ features.mT / width).detach()
    return nngp, nngp + torch.stack(rows) @ torch.stack(rows).mT


def test_the_kernels_are_those_of_wide_networks():
    """The mean over networks of 400 features a layer is theirs, within four standard errors."""
    generator = torch.Generator().manual_seed(0)
    images, metric = torch.randn(3, 2, 6, 6, generator=generator), torch.from_numpy(metric_of(18)).float()
    found = [torch.stack(finite_network(images, metric, 400, generator)) for _ in range(12)]
    mean, error = torch.stack(found).mean(0), torch.stack(found).std(0) / len(found) ** 0.5
    for index, kernel in enumerate((ConvNNGP(), ConvNTK())):
        gram = kernel.gram(mapped(kernel, images.double(), metric.double().numpy()))
        assert ((gram - mean[index]).abs() < 4 * error[index]).all()
        assert (error[index] < 0.03 * gram.max()).all()


@pytest.mark.parametrize(
    ("kernel", "side", "message"),
    [
        (ConvNTK(depth=0), 5, "1 or more as depth, got 0"),
        (ConvNTK(size=0), 5, "1 or more as size, got 0"),
        (ConvNNGP(stride=1.5), 5, "1 or more as stride, got 1.5"),
        (ConvNNGP(padding=-1), 5, "0 or more as padding, got -1"),
        (ConvNNGP(depth=3, padding=0), 5, "a patch of 3 x 3 pixels in every layer, got a layer of 1 x 1"),
        (PatchLaplace(size=7, padding=0), 5, "7 x 7 pixels"),
        (PatchLaplace(bandwidth=0.0), 5, "a positive finite bandwidth, got 0.0"),
    ],
)
def test_unusable_hyper_parameters(kernel, side, message):
    with pytest.raises(InputError, match=message):
        kernel.check(side, side)


@pytest.mark.parametrize(("depth", "size", "stride", "padding"), GEOMETRIES)
@pytest.mark.parametrize("kind", [ConvNNGP, ConvNTK])
def test_patch_gradients_are_those_of_automatic_differentiation(kind, depth, size, stride, padding):
    rng = np.random.default_rng(4)
    kernel, metric = kind(depth, size, stride, padding), metric_of(2 * size**2)
    points, centers = (kernel.patches.of(torch.from_numpy(rng.standard_normal((n, 2, 6, 5)))) for n in (2, 3))
    coefficients = torch.from_numpy(rng.standard_normal((3, 2)))
    settings = {"size": size, "stride": stride, "padding": size // 2 if padding is None else padding}
    matrix = torch.from_numpy(metric)
    expected = conv_autograd.patch_agop(
        points, centers, coefficients, matrix, depth=depth, tangent=kind is ConvNTK, **settings
    )
    root = psd_power(matrix, 0.5)
    rows = (kernel.output_gradients(points @ root, centers @ root, coefficients) @ root).reshape(-1, len(root))
    torch.testing.assert_close(rows.mT @ rows / len(points), expected, rtol=1e-8, atol=1e-12)
