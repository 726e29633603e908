"""What the numbers of networks say, in plain words computed from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import log10

from agop.records import (
    Line,
    SeedSummary,
    hidden_layers,
    last_measured,
    measurements,
    select,
    summarise_along,
    values_of,
)
from agop.reports.results import NetworkResult
from agop.reports.wording import listed, lowest, of_run, percent

__all__ = [
    "attribution_findings",
    "epoch_findings",
    "layer_findings",
    "linear_shares",
    "map_findings",
    "network_comparison",
    "network_findings",
    "nfa_findings",
    "of_each",
    "score_findings",
]

_NC1 = "nc1_trace_ratio"

_TINY = 1e-3
"""Decades below which a measure stayed as it was: the data that the first layer reads do not change."""


def network_findings(lines: Iterable[Line], unit: str = "epoch") -> list[str]:
    r"""Sentences about loss and accuracy, the course of NC1, its cause, and the ansatz, at the last measurement.

    Examples
    --------
    >>> scores = {"seed": 0, "epoch": 9, "loss": 0.01, "train_accuracy": 1.0, "test_accuracy": None}
    >>> print(*network_findings([{**scores, "layer": "fc.1", "stage": "input", "nc1_trace_ratio": 4.0}]), sep="\n")
    After 9 epochs: training loss 0.01, training accuracy 1.000.
    NC1 of the layer inputs is 4 at fc.1.
    """
    last = last_measured(lines)
    sentences = [_scores(last, unit), _across_layers(last), _shares(last), _ansatz(last)]
    return [sentence for sentence in sentences if sentence]


def layer_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about NC1 by layer at the last measurement, and which run ends lowest."""
    return [
        *network_comparison(results),
        *of_each(results, lambda result: _across_layers(last_measured(result.lines))),
    ]


def network_comparison(results: Sequence[NetworkResult]) -> list[str]:
    """A sentence on which of several runs ends with the lowest NC1, if they have the same last layer."""
    inputs = {result.name: found for result in results if (found := _inputs(last_measured(result.lines)))}
    layers = {list(found)[-1] for found in inputs.values()}
    if len(inputs) < 2 or len(layers) > 1:
        return []
    (layer,) = layers
    return [lowest(f"NC1 at the input of {layer}", {name: found[layer].mean for name, found in inputs.items()})]


def map_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about the layer and the time at which NC1 falls most, and how many layers end lower."""
    return of_each(results, _steepest)


def epoch_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about NC1 after the nonlinearity of every layer, from the first to the last measurement."""

    def course(result: NetworkResult) -> str:
        parts = {}
        for layer in hidden_layers(result.lines):
            found = summarise_along(select(result.lines, layer=layer, stage="output"), _NC1, "epoch")
            if len(found) > 1:
                first, last = min(found), max(found)
                parts[layer] = first, last, f"{layer} {found[first].mean:.3g} to {found[last].mean:.3g}"
        if not parts:
            return ""
        first, last, _ = next(iter(parts.values()))
        texts = listed([text for *_, text in parts.values()])
        return f"NC1 after the nonlinearity from {result.unit} {first} to {last}: {texts}."

    return of_each(results, course)


def attribution_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about the share of the linear map in the fall of NC1 at the last measurement."""
    return of_each(results, lambda result: _shares(last_measured(result.lines)))


def nfa_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about the correlation of W^T W with the root of the AGOP, before and after."""

    def course(result: NetworkResult) -> str:
        if len(values_of(result.lines, "epoch")) < 2:
            return _ansatz(last_measured(result.lines))
        texts = []
        for layer in values_of(result.lines, "layer"):
            at = select(result.lines, layer=layer, stage="input")
            found = summarise_along(at, "nfa_pearson_root", "epoch", log=False)
            if len(found) > 1:
                texts.append(f"{layer} {found[min(found)].mean:.2f} to {found[max(found)].mean:.2f}")
        if not texts:
            return ""
        return f"From the first to the last measurement WᵀW and AGOP½ correlate: {listed(texts)}."

    return of_each(results, course)


def score_findings(results: Sequence[NetworkResult], measure: str, name: str) -> list[str]:
    """Sentences about the course of "loss" or "accuracy" on the training and the test rows."""

    def course(result: NetworkResult) -> str:
        texts = []
        for column, rows in ((_training_column(measure), "training"), (f"test_{measure}", "test")):
            found = summarise_along(measurements(result.lines), column, "epoch", log=False)
            if len(found) > 1:
                first, last = min(found), max(found)
                start, end = (f"{found[place].mean:.3g}" for place in (first, last))
                verb = "falls" if float(end) < float(start) else "rises"
                moves = f"{verb} from {start} at {result.unit} {first} to {end} at {last}"
                texts.append(f"{rows} {name} {f'stays at {end}' if start == end else moves}")
            elif found:
                texts.append(f"{rows} {name} is {next(iter(found.values())).mean:.3g}")
        text = listed(texts)
        return f"{text[0].upper()}{text[1:]}." if text else ""

    return of_each(results, course)


def of_each(results: Sequence[NetworkResult], sentence: Callable[[NetworkResult], str]) -> list[str]:
    """Sentences of all runs that have one."""
    return [of_run(results, result, text) for result in results if (text := sentence(result))]


