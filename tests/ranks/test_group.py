"""What ranks exchange: every value arrives as it was, work is shared out, and an error in one ends all."""

from __future__ import annotations

import pytest
import torch

from agop.errors import InputError
from agop.ranks import Ranks
from ranks.gloo_ranks import SYMMETRIC, WORLD, exchange, part
from ranks.together import fixture_of, saved

group = fixture_of(exchange, WORLD)


@pytest.fixture(scope="module")
def found(group):
    return saved(group)


def test_outlines_have_shapes_and_no_numbers(found):
    for own in found:
        assert own["outlines"] == [(f"part {rank}", torch.Size([2, 3])) for rank in range(WORLD)]
        assert own["are meta"]


def test_sums_are_exact(found):
    for own in found:
        floats, wholes, truths = own["sums"]
        assert torch.equal(floats, torch.full((2, 2), 4.5, dtype=torch.float64))
        assert (int(wholes), int(truths)) == (3 * 2**40 + 3, 2)


def test_shared_values_are_as_they_were(found):
    for own in found:
        assert list(own["shared"]) == list(range(WORLD))
        for rank, (name, tensors, more) in own["shared"].items():
            expected = part(rank)
            assert name == expected.name
            assert list(tensors) == list(expected.tensors)
            for value, other in zip(
                [*tensors.values(), *more], [*expected.tensors.values(), *expected.more], strict=True
            ):
                assert value.dtype == other.dtype
                assert torch.equal(value, other)


def test_work_is_shared_out_by_cost(found):
    assert [own["done"] for own in found] == [["a"], ["c", "e"], ["d", "b"]]
    for own in found:
        assert {key: int(value) for key, value in own["spread"].items()} == {key: ord(key) for key in "abcde"}


def test_an_error_in_one_ends_all_at_once(found):
    plain = "expected this, got that. Do so."
    told = "expected all ranks to do their part, got an error on rank {}: " + plain + " Mend it there."
    for rank, own in enumerate(found):
        expected = [(False, plain) if rank == failing else (True, told.format(failing)) for failing in (1, 2)]
        assert own["errors"] == expected


def test_tensors_of_one_rank_come_to_all(found):
    for own in found:
        assert [tensor.unique().tolist() for tensor in own["sent"]] == [[0.0], [1.0], [2.0]]
        assert own["gathered"].ravel().tolist() == [10.0 * row for row in range(11)]
    assert torch.equal(sum(own["placed"] for own in found), torch.ones(11))


def test_a_symmetric_matrix_is_known_from_one_triangle(found):
    for rank, own in enumerate(found):
        rows = [row for row in range(11) if row // 2 % WORLD == rank]
        assert torch.equal(own["mirrored"], SYMMETRIC[rows])


def test_sums_are_at_one_rank_each(found):
    """Of a tensor of two entries: 10 times its number and the rank, added up."""
    for rank, own in enumerate(found):
        mine = range(rank, 5, WORLD)
        assert own["added in turn"] == [(f"number {k}", 2.0 * (30 * k + 3)) for k in mine]


def test_what_differs_between_ranks_is_named_on_all(found):
    others = "expected the same rows on all ranks, got others on rank 1. Give all ranks the same settings."
    for own in found:
        same, depth, *rows = own["same"]
        assert same == "the same"
        assert depth == "expected depth=3 on all ranks, got 4 on rank 1. Give all ranks the same settings."
        assert rows == [others] * 4


def test_some_of_the_ranks(found):
    for own in found[:2]:
        (total,), shared = own["subgroup"]
        assert (float(total), shared) == (3.0, {0: torch.tensor(0), 1: torch.tensor(1)})
    assert "a process group of which this process is one" in found[2]["subgroup"]


def test_one_process_alone_sends_nothing():
    alone = Ranks()
    with alone.together():
        assert alone.exchange(3) == [3]
        assert alone.share({1: 2}) == {1: 2}
        assert [float(total) for total in alone.sum([torch.tensor(2)])] == [2.0]
    with pytest.raises(InputError, match="a process group of which this process is one, got 'world'"):
        Ranks("world")
