"""A layer of Deep RFM: its settings, its map, and what it learned."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.deep_rfm.random_features import RandomFeatures, RandomMap
from agop.deep_rfm.settings import AGOPScale
from agop.kernel_machine import Fit
from agop.kernels import Kernel
from agop.outer_product import AGOPPlan
from agop.ranks import Ranks
from agop.storable import storable

__all__ = ["DeepRFMLayer", "LayerMap", "LayerSettings", "normalize_rows"]


def normalize_rows(rows: Tensor) -> Tensor:
    """Divide each row by its Euclidean norm; a zero row stays zero.

    Examples
    --------
    >>> normalize_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    scale = rows.abs().amax(1, keepdim=True)
    rows = rows / scale.where(scale > 0, torch.ones_like(scale))
    norms: Tensor = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return rows / norms.where(norms > 0, torch.ones_like(norms))


@storable
@dataclass(frozen=True)
class LayerMap:
    """The map of one layer, all that prediction needs of it.

    Attributes
    ----------
    root
        M_l^{1/2}, scaled, (d, d) in the precision in which M_l was computed; None for the identity.
    random_map
        Phi_l.

    Examples
    --------
    >>> root = torch.tensor([[1.0, 0.0], [0.0, 0.0]])  # the second direction does not matter
    >>> layer_map = LayerMap(root, RandomMap(torch.tensor([[1.0, 0.0], [2.0, 5.0]])))
    >>> layer_map(torch.tensor([[0.6, 0.8], [0.6, -0.8]]))
    tensor([[0.4472, 0.8944],
            [0.4472, 0.8944]])
    """

    root: Tensor | None
    random_map: RandomMap

    def agop_stage(self, inputs: Tensor) -> Tensor:
        """X M_l^{1/2} for row-normalized inputs X."""
        return inputs if self.root is None else inputs @ self.root.to(inputs)

    def features_stage(self, mapped: Tensor) -> Tensor:
        """Phi_l of rows of the AGOP stage: the next layer's inputs before normalization."""
        return self.random_map(mapped)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Row-normalized inputs of this layer -> row-normalized inputs of the next."""
        return normalize_rows(self.features_stage(self.agop_stage(inputs)))


@dataclass(frozen=True)
class DeepRFMLayer:
    """One layer of Deep RFM: what it learned, and the map to the next one.

    Attributes
    ----------
    index
        Layer number l, from 1.
    stages
        Training features (n, ...) of the three stages: "input", the row-normalized X_l; "agop", X_l M_l^{1/2};
        "features", Phi_l of it, before normalization.
    fit
        Kernel ridge regression of the targets on X_l, and how it was solved.
    agop
        M_l, scaled AGOP of the predictor, (d, d); None for the control.
    plan
        Plan by which the AGOP was computed; None for the control.
    map
        X -> Phi_l(X M_l^{1/2}).
    random_features
        Distribution of Phi_l.
    ranks
        The processes that computed it together.

    Examples
    --------
    >>> from agop.deep_rfm import ReLUFeatures, deep_rfm
    >>> from agop.kernels import Laplace
    >>> from agop.rfm import Samples
    >>> x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> (layer,) = deep_rfm(Samples.of(x, x[:, :1].sign()), LayerSettings(Laplace(2.0), ReLUFeatures(16)), depth=1)
    >>> {name: tuple(features.shape) for name, features in layer.stages.items()}
    {'input': (20, 4), 'agop': (20, 4), 'features': (20, 16)}
    >>> layer.agop.diagonal().argmax().item()  # the column that the targets depend on
    0
    """

    index: int
    stages: dict[str, Tensor]
    fit: Fit
    agop: Tensor | None
    plan: AGOPPlan | None
    map: LayerMap
    random_features: RandomFeatures
    ranks: Ranks

    @property
    def inputs(self) -> Tensor:
        """X_l, row-normalized training inputs of the layer, (n, d)."""
        return self.stages["input"]


@dataclass(frozen=True)
class LayerSettings:
    """Settings of the layers of Deep RFM.

    Attributes
    ----------
    kernel
        Kernel k of the predictor.
    features
        Distribution of the random maps.
    ridge
        lambda >= 0.
    agop
        Whether rows are multiplied by M_l^{1/2}; False for the control without feature learning.
    agop_scale
        "max-entry", as published: the largest entry of M_l is 1, and the norms of the rows of X_l M_l^{1/2} are what
        comes out. "row-norm": M_l is scaled so that their mean is 1, as it is in the control.

    Examples
    --------
    >>> from agop.deep_rfm import ReLUFeatures, deep_rfm
    >>> from agop.kernels import Laplace
    >>> from agop.rfm import Samples
    >>> x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> for scale in ("max-entry", "row-norm"):
    ...     settings = LayerSettings(Laplace(2.0), ReLUFeatures(16), agop_scale=scale)
    ...     (layer,) = deep_rfm(Samples.of(x, x[:, :1].sign()), settings, depth=1)
    ...     print(scale, round(layer.stages["agop"].norm(dim=1).mean().item(), 2))
    max-entry 0.55
    row-norm 1.0
    """

    kernel: Kernel
    features: RandomFeatures
    ridge: float = 0.0
    agop: bool = True
    agop_scale: AGOPScale = "max-entry"
