"""In-place code: every stage is what it was when the layer was called."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from network.models import N_CLASSES, Function, batches, data, seeded
from oracles import collapse as oracle
from oracles.network import assert_agop, assert_collapse, assert_layer, observe


def observed(model, layers, x):
    return observe(lambda sample: model(sample), layers, [x[i : i + 1] for i in range(len(x))])


def two_layers(function, n_hidden=6, **layers):
    return seeded(
        lambda: Function(function, first=nn.Linear(5, n_hidden), last=nn.Linear(n_hidden, N_CLASSES), **layers)
    )


@pytest.mark.parametrize(
    "way",
    [
        lambda z: z.relu_(),
        torch.relu_,
        lambda z: functional.relu(z, True),
        lambda z: functional.relu(z, inplace=True),
        lambda z: z.clamp_(min=0),
        lambda z: torch.clamp(z, min=0),
        lambda z: z.relu(),
        lambda z: torch.relu(input=z),
        lambda z: torch.relu_(input=z),
        lambda z: functional.relu(input=z, inplace=True),
    ],
)
def test_relu_written_in_many_ways(way):
    x, y = data()
    model = two_layers(lambda self, x: self.last(way(self.first(x))))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first}, x)["first"]
    assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.relu)


@pytest.mark.parametrize(
    "overwrite",
    [
        lambda z, x: z.__iadd__(1.0),
        lambda z, x: z.__imul__(2.0),
        lambda z, x: z.add_(1.0),
        lambda z, x: z.zero_() + 1.0,
        lambda z, x: torch.add(z.detach(), 1.0, out=z.detach()) * 0 + z,
        lambda z, x: z.view(-1).mul_(2.0).view_as(z),
        lambda z, x: z.data.fill_(1.0) * 0 + z * 1.0,
    ],
)
def test_output_overwritten_before_anyone_looks(overwrite):
    """The stage is W phi + b as the layer gave it, whatever becomes of its memory."""
    x, y = data()
    model = two_layers(lambda self, x: self.last(torch.tanh(overwrite(self.first(x), x))))
    record = agop.measure(model, batches(x, y))
    expected = [[model.first(row[None]).detach()] for row in x]
    assert_collapse(record["first"].linear, expected, y, N_CLASSES)
    assert_collapse(record["first"].input, [[row[None]] for row in x], y, N_CLASSES)


def test_inplace_residual_on_the_output_itself():
    x, y = data()

    def forward(self, x):
        h = self.first(x)
        h += x @ self.mix
        return self.last(functional.relu(h, inplace=True))

    model = two_layers(forward)
    model.register_buffer("mix", torch.ones(5, 6, dtype=torch.float64))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first}, x)["first"]
    assert_agop(record["first"].agop, expected.agop)
    assert_collapse(record["first"].linear, expected.linear, y, N_CLASSES)


def test_input_overwritten_after_the_call():
    x, y = data()

    def forward(self, x):
        h = x.clone()
        z = torch.tanh(self.first(h))
        h *= 0
        h[:] = 5.0
        return self.last(z)

    model = two_layers(forward)
    record = agop.measure(model, batches(x, y))
    assert_collapse(record["first"].input, [[row[None]] for row in x], y, N_CLASSES)


def test_output_stage_is_what_consumes_this_output():
    """None where the output is only added, reshaped or averaged."""
    x, y = data()
    model = two_layers(lambda self, x: self.last((self.first(x) + 1.0).relu()))
    record = agop.measure(model, batches(x, y))
    assert record["first"].activation is None
    assert record["first"].output is None
    assert record["first"].attribution.share is None
    outputs = model.first(x).detach().numpy()
    nc1 = [oracle.nc1_trace_ratio(rows, y.numpy(), N_CLASSES) for rows in (x.numpy(), outputs)]
    assert record["first"].attribution.linear_log_fall == pytest.approx(np.log(nc1[0] / nc1[1]), rel=1e-9)


def test_layer_called_with_different_nonlinearities():
    """No crash, and never numbers of half of the uses as if they were all."""
    x, y = data()

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = self.again(h)
        return self.last(torch.tanh(self.again(h)))

    model = two_layers(forward, again=nn.Linear(6, 6))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"again": model.again}, x)["again"]
    assert_agop(record["again"].agop, expected.agop)
    assert_collapse(record["again"].linear, expected.linear, y, N_CLASSES)
    assert record["again"].output is None


def test_skip_added_in_place_or_not():
    """The same network, so the same output stage: relu does not consume W phi + b."""
    x, y = data()

    def in_place(self, x):
        h = self.first(x)
        h += x @ self.mix
        return self.last(h.relu())

    def out_of_place(self, x):
        return self.last((self.first(x) + x @ self.mix).relu())

    found = []
    for forward in (in_place, out_of_place):
        model = two_layers(forward)
        model.register_buffer("mix", torch.ones(5, 6, dtype=torch.float64))
        found.append(agop.measure(model, batches(x, y))["first"])
    assert found[0].activation == found[1].activation
    assert found[0].output == found[1].output
