"""Kernels that are learned freely, by RFM and by Deep RFM, and features without data, on one objective."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from agop.datasets import CODINGS, Standardization
from agop.deep_rfm import LayerSettings, ReLUFeatures, deep_rfm, normalize_rows
from agop.kernels import Laplace
from agop.paper.computed import Rows, collapse_of_gram
from agop.paper.figure import Observe
from agop.rfm import Samples, Setting, rfm
from agop.runs import Line
from agop.theory import (
    class_targets,
    collapsed_kernel,
    descend_kernel,
    descend_unconstrained_features,
    kernel_learning_objective,
)

__all__ = ["KernelLearningSettings", "kernel_learning_lines"]

MODELS = {"linear, 1 layer": (1, "linear"), "linear, 3 layers": (3, "linear"), "ReLU, 3 layers": (3, "relu")}


@dataclass(frozen=True)
class KernelLearningSettings:
    """Settings of the comparison.

    Attributes
    ----------
    per_class
        Samples of each class.
    standardize
        Pixels that share a mean and a deviation, a "feature" or a "channel".
    ridge
        Ridge of the objective, of RFM and of Deep RFM.
    steps
        Steps of the descents.
    iterations, depth
        AGOP updates of RFM, and layers of Deep RFM.
    width
        Random features of Deep RFM.
    weight_decay, features_width
        Weight decay and width of the unconstrained features.
    seed
        Seed of random maps, starts and shuffled labels.
    """

    data: str = "digits"
    per_class: int = 20
    standardize: Standardization = "feature"
    bandwidth: float = 2.0
    ridge: float = 0.1
    steps: int = 60
    iterations: int = 10
    depth: int = 12
    width: int = 128
    weight_decay: float = 0.05
    features_width: int = 20
    seed: int = 0
    device: str = "cpu"


def kernel_learning_lines(settings: KernelLearningSettings, rows: Rows, observe: Observe) -> Iterator[Line]:
    """Lines with "panel", "curve", "step", "objective", "nc1_trace_ratio" and "nc2_gram_mse".

    * panel "descent": projected descent on kernel matrices from the Laplace kernel, a curve for each coding of the
      targets; "minimum" is the objective of the collapsed kernel and "distance" the relative distance from it;
    * panel "rfm": the kernel matrix with the metric of each iterate, for signed targets;
    * panel "layers": that of each layer's inputs in Deep RFM, and in its control;
    * panel "unconstrained": the features of the last layer over free features, on labels as they are and shuffled.
    """
    observe("descent")
    yield from _descents(settings, rows)
    observe("RFM and Deep RFM")
    yield from _machines(settings, rows)
    yield from _layers(settings, rows)
    observe("unconstrained features")
    yield from _unconstrained(settings, rows)


def _descents(settings: KernelLearningSettings, rows: Rows) -> Iterator[Line]:
    start = Laplace(settings.bandwidth)(normalize_rows(rows.inputs))
    for coding in CODINGS:
        targets = class_targets(rows.labels, rows.n_classes, coding)
        goal = collapsed_kernel(rows.labels, rows.n_classes, ridge=settings.ridge, targets=coding)
        minimum = kernel_learning_objective(goal, targets, settings.ridge)
        for step in descend_kernel(start, targets, settings.ridge, steps=settings.steps):
            distance = float((step.gram - goal).norm() / goal.norm())
            numbers = {"objective": step.objective, "minimum": minimum, "distance": distance}
            yield _line("descent", coding, step.index) | numbers | collapse_of_gram(step.gram, rows)


def _machines(settings: KernelLearningSettings, rows: Rows) -> Iterator[Line]:
    targets = class_targets(rows.labels, rows.n_classes, "signed")
    inputs, kernel = normalize_rows(rows.inputs), Laplace(settings.bandwidth)
    steps = rfm(Samples.of(inputs, targets), Setting(kernel, settings.ridge), settings.iterations)
    for step in steps:
        metric = step.machine.metric
        gram = kernel(inputs if metric is None else metric.map(inputs, inputs.mean(0)))
        objective = kernel_learning_objective(gram, targets, settings.ridge)
        yield _line("rfm", "RFM", step.iteration) | {"objective": objective} | collapse_of_gram(gram, rows)


def _layers(settings: KernelLearningSettings, rows: Rows) -> Iterator[Line]:
    targets = class_targets(rows.labels, rows.n_classes, "signed")
    kernel = Laplace(settings.bandwidth)
    for agop, name in ((True, "Deep RFM"), (False, "control")):
        layer_settings = LayerSettings(kernel, ReLUFeatures(settings.width), settings.ridge, agop)
        layers = deep_rfm(Samples.of(rows.inputs, targets), layer_settings, settings.depth, seed=settings.seed)
        for layer in layers:
            gram = kernel(layer.inputs)
            objective = kernel_learning_objective(gram, targets, settings.ridge)
            yield _line("layers", name, layer.index) | {"objective": objective} | collapse_of_gram(gram, rows)


def _unconstrained(settings: KernelLearningSettings, rows: Rows) -> Iterator[Line]:
    order = torch.from_numpy(np.random.default_rng(settings.seed).permutation(len(rows.labels)))
    for name, (depth, nonlinearity) in MODELS.items():
        for shuffled, labels in ((False, rows.labels), (True, rows.labels[order])):
            steps = descend_unconstrained_features(
                class_targets(labels, rows.n_classes, "one-hot"),
                depth=depth,
                width=settings.features_width,
                weight_decay=settings.weight_decay,
                nonlinearity="relu" if nonlinearity == "relu" else "linear",
                seed=settings.seed,
                steps=settings.steps,
            )
            for step in steps:
                features = step.features[-1]
                found = collapse_of_gram(features @ features.mT, Rows(features, labels, rows.n_classes))
                line = _line("unconstrained", name, step.index) | {"objective": step.objective}
                yield line | {"shuffled": shuffled} | found


def _line(panel: str, curve: str, step: int) -> dict[str, Any]:
    return {"panel": panel, "curve": curve, "step": step}
