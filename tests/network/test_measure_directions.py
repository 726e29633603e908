"""Random directions: unbiased, with a standard error that means what it says; rows of language models."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import agop
from network.models import N_CLASSES, Function, batches, data, mlp, seeded
from oracles.network import assert_collapse, observe
from sampling import is_share, margin


def z_scores(estimates, expected):
    """Deviation of the mean of the estimates from what is expected, in its standard errors, entry by entry."""
    stacked = torch.stack(estimates)
    error = stacked.std(0) / math.sqrt(len(stacked))
    certain = error < 1e-12 * expected.abs().max()
    torch.testing.assert_close(stacked.mean(0)[certain], expected[certain])
    return ((stacked.mean(0) - expected) / error)[~certain]


@pytest.fixture(scope="module")
def drawn():
    """Exact record, and those of 60 seeds."""
    x, y = data(8, n_classes=4)
    model, loader = seeded(mlp, widths=(5, 7, 6, 4)), batches(x, y, (3,))
    select = ["0", "4"]
    records = [agop.measure(model, loader, layers=select, outputs=agop.Rademacher(4, seed)) for seed in range(60)]
    return agop.measure(model, [(x, y)], layers=select), records


def test_unbiased(drawn):
    exact, records = drawn
    for name in exact:
        scores = z_scores([record[name].agop for record in records], exact[name].agop)
        # 25 to 49 correlated entries: six standard errors are out of reach unless there is a bias
        assert float(scores.abs().max()) < 6
        traces = [float(record[name].agop.trace()) for record in records]
        assert abs(np.mean(traces) - float(exact[name].agop.trace())) < margin(traces)


def largest_share(model, x):
    """Largest share of a sample in the variance of the trace over random directions."""
    jacobians = torch.func.vmap(torch.func.jacrev(model))(x)
    entries = (jacobians @ jacobians.mT).detach().square()
    variances = entries.sum((1, 2)) - entries.diagonal(dim1=1, dim2=2).sum(1)
    return float(variances.max() / variances.sum())


def side_by_side(model, n):
    """A network whose outputs are those of n copies of one, each with signs of its own."""
    copies = nn.ModuleList(copy.deepcopy(model) for _ in range(n))
    return Function(lambda self, x: torch.cat([each(x) for each in self.copies], 1), copies=copies)


@pytest.mark.parametrize(("k", "sizes"), [(2, (8,)), (8, (8,)), (4, (3,)), (2, (1,)), (8, (1,))])
def test_stated_error_is_exceeded_in_five_percent_of_the_draws(k, sizes):
    """However few directions, and batches, tell the spread."""
    model = seeded(mlp, widths=(5, 7, 6, 4))
    problems = (data(8, n_classes=4, seed=seed) for seed in itertools.count())
    x, y = next(problem for problem in problems if largest_share(model, problem[0]) < 1 / 3)
    loader = batches(x, y, sizes)
    trace = float(agop.measure(model, loader, layers="0", collapse=False)["0"].agop.trace())
    options = {"layers": "copies.*.0", "collapse": False}
    layers = [
        layer
        for seed in range(10)
        for layer in agop.measure(side_by_side(model, 30), loader, outputs=agop.Rademacher(k, seed), **options).values()
    ]
    found = np.array([float(layer.agop.trace()) for layer in layers])
    errors = found * [layer.agop_error for layer in layers]
    outside = (abs(found - trace) > errors).sum()
    assert outside <= 0.05 * len(found) or is_share(outside, len(found), 0.05)
    assert np.median(errors) < 1.5 * stats.t.ppf(0.975, k - 1) * found.std()  # no batch has fewer degrees of freedom


def test_error_falls_with_the_number_of_directions():
    x, y = data(30)
    model = seeded(mlp)
    exact = agop.measure(model, [(x, y)])

    def distance(k):
        records = [agop.measure(model, [(x, y)], outputs=agop.Rademacher(k, seed), layers="2") for seed in range(8)]
        return np.mean([float((record["2"].agop - exact["2"].agop).norm()) for record in records])

    assert distance(64) < 0.3 * distance(1)  # 1/8 is expected


def test_exact_has_no_error_and_one_direction_none_to_report():
    x, y = data()
    model = seeded(mlp)
    assert agop.measure(model, [(x, y)])["0"].agop_error is None
    assert agop.measure(model, [(x, y)], outputs=agop.Rademacher(1, 0))["0"].agop_error is None
    assert agop.measure(model, [(x, y)], outputs=agop.Rademacher(2, 0))["0"].agop_error > 0


def test_same_seed_same_numbers():
    x, y = data()
    model = seeded(mlp)
    first = agop.measure(model, batches(x, y), outputs=agop.Rademacher(2, 5))
    torch.manual_seed(99)
    assert torch.equal(first["0"].agop, agop.measure(model, batches(x, y), outputs=agop.Rademacher(2, 5))["0"].agop)
    other = agop.measure(model, batches(x, y), outputs=agop.Rademacher(2, 6))
    assert not torch.equal(first["0"].agop, other["0"].agop)


def test_batches_have_directions_of_their_own():
    """The same samples twice in two batches: with the same signs nothing would be gained by the second."""
    x, y = data(6)
    model = seeded(mlp)
    once = agop.measure(model, [(x, y)], outputs=agop.Rademacher(1, 0))["0"].agop
    twice = agop.measure(model, [(x, y), (x, y)], outputs=agop.Rademacher(1, 0))["0"].agop
    assert not torch.allclose(once, twice)


def test_numbers_of_collapse_do_not_depend_on_directions():
    x, y = data()
    model = seeded(mlp)
    exact, random = (agop.measure(model, [(x, y)], outputs=o) for o in ("exact", agop.Rademacher(2, 0)))
    for name in exact:
        assert random[name].input == exact[name].input
        assert random[name].linear == exact[name].linear
        assert random[name].attribution == exact[name].attribution


def test_many_outputs():
    """200 outputs: k backward passes, not 200."""
    x, _ = data(12)
    model = seeded(mlp, widths=(5, 6, 200))
    passes = []

    class Counted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            return z.view_as(z)

        @staticmethod
        def backward(ctx, gradient):
            passes.append(1)
            return gradient

    def forward(model, batch):
        return Counted.apply(model(batch[0])), batch[1]

    labels = torch.arange(200)
    wide = x[labels % 12]
    record = agop.measure(model, [(wide, labels)], forward=forward, outputs=agop.Rademacher(8, 0))
    assert len(passes) == 8
    last = (model[2].weight.T @ model[2].weight).detach()
    assert float((record["2"].agop - last).norm() / last.norm()) < 0.1
    assert record["2"].agop_error < 0.1


class Tokens(nn.Module):
    """A language model in small: tokens see those before them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 5)
        self.last = nn.Linear(5, N_CLASSES)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        return self.last(torch.tanh(h.cumsum(1)))


