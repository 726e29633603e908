"""What the numbers of networks say, in plain words computed from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import isfinite

from agop.charts.findings.changes import Change, steepest
from agop.charts.findings.courses import Ends, ends_of, steps
from agop.charts.findings.fits import fit_findings, named, ranking
from agop.charts.findings.wording import fixed, listed, zeros
from agop.charts.kind import of_run
from agop.network.plots.attribution import shares_in_words
from agop.network.result import NetworkResult
from agop.runs import Line, SeedSummary, hidden_layers, last_measured, select, summarize_along, values_of

__all__ = [
    "epoch_findings",
    "layer_findings",
    "map_findings",
    "network_comparison",
    "network_findings",
    "nfa_findings",
    "of_each",
    "unit_of",
]

_NC1, _ROOT = "nc1_trace_ratio", "nfa_pearson_root"

_ON_THESE_ROWS = {"accuracy on these rows": ("accuracy", ".3f")}
"""Where it is not known whether the measured rows were trained on."""


def network_findings(lines: Iterable[Line], unit: str = "epoch") -> list[str]:
    r"""Sentences about the fit, the scores, the course of NC1, its cause, and the ansatz, at the last measurement.

    Examples
    --------
    >>> scores = {"seed": 0, "epoch": 9, "loss": 0.01, "train_accuracy": 1.0, "test_accuracy": None}
    >>> print(*network_findings([{**scores, "layer": "fc.1", "stage": "input", "nc1_trace_ratio": 4.0}]), sep="\n")
    After 9 epochs: training loss 0.01, training accuracy 1.000.
    NC1 of the layer inputs is 4 at fc.1.
    """
    lines = list(lines)
    last = last_measured(lines)
    fit = fit_findings(lines)
    sentences = [*fit, _scores(last, unit), *_layer_sentences(last), shares_in_words(last), _ansatz(last)]
    return [sentence for sentence in sentences if sentence]


def layer_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about NC1 by layer at the last measurement, and which run ends lowest."""
    sentences = [
        of_run(results, result, sentence)
        for result in results
        for sentence in _layer_sentences(last_measured(result.lines))
    ]
    return [*network_comparison(results), *sentences]


def network_comparison(results: Sequence[NetworkResult]) -> list[str]:
    """A sentence on which of several runs ends with the lowest NC1, if they have the same last layer."""
    ends = {result.name: end for result in results if (end := _last_input(last_measured(result.lines))) is not None}
    layers = {layer for layer, _ in ends.values()}
    if len(layers) != 1:
        return []
    found = {name: summary for name, (_, summary) in ends.items()}
    return ranking(f"NC1 at the input of {layers.pop()}", results, found)


def map_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about the layer and the time at which NC1 falls most, and how many layers end lower."""
    return [*_compared(results, "input", "at the input of"), *of_each(results, _steepest)]


def epoch_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about NC1 after the nonlinearity of every layer, from the first to the last measurement."""

    def course(result: NetworkResult) -> str:
        stages = {"output": "after the nonlinearity", "linear": "after the linear map", "input": "at the input"}
        for stage, where in stages.items():
            if ends := _ends(result, stage):
                texts = listed([f"{layer} {e.change.start:.3g} to {e.change.end:.3g}" for layer, e in ends.items()])
                return f"NC1 {where} {_from_to(ends.values(), result.unit)}: {texts}."
        return ""

    return [*_compared(results, "output", "after the nonlinearity of"), *of_each(results, course)]


