"""Settings that are smaller than the quick scale, and the digits."""

from __future__ import annotations

import functools

import pytest

from agop import datasets


@pytest.fixture(scope="session")
def load():
    """Loader that reads each data set once."""
    return functools.lru_cache(datasets.load)
