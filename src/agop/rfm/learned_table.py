"""What a fit has learned, in the words that commands and notebooks print."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from agop.charts.document import NumberTable
from agop.rfm.stated_score import StatedScore

__all__ = ["learned_settings", "learned_table", "learned_tree_table"]

_STEEPEST = 5
"""Features that are named."""

_LEAVES = 10
"""Leaves of a tree that are shown."""


def learned_settings(model: Any) -> dict[str, str]:
    """Kernel, bandwidth, ridge, iterate and power of the AGOP of a fitted machine, by name.

    Parameters
    ----------
    model
        Fitted RFMRegressor or RFMClassifier.

    Examples
    --------
    >>> import torch
    >>> from agop import Laplace, RFMRegressor
    >>> X = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> model = RFMRegressor(Laplace(2.0), ridge=0.1, n_iterations=1, selection=None).fit(X, X[:, 0])
    >>> learned_settings(model)["bandwidth"], learned_settings(model)["iterate"]
    ('2', '1 of 1')
    """
    return {
        "kernel": f"{type(model.kernel_).__name__}, {'diagonal' if model.diagonal_ else 'full'} metric",
        "bandwidth": f"{model.bandwidth_:.4g}",
        "ridge": f"{model.ridge_:.4g}",
        "iterate": f"{model.best_iteration_} of {model.n_iter_}",
        "power of the AGOP": f"{model.power_:g}",
    }


def learned_table(model: Any) -> NumberTable:
    """What a fitted machine has learned: its score, its settings, and where its metric is largest.

    Parameters
    ----------
    model
        Fitted RFMRegressor or RFMClassifier.

    Examples
    --------
    >>> import torch
    >>> from agop import Laplace, RFMRegressor
    >>> X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> model = RFMRegressor(Laplace(2.0), ridge=0.1, n_iterations=1, selection=None).fit(X, X[:, 1])
    >>> learned_table(model).rows[-1]
    ['steepest features', 'x1 1, x... 0..., x... 0...']
    """
    found = {**_score(model), **learned_settings(model), "steepest features": _steepest(model)}
    title = f"What it learned from {model._n_learned:,} distinct rows"
    return NumberTable(title, ["quantity", "value"], [[name, value] for name, value in found.items()], ("value",))


def learned_tree_table(tree: Any) -> NumberTable:
    """What a fitted tree has learned: a row for each leaf, the heaviest first, ten at most."""
    order = tree.leaf_weights_.argsort(descending=True, stable=True).tolist()
    shown = {leaf: _of_leaf(tree.leaves_[leaf]) for leaf in order[:_LEAVES]}
    names = list(dict.fromkeys(name for settings in shown.values() for name in settings))
    rows = [
        [str(leaf), f"{float(tree.leaf_weights_[leaf]):.4g}", *(settings.get(name, "–") for name in names)]
        for leaf, settings in shown.items()
    ]
    rest = "" if len(order) == len(shown) else f", of which the {len(shown)} heaviest are shown"
    return NumberTable(f"{len(order)} leaves{rest}", ["leaf", "weight of samples", *names], rows, tuple(names))


def _of_leaf(leaf: Any) -> dict[str, str]:
    """Settings of a leaf; none of one that is a constant."""
    return {} if isinstance(leaf, Tensor) else learned_settings(leaf)


def _score(model: Any) -> dict[str, str]:
    """The score that the fit states, with its standard error; empty without one."""
    stated = StatedScore.of(model)
    if stated is None:
        return {}
    if stated.measure == "squared error":
        return {stated.name: f"{_rounded(stated.value, 4)} ± {_rounded(stated.error, 2)}"}
    return {stated.name: f"{stated.value:.3f} ± {stated.error:.3f}"}


def _rounded(value: float, digits: int) -> str:
    """A number to some digits, without a power of ten up to a million."""
    return f"{float(f'{value:.{digits}g}'):g}"


def _steepest(model: Any) -> str:
    """Features with the largest diagonal entries of the metric, the largest being 1."""
    if model.metric_ is None:
        return "none: the metric is the identity"
    diagonal = model.metric_.diagonal() if model.metric_.ndim == 2 else model.metric_
    names = getattr(model, "feature_names_in_", [f"x{place}" for place in range(len(diagonal))])
    values = (diagonal / diagonal.max()).tolist()
    order = sorted(range(len(values)), key=lambda place: -values[place])[:_STEEPEST]
    return ", ".join(f"{names[place]} {values[place]:.2g}" for place in order)
