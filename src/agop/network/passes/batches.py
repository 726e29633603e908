"""One batch that the model has seen: its outputs, what they are compared with, and which of its rows count."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.errors import InputError
from agop.moments import Grouping, LabeledMoments, TargetMoments
from agop.network.passes.forward import IGNORED
from agop.network.passes.padding import RowMask
from agop.network.passes.rows import Owners

__all__ = ["Batch", "checked_batch"]

_ADVICE = "Return outputs (B, K) and integer labels (B,), or numbers (B,) or (B, t), from forward."

_TOKENS = (
    "Keep all B x T rows and pad: logits.flatten(0, 1) with labels.flatten(), those of the next token, -100 for the "
    "last position; forward=agop.network.next_token_forward does so."
)


@dataclass(frozen=True, eq=False)
class Batch:
    """Outputs and targets of one batch. What depends on labels and masks is found once, on the host.

    Attributes
    ----------
    outputs
        (B, K), with the graph behind them.
    kept
        (B,) whether a sample counts, on the host.
    labels
        (m,) int64 labels of the samples that count, on the host; None for a regression.
    values
        (m, t) float64 targets of the samples that count, of a regression; None for classes.
    mask
        (B, T) which of T rows (tokens) of a sample are real, on the host; None if all are, or nothing is known.
    n_dropped
        Number of samples that are labeled to be left out.
    """

    outputs: Tensor
    kept: NDArray[np.bool_]
    labels: NDArray[np.int64] | None
    values: Tensor | None = None
    mask: NDArray[np.bool_] | None = None
    n_dropped: int = 0
    _found: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Number of samples B, those that do not count too."""
        return len(self.kept)

    @cached_property
    def n_samples(self) -> int:
        """Number m of samples that count."""
        return int(self.kept.sum())

    @property
    def device(self) -> torch.device:
        """Device of the outputs."""
        return self.outputs.device

    @cached_property
    def samples(self) -> Tensor | None:
        """Indices (m,) of the samples that count, None if all do."""
        return None if self.kept.all() else torch.from_numpy(np.flatnonzero(self.kept)).to(self.device)

    @cached_property
    def real_rows(self) -> RowMask | None:
        """Real rows of the samples that count, None without a mask."""
        return None if self.mask is None else RowMask(self.mask, np.flatnonzero(self.kept), self.device)

    def of_samples(self, values: Tensor) -> Tensor:
        """Rows (m, ...) of values (B, ...) of those samples that count."""
        return values if self.samples is None else values.index_select(0, self.samples)

    @cached_property
    def decisions(self) -> Tensor:
        """Label (m,) of the largest output of each sample that counts; a single output decides by its sign."""
        outputs = self.of_samples(self.outputs.detach())
        return outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()

    def decisions_among(self, classes: NDArray[np.int64]) -> Tensor:
        """Position (m,) in ``classes`` of the one with the largest output, for each sample that counts."""
        if self.outputs.shape[1] == 1:
            return self.decisions
        kept = torch.from_numpy(classes).to(self.device)
        return self.of_samples(self.outputs.detach().index_select(1, kept)).argmax(1)

    def correct(self) -> LabeledMoments | None:
        """Moments by class: 1 where the largest output is that of the label, else 0; None for a regression."""
        if self.labels is None:
            return None
        owners = Owners(0, self.n_samples)
        found = self.decisions == self.labels_of(owners)
        return LabeledMoments.of(found[:, None].double(), self.grouping(owners))

    def moments(self, features: Tensor, owners: Owners) -> LabeledMoments | TargetMoments:
        """Moments of features (g, S, d) by the classes, or with the targets, of the samples that own them."""
        if self.values is None:
            return LabeledMoments.of(features, self.grouping(owners))
        values = self.of_owners(self.values, owners).repeat_interleave(features.shape[1], 0)
        return TargetMoments.of_rows(features.flatten(0, 1), values)

    def grouping(self, owners: Owners) -> Grouping:
        """Features (g, S, d) by the classes of the samples that own them, found once; one group without classes."""
        if owners not in self._found:
            labels = np.zeros(self.n_samples, dtype=np.int64) if self.labels is None else self.labels
            self._found[owners] = Grouping.of(labels[self._owners(owners)], self.device)
        return self._found[owners]  # type: ignore[no-any-return]

    def labels_of(self, owners: Owners) -> Tensor:
        """Labels (g,) of features (g, S, d), on the device; found once."""
        grouping, key = self.grouping(owners), (owners, "labels")
        if key not in self._found:
            classes = torch.from_numpy(grouping.classes).to(self.device)
            self._found[key] = classes.index_select(0, grouping.index)
        return self._found[key]  # type: ignore[no-any-return]

    def of_owners(self, values: Tensor, owners: Owners) -> Tensor:
        """Rows (g, ...) of values (m, ...) of the samples that own features (g, S, d)."""
        if not owners.by_mask:
            return values[owners.start : owners.stop]
        key = (owners, "samples")
        if key not in self._found:
            self._found[key] = torch.from_numpy(self._owners(owners)).to(self.device)
        return values.index_select(0, self._found[key])

    def _owners(self, owners: Owners) -> NDArray[np.int64]:
        if not owners.by_mask:
            return np.arange(owners.start, owners.stop)
        assert self.real_rows is not None  # noqa: S101 - rows by a mask have one
        return self.real_rows.owners(slice(owners.start, owners.stop))

    def first(self, n: int) -> Batch:
        """The batch with at most the first n of its samples that count."""
        return self.only(np.arange(self.n_samples) < n) if n < self.n_samples else self

    def without_samples(self) -> Batch:
        """The batch without any sample that counts, and none that was dropped."""
        return replace(self.only(np.zeros(self.n_samples, bool)), n_dropped=0)

    def of_classes(self, classes: NDArray[np.int64]) -> Batch:
        """The batch with samples of these classes, ascending, whose positions are the labels."""
        assert self.labels is not None  # noqa: S101 - classes come from labels
        known = np.isin(self.labels, classes)
        return replace(self.only(known), labels=np.searchsorted(classes, self.labels[known]), _found={})

    def only(self, wanted: NDArray[np.bool_]) -> Batch:
        """The batch with some (m,) of the samples that count."""
        if wanted.all():
            return self
        kept = self.kept.copy()
        kept[kept] = wanted
        labels = None if self.labels is None else self.labels[wanted]
        values = None if self.values is None else self.values[torch.from_numpy(np.flatnonzero(wanted)).to(self.device)]
        return replace(self, kept=kept, labels=labels, values=values, _found={})


