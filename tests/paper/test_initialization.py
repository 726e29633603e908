"""The column that the figure of initial gains adds to the lines of a training."""

from __future__ import annotations

import pytest

from agop.paper import TrainSettings, run_train, trained_network
from agop.paper.figures.initialization import weight_changes


def test_change_of_the_weights(load, tmp_path):
    settings = TrainSettings(
        samples=100, test_samples=0, width=8, fc_layers=2, epochs=2, every=1, seeds=(0, 1), device="cpu"
    )
    run = run_train(settings, load("digits"), tmp_path / "run")
    lines = list(weight_changes(run))
    assert [{name: value for name, value in line.items() if name != "weight_change"} for line in lines] == run.metrics()
    changed = [line for line in lines if "weight_change" in line]
    assert [(line["seed"], line["layer"]) for line in changed] == [
        (seed, layer) for seed in (0, 1) for layer in ("fc.1", "fc.2", "fc.output")
    ]
    for line in changed:
        assert (line["epoch"], line["stage"]) == (2, "input")
        networks = settings.network((1, 8, 8), 10, line["seed"]), trained_network(run, line["seed"])
        before, after = (net.get_submodule(line["layer"]).weight.detach().double().numpy() for net in networks)
        assert line["weight_change"] == pytest.approx(
            ((after - before) ** 2).sum() ** 0.5 / (before**2).sum() ** 0.5, rel=1e-5
        )
