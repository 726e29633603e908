"""Wrappers of models, which add nothing to what is computed: compiled, data parallel, averaged, checkpointed."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

__all__ = ["named_modules", "unwrapped"]

_KINDS = (nn.DataParallel, DistributedDataParallel, AveragedModel)
"""Wrappers that keep what they wrap as ``module``."""

_WRAPPED = frozenset(("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
"""Names under which wrappers keep what they wrap, and nothing else does."""


def unwrapped(model: nn.Module) -> nn.Module:
    """Model inside its wrappers, which computes the same without a word to other processes or devices.

    Examples
    --------
    >>> import torch
    >>> type(unwrapped(torch.compile(nn.DataParallel(nn.Linear(2, 2)), backend="eager")))
    <class 'torch.nn.modules.linear.Linear'>
    """
    while True:
        inside = model.module if isinstance(model, _KINDS) else getattr(model, "_orig_mod", None)
        if not isinstance(inside, nn.Module):
            return model
        model = inside


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Path and module of a model's modules, without the part of the path that a wrapper has added.

    Examples
    --------
    >>> model = nn.DataParallel(nn.Sequential(nn.Linear(2, 2)))
    >>> [path for path, _ in named_modules(model)]
    ['', '', '0']
    """
    wrapped = {f"{name}.module".lstrip(".") for name, module in model.named_modules() if isinstance(module, _KINDS)}
    for name, module in model.named_modules():
        parts = name.split(".")
        paths = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
        own = [part for part, path in zip(parts, paths, strict=True) if part not in _WRAPPED and path not in wrapped]
        yield ".".join(own), module
