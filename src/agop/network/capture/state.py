"""A model in evaluation mode without parameter gradients, and afterwards just as it was."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

from agop.errors import InputError
from agop.inputs import usable_device
from agop.network.capture.checks import check_model

__all__ = ["undisturbed"]

_TURN = threading.RLock()
"""Held while a model is measured: modes, random states and flags of PyTorch are those of the whole process."""

_MEASURED: list[nn.Module] = []
"""Models that the thread whose turn it is measures, each in the ``forward`` of the one before."""


@contextmanager
def undisturbed(model: nn.Module, device: torch.device | str | None = None) -> Iterator[torch.device]:
    """Context in which a model is ready to be measured; yields its device.

    Evaluation mode, parameters that require no gradient, on ``device`` if one is given, compiled code run eagerly,
    the fused attention path and inference mode off. On the way out every module's own mode, ``requires_grad``, the
    device, the random states and the flags are as before, also after an exception. Threads take turns: one that
    enters while another is in such a context, of any model, waits for its end.

    Raises
    ------
    InputError
        If the model cannot be measured, see ``check_model``, there is no such device, or the same thread is
        measuring a model that shares parameters with this one.
    """
    check_model(model)
    wanted = None if device is None else usable_device(device)
    with _TURN, _not_within_itself(model), ExitStack() as stack:
        own, target = _devices(model, wanted)
        modes = [(module, module.training) for module in model.modules()]
        required = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
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


@contextmanager
def _not_within_itself(model: nn.Module) -> Iterator[None]:
    """Context of a measurement; the calls of an inner one of the same weights would count as calls of the outer."""
    own = {id(parameter) for parameter in model.parameters()}
    if any(id(parameter) in own for other in _MEASURED for parameter in other.parameters()):
        advice = "Call the model instead of measuring it in forward."
        raise InputError("a model that is not being measured", "a measurement within its own", advice)
    _MEASURED.append(model)
    try:
        yield
    finally:
        _MEASURED.pop()


def _devices(model: nn.Module, wanted: torch.device | None) -> tuple[torch.device, torch.device]:
    """Device of a model, and the one to measure it on."""
    devices = list(dict.fromkeys(tensor.device for tensor in (*model.parameters(), *model.buffers())))
    if wanted is not None and len(devices) > 1:
        got = f"parts of it on {', '.join(map(str, devices))}"
        raise InputError("a model on one device, which it can come back to", got, "Leave device=None.")
    return devices[0], wanted or devices[0]


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
