"""Notes on what measured layers leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agop.network.record.layer import LayerRecord
from agop.network.record.samples import SeenSamples

__all__ = ["few", "notes_of"]

_NAMED = 3
"""Layers or classes that are named in a note; of more only the number is told."""


def notes_of(layers: Mapping[str, LayerRecord], samples: SeenSamples) -> Iterator[str]:
    """Notes on layers without an AGOP, on few rows or samples of a class, and on measures without a value."""
    for name, layer in layers.items():
        if layer.spectrum is None:
            yield f"{name}: no gradient of the outputs reaches it, no AGOP"
    if compact := [name for name, layer in layers.items() if layer.is_compact]:
        yield f"{few(compact)}: numbers, eigenvalues and leading eigenvectors only, which do not merge"
    yield from _about_rows(layers)
    yield from _about_samples(samples)
    if any(layer.stages for layer in layers.values()):
        yield from _about_classes(samples)
        yield from _about_single_rows(layers, samples.classes)
        yield from _about_equal_means(layers) if len(samples.classes) > 1 else ()
    yield from _about_measures(layers)


def few(items: Iterable[object]) -> str:
    """The first three of them, and how many more there are."""
    names = list(map(str, items))
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _about_rows(layers: Mapping[str, LayerRecord]) -> Iterator[str]:
    """Notes on inputs of fewer rows than features, whose means and scatter span a part of the space only."""
    found: dict[tuple[int, int], list[str]] = {}
    for name, layer in layers.items():
        if "input" in layer.stages:
            features = layer.stages["input"].features
            found.setdefault((features.n_rows, features.n_features), []).append(name)
    for (rows, width), names in found.items():
        if rows < width:
            yield (
                f"input of {few(names)}: fewer rows ({rows}) than features ({width}), so that features span at most "
                f"{rows} directions and collapse may be that of few rows"
            )


def _about_samples(samples: SeenSamples) -> Iterator[str]:
    counts = samples.counts or {}
    if samples.are_scored and (absent := [label for label in range(samples.n_scores) if label not in counts]):
        named = f"class {few(absent)}" if len(absent) <= _NAMED else f"{len(absent)} of {samples.n_scores} classes"
        yield f"no samples of {named}, left out"
    if rare := [label for label, count in counts.items() if count < samples.min_count]:
        yield f"fewer than {samples.min_count} samples of class {few(rare)}: in the AGOPs, left out of collapse"
    yield from _about_scores(samples, counts) if len(counts) > 1 and samples.classifier is None else ()


def _about_scores(samples: SeenSamples, counts: Mapping[int, int]) -> Iterator[str]:
    """Notes on what the outputs were taken for, which one class cannot tell."""
    accuracy = samples.accuracy
    if accuracy is None:
        yield (
            f"{samples.n_outputs} outputs and labels to {max(counts)}, too few classes decided right: taken for no "
            "scores of classes, so no accuracy, NC3 and NC4; classifier=True if they are"
        )
    elif samples.has_an_output_a_label and accuracy <= samples.majority:
        yield (
            f"as many outputs as labels ({max(counts) + 1}), so taken for scores of classes, though right no "
            "more often than one class for all would be; classifier=False if they are none"
        )


def _about_classes(samples: SeenSamples) -> Iterator[str]:
    if len(samples.classes) == 1:
        yield f"class {samples.classes[0]} alone, no means to compare: no collapse until parts with others are merged"
    if len(samples.classes) == 2:
        yield "two classes, whose means about their mean are opposite: NC2 is 0 whatever was learned"


def _about_single_rows(layers: Mapping[str, LayerRecord], classes: Sequence[int]) -> Iterator[str]:
    stages = [stage.features.counts for layer in layers.values() for stage in layer.stages.values()]
    counts = [found.tolist() for found in stages if found is not None]
    if single := [label for label, found in zip(classes, zip(*counts, strict=True), strict=True) if 1 in found]:
        yield f"one sample of class {few(single)}, which has no scatter within the class: left out of NC1"


def _about_equal_means(layers: Mapping[str, LayerRecord]) -> Iterator[str]:
    stages = ((f"{name} ({stage})", part) for name, layer in layers.items() for stage, part in layer.stages.items())
    places = [place for place, part in stages if part.collapse is None]
    if places:
        yield f"no collapse at {few(places)}: the class means coincide there, as they do where all units are dead"


def _about_measures(layers: Mapping[str, LayerRecord]) -> Iterator[str]:
    """Notes on measures without a value, with the reason; those of one reason together."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for name, layer in layers.items():
        for stage, part in layer.stages.items():
            for measure, reason in {} if part.collapse is None else part.collapse.undefined.items():
                measures, places = found.setdefault(reason, ({}, {}))
                measures[measure] = places[f"{name} ({stage})"] = None
    for reason, (measures, places) in found.items():
        yield f"no {', '.join(measures)} at {few(places)}: {reason}"
