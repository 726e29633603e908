"""Exceptions and warnings: each says what was expected, what came, and what to do."""

from __future__ import annotations

__all__ = [
    "AgopError",
    "DataFileError",
    "EmptyClassError",
    "InputError",
    "JitterWarning",
    "MemoryBudgetError",
    "MissingExtraError",
    "NotPositiveDefiniteError",
    "OutputError",
    "PrecisionWarning",
    "RankError",
    "TimeBudgetWarning",
    "UndefinedMeasureError",
]


CONTENT_ERRORS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What Python raises where the content of a file is of another kind than a reader takes it for."""


class AgopError(Exception):
    """Base of every error raised by agop.

    The message has three parts, in this order: what was expected, what came instead, and what to
    do about it. It is one line: of what came, which may be the words of another library, only the first counts.

    >>> from agop.errors import InputError
    >>> str(InputError("two or more classes", "1 class", "Check the labels."))
    'expected two or more classes, got 1 class. Check the labels.'
    """

    def __init__(self, expected: str, got: str, advice: str) -> None:
        got = got.partition("\n")[0]
        super().__init__(f"expected {expected}, got {got}. {advice}")
        self.expected = expected
        self.got = got
        self.advice = advice

    def __reduce__(self) -> tuple[type[AgopError], tuple[str, str, str]]:
        """The parts, so that an error can come from another process."""
        return type(self), (self.expected, self.got, self.advice)


class InputError(AgopError, ValueError):
    """Data or an argument is unusable: wrong shape, type, range, or not finite."""


class EmptyClassError(InputError):
    """A class has no samples, so that its mean does not exist."""


class UndefinedMeasureError(InputError):
    """A measure has no value for these data, such as a ratio to a between-class variance of zero."""


class DataFileError(InputError):
    """A data file is missing, truncated, or not what its name says."""


class OutputError(AgopError, OSError):
    """A file cannot be written: no room, no right, or a name that the system refuses."""


class RankError(InputError):
    """Another process of a group has failed, or does not answer."""


class MissingExtraError(AgopError, RuntimeError):
    """An optional dependency is needed and not installed."""


class MemoryBudgetError(AgopError, RuntimeError):
    """The work cannot be done within the memory that was allowed."""


class NotPositiveDefiniteError(AgopError, RuntimeError):
    """A kernel matrix stayed numerically indefinite after the largest jitter that is allowed."""


class JitterWarning(UserWarning):
    """A small multiple of the identity was added so that a kernel matrix could be factorized."""


class PrecisionWarning(UserWarning):
    """A number is known to fewer digits than its type suggests; the message says to how many."""


class TimeBudgetWarning(UserWarning):
    """A time budget ended some work early; the message says what was left out."""
