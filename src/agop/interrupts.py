"""Ctrl-C and the SIGTERM of a scheduler: the end at once until work begins, an exception from then on."""

from __future__ import annotations

import atexit
import os
import signal
from types import FrameType

__all__ = ["end_when_interrupted", "raise_when_interrupted"]

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


def end_when_interrupted() -> None:
    """Let a signal end this process with a sentence and the exit code 130, until `raise_when_interrupted`.

    For the seconds in which modules are imported: Python drops an exception that comes while it calls back from there,
    and compiled modules make another one of it, so that the process would go on. A signal that is ignored stays so, and
    one that comes when all is done, while Python takes itself down, changes nothing any more.

    References
    ----------
    Python, signal, "Note on Signal Handlers and Exceptions"; sys.unraisablehook.
    """
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
            atexit.register(signal.signal, number, signal.SIG_IGN)


def raise_when_interrupted() -> None:
    """Let the signals of `end_when_interrupted` raise KeyboardInterrupt instead; where it was not called, do nothing.

    For work that says what it leaves behind. Call it from the main thread.
    """
    for number in _NUMBERS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    try:
        os.write(2, b"Interrupted. Nothing was begun.\n")
    finally:
        os._exit(130)
