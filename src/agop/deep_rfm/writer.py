"""What a run of Deep RFM writes into its folder, layer by layer, and what it finds there when it goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Self

import torch
from torch import Tensor

from agop.deep_rfm.gram_picture import class_sorted_gram
from agop.deep_rfm.layer import DeepRFMLayer
from agop.deep_rfm.record import DeepRFMRecord
from agop.linalg import largest_positive
from agop.runs import Run

__all__ = ["DeepRFMWriter", "most_of_a_class", "tensor_name"]

_EIGENVECTORS = 8
"""Number of eigenvectors of the first AGOP that are kept."""


@dataclass
class DeepRFMWriter:
    """Lines, tensors and precision of the layers of a run.

    Attributes
    ----------
    run
        The folder.
    n_finished
        Number of leading (control, seed) whose layers were all there.
    first_seed
        Seed of which pictures are kept.
    tensors, precision
        What the folder holds, and what was added.
    """

    run: Run
    n_finished: int
    first_seed: int
    tensors: dict[str, Tensor]
    precision: list[dict[str, Any]]

    @classmethod
    def of(cls, run: Run, pairs: list[tuple[bool, int]], depth: int) -> Self:
        """Go on after the last (control, seed) of which the folder has all layers; what it has of others is dropped."""
        finished = _finished(run, pairs, depth)
        run.rewrite(line for line in run.metrics() if (line["control"], line["seed"]) in finished)
        precision = [part for part in run.info().get("precision", []) if (part["control"], part["seed"]) in finished]
        return cls(run, len(finished), pairs[0][1], run.load_tensors(), precision)

    def add(self, control: bool, seed: int, layer: DeepRFMLayer, record: DeepRFMRecord, labels: Tensor) -> None:
        """Write the lines of a layer, and keep its tensors."""
        self.run.append({"seed": seed, "control": control, **line} for line in record.lines())
        self.precision.append({"control": control, "seed": seed, "layer": layer.index, **record.precision})
        self.tensors |= _tensors(control, seed, seed == self.first_seed, layer, record, labels)

    def finish_seed(self) -> None:
        """Write the tensors, and that the layers of a seed are complete."""
        self.run.save_tensors(self.tensors)
        self.run.record(precision=self.precision)  # last: marks this seed as finished


def tensor_name(control: bool, seed: int, layer: int, what: str) -> str:
    """Name in ``tensors.safetensors``, such as "agop/seed0/layer03/gram/input"."""
    return f"{'control' if control else 'agop'}/seed{seed}/layer{layer:02d}/{what}"


def _tensors(
    control: bool, seed: int, first: bool, layer: DeepRFMLayer, record: DeepRFMRecord, labels: Tensor
) -> dict[str, Tensor]:
    """Spectrum of the AGOP, and for the first seed Gram pictures of the three stages and eigenvectors at the inputs."""
    tensors = {}
    if record.spectrum is not None:
        tensors[tensor_name(control, seed, layer.index, "spectrum")] = record.spectrum
    if first:
        n_classes = layer.fit.machine.coefficients.shape[1]
        for stage, features in layer.stages.items():
            gram = class_sorted_gram(features, labels, n_classes, per_class=most_of_a_class(n_classes))
            tensors[tensor_name(control, seed, layer.index, f"gram/{stage}")] = gram.half()
        if layer.index == 1 and layer.agop is not None:
            tensors[tensor_name(control, seed, 1, "eigenvectors")] = _leading_eigenvectors(layer.agop)
    return {name: tensor.cpu() for name, tensor in tensors.items()}


def most_of_a_class(n_classes: int) -> int:
    """Samples of a class in a Gram picture at most."""
    return max(2, 200 // n_classes)


def _leading_eigenvectors(agop: Tensor) -> Tensor:
    """Eigenvectors as rows (k, d), float64, largest eigenvalue first."""
    rows: Tensor = torch.linalg.eigh(agop.double()).eigenvectors.flip(1)[:, :_EIGENVECTORS].mT
    return largest_positive(rows)


def _finished(run: Run, pairs: list[tuple[bool, int]], depth: int) -> list[tuple[bool, int]]:
    """The leading (control, seed) of which every layer was written, to the last file."""
    lines = Counter((line["control"], line["seed"]) for line in run.metrics())
    layers = Counter((entry["control"], entry["seed"]) for entry in run.info().get("precision", []))
    return list(takewhile(lambda pair: layers[pair] == depth and lines[pair] == 3 * depth, pairs))
