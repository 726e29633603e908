"""Indices of measurements, against a set."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agop.network.indices import LARGEST, Indices

INTEGERS = st.integers(-5, 5) | st.integers(-LARGEST, LARGEST)


@given(st.lists(INTEGERS), st.lists(INTEGERS))
def test_they_are_a_set(values, others):
    indices, known = Indices(values), set(values)
    for value in others:
        assert (value in indices) == (value in known)
        indices.add(value)
        known.add(value)
        assert len(indices) == len(known)
    assert all(value in indices for value in known)


def test_each_takes_little_more_than_eight_bytes():
    """As a step may be measured hundreds of times a second, for days."""
    tracemalloc.start()
    try:
        indices = Indices(range(10**9, 10**9 + 10_000))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(indices) == 10_000
    assert taken < 12 * len(indices)


@pytest.mark.parametrize("value", [0.0, 1.5, "1", None, True, LARGEST + 1, -LARGEST - 1])
def test_what_is_none(value):
    with pytest.raises(ValueError, match="no integer of 64 bits"):
        Indices([value])
