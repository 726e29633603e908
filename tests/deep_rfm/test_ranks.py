"""Deep RFM on 1, 2 and 4 ranks: the layers and records of one process, and of the numpy recursion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.deep_rfm import DeepRFMClassifier, ReLUFeatures
from deep_rfm.gloo_layers import CASES, FAILURES, LABELS, X, Y, die, record_cases, recorded
from oracles import deep_rfm as oracles_deep_rfm
from ranks.together import assert_a_lost_rank_ends_the_others, fixture_of, saved

found = fixture_of(record_cases, 1, 2, 4)


@pytest.fixture
def ranks(found):
    """What every rank has saved."""
    return saved(found)


def assert_close(got, expected, limit):
    """Tensors relative to the largest entry; None and None."""
    if expected is None:
        assert got is None
    else:
        np.testing.assert_allclose(got, expected, rtol=0, atol=limit * float(abs(expected).max()))


def numbers(line):
    return {key: value for key, value in line.items() if isinstance(value, int | float)}


@pytest.mark.parametrize("name", CASES)
def test_layers_are_those_of_one_process(ranks, name):
    single = name == "single precision"
    limit = 1e-3 if single else 1e-8
    for layers in ranks:
        for layer, expected in zip(layers[name], recorded(name), strict=True):
            for stage, features in expected["stages"].items():
                assert_close(layer["stages"][stage], features, limit)
            assert_close(layer["agop"], expected["agop"], limit)
            assert_close(layer["coefficients"], expected["coefficients"], limit)
            for line, right in zip(layer["lines"], expected["lines"], strict=True):
                assert [key for key in line if line[key] is None] == [key for key in right if right[key] is None]
                assert numbers(line) == pytest.approx(numbers(right), rel=1e-2 if single else 1e-8, abs=1e-12)
            same = {key: value for key, value in expected["precision"].items() if not key.startswith("agop_")}
            assert {key: layer["precision"][key] for key in same} == same


def cancellation(precision):
    """Digits that the elementwise form would lose, from the predicted error of the form that was taken."""
    ratio = precision["agop_error"] / np.finfo(precision["agop"]).eps
    return ratio if precision["agop_form"] == "elementwise" else ratio**2


def test_the_predicted_error_of_an_agop_is_that_of_one_process(ranks):
    """Whichever form is cheaper: some of the elementwise one is done by every rank."""
    for layers in ranks:
        for layer, expected in zip(layers["weights"], recorded("weights"), strict=True):
            predicted, right = (cancellation(each["precision"]) for each in (layer, expected))
            assert predicted == pytest.approx(right, rel=1e-9)


def test_layers_are_those_of_the_definitions(ranks):
    maps = [ReLUFeatures(20).draw(width, seed=4, layer=index) for index, width in enumerate((5, 20, 20), 1)]
    expected = oracles_deep_rfm.deep_rfm("Laplace", X, Y, [(each.weight.numpy(), None) for each in maps], bandwidth=2.0)
    for layers in ranks:
        for layer, (*stages, coefficients, agop) in zip(layers["published"], expected, strict=True):
            for got, truth in zip(layer["stages"].values(), stages, strict=True):
                assert_close(got, truth, 1e-9)
            assert_close(layer["coefficients"], coefficients, 1e-9)
            assert_close(layer["agop"], agop, 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_all_ranks_have_the_same_layers(ranks, name):
    """To the last bit, so that no decision differs."""
    first, *others = ranks
    for other in others:
        for layer, expected in zip(other[name], first[name], strict=True):
            assert torch.equal(layer["coefficients"], expected["coefficients"])
            assert all(torch.equal(layer["stages"][stage], part) for stage, part in expected["stages"].items())
            assert layer["lines"] == expected["lines"]
            assert layer["precision"] == expected["precision"]


TOLD = "RankError: expected all ranks to do their part, got an error on rank 1: "


@pytest.mark.parametrize(
    ("number", "on_rank_1", "on_others"),
    [
        (0, "InputError: expected the same inputs on all ranks, got others on rank 1.", None),
        (1, 'InputError: expected settings="LayerSettings(kernel=Laplace(bandwidth=2.0), features=', None),
        (2, "ValueError: Input X contains NaN", TOLD + "ValueError: Input X contains NaN"),
        (3, "ValueError: no space left", TOLD + "ValueError: no space left. Mend it there."),
    ],
    ids=[failure.__name__ for failure in FAILURES],
)
def test_an_error_on_one_rank_ends_all(found, number, on_rank_1, on_others):
    for rank, messages in enumerate(saved(found, "errors") if found[1] > 1 else []):
        assert messages[number].startswith(on_rank_1 if rank == 1 or on_others is None else on_others)


def test_classifiers_are_the_same_on_all_ranks(found):
    models = saved(found, "estimators") if found[1] > 1 else []
    alone = DeepRFMClassifier(random_state=0).fit(X, LABELS)
    for own in models:
        np.testing.assert_allclose(own["seed"][0], alone.decision_function(X), rtol=0, atol=1e-8)
        assert [len(records) for _, records in own.values()][:3] == [3, 3, 2]
        assert len(own["ended by the clock"][1]) < 50
        for name, (scores, records) in own.items():
            np.testing.assert_array_equal(scores, models[0][name][0])
            assert records == models[0][name][1]


def test_a_rank_that_is_lost_ends_the_others(tmp_path):
    assert_a_lost_rank_ends_the_others(die, tmp_path)
