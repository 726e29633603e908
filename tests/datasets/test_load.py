"""Every set is read as it was written, from tiny files and from the real ones."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from sklearn.datasets import load_digits

from agop.datasets import NAMES, load
from agop.errors import DataFileError, EmptyClassError, InputError
from oracles.datasets import cifar_bytes

KINDS = {"mnist": "gray", "fashion_mnist": "gray", "cifar10": "rgb", "svhn": "rgb"}


@pytest.mark.parametrize("name", KINDS)
def test_tiny_files_come_back_exactly(name, tiny_dir, images):
    data = load(name, tiny_dir)
    kind = KINDS[name]
    for part, inputs, labels in zip(
        range(2), (data.train_inputs, data.test_inputs), (data.train_labels, data.test_labels), strict=True
    ):
        pictures = images[kind][part]
        assert inputs.dtype == np.float64
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(inputs, pictures.reshape(len(pictures), -1))
        np.testing.assert_array_equal(labels, images["labels"][part])
    assert data.image_shape == ((1, 28, 28) if kind == "gray" else (3, 32, 32))
    assert data.name == name
    assert data.n_classes == 10


def test_folder_from_environment(tiny_dir, monkeypatch):
    monkeypatch.setenv("AGOP_DATA", str(tiny_dir))
    assert load("mnist").train_inputs.shape == (23, 784)


def test_no_folder_at_all(monkeypatch):
    monkeypatch.delenv("AGOP_DATA", raising=False)
    with pytest.raises(DataFileError, match=r"data folder for svhn.*Pass data_dir, or set AGOP_DATA"):
        load("svhn")


def test_unknown_name():
    with pytest.raises(InputError, match=r"digits, mnist, fashion_mnist, cifar10, svhn, got 'imagenet'"):
        load("imagenet")


def test_digits_are_the_scikit_learn_rows_split_once():
    data, (inputs, labels) = load(), load_digits(return_X_y=True)
    assert data.train_inputs.shape == (1437, 64)
    assert data.test_inputs.shape == (360, 64)
    rows = {row.tobytes(): i for i, row in enumerate(inputs)}
    assert len(rows) == len(inputs)
    train = [rows[row.tobytes()] for row in data.train_inputs]
    test = [rows[row.tobytes()] for row in data.test_inputs]
    assert sorted(train + test) == list(range(len(inputs)))
    assert train == sorted(train)
    assert test == sorted(test)
    np.testing.assert_array_equal(data.train_labels, labels[train])
    np.testing.assert_array_equal(data.test_labels, labels[test])
    shares = np.bincount(data.test_labels) / np.bincount(labels)
    assert np.ptp(shares) < 0.01
    np.testing.assert_array_equal(load().train_labels, data.train_labels)


def test_missing_cifar_batches_are_named_and_logged(tiny_dir, caplog):
    with caplog.at_level(logging.WARNING, logger="agop.datasets"):
        (note,) = load("cifar10", tiny_dir).notes
    assert "data_batch_2.bin, data_batch_4.bin, data_batch_5.bin; 23 training rows used" in note
    assert note in caplog.text


def test_official_cifar_archive_is_never_mixed_with_other_batches(tiny_dir, images, caplog):
    official = tiny_dir / "cifar10" / "cifar-10-batches-bin"
    official.mkdir()
    for i in range(1, 6):
        batch = cifar_bytes(images["rgb"][0][:10], np.arange(10))
        (official / f"data_batch_{i}.bin").write_bytes(batch)
    (official / "test_batch.bin").write_bytes(batch)
    data = load("cifar10", tiny_dir)
    assert data.train_inputs.shape == (50, 3072)
    assert data.test_inputs.shape == (10, 3072)
    assert data.notes == ()
    assert not caplog.records


def test_a_class_without_training_samples(tiny_dir, images):
    labels = np.full(10, 4)
    for name in ("data_batch_1.bin", "data_batch_3.bin"):
        (tiny_dir / "cifar10" / name).write_bytes(cifar_bytes(images["rgb"][0][:10], labels))
    with pytest.raises(EmptyClassError, match="each of the 10 classes of cifar10, got none of airplane, auto"):
        load("cifar10", tiny_dir)


@pytest.mark.parametrize(
    ("name", "n_train", "n_test", "counts"),
    [
        ("mnist", 57_000, 10_000, [5626, 6417, 5649, 5817, 5552, 5159, 5630, 5933, 5554, 5663]),
        ("fashion_mnist", 8_000, 2_000, [811, 800, 781, 803, 774, 802, 824, 833, 760, 812]),
        ("cifar10", 10_000, 2_000, [1000] * 10),
        ("svhn", 6_000, 2_000, [405, 1165, 919, 679, 600, 553, 470, 446, 387, 376]),
    ],
)
def test_real_files(name, n_train, n_test, counts, data_dir):
    if not (data_dir / name).is_dir():
        pytest.skip(f"no real {name}")
    data = load(name, data_dir)
    if len(data.train_labels) != n_train:
        pytest.skip(f"another version of {name}, with {len(data.train_labels)} training rows")
    assert len(data.test_inputs) == n_test
    assert np.bincount(data.train_labels).tolist() == counts
    assert (data.train_inputs.min(), data.train_inputs.max()) == (0, 255)
    if name == "cifar10":
        assert data.class_names == tuple((data_dir / name / "batches.meta.txt").read_text().split())


def test_names_are_the_public_ones():
    assert NAMES == ("digits", "mnist", "fashion_mnist", "cifar10", "svhn")
