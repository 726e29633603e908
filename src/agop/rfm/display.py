"""What a fit shows while it works: nothing, a bar, or a line an iterate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeAlias

from rich.progress import Progress, TaskID

from agop.rfm.tuning import Setting

__all__ = ["Display"]

Advance: TypeAlias = Callable[..., None]
"""Advances a bar by one piece; it may be told the iterate that was computed, its setting and how good it is."""


class Display:
    """A bar over the parts of a fit, each as long as its predicted time, with lines above it.

    Parameters
    ----------
    verbose
        0 for nothing, 1 for the bar, 2 for a line an iterate too.
    parts
        Predicted seconds of the parts of the fit by name; asked for unless nothing is shown.

    Examples
    --------
    >>> with Display(0, dict) as display, display.part("choosing", 2) as advance:
    ...     advance()
    """

    def __init__(self, verbose: int, parts: Callable[[], dict[str, float]]) -> None:
        self.lines = verbose > 1
        self.parts = parts() if verbose else {}
        self.progress = Progress(disable=not verbose)
        self.task = TaskID(0)

    def __enter__(self) -> Self:
        """Show the bar."""
        self.progress.start()
        self.task = self.progress.add_task("RFM", total=sum(self.parts.values()) or 1.0)
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the bar, full unless there was an error."""
        if not any(error):
            self.progress.update(self.task, description="RFM", completed=sum(self.parts.values()) or 1.0)
        self.progress.stop()

    @contextmanager
    def part(self, name: str, pieces: int) -> Iterator[Advance]:
        """A part of the fit in some pieces, fewer at times; the function that advances the bar by one of them.

        Told an iterate with its setting and how good it is, it prints a line on it too, where lines are wanted.
        """
        before, whole = self.progress.tasks[self.task].completed, self.parts.get(name, 0.0)
        self.progress.update(self.task, description=f"RFM: {name}")
        done, last = 0, time.monotonic()

        def advance(iteration: int | None = None, setting: Setting | None = None, judged: str = "") -> None:
            nonlocal done, last
            done, seconds, last = min(done + 1, pieces), time.monotonic() - last, time.monotonic()
            self.progress.update(self.task, completed=before + whole * done / pieces)
            if self.lines and iteration is not None and setting is not None:
                text = f"{name}: {_line(iteration, setting, judged)}, {seconds:.2f} s"
                self.progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

        yield advance
        self.progress.update(self.task, completed=before + whole)


def _line(iteration: int, setting: Setting, judged: str) -> str:
    """Iterate, kernel, power, bandwidth, ridge and how good it is."""
    factor = setting.factor
    bandwidth = f"{setting.kernel.bandwidth:.4g}" if factor is None else f"{factor:g} medians"
    power = f", power {setting.power:g}" if iteration else ""
    kernel = f"{type(setting.kernel).__name__}{power}, bandwidth {bandwidth}, ridge {setting.ridge:.3g}"
    return ", ".join(filter(None, [f"iterate {iteration}", kernel, judged]))
