"""Errors of agop, whoever sees them."""

from __future__ import annotations

import pickle

import pytest

from agop import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AgopError)]


@pytest.mark.parametrize("kind", KINDS)
def test_they_come_from_other_processes_as_they_are(kind):
    """Else a pool of processes hangs or breaks where one of them raises."""
    error = kind("two rows", "one\nand more", "Add one.")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is kind
    assert str(again) == str(error) == "expected two rows, got one. Add one."
