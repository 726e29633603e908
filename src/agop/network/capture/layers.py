"""The normal form of a linear layer: rows (batch, sharing, in) to rows (batch, sharing, out) by one matrix W (out, in).

A bias may come on top. Samples are the batch; what shares the weight within a sample (positions, tokens, uses) is
``sharing``.

=============================  =====================================  ========================  ====================
call                           sharing                                in                        W
=============================  =====================================  ========================  ====================
``linear(x, weight)``          axes of x between first and last       columns of the weight     the weight
``x @ weight.mT``, ``matmul``  the same                               rows of ``weight.mT``     the transposed factor
``addmm(bias, x, weight.mT)``  1                                      rows of ``weight.mT``     the transposed factor
``conv1d`` to ``conv3d``       positions of the output                channels x kernel: the    the kernels flattened,
                                                                      patch, padding included   block diagonal for
                                                                                                groups
rows of a fused projection     positions of the sequence              columns of the weight     these rows
=============================  =====================================  ========================  ====================

Which axis counts samples is found in :mod:`agop.network.passes.rows`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Linear", "linear_call"]


@dataclass(frozen=True)
class Linear:
    """A linear map from a tensor to a tensor, in its normal form.

    Attributes
    ----------
    inputs
        Inputs as the call received them.
    weight
        The weight as the call received it.
    input_rows, output_rows
        Views of an input (..., in) and an output (..., out) whose leading axes are samples, positions, tokens.
    matrix
        The weight as a dense matrix W (out, in); block diagonal for groups. It can be sent to other processes.
    axis
        Axis of an output that counts its features, from the end.
    patch
        (channels, height, width) of a row of the inputs of a 2-d convolution, all groups together; None elsewhere.
    """

    inputs: Tensor
    weight: Tensor
    input_rows: Callable[[Tensor], Tensor]
    output_rows: Callable[[Tensor], Tensor]
    matrix: Callable[[Tensor], Tensor]
    axis: int = -1
    patch: tuple[int, int, int] | None = None


def linear_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Linear | None:
    """Normal form of a call of ``function``, None if it is not a linear layer."""
    reader = _READERS.get(function)
    return None if reader is None else reader(*args, **kwargs)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.mT


def _linear(input: Tensor, weight: Tensor, *_: Any, **__: Any) -> Linear:  # noqa: A002
    return Linear(input, weight, _same, _same, _same)


def _addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, alpha: float = 1, **_: Any) -> Linear | None:  # noqa: A002, ARG001
    return _product(mat1, mat2) if alpha == 1 else None


def _mm(input: Tensor, mat2: Tensor, **_: Any) -> Linear | None:  # noqa: A002
    return _product(input, mat2)


def _matmul(input: Tensor, other: Tensor, **_: Any) -> Linear | None:  # noqa: A002
    return _product(input, other)


def _product(rows: Tensor, matrix: Tensor) -> Linear | None:
    if matrix.ndim != 2 or rows.ndim < 2:
        return None
    return Linear(rows, matrix, _same, _same, _transposed)


def _convolution(dimensions: int) -> Callable[..., Linear]:
    def read(
        input: Tensor,  # noqa: A002
        weight: Tensor,
        _: Tensor | None = None,
        stride: int | tuple[int, ...] = 1,
        padding: int | str | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        **__: Any,
    ) -> Linear:
        kernel = tuple(weight.shape[2:])
        steps, gaps = _each(stride, dimensions), _each(dilation, dimensions)
        pads = _padding(padding, kernel, gaps)

        def input_rows(images: Tensor) -> Tensor:
            images = images if images.ndim == dimensions + 2 else images[None]
            return _patches(functional.pad(images, pads) if any(pads) else images, kernel, steps, gaps)

        def output_rows(images: Tensor) -> Tensor:
            return (images if images.ndim == dimensions + 2 else images[None]).movedim(1, -1)

        patch = (groups * weight.shape[1], kernel[0], kernel[1]) if dimensions == 2 else None
        return Linear(input, weight, input_rows, output_rows, partial(_dense, groups), -1 - dimensions, patch)

    return read


def _dense(groups: int, kernels: Tensor) -> Tensor:
    blocks = kernels.flatten(1).chunk(groups)
    return blocks[0] if groups == 1 else torch.block_diag(*blocks)  # type: ignore[no-untyped-call]


def _patches(images: Tensor, kernel: tuple[int, ...], steps: tuple[int, ...], gaps: tuple[int, ...]) -> Tensor:
    """Patches (B, positions..., channels x kernel) of padded images (B, channels, ...); a copy with positions last."""
    sizes = [(n - g * (k - 1) - 1) // s + 1 for n, k, s, g in zip(images.shape[2:], kernel, steps, gaps, strict=True)]
    batch, channel, *strides = images.stride()
    view = images.as_strided(
        (len(images), images.shape[1], *kernel, *sizes),
        (
            batch,
            channel,
            *(stride * g for stride, g in zip(strides, gaps, strict=True)),
            *(stride * s for stride, s in zip(strides, steps, strict=True)),
        ),
        images.storage_offset(),
    )
    return view.reshape(len(images), images.shape[1] * math.prod(kernel), *sizes).movedim(1, -1)


def _each(value: int | tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * dimensions if len(values) == 1 else values


def _padding(padding: int | str | tuple[int, ...], kernel: tuple[int, ...], gaps: tuple[int, ...]) -> list[int]:
    """Widths as functional.pad takes them, last axis first; "same" puts an odd one at the end."""
    if padding == "valid":
        return [0] * (2 * len(kernel))
    if isinstance(padding, str):
        totals = [gap * (size - 1) for size, gap in zip(kernel, gaps, strict=True)]
        sides = [(total // 2, total - total // 2) for total in totals]
    else:
        sides = [(width, width) for width in _each(padding, len(kernel))]
    return [width for side in reversed(sides) for width in side]


_READERS: dict[Callable[..., Any], Callable[..., Linear | None]] = {
    functional.linear: _linear,
    torch.conv1d: _convolution(1),
    torch.conv2d: _convolution(2),
    torch.conv3d: _convolution(3),
    torch.addmm: _addmm,
    torch.matmul: _matmul,
    torch.mm: _mm,
    Tensor.matmul: _matmul,
    Tensor.mm: _mm,
    Tensor.__matmul__: _matmul,
}
assert all(inspect.isroutine(function) for function in _READERS)  # noqa: S101
