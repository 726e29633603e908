"""Rows in panels: every row has one owner, and all ranks about as many."""

from __future__ import annotations

import pytest
import torch

from agop.ranks import Panels
from ranks.pretended import Rank


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("n", [1, 2, 7, 255, 256, 257, 5000, 10_001])
def test_every_row_has_one_owner(n, world):
    panels = [Panels.of(n, Rank(rank, world)) for rank in range(world)]
    rows = torch.cat([own.own_rows for own in panels])
    assert torch.equal(rows.sort().values, torch.arange(n))
    for rank, own in enumerate(panels):
        assert all(own.owner(k) == rank for k in own.own)
        parts = [torch.arange(n)[own.slices[k]] for k in own.own]
        assert torch.equal(torch.cat([*parts, torch.zeros(0, dtype=torch.long)]), own.own_rows)
        for k, place in own.own_slices.items():
            assert torch.equal(own.own_rows[place], torch.arange(n)[own.slices[k]])
    assert max(len(own.own_rows) for own in panels) <= n / world + panels[0].width
    assert panels[0].width <= 256


def test_wide_tables_are_dealt_out_evenly():
    counts = [len(Panels.of(10_000, Rank(rank, 2)).own_rows) for rank in range(2)]
    assert counts == [5000, 5000]
