"""Downloads from a server on this machine: what the network gives in the field is not tested here."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import sys
import tarfile
import threading

import pytest

import agop.datasets
from agop.datasets import download, load
from agop.datasets.sources import SOURCES, Source
from agop.errors import DataFileError, InputError, MissingExtraError

sources = sys.modules["agop.datasets.sources"]
pooch = pytest.importorskip("pooch")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # noqa: A002
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A served folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _serve(home, content, name, files, archive=False):
    folder, address = home
    (folder / name).write_bytes(content)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Source(f"{address}/{name}", digest, files, archive)


def test_files_come_checked_and_load(home, tiny_dir, tmp_path, monkeypatch):
    served = [
        _serve(home, path.read_bytes(), path.name, (path.name.removesuffix(".gz"),))
        for path in sorted((tiny_dir / "mnist").iterdir())
    ]
    monkeypatch.setattr(sources, "SOURCES", {"mnist": tuple(served)})
    folder = download("mnist", tmp_path / "new")
    assert folder == tmp_path / "new" / "mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in (tiny_dir / "mnist").iterdir()
    )
    assert len(load("mnist", tmp_path / "new").train_labels) == 23


def test_archive_is_unpacked(home, tiny_dir, tmp_path, monkeypatch):
    batch = (tiny_dir / "cifar10" / "data_batch_1.bin").read_bytes()
    (public,) = SOURCES["cifar10"]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in (*public.files, "cifar-10-batches-bin/readme.html"):
            member = tarfile.TarInfo(name)
            member.size = len(batch)
            archive.addfile(member, io.BytesIO(batch))
    source = _serve(home, packed.getvalue(), "cifar-10-binary.tar.gz", public.files, archive=True)
    monkeypatch.setattr(sources, "SOURCES", {"cifar10": (source,)})
    download("cifar10", tmp_path / "new")
    data = load("cifar10", tmp_path / "new")
    assert (len(data.train_labels), len(data.test_labels), data.notes) == (50, 10, ())


def test_wrong_checksum_leaves_nothing(home, tmp_path, monkeypatch):
    good = _serve(home, b"labels", "labels.gz", ("labels",))
    monkeypatch.setattr(sources, "SOURCES", {"mnist": (Source(good.url, "0" * 32, good.files),)})
    with pytest.raises(DataFileError, match=rf"{good.url} with MD5 sum 0+ in .*hash"):
        download("mnist", tmp_path)
    assert not list((tmp_path / "mnist").iterdir())


def test_file_that_is_not_served(home, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "SOURCES", {"svhn": (Source(f"{home[1]}/nothing.mat", "0" * 32, ("nothing.mat",)),)})
    with pytest.raises(DataFileError, match=r"nothing\.mat .*404.*Check the network"):
        download("svhn", tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "svhn"])
def test_files_that_are_there_are_kept_without_a_network(name, tiny_dir, monkeypatch):
    def refuse(*args, **kwargs):
        pytest.fail("something was fetched")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    before = {path: path.read_bytes() for path in (tiny_dir / name).iterdir()}
    download(name, tiny_dir)
    assert before == {path: path.read_bytes() for path in (tiny_dir / name).iterdir()}


def test_public_sources_name_the_files_that_are_read():
    assert set(SOURCES) == set(agop.datasets.NAMES) - {"digits"}
    for name, entries in SOURCES.items():
        for source in entries:
            assert source.url.startswith(("http://", "https://"))
            assert len(bytes.fromhex(source.md5)) == 16, name
            assert source.files


def test_without_pooch(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"pooch.*Install agop\[download\]"):
        download("mnist", tmp_path)


def test_nothing_to_download():
    with pytest.raises(InputError, match="digits ships with scikit-learn"):
        download("digits")
