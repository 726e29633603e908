"""Captures of models that are spread over two ranks, against those of the whole model in one process."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from agop.network.capture.weights import Weights
from network.gloo_capture import captured, compiled, measured, model, parameter_gradients, run
from network.models import mlp, seeded
from processes import start_ranks

WAYS = ["fully_shard", "DDP"]
LATER = [f"{way} after {what}" for way in WAYS for what in ("a step", "evaluation")]
NAMES = ["narrow", "first", "block.0.kernel", "block.0.fused", "last"]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two ranks found, by the way the model is spread."""
    folder = tmp_path_factory.mktemp("gloo")
    start_ranks(run, 2, folder)
    return [torch.load(folder / f"rank{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("way", [*WAYS, *LATER, "compiled DDP", "DDP of compiled"])
def test_as_in_one_process(ranks, way):
    expected = captured(model())
    assert sorted(expected["names"]) == sorted(NAMES)
    for found in (rank[way] for rank in ranks):
        assert found["names"] == expected["names"]
        torch.testing.assert_close(found["outputs"], expected["outputs"])
        assert [call["name"] for call in found["calls"]] == [call["name"] for call in expected["calls"]]
        for call, other in zip(found["calls"], expected["calls"], strict=True):
            assert call["activation"] == other["activation"]
            torch.testing.assert_close(call["outputs"], other["outputs"])
            torch.testing.assert_close(call["matrix"], other["matrix"])
            assert len(call["gradients"]) == 3
            torch.testing.assert_close(call["gradients"], other["gradients"])


@pytest.mark.parametrize("way", WAYS)
def test_measured_as_in_one_process(ranks, way):
    """Where every rank has the same batches."""
    expected = measured(model())
    for found in (rank[way]["measured"] for rank in ranks):
        assert list(found) == list(expected)
        torch.testing.assert_close(found, expected)


def test_measured_by_one_rank(ranks):
    """It waits for no other, and the training goes on."""
    first, second = (rank["one rank"] for rank in ranks)
    assert second["measured"] is None
    assert list(first["measured"]) == ["0." + name for name in measured(model())]
    torch.testing.assert_close(first["gradients"], second["gradients"])
    torch.testing.assert_close(first["gradients"][0], first["gradients"][1])


@pytest.mark.parametrize("way", LATER)
def test_training_goes_on_as_without(ranks, way):
    expected = parameter_gradients(model())
    for found in (rank[way]["gradients"] for rank in ranks):
        torch.testing.assert_close(found, expected)


def test_whole_weights_of_one_process():
    """The gates of this model are rows of one weight, and one weight stands transposed."""
    network = model()
    found = {call["name"]: call["matrix"] for call in captured(network)["calls"]}
    torch.testing.assert_close(found["block.0.kernel"], network.block[0].kernel.mT)
    torch.testing.assert_close(found["block.0.fused[4:8]"], network.block[0].fused.weight[4:])
    torch.testing.assert_close(found["first + narrow"], torch.cat([network.first.weight, network.narrow.weight]))


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, AveragedModel, compiled, lambda model: nn.DataParallel(compiled(model))]
)
def test_names_without_those_of_wrappers(wrap):
    plain = seeded(mlp)
    assert Weights(wrap(plain)).names == Weights(plain).names == ["0", "2", "4"]
    assert Weights(wrap(nn.Sequential(nn.ModuleDict({"module": nn.Linear(5, 3)})))).names == ["0.module"]
