"""Deep convolutional RFM: what a layer is, what is measured, and where it collapses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import gmean

from agop import datasets
from agop.collapse import Collapse
from agop.conv_rfm import (
    ConvLayerSettings,
    ConvNNGP,
    ConvNTK,
    conv_layer_records,
    deep_conv_rfm,
    patch_agop,
    patch_kernel_matrix,
)
from agop.conv_rfm.deep import normalized
from agop.errors import InputError
from agop.linalg import psd_power
from agop.rfm import Samples

SETTINGS = ConvLayerSettings(ConvNTK(1), width=6, ridge=1e-2)


@pytest.fixture(scope="module")
def digits():
    part = datasets.subset(datasets.load("digits"), 200, 100, "random", 0)
    train, test = (torch.from_numpy(rows) for rows in datasets.standardized_inputs(part, "channel"))
    labels, truth = torch.from_numpy(part.train_labels), torch.from_numpy(part.test_labels)
    return Samples.of(train, 2 * torch.eye(10).double()[labels] - 1), labels, test.reshape(-1, 1, 8, 8), truth


def layers(samples, settings=SETTINGS, depth=2, **options):
    return list(deep_conv_rfm(samples, (1, 8, 8), settings, depth, **options))


def few(digits):
    """Four of each class."""
    samples, labels, *_ = digits
    rows = torch.cat([torch.nonzero(labels == digit)[:4, 0] for digit in range(10)])
    return samples.part(rows), labels[rows]


def test_a_layer_is_its_parts(digits):
    samples, _ = few(digits)
    first, second = layers(samples, replace(SETTINGS, pool=2))
    images = normalized(samples.inputs.reshape(-1, 1, 8, 8))
    torch.testing.assert_close(first.images.square().mean((1, 2, 3)), torch.ones(40).double())
    gram = patch_kernel_matrix(SETTINGS.kernel, images) + 1e-2 * torch.eye(40)
    torch.testing.assert_close(first.fit.machine.coefficients, torch.linalg.solve(gram, samples.targets))
    agop = patch_agop(first.fit.machine, images).mean()
    torch.testing.assert_close(first.metric / first.metric.trace(), agop / agop.trace())
    filters = (first.map.weight @ psd_power(first.metric, 0.5)).reshape(6, 1, 3, 3)
    expected = torch.nn.functional.avg_pool2d(torch.nn.functional.conv2d(images, filters, padding=1).relu(), 2)
    torch.testing.assert_close(second.images, normalized(expected))
    assert second.fit.machine.metric is None


def test_the_control_has_no_metric_and_the_same_random_maps(digits):
    samples, _ = few(digits)
    control, layer = layers(samples, replace(SETTINGS, agop=False))[1], layers(samples)[1]
    assert control.metric is None
    assert torch.equal(control.map.weight, layer.map.weight)
    assert not torch.allclose(layers(samples, seed=1)[1].map.weight, layer.map.weight)
    assert layer.map.weight.shape == (6, 54)
    assert layer.map.weight.abs().max() <= 54**-0.5


def test_records_measure_all_entries_of_a_stage_and_test_images_travel(digits):
    samples, labels = few(digits)
    images = samples.inputs.reshape(-1, 1, 8, 8)
    found = list(conv_layer_records(layers(samples), labels, 10, (images, labels)))
    for layer, record in found:
        mapped, features = layer.map.stages(layer.images)
        for name, stage in (("input", layer.images), ("agop", mapped), ("features", features)):
            expected = Collapse.of(stage.flatten(1), labels, 10)
            assert record.stages[name].nc1_trace_ratio == pytest.approx(expected.nc1_trace_ratio)
        assert record.test_accuracy == record.train_accuracy
    lines = list(found[1][1].lines())
    assert [line["stage"] for line in lines] == ["input", "agop", "features"]
    assert lines[0]["nc2_gram_mse"] == found[1][1].stages["input"].nc2_gram_mse


def test_it_collapses_where_a_patch_sees_the_whole_image(digits):
    """At 2 x 2 positions a patch of 3 x 3 has them all: the AGOP step divides NC1 there, and hardly at 8 x 8."""
    samples, labels, *_ = digits
    found = conv_layer_records(layers(samples, replace(SETTINGS, width=24, pool=2), 3), labels, 10)
    nc1 = [[record.stages[stage].nc1_trace_ratio for stage in ("input", "agop")] for _, record in found]
    factors = [after / before for before, after in nc1]
    assert factors[0] > 0.85
    assert factors[2] < 0.6
    control = conv_layer_records(layers(samples, replace(SETTINGS, width=24, pool=2, agop=False), 3), labels, 10)
    *_, (_, last) = control
    assert nc1[2][1] < 0.5 * last.stages["agop"].nc1_trace_ratio


def test_it_collapses_the_more_a_patch_sees(digits):
    """At the same 4 x 4 positions: single pixels hardly, patches of 5 x 5 more, the image at one position most.

    Means of four draws of the features.
    """
    samples, labels, *_ = digits
    rows = torch.nn.functional.avg_pool2d(samples.inputs.reshape(-1, 1, 8, 8), 2).flatten(1)

    def factor(size, shape, width):
        settings = ConvLayerSettings(ConvNTK(1, size), width, ridge=1e-2)
        ratios = []
        for seed in range(4):
            found = deep_conv_rfm(Samples.of(rows, samples.targets), shape, settings, 2, seed=seed)
            *_, (_, last) = conv_layer_records(found, labels, 10)
            ratios.append(last.stages["agop"].nc1_trace_ratio / last.stages["input"].nc1_trace_ratio)
        return gmean(ratios)

    pixel, patch, image = factor(1, (1, 4, 4), 6), factor(5, (1, 4, 4), 6), factor(1, (16, 1, 1), 96)
    assert pixel > patch > 1.2 * image


def test_shuffled_labels_are_not_predicted(digits):
    samples, labels, test, truth = digits
    order = torch.from_numpy(np.random.default_rng(0).permutation(200))
    shuffled = Samples.of(samples.inputs, samples.sample_targets[order])
    records = conv_layer_records(layers(shuffled, depth=2), labels[order], 10, (test, truth))
    for _, record in records:
        assert record.train_accuracy == 1
        assert record.test_accuracy < 0.25


@pytest.mark.parametrize(
    ("change", "depth", "message"),
    [
        ({}, 0, "depth, width and pool of 1 or more, got 0, 6 and 1"),
        ({"width": 0}, 2, "got 2, 0 and 1"),
        ({"pool": 2}, 5, "2 x 2 positions or more to pool, got a layer of 1 x 1"),
        ({"kernel": ConvNNGP(1, size=5, padding=0)}, 3, "a patch of 5 x 5 pixels in every layer, got a layer of 4 x 4"),
    ],
)
def test_unusable_settings(digits, change, depth, message):
    samples, _ = few(digits)
    with pytest.raises(InputError, match=message):
        layers(samples, replace(SETTINGS, **change), depth)
