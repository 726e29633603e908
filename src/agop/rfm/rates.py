"""What the cores of this process do in a second: kernel values, gradients, and whether others use them too."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from sklearn.base import clone

from agop.kernel_machine import KernelMachine, multiply_adds_per_second
from agop.kernels import Kernel
from agop.outer_product import kernel_agop
from agop.waiting import one_thread

__all__ = ["busyness", "per_pair"]

_TRIAL = 400
"""Rows of normal numbers on which kernel values and gradients are timed."""


def busyness(size: int = 1024) -> float:
    """Time over processor time of a few matrix products on all cores: 1 where no other process computes."""
    square = torch.ones(size, size)
    start, used = time.monotonic(), time.process_time()
    for _ in range(3):
        square @ square
    seconds, used = time.monotonic() - start, time.process_time() - used
    return max(1.0, seconds * torch.get_num_threads() / max(used, 1e-6))


def per_pair(kernel: Kernel, d: int, n_outputs: int) -> tuple[float, float]:
    """Multiply-adds that take as long as a kernel value and a gradient at one pair of points (d,), as timed now."""
    generator = torch.Generator().manual_seed(0)
    points, coefficients = (torch.randn(_TRIAL, k, generator=generator) for k in (d, n_outputs))
    kernel = clone(kernel).set_params(bandwidth=float(d))
    machine = KernelMachine(kernel, points, coefficients)
    unit = multiply_adds_per_second() / torch.get_num_threads() / _TRIAL**2
    with one_thread():
        value, gradient = (
            _processor_seconds(call) for call in (lambda: kernel.gram(points), lambda: kernel_agop(machine))
        )
    return unit * value, unit * gradient


def _processor_seconds(call: Callable[[], object]) -> float:
    """Processor time of a call, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best
