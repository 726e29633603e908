"""What several layers read, measured as the one layer that they are together."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from network.models import N_CLASSES, Function, batches, data, seeded
from oracles.network import assert_agop, assert_collapse, observe

WIDTH = 6


class Attention(nn.Module):
    """Queries, keys and values by three layers, of which keys may be overwritten."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(WIDTH, width) for width in (4, 4, 5))

    def forward(self, x):
        q, k, v = self.q(x), self.k(x).mul_(0.5), self.v(x)
        return (q @ k.mT).softmax(-1) @ v


class Packed(nn.Module):
    """The same by one layer."""

    def __init__(self, attention):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 13).double()
        for name in ("weight", "bias"):
            parts = [getattr(layer, name).detach() for layer in (attention.q, attention.k, attention.v)]
            setattr(self.qkv, name, nn.Parameter(torch.cat(parts)))

    def forward(self, x):
        q, k, v = self.qkv(x).split([4, 4, 5], -1)
        return (q @ (0.5 * k).mT).softmax(-1) @ v


def attentive():
    return seeded(
        lambda: Function(
            lambda self, x: self.last(self.block(x).mean(1)), block=Attention(), last=nn.Linear(5, N_CLASSES)
        )
    )


def numbers(layer):
    """All numbers of a layer, stage by stage."""
    return [{name: n for name, n in line.items() if isinstance(n, float)} for line in layer.lines()]


@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
@pytest.mark.parametrize("outputs", ["exact", agop.Rademacher(3, seed=0)])
def test_as_one_packed_projection(rows, outputs):
    """All numbers are those of the same network with one projection, exact ones those of the oracle."""
    x, y = data(13, (4, WIDTH))
    model = attentive()
    packed = Function(lambda self, x: self.last(self.block(x).mean(1)), block=Packed(model.block), last=model.last)
    record = agop.measure(model, batches(x, y), rows=rows, outputs=outputs, common_inputs=True)
    assert list(record) == ["block", "block.q", "block.k", "block.v", "last"]
    expected = agop.measure(packed, batches(x, y), rows=rows, outputs=outputs)["block.qkv"]
    torch.testing.assert_close(record["block"].weight, expected.weight)
    torch.testing.assert_close(record["block"].agop, expected.agop)
    for found, other in zip(*map(numbers, (record["block"], expected)), strict=True):
        assert len(other) > 5
        best = [values.pop("nfa_best_power", 0.0) for values in (found, other)]  # half the digits
        assert best[0] == pytest.approx(best[1], abs=1e-6)
        assert found == pytest.approx(other, rel=1e-7)
    if outputs == "exact":
        observed = observe(packed, {"qkv": packed.block.qkv}, [row[None] for row in x])["qkv"]
        assert_agop(record["block"].agop, observed.agop)
        assert_collapse(record["block"].linear, observed.linear, y, N_CLASSES, rows)


def test_the_layers_themselves_stay_as_they_are():
    x, y = data(13, (4, WIDTH))
    without, found = (agop.measure(attentive(), batches(x, y), common_inputs=way) for way in (False, True))
    assert set(found) - set(without) == {"block"}
    for name in without:
        torch.testing.assert_close(found[name].agop, without[name].agop)


@pytest.mark.parametrize("in_place", [False, True])
def test_gate_has_its_product(in_place):
    """Two layers of a gated unit are together a fused one, whose output stage is the product."""
    x, y = data()

    def forward(self, x):
        gate = functional.silu(self.block["gate"](x), inplace=in_place)
        return self.last(gate * self.block["up"](x))

    parts = {name: nn.Linear(5, 4) for name in ("gate", "up")}
    model = seeded(lambda: Function(forward, block=nn.ModuleDict(parts), last=nn.Linear(4, N_CLASSES)))
    found = agop.measure(model, batches(x, y), common_inputs=True)["block"]
    gate, up = model.block["gate"], model.block["up"]
    assert found.activation == "silu gate"
    after = [[(functional.silu(gate(row[None])) * up(row[None])).detach()] for row in x]
    assert_collapse(found.output, after, y, N_CLASSES)


def test_member_that_no_gradient_reaches():
    """It adds nothing; what the others send is all."""
    x, y = data()
    model = seeded(
        lambda: Function(
            lambda self, x: self.last(torch.tanh(self.a["first"](x)) + self.a["second"](x).detach()),
            a=nn.ModuleDict({name: nn.Linear(5, 4) for name in ("first", "second")}),
            last=nn.Linear(4, N_CLASSES),
        )
    )
    record = agop.measure(model, batches(x, y), common_inputs=True)
    assert record["a.second"].agop is None
    torch.testing.assert_close(record["a"].agop, record["a.first"].agop)


def test_convolutions_have_patches_of_their_own():
    x, y = data(9, (2, 4, 4))
    parts = {"small": nn.Conv2d(2, 3, 1), "large": nn.Conv2d(2, 3, 3, padding=1)}
    model = seeded(
        lambda: Function(
            lambda self, x: self.last((self.a["small"](x) + self.a["large"](x)).mean((2, 3))),
            a=nn.ModuleDict(parts),
            last=nn.Linear(3, N_CLASSES),
        )
    )
    assert list(agop.measure(model, batches(x, y), common_inputs=True)) == ["a.small", "a.large", "last"]
