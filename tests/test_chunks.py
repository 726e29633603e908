"""Slices that cover a range once, in order, within a size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agop.chunks import BLOCK, DEFAULT_CHUNK_BYTES, blocks, row_chunks


def covered(slices):
    return [index for part in slices for index in range(part.start, part.stop)]


@given(n=st.integers(0, 500), size=st.integers(1, 600))
def test_blocks_cover_the_range(n, size):
    parts = blocks(n, size)
    assert covered(parts) == list(range(n))
    assert all(part.stop - part.start == size for part in parts[:-1])
    assert all(0 < part.stop - part.start <= size for part in parts)


@pytest.mark.parametrize(("n", "count"), [(0, 0), (1, 1), (BLOCK, 1), (BLOCK + 1, 2), (2 * BLOCK, 2)])
def test_blocks_of_the_usual_size(n, count):
    assert len(blocks(n)) == count


@given(n=st.integers(0, 500), row=st.integers(0, 100), budget=st.integers(0, 5000))
def test_chunks_cover_the_range_within_the_budget(n, row, budget):
    parts = list(row_chunks(n, row, budget))
    assert covered(parts) == list(range(n))
    for part in parts:
        assert part.stop - part.start == 1 or (part.stop - part.start) * row <= budget


def test_chunks_without_a_budget_use_the_default():
    rows = DEFAULT_CHUNK_BYTES // 1000
    assert list(row_chunks(rows + 1, 1000)) == [slice(0, rows), slice(rows, rows + 1)]
