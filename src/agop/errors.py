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
    """Data or an argument is unusable: wrong shape, type, range, or not finite.

    Examples
    --------
    >>> import torch
    >>> from agop import ClassMoments
    >>> ClassMoments.of(torch.ones(2, 3), torch.tensor([1, 2]), n_classes=2)
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected labels in 0 .. 1, got labels in 1 .. 2. Renumber the classes, for example by ...
    """


class EmptyClassError(InputError):
    """A class has no samples, so that its mean does not exist.

    Examples
    --------
    >>> import torch
    >>> from agop import ClassMoments
    >>> ClassMoments.of(torch.ones(2, 3), torch.tensor([0, 1]), n_classes=3).global_mean()
    Traceback (most recent call last):
    ...
    agop.errors.EmptyClassError: expected samples of every class, got none of class 2. Give samples of ...
    """


class UndefinedMeasureError(InputError):
    """A measure has no value for these data, such as a ratio to a between-class variance of zero.

    Examples
    --------
    >>> import torch
    >>> from agop import ClassMoments
    >>> from agop.collapse import nc1_trace_ratio
    >>> nc1_trace_ratio(ClassMoments.of(torch.ones(2, 3), torch.tensor([0, 1]), n_classes=2))
    Traceback (most recent call last):
    ...
    agop.errors.UndefinedMeasureError: expected two or more classes of two samples or more, got 0 of 2 classes. ...
    """


class DataFileError(InputError):
    """A data file is missing, truncated, or not what its name says.

    Examples
    --------
    >>> from agop.runs import Run
    >>> Run.open("no-such-run")
    Traceback (most recent call last):
    ...
    agop.errors.DataFileError: expected no-such-run...run.json to hold JSON, got ... Choose another folder.
    """


class OutputError(AgopError, OSError):
    """A file cannot be written: no room, no right, or a name that the system refuses.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from agop.runs import Run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "file").touch()
    ...     Run.create(Path(folder, "file", "run"), {})
    Traceback (most recent call last):
    ...
    agop.errors.OutputError: expected to write ...run, got ... Make room or choose another place.
    """


class RankError(InputError):
    """Another process of a group has failed, or does not answer.

    Examples
    --------
    >>> got = "an error on rank 2: out of memory"
    >>> print(RankError("all ranks to do their part", got, "Mend it there."))
    expected all ranks to do their part, got an error on rank 2: out of memory. Mend it there.
    """


class MissingExtraError(AgopError, RuntimeError):
    """An optional dependency is needed and not installed.

    Examples
    --------
    >>> from agop.extras import require
    >>> require("no_such_module", "report")
    Traceback (most recent call last):
    ...
    agop.errors.MissingExtraError: expected no_such_module, got an environment without it. Install ...
    """


class MemoryBudgetError(AgopError, RuntimeError):
    """The work cannot be done within the memory that was allowed.

    Examples
    --------
    >>> from agop.kernel_machine import cheapest_solver
    >>> cheapest_solver(100_000, 20, 1, max_memory=2**20)
    Traceback (most recent call last):
    ...
    agop.errors.MemoryBudgetError: expected a kernel matrix within 1 MiB, got ... MiB that the solver needs ...
    """


class NotPositiveDefiniteError(AgopError, RuntimeError):
    """A kernel matrix stayed numerically indefinite after the largest jitter that is allowed.

    Examples
    --------
    >>> import torch
    >>> from agop.solvers import Cholesky, DenseMatrix
    >>> Cholesky().solve(DenseMatrix(torch.tensor([[1.0, 2.0], [2.0, 1.0]])), torch.ones(2, 1))
    Traceback (most recent call last):
    ...
    agop.errors.NotPositiveDefiniteError: expected a positive definite kernel matrix, got one that stays indefinite ...
    """


class JitterWarning(UserWarning):
    """A small multiple of the identity was added so that a kernel matrix could be factorized.

    Examples
    --------
    >>> import warnings
    >>> import torch
    >>> from agop.solvers import Cholesky, DenseMatrix
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     solution = Cholesky().solve(DenseMatrix(torch.ones(2, 2)), torch.ones(2, 1))
    >>> print(caught[0].message)
    the kernel matrix is singular; added ... to its diagonal. Set a ridge.
    """


class PrecisionWarning(UserWarning):
    """A number is known to fewer digits than its type suggests; the message says to how many.

    Examples
    --------
    >>> import warnings
    >>> import torch
    >>> from agop import ClassMoments
    >>> x = torch.tensor([[1e7], [1e7 + 1], [1e7 + 4], [1e7 + 5]], dtype=torch.float64)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     moments = ClassMoments.from_gram(x @ x.T, torch.tensor([0, 0, 1, 1]))
    >>> print(caught[0].message)
    rounding of the Gram matrix can be ... of the within-class scatter, and of NC1. Center the features ...
    """


class TimeBudgetWarning(UserWarning):
    """A time budget ended some work early; the message says what was left out.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from agop import RFMRegressor
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     model = RFMRegressor(n_iterations=3, time_budget=1e-6).fit(x, x[:, 0])
    >>> print(caught[0].message)
    The time budget of 1e-06 s ran out: ...
    """
