"""What becomes of a layer's outputs: nonlinearities, gated units, and products that are neither."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from agop.network.capture.calls import Capture
from agop.network.capture.weights import Weights
from network.models import N_CLASSES, Function, batches, data, seeded
from oracles.network import apply_to_rows, assert_agop, assert_collapse, observe

WIDTH, INNER = 5, 4


def calls_of(model, x):
    """{name: (activation, values of the output stage)} of every call."""
    with torch.no_grad(), Capture(Weights(model)) as capture:
        model(x)
    return {
        call.name: (call.activation, None if call.activated is None else capture.values(call.activated))
        for call in capture.calls
    }


def gated(forward, fused=False, **layers):
    """down(forward(model, x)) with either ``gate`` and ``up`` or ``both`` of twice the width."""
    own = {"both": nn.Linear(WIDTH, 2 * INNER)} if fused else {n: nn.Linear(WIDTH, INNER) for n in ("gate", "up")}
    return seeded(
        lambda: Function(lambda self, x: self.down(forward(self, x)), **own, **layers, down=nn.Linear(INNER, N_CLASSES))
    )


def product(function):
    """Function of (model, x) from one of the outputs of gate and up."""
    return lambda self, x: function(self.gate(x), self.up(x))


def in_place(gate, up):
    functional.silu(gate, inplace=True)
    gate *= up
    return gate


def overwritten_later(gate, up):
    out = functional.silu(gate) * up
    kept = out.clone()
    out.zero_()
    return kept


TWO_LAYERS = {
    "silu gate": [
        product(lambda g, u: functional.silu(g) * u),
        product(lambda g, u: u * functional.silu(g)),
        product(lambda g, u: torch.mul(functional.silu(g), u)),
        product(lambda g, u: torch.mul(input=functional.silu(g), other=u)),
        product(lambda g, u: functional.silu(g).mul(u)),
        product(lambda g, u: functional.silu(g).mul_(u)),
        product(lambda g, u: torch.multiply(functional.silu(g), other=u)),
        product(lambda g, u: functional.dropout(functional.silu(g), 0.5, training=False) * u.contiguous()),
        product(in_place),
        product(overwritten_later),
    ],
    "gelu gate": [product(lambda g, u: functional.gelu(g) * u)],
    "tanh sigmoid gate": [product(lambda g, u: torch.tanh(g) * torch.sigmoid(u))],
}


@pytest.mark.parametrize(("name", "forward"), [(name, f) for name, many in TWO_LAYERS.items() for f in many])
def test_gate_of_two_layers(name, forward):
    x, _ = data()
    model = gated(forward)
    found = calls_of(model, x)
    expected = forward(model, x).detach()
    for layer in ("gate", "up"):
        activation, values = found[layer]
        assert activation == name
        torch.testing.assert_close(values, expected)
    assert found["down"] == (None, None)


FUSED = {
    "silu gate": [
        lambda a, b: functional.silu(a) * b,
        lambda a, b: a * functional.silu(b),
        lambda a, b: functional.silu(a).mul_(b),
    ],
    "gelu gate": [lambda a, b: functional.gelu(a) * b],
}
SPLITS = {
    "chunk": lambda h: h.chunk(2, -1),
    "torch.chunk": lambda h: torch.chunk(h, 2, dim=-1),
    "split": lambda h: h.split(INNER, -1),
    "tensor_split": lambda h: torch.tensor_split(h, 2, -1),
    "slices": lambda h: (h[..., :INNER], h[..., INNER:]),
    "slices, the second first": lambda h: (h[..., INNER:], h[..., :INNER]),
    "every second": lambda h: (h[..., ::2], h[..., 1::2]),
    "narrow": lambda h: (h.narrow(-1, 0, INNER), h.narrow(-1, INNER, INNER)),
}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("name", "function"), [(name, f) for name, many in FUSED.items() for f in many])
def test_gate_of_one_layer(name, function, split):
    x, _ = data()
    model = gated(lambda self, x: function(*SPLITS[split](self.both(x))), fused=True)
    activation, values = calls_of(model, x)["both"]
    assert activation == name
    torch.testing.assert_close(values, function(*SPLITS[split](model.both(x))).detach())


@pytest.mark.parametrize("glu", [functional.glu, nn.GLU(), lambda h: functional.glu(input=h, dim=1)])
def test_gated_linear_unit(glu):
    x, _ = data()
    model = gated(lambda self, x: glu(self.both(x)), fused=True)
    activation, values = calls_of(model, x)["both"]
    assert activation == "sigmoid gate"
    a, b = model.both(x).detach().chunk(2, -1)
    torch.testing.assert_close(values, a * torch.sigmoid(b))


def test_gate_over_the_channels_of_a_convolution():
    x, _ = data(5, (2, 7))
    for forward in (
        lambda h: functional.glu(h, 1),
        lambda h: h[:, :3] * torch.sigmoid(h[:, 3:]),
    ):
        model = seeded(
            lambda forward=forward: Function(
                lambda self, x: self.last(forward(self.conv(x)).mean(-1)),
                conv=nn.Conv1d(2, 6, 3),
                last=nn.Linear(3, N_CLASSES),
            )
        )
        activation, values = calls_of(model, x)["conv"]
        assert activation == "sigmoid gate"
        torch.testing.assert_close(values, forward(model.conv(x)).detach())


WRITTEN_OUT = {
    "silu": (lambda h: h * torch.sigmoid(h), "sigmoid gate", functional.silu),
    "quick gelu": (lambda h: h * torch.sigmoid(1.702 * h), "sigmoid gate", lambda h: h * torch.sigmoid(1.702 * h)),
    "gelu": (lambda h: h * 0.5 * (1 + torch.erf(h / 2**0.5)), "erf gate", functional.gelu),
    "gelu by tanh": (
        lambda h: 0.5 * h * (1.0 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * torch.pow(h, 3.0)))),
        "tanh gate",
        lambda h: functional.gelu(h, approximate="tanh"),
    ),
}


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_nonlinearity_that_is_written_out(case):
    x, _ = data()
    function, name, expected = WRITTEN_OUT[case]
    model = gated(lambda self, x: function(self.gate(x)))
    activation, values = calls_of(model, x)["gate"]
    assert activation == name
    torch.testing.assert_close(values, expected(model.gate(x)).detach())


@pytest.mark.parametrize(
    "reshape", [lambda h: h.view(4, 3, -1), lambda h: h.unflatten(0, (4, 3)), lambda h: h.reshape(12, 1, -1)]
)
@pytest.mark.parametrize("fused", [False, True])
def test_rows_that_are_arranged_otherwise(reshape, fused):
    """Samples and tokens apart after the layer: the output stage has the rows as the layer has them."""
    x, _ = data(12)

    def forward(self, x):
        if fused:
            a, b = reshape(self.both(x)).chunk(2, -1)
            return functional.silu(a) * b
        return torch.tanh(reshape(self.gate(x)))

    model = gated(forward, fused)
    activation, values = calls_of(model, x)["both" if fused else "gate"]
    assert activation == ("silu gate" if fused else "tanh")
    torch.testing.assert_close(values, forward(model, x).detach().flatten(0, 1))


def squeeze_and_excitation(self, x):
    h = torch.relu(self.gate(x))
    return h * torch.sigmoid(self.excite(torch.relu(self.squeeze(h))))


NO_GATES = {
    "number": lambda self, x: 0.5 * torch.relu(self.gate(x)),
    "number in place": lambda self, x: torch.relu(self.gate(x)).mul_(0.5),
    "mask": lambda self, x: torch.relu(self.gate(x)) * (x[:, :INNER] > 0),
    "mask of the layer": lambda self, x: (h := self.gate(x)).relu() * (h > -1),
    "scale": lambda self, x: torch.relu(self.gate(x)) * self.scale,
    "scale of one sample": lambda self, x: torch.relu(self.gate(x)) * self.up(x[:1]),
    "square": lambda self, x: (h := torch.relu(self.gate(x))) * h,
    "another input": lambda self, x: torch.relu(self.gate(x)) * self.up(x + 1),
    "input that was overwritten": lambda self, x: torch.relu(self.gate(y := x.clone())) * self.up(y.add_(1)),
    "gate that was shifted": lambda self, x: torch.relu(self.gate(x)) * self.up(x).add_(1),
    "gate that was scaled": lambda self, x: torch.relu(self.gate(x)) * (2 * self.up(x)),
    "gate that was overwritten": lambda self, x: torch.relu(self.gate(x)) * self.up(x).add_(x[:, :INNER]),
    "squeeze and excitation": squeeze_and_excitation,
}


@pytest.mark.parametrize("case", NO_GATES)
def test_product_that_is_no_gate(case):
    x, _ = data()
    model = gated(NO_GATES[case], squeeze=nn.Linear(INNER, 2), excite=nn.Linear(2, INNER))
    model.scale = nn.Parameter(torch.rand(INNER).double())
    found = calls_of(model, x)
    activation, values = found["gate"]
    assert activation == "relu"
    torch.testing.assert_close(values, torch.relu(model.gate(x)).detach())
    assert found.get("up", (None, None)) == (None, None)


NO_STAGE = {
    "product of two linear maps": product(lambda g, u: g * u),
    "as many as there are heads": lambda self, x: self.both(x).unflatten(-1, (2, INNER)).sigmoid().prod(1),
    "two of four parts": lambda self, x: ((p := self.both(x).split(2, -1))[0].sigmoid() * p[1]).tile(2),
    "sum with an input": lambda self, x: (self.both(x)[:, :INNER] + x[:, :INNER]).relu(),
    "a number and nothing else": lambda self, x: (0.5 * self.both(x) ** 2)[:, :INNER],
    "features among the rows": lambda self, x: self.both(x).view(24, INNER).relu()[:12],
    "shifted": lambda self, x: (self.both(x) + 1.0).relu()[:, :INNER],
    "scaled in place": lambda self, x: self.both(x).mul_(2).tanh()[:, :INNER],
    "a half that was shifted": lambda self, x: (p := self.both(x).chunk(2, -1))[0].sigmoid() * (p[1] + 1),
    "one half alone": lambda self, x: self.both(x).chunk(2, -1)[0].relu(),
    "a half with itself": lambda self, x: (a := self.both(x).chunk(2, -1)[0]) * a.sigmoid(),
    "along the samples": lambda self, x: functional.glu(self.both(x), 0)[:, :INNER],
    "halves of other samples": lambda self, x: self.both(x)[:6, :INNER].relu() * self.both(x)[6:12, INNER:],
}


@pytest.mark.parametrize("case", NO_STAGE)
def test_features_that_no_gate_takes_whole(case):
    x, _ = data(12)
    model = gated(NO_STAGE[case], fused=case != "product of two linear maps")
    assert {stage for name, stage in calls_of(model, x).items() if name != "down"} == {(None, None)}


@pytest.mark.parametrize("fused", [False, True])
def test_measured_gate(fused):
    """All stages, over tokens, against the oracle: the output stage is the product."""
    x, y = data(13, (3, WIDTH))
    forward = (
        (lambda self, x: (p := self.both(x).chunk(2, -1))[1] * functional.silu(p[0]))
        if fused
        else product(lambda g, u: functional.silu(g) * u)
    )
    model = gated(lambda self, x: forward(self, x).mean(1), fused)
    names = ["both"] if fused else ["gate", "up"]
    record = agop.measure(model, batches(x, y))
    expected = observe(model, {name: model.get_submodule(name) for name in names}, [row[None] for row in x])
    after = apply_to_rows([[row] for row in x], lambda rows: forward(model, rows).detach())
    for name in names:
        assert record[name].activation == "silu gate"
        assert_agop(record[name].agop, expected[name].agop)
        assert_collapse(record[name].linear, expected[name].linear, y, N_CLASSES)
        assert_collapse(record[name].output, after, y, N_CLASSES)
