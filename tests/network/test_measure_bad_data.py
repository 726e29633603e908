"""Data that cannot be measured: one clear error, and what has no value is None."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import agop
from agop.errors import InputError
from network.models import N_CLASSES, Function, batches, data, mlp, seeded
from oracles import collapse as oracle


def test_forms_that_are_not_understood():
    x, y = data()
    model = seeded(mlp)
    for loader in ([x], [{"x": x}], [(x,)], ["text"]):
        with pytest.raises(InputError, match="labels"):
            agop.measure(model, loader)
    for function in (lambda self, x: None, lambda self, x: {"other": self.net(x)}, lambda self, x: self.net(x)[:, 0]):
        with pytest.raises(InputError, match=r"outputs.*, got"):
            agop.measure(Function(function, net=model), batches(x, y))


def test_augmentation_is_detected():
    x, y = data(40)
    generator = torch.Generator().manual_seed(0)

    class Noisy(list):
        scale = 0.3

        def __iter__(self):
            for a, b in super().__iter__():
                yield a + self.scale * torch.randn(a.shape, generator=generator, dtype=a.dtype), b

    with pytest.raises(InputError, match=r"augmentation|same"):
        agop.measure(seeded(mlp), Noisy(batches(x, y)))
    Noisy.scale = 1e-3
    with pytest.raises(InputError, match=r"augmentation|same"):
        agop.measure(seeded(mlp), Noisy(batches(x, y)))


def test_drop_last_of_a_shuffled_loader_is_detected():
    x, y = data(40)
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(TensorDataset(x, y), batch_size=9, shuffle=True, drop_last=True, generator=generator)
    with pytest.raises(InputError, match="same samples in every pass"):
        agop.measure(seeded(mlp), loader)
    # balanced whatever is dropped: the numbers of samples do not give it away
    pairs = TensorDataset(torch.stack([x, x + 1], 1))
    loader = DataLoader(pairs, batch_size=9, shuffle=True, drop_last=True, generator=generator)

    def forward(model, batch):
        return model(batch[0].flatten(0, 1)), torch.arange(2 * len(batch[0])) % 2

    model = seeded(mlp, widths=(5, 6, 2))
    with pytest.raises(InputError, match="same samples in every pass"):
        agop.measure(model, loader, forward=forward)


def test_shuffled_subset_is_detected():
    """max_samples of a shuffled loader shows other samples in the second pass."""
    x, y = data(200)
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True, generator=generator)
    with pytest.raises(InputError, match="same samples in every pass"):
        agop.measure(seeded(mlp), loader, max_samples=50)


def test_a_loader_for_one_pass_is_refused():
    x, y = data()
    model = seeded(mlp)
    calls = []
    with pytest.raises(InputError, match="twice"):
        agop.measure(model, (batch for batch in batches(x, y)))
    with pytest.raises(InputError, match="twice"):
        agop.measure(model, iter(batches(x, y)))

    class Once:
        def __init__(self):
            self.iterator = iter(batches(x, y))

        def __iter__(self):
            calls.append(1)
            return self.iterator

    with pytest.raises(InputError, match="used up"):
        agop.measure(model, Once())


def test_empty_loader():
    x, y = data()
    model = seeded(mlp)
    with pytest.raises(InputError, match="with batches, got none"):
        agop.measure(model, [])
    with pytest.raises(InputError, match="with batches, got none"):
        agop.measure(model, DataLoader(TensorDataset(x, y), batch_size=100, drop_last=True))
    with pytest.raises(InputError, match="samples that count, got none"):
        agop.measure(model, [(x, torch.full_like(y, -100))])
    with pytest.raises(InputError, match="samples that count, got none"):
        agop.measure(model, [(x[:0], y[:0])])


@pytest.mark.parametrize("bad", [3, 7, -1, -99, 2**40])
def test_labels_out_of_range(bad):
    x, y = data(20)
    y[11] = bad
    passes = []

    def forward(model, batch):
        passes.append(1)
        return model(batch[0]), batch[1]

    with pytest.raises(InputError, match=str(bad)):
        agop.measure(seeded(mlp), batches(x, y, (5,)), forward=forward, classifier=True)
    assert len(passes) <= 3


@pytest.mark.parametrize("bad", [-1, -99])
def test_negative_labels(bad):
    x, y = data(20)
    y[11] = bad
    with pytest.raises(InputError, match=str(bad)):
        agop.measure(seeded(mlp), [(x, y)])


def test_labels_of_a_wrong_kind():
    x, y = data(20)
    model = seeded(mlp)
    for labels in (y[:, None], torch.nn.functional.one_hot(y), y[:10], y.bool(), None, ["a"] * 20):
        with pytest.raises(InputError, match="integer labels of shape"):
            agop.measure(model, [(x, labels)])
    assert agop.measure(model, [(x, y.tolist())]).n_samples == 20
    assert agop.measure(model, [(x, y.numpy())]).n_samples == 20


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_outputs_that_are_not_finite(bad):
    x, y = data(20)
    x[13, 2] = bad
    with pytest.raises(InputError, match="finite"):
        agop.measure(
            seeded(mlp, activation=nn.Tanh),
            batches(x, y, (5,)),
            forward=lambda model, batch: (model(batch[0]) * batch[0].sum(1, keepdim=True), batch[1]),
        )


def test_features_that_are_not_finite_while_outputs_are():
    """An unused branch with NaN."""
    x, y = data(20)

    def forward(self, x):
        self.side(x * math.nan)
        return self.net(x)

    model = seeded(lambda: Function(forward, net=mlp(), side=nn.Linear(5, 2)))
    with pytest.raises(InputError, match="finite"):
        agop.measure(model, batches(x, y))


def test_nan_in_weights():
    x, y = data(20)
    model = seeded(mlp)
    with torch.no_grad():
        model[2].weight[0, 0] = math.nan
    with pytest.raises(InputError, match="finite"):
        agop.measure(model, batches(x, y))


@pytest.mark.parametrize("labels", [[1] * 20, [-100] * 19 + [2]])
def test_fewer_than_two_classes(labels):
    x, _ = data(20)
    with pytest.raises(InputError, match="two or more classes"):
        agop.measure(seeded(mlp), [(x, torch.tensor(labels))])


def test_constant_features():
    """Dead units and class means that coincide: said, not divided by zero."""
    x, y = data(20)
    model = seeded(mlp)
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.fill_(-1)
    record = agop.measure(model, batches(x, y))
    assert record["0"].output is None
    assert record["2"].input is None
    assert record["0"].input.nc1_trace_ratio == pytest.approx(oracle.nc1_trace_ratio(x.numpy(), y.numpy(), N_CLASSES))
    assert -1 <= record["2"].nfa.pearson <= 1
    list(record.lines())
    record.table()


def test_wrong_arguments():
    x, y = data()
    model = seeded(mlp)
    for wrong, said in (
        ({"rows": "all"}, "rows .* got 'all'"),
        ({"outputs": "rademacher"}, "outputs .* got 'rademacher'"),
        ({"outputs": 3}, "outputs .* got 3"),
        ({"max_samples": 0}, "max_samples .* got 0"),
        ({"layers": "nothing"}, "layers .* got 'nothing'"),
        ({"layers": nn.Conv2d}, "layers .* got 'Conv2d'"),
        ({"layers": []}, "layers .* got none"),
    ):
        with pytest.raises(InputError, match=said):
            agop.measure(model, batches(x, y), **wrong)
    with pytest.raises(InputError, match="random directions, got 0"):
        agop.Rademacher(0)
    with pytest.raises(InputError, match="weights in floating point, got none"):
        agop.measure(nn.Identity(), [(x, y % N_CLASSES)])


def test_last_layer_of_zeros():
    """Self-duality has no value there; the rest has."""
    x, y = data()
    model = seeded(mlp)
    with torch.no_grad():
        model[4].weight.zero_()
        model[4].bias.copy_(torch.arange(3.0))
    found = agop.measure(model, batches(x, y))["4"]
    assert found.input.nc3_self_duality is None
    assert found.input.nc1_trace_ratio > 0
    assert found.linear is None
