"""Onset of collapse of made-up trainings."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from agop.errors import InputError
from agop.network import Tracker, onset_of_collapse


def training(nc1, norms=None, unit="epoch", layers=("fc.1", "fc.out")):
    norms = norms or [5.0] * len(nc1)
    return [
        {unit: 10 * place, "layer": layer, "stage": stage, "nc1_trace_ratio": value, "feature_norm": norm}
        for place, (value, norm) in enumerate(zip(nc1, norms, strict=True))
        for layer in layers
        for stage in ("input", "linear")
    ]


def test_a_power_law_is_found_as_exactly_as_it_is_measured():
    """NC1 = 2 exp(-t / 7) crosses 0.1 at 7 log 20, between measurements 10 apart."""
    decay = [2 * torch.tensor(-10 * place / 7).exp().item() for place in range(6)]
    found = onset_of_collapse(training(decay))
    assert found.index == pytest.approx(7 * torch.tensor(20.0).log().item(), rel=1e-5)
    assert (found.after, found.before) == (20, 30)
    assert found.after <= found.index <= found.before
    assert found.error == pytest.approx(max(found.index - 20, 30 - found.index))


def test_a_fall_that_does_not_last_is_none():
    found = onset_of_collapse(training([1.0, 0.05, 1.0, 0.2, 0.05, 0.01]))
    assert (found.after, found.before) == (30, 40)


@pytest.mark.parametrize(
    "nc1",
    [[1.0, 0.5, 0.2], [1.0, 0.05, 0.2], [0.05, 0.04, 0.01], [1.0, 0.05, None], [1.0, 0.05, float("nan")], [None] * 2],
)
def test_no_onset(nc1):
    assert onset_of_collapse(training(nc1)) is None


def test_feature_norm_is_that_of_the_index():
    found = onset_of_collapse(training([1.0, 1.0, 0.01], norms=[9.0, 8.0, 4.0]))
    assert (found.index, found.feature_norm) == (pytest.approx(15), pytest.approx(6))
    assert onset_of_collapse(training([1.0, 0.0])).index == 10


@pytest.mark.parametrize("start", [None, float("inf")])
def test_features_without_nc1_are_not_collapsed(start):
    """As those that tell no class from another: the onset is after them, and no more is known."""
    found = onset_of_collapse(training([0.05, start, 0.05], norms=[9.0, 8.0, 4.0]))
    assert (found.index, found.after, found.before, found.error, found.feature_norm) == (20, 10, 20, 10, 4)


def test_layer_threshold_and_unit():
    lines = training([1.0, 0.3, 0.01], unit="step", layers=("fc.1",)) + training(
        [1.0] * 3, unit="step", layers=("out",)
    )
    assert onset_of_collapse(lines, unit="step") is None
    assert onset_of_collapse(lines, unit="step", layer="fc.1", threshold=0.3).before == 10


@pytest.mark.parametrize(
    ("lines", "options", "match"),
    [
        (training([1.0, 0.1]), {"threshold": 0}, "threshold"),
        (training([1.0, 0.1]), {"layer": "fc.9"}, "layer fc.9"),
        ([], {}, "layer"),
        (training([1.0, 0.1]) * 2, {}, "one twice"),
        (training([1.0, 0.1], unit="step"), {}, "its epoch, got none"),
    ],
)
def test_lines_that_do_not_do(lines, options, match):
    with pytest.raises(InputError, match=match):
        onset_of_collapse(lines, **options)


def test_of_a_tracker(tmp_path):
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3))
    y = torch.arange(30) % 3
    x = torch.eye(3, 6)[y] + 0.5 * torch.randn(30, 6, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    tracker = Tracker(model, [(x, y)], tmp_path / "run", every=5, layers="4", time_share=None)
    for epoch in range(31):
        tracker.step(epoch)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    lines = tracker.run.metrics()
    values = [line["nc1_trace_ratio"] for line in lines if line["stage"] == "input"]
    assert values[-1] < values[0]
    found = onset_of_collapse(lines, threshold=(values[-1] * values[0]) ** 0.5)
    assert 0 < found.index < 30
    assert found.before - found.after == 5
    assert found.feature_norm > 0
