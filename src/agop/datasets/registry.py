"""The data sets by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeAlias

from agop.datasets.cifar import read_cifar10
from agop.datasets.dataset import Dataset
from agop.datasets.digits import read_digits
from agop.datasets.files import data_folder
from agop.datasets.idx import read_fashion_mnist, read_mnist
from agop.datasets.svhn import read_svhn
from agop.errors import InputError

__all__ = ["NAMES", "DataName", "load"]

_READERS: Mapping[str, Callable[[Path], Dataset]] = MappingProxyType(
    {"mnist": read_mnist, "fashion_mnist": read_fashion_mnist, "cifar10": read_cifar10, "svhn": read_svhn}
)

NAMES = ("digits", *_READERS)
"""Names that `load` knows."""

DataName: TypeAlias = Annotated[str, f"One of {', '.join(NAMES)}."]
"""A name of `load`, with the text that says which there are."""


def load(name: str = "digits", data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Read a data set, all rows in the order of its files.

    Parameters
    ----------
    name
        One of ``NAMES``. ``digits`` ships with scikit-learn and needs no folder.
    data_dir
        Folder with one sub-folder a set, named as the set; the environment variable AGOP_DATA if None.
        Files may be plain, .gz or .xz.

    Raises
    ------
    InputError
        If the name is unknown.
    DataFileError
        If a folder or file is missing, truncated or not what its name says.

    Examples
    --------
    >>> digits = load("digits")
    >>> digits.train_inputs.shape, digits.test_inputs.shape, digits.image_shape
    ((1437, 64), (360, 64), (1, 8, 8))
    """
    if name == "digits":
        return read_digits()
    if name not in _READERS:
        raise InputError(f"a data set out of {', '.join(NAMES)}", repr(name), "Use one of these names.")
    return _READERS[name](data_folder(name, data_dir))
