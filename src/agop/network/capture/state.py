"""A model in evaluation mode without parameter gradients, and afterwards just as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

__all__ = ["undisturbed"]


@contextmanager
def undisturbed(model: nn.Module, device: torch.device | str | None = None) -> Iterator[torch.device]:
    """Context in which a model is ready to be measured; yields its device.

    Evaluation mode, parameters that require no gradient, on ``device`` if one is given, compiled code run eagerly,
    the fused attention path and inference mode off. On the way out every module's own mode, ``requires_grad``, the
    device, the random states and the flags are as before, also after an exception.
    """
    own = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    target = own if device is None else torch.device(device)
    modes = [(module, module.training) for module in model.modules()]
    required = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    with ExitStack() as stack:
        stack.callback(_restore, modes, required)
        stack.enter_context(_random_states())
        stack.enter_context(_without_fast_path())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        if target != own:
            stack.callback(model.to, own)
            model.to(target)
        for module, _ in modes:
            module.training = False
        for parameter, _ in required:
            parameter.requires_grad_(False)
        yield target


def _restore(modes: list[tuple[nn.Module, bool]], required: list[tuple[nn.Parameter, bool]]) -> None:
    for module, training in modes:
        module.training = training
    for parameter, requires_grad in required:
        parameter.requires_grad_(requires_grad)


@contextmanager
def _random_states() -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global state is what is kept
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def _without_fast_path() -> Iterator[None]:
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
