"""What a network showed, layer by layer: a value that is saved, loaded, merged and printed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from agop.charts.terminal import Column, TerminalTable
from agop.collapse import Collapse
from agop.errors import DataFileError, InputError
from agop.linalg import Spectrum
from agop.moments import ClassMoments
from agop.network.layer_record import LayerRecord, Stage
from agop.runs import storage

__all__ = ["NetworkRecord"]

_BAR = 8


@dataclass(frozen=True)
class NetworkRecord(Mapping[str, LayerRecord]):
    """What every layer of a network showed, under the names of the layers in the order of their calls.

    Attributes
    ----------
    layers
        Records by layer name.
    n_samples, n_dropped
        Samples measured, and rows left out for their label.
    n_classes
        Number of classes.
    accuracy
        Share of samples whose largest output is that of their class.
    settings
        How it was measured.
    notes
        What could not be measured, and why.

    Examples
    --------
    >>> import torch
    >>> from agop.network.measure import measure
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> x = torch.tensor([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
    >>> record = measure(model, [(x, torch.tensor([0, 0, 1, 1]))])
    >>> list(record), record["0"].activation, record["2"].agop.shape
    (['0', '2'], 'relu', torch.Size([8, 8]))
    """

    layers: dict[str, LayerRecord]
    n_samples: int
    n_dropped: int
    n_classes: int
    accuracy: float
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> LayerRecord:
        """Record of a layer; InputError for a name that is not one of them."""
        if name not in self.layers:
            raise InputError(f"a layer among {', '.join(self.layers)}", repr(name), "Names are paths in the model.")
        return self.layers[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a layer of this name."""
        return name in self.layers

    def __iter__(self) -> Iterator[str]:
        """Names of the layers, in the order of their calls."""
        return iter(self.layers)

    def __len__(self) -> int:
        """Number of layers."""
        return len(self.layers)

    def lines(self) -> Iterator[dict[str, Any]]:
        """One flat dictionary for each layer and stage, ready for metrics.jsonl."""
        for layer in self.layers.values():
            yield from layer.lines()

    def table(self) -> TerminalTable:
        """Table of the layers for rich, with a bar for the share of the linear part where NC1 falls by 5 % or more."""
        title = f"{self.n_samples} samples, {self.n_classes} classes, accuracy {self.accuracy:.3f}"
        numbers = ("NC1 φ", "Wφ", "σ(Wφ)", "AGOP½φ", "NC2 φ", "NFA", "NFA½", "share of W")
        columns = [Column("layer", "name"), *map(Column, numbers), Column("", "bar")]
        rows = []
        for layer in self.layers.values():
            stages = (layer.input, layer.linear, layer.output, layer.agop_stage)
            values = [None if stage is None else stage.nc1_trace_ratio for stage in stages]
            values.append(None if layer.input is None else layer.input.nc2_gram_mse)
            nfa = (None, None) if layer.nfa is None else (layer.nfa.pearson, layer.nfa.pearson_root)
            share = layer.attribution.share
            cells = [_number(value, ".3g") for value in values] + [_number(value, ".2f") for value in (*nfa, share)]
            rows.append([layer.name, *cells, _bar(share)])
        return TerminalTable(title, columns, rows)

    def merge(self, other: NetworkRecord) -> NetworkRecord:
        """Record of the samples of both, for one model and one way of measuring.

        Moments and AGOPs merge exactly. What needs all the data at once becomes None, and a note says so: NC1 with the
        pseudo-inverse, NC3 to NC5, the stages after the AGOP.

        Raises
        ------
        InputError
            If the records are of other layers, weights, classes or settings.
        """
        if (list(self), self.n_classes, self.settings) != (list(other), other.n_classes, other.settings):
            got = f"{list(other)}, {other.n_classes} classes, {other.settings}"
            raise InputError(f"{list(self)}, {self.n_classes} classes, {self.settings}", got, "Measure them alike.")
        n = self.n_samples + other.n_samples
        shares = self.n_samples / n, other.n_samples / n
        note = "merged: NC1 pinv, NC3, NC4, NC5, the stages after the AGOP and its error are None"
        return NetworkRecord(
            {name: layer.merge(other[name], shares) for name, layer in self.layers.items()},
            n,
            self.n_dropped + other.n_dropped,
            self.n_classes,
            shares[0] * self.accuracy + shares[1] * other.accuracy,
            self.settings,
            tuple(dict.fromkeys([*self.notes, *other.notes, note])),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record as one safetensors file, under a temporary name first."""
        tensors: dict[str, Tensor] = {}
        layers = []
        for index, layer in enumerate(self.layers.values()):
            tensors |= {f"{index}/{name}": tensor for name, tensor in _tensors(layer).items()}
            stages = {name: stage.collapse and stage.collapse.as_dict() for name, stage in layer.stages.items()}
            plain = {name: getattr(layer, name) for name in ("activation", "agop_error", "rows", "patch")}
            layers.append({"name": layer.name, "stages": stages, **plain})
        header = {
            "layers": layers,
            "n_samples": self.n_samples,
            "n_dropped": self.n_dropped,
            "n_classes": self.n_classes,
            "accuracy": self.accuracy,
            "settings": self.settings,
            "notes": list(self.notes),
        }
        storage.save(path, tensors, {"kind": "network", "network": storage.to_json(header)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NetworkRecord:
        """Read what :meth:`save` wrote; DataFileError if it is not that."""
        tensors, header = storage.load(path)
        if "network" not in header:
            raise DataFileError(f"{path} to hold a network's record", "another file of agop", "Is it the right one?")
        found = header["network"]
        layers = [_layer(saved, tensors, f"{index}/") for index, saved in enumerate(found.pop("layers"))]
        return cls({layer.name: layer for layer in layers}, **(found | {"notes": tuple(found["notes"])}))


def _tensors(layer: LayerRecord) -> dict[str, Tensor]:
    tensors = {"weight": layer.weight.contiguous()}
    if layer.spectrum is not None:
        tensors |= {"values": layer.spectrum.values, "vectors": layer.spectrum.vectors.contiguous()}
    for name, stage in layer.stages.items():
        tensors |= {f"{name}/counts": stage.moments.counts, f"{name}/means": stage.moments.means.contiguous()}
        tensors[f"{name}/traces"] = stage.moments.class_traces()
    return tensors


def _layer(saved: dict[str, Any], tensors: Mapping[str, Tensor], prefix: str) -> LayerRecord:
    def stage(name: str, numbers: dict[str, Any] | None) -> Stage:
        moments = ClassMoments(*(tensors[f"{prefix}{name}/{part}"] for part in ("counts", "means", "traces")))
        if numbers is None:
            return Stage(moments, None)
        found = {measure: value for measure, value in numbers.items() if value is not None}
        return Stage(moments, Collapse({key: tuple(v) if isinstance(v, list) else v for key, v in found.items()}))

    stages = {name: stage(name, numbers) for name, numbers in saved.pop("stages").items()}
    spectrum = None
    if f"{prefix}values" in tensors:
        spectrum = Spectrum(tensors[f"{prefix}values"], tensors[f"{prefix}vectors"])
    if saved.get("patch") is not None:
        saved["patch"] = tuple(saved["patch"])
    return LayerRecord(weight=tensors[f"{prefix}weight"], stages=stages, spectrum=spectrum, **saved)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _bar(share: float | None) -> str:
    """A bar from 0 to 1; the number beside it may lie outside."""
    if share is None:
        return ""
    filled = round(_BAR * min(1.0, max(0.0, share)))
    return f"{'█' * filled}{'░' * (_BAR - filled)}"
