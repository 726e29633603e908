"""Notes on what measured layers leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agop.network.record.layer import LayerRecord

__all__ = ["few", "notes_of"]


def notes_of(layers: Mapping[str, LayerRecord]) -> Iterator[str]:
    """Notes on layers without an AGOP, on classes of no sample or one, and on measures without a value."""
    for name, layer in layers.items():
        if layer.gradients is None:
            yield f"{name}: no gradient of the outputs reaches it, no AGOP"
    yield from _about_classes(layers)
    yield from _about_measures(layers)


def few(items: Iterable[object]) -> str:
    """The first three of them, and how many more there are."""
    names = list(map(str, items))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _about_classes(layers: Mapping[str, LayerRecord]) -> Iterator[str]:
    counts = [stage.moments.counts.tolist() for layer in layers.values() for stage in layer.stages.values()]
    if absent := [label for label, found in enumerate(zip(*counts, strict=True)) if not any(found)]:
        yield f"no samples of class {few(absent)}, left out"
    if single := [label for label, found in enumerate(zip(*counts, strict=True)) if 1 in found]:
        yield f"one sample of class {few(single)}, which has no scatter within the class: left out of NC1"


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
