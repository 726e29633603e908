"""Layers of every type: AGOP against jacrev, and every stage's numbers against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from network.models import N_CLASSES, Convolutional, Function, batches, data, mlp, seeded
from oracles.network import assert_agop, assert_collapse, assert_layer, features, observe, root


def observed(model, layers, x):
    return observe(lambda sample: model(sample), layers, [x[i : i + 1] for i in range(len(x))])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("activation", "function", "name"),
    [
        (nn.ReLU, torch.relu, "relu"),
        (lambda: nn.ReLU(inplace=True), torch.relu, "relu"),
        (nn.Tanh, torch.tanh, "tanh"),
        (lambda: nn.LeakyReLU(0.3, inplace=True), lambda z: functional.leaky_relu(z, 0.3), "leaky_relu"),
        (lambda: nn.ELU(0.7, inplace=True), lambda z: functional.elu(z, 0.7), "elu"),
        (lambda: nn.ReLU6(inplace=True), functional.relu6, None),
        (lambda: nn.SiLU(inplace=True), functional.silu, "silu"),
        (nn.GELU, functional.gelu, "gelu"),
    ],
)
def test_mlp(bias, activation, function, name):
    x, y = data()
    model = seeded(mlp, bias, activation)
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"0": model[0], "2": model[2], "4": model[4]}, x)
    assert list(record) == ["0", "2", "4"]
    for layer in ("0", "2"):
        assert_layer(record[layer], expected[layer], y, N_CLASSES, activation=function)
        assert record[layer].activation is not None
        if name is not None:
            assert record[layer].activation == name
    assert_layer(record["4"], expected["4"], y, N_CLASSES)
    assert record.n_samples == len(y)
    assert record.n_classes == N_CLASSES
    assert record.accuracy == pytest.approx(float((model(x).argmax(1) == y).double().mean()))


@pytest.mark.parametrize("scale", [1e-28, 1.0, 1e22])
@pytest.mark.parametrize("outputs", ["exact", agop.Rademacher(3)])
def test_vanishing_and_exploding_gradients(scale, outputs):
    """Their squares are out of the range of float32, in which the network computes."""
    x, y = data(20)
    model = seeded(mlp)
    with torch.no_grad():
        model[4].weight.mul_(scale)
        model[4].bias.mul_(scale)
    single = seeded(mlp).float()
    single.load_state_dict(model.state_dict())
    found = agop.measure(single, [(x.float(), y)], outputs=outputs)
    expected = agop.measure(model, [(x, y)], outputs=outputs)
    for name in ("0", "2"):
        assert_agop(found[name].agop, expected[name].agop, rel=1e-5)


def test_known_by_hand():
    """f = 2 a b for the second layer's input a: gradients are constant, so everything is known."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
        model[1].weight.copy_(torch.tensor([[3.0, -1.0]]))
    x = torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0], [7.0, 5.0]], dtype=torch.float64)
    record = agop.measure(model, [(x, torch.tensor([0, 0, 1, 1]))])
    last = torch.tensor([[9.0, -3.0], [-3.0, 1.0]], dtype=torch.float64)
    first = torch.tensor([[9.0, 15.0], [15.0, 25.0]], dtype=torch.float64)
    assert_agop(record["1"].agop, last)
    assert_agop(record["0"].agop, first)
    # class means (1, 1) and (6, 5), centered (2.5, 2) and its negative; all scatter is 1 along the first axis
    assert record["0"].input.nc1_trace_ratio == pytest.approx(1 / 10.25, rel=1e-12)
    assert record["0"].feature_norm == pytest.approx(np.sqrt((1 + 5 + 50 + 74) / 4), rel=1e-12)
    torch.testing.assert_close(record["0"].weight.double(), model[0].weight.detach())


