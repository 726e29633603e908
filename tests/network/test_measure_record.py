"""What a record says: shares, classifier, ansatz, lines, table."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
import sys

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

import agop
from agop.errors import InputError, MissingExtraError
from network.models import N_CLASSES, batches, data, mlp, seeded
from oracles import collapse as oracles_collapse
from oracles.network import assert_agop, observe, root


def measured(n=40, **options):
    x, y = data(n)
    model = seeded(mlp)
    return model, x, y, agop.measure(model, batches(x, y), **options)


def features(model, x, activation=torch.relu):
    """Input, W phi + b and sigma(W phi + b) of each layer of an MLP."""
    with torch.no_grad():
        found = {}
        for name in ("0", "2", "4"):
            z = model[int(name)](x)
            found[name] = x, z, activation(z)
            x = activation(z)
        return found


def test_mapping():
    _, _, _, record = measured()
    assert list(record) == ["0", "2", "4"]
    assert len(record) == 3
    assert "2" in record
    assert "1" not in record
    assert 3 not in record
    assert [name for name, layer in record.items() if layer.name == name] == ["0", "2", "4"]
    assert record.get("0") is record["0"]
    with pytest.raises(InputError, match="0, 2, 4"):
        record["fc"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.n_samples = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        record["0"].name = "other"


def test_attribution():
    """Of a network without units that are never on, whose NC1 is 0 / 0."""
    x, y = data(40)
    model = seeded(mlp, activation=nn.Tanh)
    record = agop.measure(model, batches(x, y))
    for name, stages in features(model, x, torch.tanh).items():
        nc1 = [oracles_collapse.nc1_trace_ratio(stage.numpy(), y.numpy(), N_CLASSES) for stage in stages]
        found = record[name].attribution
        assert found.linear_log_fall == pytest.approx(math.log(nc1[0] / nc1[1]), rel=1e-9)
        if name == "4":
            assert found.output_log_fall is None
            assert found.share is None
            continue
        whole = math.log(nc1[0] / nc1[2])
        assert found.output_log_fall == pytest.approx(whole, rel=1e-9)
        if whole >= math.log(1.05):
            assert found.share == pytest.approx(math.log(nc1[0] / nc1[1]) / whole, rel=1e-9)
        else:
            assert found.share is None


@pytest.mark.parametrize("falls", [True, False])
def test_share_where_nc1_falls_and_where_it_rises(falls):
    """A first layer that keeps the class axis or loses most of it, with a known answer."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(200) % 2
    noise = torch.randn(200, 2, generator=generator, dtype=torch.float64)
    x = torch.stack([4.0 * y + 1 + 0.3 * noise[:, 0], 1 + 3 * noise[:, 1]], 1)
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2)).double()
    keep, lose = (0.1, 1.0) if falls else (1.0, 0.1)
    with torch.no_grad():
        model[0].weight.copy_(torch.diag(torch.tensor([lose, keep])))
    record = agop.measure(model, [(x, y)])
    z = x @ model[0].weight.detach().T
    nc1 = [oracles_collapse.nc1_trace_ratio(s.numpy(), y.numpy(), 2) for s in (x, z, torch.relu(z))]
    share = record["0"].attribution.share
    if falls:
        assert nc1[2] < nc1[0]
        assert share == pytest.approx(math.log(nc1[0] / nc1[1]) / math.log(nc1[0] / nc1[2]), rel=1e-9)
        assert 0 < share < 1.5
    else:
        assert nc1[1] > nc1[0]
        assert record["0"].attribution.linear_log_fall < 0
        assert nc1[2] > nc1[0]
        assert share is None


def test_classifier_at_the_last_layer_only():
    model, x, y, record = measured()
    h = features(model, x)["4"][0].numpy()
    weight, bias = model[4].weight.detach().numpy(), model[4].bias.detach().numpy()
    found = record["4"].input
    for name in ("nc3_self_duality", "nc3_etf_error", "unc3", "unc3_cosine"):
        expected = getattr(oracles_collapse, name)(h, y.numpy(), weight)
        assert getattr(found, name) == pytest.approx(expected, rel=1e-9), name
    by_class = oracles_collapse.nc3_self_duality_by_class(h, y.numpy(), weight)
    assert found.nc3_self_duality_by_class == pytest.approx(tuple(by_class), rel=1e-9)
    assert found.nc4_agreement == oracles_collapse.nc4_agreement(h, y.numpy(), weight, bias)
    for stage in (record["0"].input, record["2"].input, record["4"].linear):
        assert stage.nc3_self_duality is None


