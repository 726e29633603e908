"""Ranks that measure together: the numbers of one process, and an end for all on an error in one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import agop
from agop.network import NetworkRecord
from network.gloo_measure import (
    CASES,
    FAILURES,
    IMAGES,
    PARTS,
    ROWS,
    die,
    fail_and_go_on,
    get_stuck,
    measure_cases,
    measured,
)
from network.models import N_CLASSES, mlp, seeded
from network.same_records import assert_same
from oracles.network import assert_layer, observe
from processes import exit_codes, start_ranks


@pytest.fixture(scope="module", params=[0, 1, 2, 4], ids=lambda world: f"{world} ranks" if world else "one process")
def records(request, tmp_path_factory):
    """Function from a case to its records on all ranks, or to that of one process without a group."""
    if not request.param:
        return lambda case: [measured(case)]
    folder = tmp_path_factory.mktemp("ranks")
    start_ranks(measure_cases, request.param, folder)
    return lambda case: [NetworkRecord.load(folder / f"{case}.rank{rank}.safetensors") for rank in range(request.param)]


@pytest.mark.parametrize("case", CASES)
def test_numbers_are_those_of_one_process(records, case):
    expected = measured(case)
    for found in records(case):
        assert_same(found, expected)


@pytest.mark.parametrize(
    ("case", "how"), [("classes", "each"), ("each position", "each"), ("flat positions", "flatten")]
)
def test_numbers_are_those_of_the_definitions(records, case, how):
    model = seeded(CASES[case][0])
    x, y = ROWS if case == "classes" else IMAGES
    if case == "classes":
        layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    else:
        layers = {"conv": model.conv, "head": model.head}
    expected = observe(lambda sample: model(sample), layers, [sample[None] for sample in x])
    for record in records(case):
        for name in layers:
            activation = None if record[name].is_classifier else torch.relu
            assert_layer(record[name], expected[name], y, N_CLASSES, how, activation)


def test_all_ranks_have_the_same_record(records):
    """To the last bit: directions of eigenvectors are those of one rank."""
    first, *others = records("classes")
    for other in others:
        for name, layer in first.items():
            assert torch.equal(layer.spectrum.vectors, other[name].spectrum.vectors)
            assert layer.input == other[name].input
            assert layer.nfa.as_dict() == other[name].nfa.as_dict()


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("failed")
    start_ranks(fail_and_go_on, 2, folder)
    return folder


@pytest.mark.parametrize(
    ("failure", "messages"),
    [
        ("bad label", ["RankError: expected all ranks to do their part, got an error on rank 1: expected labels of 0 or"
                       " more, or -100, got label -5.", "InputError: expected labels of 0 or more"]),
        ("broken forward", ["got an error on rank 1: ValueError: no such file.", "ValueError: no such file"]),
        ("no loader", ["got an error on rank 1: expected a loader of batches, got NoneType.", "InputError: expect"]),
        ("other weights", 2 * ["InputError: expected the same weights on all ranks, got another '2.weight' on one of"]),
        ("other options", 2 * ["InputError: expected rows='each' on all ranks, got 'mean' on rank 1."]),
        ("other width", 2 * ["InputError: expected max_width=6 on all ranks, got 7 on rank 1."]),
        ("other data in the second pass", 2 * ["InputError: expected class counts"]),
        ("no batches", 2 * ["InputError: expected a loader with batches, got none on any rank."]),
        ("two kinds of targets", 2 * ["got 3 with labels on rank 0 and 3 with numbers on rank 1."]),
        ("rows of two lengths", 2 * ["InputError: expected rows='flatten' with vectors of one length, got"]),
    ],
)  # fmt: skip
def test_an_error_on_one_rank_ends_all(failed, failure, messages):
    assert failure in FAILURES
    for rank, message in enumerate(messages):
        assert message in (failed / f"{failure}.rank{rank}.txt").read_text()


@pytest.mark.parametrize("name", ["after", "blocks"])
def test_measuring_goes_on_after_errors_and_in_blocks(failed, name):
    expected = measured("classes")
    for rank in (0, 1):
        assert_same(NetworkRecord.load(failed / f"{name}.rank{rank}.safetensors"), expected)


def test_data_parallel_networks_have_the_buffers_of_the_first_rank(failed):
    """Their forward passes, unequally many, wait for nobody."""
    expected = measured("residual")
    for rank in (0, 1):
        assert_same(NetworkRecord.load(failed / f"buffers.rank{rank}.safetensors"), expected)


@pytest.mark.parametrize(("work", "ranks_told", "code"), [(die, [0, 2], 3), (get_stuck, [0, 1, 2], 0)])
def test_a_rank_that_does_not_answer_ends_the_others(tmp_path, work, ranks_told, code):
    assert exit_codes(work, 3, tmp_path) == [0, code, 0]
    for rank in ranks_told:
        message = (tmp_path / f"rank{rank}.txt").read_text()
        assert message.startswith("RankError: expected an answer of all ranks, got one that is gone or too slow (")


def test_two_collectives_a_pass_and_their_size(failed):
    """Of layers 5 x 7, 7 x 6, 6 x 3: outer products on the smaller side, and class moments of every stage."""
    grams, classes = 5**2 + 6**2 + 3**2, 3
    counted = [int(n) for n in (failed / "elements.rank0.txt").read_text().split()]
    assert (failed / "elements.rank1.txt").read_text().split() == [str(n) for n in counted]

    def sums(widths):  # counts and sums, and whether one rank lacks a kind of scatter
        return sum(classes * (1 + d) + 2 for d in widths)

    few, right = 1, [1]  # whether the last layer gives the outputs; right decisions by class
    outputs, stages, spread = [3], [5, 7, 7, 7, 6, 6, 6, 3], 3 * 2
    assert counted[:2] == [sums(outputs + right) + grams + few, classes * len(outputs + right)]
    first, scatter, second, projected = counted[2:]
    assert first == sums(outputs + right + stages) + grams + few + spread
    assert scatter == classes * len(outputs + right + stages)
    in_span = [2] * (len(stages) + 2 * 3)  # and after two powers of the AGOP, in the span of three class means
    agops = [layer.agop for layer in NetworkRecord.load(failed / "after.rank0.safetensors").values()]
    ranks = [int(torch.linalg.matrix_rank(agop, hermitian=True, rtol=1e-10)) for agop in agops]
    agreements, squares = len(in_span), classes * sum(ranks)  # along the eigenvectors of AGOPs
    assert second == sums(outputs) + sum(r * r for r in in_span) + agreements + squares
    assert projected == classes * len(outputs)


def test_a_process_of_torchrun_without_a_group_is_warned(monkeypatch):
    """``torch.distributed.group.WORLD`` is None before the group is there, and each would measure alone."""
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    agop.measure(seeded(mlp), PARTS, collapse=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.warns(UserWarning, match="one of 2 processes measures its data alone.*init_process_group") as caught:
        agop.measure(seeded(mlp), PARTS, collapse=False, group=torch.distributed.group.WORLD)
    assert caught[0].filename == __file__
