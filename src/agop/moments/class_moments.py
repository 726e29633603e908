"""Class means and within-class scatter of features, as a value that merges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike, as_labels, as_matrix, require_finite
from agop.moments.arithmetic import Parts, merged, over_ranks, placed, read
from agop.moments.class_means import ClassMeans
from agop.moments.gram import between_axes, square_gram
from agop.ranks import Ranks
from agop.storable import storable

__all__ = ["ClassMoments"]


@storable
@dataclass(frozen=True, slots=True, eq=False)
class ClassMoments(ClassMeans):
    r"""Number and mean of the samples of each class, and their scatter about it, in float64 for features of any type.

    With :math:`\mu_c` the mean of the :math:`N_c` samples of class c, the within-class scatter is
    :math:`S = \sum_c \sum_{i \in c} (x_i - \mu_c)(x_i - \mu_c)^T`, so that :math:`\Sigma_W = S / N`.
    Values merge by the pairwise update of Chan, Golub & LeVeque (1983), never by raw sums of squares.

    Attributes
    ----------
    counts
        (C,) int64, number of samples of each class.
    means
        (C, d) class means; zero rows for classes without samples.
    scatter_traces
        (C,) traces of the scatter of each class, sums of :math:`\|x_i - \mu_c\|^2`, or None after :meth:`apply`: a
        mapped trace needs the scatter of that class alone, and only S, that of all classes together, is kept.
    scatter
        S (d, d), or None if it was not asked for.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]]), torch.tensor([0, 0, 1])
    >>> whole = ClassMoments.of(x, y, 2)
    >>> whole.means
    tensor([[1., 1.],
            [5., 5.]], dtype=torch.float64)
    >>> ClassMoments.of(x[:1], y[:1], 2).merge(ClassMoments.of(x[1:], y[1:], 2)).scatter_traces
    tensor([2., 0.], dtype=torch.float64)
    """

    scatter_traces: Tensor | None
    scatter: Tensor | None = None

    @classmethod
    def empty(
        cls,
        n_classes: int,
        n_features: int,
        *,
        scatter: bool = False,
        device: torch.device | str | None = None,
    ) -> ClassMoments:
        """Moments of no samples: the identity of :meth:`merge`, whichever scatter the other side has."""
        zeros = torch.zeros(n_classes, n_features, dtype=torch.float64, device=device)
        square = zeros.new_zeros(n_features, n_features) if scatter else None
        counts = torch.zeros(n_classes, dtype=torch.int64, device=device)
        return cls(counts, zeros, zeros.new_zeros(n_classes), square)

    @classmethod
    def of(
        cls,
        features: ArrayLike,
        labels: ArrayLike,
        n_classes: int,
        *,
        scatter: bool = False,
        max_memory: int | None = None,
    ) -> ClassMoments:
        """Moments of features (n, d) with integer labels (n,), read once.

        Parameters
        ----------
        features, labels
            Tensors of any real dtype on any device that has float64, or numpy arrays; n = 0 is allowed.
        n_classes
            Number of classes C; labels lie in ``0 .. C - 1``.
        scatter
            Keep the (d, d) scatter too.
        max_memory
            Bytes for the temporaries of one chunk of rows, 8 MiB if None. The result comes on top.

        Raises
        ------
        InputError
            If the features are not a finite real matrix, or the labels not one class index a row.
        """
        features = as_matrix(features, "features")
        n, d = features.shape
        labels = as_labels(labels, n, n_classes, features.device)
        empty = cls.empty(n_classes, d, scatter=scatter, device=features.device)
        total = cls(*read(empty.parts, features, labels.cpu().numpy(), max_memory))
        require_finite(total.means, "features")
        require_finite(total.class_traces(), "features")
        return total

    @classmethod
    def from_gram(cls, gram: ArrayLike, labels: ArrayLike, n_classes: int | None = None) -> ClassMoments:
        r"""Moments of the features behind a Gram matrix :math:`K = \Phi \Phi^T`, up to an isometry.

        With A (C, n) averaging over classes, :math:`P = I - 11^T/C` and :math:`P A K A^T P = U \Lambda U^T`, an
        orthonormal basis of the span of the centered class means is :math:`B = \Phi^T A^T P U \Lambda^{-1/2}`.
        ``means`` and ``scatter`` are those of the coordinates :math:`B^T (x_i - \mu_G)`, at most C - 1;
        ``scatter_traces`` are those of the whole features, :math:`\sum_{i \in c} K_{ii} - N_c (A K A^T)_{cc}`.

        Parameters
        ----------
        gram, labels
            (n, n) Gram matrix and the integer labels (n,) of its rows.
        n_classes
            Number of classes, ``max(labels) + 1`` if None.

        Raises
        ------
        EmptyClassError
            If a class has no samples.
        InputError
            If there is one class, or K is not square, finite, symmetric and positive semi-definite.

        Warns
        -----
        PrecisionWarning
            If ``n * eps * max abs K``, what rounding of the entries can add to the sum of the ``scatter_traces``, is
            more than a percent of it. Features about the origin, ``max abs K`` up to 100 tr(Sigma_B), are not told of:
            they have lost nothing but an NC1 below 1e4 eps.

        Examples
        --------
        >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 3.0]]), torch.tensor([0, 0, 1, 1])
        >>> ClassMoments.from_gram(x @ x.T, y).scatter_traces
        tensor([2., 2.], dtype=torch.float64)
        """
        gram = square_gram(gram)
        n = len(gram)
        labels = as_labels(labels, n, n_classes, gram.device)
        n_classes = int(labels.max()) + 1 if n_classes is None else n_classes
        averages = cls.of(gram, labels, n_classes)
        toward = averages.centered_means()  # <m_c, x_i>
        toward = toward - cls.of(toward.mT, labels, n_classes).global_mean()[:, None]  # <m_c, x_i - mu_G>
        between = cls.of(toward.mT, labels, n_classes).means  # <m_c, m_c'>
        excess = gram.diagonal().double() - averages.means[labels, torch.arange(n, device=gram.device)]
        traces = excess.new_zeros(n_classes).index_add_(0, labels, excess)  # sum over the class of ||x_i - mu_c||^2
        coordinates = toward.mT @ between_axes(gram, averages.means, between, traces, averages.counts)
        moments = cls.of(coordinates, labels, n_classes, scatter=True)
        return replace(moments, scatter_traces=traces.clamp(min=0))

    @property
    def parts(self) -> Parts:
        """Counts, means, scatter traces and scatter: ``ClassMoments(*moments.parts)`` is the same value."""
        return self.counts, self.means, self.scatter_traces, self.scatter

    @property
    def scatter_trace(self) -> float:
        """Trace of the within-class scatter: the sum over all samples of the squared distance to their class mean."""
        if self.scatter_traces is None and self.scatter is not None:
            return float(self.scatter.trace())
        return float(self.class_traces().sum())

    def _size(self) -> Tensor:
        """Length of the longest mean, or the mean distance of the samples from theirs: means have its rounding too."""
        longest = ClassMeans._size(self)
        traces = self.scatter_traces if self.scatter is None else self.scatter.diagonal()
        return longest if traces is None else torch.maximum(longest, (traces.sum() / self.counts.sum()).sqrt())

    def class_traces(self) -> Tensor:
        """``scatter_traces`` (C,), or an InputError where a linear map has left the (d, d) scatter only."""
        if self.scatter_traces is None:
            advice = "Take the moments of the mapped features themselves: ClassMoments.of(features @ A.T, ...)."
            raise InputError("a scatter trace for each class", "the (d, d) scatter of mapped moments", advice)
        return self.scatter_traces

    def merge(self, other: ClassMoments) -> ClassMoments:
        """Moments of the samples of both; associative, and exact for a class that one side lacks.

        The (d, d) scatter and the traces of the classes are kept where both sides have them; a side without
        samples has all.

        Raises
        ------
        InputError
            If the numbers of classes or features differ, or neither kind of scatter is in both.
        """
        if self.means.shape != other.means.shape:
            expected, got = (f"{tuple(m.means.shape)} (classes, features)" for m in (self, other))
            raise InputError(expected, got, "Merge statistics of the same layer and classes only.")
        if [part is None for part in self.parts] == [part is None for part in other.parts]:
            return ClassMoments(*merged(self.parts, other.parts))
        if not other.n_samples:
            return self
        return _require_scatter(ClassMoments(*merged(self.parts, other.parts))) if self.n_samples else other

    def all_reduce(self, group: dist.ProcessGroup | None = None) -> ClassMoments:
        """Merge the moments of every rank of a ``torch.distributed`` group; every rank gets the result.

        Two collectives: counts and sums, then the scatter. A rank without rows
        takes part with :meth:`empty`. Without an initialized process group there is one rank: this one.
        """
        if not (dist.is_available() and dist.is_initialized()):
            return self
        (parts,), _ = over_ranks([self.parts], Ranks(group or dist.group.WORLD))
        return _require_scatter(ClassMoments(*parts))

    def placed(self, positions: Tensor, n_classes: int) -> ClassMoments:
        """Moments of these classes at their positions (C,) among ``n_classes``, the others without samples.

        Examples
        --------
        >>> ClassMoments.of(torch.ones(2, 1), torch.tensor([0, 1]), 2).placed(torch.tensor([2, 0]), 3).counts
        tensor([1, 0, 1])
        """
        return ClassMoments(*placed(self.parts, positions, n_classes))

    def apply(self, matrix: ArrayLike) -> ClassMoments:
        r"""Moments of the mapped features :math:`A x`: means :math:`A \mu_c`, scatter :math:`A S A^T`.

        ``scatter_traces`` of the result is None: the (d, d) scatter gives their sum, not each by itself. Measures of
        the sum (NC1) work as before, those of each class (CDNV) say that they cannot.

        Parameters
        ----------
        matrix
            A of shape (k, d).

        Raises
        ------
        InputError
            If these moments have no scatter, or A is not a finite (k, d) matrix.

        Examples
        --------
        >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]]), torch.tensor([0, 0, 1])
        >>> ClassMoments.of(x, y, 2, scatter=True).apply(torch.tensor([[3.0, 0.0]])).scatter_trace
        18.0
        """
        if self.scatter is None:
            advice = "Ask for it: ClassMoments.of(features, labels, n_classes, scatter=True)."
            raise InputError("moments with a (d, d) scatter", "moments without", advice)
        matrix = as_matrix(matrix, "matrix", n_columns=self.means.shape[1]).to(self.means)
        require_finite(matrix, "matrix")
        return ClassMoments(self.counts, self.means @ matrix.mT, None, matrix @ self.scatter @ matrix.mT)

    def to(self, device: torch.device | str) -> ClassMoments:
        """The same values on another device."""
        return ClassMoments(*(None if part is None else part.to(device) for part in self.parts))  # type: ignore[arg-type]

    def drop_empty(self) -> ClassMoments:
        """Moments of the classes that have samples, renumbered in their order (``moments.counts > 0``)."""
        if self.counts.all():
            return self
        return self.select(torch.nonzero(self.counts).flatten())

    def select(self, classes: Tensor) -> ClassMoments:
        """Moments of the classes at these positions, in this order; in a (d, d) scatter others must have no part."""
        traces = None if self.scatter_traces is None else self.scatter_traces[classes]
        return replace(self, counts=self.counts[classes], means=self.means[classes], scatter_traces=traces)


def _require_scatter(moments: ClassMoments) -> ClassMoments:
    if moments.scatter_traces is None and moments.scatter is None:
        advice = "Ask for the scatter everywhere (scatter=True), or map the moments after merging them."
        raise InputError("one kind of scatter in all moments", "traces here, (d, d) there", advice)
    return moments