def nfa_findings(results: Sequence[NetworkResult]) -> list[str]:
    """Sentences about the correlation of W^T W with the root of the AGOP, before and after."""

    def course(result: NetworkResult) -> str:
        found = {
            layer: ends_of(select(result.lines, layer=layer, stage="input"), _ROOT, log=False)
            for layer in values_of(result.lines, "layer")
        }
        texts = [
            f"{layer} {fixed(ends.change.start)} to {fixed(ends.change.end)}"
            for layer, ends in found.items()
            if ends is not None
        ]
        if not texts:
            return _ansatz(last_measured(result.lines))
        return f"From the first to the last measurement WᵀW and AGOP½ correlate: {listed(texts)}."

    means = {}
    for result in results:
        found = summarize_along(select(last_measured(result.lines), stage="input"), _ROOT, "layer", log=False)
        if found:
            means[named(result)] = sum(summary.mean for summary in found.values()) / len(found)
    findings = of_each(results, course)
    if len(means) > 1:
        texts = listed([f"{fixed(mean)} in {name}" for name, mean in means.items()])
        findings.insert(0, f"WᵀW and AGOP½ correlate at the end, on average over the layers, by {texts}.")
    return findings


def of_each(results: Sequence[NetworkResult], sentence: Callable[[NetworkResult], str]) -> list[str]:
    """Sentences of all runs that have one."""
    return [of_run(results, result, text) for result in results if (text := sentence(result))]


def unit_of(results: Sequence[NetworkResult]) -> str:
    """What the runs count: "epoch", "step", or both."""
    return " or ".join(dict.fromkeys(result.unit for result in results))


def _scores(last: Sequence[Line], unit: str) -> str:
    """Loss and accuracy, means over seeds, of a positive loss geometric; 0 says that the epochs are not known.

    Where some seeds have no value, it is said how many have.
    """
    seeds = [{**line, "all": 0} for line in {line["seed"]: line for line in last}.values()]
    trained = any(line.get("train_accuracy") is not None for line in seeds)
    columns = {
        "training loss": ("loss", ".3g"),
        **({"training accuracy": ("train_accuracy", ".3f")} if trained else _ON_THESE_ROWS),
        "test accuracy": ("test_accuracy", ".3f"),
    }
    found = [
        f"{name} {summary.mean:{form}}"
        + (f" (of {summary.n_seeds} of {len(seeds)} seeds)" if summary.n_seeds < len(seeds) else "")
        for name, (column, form) in columns.items()
        for log_mean in [column == "loss" and all((line.get(column) or 0) > 0 for line in seeds)]
        for summary in summarize_along(seeds, column, "all", log=log_mean).values()
    ]
    if not found:
        return ""
    epochs = sorted({line["epoch"] for line in seeds})
    over = f" (means over {len(seeds)} seeds)" if len(seeds) > 1 else ""
    if epochs == [0]:
        text = ", ".join(found)
        return f"{text[0].upper()}{text[1:]}{over}."
    text = f"{epochs[0]}{f' to {epochs[-1]}' if len(epochs) > 1 else ''} {unit}{'' if epochs == [1] else 's'}"
    return f"After {text}: {', '.join(found)}{over}."


def _inputs(last: Sequence[Line]) -> dict[str, SeedSummary]:
    """NC1 by layer, in the order of the calls."""
    inputs = select(last, stage="input")
    found = summarize_along(inputs, _NC1, "layer")
    return {layer: found[layer] for layer in values_of(inputs, "layer") if layer in found}


def _last_input(last: Sequence[Line]) -> tuple[str, SeedSummary] | None:
    """Name and NC1 of the last layer input that has one; 0 if it is that for a seed."""
    inputs = [line for line in select(last, stage="input") if (nc1 := line.get(_NC1)) is not None and isfinite(nc1)]
    if not inputs:
        return None
    layer = values_of(inputs, "layer")[-1]
    return layer, SeedSummary.with_zeros({line["seed"]: line[_NC1] for line in inputs if line["layer"] == layer})


def _layer_sentences(last: Sequence[Line]) -> list[str]:
    left_out = zeros("NC1 of the layer inputs", select(last, stage="input"), _NC1)
    return [_across_layers(last), *(left_out if _inputs(last) else [])]


def _across_layers(last: Sequence[Line]) -> str:
    found = _inputs(last)
    if not found:
        return "No layer has a positive, finite NC1."
    names = list(found)
    first, end = names[0], names[-1]
    if len(names) == 1:
        return f"NC1 of the layer inputs is {found[first].mean:.3g} at {first}."
    change = Change.between(found[first], found[end])
    if change is None:
        return f"No seed has a positive, finite NC1 both at {first} and at {end}."
    text = f"NC1 of the layer inputs {change.verb} from {change.start:.3g} at {first} to {change.end:.3g} at {end}"
    if change.verb == "stays":
        text = f"NC1 of the layer inputs is {change.end:.3g} at {first} and at {end}"
    return f"{', '.join(filter(None, [text, change.within]))}{_largest_step(found)}."


