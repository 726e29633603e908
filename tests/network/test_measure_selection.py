"""Layers chosen by name, glob and type."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import agop
from agop.errors import InputError
from network.models import N_CLASSES, ResNet, batches, data, mlp, seeded
from oracles.network import assert_agop


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("block.conv1", {"block.conv1"}),
        ("block.*", {"block.conv1", "block.conv2"}),
        ("*conv[12]", {"block.conv1", "block.conv2"}),
        (["stem", "fc"], {"stem", "fc"}),
        (nn.Linear, {"fc"}),
        (nn.Conv2d, {"stem", "block.conv1", "block.conv2"}),
        ((nn.Linear, "stem"), {"stem", "fc"}),
        (None, {"stem", "block.conv1", "block.conv2", "fc"}),
        ("*", {"stem", "block.conv1", "block.conv2", "fc"}),
        (nn.Module, {"stem", "block.conv1", "block.conv2", "fc"}),
    ],
)
def test_selection(layers, expected):
    x, y = data(9, (2, 6, 6))
    model = seeded(ResNet)
    whole = agop.measure(model, batches(x, y))
    record = agop.measure(model, batches(x, y), layers=layers)
    assert set(record) == expected
    for name in expected:
        assert_agop(record[name].agop, whole[name].agop)
        assert record[name].activation == whole[name].activation
        assert record[name].linear == whole[name].linear


def test_selection_of_what_is_never_called():
    """A name that exists, of a layer that this forward does not use."""
    x, y = data()
    model = seeded(mlp)
    model.spare = nn.Linear(5, 5).double()
    model.forward = lambda x: nn.Sequential.forward(model[:5], x)
    with pytest.raises(InputError, match="call"):
        agop.measure(model, batches(x, y), layers="spare")
    with pytest.raises(InputError, match="0, 2, 4"):
        agop.measure(model, batches(x, y), layers="fc1")
    with pytest.raises(InputError, match="missing"):
        agop.measure(model, batches(x, y), layers=["0", "missing*"])
    assert list(agop.measure(model, batches(x, y))) == ["0", "2", "4"]


def test_selection_by_the_names_of_a_record():
    x, y = data(9, (4, 6))

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
            self.last = nn.Linear(6, N_CLASSES)

        def forward(self, x):
            return self.last(self.attention(x[:, :1], x, x)[0][:, 0])

    model = seeded(Attention)
    names = list(agop.measure(model, batches(x, y)))
    assert list(agop.measure(model, batches(x, y), layers=names)) == names


def test_selection_of_a_model_that_is_one_layer():
    x, y = data()
    model = nn.Linear(5, N_CLASSES).double()
    for choice in (nn.Linear, next(iter(agop.measure(model, [(x, y)])))):
        assert len(agop.measure(model, [(x, y)], layers=choice)) == 1


def test_selection_of_a_tied_layer_by_its_second_name_or_type():
    """A head that shares its weight with the embedding is found by "head" and nn.Linear; no note calls it absent."""
    ids, y = torch.arange(36).reshape(9, 4) % 11, torch.arange(9) % N_CLASSES

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(11, 6)
            self.hidden = nn.Linear(6, 6)
            self.head = nn.Linear(6, 11, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, ids):
            return self.head(torch.tanh(self.hidden(self.embedding(ids))).mean(1))[:, :N_CLASSES]

    model = seeded(Tied)
    record = agop.measure(model, [(ids, y)])
    assert len(record) == 2
    assert not any("was seen" in note for note in record.notes)
    assert len(agop.measure(model, [(ids, y)], layers="head")) == 1
    assert len(agop.measure(model, [(ids, y)], layers=nn.Linear)) == 2