CONVOLUTIONS = {
    "1d": (lambda: nn.Conv1d(2, 3, 3), (7,)),
    "1d-kernel-1": (lambda: nn.Conv1d(2, 3, 1), (4,)),
    "1d-stride-dilation": (lambda: nn.Conv1d(2, 4, 2, stride=2, dilation=3, padding=2, bias=False), (8,)),
    "2d": (lambda: nn.Conv2d(2, 3, 3), (5, 4)),
    "2d-padding": (lambda: nn.Conv2d(2, 3, (3, 2), padding=(2, 1)), (4, 5)),
    "2d-all": (lambda: nn.Conv2d(2, 3, (2, 3), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), (6, 5)),
    "2d-same": (lambda: nn.Conv2d(2, 3, 3, padding="same"), (4, 3)),
    "2d-same-even": (lambda: nn.Conv2d(2, 3, (2, 4), padding="same", dilation=(1, 1)), (4, 5)),
    "2d-valid": (lambda: nn.Conv2d(2, 3, 2, padding="valid"), (4, 3)),
    "2d-circular": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (4, 4)),
    "2d-reflect-same": (lambda: nn.Conv2d(2, 3, 3, padding="same", padding_mode="reflect"), (4, 4)),
    "2d-groups": (lambda: nn.Conv2d(4, 6, 2, groups=2), (3, 4)),
    "2d-groups-few-outputs": (lambda: nn.Conv2d(6, 2, 2, groups=2, stride=2), (4, 4)),
    "2d-depthwise": (lambda: nn.Conv2d(3, 3, 3, groups=3, padding=1), (3, 3)),
    "2d-depthwise-multiplier": (lambda: nn.Conv2d(3, 6, 2, groups=3), (3, 3)),
    "3d": (lambda: nn.Conv3d(2, 2, (1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1)), (2, 3, 3)),
    "3d-groups": (lambda: nn.Conv3d(2, 4, 2, groups=2, dilation=(1, 2, 1)), (2, 3, 3)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(
    ("case", "rows"),
    [(case, "each") for case in CONVOLUTIONS]
    + [(case, rows) for case in ("1d", "2d-all", "2d-groups", "3d") for rows in ("mean", "flatten")],
)
def test_convolution(case, rows):
    build, size = CONVOLUTIONS[case]
    channels = build().in_channels
    x, y = data(8, (channels, *size))
    model = seeded(lambda: Convolutional(build(), size))
    record = agop.measure(model, batches(x, y, (3,)), rows=rows)
    expected = observed(model, {"conv": model.conv, "head": model.head}, x)
    assert list(record) == ["conv", "head"]
    assert_agop(record["conv"].agop, expected["conv"].agop)
    assert_agop(record["head"].agop, expected["head"].agop)
    assert_collapse(record["conv"].input, expected["conv"].inputs, y, N_CLASSES, rows)
    assert_collapse(record["conv"].linear, expected["conv"].linear, y, N_CLASSES, rows)
    after = [[torch.tanh(use) for use in uses] for uses in expected["conv"].linear]
    assert_collapse(record["conv"].output, after, y, N_CLASSES, rows)
    after = [[use @ root(expected["conv"].agop, 0.5) for use in uses] for uses in expected["conv"].inputs]
    assert_collapse(record["conv"].agop_stage, after, y, N_CLASSES, rows, rel=1e-6)
    if rows == "each":
        assert record["conv"].rows == expected["conv"].inputs[0][0].shape[0]
    assert record["head"].rows == 1
    assert tuple(record["conv"].weight.shape) == (model.conv.out_channels, expected["conv"].inputs[0][0].shape[1])


def test_fourth_root_stage():
    x, y = data()
    model = seeded(mlp)
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"2": model[2]}, x)["2"]
    after = [[use @ root(expected.agop, 0.25) for use in uses] for uses in expected.inputs]
    assert_collapse(record["2"].stages["agop_1/4"].collapse, after, y, N_CLASSES, rel=1e-6)


