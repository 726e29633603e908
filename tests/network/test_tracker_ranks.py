"""Ranks that track a training together: one decides and writes, and all have the numbers of one process."""

from __future__ import annotations

import pytest
import torch

import agop
from agop.runs import Run
from network.gloo_measure import PARTS, track
from network.models import mlp, seeded
from processes import start_ranks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracked")
    start_ranks(track, 2, folder)
    return folder


def test_the_numbers_of_one_process(folder):
    model = seeded(mlp)
    expected = []
    for index in range(1, 6):
        with torch.no_grad():
            model[0].weight.mul_(0.9)
        expected.append(agop.measure(model, PARTS).scalars() if index in (1, 2, 4) else None)
    expected.append(agop.measure(model, PARTS).scalars())  # the last step, at the end
    for rank in (0, 1):
        found = torch.load(folder / f"rank{rank}.pt")["found"]
        assert [part is None for part in found] == [part is None for part in expected]
        for part, other in zip(found, expected, strict=True):
            assert part is None or part == pytest.approx(other, rel=1e-10)


def test_the_first_rank_writes_and_logs(folder):
    assert [torch.load(folder / f"rank{rank}.pt")["logged"] for rank in (0, 1)] == [[1, 2, 4, 5], []]
    lines = Run.open(folder / "run").metrics()
    assert len(lines) == len({(line["epoch"], line["layer"], line["stage"]) for line in lines})
    assert list(dict.fromkeys(line["epoch"] for line in lines)) == [1, 2, 4, 5]
    assert Run.open(folder / "run").info()["finished"]


def test_the_clock_of_the_first_rank_decides(folder):
    assert [torch.load(folder / f"rank{rank}.pt")["postponed"] for rank in (0, 1)] == 2 * [[False, True, True]]
    assert list(dict.fromkeys(line["epoch"] for line in Run.open(folder / "late").metrics())) == [0, 2]


def test_an_error_of_the_first_rank_ends_all(folder):
    first, second = ((folder / f"again.rank{rank}.txt").read_text() for rank in (0, 1))
    assert first.startswith("InputError: ")
    assert second.startswith("RankError: expected all ranks to do their part, got an error on rank 0: ")
