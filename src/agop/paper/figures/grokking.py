"""Modular addition, which is learned long after the training fits, and features before; quick: about 100 s."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from agop.charts.chart import Curves, Grid
from agop.charts.palette import color
from agop.datasets import Dataset
from agop.paper.curves import course, rows_of
from agop.paper.figure import Figure, Observe, Part, Scale, Verdict
from agop.paper.modular import ModularKernel, ModularSettings, modular_lines
from agop.runs import Line, Run, select, values_of

__all__ = ["FIGURE"]

_LEARNED, _CHANCE = 0.9, 0.1
"""Test accuracy from which on addition counts as learned, and up to which nothing is."""

_LONG = 5
"""Iterates with a training error of zero that must pass before it is learned."""

_RUNS: tuple[tuple[ModularKernel, float, int, bool], ...] = (("quadratic", 1.0, 25, False), ("gaussian", 2.5, 30, True))
"""Kernel, bandwidth, AGOP updates, and whether gradients are centered."""

_SEEDS: dict[Scale, tuple[int, ...]] = {"quick": (1,), "cpu": (1, 2, 3), "paper": (1, 2, 3, 4, 5)}
"""Seeds; with 0 the numbers of iterates were chosen."""

_PRIME = 61


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:  # noqa: ARG001 (the data are its own)
    parts = []
    for kernel, bandwidth, iterations, centered in _RUNS:
        for seed in _SEEDS[scale]:
            settings = ModularSettings(_PRIME, kernel, bandwidth, iterations, centered, seed)
            name = f"modular-{kernel}-{_PRIME}-{seed}"
            parts.append(Part(name, settings.data, {"kernel": kernel, "seed": seed}, settings, _run))
    return parts


def _run(settings: ModularSettings, dataset: Dataset | None, out: Path, observe: Observe) -> Run:  # noqa: ARG001
    run = Run.create(out, asdict(settings))
    if not (run.path / "metrics.jsonl").exists():
        with run.working():
            run.rewrite(modular_lines(settings, observe))
    run.finish()
    return run


def _verdicts(run: Run) -> list[Verdict]:
    lines: list[Line] = list(run.metrics())
    verdicts = []
    for part in values_of(lines, "part"):
        found = select(lines, part=part)
        name = f"{found[0]['kernel']}, seed {found[0]['seed']}"
        course = [line for line in found if line["iteration"] is not None]
        verdicts.append(_late(name, course))
        verdicts += [_before(name, course, measure) for measure in ("circulant", "alignment")]
        verdicts.append(_at_once(name, next(line for line in found if line["iteration"] is None)))
    return verdicts


def _late(name: str, lines: list[Line]) -> Verdict:
    """Chance at first, learned later, on training data that are always fitted."""
    learned = _first(lines, lambda line: line["test_accuracy"] >= _LEARNED)
    numbers = {
        "train_accuracy_least": min(line["train_accuracy"] for line in lines),
        "test_accuracy_start": lines[0]["test_accuracy"],
        "test_accuracy_end": lines[-1]["test_accuracy"],
        "learned_at": learned,
    }
    claim = f"{name}: addition is learned (test accuracy {_LEARNED}) {_LONG} iterates or more after the training fits"
    if numbers["train_accuracy_least"] < 1:
        return Verdict(claim, numbers, None, "the training data are not fitted at every iterate")
    late = learned is not None and learned >= _LONG
    return Verdict(claim, numbers, late and lines[0]["test_accuracy"] <= _CHANCE)


def _before(name: str, lines: list[Line], measure: str) -> Verdict:
    """Half of the rise of a measure of the features comes at an earlier iterate than half of that of test accuracy."""
    halves = {each: _half_way(lines, each) for each in (measure, "test_accuracy")}
    numbers = {f"{each}_half_way": place for each, place in halves.items()}
    numbers |= {f"{measure}_start": lines[0][measure], f"{measure}_end": lines[-1][measure]}
    claim = f"{name}: {_MEASURES[measure]} is half way before the test accuracy is"
    if lines[-1]["test_accuracy"] < _LEARNED:
        return Verdict(claim, numbers, None, "addition is not learned")
    features, accuracy = halves.values()
    return Verdict(claim, numbers, features is not None and accuracy is not None and features < accuracy)


def _at_once(name: str, line: Line) -> Verdict:
    claim = f"{name}: on random circulant features the kernel generalizes without an AGOP (test accuracy {_LEARNED})"
    return Verdict(claim, {"test_accuracy": line["test_accuracy"]}, line["test_accuracy"] >= _LEARNED)


def _half_way(lines: list[Line], measure: str) -> int | None:
    """First iterate at half of the rise from the first to the last; None where it does not rise."""
    start, end = lines[0][measure], lines[-1][measure]
    return _first(lines, lambda line: line[measure] >= (start + end) / 2) if end > start else None


def _first(lines: list[Line], holds: Callable[[Line], bool]) -> int | None:
    return next((line["iteration"] for line in lines if holds(line)), None)


_MEASURES = {
    "circulant": "the circulant share of the block of the metric between the two numbers",
    "alignment": "the cosine of the metric with the last one",
}
"""What is said of the measures of features."""

_DRAWN = {
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "circulant": "circulant share",
    "alignment": "cosine with the last metric",
}


def _chart(run: Run) -> Grid:
    """Accuracies and measures of the features by iterate, errors beside them."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        course_of = [line for line in lines if line["iteration"] is not None]
        shares = [
            course(course_of, "iteration", measure, label, color(place), log=False)
            for place, (measure, label) in enumerate(_DRAWN.items())
        ]
        errors = [course(course_of, "iteration", "test_error", "test error", color(4), log=False)]
        return {
            "features and accuracy": Curves("iterate", "share", shares, log_y=False),
            "squared error": Curves("iterate", "squared error a pair", errors, log_y=False),
        }

    return rows_of(run, "kernel", lambda lines: f"{lines[0]['kernel']} kernel, p = {_PRIME}", panels)


FIGURE = Figure(
    name="grokking",
    claim=(
        "Recursive feature machines learn modular addition long after they fit their training half, when the AGOP has "
        "become block-circulant; on random circulant features kernels generalize at once."
    ),
    budget=240,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    data=None,
    paper="Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin 2024, arXiv 2407.20199",
    caption=(
        "Addition of two numbers modulo 61 by AGOP updates: accuracies, the share of the variance of the block of the "
        "metric between the two numbers that is between its diagonals, and the cosine of the metric with the last "
        "one; squared error of a pair of the test half, summed over the outputs."
    ),
)
"""Test accuracy and features over the iterates of modular addition."""
