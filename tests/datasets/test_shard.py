"""Parts of the data: every sample in exactly one, in every process the same."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

import agop
from agop.datasets import shard_batches
from agop.errors import InputError


class Stream(IterableDataset):
    """Numbers without a length."""

    def __iter__(self):
        return iter(range(7))


class Endless:
    """Loader without a length that counts what is read."""

    def __init__(self):
        self.read = 0

    def __iter__(self):
        for k in range(5):
            self.read += 1
            yield k


@given(st.integers(0, 40), st.integers(1, 9))
def test_every_sample_is_in_one_part(n, world):
    parts = [list(agop.shard(range(100, 100 + n), rank, world)) for rank in range(world)]
    assert sorted(chain(*parts)) == list(range(100, 100 + n))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_data_sets_of_torch_in_a_loader():
    x, y = torch.arange(10.0), torch.arange(10)
    loaders = [DataLoader(agop.shard(TensorDataset(x, y), rank, 3), batch_size=2) for rank in range(3)]
    found = [torch.cat([labels for _, labels in loader]).tolist() for loader in loaders]
    assert found == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    assert [int(each) for each in agop.shard(y, 1, 3)] == [1, 4, 7]


def test_a_part_may_be_empty():
    assert len(agop.shard([1, 2], 2, 3)) == 0
    assert list(shard_batches([1, 2], 2, 3)) == []


@pytest.mark.parametrize(
    ("environment", "expected"), [({}, list(range(5))), ({"RANK": "1", "WORLD_SIZE": "2"}, [1, 3])]
)
def test_the_place_of_the_process(environment, expected, monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert list(agop.shard(range(5))) == expected
    assert list(shard_batches(range(5))) == expected


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (range(5), (3, 3), r"expected a rank in 0 \.\. 2, got 3 of 3\. Ranks count from 0"),
        (range(5), (-1, 3), r"expected a rank in 0 \.\. 2, got -1 of 3\."),
        (range(5), (0, 0), "expected world >= 1, got 0 of 0"),
        (range(5), (1, None), "expected rank and world, or neither, got rank=1, world=None"),
        (Stream(), (0, 2), "expected a data set with a length and samples by index, got Stream.*shard_batches"),
        (iter([1]), (0, 2), "got list_iterator"),
        ({"a": 1}, (0, 2), "got dict"),
    ],
)
def test_errors(data, place, message):
    with pytest.raises(InputError, match=message):
        agop.shard(data, *place)


NONSENSE = {("2", None): "WORLD_SIZE=None", ("x", "3"): "RANK=x", (None, "3"): "RANK=None", ("3", "3"): "got 3 of 3"}


@pytest.mark.parametrize("place", NONSENSE)
def test_an_environment_that_makes_no_sense(place, monkeypatch):
    for name, value in zip(("RANK", "WORLD_SIZE"), place, strict=True):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=NONSENSE[place]):
        agop.shard(range(5))


@pytest.mark.parametrize("batches", [list(range(5)), range(5), Endless(), DataLoader(range(5), batch_size=None)])
def test_every_batch_is_in_one_part_each_time(batches):
    parts = [shard_batches(batches, rank, 2) for rank in range(2)]
    for _ in range(2):
        assert [[int(each) for each in part] for part in parts] == [[0, 2, 4], [1, 3]]
    if hasattr(batches, "__len__"):
        assert [len(part) for part in parts] == [3, 2]
    else:
        assert not any(hasattr(part, "__len__") for part in parts)


def test_a_loader_reads_its_part_alone():
    read = []

    class Noted(TensorDataset):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    def collated(samples):
        return default_collate(samples)[0] * 2

    loader = DataLoader(Noted(torch.arange(10)), batch_size=4, collate_fn=collated)
    part = shard_batches(loader, 2, 3)
    assert len(part) == 1
    assert [batch.tolist() for batch in part] == [[16, 18]]
    assert read == [8, 9]
    own = DataLoader(range(6), batch_sampler=BatchSampler(SequentialSampler(range(6)), 2, drop_last=False))
    assert [batch.tolist() for batch in shard_batches(own, 1, 2)] == [[2, 3]]


def test_loaders_of_streams():
    parts = [shard_batches(DataLoader(Stream(), batch_size=2), rank, 2) for rank in range(2)]
    assert [[batch.tolist() for batch in part] for part in parts] == [[[0, 1], [4, 5]], [[2, 3], [6]]]


@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize(
    "sampling",
    [
        {"shuffle": True},
        {"sampler": DistributedSampler(range(5), num_replicas=2, rank=0)},
        {"batch_sampler": BatchSampler(RandomSampler(range(5)), 2, drop_last=False)},
    ],
)
def test_parts_of_a_loader_that_draws_could_overlap(sampling, world):
    loader = DataLoader(range(5), **sampling)
    if world == 1:
        assert shard_batches(loader, 0, 1) is loader
        return
    with pytest.raises(InputError, match=r"expected all batches in a fixed order, got a loader with a \w+Sampler"):
        shard_batches(loader, 0, world)


def test_a_part_of_a_part_of_the_process(monkeypatch):
    """Half of the samples would be lost without a word."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="expected a loader of all samples, got one of the part of this process"):
        shard_batches(DataLoader(agop.shard(range(9))))
    chosen = DataLoader(agop.shard(range(9), 0, 3), batch_size=1)
    assert [int(batch) for batch in shard_batches(chosen)] == [3]