def _training_column(measure: str) -> str:
    return "train_accuracy" if measure == "accuracy" else measure


def _scores(last: Sequence[Line], unit: str) -> str:
    """Loss and accuracy, means over seeds; of a single measurement the number of epochs is not known."""
    seeds = list({line["seed"]: line for line in last}.values())
    columns = {
        "training loss": ("loss", ".3g"),
        "training accuracy": ("train_accuracy", ".3f"),
        "test accuracy": ("test_accuracy", ".3f"),
    }
    found = []
    for name, (column, form) in columns.items():
        values = [line[column] for line in seeds if line.get(column) is not None]
        if values:
            found.append(f"{name} {sum(values) / len(values):{form}}")
    if not found:
        return ""
    epochs = sorted({line["epoch"] for line in seeds})
    over = f" (means over {len(seeds)} seeds)" if len(seeds) > 1 else ""
    if epochs == [0]:
        return f"{', '.join(found).capitalize()}{over}."
    text = f"{epochs[0]}{f' to {epochs[-1]}' if len(epochs) > 1 else ''} {unit}{'' if epochs == [1] else 's'}"
    return f"After {text}: {', '.join(found)}{over}."


def _inputs(last: Sequence[Line]) -> dict[str, SeedSummary]:
    return summarise_along(select(last, stage="input"), _NC1, "layer")


def _across_layers(last: Sequence[Line]) -> str:
    found = _inputs(last)
    if not found:
        return "No layer has a positive, finite NC1."
    names = list(found)
    start, end = found[names[0]].mean, found[names[-1]].mean
    if len(names) == 1:
        return f"NC1 of the layer inputs is {start:.3g} at {names[0]}."
    verb = "falls" if end < start else "rises"
    text = f"NC1 of the layer inputs {verb} from {start:.3g} at {names[0]} to {end:.3g} at {names[-1]}"
    steps = {after: found[before].mean / found[after].mean for before, after in pairwise(names)}
    best = max(steps, key=steps.__getitem__)
    if len(steps) > 1 and steps[best] > 1:
        text += f"; the largest fall of a step, {steps[best]:.3g}x, leads to {best}"
    return f"{text}."


def linear_shares(last: Iterable[Line]) -> dict[str, float]:
    """Share of the linear map in the fall of NC1 of each layer in which it falls, of means over seeds.

    Examples
    --------
    >>> line = {"seed": 0, "epoch": 9, "layer": "fc.1", "stage": "input", "output_log_fall": 2.0}
    >>> linear_shares([{**line, "linear_log_fall": 1.0}, {**line, "seed": 1, "linear_log_fall": 2.0}])
    {'fc.1': 0.75}
    """
    columns = "linear_log_fall", "output_log_fall"
    inputs = [line for line in select(last, stage="input") if None not in (line.get(column) for column in columns)]
    linear, whole = (summarise_along(inputs, column, "layer", log=False) for column in columns)
    return {layer: linear[layer].mean / fall.mean for layer, fall in whole.items() if fall.mean > 0}


def _shares(last: Sequence[Line]) -> str:
    shares = linear_shares(last)
    if not shares:
        return ""
    (first, share), *others = shares.items()
    parts = [
        f"{percent(share)} of the fall of NC1 at {first}",
        *(f"{percent(part)} at {layer}" for layer, part in others),
    ]
    most = sum(share > 0.5 for share in shares.values())
    count = f": more than half in {most} of {len(shares)} layers" if others else ""
    above = " (above 100 % the nonlinearity raises it again)" if max(shares.values()) > 1 else ""
    return f"The linear map, S Vᵀ, makes {listed(parts)}{count}{above}."


def _ansatz(last: Sequence[Line]) -> str:
    found = summarise_along(select(last, stage="input"), "nfa_pearson_root", "layer", log=False)
    texts = [f"{layer} {summary.mean:.2f}" for layer, summary in found.items()]
    return f"Correlation of WᵀW with the root of the AGOP: {listed(texts)}." if texts else ""


def _steepest(result: NetworkResult) -> str:
    """Where and when NC1 of a layer's input falls most between two measurements."""
    steps: dict[tuple[str, int, int], float] = {}
    ends: dict[str, float] = {}
    for layer in values_of(result.lines, "layer"):
        found = summarise_along(select(result.lines, layer=layer, stage="input"), _NC1, "epoch")
        epochs = sorted(found)
        for before, after in pairwise(epochs):
            steps[layer, before, after] = log10(found[before].mean / found[after].mean)
        if len(epochs) > 1:
            ends[layer] = log10(found[epochs[0]].mean / found[epochs[-1]].mean)
    if not steps:
        return ""
    deepest = max(ends, key=ends.__getitem__)
    lower = sum(fall > _TINY for fall in ends.values())
    text = f"NC1 at the input ends lower than it began in {lower} of {len(ends)} layers"
    if ends[deepest] <= _TINY:
        return f"{text}."
    layer, before, after = steepest = max(steps, key=lambda step: steps[step])
    return (
        f"{text}, most at {deepest}, by {_decades(ends[deepest])}; the steepest fall is at {layer} between "
        f"{result.unit} {before} and {after}, by {_decades(steps[steepest])}."
    )


def _decades(fall: float) -> str:
    return f"{fall:.2g} decade{'' if f'{fall:.2g}' == '1' else 's'}"
