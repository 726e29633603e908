"""Networks whose weights are spread over ranks: the numbers of one process, and never all weights on one rank."""

from __future__ import annotations

import itertools

import pytest
import torch

import agop
from agop.network import NetworkRecord
from network.gloo_measure import PARTS, measured
from network.gloo_sharded import (
    FAILURES,
    WAYS,
    WIDTHS,
    die,
    fail,
    fail_and_go_on,
    get_stuck,
    measure_cases,
    watch_memory,
)
from network.models import mlp, seeded
from network.same_records import assert_same
from processes import exit_codes, start_ranks


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharded")
    start_ranks(measure_cases, 2, folder)
    return folder


@pytest.mark.parametrize(("way", "case"), [(way, case) for way, (_, cases) in WAYS.items() for case in cases])
def test_numbers_are_those_of_one_process(records, way, case):
    """Also where ranks have other numbers of batches, of other sizes, and where no sample of a part counts."""
    expected = measured(case)
    for rank in (0, 1):
        assert_same(NetworkRecord.load(records / f"{way}.{case}.rank{rank}.safetensors"), expected)


def test_at_most_two_weights_are_whole_at_once(tmp_path):
    start_ranks(watch_memory, 2, tmp_path)
    sizes = [n_inputs * n_outputs for n_inputs, n_outputs in itertools.pairwise(WIDTHS)]  # the largest first
    for rank in (0, 1):
        for seen in torch.load(tmp_path / f"rank{rank}.pt").values():
            assert max(seen) >= sizes[0]  # it was looked at when it should be
            assert max(seen) <= sizes[0] + sizes[1] < 0.5 * sum(sizes)


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("failed")
    start_ranks(fail_and_go_on, 2, folder)
    return folder


@pytest.mark.parametrize(
    ("failure", "messages"),
    [
        ("without a batch", 2 * ["InputError: expected a batch on each rank, since the model is sharded, got none on"]),
        ("without a group", 2 * ["InputError: expected a process group for a sharded model, of which a pass is"]),
        ("bad label", ["RankError: expected all ranks to do their part, got an error on rank 1: expected labels of",
                       "InputError: expected labels of 0 or more"]),
        ("mixed samples", 2 * ["InputError: expected outputs of a sample that depend on that sample alone"]),
        ("other outputs", 2 * ["InputError: expected as many outputs on all ranks, with gradients, got 2 and 3."]),
        ("broken loader", ["got an error on rank 1: OSError: no such file.", "OSError: no such file"]),
        ("infinite gradients", 2 * ["expected finite"]),
    ],
)  # fmt: skip
def test_an_error_ends_all_and_nothing_hangs(failed, failure, messages):
    assert failure in FAILURES
    expected = agop.measure(seeded(mlp), PARTS)
    for rank, message in enumerate(messages):
        assert message in (failed / f"{failure}.rank{rank}.txt").read_text()
        assert_same(NetworkRecord.load(failed / f"after {failure}.rank{rank}.safetensors"), expected)


@pytest.mark.parametrize(("work", "ranks_told", "code"), [(die, [0], 3), (get_stuck, [0, 1], 0), (fail, [0, 1], 0)])
def test_a_rank_that_leaves_a_pass_ends_the_others(tmp_path, work, ranks_told, code):
    assert exit_codes(work, 2, tmp_path) == [0, code]
    for rank in ranks_told:
        message = (tmp_path / f"rank{rank}.txt").read_text()
        assert message.startswith("RankError: expected a pass of the sharded model on all ranks, got ")
        if work is fail and rank == 1:
            assert "ValueError on rank 1 (invalid literal for int()" in message
