"""The figures that are kept beside the package say what the code says of their numbers today."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from agop.paper import FIGURES, write_reproduction_readme
from agop.runs import Run

RESULTS = Path(__file__).parents[2] / "results"
KEPT = sorted(
    file.parent for file in RESULTS.glob("**/run.json") if json.loads(file.read_text()).get("kind") == "figure"
)


@pytest.fixture(params=KEPT, ids=lambda folder: folder.name)
def run(request, tmp_path):
    """A copy of a kept figure."""
    return Run.open(shutil.copytree(request.param, tmp_path / request.param.name))


def test_verdicts_follow_from_the_lines(run):
    info = run.info()
    figure = FIGURES[info["settings"]["figure"]]
    if figure.tensors:
        pytest.skip("its verdicts rest on tensors that are too large to keep")
    verdicts = json.loads(json.dumps([asdict(verdict) for verdict in figure.verdicts(run)]))
    kept = (run.path / "verdicts.json").read_text()
    assert verdicts == json.loads(kept, parse_float=_nearly)
    assert json.loads(kept) == info["verdicts"]
    assert info["claim"] == figure.claim


def _nearly(number):
    """A number of a file, which other versions of libraries round otherwise."""
    return pytest.approx(float(number), rel=1e-12)


def test_the_page_is_that_of_the_code(run):
    kept = (run.path / "README.md").read_text()
    command = next(line for line in kept.splitlines() if line.startswith("$ ")).removeprefix("$ ")
    (picture,) = run.path.glob("figure.*")
    assert write_reproduction_readme(run, command, picture.name).read_text() == kept


def test_a_changed_line_changes_the_verdicts(tmp_path):
    folder = shutil.copytree(RESULTS / "central-subspace", tmp_path / "central-subspace")
    run = Run.open(folder)
    lines = [{**line, "angle": 80.0} for line in run.metrics()]
    other = Run.create(tmp_path / "other", {"figure": "central-subspace"}, kind="figure")
    other.rewrite(lines)
    verdicts = FIGURES["central-subspace"].verdicts(other)
    assert [verdict.holds for verdict in verdicts] != [verdict["holds"] for verdict in run.info()["verdicts"]]