@pytest.mark.parametrize("layout", ["channels_last", "expanded", "strided"])
def test_convolution_reads_any_memory_layout(layout):
    x, y = data(8, (2, 4, 4))
    model = seeded(lambda: Convolutional(nn.Conv2d(2, 3, 3, padding=1), (4, 4)))
    if layout == "channels_last":
        images = x.contiguous(memory_format=torch.channels_last)
    elif layout == "expanded":
        x = x[:, :1].expand(-1, 2, -1, -1)
        images = x
    else:
        images = x.transpose(2, 3).contiguous().transpose(2, 3)
    record = agop.measure(model, [(images, y)])
    expected = observed(model, {"conv": model.conv}, x)["conv"]
    assert_agop(record["conv"].agop, expected.agop)
    assert_collapse(record["conv"].input, expected.inputs, y, N_CLASSES)


def test_convolution_of_frames_of_a_sample():
    """Video: (B, T, C, H, W) folded into (B T, C, H, W) for the convolution."""
    x, y = data(6, (3, 2, 4, 4))

    def forward(self, x):
        frames = torch.relu(self.conv(x.flatten(0, 1)))
        return self.head(frames.unflatten(0, (len(x), -1)).flatten(1))

    model = seeded(lambda: Function(forward, conv=nn.Conv2d(2, 2, 3), head=nn.Linear(24, N_CLASSES)))
    record = agop.measure(model, batches(x, y))
    # the oracle reads one image a call: a use for each frame

    def one_by_one(sample):
        frames = [torch.relu(model.conv(frame[None])) for frame in sample[0]]
        return model.head(torch.cat(frames)[None].flatten(1))

    expected = observe(one_by_one, {"conv": model.conv}, [x[i : i + 1] for i in range(len(x))])["conv"]
    assert_agop(record["conv"].agop, expected.agop)
    assert_collapse(record["conv"].input, expected.inputs, y, N_CLASSES)
    assert_collapse(record["conv"].output, [[torch.relu(u) for u in uses] for uses in expected.linear], y, N_CLASSES)


@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
def test_linear_on_tokens(rows):
    x, y = data(9, (4, 5))

    def forward(self, x):
        return self.last(functional.gelu(self.first(x)).mean(1))

    model = seeded(lambda: Function(forward, first=nn.Linear(5, 6), last=nn.Linear(6, N_CLASSES)))
    record = agop.measure(model, batches(x, y, (4, 3)), rows=rows)  # a batch as large as the number of tokens
    expected = observed(model, {"first": model.first, "last": model.last}, x)
    assert_layer(record["first"], expected["first"], y, N_CLASSES, rows, activation=functional.gelu)
    assert_layer(record["last"], expected["last"], y, N_CLASSES, rows)
    if rows == "each":
        assert record["first"].rows == 4


def test_wide_and_narrow_layers():
    """More inputs than outputs, and fewer; AGOP of rank below both."""
    x, y = data(7, (20,))
    model = seeded(mlp, activation=nn.Tanh, widths=(20, 2, 30, N_CLASSES))
    record = agop.measure(model, [(x, y)])
    expected = observed(model, {"0": model[0], "2": model[2], "4": model[4]}, x)
    for name in expected:
        assert_agop(record[name].agop, expected[name].agop)
        values = torch.linalg.eigvalsh(record[name].agop)
        assert int((values > 1e-10 * values[-1]).sum()) <= 3


def test_oracle_itself():
    """AGOP of the oracle against finite differences by hand, for a layer in the middle."""
    x, _ = data(3)
    model = seeded(mlp, activation=nn.Tanh)
    agop_matrix = np.zeros((7, 7))
    for row in x:
        h = torch.tanh(model[0](row)).detach()
        step = 1e-5 * torch.eye(7, dtype=torch.float64)
        jacobian = ((model[2:](h + step) - model[2:](h - step)) / 2e-5).detach().numpy()  # (7, C)
        agop_matrix += jacobian @ jacobian.T / len(x)
    expected = observed(model, {"2": model[2]}, x)["2"]
    np.testing.assert_allclose(expected.agop, agop_matrix, rtol=1e-6, atol=1e-8)
    stacked, labels = features(expected.inputs, [0, 1, 2], "each")
    np.testing.assert_allclose(stacked, torch.tanh(model[0](x)).detach())
    assert labels.tolist() == [0, 1, 2]


