"""Modules of a model under the names they have without wrappers: compiled, data parallel, averaged, checkpointed."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

__all__ = ["named_modules"]

_WRAPPED = frozenset(("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
"""Names under which wrappers keep what they wrap, and nothing else does."""


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Path and module of a model's modules, without the part of the path that a wrapper has added.

    Examples
    --------
    >>> model = nn.DataParallel(nn.Sequential(nn.Linear(2, 2)))
    >>> [path for path, _ in named_modules(model)]
    ['', '', '0']
    """
    kinds = (nn.DataParallel, DistributedDataParallel, AveragedModel)
    wrapped = {f"{name}.module".lstrip(".") for name, module in model.named_modules() if isinstance(module, kinds)}
    for name, module in model.named_modules():
        parts = name.split(".")
        paths = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
        own = [part for part, path in zip(parts, paths, strict=True) if part not in _WRAPPED and path not in wrapped]
        yield ".".join(own), module
