"""Records that are the same but for rounding."""

from __future__ import annotations

import pytest
import torch

from oracles.network import assert_agop


def assert_same(found, expected):
    """All numbers, texts and tables of two records."""
    assert list(found) == list(expected)
    assert found.samples == expected.samples
    assert (found.notes, found.settings) == (expected.notes, expected.settings)
    for line, other in zip(found.lines(), expected.lines(), strict=True):
        assert line.keys() == other.keys()
        for name, value in other.items():
            place = line["layer"], line["stage"], name
            if isinstance(value, (float, tuple)):
                close = {"abs": 1e-6} if name == "nfa_best_power" else {"rel": 1e-10, "abs": 1e-12}
                assert line[name] == pytest.approx(value, **close), place
            else:
                assert line[name] == value, place
    for name, layer in expected.items():
        torch.testing.assert_close(found[name].weight, layer.weight, rtol=0, atol=0)
        if layer.agop is not None:
            assert_agop(found[name].agop, layer.agop)
