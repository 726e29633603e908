"""The metric of torchmetrics: the definitions, however batches, processes and saved states are put together."""

from __future__ import annotations

import copy
import io
import math

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics import MetricCollection

from agop.collapse import MEASURES
from agop.errors import InputError
from agop.network.torchmetrics import NeuralCollapse
from network.gloo_torchmetrics import compute_cases
from oracles import collapse as oracle
from processes import start_ranks

N_CLASSES, D = 4, 6
OF_CLASSIFIER = ("nc3_self_duality", "nc3_etf_error", "unc3", "unc3_cosine")


def sample(n=60, seed=0, offset=1.0):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.minimum(np.arange(n) % 7, N_CLASSES - 1))  # the last class has more
    x = generator.normal(size=(N_CLASSES, D))[y] + 0.3 * generator.normal(size=(n, D)) + offset
    return torch.from_numpy(x), torch.from_numpy(y)


def linear(weight):
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    layer.weight.data.copy_(weight)
    return layer


WEIGHT = torch.randn(N_CLASSES, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def full():
    return NeuralCollapse(N_CLASSES, D, scatter=True, classifier=linear(WEIGHT))


def assert_right(found, x, y, weight=WEIGHT):
    """Every measure against the loops over the samples; those of NC1 without classes of one sample."""
    x, y = np.asarray(x), np.asarray(y)
    several = np.bincount(y, minlength=N_CLASSES)[y] > 1
    classes, codes = np.unique(y[several], return_inverse=True)
    assert set(found) == {name for name in MEASURES if not name.startswith(("nc4", "nc5", "nc3_self_duality_by"))}
    for name, value in found.items():
        function = getattr(oracle, name)
        if name in OF_CLASSIFIER:
            expected = function(x, y, np.asarray(weight))
        elif name.startswith(("nc1", "within", "between")):
            expected = function(x[several], codes, len(classes))
        else:
            expected = function(x, y, N_CLASSES)
        assert float(value) == pytest.approx(expected, rel=1e-12, abs=1e-14), name


def in_batches(metric, x, y):
    """Batches that lack classes, one without rows, one of a single row."""
    order = torch.argsort(y, stable=True)
    for rows in (order[:25], order[25:25], order[25:26], order[26:]):
        metric.update(x[rows], y[rows])


def halves(x, y):
    """One metric for each half of the samples, sorted so that each half lacks a class."""
    order = torch.argsort(y, stable=True)
    metrics = full(), full()
    for metric, rows in zip(metrics, (order[:13], order[13:]), strict=True):
        metric.update(x[rows], y[rows])
    return metrics


def test_numbers_of_the_definitions():
    x, y = sample()
    metric = full()
    in_batches(metric, x, y)
    values = metric.compute()
    assert_right(values, x, y)
    assert all(value.dtype == torch.float64 and value.shape == () for value in values.values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_features_of_any_dtype(dtype):
    x, y = sample()
    stored = x.to(dtype).requires_grad_()
    metric = full()
    in_batches(metric, stored, y)
    assert_right(metric.compute(), stored.detach().double(), y)


def test_collapse_far_from_the_origin():
    generator = np.random.default_rng(0)
    y = np.arange(2000) % N_CLASSES
    x = np.eye(N_CLASSES, D)[y] + 1e-5 * generator.normal(size=(2000, D)) / math.sqrt(D) + 100
    metrics = [NeuralCollapse(N_CLASSES, D, "nc1_trace_ratio") for _ in range(3)]
    for step, metric in enumerate(metrics):
        for start in range(step * 40, 2000, 120):
            metric(torch.from_numpy(x[start : start + 40]), torch.from_numpy(y[start : start + 40]))
    metrics[0].merge_state(metrics[1])
    metrics[0].merge_state(metrics[2])
    expected = oracle.nc1_trace_ratio(x, y, N_CLASSES)
    assert 1e-11 < expected < 1e-9
    assert metrics[0].compute().item() == pytest.approx(expected, rel=1e-8)


@pytest.fixture(scope="module")
def gloo(tmp_path_factory):
    """What two ranks found by how the rows are spread over them."""
    folder = tmp_path_factory.mktemp("gloo")
    x, y = sample()
    spreads = {"alternating": np.arange(len(y)) % 3 // 2, "by class": np.asarray(y) // 2, "one rank": np.zeros(len(y))}
    for name, ranks in spreads.items():
        np.savez(folder / f"{name}.case.npz", features=x, labels=y, ranks=ranks, weight=WEIGHT)
    start_ranks(compute_cases, 2, folder)
    return {name: [dict(np.load(folder / f"{name}.case.rank{rank}.npz")) for rank in (0, 1)] for name in spreads}


@pytest.mark.parametrize("spread", ["alternating", "by class", "one rank"])
def test_two_ranks(gloo, spread):
    x, y = sample()
    results = gloo[spread]
    assert sum(int(found.pop("own_samples")) for found in results) == len(y)  # each has its own again
    for found in results:
        assert found.pop("step") == pytest.approx(oracle.nc1_trace_ratio(x, y.numpy(), N_CLASSES), rel=1e-12)
        assert_right(found, x, y)
    assert results[0] == results[1]


def test_merge_metric():
    x, y = sample()
    first, second = halves(x, y)
    assert math.isnan(first.compute()["nc1_trace_ratio"])  # and not kept
    first.merge_state(second)
    assert_right(first.compute(), x, y)


@pytest.mark.parametrize("way", ["metric_state", "state_dict"])
def test_merge_state_dict_into_a_new_metric(way):
    x, y = sample()
    whole = full()
    for part in halves(x, y):
        part.persistent(True)
        whole.merge_state(part.metric_state if way == "metric_state" else part.state_dict())
    assert_right(whole.compute(), x, y)  # without the warning that nothing was updated


@pytest.mark.parametrize("other", [NeuralCollapse(3, D), NeuralCollapse(N_CLASSES, D, scatter=True)])
def test_states_that_do_not_fit(other):
    x, y = sample()
    metric = NeuralCollapse(N_CLASSES, D)
    metric.update(x, y)
    before = metric.compute()
    other.persistent(True)
    for attempt in (
        lambda: metric.merge_state(other),
        lambda: metric.merge_state(other.state_dict()),
        lambda: metric.load_state_dict(other.state_dict()),
    ):
        with pytest.raises(InputError, match="state of shape"):
            attempt()
    with pytest.raises(ValueError, match="packed_moments"):
        metric.merge_state({"counts": torch.zeros(3)})
    assert metric.compute() == before


def test_state_survives_a_checkpoint_without_pickle():
    x, y = sample()
    metric = full()
    metric.update(x[:20], y[:20])
    assert metric.state_dict() == {}
    metric.persistent(True)
    file = io.BytesIO()
    torch.save(metric.state_dict(), file)
    file.seek(0)
    resumed = full()
    resumed.update(x[:50], y[:50])  # replaced
    assert resumed.compute()["nc1_trace_ratio"] != metric.compute()["nc1_trace_ratio"]
    resumed.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(resumed.compute(), metric.compute(), rtol=0, atol=0, equal_nan=True)
    resumed.update(x[20:], y[20:])
    assert_right(resumed.compute(), x, y)


def test_loaded_state_needs_no_update():
    x, y = sample()
    metric, resumed = full(), full()
    metric.update(x, y)
    metric.persistent(True)
    resumed.load_state_dict({name: state.float() for name, state in metric.state_dict().items()})
    assert resumed.packed_moments.dtype == torch.float64
    resumed.load_state_dict(metric.state_dict())
    assert_right(resumed.compute(), x, y)


def test_reset():
    x, y = sample()
    metric = full()
    metric.update(x + 5, y)
    metric.reset()
    assert metric.moments.n_samples == 0
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert all(value.isnan() for value in metric.compute().values())
    metric.update(x, y)
    assert_right(metric.compute(), x, y)


def test_clone_goes_its_own_way():
    x, y = sample()
    metric = full()
    metric.update(x[:30], y[:30])
    clone = metric.clone()
    clone.update(x[30:], y[30:])
    assert metric.moments.n_samples == 30
    assert_right(clone.compute(), x, y)


def test_forward_gives_the_value_of_the_batch():
    """Of batches with samples of every class."""
    x, y = sample()
    dealt = torch.argsort(y).view(20, 3).mT.ravel()
    x, y = x[dealt], y[dealt]
    metric = full()
    metric.update(x[:5], y[:5])
    assert_right(metric(x[5:40], y[5:40]), x[5:40], y[5:40])
    assert_right(metric(x[40:], y[40:]), x[40:], y[40:])
    empty = metric(x[:0], y[:0])
    assert all(value.isnan() for value in empty.values())
    assert_right(metric.compute(), x, y)


def test_undefined_measures_alone_are_nan():
    x = torch.tensor([[1.0, 1.0], [3.0, 1.0], [1.0, 1.0], [3.0, 1.0], [8.0, 5.0], [8.0, 6.0]])
    y = torch.tensor([0, 0, 1, 1, 2, 2])
    metric = NeuralCollapse(3, 2)
    metric.update(x, y)
    values = metric.compute()
    assert values["nc1_cdnv"].isnan()  # the means of two classes coincide
    assert values["nc1_trace_ratio"].item() == pytest.approx(oracle.nc1_trace_ratio(x, y, 3), rel=1e-12)


def test_features_and_classifiers_that_tell_nothing():
    x, y = sample()
    metric = NeuralCollapse(N_CLASSES, D, classifier=linear(torch.zeros_like(WEIGHT)))
    metric.update(x, y)
    undefined = {name for name, value in metric.compute().items() if value.isnan()}
    assert undefined == set(OF_CLASSIFIER)
    metric.reset()
    metric.update(torch.ones_like(x), y)
    assert all(value.isnan() for value in metric.compute().values())


@pytest.mark.parametrize(("weight", "message"), [(WEIGHT[:, 1:], "weight of shape"), (WEIGHT * torch.nan, "finite")])
def test_a_classifier_that_went_wrong(weight, message):
    x, y = sample()
    classifier = linear(WEIGHT)
    metric = NeuralCollapse(N_CLASSES, D, classifier=classifier)
    metric.update(x, y)
    classifier.weight = nn.Parameter(weight)
    with pytest.raises(InputError, match=message):
        metric.compute()


def test_collection_shares_one_state():
    x, y = sample()
    options = {"scatter": True, "classifier": linear(WEIGHT)}
    collection = MetricCollection({name: NeuralCollapse(N_CLASSES, D, name, **options) for name in full()._measures})
    in_batches(collection, x, y)
    assert list(collection.compute_groups) == [0]
    assert_right(collection.compute(), x, y)
    copied = collection.clone(prefix="test/")
    collection.reset()
    assert_right({name.removeprefix("test/"): value for name, value in copied.compute().items()}, x, y)
    assert_right(collection(x[:40], y[:40]), x[:40], y[:40])


def test_collection_of_dicts():
    x, y = sample()
    collection = MetricCollection({"all": full(), "count": NeuralCollapse(2, D, ("nc1_cdnv",))})
    collection.update(x[y < 2], y[y < 2])
    values = collection.compute()
    assert values["count_nc1_cdnv"].item() == pytest.approx(oracle.nc1_cdnv(x[y < 2].numpy(), y[y < 2], 2), rel=1e-12)
    assert values["all_nc1_cdnv"].isnan()


@pytest.mark.parametrize(
    "convert",
    [
        lambda module: module.to(torch.float16),
        lambda module: module.half(),
        lambda module: module.set_dtype(torch.float16),
        lambda module: module.to("cpu", torch.bfloat16),
        lambda module: nn.ModuleList([module]).to(torch.float16)[0],
        lambda module: nn.ModuleList([module]).half()[0],
        lambda module: MetricCollection({"m": module}).set_dtype(torch.float16)["m"],
    ],
)
def test_dtype_of_a_model_leaves_the_state_alone(convert):
    x, y = sample()
    metric = full()
    metric.update(x[:30], y[:30])
    metric = convert(metric)
    metric.update(x[30:], y[30:])
    assert_right(metric.compute(), x, y)
    metric.reset()
    metric.update(x, y)
    assert_right(metric.compute(), x, y)


def test_state_follows_the_device_and_features_need_not():
    x, y = sample()
    metric = full().to("meta")
    assert metric.packed_moments.is_meta
    assert metric._classifier.module.weight.device.type == "cpu"
    metric = full()
    metric.update(x.numpy(), y.numpy())
    assert_right(metric.compute(), x, y)


def test_classifier_is_read_when_values_are_computed():
    x, y = sample()
    classifier = linear(WEIGHT)
    metric = NeuralCollapse(N_CLASSES, D, scatter=True, classifier=classifier)
    copies = metric, metric.clone(), MetricCollection([metric]).clone()["NeuralCollapse"]
    for each in copies:
        each.update(x, y)
        each.compute()
    classifier.weight.data.neg_()
    for each in copies:
        assert_right(each.compute(), x, y, -WEIGHT)


def test_classifier_is_no_part_of_the_metric():
    model = nn.ModuleDict({"head": linear(WEIGHT)})
    model["collapse"] = NeuralCollapse(N_CLASSES, D, classifier=model["head"])
    assert list(model.state_dict()) == ["head.weight", "head.bias"]
    assert list(model["collapse"].modules()) == [model["collapse"]]
    copied = copy.deepcopy(model)
    x, y = sample()
    model["head"].weight.data.neg_()
    for each, weight in ((copied, WEIGHT), (model, -WEIGHT)):
        each["collapse"].update(x, y)
        expected = oracle.nc3_self_duality(x.numpy(), y.numpy(), weight.numpy())
        assert each["collapse"].compute()["nc3_self_duality"].item() == pytest.approx(expected, rel=1e-12)


def test_measures_that_are_asked_for():
    x, y = sample()
    both = NeuralCollapse(N_CLASSES, D, ["gnc2_mean", "nc1_cdnv"])
    one = NeuralCollapse(N_CLASSES, D, "nc1_cdnv")
    for metric in (both, one):
        metric.update(x, y)
    assert list(both.compute()) == ["gnc2_mean", "nc1_cdnv"]
    assert torch.equal(one.compute(), both.compute()["nc1_cdnv"])
    names = set(full()._measures)
    assert set(NeuralCollapse(N_CLASSES, D)._measures) == names - {"nc1_pinv", *OF_CLASSIFIER}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1, D), {}, "n_classes >= 2"),
        ((N_CLASSES, 0), {}, "n_features >= 1"),
        ((N_CLASSES, D, ("nc1",)), {}, "nc1_trace_ratio.*got 'nc1'"),
        ((N_CLASSES, D, "nc4_agreement"), {}, "NC4 and NC5 need more"),
        ((N_CLASSES, D, "nc1_pinv"), {}, "scatter=True for it"),
        ((N_CLASSES, D, ("nc1_cdnv", "unc3")), {"scatter": True}, "Give a classifier for it"),
        ((N_CLASSES, D, ()), {}, "one measure or more"),
        ((N_CLASSES, D + 1), {"classifier": linear(WEIGHT)}, r"weight \(4, 7\), got \(4, 6\)"),
    ],
)
def test_arguments_that_make_no_metric(arguments, options, message):
    with pytest.raises(InputError, match=message):
        NeuralCollapse(*arguments, **options)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.zeros(2, D + 1), torch.zeros(2, dtype=torch.int64), r"features of shape \(n, 6\)"),
        (torch.zeros(2, D), torch.tensor([0, N_CLASSES]), "labels in 0 .. 3"),
        (torch.full((2, D), torch.nan), torch.zeros(2, dtype=torch.int64), "finite features"),
    ],
)
def test_batches_that_cannot_be_used_change_nothing(features, labels, message):
    x, y = sample()
    metric = full()
    metric.update(x, y)
    with pytest.raises(InputError, match=message):
        metric.update(features, labels)
    assert_right(metric.compute(), x, y)
