"""Addresses of the public files, and their checksums."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from agop.datasets.cifar import ARCHIVE_FOLDER, TEST_BATCH, TRAIN_BATCHES
from agop.datasets.files import data_folder, find_file
from agop.errors import DataFileError, InputError, MissingExtraError

try:
    import pooch
except ImportError:
    pooch = None

__all__ = ["SOURCES", "Source", "download"]


@dataclass(frozen=True)
class Source:
    """A public file: its address, the published MD5 sum, and the data files that it gives.

    ``archive`` says that the file is a tar archive that holds the data files.
    """

    url: str
    md5: str
    files: tuple[str, ...]
    archive: bool = False


def _idx_sources(home: str, checksums: Mapping[str, str]) -> tuple[Source, ...]:
    return tuple(Source(f"{home}/{name}.gz", md5, (name,)) for name, md5 in checksums.items())


SOURCES: Mapping[str, tuple[Source, ...]] = MappingProxyType(
    {
        "mnist": _idx_sources(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            {
                "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
                "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
                "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
            },
        ),
        "fashion_mnist": _idx_sources(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            {
                "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
                "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
                "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
            },
        ),
        "cifar10": (
            Source(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "c32a1d4ab5d03f1284b67883e8d87530",
                tuple(f"{ARCHIVE_FOLDER}/{name}" for name in (*TRAIN_BATCHES, TEST_BATCH)),
                archive=True,
            ),
        ),
        "svhn": (
            Source(
                "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
                "e26dedcc434d2e4c54c9b2d4a06d8373",
                ("train_32x32.mat",),
            ),
            Source(
                "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
                "eb5a983be6a315427106f1b164d9cef3",
                ("test_32x32.mat",),
            ),
        ),
    }
)
"""Full public sets by name. ``digits`` needs no download."""


def download(name: str, data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Fetch the files of a public set that are not there yet, check them, and return their folder.

    A file that is there under its name, plain or compressed, is kept, whatever its content.

    Parameters
    ----------
    name
        One of ``SOURCES``.
    data_dir
        As for `agop.datasets.registry.load`; the sub-folder ``name`` is made if need be.

    Raises
    ------
    MissingExtraError
        If pooch is not installed.
    InputError
        If the set is unknown or needs no download.
    DataFileError
        If there is no network, or a file does not have its published checksum.

    Examples
    --------
    >>> download("digits")
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected a set to download out of mnist, fashion_mnist, cifar10, svhn, got 'digits'. ...
    """
    if name not in SOURCES:
        raise InputError(
            f"a set to download out of {', '.join(SOURCES)}", repr(name), "digits ships with scikit-learn."
        )
    if pooch is None:
        raise MissingExtraError("the package pooch", "none installed", "Install agop[download].")
    folder = data_folder(name, data_dir)
    for source in SOURCES[name]:
        if any(find_file(folder, file) is None for file in source.files):
            _fetch(source, folder)
    return folder


def _fetch(source: Source, folder: Path) -> None:
    """Fetch one source into ``folder`` under a temporary name, check its sum, and unpack archives."""
    unpack = pooch.Untar(members=list(source.files), extract_dir=".") if source.archive else None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(
            source.url,
            known_hash=f"md5:{source.md5}",
            fname=source.url.rpartition("/")[2],
            path=folder,
            processor=unpack,
        )
    except (OSError, ValueError) as error:
        raise DataFileError(
            f"{source.url} with MD5 sum {source.md5} in {folder}",
            str(error),
            "Check the network and the folder, or copy the file there by hand.",
        ) from error