def _largest_step(found: Mapping[str, SeedSummary]) -> str:
    """Where NC1 falls most from one layer to the next, if it does so there in every seed."""
    pairs = {after: Change.between(found[before], found[after]) for before, after in pairwise(found)}
    steps = {layer: step for layer, step in pairs.items() if step is not None}
    largest = steepest(steps) if len(steps) > 1 else []
    if not largest:
        return ""
    fall = steps[largest[0]]
    return f"; the largest fall of a step, {fall.start / fall.end:.3g}x, leads to {listed(largest)}"


def _ansatz(last: Sequence[Line]) -> str:
    found = summarize_along(select(last, stage="input"), _ROOT, "layer", log=False)
    texts = [f"{layer} {fixed(summary.mean)}" for layer, summary in found.items()]
    return f"Correlation of WᵀW with the root of the AGOP: {listed(texts)}." if texts else ""


def _ends(result: NetworkResult, stage: str) -> dict[str, Ends]:
    """NC1 at a stage at the first and the last measurement, of the layers that have both."""
    layers = hidden_layers(result.lines) if stage == "output" else values_of(result.lines, "layer")
    found = {layer: ends_of(select(result.lines, layer=layer, stage=stage), _NC1) for layer in layers}
    return {layer: ends for layer, ends in found.items() if ends is not None}


def _from_to(ends: Iterable[Ends], unit: str) -> str:
    """When it was measured first and last, if that was at the same time everywhere."""
    epochs = {each.epochs for each in ends}
    first, last = (epochs.pop() if len(epochs) == 1 else None) or (None, None)
    return "from the first to the last measurement" if first is None else f"from {unit} {first} to {last}"


def _compared(results: Sequence[NetworkResult], stage: str, where: str) -> list[str]:
    """How far NC1 moves in each run at the last layer that all of those with a course have."""
    found = {named(result): ends for result in results if (ends := _ends(result, stage))}
    if len(found) < 2:
        return []
    layers = [layer for layer in next(iter(found.values())) if all(layer in ends for ends in found.values())]
    if not layers:
        return []
    texts, said = [], ""
    for name, ends in found.items():
        verb, by = ends[layers[-1]].moves
        texts.append(f"{by if verb == said else f'{verb} {by}'} in {name}")
        said = verb
    return [f"From the first to the last measurement NC1 {where} {layers[-1]} {listed(texts)}."]


def _steepest(result: NetworkResult) -> str:
    """Where and when NC1 of a layer's input falls most between two measurements."""
    ends = _ends(result, "input")
    if not ends:
        return ""
    moves = {layer: each.moves for layer, each in ends.items()}
    lower = [layer for layer, (verb, _) in moves.items() if verb == "falls"]
    unsure = sum(each.change.verb == "goes" for each in ends.values())
    text = f"NC1 at the input ends lower than it began in {len(lower)} of {len(ends)} layers"
    text += f" (in {unsure} more it moves by no more than the spread over seeds)" if unsure else ""
    if len(ends) == 1:
        ((layer, (verb, by)),) = moves.items()
        text = f"NC1 at the input of {layer} {verb} {by}"
    elif most := steepest({layer: each.change for layer, each in ends.items()}):
        text += f", most at {listed(most)}, {moves[most[0]][1]}"
    changes = {
        (layer, step): change
        for layer in ends
        for step, change in steps(select(result.lines, layer=layer, stage="input"), _NC1).items()
    }
    if places := steepest(changes):
        where = listed([f"at {layer} between {result.unit} {first} and {last}" for layer, (first, last) in places])
        text += f"; the steepest fall is {where}, {changes[places[0]].decades}"
    return f"{text}."
