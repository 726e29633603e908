"""Descent on unconstrained features under one layer of weights or several, with or without ReLU between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike
from agop.theory.unconstrained_features import checked_targets

__all__ = ["UnconstrainedFeaturesStep", "descend_unconstrained_features"]

_HISTORY = 20
"""Pairs of steps and gradient changes that L-BFGS keeps."""


@dataclass(frozen=True)
class UnconstrainedFeaturesStep:
    """One step of the descent on unconstrained features and the layers over them.

    Attributes
    ----------
    index
        Step number, 0 for the random start.
    objective
        Squared error plus weight decay.
    features
        Features by layer, (n, d) each: the free ones, then the outputs of every layer but the last.
    weights
        Weights by layer, (d, d) each, the last one (C, d).

    Examples
    --------
    >>> steps = list(descend_unconstrained_features(torch.eye(2), depth=2, width=3, weight_decay=0.1, steps=3))
    >>> [tuple(each.shape) for each in steps[-1].features], [tuple(each.shape) for each in steps[-1].weights]
    ([(2, 3), (2, 3)], [(3, 3), (2, 3)])
    >>> [round(step.objective, 2) for step in steps]
    [2.26, 0.58, 0.58, 0.58]
    """

    index: int
    objective: float
    features: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]


def descend_unconstrained_features(
    targets: ArrayLike,
    *,
    depth: int,
    width: int,
    weight_decay: float,
    nonlinearity: Literal["linear", "relu"] = "linear",
    seed: int = 0,
    steps: int = 100,
    iterations: int = 20,
) -> Iterator[UnconstrainedFeaturesStep]:
    r"""Descent on free features H and the weights of L layers over them, by L-BFGS in float64.

    The objective, with :math:`\phi` the identity or the ReLU, is

    .. math::

       \|W_L \phi(W_{L-1} \cdots \phi(W_1 H)) - Y^T\|_F^2 + \lambda \left( \sum_l \|W_l\|_F^2 + \|H\|_F^2 \right) .

    It starts at independent normal entries of variance 1/d, the same for one seed.

    Parameters
    ----------
    targets
        Y, (n, C).
    depth
        L >= 1; 1 is the objective of :func:`unconstrained_features_minimizer`.
    width
        d, of the features and all hidden layers.
    weight_decay
        :math:`\lambda > 0`.
    nonlinearity
        "linear" or "relu".
    seed
        Seed of the start.
    steps
        Largest number of steps; it ends where the objective no longer falls.
    iterations
        Iterations of L-BFGS in a step.

    Yields
    ------
    UnconstrainedFeaturesStep
        The start, and then every step.

    Raises
    ------
    InputError
        If targets are not finite or an argument is out of range.

    References
    ----------
    Súkeník, Mondelli, Lampert 2023 (arXiv 2305.13165); for ReLU, Súkeník, Lampert, Mondelli 2024 (arXiv 2405.14468).

    Examples
    --------
    >>> targets = torch.eye(2).repeat_interleave(4, 0)
    >>> from agop.theory.unconstrained_features import unconstrained_features_minimizer
    >>> *_, last = descend_unconstrained_features(targets, depth=1, width=3, weight_decay=0.5)
    >>> round(last.objective, 6), round(unconstrained_features_minimizer(targets, 0.5, 3).objective, 6)
    (3.5, 3.5)
    """
    targets = checked_targets(targets, weight_decay, width)
    if nonlinearity not in ("linear", "relu"):
        raise InputError("nonlinearity='linear' or 'relu'", repr(nonlinearity), "Choose one of the two.")
    if min(depth, steps, iterations) < 1:
        got = f"depth={depth}, steps={steps}, iterations={iterations}"
        raise InputError("depth, steps and iterations >= 1", got, "Each counts what is to be done.")
    generator = np.random.default_rng(seed)
    shapes = [(len(targets), width), *[(width, width)] * (depth - 1), (targets.shape[1], width)]
    variables = [torch.from_numpy(generator.standard_normal(shape) / width**0.5).to(targets) for shape in shapes]
    activation = torch.relu if nonlinearity == "relu" else torch.clone
    return _descent(targets, variables, weight_decay, activation, steps, iterations)


def _descent(
    targets: Tensor,
    variables: list[Tensor],
    weight_decay: float,
    activation: Callable[[Tensor], Tensor],
    steps: int,
    iterations: int,
) -> Iterator[UnconstrainedFeaturesStep]:
    variables = [each.requires_grad_() for each in variables]
    optimizer = torch.optim.LBFGS(
        variables,
        max_iter=iterations,
        tolerance_grad=0,
        tolerance_change=0,
        history_size=_HISTORY,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        layers = _layers(variables, activation)
        error = layers[-1] @ variables[-1].mT - targets
        return error.square().sum() + weight_decay * torch.stack([each.square().sum() for each in variables]).sum()

    def closure() -> float:
        optimizer.zero_grad()
        with torch.enable_grad():
            value = objective()
        torch.autograd.backward(value)
        return float(value.detach())

    def value_now() -> float:
        with torch.no_grad():
            return float(objective())

    value = value_now()
    for index in range(steps + 1):
        with torch.no_grad():
            features = tuple(each.clone() for each in _layers(variables, activation))
        yield UnconstrainedFeaturesStep(index, value, features, tuple(each.detach().clone() for each in variables[1:]))
        if index == steps:
            return
        before = value
        for _ in range(2):
            optimizer.step(closure)  # type: ignore[no-untyped-call]
            if (value := value_now()) < before:
                break
            optimizer.state.clear()  # the curvature that it remembers may mislead
        else:
            return


def _layers(variables: list[Tensor], activation: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Features by layer: the free ones, and the outputs of the hidden layers."""
    features, *hidden = variables[:-1]
    layers = [features]
    for weight in hidden:
        layers.append(activation(layers[-1] @ weight.mT))
    return layers
