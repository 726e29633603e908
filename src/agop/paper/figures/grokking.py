"""Modular addition, which is learned long after the training fits, and features before; quick: about 2 minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agop.charts.chart import Curves, Grid
from agop.charts.palette import color
from agop.datasets import Dataset
from agop.paper.curves import course, first_epoch, rows_of
from agop.paper.figure import Figure, Observe, Part, Verdict
from agop.paper.modular import ModularKernel, ModularSettings, modular_lines
from agop.paper.modular_network import ModularNetworkSettings, run_modular_network
from agop.paper.scales import Scale
from agop.runs import Line, Run, select, values_of
from agop.runs.storage import JSON

__all__ = ["FIGURE"]

_LEARNED, _FITTED, _CHANCE = 0.9, 0.99, 0.1
"""Test accuracy from which on addition counts as learned, training accuracy from which on the training fits, and test
accuracy up to which nothing is learned."""

_LONG = 5
"""Iterates, or epochs, from where the training fits to where addition is learned."""

_CIRCULANT = 0.5
"""Circulant share at the end that a block must have to be one."""

_ANSATZ = 0.9
"""Correlation of WᵀW with the root of the AGOP from which on they agree."""

_RUNS: tuple[tuple[ModularKernel, float, int, bool], ...] = (("quadratic", 1.0, 25, False), ("gaussian", 2.5, 30, True))
"""Kernel, bandwidth, AGOP updates, and whether gradients are centered."""

_SEEDS: dict[Scale, tuple[int, ...]] = {"quick": (1,), "cpu": (1, 2, 3), "paper": (1, 2, 3, 4, 5)}
"""Seeds; with 0, and for the network with 100 and 101, numbers of iterates and epochs and thresholds were chosen."""

_PRIME = 61

_NETWORK = "network"


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:  # noqa: ARG001 (the data are its own)
    parts = []
    for kernel, bandwidth, iterations, centered in _RUNS:
        for seed in _SEEDS[scale]:
            settings = ModularSettings(_PRIME, kernel, bandwidth, iterations, centered, seed)
            parts.append(_part(f"{kernel} kernel", kernel, settings, _run))
    networks = (ModularNetworkSettings(_PRIME, seed=seed) for seed in _SEEDS[scale])
    return [*parts, *(_part(_NETWORK, _NETWORK, settings, run_modular_network) for settings in networks)]


def _part(
    learner: str,
    name: str,
    settings: ModularSettings | ModularNetworkSettings,
    run: Callable[[Any, Any, Path, Observe], Run],
) -> Part:
    columns: dict[str, JSON] = {"learner": learner, "seed": settings.seed}
    return Part(f"modular-{name}-{_PRIME}-{settings.seed}", settings.data, columns, settings, run)


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
        name, along = f"{found[0]['learner']}, seed {found[0]['seed']}", _along(found)
        course = [line for line in found if line[along] is not None]
        verdicts.append(_late(name, course))
        verdicts += [_before(name, course, measure) for measure in _MEASURES if measure in course[0]]
        verdicts += [_at_once(name, line) for line in found if line[along] is None]
        if along == "epoch":
            verdicts.append(_ansatz(name, course))
    return verdicts


def _along(lines: list[Line]) -> str:
    return "epoch" if lines[0]["learner"] == _NETWORK else "iteration"


def _late(name: str, lines: list[Line]) -> Verdict:
    """Chance when the training fits, and learned later."""
    along = _along(lines)
    fitted = first_epoch(((line[along], line["train_accuracy"]) for line in lines), _FITTED, above=True)
    learned = _first(lines, lambda line: line["test_accuracy"] >= _LEARNED)
    numbers: dict[str, float | None] = {"fitted_at": fitted, "learned_at": learned}
    claim = (
        f"{name}: addition is learned (test accuracy {_LEARNED}) {_LONG} {along}s or more after the training fits "
        f"({_FITTED}), when nothing was ({_CHANCE} or less)"
    )
    if fitted is None:
        return Verdict(claim, numbers, None, "the training data are not fitted")
    (there,) = select(lines, **{along: fitted})
    numbers |= {"test_accuracy_fitted": there["test_accuracy"], "test_accuracy_end": lines[-1]["test_accuracy"]}
    late = learned is not None and learned >= fitted + _LONG
    return Verdict(claim, numbers, late and there["test_accuracy"] <= _CHANCE)


def _before(name: str, lines: list[Line], measure: str) -> Verdict:
    """Half of the rise of a measure of the features comes earlier than half of that of test accuracy."""
    halves = {each: _half_way(lines, each) for each in (measure, "test_accuracy")}
    numbers = {f"{each}_half_way": place for each, place in halves.items()}
    numbers |= {f"{measure}_start": lines[0][measure], f"{measure}_end": lines[-1][measure]}
    claim = f"{name}: {_MEASURES[measure]} is half way before the test accuracy is"
    if lines[-1]["test_accuracy"] < _LEARNED:
        return Verdict(claim, numbers, None, "addition is not learned")
    features, accuracy = halves.values()
    first = features is not None and accuracy is not None and features < accuracy
    return Verdict(claim, numbers, first and lines[-1][measure] >= _CIRCULANT)


def _at_once(name: str, line: Line) -> Verdict:
    claim = f"{name}: on random circulant features the kernel generalizes without an AGOP (test accuracy {_LEARNED})"
    return Verdict(claim, {"test_accuracy": line["test_accuracy"]}, line["test_accuracy"] >= _LEARNED)


def _ansatz(name: str, lines: list[Line]) -> Verdict:
    """Least correlation of WᵀW with the root of the AGOP, which is there before training too."""
    found = [line["nfa_pearson_root"] for line in lines]
    numbers = {"root_start": found[0], "root_least": min(found), "root_end": found[-1]}
    claim = f"{name}: WᵀW agrees with the root of the AGOP at every epoch (correlation {_ANSATZ} or more)"
    return Verdict(claim, numbers, min(found) >= _ANSATZ)


def _half_way(lines: list[Line], measure: str) -> int | None:
    """First iterate or epoch at half of the rise from the first to the last; None where it does not rise."""
    start, end = lines[0][measure], lines[-1][measure]
    return _first(lines, lambda line: line[measure] >= (start + end) / 2) if end > start else None


def _first(lines: list[Line], holds: Callable[[Line], bool]) -> int | None:
    return next((line[_along(lines)] for line in lines if holds(line)), None)


_MEASURES = {
    "circulant": "the circulant share of the block of the metric between the two numbers",
    "alignment": "the cosine of the metric with the last one",
    "circulant_agop": "the circulant share of the block of the AGOP between the two numbers",
    "circulant_nfm": "the circulant share of the block of WᵀW between the two numbers",
}
"""What is said of the measures of features."""

_DRAWN = {
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "circulant": "circulant share",
    "alignment": "cosine with the last metric",
    "circulant_agop": "circulant share of the AGOP",
    "circulant_nfm": "circulant share of WᵀW",
    "nfa_pearson_root": "correlation of WᵀW and AGOP½",
}


def _chart(run: Run) -> Grid:
    """Accuracies and measures of the features by iterate or epoch, errors beside them."""

    def panels(lines: list[Line]) -> dict[str, Curves]:
        along = _along(lines)
        name, found = {"iteration": "iterate"}.get(along, along), [line for line in lines if line[along] is not None]
        shares = [
            course(found, along, measure, label, color(place), log=False)
            for place, (measure, label) in enumerate(_DRAWN.items())
            if measure in found[0]
        ]
        errors = [course(found, along, "test_error", "test error", color(len(_DRAWN)), log=False)]
        return {
            "features and accuracy": Curves(name, "share", shares, log_y=False),
            "squared error": Curves(name, "squared error a pair", errors, log_y=False),
        }

    return rows_of(run, "learner", lambda lines: f"{lines[0]['learner']}, p = {_PRIME}", panels)


FIGURE = Figure(
    name="grokking",
    claim=(
        "Recursive feature machines learn modular addition long after they fit their training half, when the AGOP has "
        "become block-circulant, and networks do likewise; on random circulant features kernels generalize at once."
    ),
    budget=240,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    data=None,
    measures=(
        *("iteration", "epoch", "train_accuracy", "test_accuracy", "train_error", "test_error"),
        *("circulant", "alignment", "circulant_agop", "circulant_nfm", "nfa_pearson_root", "nfa_pearson"),
    ),
    paper="Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin 2024, arXiv 2407.20199",
    caption=(
        "Addition of two numbers modulo 61 by AGOP updates, and by a network of one hidden layer of 256 squares: "
        "accuracies, the share of the variance of the block of a matrix of features between the two numbers that is "
        "between its diagonals or antidiagonals, and the cosine of the metric with the last one, or the correlation of "
        "WᵀW with the root of the AGOP; squared error of a pair of the test half, summed over the outputs."
    ),
)
"""Test accuracy and features over the iterates of modular addition, and over the epochs of a network."""
