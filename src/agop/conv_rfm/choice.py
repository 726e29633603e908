"""The iterate of convolutional RFM that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from agop.conv_rfm.machine import ConvMachine
from agop.conv_rfm.record import ConvRFMRecord
from agop.conv_rfm.recursion import ConvRFMStep

__all__ = ["KeptIterate", "keep_best"]


@dataclass(frozen=True, eq=False)
class KeptIterate:
    """The iterate that is kept, and what all of them showed.

    Attributes
    ----------
    machine, iteration
        Predictor of the iterate, and number of updates behind its metric.
    records
        Records of all iterates.
    stopped
        Whether the caller ended the recursion.
    """

    machine: ConvMachine
    iteration: int
    records: list[ConvRFMRecord]
    stopped: bool


def keep_best(
    steps: Iterable[ConvRFMStep],
    labels: Tensor,
    held_out: tuple[Tensor, Tensor] | None,
    stops: Callable[[ConvRFMStep], bool],
    max_memory: int | None = None,
) -> KeptIterate:
    """Run the recursion; keep the first of the best iterates on images held out with their classes, or the last one.

    Parameters
    ----------
    steps
        Iterates, one or more.
    labels
        (n,) classes of the images that they are fitted to.
    held_out
        Images (m, c, H, W) and their classes (m,), if there are any.
    stops
        Called with every step; a true result stops.
    max_memory
        Bytes for patches.
    """
    records: list[ConvRFMRecord] = []
    stopped, best = False, -1.0
    for step in steps:
        record = ConvRFMRecord.of(step, labels, held_out, max_memory)
        records.append(record)
        if record.test_accuracy is None or record.test_accuracy > best:
            kept, best = step, record.test_accuracy or 0.0
        stopped = stops(step)
        if stopped:
            break
    return KeptIterate(kept.machine, kept.iteration, records, stopped)
