"""Outputs and labels from the batches of any loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from agop.errors import InputError
from agop.network.capture.checks import as_tensor

__all__ = [
    "IGNORED",
    "Forward",
    "Loss",
    "checked_result",
    "default_forward",
    "moved",
    "next_token_forward",
    "outputs_of",
]

Forward: TypeAlias = Callable[[nn.Module, Any], tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor | None]]
"""Function from a model and a batch to outputs (B, K), targets and, if rows are padded, a mask (B, T). Targets are
integer labels (B,) of classes, or numbers (B,) or (B, t) of a regression."""

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Function from outputs (m, K) and targets, labels (m,) or numbers (m, t), to the mean loss of the m samples."""

IGNORED = -100
"""Label of rows to leave out, as in ``torch.nn.CrossEntropyLoss``."""

_LABELS = ("labels", "label", "label_ids")


def default_forward(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor | None]:
    """Call the model on a batch as loaders commonly give it.

    A tuple or list is inputs and, last, labels. A mapping has its labels under "labels", "label" or "label_ids"; the
    rest are keyword arguments, and an "attention_mask" (B, T) among them says which tokens are real. Outputs are a
    tensor, the first of a tuple, or "logits" of a mapping.

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
        name = next((name for name in _LABELS if name in batch), None)
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


def next_token_forward(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    """Call a language model so that its classes are the tokens that follow.

    All B T rows stay, since rows of layers are told apart by them: the logits (B, T, K) as (B T, K), each with the next
    token as its label, and ``IGNORED`` for the last position of a sequence and where padding follows.

    Parameters
    ----------
    model
        Called with the mapping as keyword arguments, without labels, or with the token ids.
    batch
        Mapping with "input_ids" (B, T) and perhaps "attention_mask" (B, T), or token ids (B, T).

    Raises
    ------
    InputError
        If there are no token ids.

    Examples
    --------
    >>> model = torch.nn.Embedding(7, 7)
    >>> outputs, labels, _ = next_token_forward(model, torch.tensor([[1, 4, 2], [3, 3, 5]]))
    >>> outputs.shape, labels.tolist()
    (torch.Size([6, 7]), [4, 2, -100, 3, 5, -100])
    """
    named = isinstance(batch, Mapping)
    tokens = batch.get("input_ids") if named else batch
    if not isinstance(tokens, Tensor) or tokens.ndim != 2:
        got = f"shape {tuple(tokens.shape)}" if isinstance(tokens, Tensor) else type(batch).__name__
        raise InputError('token ids (B, T), under "input_ids" in a mapping', got, "Pass your own forward=....")
    mask = batch.get("attention_mask") if named else None
    inputs = {key: value for key, value in batch.items() if key not in _LABELS} if named else {}
    logits = outputs_of(model(**inputs) if named else model(tokens))
    following = tokens if mask is None else torch.where(mask != 0, tokens, IGNORED)
    labels = nn.functional.pad(following[:, 1:], (0, 1), value=IGNORED)
    return logits.flatten(0, 1), labels.flatten(), mask


def checked_result(found: object) -> tuple[Any, ...]:
    """Outputs, labels and perhaps a mask, as ``forward`` returned them; InputError if it is something else."""
    if not isinstance(found, tuple) or len(found) not in (2, 3):
        expected = "forward to return (outputs, labels) or (outputs, labels, mask)"
        raise InputError(expected, type(found).__name__, "Return the first two at least.")
    return found


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


def moved(batch: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """The batch with its tensors on a device, and its arrays as tensors there, fractions in the model's data type."""
    if isinstance(batch, np.ndarray):
        batch = as_tensor(batch, dtype)
    if isinstance(batch, Tensor) and batch.is_inference():
        batch = batch.clone()  # that gradients can pass
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: moved(value, device, dtype) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        values = [moved(value, device, dtype) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else type(batch)(values)
    return batch
