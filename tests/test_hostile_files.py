"""Files that were damaged or made up: agop's own errors only, soon, in little memory, and nothing loads as another.

Some thousands of changes here, far more by ``make faults``.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import resource
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from scipy.io import savemat

import agop
from agop.errors import AgopError, DataFileError
from agop.estimator import load
from agop.kernels import Laplace
from agop.network import NetworkRecord
from agop.reports import result_of
from agop.rfm import RFMRegressor
from agop.runs import Run, storage
from agop.runs.seal import write_signed
from network.models import data, mlp, seeded

N = 100_000 if os.environ.get("AGOP_FAULTS") == "all" else 500
MIB = 2**20
ODD = [
    None,
    True,
    -1,
    2**70,
    1e308,
    "",
    "nc1",
    "U200000000",
    [],
    [[]],
    {},
    {"tensor": "x"},
    {"dtype": "load"},
    [-1, 2**40],
]


def model_file(path):
    X = np.linspace(0, 1, 24).reshape(12, 2)
    agop.save(RFMRegressor(Laplace(1.0), ridge=1e-3, n_iterations=1, selection=None).fit(X, X[:, 0]), path)


def record_file(path):
    agop.measure(seeded(mlp), [data()]).save(path)


FILES = {"model": (model_file, load), "record": (record_file, NetworkRecord.load)}


def damaged(content, rng):
    """The bytes with one of them changed, cut off, or some of them moved."""
    at, kind = int(rng.integers(len(content))), rng.integers(3)
    if kind == 0:
        return content[:at] + bytes([content[at] ^ (1 << int(rng.integers(8)))]) + content[at + 1 :]
    if kind == 1:
        return content[:at]
    length = int(rng.integers(1, 40))
    return content[:at] + content[at + length :]


def odd(value, rng):
    """A JSON value with an odd one somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = list(value)[int(rng.integers(len(value)))]
        return (
            {**value, name: odd(value[name], rng)} if rng.random() < 0.95 else {k: value[k] for k in value if k != name}
        )
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = int(rng.integers(len(value)))
        return [*value[:at], odd(value[at], rng), *value[at + 1 :]]
    return ODD[int(rng.integers(len(ODD)))]