def test_patch_of_every_type_of_layer():
    expected = {"2d": (2, 3, 3), "2d-padding": (2, 3, 2), "2d-all": (2, 2, 3), "2d-groups": (4, 2, 2)}
    expected |= {"2d-depthwise": (3, 3, 3), "1d": None, "3d": None}
    for case, patch in expected.items():
        build, size = CONVOLUTIONS[case]
        x, y = data(8, (build().in_channels, *size))
        record = agop.measure(seeded(lambda: Convolutional(build(), size)), [(x, y)])  # noqa: B023 - called at once
        assert (record["conv"].patch, record["head"].patch) == (patch, None), case
        if patch is not None:
            assert record["conv"].weight.shape[1] == np.prod(patch)


def test_patch_is_the_order_of_the_weight():
    """A row of the dense weight is a filter; with groups, zero at the channels of the others."""
    x, y = data(8, (4, 6, 5))
    model = seeded(lambda: Convolutional(nn.Conv2d(4, 6, (3, 2)), (6, 5)))
    layer = agop.measure(model, [(x, y)])["conv"]
    for row, weight in zip(layer.weight, model.conv.weight.detach(), strict=True):
        torch.testing.assert_close(row.reshape(layer.patch), weight, rtol=0, atol=0)
    model = seeded(lambda: Convolutional(nn.Conv2d(4, 6, (3, 2), groups=2), (6, 5)))
    layer = agop.measure(model, [(x, y)])["conv"]
    for index, (row, weight) in enumerate(zip(layer.weight, model.conv.weight.detach(), strict=True)):
        first, second = row.reshape(layer.patch).split(2)
        own, other = (first, second) if index < 3 else (second, first)
        torch.testing.assert_close(own, weight, rtol=0, atol=0)
        assert not other.any()


@pytest.mark.parametrize("groups", [1, 2])
def test_patch_is_the_order_of_the_agop(groups):
    """The output is one filter's response, weighted by position: its AGOP has that filter as the only eigenvector."""
    x, y = data(8, (4, 6, 5))
    y = y % 2
    y[:2] = torch.tensor([0, 1])

    def forward(self, x):
        response = self.conv(x)[:, 1]  # (B, 4, 4)
        ramp = torch.arange(16, dtype=x.dtype).reshape(4, 4)
        return (response * ramp).sum((1, 2))[:, None]

    model = seeded(lambda: Function(forward, conv=nn.Conv2d(4, 2, (3, 2), groups=groups)))
    layer = agop.measure(model, [(x, y)])["conv"]
    template = torch.zeros(4, 3, 2, dtype=torch.float64)
    template[4 - 4 // groups :] = model.conv.weight.detach()[1]
    assert layer.spectrum.values.shape == (1,)
    # the gradient at a position is its weight in the ramp, times the filter
    expected = float(template.square().sum()) * sum(k**2 for k in range(16))
    assert float(layer.spectrum.values[0]) == pytest.approx(expected, rel=1e-9)
    vector = layer.spectrum.vectors[:, 0].reshape(layer.patch)
    vector = vector * torch.sign((vector * template).sum())
    torch.testing.assert_close(vector, template / template.norm())
    # what the convolution reads at a position is a row of this order: its mean over samples is that of the moments
    seen = x.unfold(2, 3, 1).unfold(3, 2, 1)  # (B, channels, positions, positions, height, width)
    for label in (0, 1):
        mean = seen[y == label].mean((0, 2, 3))
        torch.testing.assert_close(layer.stages["input"].moments.means[label].reshape(layer.patch), mean)
