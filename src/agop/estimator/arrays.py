"""Features and weights in, results out: arrays stay NumPy arrays, tensors stay tensors on their device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, validate_data
from torch import Tensor

from agop.errors import InputError
from agop.inputs import all_finite, as_matrix

__all__ = ["as_array", "channel_scale", "check_features", "check_weights", "like"]


def check_features(estimator: BaseEstimator, X: Any, *, reset: bool, least: int | None = None) -> Tensor:
    """Features (n, d) as a float32 or float64 tensor, checked; ``reset`` learns ``n_features_in_``.

    Arrays, frames and lists go through scikit-learn's own validation. float32 stays float32, all other
    types become float64. There are ``least`` samples or more, two in a fit (``reset``) unless told.

    Raises
    ------
    ValueError
        If the features are not a finite, non-empty (n, d) matrix, or not as wide as those fitted.
    """
    least = least or (2 if reset else 1)
    if not isinstance(X, Tensor):
        array = validate_data(estimator, X, reset=reset, dtype=[np.float64, np.float32], ensure_min_samples=least)
        return as_matrix(np.ascontiguousarray(array), "features")
    if X.ndim != 2 or not X.numel():
        raise InputError("a non-empty (n, d) tensor", f"shape {tuple(X.shape)}", "Reshape the features.")
    if len(X) < least:
        raise InputError("2 or more samples", "1 sample", "One sample says nothing about features.")
    if X.is_complex() or not all_finite(X):
        raise InputError("finite real features", "NaN, infinity or complex numbers", "Impute or remove them.")
    validate_data(estimator, X, reset=reset, skip_check_array=True)  # number and names of features
    return X.detach().to(torch.float32 if X.dtype == torch.float32 else torch.float64)


def check_weights(sample_weight: Any, features: Tensor) -> Tensor:
    """Sample weights (n,) as a float64 tensor beside ``features``; ones if None.

    Raises
    ------
    ValueError
        If they are negative, all zero, not finite, or of another length.
    """
    if sample_weight is None:
        return torch.ones(len(features), dtype=torch.float64, device=features.device)
    weights = _check_sample_weight(
        as_array(sample_weight), np.empty((len(features), 1)), dtype=np.float64, ensure_non_negative=True
    )
    if not weights.any():
        raise InputError("a positive sample weight", "zero for every sample", "Give some sample a weight.")
    return torch.tensor(weights, device=features.device)  # a copy: columns of a frame are read-only


def like(result: Tensor, X: Any) -> Any:
    """``result`` as a tensor on the device of ``X`` if that is one, else as a NumPy array."""
    return result.to(X.device) if isinstance(X, Tensor) else as_array(result)


def as_array(values: Any) -> Any:
    """A tensor on any device as a NumPy array; anything else as it is."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values


def channel_scale(rows: Tensor, weights: Tensor, n_channels: int) -> tuple[Tensor, Tensor]:
    """Weighted mean and deviation (n_channels,) of equal blocks of columns of rows (n, d), float64.

    Deviations of constants are infinite, which makes them 0 where they are divided by.

    Examples
    --------
    >>> channel_scale(torch.tensor([[0.0, 2.0, 5.0, 5.0]]), torch.ones(1, dtype=torch.float64), 2)
    (tensor([1., 5.], dtype=torch.float64), tensor([1., inf], dtype=torch.float64))
    """
    wide, shares, width = rows.double(), weights / weights.sum(), rows.shape[1] // n_channels

    def of_channel(values: Tensor) -> Tensor:
        return values.reshape(n_channels, width).mean(1)

    mean = of_channel(shares @ wide)
    deviation = of_channel(shares @ (wide - mean.repeat_interleave(width)).square()).sqrt()
    channels = wide.reshape(len(wide), n_channels, width)
    constant = channels.amax((0, 2)) == channels.amin((0, 2))
    return mean, deviation.masked_fill(constant | (deviation == 0), torch.inf)
