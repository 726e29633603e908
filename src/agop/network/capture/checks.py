"""Arguments of a measurement, checked before the long work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from agop.errors import InputError

__all__ = ["as_tensor", "check_layers", "check_loader", "check_model"]

_QUANTIZED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized")
"""Packages of PyTorch whose modules have weights without gradients, in integers."""

_FLATTENED = "torch.distributed.fsdp.fully_sharded_data_parallel"
"""Module of the wrapper that makes one vector of many weights."""


def check_model(model: Any) -> None:
    """Raise unless a model can be measured as it is.

    Raises
    ------
    InputError
        If it is no module of Python code, or parameters or buffers hold no values, are flattened or quantized, or were
        made in inference mode.

    Examples
    --------
    >>> check_model(nn.Linear(3, 2))
    >>> check_model(lambda inputs: inputs)
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected a torch.nn.Module, got function. Pass the module, and the function as forward=....
    """
    if not isinstance(model, nn.Module):
        got = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        advice = "Pass the module, and the function as forward=...." if callable(model) else "Pass the model itself."
        raise InputError("a torch.nn.Module", got, "Make one." if isinstance(model, type) else advice)
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError("a module of Python code", "TorchScript", "Measure the module that it was made from.")
    for name, module in model.named_modules():
        if type(module).__module__ == _FLATTENED:
            advice = "Shard it by torch.distributed.fsdp.fully_shard, or measure the model from before."
            raise InputError("weights in matrices", "FullyShardedDataParallel, which flattens them", advice)
        if type(module).__module__.startswith(_QUANTIZED):
            got = f"the quantized {type(module).__name__} {name!r}"
            raise InputError("weights in floating point", got, "Measure the model from before the quantization.")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        _check_tensor(name, tensor)
    if not any(parameter.is_floating_point() for parameter in model.parameters()):
        raise InputError("a model with weights in floating point", "none", "Measure a model that has linear layers.")


def check_loader(loader: Any, *, twice: bool = True, max_samples: int | None = None) -> None:
    """Raise unless a loader can be iterated over; with the same samples ``twice``, of which the first are taken.

    Raises
    ------
    InputError
        If it is no iterable of batches, or is known to end with the first pass or to draw others in the second.

    Examples
    --------
    >>> check_loader([(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))])
    >>> check_loader("mnist")
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected a loader of batches, got 'mnist'. Give a DataLoader or a list of batches: ...
    """
    advice = "Give a DataLoader or a list of batches: [(inputs, labels)] is one of a single batch."
    if isinstance(loader, (str, bytes, os.PathLike)):
        raise InputError("a loader of batches", repr(loader), advice)
    is_one_batch = isinstance(loader, (Tensor, np.ndarray, Mapping))
    if is_one_batch or isinstance(loader, nn.Module) or not _is_iterable(loader):
        raise InputError("a loader of batches", type(loader).__name__, advice)
    if isinstance(loader, torch.utils.data.Dataset) and not isinstance(loader, torch.utils.data.IterableDataset):
        advice = "Put it in a DataLoader(dataset, batch_size=...)."
        raise InputError("a loader of batches", f"a data set of single samples ({type(loader).__name__})", advice)
    if twice and isinstance(loader, Iterator):
        advice = "Give a DataLoader, or a list of the batches; or set second_pass=False."
        raise InputError("a loader that can be iterated twice", type(loader).__name__, advice)
    if twice and isinstance(loader, torch.utils.data.DataLoader) and _draws_others(loader, max_samples):
        advice = "Set shuffle=False, or choose the samples with torch.utils.data.Subset."
        raise InputError("the same samples in every pass", "a DataLoader that draws some of them at random", advice)


def check_layers(layers: Any) -> None:
    """Raise unless layers are selected by names, globs and types of modules.

    Raises
    ------
    InputError
        If the selection is something else, or empty.

    Examples
    --------
    >>> check_layers(["blocks.*", nn.Conv2d])
    >>> check_layers(3)
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected layers by name, glob or type of module, got 3. "blocks.*" is ...; None takes all.
    """
    is_one = isinstance(layers, (str, Iterator)) or not isinstance(layers, Iterable)
    chosen = [layers] if is_one else list(layers)
    wrong = [choice for choice in chosen if not isinstance(choice, (str, type))]
    if layers is not None and (wrong or not chosen):
        advice = '"blocks.*" is a glob, torch.nn.Conv2d a type; None takes all.'
        got = repr(wrong[0]).partition("\n")[0] if wrong else "none"
        raise InputError("layers by name, glob or type of module", got, advice)


def as_tensor(array: np.ndarray[Any, Any], dtype: torch.dtype) -> Tensor | np.ndarray[Any, Any]:
    """Tensor of an array, in the data type of the model where the array holds fractions; text and objects as they are.

    Examples
    --------
    >>> as_tensor(np.ones(2), torch.float32).dtype, as_tensor(np.arange(2), torch.float32).dtype
    (torch.float32, torch.int64)
    """
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        return array
    tensor = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _check_tensor(name: str, tensor: Tensor) -> None:
    if nn.parameter.is_lazy(tensor):
        raise InputError("initialized parameters", f"the lazy {name!r}", "Call the model on one batch first.")
    if tensor.is_meta:
        got, advice = f"{name!r} on the meta device", "Load the weights onto a device first."
        raise InputError("parameters and buffers with values", got, advice)
    if tensor.is_inference():
        got, advice = f"{name!r} made in torch.inference_mode", "Measure copy.deepcopy(model), taken outside that mode."
        raise InputError("parameters and buffers that gradients can pass", got, advice)


def _is_iterable(loader: Any) -> bool:
    """Whether there is a way to iterate, without starting the workers of a DataLoader."""
    return not isinstance(loader, type) and (hasattr(loader, "__iter__") or hasattr(loader, "__getitem__"))


def _draws_others(loader: torch.utils.data.DataLoader[Any], max_samples: int | None) -> bool:
    """Whether each pass of a loader that shuffles leaves out others of its samples."""
    sampler = loader.sampler
    match sampler:
        case torch.utils.data.RandomSampler():
            n_samples = len(sampler.data_source)
        case torch.utils.data.WeightedRandomSampler():
            n_samples = len(sampler.weights)
        case torch.utils.data.SubsetRandomSampler():
            n_samples = len(sampler)
        case _:
            return False
    n_drawn = len(sampler) - (len(sampler) % (loader.batch_size or 1) if loader.drop_last else 0)
    return getattr(sampler, "replacement", False) or min(n_drawn, max_samples or n_drawn) < n_samples
