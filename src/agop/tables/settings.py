"""Settings of an explanation, as a command takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from agop.runs.settings import AtLeast, Seed

__all__ = ["ExplainSettings"]


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
