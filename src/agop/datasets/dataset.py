"""A labeled data set with a training and a test part, as one checked value."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from agop.errors import EmptyClassError, InputError

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in rows with class labels 0 .. C-1, every class present in the training part.

    Attributes
    ----------
    name
        Name of the set.
    train_inputs, test_inputs
        float64, (n, d), at the values of the source (pixels 0 .. 255, for digits 0 .. 16). A test part
        without rows is allowed.
    train_labels, test_labels
        int64, (n,), each in 0 .. C-1.
    class_names
        C names in the order of the labels.
    image_shape
        (channels, height, width) of a row, None if the rows are no images.
    notes
        Notes for a reader of results, such as files that were missing.

    Raises
    ------
    InputError
        If shapes, dtypes or labels are not as above.
    EmptyClassError
        If a class has no training sample.

    Examples
    --------
    >>> import numpy as np
    >>> rows, labels = np.zeros((2, 3)), np.array([0, 1])
    >>> Dataset("pair", rows, labels, rows, labels, class_names=("a", "b")).n_classes
    2
    """

    name: str
    train_inputs: NDArray[np.float64]
    train_labels: NDArray[np.int64]
    test_inputs: NDArray[np.float64]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_part("training", self.train_inputs, self.train_labels)
        self._check_part("test", self.test_inputs, self.test_labels)
        width = self.train_inputs.shape[1]
        if self.test_inputs.shape[1] != width or (self.image_shape and prod(self.image_shape) != width):
            raise InputError(
                f"training rows, test rows and images of {self.name} of one size",
                f"{width} and {self.test_inputs.shape[1]} features, image shape {self.image_shape}",
                "Check how the rows were made.",
            )
        counts = np.bincount(self.train_labels, minlength=self.n_classes)
        if not counts.all():
            missing = [name for name, count in zip(self.class_names, counts, strict=True) if count == 0]
            raise EmptyClassError(
                f"training samples of each of the {self.n_classes} classes of {self.name}",
                f"none of {', '.join(missing)}",
                "Take more samples, or another seed where they are drawn at random.",
            )

    @property
    def n_classes(self) -> int:
        """Number of classes C."""
        return len(self.class_names)

    @classmethod
    def from_images(
        cls,
        name: str,
        train: tuple[NDArray[np.uint8], NDArray[np.integer]],
        test: tuple[NDArray[np.uint8], NDArray[np.integer]],
        class_names: tuple[str, ...],
        notes: tuple[str, ...] = (),
    ) -> Dataset:
        """Make rows of images (n, channels, height, width) and pair them with their labels (n,)."""
        (train_images, train_labels), (test_images, test_labels) = train, test
        _, channels, height, width = train_images.shape
        return cls(
            name,
            train_images.reshape(len(train_images), -1).astype(np.float64),
            train_labels.astype(np.int64),
            test_images.reshape(len(test_images), -1).astype(np.float64),
            test_labels.astype(np.int64),
            class_names,
            (channels, height, width),
            notes,
        )

    def _check_part(self, part: str, inputs: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        if inputs.ndim != 2 or inputs.dtype != np.float64:
            raise InputError(
                f"{part} inputs of {self.name} as a float64 matrix",
                f"{inputs.dtype} of shape {inputs.shape}",
                "Pass one row a sample; convert with inputs.reshape(n, -1).astype(float).",
            )
        if labels.shape != (len(inputs),) or labels.dtype != np.int64:
            raise InputError(
                f"one int64 label for each of the {len(inputs)} {part} rows of {self.name}",
                f"{labels.dtype} of shape {labels.shape}",
                "Pass class indices; one-hot rows become indices with labels.argmax(1).",
            )
        if len(labels) and not (labels.min() >= 0 and labels.max() < self.n_classes):
            raise InputError(
                f"{part} labels of {self.name} in 0 .. {self.n_classes - 1}",
                f"{labels.min()} .. {labels.max()}",
                "Number the classes from 0, or name them all in class_names.",
            )
