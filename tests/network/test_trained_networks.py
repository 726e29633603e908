"""Trained networks on real data: the weight, and with it the AGOP, does most of the collapse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import agop


@pytest.fixture(scope="module")
def trained():
    """Perceptron without biases, small initial weights, squared loss on +1 and -1, 500 digits."""
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor((images[:500] - images[:500].mean(0)) / 6, dtype=torch.float32)
    y = torch.tensor(labels[:500])
    torch.manual_seed(0)
    widths = [64, 128, 128, 128, 128]
    hidden = [nn.Sequential(nn.Linear(a, b, bias=False), nn.ReLU()) for a, b in itertools.pairwise(widths)]
    for block in hidden:
        nn.init.xavier_uniform_(block[0].weight, gain=0.4)
    model = nn.Sequential(*hidden, nn.Linear(128, 10, bias=False))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    targets = 2 * functional.one_hot(y).float() - 1
    for _ in range(120):
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            functional.mse_loss(model(x[rows]), targets[rows]).backward()
            optimizer.step()
    return agop.measure(model, DataLoader(TensorDataset(x, y), 128, shuffle=True))


@pytest.mark.slow
def test_collapse_grows_with_depth(trained):
    nc1 = [layer.input.nc1_trace_ratio for layer in trained.values()]
    assert trained.accuracy == 1
    assert nc1[-1] < 0.02 * nc1[0]
    assert trained["4"].input.nc4_agreement > 0.99


@pytest.mark.slow
def test_the_weight_does_most_of_it(trained):
    shares = [trained[name].attribution.share for name in ("0.0", "1.0", "2.0")]
    assert min(shares) > 0.5
    assert np.mean(shares) > 0.7


@pytest.mark.slow
def test_the_root_of_the_agop_is_the_feature_matrix(trained):
    assert min(layer.nfa.pearson_root for layer in trained.values()) > 0.6


class Residual(nn.Module):
    """Two convolutions around a skip connection."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])

    def forward(self, x):
        h = functional.relu(self.norms[0](self.first(x)), inplace=True)
        h = self.norms[1](self.second(h))
        h += x
        return functional.relu(h, inplace=True)


@pytest.mark.slow
def test_residual_network():
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images[:200] / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(labels[:200])
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), Residual(8), Residual(8), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(32, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    record = agop.measure(model, DataLoader(TensorDataset(x, y), 64), rows="mean")
    assert list(record) == ["0", "1.first", "1.second", "2.first", "2.second", "5"]
    assert [layer.activation for layer in record.values()] == [None, "relu", None, "relu", None, None]
    assert all(layer.nfa is not None and layer.agop_stage is not None for layer in record.values())
    assert record["5"].linear.nc1_trace_ratio < record["0"].input.nc1_trace_ratio
