"""Neural collapse as a metric of torchmetrics (extra ``lightning``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import torch
import torchmetrics
from torch import Tensor, nn

from agop.collapse.classifier import LinearClassifier
from agop.collapse.geometry import ClassGeometry
from agop.collapse.measures import MEASURES, Needs, evaluated
from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix
from agop.moments import ClassMoments

__all__ = ["NeuralCollapse"]

_WAYS: dict[Needs, str] = {"moments": "", "scatter": "scatter=True", "weight": "a classifier"}
"""Arguments that give what a measure needs."""


class NeuralCollapse(torchmetrics.Metric):
    r"""NC1 to NC3 of features that come in batches, on one process or many.

    The state is one float64 tensor with the class moments, because counts, means and scatter can only be merged
    together: (C, d + 2) with the count, the scatter trace and the mean of each class, and d rows more for the (d, d)
    scatter. Batches, processes and saved states merge by the pairwise update of Chan, Golub & LeVeque (1983), and no
    change of dtype (``half``, ``to(dtype)``, ``set_dtype``) touches it.

    The names of measures are those of the functions in :mod:`agop.collapse`, and ``gnc2_variance``, ``gnc2_mean`` and
    ``unc3_cosine`` for the variants of two of them. A measure without a value is NaN: a class has no samples, class
    means coincide, the weight of the classifier is zero. A batch, for which ``forward`` gives the values, can lack a
    class. Values are computed anew at every call, as the classifier may have changed; ``compute_with_cache=True``
    keeps them until the next update.

    Parameters
    ----------
    n_classes
        Number of classes C >= 2.
    n_features
        Number of columns d of the features.
    measures
        Names, for a dict of numbers; one name as a string, for one number that ``LightningModule.log`` takes; all that
        the other arguments allow if None.
    scatter
        Keep the (d, d) scatter, which ``nc1_pinv`` needs.
    classifier
        Linear layer with a weight (C, d) on these features, for NC3. Its weight is read whenever values are computed.
        It stays the caller's: no part of the state, never moved, and shared by a copy of the metric unless the copy
        is that of a whole model in which the classifier stands before the metric.
    **kwargs
        Arguments of ``torchmetrics.Metric``, such as ``dist_sync_on_step`` or ``process_group``.

    Raises
    ------
    InputError
        If an argument is out of range, a name is unknown or lacks what it needs, or the classifier does not fit.

    References
    ----------
    See the function of each measure; merging as in Chan, Golub & LeVeque 1983.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
    >>> metric = NeuralCollapse(2, 2, ("nc1_trace_ratio", "nc1_cdnv"))
    >>> metric.update(x[:3], y[:3])
    >>> metric.update(x[3:], y[3:])
    >>> {name: round(value.item(), 12) for name, value in metric.compute().items()}
    {'nc1_trace_ratio': 0.2, 'nc1_cdnv': 0.05}
    """

    full_state_update = False
    packed_moments: Tensor

    def __init__(
        self,
        n_classes: int,
        n_features: int,
        measures: str | Iterable[str] | None = None,
        *,
        scatter: bool = False,
        classifier: nn.Linear | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"compute_with_cache": False, **kwargs})
        if n_classes < 2 or n_features < 1:
            advice = "Collapse compares the means of classes."
            raise InputError("n_classes >= 2 and n_features >= 1", f"{n_classes} and {n_features}", advice)
        if classifier is not None and classifier.weight.shape != (n_classes, n_features):
            got = f"{tuple(classifier.weight.shape)}"
            advice = "Pass the linear layer that reads these features."
            raise InputError(f"a classifier with a weight ({n_classes}, {n_features})", got, advice)
        self.n_classes, self.n_features = n_classes, n_features
        self._single = isinstance(measures, str)
        names = (measures,) if isinstance(measures, str) else measures
        self._measures = _selected(names, scatter, classifier is not None)
        self._classifier = None if classifier is None else _Shared(classifier)
        empty = _packed(ClassMoments.empty(n_classes, n_features, scatter=scatter))
        self.add_state("packed_moments", empty, dist_reduce_fx=partial(_merged, n_classes=n_classes))

    @property
    def moments(self) -> ClassMoments:
        """Moments of the samples that this process has seen; of all processes within ``sync_context()``."""
        return _unpacked(self.packed_moments, self.n_classes)

    @property
    def update_called(self) -> bool:
        """Whether there was an update since the last reset, or samples came from another state."""
        return bool(super().update_called or self.moments.n_samples)

    def update(self, features: ArrayLike, labels: ArrayLike) -> None:
        """Add features (n, d), n >= 0, with integer labels (n,).

        Raises
        ------
        InputError
            If the features are not a finite real (n, d) matrix, or the labels not one class index a row.
        """
        matrix = as_matrix(features, "features", n_columns=self.n_features)
        before = self.packed_moments
        batch = ClassMoments.of(matrix, labels, self.n_classes, scatter=len(before) > self.n_classes)
        self.packed_moments = _merged(torch.stack([before, _packed(batch).to(before.device)]), self.n_classes)

    def compute(self) -> dict[str, Tensor] | Tensor:
        """Measures by name, or the one measure that was asked for, as float64 scalars; NaN where there is no value."""
        moments = self.moments
        geometry = ClassGeometry.of(moments)
        given: dict[Needs, tuple[Any, ...]] = {"moments": (geometry,), "scatter": (geometry,)}
        if self._classifier is not None:
            given["weight"] = geometry, LinearClassifier.of(self._classifier.module.weight, None, like=moments)
        numbers, _ = evaluated(given, self._measures) if moments.counts.all() else ({}, {})
        values = {name: self.packed_moments.new_tensor(numbers.get(name, math.nan)) for name in self._measures}
        return values[self._measures[0]] if self._single else values

    def merge_state(self, incoming_state: dict[str, Any] | torchmetrics.Metric) -> None:
        """Add the samples of another metric, or of its ``metric_state`` or ``state_dict()``.

        Raises
        ------
        InputError
            If the other state is of other classes or features, or has the scatter where this one has not.
        """
        if isinstance(incoming_state, NeuralCollapse):
            incoming_state = {"packed_moments": incoming_state.packed_moments}
        if isinstance(incoming_state, dict) and "packed_moments" in incoming_state:
            incoming_state = {"packed_moments": self._fitting(incoming_state["packed_moments"])}
        super().merge_state(incoming_state)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = ()) -> nn.Module:
        def in_float64(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            return changed if changed.dtype == tensor.dtype else tensor.to(changed.device)

        return super()._apply(in_float64, exclude_state)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        held = self.packed_moments
        super()._load_from_state_dict(*args, **kwargs)
        loaded, self.packed_moments = self.packed_moments, held
        self.packed_moments = self._fitting(loaded)

    def _fitting(self, state: Tensor) -> Tensor:
        """State from elsewhere in float64 on the device of this one, or an InputError if it is of other features."""
        held = self.packed_moments
        if state.shape != held.shape:
            advice = "Use metrics with the same classes, features and scatter."
            raise InputError(f"a state of shape {tuple(held.shape)}", f"{tuple(state.shape)}", advice)
        return state.to(held)


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """Hold a module that is no part of its owner: a copy of the owner refers to the same one.

    Where the module was copied before the owner, as in a copy of a whole model, it refers to that copy.
    """

    module: nn.Linear

    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        return _Shared(memo.get(id(self.module), self.module))


def _selected(measures: Iterable[str] | None, scatter: bool, classifier: bool) -> tuple[str, ...]:
    """Names of the measures to compute, once they are found to exist."""
    possible = {name: measure.needs for name, measure in MEASURES.items() if not measure.by_class}
    given = {"moments": True, "scatter": scatter, "weight": classifier}
    available = [name for name, needs in possible.items() if given.get(needs)]
    names = tuple(available if measures is None else dict.fromkeys(measures))
    for name in names:
        if name not in available:
            way = _WAYS.get(possible.get(name, "ood"))
            advice = f"Give {way} for it." if way else "NC4 and NC5 need more than class moments."
            raise InputError(f"measures among {', '.join(available)}", repr(name), advice)
    if not names:
        raise InputError("one measure or more", "none", "Leave measures out for all of them.")
    return names


def _packed(moments: ClassMoments) -> Tensor:
    """Counts, traces and means side by side (C, d + 2), above the scatter if there is one."""
    columns = [moments.counts[:, None].double(), moments.class_traces()[:, None], moments.means]
    rows = torch.cat(columns, 1)
    return rows if moments.scatter is None else torch.cat([rows, nn.functional.pad(moments.scatter, (2, 0))])


def _unpacked(state: Tensor, n_classes: int) -> ClassMoments:
    classes, scatter = state[:n_classes], state[n_classes:, 2:]
    return ClassMoments(classes[:, 0].long(), classes[:, 2:], classes[:, 1], scatter if len(scatter) else None)


def _merged(states: Tensor, n_classes: int) -> Tensor:
    """Merge stacked states: those of all processes, or two of one."""
    return _packed(reduce(ClassMoments.merge, (_unpacked(state, n_classes) for state in states)))
