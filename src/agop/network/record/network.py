"""A measured network, layer by layer: a value that is saved, loaded, merged and printed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agop.charts.notebook import NotebookMixin
from agop.charts.terminal import TerminalTable
from agop.errors import CONTENT_ERRORS, DataFileError, InputError
from agop.estimator.values import NodeReader, NodeWriter
from agop.extras import require
from agop.network.record.blocks import Blocks
from agop.network.record.layer import LayerRecord
from agop.network.record.notes import few, notes_of
from agop.network.record.parts import NetworkParts
from agop.network.record.samples import SeenSamples
from agop.network.record.tables import block_table, curves, layer_table, regression_measures, rows_text
from agop.runs import storage
from agop.storable import storable

if TYPE_CHECKING:
    import pandas

__all__ = ["NetworkRecord"]


@storable
@dataclass(frozen=True)
class NetworkRecord(NotebookMixin, Mapping[str, LayerRecord]):
    """A measured network: records of its layers under the names of the layers in the order of their calls.

    Attributes
    ----------
    layers
        Records by layer name.
    samples
        Samples that were measured, and their classes.
    settings
        Settings of the measurement.
    omissions
        Sentences on layers that could not be measured, and why.

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
    samples: SeenSamples
    settings: dict[str, Any] = field(default_factory=dict)
    omissions: tuple[str, ...] = ()

    @property
    def n_samples(self) -> int:
        """Number of samples that were measured."""
        return self.samples.n_samples

    @property
    def n_dropped(self) -> int:
        """Number of samples that were left out for their label."""
        return self.samples.n_dropped

    @property
    def classes(self) -> tuple[int, ...]:
        """Labels of the classes, ascending: the order of class means and of what there is for each class."""
        return self.samples.classes

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return len(self.classes)

    @property
    def accuracy(self) -> float | None:
        """Share of samples whose largest output is that of their class; None where outputs are no scores of classes."""
        return self.samples.accuracy

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what could not be measured, and why: the omissions, and what the layers themselves lack."""
        return (*self.omissions, *notes_of(self.layers, self.samples))

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

    def scalars(self) -> dict[str, float]:
        """Numbers to follow through a training, by names that W&B, TensorBoard and MLflow take as they are.

        For a layer "fc1" the names are "nc1_trace_ratio/fc1/input" and "nc2_gram_mse/fc1/input", and so for its other
        stages, "share/fc1" for the share of its weights in the fall of NC1, and "nfa/fc1" for the Pearson correlation
        of the neural feature matrix with the root of the AGOP; of a regression all its measures, such as
        "nrc2_linear_cka/fc1/input". Rows 0 to 63 of a fused layer are "qkv.0-64". Numbers that do not exist are left
        out; :meth:`lines` has all measures.

        Examples
        --------
        >>> import torch
        >>> from agop.network.measure import measure
        >>> x = torch.tensor([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
        >>> record = measure(torch.nn.Sequential(torch.nn.Linear(2, 2)), [(x, torch.tensor([0, 0, 1, 1]))])
        >>> list(record.scalars())
        ['nc1_trace_ratio/0/input', 'nc2_gram_mse/0/input', 'nfa/0', 'nc1_trace_ratio/0/linear', ...]
        """
        return curves(self.lines())

    def to_frame(self) -> pandas.DataFrame:
        """Table with a row for each layer and stage, and the columns of :meth:`lines`; NaN where there is no value.

        Raises
        ------
        MissingExtraError
            Without pandas, which comes with the extra ``tables``.

        Examples
        --------
        >>> import torch
        >>> from agop.network.measure import measure
        >>> x = torch.tensor([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
        >>> record = measure(torch.nn.Sequential(torch.nn.Linear(2, 2)), [(x, torch.tensor([0, 0, 1, 1]))])
        >>> frame = record.to_frame()
        >>> float(frame.set_index(["layer", "stage"]).loc[("0", "input"), "nc1_trace_ratio"])
        0.0055
        """
        lines = [{name: math.nan if value is None else value for name, value in line.items()} for line in self.lines()]
        return require("pandas", "tables").DataFrame(lines)

    def table(self) -> TerminalTable:
        """Table for rich that fits a screen: a row a layer, or of many layers in blocks a row a block.

        Of each layer NC1 at its stages, NC2, the ansatz, and the share of the linear part where NC1 falls by 5 % or
        more, with a bar; of a regression NRC1 to NRC4. More than 32 layers, such as those of a transformer, are the NC1
        of what they read, by block and kind: :meth:`block_table` has other measures.
        """
        blocks = Blocks.of(list(self))
        if blocks is None:
            return layer_table(self.lines(), self._title)
        return self.block_table(next(iter(regression_measures(self.lines())), "nc1_trace_ratio"))

    def block_table(self, measure: str, stage: str = "input") -> TerminalTable:
        """Table of one measure, a row for each block and a column for each kind of layer in it.

        Parameters
        ----------
        measure
            Column of :meth:`lines` that holds numbers, such as "nc1_trace_ratio", "share" or "nfa_pearson_root".
        stage
            "input", "linear", "output", "agop_1/2" or "agop_1/4"; measures of the whole layer are at the input.

        Raises
        ------
        InputError
            If there is no such measure or stage, or the layers are not in blocks.
        """
        blocks = Blocks.of(list(self), more_than=1)
        if blocks is None:
            raise InputError("layers in blocks that repeat", few(self), "Use table().")
        return block_table(self.lines(), blocks, (measure, stage), self._title)

    @property
    def _title(self) -> str:
        """Samples, classes and accuracy, as far as there are any, and rows."""
        counts = [layer.stages["input"].features.n_rows for layer in self.layers.values() if "input" in layer.stages]
        parts = [f"{self.n_samples} samples"]
        parts += [f"{self.n_classes} class{'es' * (self.n_classes > 1)}"] if self.classes else []
        parts += [] if self.accuracy is None else [f"accuracy {self.accuracy:.3f}"]
        parts.append(rows_text(self.settings.get("rows"), counts))
        return ", ".join(filter(None, parts))

    def merge(self, *others: NetworkRecord) -> NetworkRecord:
        """Record of the samples of all, see :meth:`of_parts`."""
        return NetworkRecord.of_parts([self, *others])

    @classmethod
    def of_parts(cls, records: Iterable[NetworkRecord]) -> NetworkRecord:
        """Record of all the data from those of its parts, for one model and one way of measuring.

        All that class moments and outer products determine is as if it had been measured at once: the AGOPs and what
        comes of them, NC1 to NC3, NC5, superclasses that all parts have alike, of a regression NRC1 to NRC4. The rest
        becomes None, and a note says so; the level of chance as well, whose labels were drawn as often as a class is in
        a part: together they would know which part a sample is in, and so of its class where parts differ. Records
        are read one after the other and added up, so that of any number of them only one more is in memory; what is
        measured is measured once, from the sum. A single record is itself.

        Parameters
        ----------
        records
            Full records, such as ``map(NetworkRecord.load, paths)``.

        Raises
        ------
        InputError
            If there are no records, they are of other layers, weights or ways of measuring, one is compact, or one left
            out a class as rare that is not rare in all of them together.

        Examples
        --------
        >>> import torch
        >>> from agop.network.measure import measure
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2))
        >>> x, y = torch.tensor([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]]), torch.tensor([0, 0, 1, 1])
        >>> parts = [measure(model, [(x[rows], y[rows])], second_pass=False) for rows in (slice(0, 2), slice(2, 4))]
        >>> parts[0]["0"].input, NetworkRecord.of_parts(parts)["0"].input.nc1_trace_ratio
        (None, 0.0055)
        """
        records = iter(records)
        first = next(records, None)
        if first is None:
            raise InputError("records of parts of the data", "none", "Give one or more.")
        total: NetworkParts | None = None
        for record in records:
            total = (total or NetworkParts.of(first)).merge(NetworkParts.of(record))
        if total is None:
            return first
        return cls(total.layer_records(), total.samples, dict(total.settings), total.notes())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record as one safetensors file, under a temporary name first."""
        writer = NodeWriter()
        node = writer.node(self, "network")
        storage.save(path, writer.tensors, {"kind": "network", "network": node})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NetworkRecord:
        """Read what :meth:`save` wrote; DataFileError if it is not that."""
        tensors, header = storage.load(path)
        try:
            record = NodeReader(tensors).value(header["network"])
        except CONTENT_ERRORS as error:
            got = f"something else ({error!r})"
            raise DataFileError(f"{path} to hold a network's record", got, "Write it again with this agop.") from error
        if not isinstance(record, cls):
            raise DataFileError(f"{path} to hold a network's record", type(record).__name__, "Take another file.")
        return record
