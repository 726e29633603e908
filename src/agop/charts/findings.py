"""Findings are numbers: a quantity, where it is, what became of it, and how far it can be trusted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from agop.charts.changes import Change
from agop.charts.document import NumberTable
from agop.runs import BAND_SEEDS, SeedSummary

__all__ = [
    "Finding",
    "Interval",
    "at_most",
    "findings_table",
    "listed",
    "number_text",
    "percent",
    "spread",
    "unbroken",
]


class Interval(NamedTuple):
    """Ends of an interval, and what it is."""

    low: float
    high: float
    what: str


@dataclass(frozen=True)
class Finding:
    """A number that was found.

    Attributes
    ----------
    quantity, where
        Quantity and its place, such as "NC1" and "layer inputs, layers 1 to 12".
    value
        Value at the end; None if it is not known.
    unit
        "%" for shares of 1, "x" for factors.
    interval
        Interval of its spread.
    course
        Change by which it came to its value, if it has a course.
    notes
        Limits such as "not fitted", or marks such as "lowest".
    run
        Name of the run, where there are several.
    """

    quantity: str
    where: str
    value: float | None
    unit: Literal["", "%", "x"] = ""
    interval: Interval | None = None
    course: Change | None = None
    notes: tuple[str, ...] = ()
    run: str = ""

    @classmethod
    def of(cls, quantity: str, where: str, change: Change | None, end: SeedSummary | None = None) -> Self:
        """Finding on a change, None if no seed has both ends, with the spread of the summary at its end."""
        if change is None:
            return cls(quantity, where, None, notes=("no seed has a value at both ends",))
        lower = sum(by < 0 for _, by in change.by.values)
        notes = (f"lower in {lower} of {change.by.n_seeds} seeds",) if change.direction == "unsettled" else ()
        return cls(
            quantity, where, change.end, interval=None if end is None else spread(end), course=change, notes=notes
        )

    def cells(self) -> list[str]:
        """Quantity and place, run, value, change, interval and notes as they are printed.

        Examples
        --------
        >>> change = Change.between(SeedSummary.of([8.0]), SeedSummary.of([0.5]), steps=2, step="layer")
        >>> Finding.of("NC1", "layer inputs", change).cells()[2:4]
        ['8 → 0.5', '×0.25 a layer']
        """
        value, change, interval, course = number_text(self.value, self.unit), "", "", self.course
        if course is not None:
            value = f"{number_text(course.start, self.unit)} → {value}"
            change = {"same": "none", "unsettled": "inside the spread"}.get(course.direction, "")
            if not change and course.factor is not None:
                change = number_text(course.factor, "x") + (f" a {course.step}" if course.step else "")
            elif not change:
                change = ("+" if course.direction == "rises" else "") + number_text(course.end - course.start)
        if self.interval is not None:
            low, high, what = self.interval
            interval = f"{number_text(low, self.unit)} to {number_text(high, self.unit)} ({what})"
        name = f"{self.quantity}, {self.where}" if self.where else self.quantity
        return [name, self.run, value, change, interval, "; ".join(self.notes)]


def findings_table(findings: Sequence[Finding], title: str = "What was found") -> NumberTable:
    """Findings as a table for pages, terminals and files; columns without an entry are left out."""
    rows = [finding.cells() for finding in findings]
    columns = ["quantity", "run", "value", "change", "spread", "note"]
    kept = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    cells = [[row[place] for place in kept] for row in rows]
    return NumberTable(title, [columns[place] for place in kept], cells, ("run", "note"))


def number_text(value: float | None, unit: str = "") -> str:
    """Number to three digits, a large one without an exponent; a dash for None.

    Examples
    --------
    >>> number_text(47123.4), number_text(-0.00123), number_text(0.25, "x"), number_text(0.5, "%"), number_text(None)
    ('47,100', '−0.00123', '×0.25', '50 %', '–')
    """
    if value is None:
        return "–"
    if unit == "%":
        return percent(value)
    rounded = float(f"{value:.3g}")
    text = f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{value:.3g}"
    return ("×" if unit == "x" else "") + (f"−{text[1:]}" if text.startswith("-") else text)


def percent(share: float) -> str:
    """Share in per cent, to a whole number or to two digits of a smaller one.

    Examples
    --------
    >>> percent(0.923), percent(0.0123), percent(0.0), percent(1e-9), percent(-0.25)
    ('92 %', '1.2 %', '0 %', '<0.01 %', '−25 %')
    """
    if abs(share) < 5e-5:
        return "<0.01 %" if share > 0 else "0 %"
    return (f"{100 * share:,.0f} %" if abs(share) >= 0.1 else f"{100 * share:.2g} %").replace("-", "−")


def unbroken(text: str) -> str:
    r"""A text whose numbers stay with their unit and with the number that they go to or lead to.

    Examples
    --------
    >>> unbroken("1 % to 2 % (2 seeds)")
    '1\xa0%\xa0to\xa02\xa0% (2\xa0seeds)'
    """
    return re.sub(r"(?<=[\d%]) (?=%|→|to [\d−]|(seed|fold)s\b)|(?<=→) |(?<=[\d%] to) ", "\u00a0", text)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names one after the other; if there are more than one above ``most``, the first of them.

    Examples
    --------
    >>> listed(["age", "mass", "town"]), listed(["age", "mass", "town", "job"], most=2)
    ('age, mass, town', 'age, mass, 2 others')
    """
    cut = len(names) > most + 1
    return ", ".join([*names[:most], f"{len(names) - most} others"] if cut else names)


def at_most(findings: Sequence[Finding], most: int = 8) -> list[Finding]:
    """The first findings, and how many more there are of the kind."""
    if len(findings) <= most + 1:
        return list(findings)
    return [*findings[:most], Finding(findings[0].quantity, f"{len(findings) - most} more", None)]


def spread(summary: SeedSummary) -> Interval | None:
    """95 % interval of the mean over many seeds, or the ends of a few; None of one, whose spread is not known."""
    if summary.n_seeds == 1:
        return None
    if summary.n_seeds >= BAND_SEEDS:
        return Interval(summary.low, summary.high, f"95 %, {summary.n_seeds} seeds")
    values = [value for _, value in summary.values]
    return Interval(min(values), max(values), f"{summary.n_seeds} seeds")
