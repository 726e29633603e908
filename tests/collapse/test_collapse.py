"""The record of all measures: the numbers of the functions, in two passes that can be cut anywhere."""

from __future__ import annotations

import json
from functools import reduce

import numpy as np
import pytest
import torch

from agop.collapse import MEASURES, Collapse
from agop.collapse.classifier import LinearClassifier
from agop.collapse.projected import ProjectedMoments
from agop.collapse.projection import BetweenProjection
from agop.errors import EmptyClassError, InputError
from agop.moments import ClassMoments
from oracles import collapse as oracle

N_CLASSES = 4


def sample(n=80, d=10, offset=1.0):
    generator = np.random.default_rng(0)
    y = np.arange(n) % N_CLASSES
    x = generator.normal(size=(N_CLASSES, d))[y] + 0.3 * generator.normal(size=(n, d)) + offset
    given = {
        "weight": generator.normal(size=(N_CLASSES, d)),
        "bias": generator.normal(size=N_CLASSES),
        "ood_features": generator.normal(size=(7, d)),
    }
    return x, y, given


def assert_close(found, expected, rel):
    assert found.as_dict().keys() == expected.as_dict().keys()
    for name, value in expected.as_dict().items():
        assert getattr(found, name) == pytest.approx(value, rel=rel, abs=rel), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_numbers_of_the_definitions(dtype):
    x, y, given = sample()
    stored = torch.from_numpy(x).to(dtype)
    x = stored.double().numpy()
    weight, bias = given["weight"], given["bias"]
    found = Collapse.of(stored, torch.from_numpy(y), N_CLASSES, **given).as_dict()
    assert list(found) == list(MEASURES)
    for name in MEASURES:
        function = getattr(oracle, name)
        if name.startswith(("nc3", "unc3")):
            expected = function(x, y, weight)
        elif name == "nc4_agreement":
            expected = function(x, y, weight, bias)
        elif name == "nc5_orthogonality":
            expected = function(x, y, N_CLASSES, given["ood_features"])
        else:
            expected = function(x, y, N_CLASSES)
        assert found[name] == pytest.approx(expected, rel=1e-10, abs=0), name


def test_names_of_no_measure():
    x, y, _ = sample()
    found = Collapse.of(x, y, N_CLASSES)
    assert set(MEASURES) <= set(dir(found))
    with pytest.raises(AttributeError, match="no attribute 'nc6'"):
        _ = found.nc6


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_chunks_equal_whole(offset):
    x, y, given = sample(n=3000, d=40, offset=offset)
    features = torch.from_numpy(x).float()
    whole = Collapse.of(features, y, N_CLASSES, max_memory=2**40, **given)
    assert_close(Collapse.of(features, y, N_CLASSES, max_memory=20_000, **given), whole, rel=1e-12)


def test_a_stream_of_batches_takes_the_same_two_steps():
    x, y, given = sample()
    batches = [(x[rows], y[rows]) for rows in (slice(0, 33), slice(33, 79), slice(79, 80))]
    moments = reduce(ClassMoments.merge, (ClassMoments.of(*batch, N_CLASSES) for batch in batches))
    projection = BetweenProjection.of(moments)
    classifier = LinearClassifier.of(given["weight"], given["bias"], like=moments)
    second = reduce(
        ProjectedMoments.merge,
        (ProjectedMoments.of(*batch, projection, classifier) for batch in batches),
        ProjectedMoments.empty(projection, classifier=True),
    )
    found = Collapse.from_passes(moments, second, classifier.weight, given["ood_features"].mean(0)[None])
    assert_close(found, Collapse.of(x, y, N_CLASSES, **given), rel=1e-12)
    with pytest.raises(InputError, match="one of each"):
        second.merge(ProjectedMoments.of(*batches[0], projection))


def test_absent_inputs_give_none_and_json():
    x, y, given = sample()
    bare = Collapse.of(x, y, N_CLASSES).as_dict()
    absent = {name for name, value in bare.items() if value is None}
    assert absent == {name for name in bare if name.startswith(("nc3", "unc3", "nc4", "nc5"))}
    full = Collapse.of(x, y, N_CLASSES, **given)
    assert json.loads(json.dumps(full.as_dict()))["nc1_pinv"] == full.nc1_pinv


def test_many_features_need_no_square_matrix():
    """A (d, d) matrix would take 80 GB."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(9, 100_000, generator=generator)
    found = Collapse.of(features, torch.arange(9) % 3, 3, weight=features[:3])
    assert 0 < found.nc1_pinv < found.nc1_trace_ratio


def test_input_is_left_as_it_was():
    x, y, given = sample()
    features = torch.from_numpy(x.copy())
    Collapse.of(features, y, N_CLASSES, **given)
    np.testing.assert_array_equal(features, x)


def test_bad_input():
    x, y, given = sample()
    with pytest.raises(InputError, match="a bias alone"):
        Collapse.of(x, y, N_CLASSES, bias=given["bias"])
    with pytest.raises(EmptyClassError, match="none of class 4"):
        Collapse.of(x, y, N_CLASSES + 1)
    with pytest.raises(EmptyClassError, match="samples of every class"):
        Collapse.of(x[:0], y[:0], N_CLASSES)
    with pytest.raises(InputError, match="two or more classes"):
        Collapse.of(x, 0 * y, 1)
    with pytest.raises(InputError, match="class means that differ"):
        Collapse.of(np.ones_like(x), y, N_CLASSES)
    with pytest.raises(InputError, match="finite features"):
        Collapse.of(np.where(x == x[5, 5], np.nan, x), y, N_CLASSES)
    with pytest.raises(InputError, match="weight of shape"):
        Collapse.of(x, y, N_CLASSES, weight=given["weight"].T)
