"""What tests of commands share."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture
def heeded_ctrl_c():
    """Ctrl-C interrupts, also where the tests themselves run in the background and ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
