"""Outputs and labels from the batches of any loader, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from agop.errors import InputError
from agop.inputs import all_finite
from agop.moments import ClassMoments
from agop.network.passes.padding import RowMask

__all__ = ["IGNORED", "Batch", "Forward", "checked_batch", "default_forward", "moved", "outputs_of"]

Forward: TypeAlias = Callable[[nn.Module, Any], tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor | None]]
"""Function from a model and a batch to outputs (B, C), integer labels (B,) and, if rows are padded, a mask (B, T)."""

IGNORED = -100
"""Label of rows to leave out, as in ``torch.nn.CrossEntropyLoss``."""


@dataclass(frozen=True)
class Batch:
    """Outputs and labels of one batch.

    Attributes
    ----------
    outputs
        (B, C), with the graph behind them.
    labels
        (B,) int64.
    kept
        (B,) whether a row counts.
    mask
        (B, T) which of T rows (tokens) of a sample are real; None if all are, or nothing is known.
    """

    outputs: Tensor
    labels: Tensor
    kept: Tensor
    mask: Tensor | None = None

    @cached_property
    def samples(self) -> Tensor:
        """Indices of the samples that count."""
        return self.kept.nonzero().flatten()

    @cached_property
    def real_rows(self) -> RowMask | None:
        """Real rows of the samples that count, None without a mask."""
        return None if self.mask is None else RowMask(self.mask, self.samples)

    @property
    def n_classes(self) -> int:
        """Number of classes: C, or 2 for a single output."""
        return max(2, self.outputs.shape[1])

    @property
    def scores(self) -> Tensor:
        """Score of each class (B, n_classes); a single output f decides by its sign."""
        outputs = self.outputs.detach()
        return outputs if outputs.shape[1] > 1 else torch.cat([-outputs, outputs], 1)

    def moments(self) -> ClassMoments:
        """Moments of the outputs that count."""
        return ClassMoments.of(self.outputs.detach()[self.samples], self.labels[self.samples], self.n_classes)


def default_forward(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor | None]:
    """Call the model on a batch as loaders commonly give it.

    A tuple or list is inputs and, last, labels. A mapping has its labels under "labels" or "label"; the rest are
    keyword arguments, and an "attention_mask" (B, T) among them says which tokens are real. Outputs are a tensor, the
    first of a tuple, or "logits" of a mapping.

    Raises
    ------
    InputError
        If the batch or the outputs are something else.

    Examples
    --------
    >>> model = torch.nn.Linear(3, 2)
    >>> outputs, labels = default_forward(model, (torch.zeros(4, 3), torch.zeros(4, dtype=torch.long)))
    >>> outputs.shape, labels.shape
    (torch.Size([4, 2]), torch.Size([4]))
    """
    if isinstance(batch, Mapping):
        name = next((name for name in ("labels", "label") if name in batch), None)
        if name is None:
            raise InputError(
                'a batch with "labels"', f"keys {', '.join(map(str, batch))}", "Pass your own forward=...."
            )
        result = model(**{key: value for key, value in batch.items() if key != name})
        mask = batch.get("attention_mask")
        is_of_tokens = isinstance(mask, Tensor) and mask.ndim == 2  # others are of pairs of tokens
        return (outputs_of(result), batch[name], mask) if is_of_tokens else (outputs_of(result), batch[name])
    if isinstance(batch, (tuple, list)) and len(batch) >= 2:
        return outputs_of(model(*batch[:-1])), batch[-1]
    raise InputError("batches of inputs and labels", type(batch).__name__, "Pass your own forward=....")


def outputs_of(result: Any) -> Tensor:
    """Outputs (B, C) in what a model returned: itself, "logits", or the first of a tuple."""
    if isinstance(result, Mapping) and "logits" in result:
        result = result["logits"]
    elif isinstance(result, (tuple, list)) and result:
        result = result[0]
    if isinstance(result, Tensor):
        return result
    raise InputError(
        "a tensor of outputs", type(result).__name__, "Return (outputs, labels) from your own forward=...."
    )


def moved(batch: Any, device: torch.device) -> Any:
    """The batch with its tensors on a device."""
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: moved(value, device) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        values = [moved(value, device) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else type(batch)(values)
    return batch


def checked_batch(outputs: Any, labels: Any, mask: Any = None) -> Batch:
    """Outputs, labels and mask of a batch, checked before the long work.

    Raises
    ------
    InputError
        If outputs are not a finite (B, C), or labels not B integers in 0 .. C-1 (0 or 1 for C = 1) or ``IGNORED``, or
        the mask is not one of B samples (B, T), each with a real row, or of tokens that are the B samples.
    """
    advice = "Return outputs (B, C) and integer labels (B,) from forward."
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or not outputs.is_floating_point():
        got = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
        raise InputError("outputs of shape (B, C)", got, advice)
    try:
        labels = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"integer labels of shape ({len(outputs)},)", type(labels).__name__, advice) from error
    if labels.shape != outputs.shape[:1] or labels.is_floating_point() or labels.dtype == torch.bool:
        got = f"{labels.dtype} of shape {tuple(labels.shape)}"
        raise InputError(f"integer labels of shape ({len(outputs)},)", got, advice)
    labels = labels.to(outputs.device, torch.int64)
    mask = None if mask is None else _checked_mask(mask, len(outputs)).to(outputs.device)
    kept = labels != IGNORED
    if mask is not None and mask.numel() == len(outputs) != len(mask):
        kept, mask = kept & mask.flatten(), None
    if not all_finite(outputs.detach()[kept]):
        raise InputError("finite outputs", "NaN or infinity", "Look at the weights and at the inputs of the model.")
    n_classes = max(2, outputs.shape[1])
    wrong = labels[kept & ((labels < 0) | (labels >= n_classes))]
    if len(wrong):
        got = f"label {int(wrong[0])}"
        raise InputError(f"labels in 0 .. {n_classes - 1}, or {IGNORED}", got, "Each class needs an output.")
    if mask is not None and bool((kept & ~mask.any(1)).any()):
        got, advice = "a sample without any", f"Label such samples {IGNORED}."
        raise InputError("real rows of each sample in the mask", got, advice)
    return Batch(outputs, labels, kept, mask)


def _checked_mask(mask: Any, n_samples: int) -> Tensor:
    """Mask (n, T), or (B, T) with the tokens as the n = B T samples, as booleans."""
    if isinstance(mask, Tensor) and mask.ndim == 2 and (len(mask) == n_samples or mask.numel() == n_samples):
        return mask != 0
    got = f"shape {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
    advice = "It is 1 for the rows (tokens) that count and 0 for padding."
    raise InputError(f"a mask of shape ({n_samples}, T)", got, advice)
