"""Networks as people write them: skips, normalization, functional code, parametrised weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import agop
from network.models import N_CLASSES, Function, ResNet, batches, data, seeded
from oracles.network import assert_agop, assert_collapse, assert_layer, observe


def observed(model, layers, x):
    return observe(lambda sample: model(sample), layers, [x[i : i + 1] for i in range(len(x))])


def two_layers(function, n_hidden=6, **layers):
    return seeded(
        lambda: Function(function, first=nn.Linear(5, n_hidden), last=nn.Linear(n_hidden, N_CLASSES), **layers)
    )


def test_residual_network_with_batch_norm():
    x, y = data(9, (2, 6, 6))
    model = seeded(ResNet)
    record = agop.measure(model, batches(x, y))
    layers = {name: model.get_submodule(name) for name in ("stem", "block.conv1", "block.conv2", "fc")}
    expected = observed(model, layers, x)
    assert set(record) == set(layers)
    for name, layer in expected.items():
        assert_agop(record[name].agop, layer.agop)
        assert_collapse(record[name].input, layer.inputs, y, N_CLASSES)
        assert_collapse(record[name].linear, layer.linear, y, N_CLASSES)

    def normalized(z):
        norm = model.block.bn1
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return torch.relu((z - norm.running_mean) * scale + norm.bias).detach()

    after = [[normalized(use) for use in uses] for uses in expected["block.conv1"].linear]
    assert_collapse(record["block.conv1"].output, after, y, N_CLASSES)


@pytest.mark.parametrize(
    "way",
    [
        "matmul",
        "torch.matmul",
        "mm",
        "mm by keyword",
        "addmm",
        "addmm by keyword",
        "functional.linear",
        "keywords",
        "T of a view",
    ],
)
def test_functional_layers(way):
    x, y = data()

    def forward(self, x):
        w = self.first.weight
        z = {
            "matmul": lambda: x @ w.T,
            "torch.matmul": lambda: torch.matmul(x, w.t()),
            "mm": lambda: torch.mm(x, w.transpose(0, 1)),
            "mm by keyword": lambda: torch.mm(x, mat2=w.T),
            "addmm by keyword": lambda: torch.addmm(input=torch.zeros(6).double(), mat1=x, mat2=w.T),
            "addmm": lambda: torch.addmm(self.first.bias, x, w.T) - self.first.bias,
            "functional.linear": lambda: functional.linear(x, w),
            "keywords": lambda: functional.linear(input=x, weight=w, bias=None),
            "T of a view": lambda: x @ w.view(6, 5).mT,
        }[way]()
        return self.last(functional.relu(z))

    model = two_layers(forward)
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["first", "last"]
    bare = nn.Linear(5, 6, bias=False).double()
    bare.weight = nn.Parameter(model.first.weight.detach().clone())
    expected = observed(nn.Sequential(bare, nn.ReLU(), model.last), {"first": bare}, x)["first"]
    assert_agop(record["first"].agop, expected.agop)
    assert_collapse(record["first"].input, expected.inputs, y, N_CLASSES)
    torch.testing.assert_close(record["first"].weight.double(), model.first.weight.detach())
    if way != "addmm":
        assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.relu)


@pytest.mark.parametrize("way", ["x @ w", "parameter list"])
def test_parameters_without_a_module(way):
    """W of shape (in, out) as a bare parameter."""
    x, y = data()

    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(5, 6))
            self.head = nn.Linear(6, N_CLASSES)

        def forward(self, x):
            return self.head(torch.tanh(x @ self.kernel))

    model = seeded(Bare)
    record = agop.measure(model, batches(x, y))
    linear = nn.Linear(5, 6, bias=False).double()
    linear.weight = nn.Parameter(model.kernel.detach().T.clone())
    expected = observed(nn.Sequential(linear, nn.Tanh(), model.head), {"kernel": linear}, x)["kernel"]
    assert list(record) == ["kernel", "head"]
    assert_layer(record["kernel"], expected, y, N_CLASSES, activation=torch.tanh)
    assert tuple(record["kernel"].weight.shape) == (6, 5)


def test_normalization_between_layer_and_nonlinearity():
    x, y = data()
    model = two_layers(lambda self, x: self.last(torch.relu(self.norm(self.first(x)))), norm=nn.LayerNorm(6))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first}, x)["first"]
    after = [[torch.relu(model.norm(use)).detach() for use in uses] for uses in expected.linear]
    assert_agop(record["first"].agop, expected.agop)
    assert_collapse(record["first"].output, after, y, N_CLASSES)


def test_gradient_that_does_not_arrive():
    """A detached branch, an unused head, a frozen part under no_grad: no AGOP, but all that a forward pass gives."""
    x, y = data()

    def forward(self, x):
        with torch.no_grad():
            frozen = torch.relu(self.frozen(x))
        detached = torch.relu(self.detached(x)).detach()
        self.unused(x)
        return self.last(self.first(x) + frozen + detached)

    extra = {name: nn.Linear(5, 6) for name in ("frozen", "detached", "unused")}
    model = two_layers(forward, **extra)
    record = agop.measure(model, batches(x, y))
    assert set(record) == {"frozen", "detached", "unused", "first", "last"}
    for name in extra:
        assert record[name].agop is None
        assert record[name].agop_stage is None
        assert record[name].nfa is None
        expected = [[getattr(model, name)(row[None]).detach()] for row in x]
        assert_collapse(record[name].linear, expected, y, N_CLASSES)
    expected = observed(model, {"first": model.first}, x)["first"]
    assert_agop(record["first"].agop, expected.agop)
    assert [row[0] for row in record.table().rows] == list(record)


def test_other_weights_are_left_alone():
    """Embedding, bilinear and recurrent layers have no normal form here, and stand in nobody's way."""
    x, y = data(9, (4, 5))

    def forward(self, x):
        tokens = self.embedding((x[..., 0] > 0.3).long()) + self.norm(x)
        _, h = self.recurrent(tokens)
        return self.last(torch.tanh(self.bilinear(h[0], h[0])))

    model = seeded(
        lambda: Function(
            forward,
            embedding=nn.Embedding(2, 5),
            norm=nn.LayerNorm(5),
            recurrent=nn.GRU(5, 4, batch_first=True),
            bilinear=nn.Bilinear(4, 4, 6),
            last=nn.Linear(6, N_CLASSES),
        )
    )
    record = agop.measure(model, batches(x, y))
    assert "last" in record
    expected = observed(model, {"last": model.last}, x)["last"]
    assert_layer(record["last"], expected, y, N_CLASSES)


