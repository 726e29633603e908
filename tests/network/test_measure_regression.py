"""Targets that are numbers: regression collapse at every layer, from one look at the data."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import agop
from agop.errors import InputError
from network.models import batches, mlp, seeded
from oracles import regression as oracle
from oracles.network import assert_agop, observe, root


def data(n=40, t=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 5, generator=generator, dtype=torch.float64) + 2
    return x, torch.sin(x[:, :t]) + 0.1 * torch.randn(n, t, generator=generator, dtype=torch.float64)


def assert_regression(found, features, targets, weight=None, rel=1e-9):
    x, y, n = features.numpy(), targets.numpy(), targets.shape[1]
    expected = {
        "nrc1_unexplained_variance": oracle.nrc1_unexplained_variance(x, y, n),
        "nrc2_linear_cka": oracle.nrc2_linear_cka(x, y),
        "nrc4_prediction_error": oracle.nrc4_prediction_error(x, y),
    }
    if weight is not None:
        expected["nrc3_subspace_alignment"] = oracle.nrc3_subspace_alignment(x, y, n, weight.numpy())
    assert found.values.keys() == expected.keys()
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(float(value), rel=rel, abs=1e-10), name


@pytest.mark.parametrize("t", [1, 2])
@pytest.mark.parametrize("sizes", [(40,), (7,), (1,)])
def test_every_stage_of_every_layer(t, sizes):
    x, y = data(t=t)
    model = seeded(mlp, widths=(5, 7, 6, t))
    targets = y[:, 0] if t == 1 else y
    record = agop.measure(model, batches(x, targets, sizes))
    assert (record.n_samples, record.n_classes, record.accuracy) == (40, 0, None)
    expected = observe(lambda sample: model(sample), {"0": model[0], "2": model[2]}, [x[i : i + 1] for i in range(40)])
    inputs = {"0": x, "2": model[:2](x).detach(), "4": model[:4](x).detach()}
    for name, features in inputs.items():
        layer, weight = record[name], model[int(name)].weight.detach()
        assert_regression(layer.input, features, y, weight)
        assert_regression(layer.linear, model[int(name)](features).detach(), y)
        if name in expected:
            assert_agop(layer.agop, expected[name].agop)
            assert_regression(layer.output, torch.relu(model[int(name)](features)).detach(), y)
            for power, stage in ((0.5, layer.agop_stage), (0.25, layer.stages["agop_1/4"].collapse)):
                assert_regression(stage, features @ root(layer.agop, power), y, rel=1e-6)  # roots of small eigenvalues


def test_collapsed_and_not():
    """A network that reads its target off one feature has collapsed; targets of other samples say that it has not."""
    x, _ = data(200)
    first, last = nn.Linear(5, 8).double(), nn.Linear(8, 1).double()
    with torch.no_grad():
        first.weight.copy_(torch.outer(torch.linspace(1, 2, 8), torch.tensor([1.0, 0, 0, 0, 0])).double())
    model = nn.Sequential(first, last)
    found = agop.measure(model, [(x, x[:, 0])])["1"].input
    assert found.nrc1_unexplained_variance < 1e-12
    assert found.nrc2_linear_cka == pytest.approx(1, abs=1e-12)
    assert found.nrc4_prediction_error < 1e-12
    others = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    shuffled = agop.measure(model, [(x, x[others, 0])])["1"].input
    assert shuffled.nrc2_linear_cka < 0.05
    assert shuffled.nrc4_prediction_error > 0.9


def test_rows_of_images():
    x = torch.randn(12, 2, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = x.mean((1, 2, 3))
    model = seeded(lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 1)))
    after = torch.tanh(model[0](x)).detach()
    each = agop.measure(model, [(x[:5], y[:5]), (x[5:], y[5:])])["0"]
    assert_regression(each.output, after.movedim(1, -1).reshape(-1, 3), y.repeat_interleave(16)[:, None])
    mean = agop.measure(model, [(x, y)], rows="mean")["0"]
    assert_regression(mean.output, after.mean((2, 3)), y[:, None])
    flat = agop.measure(model, [(x, y)], rows="flatten")["0"]
    assert_regression(flat.output, after.movedim(1, -1).flatten(1), y[:, None])
    assert flat.input.nrc3_subspace_alignment is None  # the weight reads one row
    patches = nn.functional.unfold(x, 3).mT
    mapped = (patches @ root(flat.agop, 0.5)).flatten(1)
    assert_regression(flat.agop_stage, mapped, y[:, None])


def test_merge_and_file(tmp_path):
    x, y = data()
    model = seeded(mlp, widths=(5, 7, 6, 2))
    whole = agop.measure(model, [(x, y)])
    merged = agop.measure(model, [(x[:25], y[:25])]).merge(agop.measure(model, [(x[25:], y[25:])]))
    for name in whole:
        for stage in ("input", "linear", "output"):
            if stage in whole[name].stages:
                found, expected = (record[name].stages[stage].collapse.as_dict() for record in (merged, whole))
                assert found.keys() == expected.keys()
                for measure, value in expected.items():
                    assert found[measure] is value or found[measure] == pytest.approx(value, rel=1e-9, abs=1e-11)
    whole.save(tmp_path / "record.safetensors")
    loaded = agop.NetworkRecord.load(tmp_path / "record.safetensors")
    assert loaded["0"].input == whole["0"].input
    assert next(iter(loaded.lines()))["nrc2_linear_cka"] == whole["0"].input.nrc2_linear_cka
    loaded.table()
    of_classes = agop.measure(model, [(x, torch.arange(40) % 2)])
    with pytest.raises(InputError, match="targets='numbers', got targets='labels'"):
        whole.merge(of_classes)


def test_what_is_not_for_a_regression():
    x, y = data()
    model = seeded(mlp, widths=(5, 7, 6, 2))
    with pytest.raises(InputError, match="NC5"):
        agop.measure(model, [(x, y)], ood_loader=[(x, y)])
    with pytest.raises(InputError, match="one kind"):
        agop.measure(model, [(x[:20], y[:20]), (x[20:], torch.arange(20) % 2)])
    bad = y.clone()
    bad[3, 1] = torch.nan
    with pytest.raises(InputError, match="finite targets"):
        agop.measure(model, [(x, bad)])
