"""Pages of large networks and of long trainings are small, and take work in proportion to what they show."""

from __future__ import annotations

import cProfile
import pstats
from dataclasses import replace

import numpy as np
import pytest

from agop import report
from agop.charts import write_page
from agop.network.kind import NETWORK
from agop.network.result import NetworkResult
from agop.reports import document_of
from network.record.made import layer, transformer

LARGEST = 2_500_000
"""Bytes of a page at most."""


def calls(record, path):
    """Calls of functions for the page of a record, which no other load of the machine changes."""
    profile = cProfile.Profile()
    profile.runcall(report, record, path)
    return pstats.Stats(profile).total_calls


@pytest.mark.parametrize("compact", [True, False])
def test_the_page_of_211_layers_is_small_and_its_work_in_proportion(tmp_path, compact):
    deep, half = transformer(30, compact=compact), transformer(15, compact=compact)
    report(half, tmp_path / "first.html")  # imports
    work = calls(half, tmp_path / "half.html")
    assert calls(deep, tmp_path / "page.html") < 2.5 * work
    assert (tmp_path / "page.html").stat().st_size < LARGEST
    pictures = {plot.name for plot in NETWORK.plots_of([NetworkResult.of(deep)])}
    assert ("agop-nfm" in pictures) is not compact
    assert "means" in pictures


def test_the_page_of_a_long_training_of_a_deep_network_is_small(tmp_path):
    """Three seeds, a hundred measurements and thirty layers, whose numbers have nothing in common."""
    layers = {f"gate.{k}": layer(f"gate.{k}", 32, 32, 10, 0.9**k, k) for k in range(30)}
    record = replace(transformer(1, n_classes=10), layers=layers)
    rng, last = np.random.default_rng(0), list(record.lines())
    lines = [
        {"seed": seed, "epoch": epoch, "loss": rng.uniform(), **line}
        | {name: value * rng.uniform(0.5, 1) for name, value in line.items() if isinstance(value, float)}
        for seed in range(3)
        for epoch in range(100)
        for line in last
    ]
    document = document_of([NetworkResult("run", {"settings": {}}, lines, record)])
    assert {"nc1-map", "nc1-epochs", "nfa", "agop-nfm", "means"} <= {plot.name for plot in document.plots}
    assert write_page(document, tmp_path / "page.html").stat().st_size < LARGEST
