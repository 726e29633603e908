"""Files are replaced whole, and what a killed writer leaves is removed by the next one of the same file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from agop.errors import InputError, OutputError
from agop.runs.files import check_writable, is_temporary, remove, replacing, write_text_atomic

KILLED = """
import os, sys
from pathlib import Path
from agop.runs.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("at work", flush=True)
    sys.stdin.readline()
"""
posix = pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")


NAME = "model [1]\n2"


@pytest.fixture
def writer(tmp_path):
    """A process that has written half of a file, and waits."""
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / NAME)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        yield process
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@posix
def test_what_a_killed_writer_leaves_is_removed_by_the_next_of_that_file(writer, tmp_path):
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    (left,) = names(tmp_path)
    assert is_temporary(left)
    write_text_atomic(tmp_path / "model", "another file")
    assert names(tmp_path) == [left, "model"]
    write_text_atomic(tmp_path / NAME, "new")
    assert names(tmp_path) == ["model", NAME]


@posix
def test_what_another_process_writes_now_is_left_to_it(writer, tmp_path):
    write_text_atomic(tmp_path / NAME, "first")
    assert len(names(tmp_path)) == 2
    writer.stdin.write("\n")
    writer.stdin.close()
    assert writer.wait() == 0
    assert names(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_text() == "half"


def test_two_writers_in_one_process(tmp_path):
    with replacing(tmp_path / "file") as first:
        first.write_text("first")
        write_text_atomic(tmp_path / "file", "second")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "first"


def test_files_of_others_are_left_alone(tmp_path):
    mine = [f".file.{'0' * 31}.tmp", ".file.tmp", f".file.{'0' * 32}.tmp.txt", f"file.{'0' * 32}.tmp"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    write_text_atomic(tmp_path / "file", "new")
    assert names(tmp_path) == sorted([*mine, "file"])


def test_a_writer_may_replace_the_file_that_it_writes(tmp_path):
    """As safetensors does, by way of a temporary file of its own, which it leaves if it is killed."""
    with replacing(tmp_path / "file") as temporary:
        (temporary.parent / ".tmpA1b2C3").write_text("new")
        (temporary.parent / ".tmpA1b2C3").replace(temporary)
        (temporary.parent / ".tmpD4e5F6").write_text("half")
        write_text_atomic(tmp_path / "file", "another")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "new"


@posix
def test_no_folder_of_others_is_emptied(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "kept").write_text("mine")
    (tmp_path / f".file.{'0' * 32}.tmp").symlink_to(mine)
    write_text_atomic(tmp_path / "file", "new")
    with pytest.raises(OutputError, match="mine"):
        remove(mine)
    assert names(tmp_path) == ["file", "mine"]
    assert names(mine) == ["kept"]


@posix
def test_links_stay_and_lead_to_the_file(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "here").symlink_to("disk/there")
    for text in ("new", "newer"):  # the file is made, and replaced
        check_writable(tmp_path / "here")
        write_text_atomic(tmp_path / "here", text)
        assert (tmp_path / "here").is_symlink()
        assert (tmp_path / "disk" / "there").read_text() == text
    assert names(tmp_path / "disk") == ["there"]


@posix
@pytest.mark.parametrize("write", [check_writable, lambda path: write_text_atomic(path, "new")])
def test_links_that_lead_nowhere(write, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "lost").symlink_to("nowhere/there")
    for name in ("loop", "lost"):
        with pytest.raises(OutputError, match=name):
            write(tmp_path / name)
    assert names(tmp_path) == ["loop", "lost"]
    assert all(path.is_symlink() for path in tmp_path.iterdir())


@posix
@pytest.mark.parametrize("write", [check_writable, lambda path: write_text_atomic(path, "new")])
def test_pipes_devices_and_folders_are_no_files(write, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    terminals = os.openpty()
    (tmp_path / "device").symlink_to(os.ttyname(terminals[1]))
    for name in ("pipe", "folder", "device"):
        with pytest.raises(InputError, match=name):
            write(tmp_path / name)
    for terminal in terminals:
        os.close(terminal)
    assert names(tmp_path) == ["device", "folder", "pipe"]
    assert (tmp_path / "pipe").is_fifo()
