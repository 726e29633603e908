"""A missing, truncated or foreign file gives one error that names it and says what to do."""

from __future__ import annotations

import gzip
import lzma
import pickle

import numpy as np
import pytest

from agop.datasets import load
from agop.errors import DataFileError
from oracles.datasets import cifar_bytes, idx_bytes, mat_bytes


def _plain(path):
    content = path.read_bytes()
    return {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)(content)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "svhn"])
def test_missing_folder(name, tmp_path):
    with pytest.raises(DataFileError, match=rf"folder .*{name}, got no such folder.*AGOP_DATA.*download"):
        load(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "train-images-idx3-ubyte.gz"),
        ("mnist", "t10k-labels-idx1-ubyte.gz"),
        ("fashion_mnist", "train-labels-idx1-ubyte"),
        ("cifar10", "test_batch.bin"),
        ("svhn", "train_32x32.mat.xz"),
        ("svhn", "test_32x32.mat"),
    ],
)
def test_missing_file(name, file, tiny_dir):
    (tiny_dir / name / file).unlink()
    stem = file.removesuffix(".gz").removesuffix(".xz")
    with pytest.raises(DataFileError, match=rf"a file .*{stem}, plain, .gz or .xz, got no such file. Copy it"):
        load(name, tiny_dir)


def test_all_training_batches_missing(tiny_dir):
    for file in (tiny_dir / "cifar10").glob("data_batch*"):
        file.unlink()
    with pytest.raises(DataFileError, match=r"data_batch_1\.bin.*no such file"):
        load("cifar10", tiny_dir)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "train-images-idx3-ubyte.gz"),
        ("mnist", "train-labels-idx1-ubyte.gz"),
        ("fashion_mnist", "train-images-idx3-ubyte"),
        ("cifar10", "data_batch_1.bin"),
        ("cifar10", "data_batch_3.bin.xz"),
        ("svhn", "train_32x32.mat.xz"),
        ("svhn", "test_32x32.mat"),
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.51, 0.99])
def test_truncated_file(name, file, share, tiny_dir):
    path = tiny_dir / name / file
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataFileError, match=rf"{file}.* (Copy or download|Copy both)"):
        load(name, tiny_dir)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_mat_file_cut_anywhere_in_its_headers(cut, tiny_dir):
    path = tiny_dir / "svhn" / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataFileError, match=r"test_32x32\.mat"):
        load("svhn", tiny_dir)


@pytest.mark.parametrize("name", ["mnist", "svhn", "cifar10"])
def test_not_what_the_suffix_says(name, tiny_dir):
    path = next(path for path in sorted((tiny_dir / name).iterdir()) if path.suffix in (".gz", ".xz"))
    path.write_bytes(_plain(path))
    with pytest.raises(DataFileError, match=rf"{path.name} to be a complete, readable"):
        load(name, tiny_dir)


def test_wrong_magic_number(tiny_dir, images):
    path = tiny_dir / "fashion_mnist" / "train-images-idx3-ubyte"
    path.write_bytes(idx_bytes(images["labels"][0]))
    with pytest.raises(DataFileError, match=r"train-images.* magic number 00000803, got 00000801"):
        load("fashion_mnist", tiny_dir)


def test_pickled_content_is_refused_unread(tiny_dir):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    content = pickle.dumps(Trap())
    for name, file in [
        ("fashion_mnist", "train-images-idx3-ubyte"),
        ("cifar10", "data_batch_1.bin"),
        ("svhn", "test_32x32.mat"),
    ]:
        (tiny_dir / name / file).write_bytes(content)
        with pytest.raises(DataFileError, match=file):
            load(name, tiny_dir)


def test_wrong_image_size(tiny_dir, images):
    path = tiny_dir / "fashion_mnist" / "train-images-idx3-ubyte"
    path.write_bytes(idx_bytes(images["gray"][0][:, :14]))
    with pytest.raises(DataFileError, match=r"28 x 28 images in .*got shape \(23, 14, 28\)"):
        load("fashion_mnist", tiny_dir)


def test_images_and_labels_of_different_length(tiny_dir, images):
    path = tiny_dir / "fashion_mnist" / "train-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(images["labels"][0][:-1]))
    with pytest.raises(DataFileError, match=r"train-labels.* 22 labels and 23 images"):
        load("fashion_mnist", tiny_dir)


def test_labels_out_of_range(tiny_dir, images):
    gray, rgb, labels = images["gray"][0], images["rgb"][0], np.arange(23) % 11
    (tiny_dir / "fashion_mnist" / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    (tiny_dir / "cifar10" / "data_batch_1.bin").write_bytes(cifar_bytes(rgb, labels))
    (tiny_dir / "svhn" / "test_32x32.mat").write_bytes(mat_bytes(rgb, labels + 1))
    assert len(gray) == len(labels)
    with pytest.raises(DataFileError, match=r"labels 0 .. 9 in .*train-labels.*got 0 .. 10"):
        load("fashion_mnist", tiny_dir)
    with pytest.raises(DataFileError, match=r"labels 0 .. 9 in .*data_batch_1.*got 0 .. 10"):
        load("cifar10", tiny_dir)
    with pytest.raises(DataFileError, match=r"labels 1 .. 10 in .*test_32x32.mat.*got 1 .. 11"):
        load("svhn", tiny_dir)


@pytest.mark.parametrize(
    "arrays",
    [
        {"X": np.zeros((32, 32, 3, 11))},
        {"X": np.zeros((3, 32, 32, 11), np.uint8)},
        {"X": np.zeros((32, 32, 3, 10), np.uint8)},
        {"X": np.uint8(0)},
        {"y": np.ones((11, 1))},
        {"y": "text"},
    ],
)
def test_mat_arrays_of_another_kind(arrays, tiny_dir, images):
    content = mat_bytes(images["rgb"][1], images["labels"][1], **arrays)
    (tiny_dir / "svhn" / "test_32x32.mat").write_bytes(content)
    with pytest.raises(DataFileError, match=r"test_32x32.mat to hold X, uint8 of shape \(32, 32, 3, n\)"):
        load("svhn", tiny_dir)


def test_mat_file_without_labels(tiny_dir, images):
    content = mat_bytes(images["rgb"][1], images["labels"][1]).replace(b"y\0\0\0", b"z\0\0\0")
    (tiny_dir / "svhn" / "test_32x32.mat").write_bytes(content)
    with pytest.raises(DataFileError, match=r"variables X and y in .*test_32x32.mat, got no 'y'"):
        load("svhn", tiny_dir)
