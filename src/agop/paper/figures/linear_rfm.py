"""Linear RFM on sparse vectors and low-rank matrices, beside convex and deep linear recovery; quick: about 100 s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import torch
from torch import Tensor

from agop.charts.chart import Curves, Grid
from agop.datasets import Dataset
from agop.paper.curves import family, rows_of
from agop.paper.figure import Figure, Observe, Part, Verdict
from agop.paper.linear_recovery import LOW_RANK, SPARSE
from agop.paper.scales import Scale
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE", "RecoverySettings", "problem"]

_RECOVERED = 0.02
"""Relative error, median over the draws, up to which a problem counts as recovered."""

_SAME = 0.01
"""Relative excess of a norm up to which it counts as least."""

_NORM = {"sparse": "1-norm", "low-rank": "nuclear norm"}


@dataclass(frozen=True)
class RecoverySettings:
    """Settings of a recovery task.

    Attributes
    ----------
    task
        "sparse": a vector with few entries, from normal inputs; "low-rank": a matrix of low rank, from some entries.
    size
        Entries of the vector, or side of the matrix.
    rank
        Entries that are not zero, or rank.
    observed
        Numbers of observations.
    seeds
        Seeds of the draws.
    data
        Name of the data.
    """

    task: Literal["sparse", "low-rank"]
    size: int
    rank: int
    observed: tuple[int, ...]
    seeds: tuple[int, ...]
    data: str = "linear-recovery"


def problem(settings: RecoverySettings, observed: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """What is observed, as the methods take it, and the truth."""
    generator, size, rank = torch.Generator().manual_seed(seed), settings.size, settings.rank

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    if settings.task == "sparse":
        truth = torch.zeros(size, dtype=torch.float64)
        truth[torch.randperm(size, generator=generator)[:rank]] = normal(rank)
        inputs = normal(observed, size)
        return inputs, inputs @ truth, truth
    truth = normal(size, rank) @ normal(rank, size) / rank**0.5
    order = torch.randperm(size * size, generator=generator)
    return truth, (order < observed).reshape(size, size), truth


def _lines(settings: RecoverySettings, observe: Observe) -> Iterator[dict[str, Any]]:
    methods = SPARSE if settings.task == "sparse" else LOW_RANK
    for observed in settings.observed:
        observe(f"{observed} observations")
        for seed in settings.seeds:
            first, second, truth = problem(settings, observed, seed)
            for name, method in methods.items():
                found = method(first, second)
                norm = found.abs().sum() if found.ndim == 1 else torch.linalg.matrix_norm(found, "nuc")
                yield {
                    "observed": observed,
                    "seed": seed,
                    "method": name,
                    "error": float((found - truth).norm() / truth.norm()),
                    "norm": float(norm),
                }


_OBSERVED = {"sparse": (12, 16, 20, 24, 28, 32, 40, 48), "low-rank": (180, 220, 260, 300, 350, 400, 500, 600)}

_SEEDS: dict[Scale, tuple[int, ...]] = {
    "quick": tuple(range(1, 6)),
    "cpu": tuple(range(1, 11)),
    "paper": tuple(range(1, 31)),
}
"""Seeds of the draws; with 0, 100 and 101 the settings of all methods were chosen."""


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:  # noqa: ARG001 (the data are its own)
    tasks = (
        RecoverySettings("sparse", 100, 6, _OBSERVED["sparse"], _SEEDS[scale]),
        RecoverySettings("low-rank", 30, 2, _OBSERVED["low-rank"], _SEEDS[scale]),
    )
    return [Part(f"linear-{each.task}-{len(each.seeds)}", each.data, {"task": each.task}, each, _run) for each in tasks]


def _run(settings: RecoverySettings, dataset: Dataset | None, out: Path, observe: Observe) -> Run:  # noqa: ARG001
    run = Run.create(out, asdict(settings))
    if not (run.path / "metrics.jsonl").exists():
        with run.working():
            run.rewrite(_lines(settings, observe))
    run.finish()
    return run


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for task in values_of(lines, "task"):
        of_task = select(lines, task=task)
        verdicts.append(_fewer(task, of_task, "least norm", _NORM[task]))
        verdicts.append(_fewer(task, of_task, "deep linear network", "deep linear network"))
        verdicts.append(_same_norm(task, of_task))
    return verdicts


def _fewer(task: str, lines: list[Line], other: str, name: str) -> Verdict:
    """Linear RFM recovers from fewer observations than the other method."""
    ours, theirs = (_enough(select(lines, method=method)) for method in ("linear RFM, power 1", other))
    numbers = {"observed_linear_rfm": ours, f"observed_{name.replace(' ', '_').replace('-', '_')}": theirs}
    of = "least " + name if other == "least norm" else name
    claim = f"{task}: linear RFM of power 1 recovers (median error {_RECOVERED}) from fewer observations than the {of}"
    return Verdict(claim, numbers, ours is not None and (theirs is None or ours < theirs))


def _same_norm(task: str, lines: list[Line]) -> Verdict:
    """Power 1/2 is reweighted least squares for the norm: it reaches the least one."""
    ours, least = (select(lines, method=method) for method in ("linear RFM, power 1/2", "least norm"))
    excess = max(abs(one["norm"] / other["norm"] - 1) for one, other in zip(ours, least, strict=True))
    claim = f"{task}: linear RFM of power 1/2 reaches the least {_NORM[task]} to {_SAME:.0%} in every draw"
    return Verdict(claim, {"largest_difference": excess}, excess <= _SAME)


def _enough(lines: list[Line]) -> int | None:
    """Fewest observations from which on the median draw is recovered; None if it is not with the most."""
    enough = None
    for observed in values_of(lines, "observed"):
        recovered = median(line["error"] for line in select(lines, observed=observed)) <= _RECOVERED
        enough = (enough or observed) if recovered else None
    return enough


def _chart(run: Run) -> Grid:
    """Errors of the methods, and their norms over the least of the draw, by the number of observations."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        least = {(line["observed"], line["seed"]): line["norm"] for line in select(lines, method="least norm")}
        lines = [dict(line) | {"excess": line["norm"] / least[line["observed"], line["seed"]]} for line in lines]
        titles = {"error": "relative error", "excess": f"{_NORM[lines[0]['task']]} / least one"}
        methods = {name: name for name in values_of(lines, "method")}
        return {
            title: Curves(
                "observations", title, family(lines, "observed", measure, ("method", methods), log=False), log_y=False
            )
            for measure, title in titles.items()
        }

    return rows_of(run, "task", lambda lines: lines[0]["task"], panels)


FIGURE = Figure(
    name="linear-rfm",
    claim=(
        "With a linear kernel the recursion is iteratively reweighted least squares: it recovers sparse vectors and "
        "low-rank matrices from fewer observations than convex norms and deep linear networks do."
    ),
    budget=200,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    data=None,
    paper="Radhakrishnan, Belkin, Drusvyatskiy 2025, arXiv 2401.04553",
    caption=(
        "Relative error of the recovered vector or matrix, and its norm over the least norm that fits the draw, by the "
        "number of observations: means over draws."
    ),
)
"""Error of recovery by the number of observations."""
