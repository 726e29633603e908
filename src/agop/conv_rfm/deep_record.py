"""Collapse of the stages of deep convolutional RFM, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from agop.collapse import Collapse
from agop.conv_rfm.deep import ConvLayer, normalized
from agop.conv_rfm.record import accuracy
from agop.errors import UndefinedMeasureError

__all__ = ["ConvLayerRecord", "conv_layer_records"]

RECORDED = ("nc1_trace_ratio", "nc1_pinv", "nc1_cdnv", "nc2_gram_mse", "nc2_etf_error")
"""Measures in the lines of a record, of all that a stage has."""


@dataclass(frozen=True)
class ConvLayerRecord:
    """Measurements at one layer.

    Attributes
    ----------
    layer
        Layer number, from 1.
    stages
        Collapse of the training images at three stages, all their entries as features: "input": X_l; "agop": its mapped
        patches; "features": after the random convolution. None where it has no value, as for class means that coincide.
    train_accuracy, test_accuracy
        Accuracy of the layer's predictor; the latter None without test images.

    Examples
    --------
    >>> import torch
    >>> features = torch.tensor([[0.0, 1.0], [0.0, 3.0], [4.0, 0.0], [6.0, 0.0]])
    >>> collapse = Collapse.of(features, torch.tensor([0, 0, 1, 1]), 2)
    >>> (line,) = ConvLayerRecord(1, {"input": collapse}, train_accuracy=1.0, test_accuracy=0.9).lines()
    >>> line["layer"], line["stage"], round(line["nc1_trace_ratio"], 4), line["test_accuracy"]
    (1, 'input', 0.1379, 0.9)
    """

    layer: int
    stages: dict[str, Collapse | None]
    train_accuracy: float
    test_accuracy: float | None

    def lines(self) -> Iterator[dict[str, Any]]:
        """One flat dictionary a stage, in the order of the stages."""
        for name, stage in self.stages.items():
            measures = {measure: getattr(stage, measure, None) for measure in RECORDED}
            accuracies = {"train_accuracy": self.train_accuracy, "test_accuracy": self.test_accuracy}
            yield {"layer": self.layer, "stage": name, **measures, **accuracies}


def conv_layer_records(
    layers: Iterable[ConvLayer], labels: Tensor, n_classes: int, test: tuple[Tensor, Tensor] | None = None
) -> Iterator[tuple[ConvLayer, ConvLayerRecord]]:
    """Measure layers as they come; standardized test images (m, c, H, W) with their classes travel along.

    Examples
    --------
    >>> import torch
    >>> from agop.conv_rfm import ConvLayerSettings, ConvNTK, deep_conv_rfm
    >>> from agop.rfm import Samples
    >>> labels = torch.arange(40) % 2
    >>> rows = torch.randn(40, 36, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> samples = Samples.of(rows + labels[:, None], 2.0 * torch.nn.functional.one_hot(labels).double() - 1)
    >>> layers = deep_conv_rfm(samples, (1, 6, 6), ConvLayerSettings(ConvNTK(1), width=16), depth=2)
    >>> for _, record in conv_layer_records(layers, labels, n_classes=2):
    ...     print(record.layer, round(record.stages["input"].nc1_trace_ratio, 2))
    1 5.38
    2 4.12
    """
    held_out = None if test is None else normalized(test[0])
    for layer in layers:
        mapped, features = layer.map.stages(layer.images)
        stages = {"input": layer.images, "agop": mapped, "features": features}
        collapse = {name: _collapse(each.flatten(1), labels, n_classes) for name, each in stages.items()}
        test_accuracy = None
        if test is not None and held_out is not None:
            test_accuracy = accuracy(layer.fit.machine(held_out), test[1])
            held_out = layer.map(held_out)
        yield (
            layer,
            ConvLayerRecord(layer.index, collapse, accuracy(layer.fit.predictions, labels), test_accuracy),
        )


def _collapse(features: Tensor, labels: Tensor, n_classes: int) -> Collapse | None:
    try:
        return Collapse.of(features, labels, n_classes)
    except UndefinedMeasureError:
        return None
