"""Courses of kernels through a choice: settings and left-out losses of their iterates."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agop.rfm.tuning import Candidate, Setting

__all__ = ["Choice", "Course"]

_NEAR = 1.05
"""Losses relative to the smallest that more rows may turn into the smallest."""


@dataclass(frozen=True)
class Course:
    """Cross-fitted iterates of one candidate.

    Attributes
    ----------
    candidate
        Kernel and kind of metric.
    settings
        Kernel and ridge of each iterate.
    losses
        Left-out loss of each iterate.
    """

    candidate: Candidate
    settings: tuple[Setting, ...]
    losses: tuple[float, ...]

    def after(self, setting: Setting, loss: float) -> Course:
        """The course with one more iterate."""
        return replace(self, settings=(*self.settings, setting), losses=(*self.losses, loss))

    def until(self, iteration: int) -> Course:
        """The course that ends with an iterate."""
        return replace(self, settings=self.settings[: iteration + 1], losses=self.losses[: iteration + 1])


@dataclass(frozen=True)
class Choice:
    """A course for each candidate.

    Attributes
    ----------
    courses
        One or more, those of candidates that were not tried without an iterate.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> candidate = Candidate(Laplace())
    >>> choice = Choice((Course(candidate, (), (0.5, 0.4, 0.6)), Course(candidate, (), (0.45, 0.46))))
    >>> choice.best(0), choice.best(5)
    ((1, 0), (0, 1))
    >>> {number: len(course.losses) for number, course in choice.near(0).items()}
    {1: 1}
    """

    courses: tuple[Course, ...]

    def best(self, n_iterations: int) -> tuple[int, int]:
        """Course and iterate with the smallest loss of at most ``n_iterations`` updates, the earliest of equals."""
        losses = [
            (loss, iteration, number)
            for number, course in enumerate(self.courses)
            for iteration, loss in enumerate(course.losses[: n_iterations + 1])
        ]
        _, iteration, number = min(losses)
        return number, iteration

    def near(self, n_iterations: int) -> dict[int, Course]:
        """Courses by their numbers, each until its last iterate whose loss is within 5 % of the smallest of all."""
        number, iteration = self.best(n_iterations)
        bound = _NEAR * self.courses[number].losses[iteration]
        lasts = {
            number: iteration
            for number, course in enumerate(self.courses)
            for iteration, loss in enumerate(course.losses[: n_iterations + 1])
            if loss <= bound
        }
        return {number: self.courses[number].until(last) for number, last in lasts.items()}
