"""Every seed is shifted by the same number, once, however a process begins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import copy, sys
import numpy, torch
from seeds.shift import shift_seeds

shift_seeds()
legacy = numpy.random.RandomState(0)
assert isinstance(numpy.random.mtrand._rand, numpy.random.RandomState)
assert isinstance(copy.deepcopy(legacy), numpy.random.RandomState)
print(numpy.random.default_rng(0).random(), legacy.random_sample(), torch.Generator().manual_seed(0).initial_seed())
print(torch.manual_seed(0).initial_seed(), copy.deepcopy(legacy).random_sample() == legacy.random_sample())
"""


def test_every_kind_of_stream_is_shifted_once():
    """By what Python begins with, or by the tests that it then runs."""
    seeds = Path(__file__).parent
    found = []
    for number, folders in ((3, [seeds, seeds.parent]), (3, [seeds.parent]), (4, [seeds, seeds.parent])):
        path = os.pathsep.join(map(str, folders))
        environment = {**os.environ, "AGOP_SEED": str(number), "PYTHONPATH": path}
        command = [sys.executable, "-c", PROGRAM]
        found.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert found[0] == found[1]
    assert found[0].split()[2:] == ["3", "3", "True"]
    assert not {*found[0].split()[:2]} & {*found[2].split()[:2]}