def test_weight_norm():
    x, y = data()
    model = seeded(
        lambda: nn.Sequential(
            parametrizations.weight_norm(nn.Linear(5, 6)),
            nn.ReLU(),
            parametrizations.weight_norm(nn.Linear(6, N_CLASSES)),
        )
    )
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "2"]
    expected = observed(model, {"0": model[0], "2": model[2]}, x)
    assert_layer(record["0"], expected["0"], y, N_CLASSES, activation=torch.relu)
    assert_layer(record["2"], expected["2"], y, N_CLASSES)
    torch.testing.assert_close(record["0"].weight.double(), model[0].weight.detach())


def test_spectral_norm_and_orthogonal():
    x, y = data()
    model = seeded(
        lambda: nn.Sequential(
            parametrizations.spectral_norm(nn.Linear(5, 5)),
            nn.Tanh(),
            parametrizations.orthogonal(nn.Linear(5, 5)),
            nn.Tanh(),
            nn.Linear(5, N_CLASSES),
        )
    )
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "2", "4"]
    expected = observed(model, {"0": model[0], "2": model[2]}, x)
    for name in expected:
        assert_layer(record[name], expected[name], y, N_CLASSES, activation=torch.tanh)


def test_module_that_is_a_single_layer():
    x, y = data()
    model = nn.Linear(5, N_CLASSES).double()
    record = agop.measure(model, batches(x, y))
    assert len(record) == 1
    assert_agop(next(iter(record.values())).agop, (model.weight.T @ model.weight).detach())


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils.*:FutureWarning")
@pytest.mark.parametrize("wrap", [nn.utils.spectral_norm, nn.utils.weight_norm])
def test_normalized_weights_of_the_older_kind(wrap):
    """A hook computes the weight from another parameter: measured, or named in the notes."""
    x, y = data()
    model = seeded(lambda: nn.Sequential(wrap(nn.Linear(5, 6)), nn.ReLU(), nn.Linear(6, N_CLASSES)))
    record = agop.measure(model, batches(x, y))
    if "0" in record:
        assert_layer(record["0"], observed(model, {"0": model[0]}, x)["0"], y, N_CLASSES, activation=torch.relu)
    else:
        assert any(note.startswith("0") for note in record.notes)


def test_weights_that_were_not_measured_are_named():
    """A transposed convolution has a weight and no normal form here."""
    x, y = data(9, (2, 3, 3))
    model = seeded(
        lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(48, N_CLASSES))
    )
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["3"]
    assert any(note.startswith("0") for note in record.notes)
