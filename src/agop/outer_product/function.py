"""AGOP of any differentiable function."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.inputs import all_finite
from agop.outer_product.value import OuterProduct

__all__ = ["average_gradient_outer_product"]


def average_gradient_outer_product(
    function: Callable[[Tensor], Tensor], inputs: Tensor, *, max_memory: int | None = None
) -> Tensor:
    r"""AGOP of a function by automatic differentiation.

    .. math:: \mathrm{AGOP}(f, X) = \frac1n \sum_{i=1}^n J(x_i)^T J(x_i),
              \qquad J(x) = \partial f(x) / \partial x \in R^{C \times d}

    (Beaglehole et al. 2024, arXiv 2402.13728, who divide by n C). One forward and C backward passes.

    Parameters
    ----------
    function
        Maps a batch (b, d) to outputs (b, C) or (b,), each row by itself.
    inputs
        X, (n, d), floating point.
    max_memory
        Bytes for the Jacobians of one batch.

    Returns
    -------
    Tensor
        (d, d) positive semi-definite, float64: mean over samples, sum over outputs.

    Raises
    ------
    InputError
        If inputs are empty, of integer type or not finite, if the outputs are not one row a sample, or
        if ``function`` is a module in training mode (dropout and BatchNorm mix or blur samples).

    Examples
    --------
    >>> weight = torch.tensor([[1.0, 2.0]])
    >>> average_gradient_outer_product(lambda x: x @ weight.T, torch.zeros(5, 2))
    tensor([[1., 2.],
            [2., 4.]], dtype=torch.float64)
    """
    if inputs.ndim != 2 or not len(inputs) or not inputs.is_floating_point() or not all_finite(inputs):
        raise InputError(
            "finite floating-point inputs (n, d) with n > 0",
            f"{inputs.dtype} of shape {tuple(inputs.shape)}",
            "Convert, flatten or clean the inputs.",
        )
    if isinstance(function, nn.Module) and any(module.training for module in function.modules()):
        raise InputError("a model in eval mode", "one in training mode", "Call model.eval() first.")
    n_outputs = _outputs(function, inputs[:1]).shape[1]
    result = OuterProduct.empty(inputs.shape[1], device=inputs.device)
    for rows in row_chunks(len(inputs), 16 * n_outputs * inputs.shape[1], max_memory):
        result = result.merge(OuterProduct.of(_jacobians(function, inputs[rows])))
    return result.mean()


def _outputs(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    outputs = function(inputs)
    if outputs.ndim not in (1, 2) or len(outputs) != len(inputs):
        raise InputError(
            f"outputs of shape ({len(inputs)}, C)",
            f"shape {tuple(outputs.shape)}",
            "Return one row a sample.",
        )
    return outputs.reshape(len(inputs), -1)


def _jacobians(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Jacobians (n, C, d): rows do not interact, so the gradient of a column sum holds them all."""
    with torch.enable_grad():
        leaf = inputs.detach().requires_grad_()
        columns = (_outputs(function, leaf) + 0 * leaf.sum()).sum(0)  # a constant function has a graph too
        gradients = [
            torch.autograd.grad(column, leaf, retain_graph=index + 1 < len(columns))[0]
            for index, column in enumerate(columns)
        ]
    return torch.stack(gradients, 1)