def checked_batch(outputs: Any, targets: Any, mask: Any = None) -> Batch:
    """Outputs, targets and mask of a batch, checked before the long work. Waits for the device once.

    Raises
    ------
    InputError
        If outputs are not a finite (B, K), or targets neither B integers, 0 or more or ``IGNORED``, nor B rows of
        finite numbers, or the mask is not one of B samples (B, T), each with a real row, or of tokens that are the B
        samples.
    """
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or not outputs.is_floating_point() or not outputs.shape[1]:
        got = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
        several = isinstance(outputs, Tensor) and outputs.ndim == 3
        raise InputError("outputs of shape (B, K)", got, _TOKENS if several else _ADVICE)
    targets = _checked_targets(targets, len(outputs)).to(outputs.device)
    mask = None if mask is None else _checked_mask(mask, len(outputs)).to(outputs.device)
    regression = targets.is_floating_point()
    finite = outputs.detach().isfinite().all(1)
    seen = targets.isfinite().all(1) if regression else targets
    usable, found, *real = _on_host(finite, seen, *([] if mask is None else [mask]))
    kept = np.ones(len(outputs), bool) if regression else found != IGNORED
    n_dropped = len(kept) - int(kept.sum())
    if mask is not None and mask.numel() == len(outputs) != len(mask):
        kept, real = kept & real[0].flatten(), []
    _check_values(kept, usable, found, regression, *real)
    labels = None if regression else found[kept].astype(np.int64)
    batch = Batch(outputs, kept, labels, None, real[0] if real else None, n_dropped)
    return replace(batch, values=batch.of_samples(targets).double()) if regression else batch


def _on_host(*tensors: Tensor) -> list[NDArray[Any]]:
    """Tensors as arrays, in one copy from the device."""
    packed = torch.cat([tensor.flatten().long() for tensor in tensors]).numpy(force=True)
    ends = np.cumsum([tensor.numel() for tensor in tensors])[:-1]
    parts = zip(np.split(packed, ends), tensors, strict=True)
    return [
        part.reshape(tensor.shape).astype(bool if tensor.dtype == torch.bool else np.int64) for part, tensor in parts
    ]


def _checked_targets(targets: Any, n_samples: int) -> Tensor:
    """Integer labels (B,), or float targets (B, t)."""
    expected = f"integer labels of shape ({n_samples},), or numbers ({n_samples},) or ({n_samples}, t)"
    try:
        found = torch.as_tensor(targets).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(expected, type(targets).__name__, _ADVICE) from error
    got, numbers = f"{found.dtype} of shape {tuple(found.shape)}", found.is_floating_point()
    if found.is_complex() or found.dtype == torch.bool:
        raise InputError(expected, got, _ADVICE)
    found = found[:, None] if numbers and found.ndim == 1 else found
    if found.ndim != 1 + numbers or len(found) != n_samples:
        raise InputError(expected, got, _TOKENS if found.ndim == 2 and not numbers else _ADVICE)
    return found


def _checked_mask(mask: Any, n_samples: int) -> Tensor:
    """Mask (n, T), or (B, T) with the tokens as the n = B T samples, as booleans."""
    if isinstance(mask, Tensor) and mask.ndim == 2 and (len(mask) == n_samples or mask.numel() == n_samples):
        return mask.ne(0)
    got = f"shape {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
    advice = "It is 1 for the rows (tokens) that count and 0 for padding."
    raise InputError(f"a mask of shape ({n_samples}, T)", got, advice)


def _check_values(
    kept: NDArray[Any], finite: NDArray[Any], seen: NDArray[Any], regression: bool, mask: NDArray[Any] | None = None
) -> None:
    """Raise if outputs or targets of samples that count are unusable; all are on the host."""
    if not finite[kept].all():
        raise InputError("finite outputs", "NaN or infinity", "Look at the weights and at the inputs of the model.")
    if regression and not seen[kept].all():
        raise InputError("finite targets", "NaN or infinity", "Leave such samples out of the loader.")
    if not regression and kept.any() and seen[kept].min() < 0:
        got, advice = f"label {seen[kept].min()}", "Number the classes from 0."
        raise InputError(f"labels of 0 or more, or {IGNORED}", got, advice)
    if mask is not None and (kept & ~mask.any(1)).any():
        got, advice = "a sample without any", f"Label such samples {IGNORED}."
        raise InputError("real rows of each sample in the mask", got, advice)
