"""Settings of a fit and of an explanation, as commands take them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from agop.errors import InputError
from agop.runs.settings import AtLeast, AtMost, Seed

__all__ = ["ExplainSettings", "FitSettings"]


@dataclass(frozen=True)
class FitSettings:
    """Settings of a fit to a table.

    Attributes
    ----------
    table
        CSV, also compressed, or Parquet: one row a sample.
    target
        Column that is to be predicted.
    task
        auto: classification if the target is text, categories, true/false, or whole numbers with 20 distinct values at
        most; else regression.
    power
        Power of the AGOP that is the metric; loo chooses of 1/4, 1/2, 1 (published).
    time_budget
        Seconds that the fit may take; a sentence says what they leave out.
    max_memory
        GiB for matrices over pairs of rows, and for a CSV file; no limit by default.
    seed
        Seed of all random rows.
    verbose
        0 is quiet, 1 shows a bar, 2 also a line an iterate.

    Examples
    --------
    >>> settings = FitSettings("houses.csv", "price", power="0.5", max_memory=1.5)
    >>> settings.power_of_agop, settings.max_bytes
    (0.5, 1610612736)
    """

    table: str
    target: str
    task: Literal["auto", "regression", "classification"] = "auto"
    power: str = "loo"
    time_budget: Annotated[float, AtLeast(0)] | None = None
    max_memory: Annotated[float, AtLeast(0)] | None = None
    seed: Seed = 0
    verbose: Annotated[int, AtLeast(0), AtMost(2)] = 1

    @property
    def power_of_agop(self) -> float | Literal["loo"]:
        """Power as the estimators take it; InputError for text that is no positive number."""
        if self.power == "loo":
            return "loo"
        try:
            power = float(self.power)
        except ValueError:
            power = math.nan
        if not 0 < power < math.inf:
            raise InputError("loo or a positive number as --power", self.power, "1 is the published recursion.")
        return power

    @property
    def max_bytes(self) -> int | None:
        """Memory in bytes; None for no limit."""
        return None if self.max_memory is None else int(self.max_memory * 2**30)


@dataclass(frozen=True)
class ExplainSettings:
    """Settings of an explanation.

    Attributes
    ----------
    model
        File that agop fit wrote.
    table
        File of the rows to swap values between; the rows of the fit by default.
    folds
        With --run, number of parts of the table of which each is predicted by a model fitted to the others.
    swaps
        Swaps of each column and pair, each of which costs a prediction; 4,000 by default, fewer for more than 25
        columns.
    seed
        Seed of the random rows and of the folds, and of the models of folds, unless they have one.

    Examples
    --------
    >>> ExplainSettings("houses.safetensors", table="houses.csv", folds=5)
    ExplainSettings(model='houses.safetensors', table='houses.csv', folds=5, swaps=None, seed=0)
    """

    model: str
    table: str | None = None
    folds: Annotated[int, AtLeast(0)] = 0
    swaps: Annotated[int, AtLeast(3)] | None = None
    seed: Seed = 0
