"""The state of a training, kept whole in one file, so that it goes on as if it had not stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from agop.errors import DataFileError
from agop.runs import storage

__all__ = ["load_checkpoint", "save_checkpoint"]

_MODEL, _OPTIMIZER = "model", "optimizer"


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, history: Sequence[Mapping[str, Any]]
) -> None:
    """Write parameters, buffers, the optimizer's state and what every epoch so far showed.

    The file is replaced whole or left as it was, and needs no pickle.

    Parameters
    ----------
    path
        A file .safetensors.
    model, optimizer
        As they are after the last epoch of the history.
    history
        One entry an epoch, of numbers.

    Examples
    --------
    >>> import tempfile
    >>> model = nn.Linear(3, 2)
    >>> optimizer = torch.optim.Adam(model.parameters())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(Path(folder, "state.safetensors"), model, optimizer, [{"loss": 0.5}])
    ...     load_checkpoint(Path(folder, "state.safetensors"), model, optimizer)
    [{'loss': 0.5}]
    """
    tensors = {f"{_MODEL}/{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        found = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        tensors |= {f"{_OPTIMIZER}/{index}/{name}": value for name, value in found.items()}
    storage.save(path, tensors, {"history": [dict(entry) for entry in history]})


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Put a saved state into a model and an optimizer that were made as before, and return the history.

    Raises
    ------
    DataFileError
        If the file cannot be read, or is that of another model or optimizer.
    """
    tensors, header = storage.load(path)
    weights: dict[str, Tensor] = {}
    states: dict[int, dict[str, Tensor]] = {}
    try:
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("/")
            if kind == _MODEL:
                weights[rest] = tensor
            else:
                index, _, entry = rest.partition("/")
                states.setdefault(int(index), {})[entry] = tensor
        model.load_state_dict(weights)
        optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
        return [dict(entry) for entry in header["history"]]
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        got, advice = " ".join(str(error).split()), "Train again in another folder."
        raise DataFileError(f"{path} to hold the state of this model and optimizer", got, advice) from error