def test_bias_of_the_classifier_counts():
    """A bias that decides everything: agreement is the share of samples nearest to that class mean."""
    x, y = data(40)
    model = seeded(mlp)
    with torch.no_grad():
        model[4].bias.copy_(torch.tensor([0.0, 1e3, 0.0]))
    record = agop.measure(model, batches(x, y))
    h = features(model, x)["4"][0]
    means = torch.stack([h[y == c].mean(0) for c in range(N_CLASSES)])
    nearest = torch.cdist(h, means).argmin(1)
    assert record["4"].input.nc4_agreement == pytest.approx(float((nearest == 1).double().mean()))
    assert record.accuracy == pytest.approx(float((y == 1).double().mean()))


def test_square_hidden_layer_is_no_classifier():
    """A hidden layer with as many outputs as classes, whose outputs are not the network's."""
    x, y = data(20)
    model = seeded(mlp, widths=(5, N_CLASSES, N_CLASSES))
    record = agop.measure(model, batches(x, y))
    assert record["0"].input.nc3_self_duality is None
    hidden = torch.relu(model[0](x)).detach().numpy()
    expected = oracles_collapse.nc3_self_duality(hidden, y.numpy(), model[2].weight.detach().numpy())
    assert record["2"].input.nc3_self_duality == pytest.approx(expected, rel=1e-8)


def test_two_class_and_single_output_classifiers():
    x, y = data(20, n_classes=2)
    single = agop.measure(seeded(mlp, widths=(5, 6, 1)), [(x, y)])
    assert single["2"].input.nc1_trace_ratio > 0
    model = seeded(mlp, widths=(5, 6, 2))
    record = agop.measure(model, [(x, y)])
    with torch.no_grad():
        h = model[:2](x).numpy()
    expected = oracles_collapse.nc3_self_duality(h, y.numpy(), model[2].weight.detach().numpy())
    assert record["2"].input.nc3_self_duality == pytest.approx(expected, rel=1e-9)
    agreement = oracles_collapse.nc4_agreement(
        h, y.numpy(), model[2].weight.detach().numpy(), model[2].bias.detach().numpy()
    )
    assert record["2"].input.nc4_agreement == agreement


def test_ansatz():
    model, _, _, record = measured()
    for name in ("0", "2", "4"):
        weight = model[int(name)].weight.detach()
        nfm = (weight.T @ weight).numpy().ravel()
        for power, field in ((1.0, "pearson"), (0.5, "pearson_root")):
            other = root(record[name].agop, power).numpy().ravel()
            assert getattr(record[name].nfa, field) == pytest.approx(np.corrcoef(nfm, other)[0, 1], rel=1e-7)
        cosine = nfm @ record[name].agop.numpy().ravel()
        cosine /= np.linalg.norm(nfm) * np.linalg.norm(record[name].agop.numpy())
        assert record[name].nfa.cosine == pytest.approx(cosine, rel=1e-7)
        values = torch.linalg.eigvalsh(record[name].agop)
        effective = float(values.sum() ** 2 / values.square().sum())
        assert record[name].nfa.agop_effective_rank == pytest.approx(effective, rel=1e-7)
    # at the last layer of a network whose outputs are W phi + b, AGOP and NFM are the same matrix
    assert record["4"].nfa.pearson == pytest.approx(1, abs=1e-10)


def test_lines():
    _, _, _, record = measured()
    lines = list(record.lines())
    as_lists = [{key: list(v) if isinstance(v, tuple) else v for key, v in line.items()} for line in lines]
    assert json.loads(json.dumps(lines, allow_nan=False)) == as_lists
    stages = [(line["layer"], line["stage"]) for line in lines]
    assert len(set(stages)) == len(stages)
    assert {stage for _, stage in stages} == {"input", "linear", "output", "agop_1/2", "agop_1/4"}
    by_stage = dict(zip(stages, lines, strict=True))
    assert by_stage["2", "linear"]["nc1_trace_ratio"] == record["2"].linear.nc1_trace_ratio
    assert by_stage["2", "input"]["share"] == record["2"].attribution.share
    assert by_stage["2", "input"]["nfa_pearson"] == record["2"].nfa.pearson
    for line in lines:
        assert all(value is None or isinstance(value, (str, int, float, tuple, list)) for value in line.values())


@pytest.mark.parametrize("width", [200, 80, 40])
def test_table(width):
    _, _, _, record = measured()
    out = io.StringIO()
    Console(file=out, width=width).print(record.table())
    words = out.getvalue().split()
    assert "samples," in words
    for name in record:
        assert name in words
        layer = record[name]
        for stage in (layer.input, layer.linear, layer.output, layer.agop_stage):
            assert stage is None or f"{stage.nc1_trace_ratio:.3g}" in words
        for value in (layer.nfa.pearson, layer.nfa.pearson_root, layer.attribution.share):
            assert value is None or f"{value:.2f}" in words


