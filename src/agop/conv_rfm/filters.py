"""Filters: eigenvectors of a metric of patches, and those that an estimator has learned."""

from __future__ import annotations

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.conv_rfm.images import ImagesMixin
from agop.errors import InputError
from agop.linalg import largest_positive

__all__ = ["FiltersMixin", "filters_of"]


def filters_of(metric: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """Eigenvectors of a metric of patches as filters (r, c, q, q), and their shares of its trace (r,), largest first.

    The entry of largest magnitude of each is positive.

    Raises
    ------
    InputError
        If the metric is not of square patches of so many channels.

    Examples
    --------
    >>> filters, shares = filters_of(torch.diag(torch.tensor([1.0, 3.0, 0.0, 0.0])), channels=1)
    >>> filters[0, 0].tolist(), shares.tolist()
    ([[0.0, 1.0], [0.0, 0.0]], [0.75, 0.25, 0.0, 0.0])
    """
    side = round((len(metric) / channels) ** 0.5)
    if side * side * channels != len(metric):
        raise InputError(f"square patches of {channels} channels", f"{len(metric)} entries", "Check the channels.")
    eigenvalues, eigenvectors = torch.linalg.eigh(metric.double())
    filters = largest_positive(eigenvectors.mT.flip(0)).reshape(-1, channels, side, side)
    shares = eigenvalues.flip(0).clamp(min=0)
    return filters, shares / shares.sum()


class FiltersMixin(ImagesMixin):
    """Filters of an estimator of images with ``metric_``."""

    metric_: Tensor | None

    @property
    def filters_(self) -> Tensor:
        """Eigenvectors of the metric as filters (r, channels, q, q), float64, the leading one first.

        Raises
        ------
        AttributeError
            If the kept iterate has no metric.
        """
        return self._filters[0]

    @property
    def filter_shares_(self) -> Tensor:
        """Shares of the filters in the trace of the metric, (r,)."""
        return self._filters[1]

    @property
    def _filters(self) -> tuple[Tensor, Tensor]:
        check_is_fitted(self)
        if self.metric_ is None:
            raise AttributeError("the kept iterate has learned no filters: it is kernel ridge regression")
        return filters_of(self.metric_, self.image_shape_[0])
