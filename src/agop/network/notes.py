"""What a measurement left out or could not find, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agop.network.layer_record import LayerRecord
from agop.network.passes.first import FirstPass

__all__ = ["notes_of"]


def notes_of(first: FirstPass, records: Mapping[str, LayerRecord], unseen: Sequence[str]) -> tuple[str, ...]:
    """Notes of a network's record: layers, classes, rows and measures, in this order.

    Parameters
    ----------
    first
        What the first pass over the data found.
    records
        What every layer showed.
    unseen
        Layers whose weight was in no call.
    """
    unmasked = [name for name, layer in first.layers.items() if layer.is_unmasked]
    unreached = [name for name, layer in records.items() if layer.spectrum is None]
    return (
        *(f"{name}: {reason}" for name, reason in first.skipped.items()),
        *(f"{name}: no linear map, convolution or matrix product with its weight was seen" for name in unseen),
        *(f"{name}: no gradient of the outputs reaches it, no AGOP" for name in unreached),
        *_about_classes(first, records),
        *([_about_padding(unmasked)] if unmasked else []),
        *_about_measures(records),
    )


def _about_classes(first: FirstPass, records: Mapping[str, LayerRecord]) -> list[str]:
    """Classes that do not occur, and those of one sample, or row."""
    counts = [] if first.outputs is None else first.outputs.counts.tolist()
    absent = [label for label, count in enumerate(counts) if count == 0]
    parts = (stage.moments.counts for layer in records.values() for stage in layer.stages.values())
    single = sorted({label for part in parts for label, count in enumerate(part.tolist()) if count == 1})
    notes = [f"no samples of class {_few(absent)}, left out"] * bool(absent)
    left_out = f"one sample of class {_few(single)}, which has no scatter within the class: left out of NC1"
    return notes + [left_out] * bool(single)


def _about_padding(names: list[str]) -> str:
    advice = "return (outputs, labels, mask) from forward if some are padding"
    return f"{_few(names)}: several rows a sample came without a mask and count as data, all of them; {advice}"


def _about_measures(records: Mapping[str, LayerRecord]) -> list[str]:
    """Measures without a value, with the reason; those of one reason together."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for name, layer in records.items():
        for stage, part in layer.stages.items():
            for measure, reason in {} if part.collapse is None else part.collapse.undefined.items():
                measures, places = found.setdefault(reason, ({}, {}))
                measures[measure] = places[f"{name} ({stage})"] = None
    return [f"no {', '.join(measures)} at {_few(places)}: {reason}" for reason, (measures, places) in found.items()]


def _few(items: Iterable[object]) -> str:
    names = list(map(str, items))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