def test_progress(capsys):
    x, y = data()
    model = seeded(mlp)
    agop.measure(model, batches(x, y), progress=True)
    agop.measure(model, [(x, y)])
    capsys.readouterr()
    agop.measure(model, [(x, y)])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_device_and_back():
    """The device that the model is on is the one it is brought back to."""
    x, y = data()
    model = seeded(mlp)
    record = agop.measure(model, batches(x, y), device="cpu")
    assert record["0"].agop.device.type == "cpu"
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_public_names():
    assert {"measure", "NetworkRecord", "Rademacher"} <= set(agop.__all__)


def test_agop_is_the_gradient_outer_product_at_the_input():
    """Of the first layer: the AGOP of the network as a function of its input, computed by the package's other way."""
    model, x, _, record = measured()
    assert_agop(record["0"].agop, agop.average_gradient_outer_product(model, x))
    expected = observe(lambda s: model(s), {"0": model[0]}, [x[i : i + 1] for i in range(len(x))])["0"]
    assert_agop(record["0"].agop, expected.agop)


def test_scalars_are_numbers_of_the_layers():
    _, _, _, record = measured()
    scalars = record.scalars()
    expected = {}
    for name, layer in record.items():
        for stage, part in layer.stages.items():
            expected[f"nc1_trace_ratio/{name}/{stage}"] = part.collapse.nc1_trace_ratio
            expected[f"nc2_gram_mse/{name}/{stage}"] = part.collapse.nc2_gram_mse
        expected[f"share/{name}"] = layer.attribution.share
        expected[f"nfa/{name}"] = layer.nfa.pearson_root
    assert expected["share/4"] is None  # no nonlinearity after the last layer
    assert scalars == {name: value for name, value in expected.items() if value is not None}
    assert all(type(value) is float for value in scalars.values())


class Fused(nn.Module):
    """Two uses of the rows of one weight."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(5, 8)
        self.head = nn.Linear(4, N_CLASSES)

    def forward(self, x):
        q, v = nn.functional.linear(x, self.qkv.weight[:4]), nn.functional.linear(x, self.qkv.weight[4:])
        return self.head(torch.tanh(q) * v)


def test_names_of_scalars_are_those_that_trackers_take():
    x, y = data(30)
    record = agop.measure(seeded(Fused), [(x, y)])
    assert "qkv[0:4]" in record
    scalars = record.scalars()
    assert {"nfa/qkv.0-4", "nc1_trace_ratio/qkv.4-8/agop_1/2"} <= scalars.keys()
    assert len({name.split("/")[1] for name in scalars}) == 3
    assert all(re.fullmatch(r"[-\w./ ]+", name) for name in scalars)  # what MLflow and TensorBoard both take


def test_scalars_without_a_value_are_left_out():
    x, y = data(30)
    model = seeded(mlp)
    with torch.no_grad():
        model[2].weight.zero_()
        model[2].bias.fill_(1.0)
    record = agop.measure(model, [(x, y)])  # beyond that layer all samples are one: no measure has a value
    scalars = record.scalars()
    assert "nc1_trace_ratio/0/input" in scalars
    assert not [
        name for name in scalars if name.startswith(("nc1_trace_ratio/2/linear", "nc1_trace_ratio/4", "share/2"))
    ]
    assert all(math.isfinite(value) for value in scalars.values())


def test_frame():
    pytest.importorskip("pandas")
    _, _, _, record = measured(layers=["0", "4"])
    frame = record.to_frame()
    lines = list(record.lines())
    assert len(frame) == len(lines) == sum(len(layer.stages) for layer in record.values())
    assert set(frame) == {column for line in lines for column in line}
    for row, line in zip(frame.to_dict("records"), lines, strict=True):
        for column, value in row.items():
            expected = line.get(column)
            assert value == expected or (math.isnan(value) and expected is None)
    numbers = frame.drop(columns=["layer", "stage", "activation", "nc3_self_duality_by_class"])
    assert all(kind.kind in "fi" for kind in numbers.dtypes)
    assert frame.loc[frame["stage"] == "input", "nfa_pearson_root"].tolist() == [
        record["0"].nfa.pearson_root,
        record["4"].nfa.pearson_root,
    ]


def test_frame_without_pandas(monkeypatch):
    _, _, _, record = measured(layers="0")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"expected pandas.*agop\[tables\]"):
        record.to_frame()
