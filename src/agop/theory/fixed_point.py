"""Collapse as a fixed point of the linearized recursion: where it is, and how far it is from perfect."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from agop.datasets.coding import Coding, require_coding
from agop.errors import InputError, UndefinedMeasureError
from agop.theory.stability import Strengths

__all__ = ["CollapsedFixedPoint", "collapsed_fixed_point"]


@dataclass(frozen=True)
class CollapsedFixedPoint:
    r"""The collapsed fixed point :math:`G^* = (T + \lambda_\Phi I) / (1 + \lambda_\Phi)` of the linearized recursion.

    T has the entry 1 within a class and :math:`q` across. It is a fixed point for balanced classes of m samples.
    Write l for :math:`\lambda_\Phi` and k for :math:`\lambda_k`.

    Attributes
    ----------
    n_classes
        C.
    per_class
        m, samples in each class.
    kernel_shift
        :math:`\lambda_k`.
    features_shift
        :math:`\lambda_\Phi`.
    targets
        Coding of the targets.
    across
        q: 0 for one-hot targets, -1/(C-1) for centered ones, a root of a scalar equation for signed ones.

    Examples
    --------
    >>> point = collapsed_fixed_point(2, 2, kernel_shift=0.5, features_shift=1.0)
    >>> point.gram()
    tensor([[1.0000, 0.5000, 0.0000, 0.0000],
            [0.5000, 1.0000, 0.0000, 0.0000],
            [0.0000, 0.0000, 1.0000, 0.5000],
            [0.0000, 0.0000, 0.5000, 1.0000]], dtype=torch.float64)
    >>> round(point.nc1_floor, 4)
    0.6667
    """

    n_classes: int
    per_class: int
    kernel_shift: float
    features_shift: float
    targets: Coding
    across: float

    def gram(self) -> Tensor:
        """Gram matrix G*, (n, n) float64 with unit diagonal, samples sorted by class."""
        one = torch.ones(self.per_class, self.per_class, dtype=torch.float64)
        classes = torch.full((self.n_classes, self.n_classes), self.across, dtype=torch.float64).fill_diagonal_(1)
        gram = torch.kron(classes, one) / (1 + self.features_shift)
        gram.fill_diagonal_(1)
        return gram

    @property
    def nc1_floor(self) -> float:
        r"""NC1 (trace ratio) after the random features, at which it stops: l (m-1) C / ((C-1) (m (1-q) + l)).

        It is that of G* too, since normalization rescales all rows alike; before the random features NC1 is 0.
        """
        m, shift, classes = self.per_class, self.features_shift, self.n_classes
        return shift * (m - 1) * classes / ((classes - 1) * (m * (1 - self.across) + shift))

    @property
    def coupling_rate(self) -> float:
        r"""Factor rho a layer by which the coupling of class directions to all others shrinks.

        :math:`\rho = \frac{p}{p + l} \frac{k(1+l)}{k(1+l) + l}` with p = m for one-hot targets and m (1-q) for centered
        ones. Signed targets mix the rates of the constant direction and of those between classes. With two classes
        and centered or signed targets there is no such mode; the value is then that of the faster one that is
        left, the coupling of a class to its own samples.
        """
        return self._strengths().coupling_rate()

    @property
    def excess_rate(self) -> float:
        """Factor rho^2 a layer by which the excess of NC1 over the floor shrinks, where ``class_rate`` is smaller."""
        return self.coupling_rate**2

    @property
    def class_rate(self) -> float:
        r"""Factor a layer of the slowest perturbation of the cosines between classes, which NC2 sees.

        :math:`r_A = 2 m k (1+l) / ((m + l)(m + l + k(1+l)))` for one-hot targets; for the others the spectral radius
        of the same linear map, of perturbations that are constant on pairs of classes.
        """
        return self._strengths().class_rate()

    @property
    def attracting(self) -> bool:
        """Whether small perturbations die out; with one-hot targets: l > 0 and k (1+l) (m-l) < (m+l)^2."""
        return max(self.coupling_rate, self.class_rate) < 1

    def _strengths(self) -> Strengths:
        return Strengths(self.n_classes, self.per_class, self.kernel_shift, self.features_shift, self.across)


def collapsed_fixed_point(
    n_classes: int, per_class: int, *, kernel_shift: float, features_shift: float, targets: Coding = "one-hot"
) -> CollapsedFixedPoint:
    r"""Fixed point of :func:`~agop.theory.linearized_recursion` at which all classes have collapsed.

    With signed targets there may be several; this is the one that the recursion reaches from orthogonal classes
    (q = 0). There p = m (1 + (C-1) q) on the constant direction and p' = m (1-q) between classes satisfy

    .. math::

       \frac{p}{p'} = \frac{(C-2)^2}{4} \left[ \frac{(p + l)(p' + l + k(1+l))}{(p' + l)(p + l + k(1+l))} \right]^2 .

    Raises
    ------
    InputError
        If there are fewer than 2 classes or 2 samples in each, or a shift or the coding is out of range.
    UndefinedMeasureError
        If the recursion merges the classes, q -> 1: signed targets with C > 4, l = 0, and k of the order of m.

    References
    ----------
    The recursion is the linear limit of Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728); the
    fixed points and rates are derived in the documentation, on the page on theory.

    Examples
    --------
    >>> point = collapsed_fixed_point(10, 40, kernel_shift=0.3, features_shift=0.3)
    >>> round(point.nc1_floor, 4), round(point.coupling_rate, 4), round(point.excess_rate, 5), point.attracting
    (0.3226, 0.5610, 0.31473, True)
    >>> round(collapsed_fixed_point(10, 40, kernel_shift=1e-6, features_shift=0.3, targets="signed").across, 4)
    0.6
    """
    if n_classes < 2 or per_class < 2:
        got = f"{n_classes} of {per_class}"
        raise InputError("two or more classes of two or more samples", got, "Within-class spread needs these.")
    if not isfinite(kernel_shift) or kernel_shift <= 0:
        raise InputError("a finite kernel_shift > 0", repr(kernel_shift), "The predictor has no other ridge.")
    if not isfinite(features_shift) or features_shift < 0:
        raise InputError("a finite features_shift >= 0", repr(features_shift), "Use 0 for features that add nothing.")
    require_coding(targets)
    across = 0.0
    if targets == "centered":
        across = -1 / (n_classes - 1)
    elif targets == "signed":
        ratio = _signed_ratio(n_classes, per_class, kernel_shift, features_shift)
        across = (ratio - 1) / (ratio + n_classes - 1)
    return CollapsedFixedPoint(n_classes, per_class, kernel_shift, features_shift, targets, across)


def _signed_ratio(n_classes: int, per_class: int, k: float, l: float) -> float:  # noqa: E741 - as in the equation
    """Ratio t = p/p' that the recursion reaches from t = 1.

    A layer maps t to g(t) = ((C-2)^2/4) (r/r')^2 with r = (p + l) / (p + l + k(1+l)), likewise r', which grows with
    t; so t moves monotonically from 1 to the first root of g(t) = t on its way. Since p = m C t / (t + C - 1) and
    p' = m C / (t + C - 1), that equation is a polynomial one; its roots are then refined on g itself.
    """
    signal = (n_classes - 2) ** 2 / 4
    if signal in (0.0, 1.0):
        return signal  # C = 2: opposite classes; C = 4: orthogonal ones
    t = np.polynomial.Polynomial([0.0, 1.0])
    total = t + (n_classes - 1)
    first, second = per_class * n_classes * t + l * total, per_class * n_classes + l * total  # p + l, p' + l, scaled
    shift = k * (1 + l) * total
    equation = t * (second * (first + shift)) ** 2 - signal * (first * (second + shift)) ** 2
    roots = equation.roots()
    real = np.sort(roots.real[(abs(roots.imag) < 1e-7 * abs(roots)) & (roots.real > 0)])
    ahead = real[real > 1] if signal > 1 else real[real < 1][::-1]
    if not len(ahead) and signal < 1:
        return 0.0  # l = 0, C = 3: the constant direction dies out
    if not len(ahead):
        got = f"kernel_shift={k:g} and features_shift={l:g}, which merge the classes"
        raise UndefinedMeasureError("a fixed point with distinct classes", got, "Lower kernel_shift.")

    def growth(log_t: float) -> float:
        at = float(np.exp(log_t))
        gain = first(at) * (second(at) + shift(at)) / (second(at) * (first(at) + shift(at)))
        return log(signal * gain**2) - log_t

    edge = 0.5 * (log(ahead[0]) + log(ahead[1])) if len(ahead) > 1 else 2 * log(ahead[0])
    if growth(0.0) * growth(edge) > 0:  # two roots that nearly coincide: as exact as they are
        return float(ahead[0])
    return float(np.exp(brentq(growth, 0.0, edge, xtol=1e-15, rtol=1e-15)))
