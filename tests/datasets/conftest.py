"""A tiny data folder in the public formats."""

from __future__ import annotations

import gzip
import lzma

import numpy as np
import pytest

from oracles.datasets import cifar_bytes, idx_bytes, mat_bytes

N_TRAIN, N_TEST = 23, 11


@pytest.fixture
def images():
    """Random pixels: training and test images in the shapes of MNIST and of CIFAR-10, and their labels."""
    rng = np.random.default_rng(7)

    def pixels(n, *shape):
        return rng.integers(0, 256, size=(n, *shape), dtype=np.uint8)

    return {
        "gray": (pixels(N_TRAIN, 28, 28), pixels(N_TEST, 28, 28)),
        "rgb": (pixels(N_TRAIN, 3, 32, 32), pixels(N_TEST, 3, 32, 32)),
        "labels": (np.arange(N_TRAIN) % 10, np.arange(N_TEST)[::-1] % 10),
    }


@pytest.fixture
def tiny_dir(tmp_path, images):
    """A folder with the four sets: .gz, plain and .xz files; of CIFAR-10 the batches 1 and 3."""
    labels = images["labels"]
    for name, pack, suffix in (("mnist", gzip.compress, ".gz"), ("fashion_mnist", bytes, "")):
        folder = tmp_path / name
        folder.mkdir()
        for part, pictures, digits in zip(("train", "t10k"), images["gray"], labels, strict=True):
            (folder / f"{part}-images-idx3-ubyte{suffix}").write_bytes(pack(idx_bytes(pictures)))
            (folder / f"{part}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx_bytes(digits)))

    (train, test), (train_labels, test_labels) = images["rgb"], labels
    cifar = tmp_path / "cifar10"
    cifar.mkdir()
    (cifar / "data_batch_1.bin").write_bytes(cifar_bytes(train[:10], train_labels[:10]))
    (cifar / "data_batch_3.bin.xz").write_bytes(lzma.compress(cifar_bytes(train[10:], train_labels[10:])))
    (cifar / "test_batch.bin").write_bytes(cifar_bytes(test, test_labels))

    svhn = tmp_path / "svhn"
    svhn.mkdir()
    (svhn / "train_32x32.mat.xz").write_bytes(lzma.compress(mat_bytes(train, train_labels)))
    (svhn / "test_32x32.mat").write_bytes(mat_bytes(test, test_labels))
    return tmp_path
