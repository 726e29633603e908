"""Tied weights, repeated layers, and rows whose samples are not on the first axis."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from agop.errors import InputError
from network.models import N_CLASSES, Function, Shared, batches, data, seeded
from oracles.network import assert_agop, assert_collapse, assert_layer, observe


def observed(model, layers, x):
    return observe(lambda sample: model(sample), layers, [x[i : i + 1] for i in range(len(x))])


def two_layers(function, n_hidden=6, **layers):
    return seeded(
        lambda: Function(function, first=nn.Linear(5, n_hidden), last=nn.Linear(n_hidden, N_CLASSES), **layers)
    )


@pytest.mark.parametrize("uses", [2, 3])
def test_layer_used_several_times(uses):
    x, y = data()
    model = seeded(Shared, uses)
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first, "again": model.again, "last": model.last}, x)
    assert list(record) == ["first", "again", "last"]
    for name in expected:
        activation = None if name == "last" else torch.tanh
        assert_layer(record[name], expected[name], y, N_CLASSES, activation=activation)
    assert record["again"].rows == uses


def test_one_linear_under_two_names():
    x, y = data()
    shared = nn.Linear(5, 5)
    model = seeded(lambda: nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(5, N_CLASSES)))
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "4"]
    assert_layer(record["0"], observed(model, {"0": model[0]}, x)["0"], y, N_CLASSES, activation=torch.tanh)


def test_tied_weights_of_two_modules():
    x, y = data()

    def build():
        model = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, N_CLASSES))
        model[2].weight = model[0].weight  # the biases stay apart
        return model

    model = seeded(build)
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "4"]
    parts = observed(model, {"0": model[0], "2": model[2]}, x)
    assert_agop(record["0"].agop, parts["0"].agop + parts["2"].agop)
    both = [a + b for a, b in zip(parts["0"].inputs, parts["2"].inputs, strict=True)]
    assert_collapse(record["0"].input, both, y, N_CLASSES)


@pytest.mark.parametrize("width", [4, 5])
def test_weight_tied_to_its_own_transpose(width):
    """Autoencoder: linear(h, W) and linear(h, W.T) share a storage, but are not the same layer, nor if W is square."""
    x, y = data()

    def forward(self, x):
        h = torch.tanh(self.first(x))
        return self.last(torch.tanh(functional.linear(h, self.first.weight.T)))

    model = seeded(lambda: Function(forward, first=nn.Linear(5, width), last=nn.Linear(5, N_CLASSES)))
    with pytest.raises(InputError, match=rf"one of shape \({width}, 5\) that is also used transposed"):
        agop.measure(model, batches(x, y))
    assert list(agop.measure(model, batches(x, y), layers="last")) == ["last"]


def test_uses_with_other_numbers_of_rows():
    """A layer that sees one vector, and a sequence."""
    x, y = data(9, (4, 5))

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)).mean(1) + torch.tanh(self.first(x.mean(1))))

    model = two_layers(forward)
    expected = observed(model, {"first": model.first}, x)["first"]
    for rows in ("each", "mean"):
        record = agop.measure(model, batches(x, y), rows=rows)
        if rows == "each":
            assert record["first"].rows == 5
        assert_layer(record["first"], expected, y, N_CLASSES, rows, activation=torch.tanh)


def test_rows_of_one_weight_used_as_two_layers():
    """Rows of one weight used as two layers."""
    x, y = data()

    def forward(self, x):
        return self.last(
            torch.cat([torch.tanh(functional.linear(x, self.first.weight[:2])), x @ self.first.weight[2:].T], 1)
        )

    model = two_layers(forward)
    record = agop.measure(model, batches(x, y))
    assert "first[0:2]" in record
    top = nn.Linear(5, 2, bias=False).double()
    top.weight = nn.Parameter(model.first.weight.detach()[:2].clone())
    rest = model.first.weight.detach()[2:].T

    def reference(sample):
        return model.last(torch.cat([torch.tanh(top(sample)), sample @ rest], 1))

    expected = observe(reference, {"top": top}, [x[i : i + 1] for i in range(len(x))])["top"]
    assert_layer(record["first[0:2]"], expected, y, N_CLASSES, activation=torch.tanh)


def test_time_first_without_attention():
    """Rows (T, B, d): right, and refused in batches as large as there are steps."""
    x, y = data(13, (4, 5))

    def forward(self, x):
        return self.last(torch.tanh(self.first(x.transpose(0, 1))).sum(0))

    model = two_layers(forward)
    expected = observed(model, {"first": model.first}, x)["first"]
    record = agop.measure(model, batches(x, y, (5, 8)))
    assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.tanh)
    for sizes in ((4,), (5, 4), (4, 9)):
        with pytest.raises(InputError, match="outputs that depend on other samples too"):
            agop.measure(model, batches(x, y, sizes))


@pytest.mark.parametrize("sizes", [(4,), (5, 4), (4, 9), (13,)])
def test_windows_folded_into_the_batch(sizes):
    """Rows (B windows, tokens, d) as in windowed attention, in batches as large as a window too."""
    x, y = data(13, (2, 4, 5))

    def forward(self, x):
        h = torch.tanh(self.first(x.flatten(0, 1)))
        return self.last(h.unflatten(0, (len(x), 2)).sum((1, 2)))

    model = two_layers(forward)
    expected = observed(model, {"first": model.first}, x)["first"]
    record = agop.measure(model, batches(x, y, sizes))
    assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.tanh)


def test_prototypes_are_no_samples():
    """A layer applied to class prototypes is left out with a note, or refused where they are as many as samples."""
    x, y = data(9)

    def forward(self, x):
        return torch.tanh(self.first(x)) @ self.encode(self.prototypes).T

    def build():
        model = Function(forward, first=nn.Linear(5, 6), encode=nn.Linear(4, 6))
        model.prototypes = nn.Parameter(torch.randn(N_CLASSES, 4))
        return model

    model = seeded(build)
    expected = observed(model, {"first": model.first}, x)["first"]
    for sizes in ((9,), (4, 3)):
        record = agop.measure(model, batches(x, y, sizes))
        assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.tanh)
        assert "encode" not in record, sizes
        assert any(note.startswith("encode") for note in record.notes)
    with pytest.raises(InputError, match="outputs that depend on other samples too"):
        agop.measure(model, batches(x, y, (3,)))


def test_convolution_beside_a_recurrent_layer_with_time_first():
    """As many positions as samples: a convolution has samples first all the same."""
    x, y = data(8, (2, 10))

    def forward(self, x):
        _, h = self.recurrent(torch.tanh(self.conv(x)).permute(2, 0, 1))
        return self.last(h[0])

    model = seeded(
        lambda: Function(forward, conv=nn.Conv1d(2, 3, 3), recurrent=nn.GRU(3, 4), last=nn.Linear(4, N_CLASSES))
    )
    record = agop.measure(model, [(x, y)])
    expected = observed(model, {"conv": model.conv}, x)["conv"]
    assert_layer(record["conv"], expected, y, N_CLASSES, activation=torch.tanh)


def test_sequences_of_other_lengths():
    """Rows and their means merge whatever the length; one vector a sample does not, and that is said."""
    x, y = data(12, (6, 5))
    loader = [(x[:5], y[:5]), (x[5:, :3], y[5:])]
    model = two_layers(lambda self, x: self.last(torch.tanh(self.first(x)).mean(1)))
    samples = [x[i : i + 1] if i < 5 else x[i : i + 1, :3] for i in range(12)]
    expected = observe(lambda sample: model(sample), {"first": model.first}, samples)["first"]
    for rows in ("each", "mean"):
        record = agop.measure(model, loader, rows=rows)
        assert_layer(record["first"], expected, y, N_CLASSES, rows, activation=torch.tanh)
    with pytest.raises(InputError, match=r"flatten|rows"):
        agop.measure(model, loader, rows="flatten")