@pytest.fixture
def bounded():
    """All of a test takes little memory beside what was there."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * MIB / 1024


def soon(read):
    start = time.process_time()
    try:
        return read()
    finally:
        assert time.process_time() - start < 1


@pytest.mark.parametrize("name", FILES)
def test_damage_anywhere_in_a_file_is_noticed(name, tmp_path, bounded):
    make, read = FILES[name]
    file, rng = tmp_path / "file", np.random.default_rng(0)
    make(file)
    whole = file.read_bytes()
    values = json.loads(_header(file))
    for _ in range(N):
        content = damaged(whole, rng)
        file.write_bytes(content)
        try:
            soon(lambda: read(file))
        except DataFileError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert json.loads(_header(file)) == values  # another spelling of the same


@pytest.mark.parametrize("name", FILES)
def test_odd_values_under_a_right_checksum(name, tmp_path, bounded):
    make, read = FILES[name]
    file, rng = tmp_path / "file", np.random.default_rng(1)
    make(file)
    tensors, header = storage.load(file)
    for _ in range(N):
        changed = odd(header, rng)
        storage.save(file, tensors, changed if isinstance(changed, dict) else {})
        try:
            found = soon(lambda: read(file))
        except AgopError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert type(found) is (RFMRegressor if name == "model" else NetworkRecord)


def _header(file):
    with safe_open(file, framework="np") as opened:
        return opened.metadata()["agop"]


def test_lines_and_sections_of_runs(make_run, bounded):
    """Damage in a finished run is always noticed; what a run that goes on says is read or refused."""
    run, rng = make_run(depth=1, seeds=(0,)), np.random.default_rng(2)
    files = {name: (run.path / name).read_bytes() for name in ("metrics.jsonl", "run.json")}
    for step in range(N):
        name = list(files)[step % 2]
        content = damaged(files[name], rng)
        (run.path / name).write_bytes(content)
        same = name == "run.json" and json.loads(files[name]) == _json(content)
        try:
            soon(lambda: result_of(run))
        except DataFileError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert same
        (run.path / name).write_bytes(files[name])


def _json(content):
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_odd_values_in_a_run_that_goes_on(make_run, bounded):
    run, rng = make_run(depth=1, seeds=(0,)), np.random.default_rng(3)
    info, lines = {**run.info(), "sealed": None}, run.metrics()
    for step in range(N):
        try:
            run._write(odd(info, rng) if step % 2 else info)
            run.rewrite(lines if step % 2 else odd(lines, rng))
        except (AgopError, AttributeError, TypeError):  # what cannot be written is no file
            continue
        try:
            soon(lambda: result_of(run))
        except AgopError as error:
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-0.25", '"0.1"', "true", "[0.1]"])
def test_numbers_that_no_measure_can_be(make_run, value):
    run = make_run(depth=1, seeds=(0,))
    run.record(sealed=None)
    file = run.path / "metrics.jsonl"
    text = file.read_text().replace('"nc1_trace_ratio": 8.0', f'"nc1_trace_ratio": {value}')
    assert value in text
    file.write_text(text)
    with pytest.raises(DataFileError):
        result_of(run)


def test_two_lines_of_one_layer(make_run):
    """As two programs leave them that do not know the lock: a mean over them would be of none."""
    run = make_run(depth=2, seeds=(0,))
    run.record(sealed=None)
    run.append([{**run.metrics()[0], "nc1_trace_ratio": 0.125}])
    with pytest.raises(
        DataFileError, match=r"one line of .* with seed=0, control=false, layer=1, stage=.*, got several"
    ):
        result_of(run)


@pytest.mark.parametrize(
    "sealed",
    [
        *([], "x", 7, ["metrics.jsonl"], {"metrics.jsonl": None}, {"metrics.jsonl": {"a": [1]}}, {"": "x"}),
        *({name: "x"} for name in ("../run.json", "/dev/zero", "a\nb.json", "nul\0.json", "n" * 5000, "seed0", ".")),
    ],
)
def test_seals_of_a_stranger(sealed, make_run, bounded):
    """Nothing outside the folder is read."""
    run = make_run(depth=1, seeds=(0,))
    write_signed(run.path / "run.json", {**run.info(), "sealed": sealed})
    for read in (lambda: result_of(run), lambda: Run.create(run.path, run.info()["settings"], kind="deep-rfm")):
        with pytest.raises(DataFileError) as error:
            soon(read)
        assert "\n" not in str(error.value)


BOMBS = {
    "mnist": ("train-images-idx3-ubyte", b"\0\0\x08\3\xff\xff\xff\xff"),
    "fashion_mnist": ("train-labels-idx1-ubyte", b"\0\0\x08\1\xff\xff\xff\xff"),
    "cifar10": ("test_batch.bin", b""),
    "svhn": ("train_32x32.mat", b"MATLAB 5.0 MAT-file"),
}


@pytest.mark.parametrize("pack", [gzip, lzma], ids=["gz", "xz"])
@pytest.mark.parametrize("name", BOMBS)
def test_files_that_unpack_to_gibibytes(name, pack, tmp_path, bounded):
    folder = tmp_path / name
    folder.mkdir()
    for file in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "data_batch_1.bin", "train_32x32.mat"):
        (folder / file).write_bytes(b"")
    bomb, start = BOMBS[name]
    (folder / bomb).unlink(missing_ok=True)
    fast = {"compresslevel": 1} if pack is gzip else {"preset": 0}
    with pack.open(folder / f"{bomb}.{'gz' if pack is gzip else 'xz'}", "wb", **fast) as file:
        file.write(start)
        for _ in range(300):
            file.write(bytes(MIB))
    with pytest.raises(DataFileError):
        agop.datasets.load(name, data_dir=tmp_path)


def test_a_matrix_that_claims_more_than_the_data_set_has(tmp_path, bounded):
    folder = tmp_path / "svhn"
    folder.mkdir()
    y = np.ones((100_000, 1), np.uint8)
    savemat(folder / "train_32x32.mat", {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": y}, do_compression=True)
    with pytest.raises(DataFileError, match="images at most"):
        agop.datasets.load("svhn", data_dir=tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["strides"].update({name: [2**33] * 2 for name in header["strides"]}),
        lambda header: header["state"].update(x={"objects": ["U200000000", [3], [1, 2, 3]]}),
        lambda header: header["state"].update(x={"array": ["V8", [3], "x"]}),
        lambda header: header["state"].update(x={"dtype": "load"}),
    ],
    ids=["strides", "objects", "void", "dtype"],
)
def test_a_model_whose_header_claims_gibibytes(change, tmp_path, bounded):
    file = tmp_path / "model"
    model_file(file)
    tensors, header = storage.load(file)
    change(header)
    storage.save(file, tensors, header)
    with pytest.raises(DataFileError):
        load(file)


def test_a_tensor_file_that_claims_more_than_it_has(tmp_path, bounded):
    file = tmp_path / "model"
    save_file({"t": torch.ones(2)}, file, metadata={"agop": "{}"})
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"shape":[2]', b'"shape":[2000000000]'[:11]))
    with pytest.raises(DataFileError):
        load(file)
