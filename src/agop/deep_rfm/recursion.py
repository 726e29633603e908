"""Deep RFM: kernel machine, multiplication by the root of its AGOP, random features, layer after layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from typing import get_args

import torch
import torch.distributed as dist
from torch import Tensor

from agop.deep_rfm.layer import DeepRFMLayer, LayerMap, LayerSettings, normalize_rows
from agop.deep_rfm.settings import AGOPScale
from agop.errors import InputError
from agop.kernel_machine import Fit, fit_kernel_machine
from agop.kernels import KernelMatrix
from agop.linalg import psd_power
from agop.outer_product import AGOPPlan, kernel_agop, normalized_agop
from agop.ranks import Panels, Ranks, require_same
from agop.rfm import Samples, distinct_rows, require_same_samples
from agop.solvers import Cholesky, PanelCholesky, Solver

__all__ = ["deep_rfm"]


def deep_rfm(
    samples: Samples,
    settings: LayerSettings,
    depth: int,
    *,
    seed: int = 0,
    max_memory: int | None = None,
    group: dist.ProcessGroup | None = None,
) -> Iterator[DeepRFMLayer]:
    r"""Layers of Deep RFM, as they are computed.

    For l = 1..depth: divide each row of X_l by its norm; fit kernel ridge regression of Y on X_l; take
    :math:`M_l = \mathrm{AGOP} / \max_{ij}`; set :math:`X_{l+1} = \Phi_l(X_l M_l^{1/2})`. ReLU features do not care for
    the scale of :math:`M_l`; of cosine features it decides whether the kernel across classes is 0, see
    ``LayerSettings``.

    The dtype of the inputs is that of the features and of all products that do not decide: inner
    products of nearly equal rows, singular solves and canceling AGOPs are promoted to float64, and each
    layer says which were.

    Parameters
    ----------
    samples
        X_1, (n, d), standardized, float32 or float64, with targets Y, (n, C), and weights.
    settings
        Kernel, random features and ridge, and what becomes of the AGOP.
    depth
        Number of layers, positive.
    seed
        Seed of the random maps.
    max_memory
        Bytes for the matrices over pairs, of each rank. One process that has no room for half of the kernel matrix
        factorizes it on disk, in the folder of temporary files.
    group
        Process group of ``torch.distributed``, all of whose ranks take the layers together, with the same samples and
        settings. Each has some rows of the matrices over pairs, and all get the layers that one process would compute.
        Inside ``Ranks(group).together()`` an error on one rank ends all. None is this process alone.

    Yields
    ------
    DeepRFMLayer
        Layers 1 to ``depth``.

    Raises
    ------
    InputError
        If samples or settings are unusable, or others on another rank, or the predictor is constant, so that its AGOP
        is zero.
    RankError
        If there is an error on another rank, or one is gone or slower than the timeout of the group.

    References
    ----------
    Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728), algorithm 1.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> from agop.deep_rfm.random_features import ReLUFeatures
    >>> x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> layers = deep_rfm(Samples.of(x, x[:, :1].sign()), LayerSettings(Laplace(2.0), ReLUFeatures(16)), depth=2)
    >>> [(layer.index, tuple(layer.inputs.shape)) for layer in layers]
    [(1, (20, 4)), (2, (20, 16))]
    """
    scale = settings.agop_scale
    if scale not in get_args(AGOPScale):
        raise InputError("agop_scale='max-entry' or 'row-norm'", repr(scale), "'max-entry' is the published one.")
    if depth < 1:
        raise InputError("depth >= 1", str(depth), "Use KernelMachine for depth 0.")
    ranks = Ranks(group)
    require_same(ranks, {"settings": repr(settings), "depth": depth, "seed": seed, "max_memory": max_memory})
    require_same_samples(ranks, samples)
    samples = replace(samples, inputs=normalize_rows(samples.inputs))
    first, row_group = distinct_rows(samples.inputs)
    for index in range(1, depth + 1):
        inputs = samples.inputs
        random_map = settings.features.draw(inputs.shape[1], seed=seed, layer=index)
        fit, agop, plan = _fit_layer(samples.merged(), settings, max_memory, ranks)
        root = None if agop is None or plan is None else psd_power(agop.to(plan.dtype), 0.5)
        if agop is not None and root is not None and scale == "row-norm":
            norms = torch.linalg.vector_norm((inputs @ root.to(inputs)).double(), dim=1)
            norm = samples.weights @ norms / samples.weights.sum()
            agop, root = agop / norm.square(), root / norm
        layer_map = LayerMap(root, random_map)
        stages = _stages(inputs, layer_map, ranks)
        yield DeepRFMLayer(index, stages, fit, agop, plan, layer_map, settings.features, ranks)
        if index < depth:  # equal rows stay equal: a matrix product need not round them alike
            samples = replace(samples, inputs=normalize_rows(stages["features"])[first[row_group]])


def _solver(panels: Panels, max_memory: int | None) -> Solver:
    """Solver of all ranks; of one process, one that needs less memory than is common, or a disk, where it must."""
    if panels.ranks.group is not None:
        return PanelCholesky(panels)
    if max_memory is None or Cholesky().least_memory(panels.n, torch.float64) <= max_memory:
        return Cholesky()
    return PanelCholesky.within(panels.n, max_memory)


def _stages(inputs: Tensor, layer_map: LayerMap, ranks: Ranks) -> dict[str, Tensor]:
    """Features of all samples at the three stages of a layer, of which each rank computes some rows."""
    panels = Panels.of(len(inputs), ranks)
    own = layer_map.agop_stage(panels.own_part(inputs))
    mapped = inputs if layer_map.root is None else panels.gathered(own)
    return {"input": inputs, "agop": mapped, "features": panels.gathered(layer_map.features_stage(own))}


def _fit_layer(
    samples: Samples, settings: LayerSettings, max_memory: int | None, ranks: Ranks
) -> tuple[Fit, Tensor | None, AGOPPlan | None]:
    """Predictor on distinct samples, its normalized AGOP unless there is none, and how that was computed."""
    panels = Panels.of(len(samples), ranks)
    weights, shift = samples.weights, settings.ridge / samples.weights
    matrix = KernelMatrix(
        settings.kernel, samples.inputs, shift, max_memory=max_memory, keep_gradient_weights=settings.agop
    )
    fit = fit_kernel_machine(matrix, samples.targets, _solver(panels, max_memory))
    fit = replace(fit, distances=reduce(torch.promote_types, ranks.exchange(fit.distances)))
    if not settings.agop:
        return fit, None, None
    pairs = matrix.gradient_weights
    agop = kernel_agop(fit.machine, panels, weights=weights, gradient_weights=pairs, max_memory=max_memory)
    return fit, normalized_agop(agop.matrix), agop.plan
