"""Features of the layers of a fitted Deep RFM, as a scikit-learn transformer."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.deep_rfm.layer import LayerMap, normalize_rows
from agop.errors import InputError
from agop.estimator.arrays import channel_scale, check_features, like
from agop.kernel_machine import KernelMachine

__all__ = ["LayerFeaturesMixin"]


class LayerFeaturesMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):  # type: ignore[misc]
    """An estimator that standardizes rows and sends them through maps of layers."""

    n_channels: int | None
    transform_layer: int
    machine_: KernelMachine
    maps_: list[LayerMap]

    def transform(self, X: Any) -> Any:
        """Features (n, width) after layer ``transform_layer``, before normalization.

        Raises
        ------
        InputError
            If there is no such layer.
        """
        check_is_fitted(self, "machine_")
        position = self._transform_position
        layer = self.maps_[position]
        return like(layer.features_stage(layer.agop_stage(self._inputs(X, position))), X)

    @property
    def _transform_position(self) -> int:
        """Layer of ``transform_layer``, counted from 0."""
        n_layers, index = len(self.maps_), self.transform_layer
        if not (1 <= index <= n_layers or -n_layers <= index <= -1):
            raise InputError(f"transform_layer in 1..{n_layers} or -{n_layers}..-1", repr(index), "Layers start at 1.")
        return index - 1 if index > 0 else n_layers + index

    @property
    def _n_features_out(self) -> int:
        """Number of features that ``transform`` returns, for ``get_feature_names_out``."""
        return len(self.maps_[self._transform_position].random_map.weight)

    def _learn_scale(self, features: Tensor, weights: Tensor) -> None:
        """Mean and deviation (d,) of each feature, equal within a channel; infinite deviations make constants 0."""
        n_features = features.shape[1]
        groups = n_features if self.n_channels is None else self.n_channels
        if n_features % groups:
            advice = "Leave n_channels out for rows that are no images."
            raise InputError(f"{n_features} features in equal blocks", f"n_channels={groups!r}", advice)
        mean, scale = channel_scale(features, weights, groups)
        self.mean_, self.scale_ = (each.repeat_interleave(n_features // groups) for each in (mean, scale))

    def _standardize(self, features: Tensor) -> Tensor:
        return ((features.double() - self.mean_) / self.scale_).to(features.dtype)

    def _inputs(self, X: Any, n_layers: int) -> Tensor:
        """Row-normalized inputs of the layer after the first ``n_layers``."""
        features = check_features(self, X, reset=False).to(self.machine_.centers.device)
        inputs = normalize_rows(self._standardize(features))
        for layer in self.maps_[:n_layers]:
            inputs = layer(inputs)
        return inputs