def language_data(n=6, length=4):
    x, _ = data(n, (length, 4), seed=2)
    labels = torch.arange(n * length).reshape(n, length) ** 2 % N_CLASSES + 0
    labels = (labels + torch.arange(length)) % N_CLASSES
    labels[:, -1] = -100
    labels[0, 0] = -100
    return x, labels


def rows_as_samples(model, batch):
    return model(batch[0]).flatten(0, 1), batch[1].flatten()


def test_language_model_rows():
    """Every token that counts is a sample; AGOP over tokens that influence each other is right on average."""
    x, labels = language_data()
    model = seeded(Tokens)
    loader = [(x[:4], labels[:4]), (x[4:], labels[4:])]
    with pytest.raises(agop.errors.InputError, match="Rademacher"):
        agop.measure(model, loader, forward=rows_as_samples)
    records = [
        agop.measure(model, loader, forward=rows_as_samples, outputs=agop.Rademacher(2, seed)) for seed in range(40)
    ]
    kept = labels >= 0
    assert records[0].n_samples == int(kept.sum())
    assert records[0].n_dropped == int((~kept).sum())

    def run(sample):
        i = int(sample)
        return model(x[i : i + 1])[0][kept[i]]

    expected = observe(run, {"first": model.first, "last": model.last}, range(len(x)))
    for name in ("first", "last"):
        scores = z_scores([record[name].agop for record in records], expected[name].agop)
        assert float(scores.abs().max()) < 5
    rows = [[row[None]] for uses, mask in zip(expected["last"].inputs, kept, strict=True) for row in uses[0][mask]]
    assert_collapse(records[0]["last"].input, rows, labels[kept], N_CLASSES)
    assert records[0]["last"].rows == 1


def test_language_model_whose_first_batch_hides_the_dependence():
    """One token a sequence first: tokens mix in later batches only."""
    x, labels = language_data()
    labels = labels.clamp(min=0)
    model = seeded(Tokens)
    loader = [(x[:1, :1], labels[:1, :1]), (x, labels)]
    with pytest.raises(agop.errors.InputError, match="Rademacher"):
        agop.measure(model, loader, forward=rows_as_samples)


@pytest.mark.parametrize(
    "mix",
    [
        lambda z: z + z[:1],
        lambda z: z + z[-1:],
        lambda z: torch.cat([z[:-1], z[-1:] + z[:1]]),
        lambda z: torch.cat([z[:1] + z[-1:], z[1:]]),
        lambda z: torch.cat([z[:3], z[3:4] + z[5:6], z[4:]]),
        lambda z: z + 1e-3 * z.roll(1, 0),
    ],
    ids=["see the first", "see the last", "last sees first", "first sees last", "one sees another", "neighbors"],
)
def test_samples_that_mix_are_found_wherever_they_are(mix):
    """All see the first or the last sample, or only one sample sees another."""
    x, y = data(9)
    model = seeded(lambda: Function(lambda self, x: mix(self.net(x)), net=mlp()))
    with pytest.raises(agop.errors.InputError, match="Rademacher"):
        agop.measure(model, [(x, y)])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_samples_that_mix_are_found_in_every_precision(dtype):
    x, y = data(9)
    model = seeded(lambda: Function(lambda self, x: (z := self.net(x)) + 0.1 * z.roll(1, 0), net=mlp())).to(dtype)
    with pytest.raises(agop.errors.InputError, match="Rademacher"):
        agop.measure(model, [(x.to(dtype), y)])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_is_no_mixing(dtype):
    """Gradients of half precision behind outputs of single precision."""
    x, y = data(64, (50,), dtype=torch.float32)
    model = seeded(mlp, widths=(50, 300, 300, N_CLASSES)).float()

    def forward(model, batch):
        with torch.autocast("cpu", dtype=dtype):
            return model(batch[0]).float(), batch[1]

    assert agop.measure(model, [(x, y)], forward=forward).n_samples == 64
    half = model.to(dtype)
    assert agop.measure(half, [(x.to(dtype), y)]).n_samples == 64
