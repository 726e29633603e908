"""Loaders and batches: what may change between them without a change of the numbers."""

from __future__ import annotations

import math
from collections import OrderedDict, UserDict, namedtuple

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import agop
from agop.errors import InputError, MemoryBudgetError
from network.models import N_CLASSES, Function, batches, data, mlp, seeded
from oracles.network import assert_agop, assert_collapse, assert_layer, observe


def assert_same(found, expected, rel=1e-10):
    """Every number of two records."""
    assert list(found) == list(expected)
    assert (found.n_samples, found.n_classes) == (expected.n_samples, expected.n_classes)
    assert found.accuracy == (expected.accuracy and pytest.approx(expected.accuracy, rel=1e-12))
    for name in expected:
        assert_agop(found[name].agop, expected[name].agop, rel)
    for line, other in zip(found.lines(), expected.lines(), strict=True):
        assert line.keys() == other.keys()
        for key, value in other.items():
            loose = 1e-6 if "agop" in str(other["stage"]) or "best" in key else rel
            if isinstance(value, float):
                assert line[key] == pytest.approx(value, rel=loose, abs=1e-10), (line["layer"], line["stage"], key)


def test_any_cut_into_batches():
    x, y = data(40)
    model = seeded(mlp)
    whole = agop.measure(model, [(x, y)])
    for sizes in ((1,), (7,), (39, 1), (13,)):
        assert_same(agop.measure(model, batches(x, y, sizes)), whole)


def test_any_order():
    x, y = data(40)
    model = seeded(mlp)
    whole = agop.measure(model, [(x, y)])
    generator = torch.Generator().manual_seed(1)
    loader = DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True, generator=generator)
    assert_same(agop.measure(model, loader), whole)
    assert_same(agop.measure(model, DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True)), whole)


def test_batches_of_one_class_each():
    x, y = data(30)
    order = y.argsort()
    model = seeded(mlp)
    cut = [(x[y == c], y[y == c]) for c in range(N_CLASSES)]
    assert_same(agop.measure(model, cut), agop.measure(model, [(x[order], y[order])]))


def test_far_from_the_origin_and_nearly_collapsed():
    """NC1 of 1e-10 with an offset of 100, which raw sums of squares lose."""
    x, y = data(30, seed=1)
    means = torch.stack([x[y == c].mean(0) for c in range(N_CLASSES)])
    x = 100 + means[y] + 1e-5 * (x - means[y])
    model = seeded(mlp)
    record = agop.measure(model, batches(x, y))
    assert record["0"].input.nc1_trace_ratio < 1e-9
    assert_collapse(record["0"].input, [[row[None]] for row in x], y, N_CLASSES, rel=1e-6)


def test_float32_features_are_summed_in_float64():
    x, y = data(500, dtype=torch.float32)
    x = x + 30
    record = agop.measure(seeded(mlp).float(), batches(x, y, (64,)))
    assert_collapse(record["0"].input, [[row[None].double()] for row in x], y, N_CLASSES, rel=1e-9)


def test_memory_budget_does_not_change_numbers():
    x, y = data(40)
    model = seeded(mlp)
    assert_same(agop.measure(model, [(x, y)], max_memory=10**6), agop.measure(model, [(x, y)]))
    with pytest.raises(MemoryBudgetError):
        agop.measure(model, [(x, y)], max_memory=10)


def test_forms_of_batches():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    Pair = namedtuple("Pair", ["x", "y"])
    for form in (list, tuple, lambda pair: Pair(*pair)):
        assert_same(agop.measure(model, [form(batch) for batch in batches(x, y)]), expected)
    named = Function(lambda self, pixels, scale: self.net(pixels * scale), net=model)
    for key in ("labels", "label"):
        loader = [{"pixels": a, "scale": torch.ones(1).double(), key: b} for a, b in batches(x, y)]
        found = agop.measure(named, loader)
        assert_agop(found["net.2"].agop, expected["2"].agop)
    two_inputs = Function(lambda self, a, b: self.net(a + b), net=model)
    found = agop.measure(two_inputs, [(a / 2, a / 2, b) for a, b in batches(x, y)])
    assert_agop(found["net.0"].agop, expected["0"].agop)
    for dtype in (torch.int32, torch.uint8, torch.int16):
        assert_same(agop.measure(model, [(a, b.to(dtype)) for a, b in batches(x, y)]), expected)


