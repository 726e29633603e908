"""Where a process stands among those that torchrun started."""

from __future__ import annotations

import pytest
import torch.distributed as dist

from agop.ranks.launch import is_writer, launched_group, local_device


@pytest.mark.parametrize(
    ("device", "rank", "expected"),
    [("cuda", "3", "cuda:3"), ("cuda", None, "cuda"), ("cuda:1", "3", "cuda:1"), ("cpu", "3", "cpu")],
)
def test_each_process_has_its_gpu(device, rank, expected, monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert local_device(device) == expected


def test_a_process_alone(monkeypatch):
    """Also where a scheduler numbers its jobs, but gives no address to meet at."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with launched_group("cpu") as group:
        assert group is None
        assert is_writer(group)
    assert not dist.is_initialized()
