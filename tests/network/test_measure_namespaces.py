"""Ranks on two machines, as far as one can be two: in two network namespaces that a cable joins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agop.network import NetworkRecord
from network.gloo_measure import measured
from network.same_records import assert_same

WORK = """
import os, sys
from datetime import timedelta
import torch.distributed as dist
from network.gloo_measure import measured

rank, address, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2, timeout=timedelta(seconds=60))
measured("classes", dist.group.WORLD).save(f"{folder}/rank{rank}.safetensors")
dist.destroy_process_group()
"""


def ip(*arguments):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)  # noqa: S607


@pytest.fixture
def namespaces():
    """Names of two network namespaces, in which 10.201.77.1 and 10.201.77.2 are the ends of one cable."""
    if shutil.which("ip") is None:
        pytest.skip("no ip")
    names = [f"agop{os.getpid()}{side}" for side in "ab"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", names[0], "netns", names[0], "type", "veth", "peer", "name", names[1], "netns", names[1])
        for number, name in enumerate(names, 1):
            ip("-n", name, "address", "add", f"10.201.77.{number}/24", "dev", name)
            ip("-n", name, "link", "set", name, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces cannot be made: {error.stderr.strip()}")
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)  # noqa: S607


@pytest.mark.slow
def test_numbers_are_those_of_one_process(namespaces, tmp_path):
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    processes = []
    for rank, name in enumerate(namespaces):
        start = ["ip", "netns", "exec", name, sys.executable, "-c", WORK]
        environment = {**os.environ, "PYTHONPATH": paths, "GLOO_SOCKET_IFNAME": name, "OMP_NUM_THREADS": "1"}
        command = [*start, str(rank), "tcp://10.201.77.1:29417", str(tmp_path)]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    try:
        for process in processes:
            _, error = process.communicate(timeout=90)
            assert process.returncode == 0, error
    finally:
        for process in processes:
            process.kill()
    expected = measured("classes")
    for rank in (0, 1):
        assert_same(NetworkRecord.load(tmp_path / f"rank{rank}.safetensors"), expected)