@pytest.mark.parametrize(
    "form",
    [
        lambda z: (z, "more"),
        lambda z: [z],
        lambda z: {"logits": z, "hidden": None},
        lambda z: OrderedDict(loss=None, logits=z),
    ],
)
def test_forms_of_outputs(form):
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    found = agop.measure(Function(lambda self, x: form(self.net(x)), net=model), batches(x, y))
    assert_agop(found["net.2"].agop, expected["2"].agop)


def test_custom_forward():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    loader = [{"a": a, "b": b} for a, b in batches(x, y)]
    assert_same(agop.measure(model, loader, forward=lambda model, batch: (model(batch["a"]), batch["b"])), expected)
    for wrong in (lambda model, batch: model(batch["a"]), lambda model, batch: None):
        with pytest.raises(InputError, match="forward to return"):
            agop.measure(model, loader, forward=wrong)


def test_batches_keep_their_type():
    """A custom forward gets what the loader gave, as the encodings of tokenizers with their attributes."""

    class Encoding(UserDict):
        def __getattr__(self, name):
            return self.__dict__["data"][name]

        def to(self, device):
            return Encoding({key: value.to(device) for key, value in self.data.items()})

    x, y = data()
    model = seeded(mlp)
    loader = [Encoding(a=a, b=b) for a, b in batches(x, y)]
    found = agop.measure(model, loader, forward=lambda model, batch: (model(batch.a), batch.b))
    assert_same(found, agop.measure(model, batches(x, y)))


def test_forward_without_gradients_is_no_silent_loss():
    x, y = data()

    def forward(model, batch):
        with torch.no_grad():
            return model(batch[0]), batch[1]

    record = agop.measure(seeded(mlp), batches(x, y), forward=forward)
    assert all(layer.agop is None for layer in record.values())
    assert any("gradient" in note for note in record.notes)
    assert record["0"].input.nc1_trace_ratio > 0


def test_ignored_rows_are_dropped_and_counted():
    x, y = data(30)
    model = seeded(mlp)
    labels = y.clone()
    labels[::4] = -100
    kept = labels >= 0
    expected = agop.measure(model, [(x[kept], y[kept])])
    found = agop.measure(model, batches(x, labels))
    assert_same(found, expected)
    assert found.n_dropped == int((~kept).sum())
    # a batch in which nothing counts, NaN where nothing counts
    x[0] = math.nan
    loader = [(x[:1], labels[:1]), (x[::4], labels[::4]), (x, labels)]
    found = agop.measure(model, loader)
    assert_same(found, expected)
    assert found.n_dropped == 1 + 2 * int((~kept).sum())


@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
def test_ignored_samples_with_several_rows(rows):
    x, y = data(12, (2, 4, 4))
    model = seeded(lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, N_CLASSES)))
    labels = y.clone()
    labels[1::3] = -100
    kept = labels >= 0
    found = agop.measure(model, batches(x, labels), rows=rows)
    assert_same(found, agop.measure(model, [(x[kept], y[kept])], rows=rows))


def test_max_samples():
    x, y = data(40)
    model = seeded(mlp)
    for n in (17, 20, 39):
        assert_same(agop.measure(model, batches(x, y, (10,)), max_samples=n), agop.measure(model, [(x[:n], y[:n])]))
    assert_same(agop.measure(model, batches(x, y), max_samples=1000), agop.measure(model, [(x, y)]))
    drawn = []

    class Counted(list):
        def __iter__(self):
            for batch in super().__iter__():
                drawn.append(len(batch[1]))
                yield batch

    agop.measure(model, Counted(batches(x, y, (10,))), max_samples=20)
    assert sum(drawn) == 40  # two batches in each of the two passes, no further
    for n in (0, -3):
        with pytest.raises(InputError, match="max_samples"):
            agop.measure(model, [(x, y)], max_samples=n)


