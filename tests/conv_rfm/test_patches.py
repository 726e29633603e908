"""Patches and their means against slow numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.conv_rfm import Patches
from agop.errors import InputError
from oracles import conv as oracle

GEOMETRIES = [(3, 1, None), (3, 2, None), (2, 1, 0), (5, 2, 3), (4, 3, None), (1, 1, None), (3, 1, 3), (2, 3, 1)]


@pytest.mark.parametrize(("size", "stride", "padding"), GEOMETRIES)
def test_patches_and_their_means(size, stride, padding):
    images = np.random.default_rng(0).standard_normal((2, 3, 6, 7))
    patches, edge = Patches(size, stride, padding), size // 2 if padding is None else padding
    found = patches.of(torch.from_numpy(images))
    expected = np.stack([oracle.patches(image, size, stride, edge) for image in images])
    np.testing.assert_array_equal(found, expected)
    assert patches.grid(6, 7) == found.shape[1:3]
    planes = torch.from_numpy(images[:, 0].transpose(1, 2, 0).copy())
    means = patches.mean(planes)
    expected = np.stack([oracle.patch_means(image[0], size, stride, edge) for image in images], 2)
    np.testing.assert_allclose(means, expected.astype(float), atol=1e-14)
    other = torch.from_numpy(np.random.default_rng(1).standard_normal(means.shape))
    torch.testing.assert_close((means * other).sum(), (planes * patches.spread(other, 6, 7)).sum())


def test_weights_of_a_convolution_act_on_patches():
    images, weight = torch.randn(2, 3, 5, 6), torch.randn(4, 3, 3, 3)
    expected = torch.nn.functional.conv2d(images, weight, stride=2, padding=1)
    found = Patches(3, 2).of(images) @ weight.flatten(1).mT
    torch.testing.assert_close(found.permute(0, 3, 1, 2), expected)


def test_an_image_too_small_for_a_patch():
    with pytest.raises(InputError, match="5 x 5 pixels in every layer, got a layer of 4 x 9"):
        Patches(5, padding=0).grid(4, 9)
