"""A device is waited for at most twice a batch, however many layers there are, and no shape depends on the data.

Counted on the CPU: what would wait on a device is an operation that hands a number to Python, or whose result has as
many entries as the data say.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import agop
from agop.network.losses import LOSSES
from network.models import ResNet, batches, data, mlp, seeded
from network.test_measure_padding import Encoder, loader, sentences

WAITS = ("_local_scalar_dense", "equal", "is_nonzero")
SHAPES = ("nonzero", "masked_select", "unique", "unique2", "bincount", "repeat_interleave")
TO_HOST = (torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.cpu, torch.Tensor.__array__)


class Counted(TorchDispatchMode):
    """Counts of operations by what they mean for a device."""

    def __init__(self):
        super().__init__()
        self.operations = self.waits = self.shapes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix("aten::")
        self.operations += 1
        self.waits += name in WAITS
        self.shapes += name in SHAPES and "self_int" not in str(func)
        if name in ("index", "index_put", "index_put_"):
            self.shapes += any(index is not None and index.dtype == torch.bool for index in args[1])
        return func(*args, **(kwargs or {}))


class ToHost(TorchFunctionMode):
    """Counts the times that a tensor is handed to the host."""

    count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += func in TO_HOST
        return func(*args, **(kwargs or {}))


class Noting(list):
    """Batches that note what was counted whenever the next one is asked for."""

    def __init__(self, loaded, counted, host):
        super().__init__(loaded)
        self.counted, self.host, self.noted = counted, host, []

    def __iter__(self):
        passed = []
        self.noted.append(passed)
        for batch in super().__iter__():
            passed.append((self.counted.operations, self.counted.waits, self.counted.shapes, self.host.count))
            yield batch


def by_batch(model, loaded, **options):
    """Counts (batches of both passes, 4) of operations, waits, shapes and copies to the host, for all but the first.

    On the first batch of a size outputs are found to depend on their own sample alone, which is waited for.
    """
    with Counted() as counted, ToHost() as host:
        loader = Noting(loaded, counted, host)
        agop.measure(model, loader, **options)
    assert len(loader.noted) == 2
    return torch.cat([torch.tensor(passed)[1:].diff(dim=0) for passed in loader.noted])


def cases():
    x, y = data(48)
    images, labels = data(48, (2, 6, 6))
    tokens = loader(*sentences())
    return {
        "perceptron": (seeded(mlp), batches(x, y, (8,)), {}),
        "deep perceptron": (seeded(mlp, widths=(5, *[7] * 12, 3)), batches(x, y, (8,)), {}),
        "residual network": (seeded(ResNet), batches(images, labels, (8,)), {}),
        "random directions": (seeded(mlp), batches(x, y, (8,)), {"outputs": agop.Rademacher(3)}),
        "samples left out": (seeded(mlp), batches(x, torch.where(y == 2, -100, y), (8,)), {}),
        "rare classes left out": (seeded(mlp), batches(x, y, (8,)), {"min_count": 3}),
        "loss of scores": (seeded(mlp), batches(x, y, (8,)), {"loss": nn.functional.cross_entropy}),
        "squared loss": (seeded(mlp), batches(x, torch.where(y == 2, -100, y), (8,)), {"loss": LOSSES["squared"]}),
        "padded tokens": (seeded(Encoder), tokens * 4, {"outputs": agop.Rademacher(2)}),
    }


@pytest.mark.parametrize("case", cases())
def test_no_more_than_two_waits_a_batch(case):
    model, loaded, options = cases()[case]
    operations, waits, shapes, to_host = by_batch(model, loaded, **options).mT
    assert operations.min() > 20
    assert shapes.max() == 0
    assert (waits + to_host).max() <= 2


def test_waits_are_seen():
    """The counters see what they are for."""
    values = torch.arange(5.0)
    with Counted() as counted, ToHost() as host:
        assert values.sum() > 3
        values[values > 2].numpy()
        nn.functional.one_hot(torch.arange(3))
        values.nonzero()
    assert counted.waits >= 1
    assert counted.shapes == 2
    assert host.count == 1
