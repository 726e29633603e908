"""Which part of a layer made its features collapse."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agop.runs import LEAST_FALL

__all__ = ["Attribution"]


@dataclass(frozen=True)
class Attribution:
    r"""Which part of a layer made its features collapse.

    Each number is None where a stage or its NC1 is missing; the share also where NC1 falls by less than 5 % over the
    whole layer, or rises: a share of next to nothing can be any number.

    Attributes
    ----------
    linear_log_fall
        :math:`\log(\mathrm{NC1}(\phi) / \mathrm{NC1}(W\phi))`, the part of :math:`S V^\top` in :math:`W = U S V^\top`.
    output_log_fall
        :math:`\log(\mathrm{NC1}(\phi) / \mathrm{NC1}(\sigma(W\phi + b)))`, the whole layer.
    share
        The first over the second: the share of the linear part in the fall of NC1.

    Examples
    --------
    >>> round(Attribution.of(8.0, 2.0, 1.0).share, 3), Attribution.of(1.0, 2.0, 3.0).share
    (0.667, None)
    """

    linear_log_fall: float | None
    output_log_fall: float | None
    share: float | None

    @classmethod
    def of(cls, before: float | None, linear: float | None, output: float | None) -> Attribution:
        """Attribution from NC1 (trace ratio) of phi, W phi + b and sigma(W phi + b)."""
        first, whole = (_log_fall(before, after) for after in (linear, output))
        share = first / whole if first is not None and whole is not None and whole >= LEAST_FALL else None
        return cls(first, whole, share)


def _log_fall(before: float | None, after: float | None) -> float | None:
    return math.log(before / after) if before and after else None
