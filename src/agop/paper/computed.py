"""Parts that are computed at one go: rows ready for a kernel, and a folder that is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agop.collapse.measures import evaluated
from agop.datasets import Dataset, Standardization, standardized_inputs
from agop.moments import ClassMoments
from agop.runs import Run

__all__ = ["Rows", "collapse_of_gram", "write_once"]


@dataclass(frozen=True)
class Rows:
    """Standardized inputs (n, d) and labels (n,) of C classes, float64."""

    inputs: Tensor
    labels: Tensor
    n_classes: int

    @classmethod
    def of(cls, dataset: Dataset, standardize: Standardization, device: str) -> Rows:
        """Training rows of a data set."""
        inputs, _ = standardized_inputs(dataset, standardize)
        labels = torch.from_numpy(dataset.train_labels)
        return cls(torch.from_numpy(inputs).to(device), labels.to(device), dataset.n_classes)

    def balanced(self, per_class: int) -> Rows:
        """The first rows of every class, equally many, in their order; fewer if a class has fewer."""
        per_class = min(per_class, int(torch.bincount(self.labels).min()))
        chosen = torch.cat([torch.nonzero(self.labels == c).flatten()[:per_class] for c in range(self.n_classes)])
        chosen = chosen.sort().values
        return Rows(self.inputs[chosen], self.labels[chosen], self.n_classes)


def collapse_of_gram(gram: Tensor, rows: Rows) -> dict[str, float | None]:
    """NC1 and NC2 of the features behind a Gram matrix (n, n), None where they have no value."""
    names = ("nc1_trace_ratio", "nc2_gram_mse")
    values, _ = evaluated({"moments": (ClassMoments.from_gram(gram, rows.labels, rows.n_classes),)}, names)
    return {name: values.get(name) for name in names}


def write_once(settings: Any, dataset: Dataset, out: Path, lines: Callable[[], Iterable[Mapping[str, object]]]) -> Run:
    """Write the lines of a run as a whole; a folder that has them is left as it is.

    Parameters
    ----------
    settings
        A dataclass.
    dataset
        Data set whose notes the run takes.
    out
        Folder of the run.
    lines
        Called where there are none yet.
    """
    run = Run.create(out, asdict(settings))
    if not (run.path / "metrics.jsonl").exists():
        with run.working():
            run.record(notes=list(dataset.notes))
            run.rewrite(lines())
    run.finish()
    return run
