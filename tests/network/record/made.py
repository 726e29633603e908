"""Records of networks that were never run: features are drawn, so that a record of any size is made in seconds."""

from __future__ import annotations

import torch

from agop.linalg import Spectrum
from agop.moments import ClassMoments
from agop.network import LayerRecord, NetworkRecord, Stage
from agop.network.passes.gradients import LayerGradients
from agop.network.record.samples import SeenSamples
from agop.outer_product import OuterProduct

KINDS = {
    "self_attn.q_proj": (1, 1),
    "self_attn.k_proj": (1, 1),
    "self_attn.v_proj": (1, 1),
    "self_attn.o_proj": (1, 1),
    "mlp.gate_proj": (2, 1),
    "mlp.up_proj": (2, 1),
    "mlp.down_proj": (1, 2),
}
"""Widths of outputs and inputs, over that of the network."""


def moments(n_classes, width, spread, seed):
    """Two rows a class, whose distance from their mean is the spread."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(n_classes, width, generator=generator, dtype=torch.float64)
    away = spread * torch.randn(n_classes, width, generator=generator, dtype=torch.float64)
    rows = torch.cat([means + away, means - away])
    return ClassMoments.of(rows, torch.arange(n_classes).repeat(2), n_classes)


def layer(name, out, width, n_classes=5, spread=1.0, seed=0):
    """A layer with the NC1 of the spread before it, and of half of it after."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(out, width, generator=generator) / width**0.5
    factor = torch.randn(min(width, 40), width, generator=generator, dtype=torch.float64)
    stages = {"input": Stage.of(moments(n_classes, width, spread, seed))}
    stages["linear"] = Stage.of(moments(n_classes, min(out, 4 * width), spread / 2, seed + 1))
    if "gate" in name:
        stages["output"] = Stage.of(moments(n_classes, out, spread / 4, seed + 2))
    side = min(out, width)
    gradients = LayerGradients(OuterProduct(10.0, torch.eye(side, dtype=torch.float64)), torch.float32)
    spectrum = Spectrum.of_factor(factor)
    activation = "silu" if "gate" in name else None
    return LayerRecord(name, weight, stages, activation, gradients, spectrum).with_ansatz()


def transformer(depth=30, width=24, n_classes=5, n_outputs=50, compact=False, made=layer):
    """A language model whose NC1 falls by a tenth from block to block."""
    layers = {}
    for k in range(depth):
        for place, (kind, (out, into)) in enumerate(KINDS.items()):
            name = f"model.layers.{k}.{kind}"
            found = made(name, out * width, into * width, n_classes, 0.9**k, 10 * k + place)
            layers[name] = found.compact() if compact else found
    head = made("lm_head", n_outputs, width, n_classes, 0.9**depth, 9999)
    layers["lm_head"] = head.compact() if compact else head
    settings = {"outputs": "exact", "rows": "each", "max_samples": None}
    counts = dict.fromkeys(range(n_classes), 2)
    return NetworkRecord(
        layers, SeenSamples(2 * n_classes, 0, n_outputs, counts, dict.fromkeys(range(n_classes), 1), True), settings
    )