def test_max_samples_from_an_endless_stream():
    x, y = data(40)

    class Endless(IterableDataset):
        def __iter__(self):
            while True:
                yield from zip(x, y, strict=True)

    model = seeded(mlp)
    found = agop.measure(model, DataLoader(Endless(), batch_size=8), max_samples=40)
    assert_same(found, agop.measure(model, [(x, y)]))


def test_drop_last_without_shuffling_is_fine():
    x, y = data(40)
    model = seeded(mlp)
    loader = DataLoader(TensorDataset(x, y), batch_size=9, drop_last=True)
    assert_same(agop.measure(model, loader), agop.measure(model, [(x[:36], y[:36])]))


def test_float32_reordering_is_no_augmentation():
    """Batches of other sizes give outputs that differ by rounding."""
    x, y = data(300, (50,), dtype=torch.float32)
    model = seeded(mlp, widths=(50, 300, N_CLASSES)).float()
    loader = DataLoader(TensorDataset(1e3 * x, y), batch_size=7, shuffle=True)
    assert agop.measure(model, loader).n_samples == 300


def test_empty_batch_among_others():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, [(x, y)])
    assert_same(agop.measure(model, [(x[:4], y[:4]), (x[:0], y[:0]), (x[4:], y[4:])]), expected)


def test_single_output():
    """C = 1: two classes told apart by the sign."""
    x, y = data(20, n_classes=2)
    model = seeded(mlp, widths=(5, 6, 1))
    record = agop.measure(model, batches(x, y))
    expected = observe(lambda sample: model(sample), {"0": model[0], "2": model[2]}, [x[i : i + 1] for i in range(20)])
    assert record.n_classes == 2
    assert_layer(record["0"], expected["0"], y, 2, activation=torch.relu)
    assert_agop(record["2"].agop, expected["2"].agop)
    predicted = (model(x)[:, 0] > 0).long()
    assert record.accuracy == pytest.approx(float((predicted == y).double().mean()))
    assert agop.measure(model, [(x, 2 * y)]).accuracy is None  # labels 0 and 2 are not told by a sign
    with pytest.raises(InputError, match="2"):
        agop.measure(model, [(x, 2 * y)], classifier=True)


def test_out_of_distribution_loader():
    x, y = data(20)
    outside = data(9, seed=5)[0] + 1
    model = seeded(mlp)
    loader = [(outside[:4], torch.zeros(4).long()), (outside[4:], torch.zeros(5).long())]
    record = agop.measure(model, batches(x, y), ood_loader=loader)

    def nc5(features, ood):
        ood = ood.mean(0)
        means = torch.stack([features[y == c].mean(0) for c in range(N_CLASSES)])
        return float(nn.functional.cosine_similarity(means, ood[None]).abs().mean())

    with torch.no_grad():
        assert record["0"].input.nc5_orthogonality == pytest.approx(nc5(x, outside), rel=1e-10)
        assert record["0"].linear.nc5_orthogonality == pytest.approx(nc5(model[0](x), model[0](outside)), rel=1e-10)
        expected = nc5(model[:2](x), model[:2](outside))
        assert record["0"].output.nc5_orthogonality == pytest.approx(expected, rel=1e-10)
        assert record["2"].input.nc5_orthogonality == pytest.approx(expected, rel=1e-10)
    assert agop.measure(model, batches(x, y))["0"].input.nc5_orthogonality is None
    # labels of such samples mean nothing here
    for strange in (77, -100, -1):
        other = [(a, torch.full_like(b, strange)) for a, b in loader]
        found = agop.measure(model, batches(x, y), ood_loader=other)
        assert found["2"].input.nc5_orthogonality == pytest.approx(expected, rel=1e-10)
    # max_samples cuts the samples of the classes, the others may be fewer or more
    for times in (1, 3):
        found = agop.measure(model, [(x, y), (x + 9, y)], ood_loader=times * loader, max_samples=20)
        assert found["2"].input.nc5_orthogonality == pytest.approx(expected, rel=1e-10)
    with pytest.raises(InputError, match="got none"):
        agop.measure(model, batches(x, y), ood_loader=[])
