"""Plots and findings of convolutional RFM: accuracy, filters and spectra, iterate by iterate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from agop.charts.changes import Change, plain_change
from agop.charts.chart import Choice, Curve, Curves
from agop.charts.document import NumberTable, Plot
from agop.charts.findings import Finding, number_text, spread
from agop.charts.images import eigenvector_pictures, trace_shares
from agop.charts.judging import UNSETTLED, compared, not_fitted, of_each
from agop.charts.kind import MakePlots, by_run
from agop.charts.palette import color, shade
from agop.charts.seed_curves import seed_caption, seed_curve
from agop.conv_rfm.result import ConvRFMResult
from agop.runs import SeedSummary, summarize_along

__all__ = [
    "CONV_RFM_PLOTS",
    "accuracy_comparison",
    "accuracy_course",
    "conv_rfm_findings",
    "conv_rfm_numbers",
    "metric_course",
]

_ACCURACIES = {"test_accuracy": "test", "train_accuracy": "training"}


def conv_rfm_findings(results: Sequence[ConvRFMResult]) -> list[Finding]:
    """Findings on the fit, the accuracy and the metric; which run ends with the highest accuracy.

    Examples
    --------
    >>> lines = [{"seed": 0, "iteration": k, "train_accuracy": 1.0, "test_accuracy": 0.5 + k / 8} for k in range(3)]
    >>> for finding in conv_rfm_findings([ConvRFMResult("run", {"settings": {}}, lines)]):
    ...     print(*filter(None, finding.cells()), sep=" | ")
    test accuracy, updates 0 to 2 | 0.5 → 0.75 | +0.25
    """
    return [*accuracy_comparison(results), *of_each(results, _findings)]


def conv_rfm_numbers(result: ConvRFMResult) -> NumberTable:
    """A row an iterate: accuracies and the effective rank of the metric; means over seeds."""
    columns = {"test accuracy": "test_accuracy", "training accuracy": "train_accuracy"}
    found = {name: _summaries(result, measure) for name, measure in columns.items()}
    means = {name: ({k: each.mean for k, each in part.items()}, ".4f") for name, part in found.items()}
    ranks = {k: each.mean for k, each in _summaries(result, "effective_rank").items()}
    iterations = sorted({line["iteration"] for line in result.lines})
    return NumberTable.of(
        f"Iterates of {result.name}", ("updates", iterations), {**means, "effective rank of M": (ranks, ".3g")}
    )


def _summaries(result: ConvRFMResult, measure: str) -> dict[int, SeedSummary]:
    return dict(sorted(summarize_along(result.lines, measure, "iteration", log=False).items()))


def _known(result: ConvRFMResult) -> tuple[str, dict[int, SeedSummary]]:
    """The accuracy on test images, or else on training images, by iterate."""
    for measure, name in _ACCURACIES.items():
        if found := _summaries(result, measure):
            return f"{name} accuracy", found
    return "accuracy", {}


def accuracy_comparison(results: Sequence[ConvRFMResult]) -> list[Finding]:
    """Which of several runs ends with the highest test accuracy."""
    ends = {result.name: found[max(found)] for result in results if (found := _summaries(result, "test_accuracy"))}
    fits = {result.name: result.fit() for result in results}
    return compared("test accuracy", "last iterate", ends, fits, best="highest")


def _findings(result: ConvRFMResult) -> list[Finding]:
    return [*not_fitted(result.fit()), *accuracy_course(result), *metric_course(result)]


def accuracy_course(result: ConvRFMResult) -> list[Finding]:
    """Accuracy from the identity to the last metric, and whether an iterate on the way is better than the last."""
    name, found = _known(result)
    if not found:
        return []
    first, last = min(found), max(found)
    if first == last:
        return [Finding(name, f"after {first} updates", found[first].mean, interval=spread(found[first]))]
    change = Change.between(found[first], found[last], log=False)
    finding = Finding.of(name, f"updates {first} to {last}", change, found[last])
    best = max(found, key=lambda k: found[k].mean)
    if found[best].mean == found[last].mean:
        return [finding]
    gain = Change.between(found[last], found[best], log=False)
    note = f"best after {best}: {number_text(found[best].mean)}"
    if gain is None or gain.direction != "rises":
        note = f"no iterate is better than the last: {UNSETTLED}"
    return [replace(finding, notes=(*finding.notes, note))]


def metric_course(result: ConvRFMResult) -> list[Finding]:
    """Effective rank of the metric of the first and the last update, and of how many entries."""
    found, spectra = _summaries(result, "effective_rank"), result.of_iterations("spectrum")
    if not found:
        return []
    first, last = min(found), max(found)
    notes = (f"of {len(spectra[last])} entries of a patch",) if last in spectra else ()
    if first == last:
        end = found[last]
        return [Finding("effective rank of the metric", f"update {last}", end.mean, interval=spread(end), notes=notes)]
    change = Change.between(found[first], found[last], log=False)
    finding = Finding.of("effective rank of the metric", f"updates {first} to {last}", change, found[last])
    return [replace(finding, notes=(*finding.notes, *notes))]


def _accuracy_plot(results: Sequence[ConvRFMResult]) -> Plot | None:
    curves = []
    for run, result in enumerate(results):
        shown = {name: found for measure, name in _ACCURACIES.items() if (found := _summaries(result, measure))}
        for place, (name, found) in enumerate(list(shown.items())[: 1 if len(results) > 1 else None]):
            label, paint = (name, color(place)) if len(results) == 1 else (f"{result.name}, {name}", color(run))
            curves.append(seed_curve(label, found, paint, limits=(0, 1)))
    if not curves:
        return None
    return Plot(
        "accuracy",
        "Accuracy by iterate",
        Curves("AGOP updates", "accuracy", curves, log_y=False),
        of_each(results, accuracy_course),
        f"Accuracy of the kernel machine of each iterate; mean over seeds{seed_caption(curves)}. 0 updates: the kernel "
        "without features.",
        ("accuracy", "patch AGOP", "seed band"),
    )


def _filter_plot(results: Sequence[ConvRFMResult]) -> Plot | None:
    """Leading eigenvectors of the metrics as filters, with a slider over the iterates."""
    charts, held = {}, {}
    for result in results:
        filters, spectra = result.of_iterations("filters"), result.of_iterations("spectrum")
        if not filters:
            continue
        shares = {k: _shares(spectra.get(k), len(filters[k])) for k in filters}
        pictures = {
            str(k): eigenvector_pictures(each.flatten(1), shares[k], each.shape[1:]) for k, each in filters.items()
        }
        several = len(pictures) > 1
        charts[result.name] = Choice("update", pictures, slider=True) if several else next(iter(pictures.values()))
        held[result.name] = trace_shares(f"update {max(filters)}", shares[max(filters)])
    if not charts:
        return None
    return Plot(
        "filters",
        "Filters",
        by_run(results, charts),
        of_each(results, lambda result: held.get(result.name, [])),
        "Leading eigenvectors of the metric of patches, with their share of its trace; first seed. A filter and its "
        "negative mean the same. Of color images, gray is 0.",
        ("patch AGOP", "filter"),
    )


def _shares(spectrum: Tensor | None, count: int) -> list[float]:
    return [] if spectrum is None else [float(share) for share in (spectrum / spectrum.sum())[:count]]


def _spectrum_plot(results: Sequence[ConvRFMResult]) -> Plot | None:
    """Eigenvalues of the metric of every iterate, of several runs those of the last."""
    curves = []
    for run, result in enumerate(results):
        spectra = result.of_iterations("spectrum")
        if len(results) == 1:
            count = len(spectra)
            curves += [_curve(f"update {k}", each, shade(i, count)) for i, (k, each) in enumerate(spectra.items())]
        elif spectra:
            curves.append(_curve(result.name, spectra[max(spectra)], color(run)))
    if not curves:
        return None
    return Plot(
        "spectra",
        "Spectrum of the metric",
        Curves("index", "eigenvalue over the largest", curves, y_range=(1e-5, 1.5)),
        of_each(results, _rank_of_last),
        "Eigenvalues of the metric of patches, over the largest, down to 10⁻⁵; first seed.",
        ("patch AGOP", "spectrum"),
    )


def _rank_of_last(result: ConvRFMResult) -> list[Finding]:
    spectra = result.of_iterations("spectrum")
    if not spectra:
        return []
    start, end = (float(spectra[k].sum() ** 2 / spectra[k].square().sum()) for k in (min(spectra), max(spectra)))
    where = f"updates {min(spectra)} to {max(spectra)}, first seed"
    return [Finding("effective rank of the metric", where, end, course=plain_change(start, end))]


def _curve(name: str, values: Tensor, paint: str) -> Curve:
    heights = [float(value) if value > 0 else None for value in values.double() / values[0]]
    return Curve(name, list(range(1, len(heights) + 1)), heights, paint)


CONV_RFM_PLOTS: tuple[MakePlots, ...] = (_accuracy_plot, _filter_plot, _spectrum_plot)
"""Plots of convolutional RFM, in the order in which they are read."""
