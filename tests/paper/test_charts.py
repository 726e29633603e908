"""Pictures and pages of reproduced figures show the numbers of their folders."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from agop.deep_rfm.pictures import GRAMS
from agop.deep_rfm.plots import STAGES
from agop.errors import InputError
from agop.paper import FIGURES, save_reproduction_picture, write_reproduction_readme
from agop.paper.deep_rfm_parts import MAPS
from agop.runs import Run
from paper.figure_lines import LINES

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def make(tmp_path):
    """A folder as reproduce leaves it."""

    def run_of(name):
        run = Run.create(tmp_path / name, {"figure": name, "scale": "quick", "data": ["digits"]})
        run.rewrite(LINES[name]())
        generator = torch.Generator().manual_seed(0)
        keys = [("agop", "input"), ("agop", "agop"), ("control", "input")]
        names = [f"{metric}/seed0/layer{layer:02d}/gram/{stage}" for metric, stage in keys for layer in (1, 7)]
        run.save_tensors(
            {f"deep-rfm-digits-relu/{each}": torch.rand(4, 4, generator=generator).half() for each in names}
        )
        parts = [{"name": "deep-rfm-digits-relu", "settings": {"samples": 500, "seeds": [0, 1]}, "seconds": 2.5}]
        parts.append({"name": "free", "settings": {"per_class": 20, "seed": 3}, "seconds": 0.5})
        verdicts = [
            {"claim": "It falls.", "numbers": {"nc1": 0.5}, "holds": holds, "note": f"It is {holds}."}
            for holds in (True, False, None)
        ]
        run.record(paper=FIGURES[name].paper)
        run.record(claim="All collapse.", parts=parts, verdicts=verdicts, notes=["Some rows are missing."], seconds=3.0)
        return run

    return run_of


@pytest.mark.parametrize("name", LINES)
def test_files(name, make):
    run = make(name)
    found = save_reproduction_picture(run)
    root = ElementTree.parse(run.path / "figure.svg").getroot()  # noqa: S314 (written a line above)
    assert root.tag == f"{SVG}svg"
    if name == "deep-rfm-gram":
        assert found == "figure.png"
        assert (run.path / found).read_bytes().startswith(b"\x89PNG")
    else:
        assert found == "figure.svg"
        assert not (run.path / "figure.png").exists()


@pytest.mark.parametrize("name", ["deep-rfm-metrics", "theory-recursion"])
def test_the_same_bytes_every_time(name, make):
    run = make(name)
    first = [save_reproduction_picture(run), (run.path / "figure.svg").read_bytes()]
    assert [save_reproduction_picture(run), (run.path / "figure.svg").read_bytes()] == first


def panels(run):
    """Curves of each panel, row by row, by the titles of the rows and panels; what is drawn, not only written."""
    grid = FIGURES[run.info()["settings"]["figure"]].chart(run)
    return {(row, title): chart.curves for row, each in grid.rows.items() for title, chart in each.items()}


def heights(curve):
    return pytest.approx([np.nan if value is None else value for value in curve.y], nan_ok=True)


def test_deep_rfm_by_layer(make):
    found = panels(make("deep-rfm-metrics"))
    names = [f"{measure}, {features} features" for measure in ("NC1", "NC2") for features in ("ReLU", "cosine")]
    assert list(found) == [(name, "digits") for name in names]
    nc1 = found[names[0], "digits"]
    assert [curve.name for curve in nc1] == [*STAGES.values(), "X (input), control"]
    for curve in nc1:
        assert curve.x == (1, 2, 3)
        factor = 2.0 if "control" in curve.name else 0.5
        assert [2**0.5 * factor**layer for layer in (1, 2, 3)] == heights(curve)
        assert list(curve.seeds) == ["seed 0", "seed 1"]
        assert curve.low is None  # two seeds are no interval, they are lines of their own
    assert heights(found[names[2], "digits"][0]) == [0.1, 0.05, 0.1 / 3]


def test_maps_by_layer(make):
    found = panels(make("deep-rfm-maps"))
    nc1, distance = (found[row, "digits"] for row in ("NC1 of the layer inputs", "distance across classes"))
    assert len({curve.name for curve in nc1 if curve.name}) == len(MAPS) + 1  # and the controls
    for curve in nc1:
        assert not curve.x or heights(curve) == ([2, 4, 8] if curve.dash == "dash" else [0.5, 0.25, 0.125])
    assert [curve.dash for curve in nc1 if curve.x].count("dash") == len(MAPS)
    drawn = [curve for curve in distance if curve.x]
    assert len(drawn) == 2 * (len(MAPS) - 1)  # with and without the AGOP; none of ReLU features
    assert all(set(curve.y) == {2.0} for curve in drawn)


def test_gram_matrices(make):
    run = make("deep-rfm-gram")
    tensors, chart = run.load_tensors(), FIGURES["deep-rfm-gram"].chart(run)
    assert list(chart.charts) == ["1", "7"]
    for (metric, stage), title in GRAMS.items():
        for layer, pictures in chart.charts.items():
            picture = next(each for each in pictures.pictures if each.title == f"digits, {title}")
            expected = tensors[f"deep-rfm-digits-relu/{metric}/seed0/layer0{layer}/gram/{stage}"]
            np.testing.assert_array_equal(picture.values, expected.double())


def test_no_share_of_a_fall_that_is_undone(make):
    """Where the nonlinearity raises NC1 again, the linear map makes more than the whole of the fall."""
    run = make("network-attribution")
    run.rewrite([{**line, "share": 1.17} if line.get("share") else line for line in run.metrics()])
    assert list(panels(run)) == [("mlp, digits", layer) for layer in ("fc.1", "fc.2")]


def test_attribution_by_epoch(make):
    found = panels(make("network-attribution"))
    assert list(found) == [("mlp, digits", f"{layer}: share 0.75") for layer in ("fc.1", "fc.2")]
    curves = [curve for curve in found["mlp, digits", "fc.2: share 0.75"] if curve.x]
    assert len(curves) == 4
    for curve in curves:
        assert curve.x == (0, 5, 10)
        assert heights(curve) == [0.5, 0.5 / 6, 0.5 / 11]


def test_ansatz_and_scatter_by_epoch(make):
    nfa, within, between, loss = panels(make("network-nfa")).values()
    assert heights(nfa[0]) == [0.6, 0.65, 0.7]
    assert heights(nfa[2]) == [0.4, 0.4, 0.4]
    assert [len(curves) for curves in (nfa, within, between, loss)] == [4, 2, 2, 1]
    assert heights(loss[0]) == [1, 1 / 6, 1 / 11]


def test_gains(make):
    nc1, share, _, change, by_epoch = panels(make("initialization")).values()
    assert nc1[0].x == (0.3, 1.0)
    assert heights(nc1[1]) == [0.5 / 11] * 2  # the last epoch alone
    assert heights(share[0]) == [0.75] * 2
    assert heights(change[0]) == [0.2] * 2
    assert [curve.name for curve in by_epoch] == ["gain 0.3", "gain 1"]


def test_recursion(make):
    agop, features, shifts = panels(make("theory-recursion")).values()
    assert len(agop) == len(features) == 5
    assert [len(curve.x) for curve in shifts] == [2, 0, 0]  # negative and missing ones are left out


def test_kernel_learning(make):
    descent, rfm, layers, free, labels = panels(make("theory-kernel-learning")).values()
    assert heights(descent[0]) == [1.5, 1.0]
    assert heights(rfm[0]) == [5, 4]
    assert heights(rfm[1]) == [2, 2]
    assert len(layers) == 2
    assert [curve.dash for curve in free] == ["solid", "dash"]
    assert [curve.name for curve in labels] == ["Deep RFM", "Deep RFM, shuffled labels"]


def test_modular_addition(make):
    for shares, errors in zip(*[iter(panels(make("grokking")).values())] * 2, strict=True):  # of each learner
        assert heights(shares[1]) == [0, 0.25, 0.5, 0.75]  # without the line on random features
        assert heights(errors[0]) == [1.0] * 4
    assert [curve.name for curve in shares][2:] == [
        "circulant share of the AGOP",
        "circulant share of WᵀW",
        "correlation of WᵀW and AGOP½",
    ]


def test_directions(make):
    angles, angles_by_iterate, errors, _ = panels(make("central-subspace")).values()
    assert [heights(curve) for curve in angles] == [[80, 80], [60, 60], [80, 80]]
    assert [curve.name for curve in angles_by_iterate] == ["100 rows", "200 rows"]
    assert heights(errors[0]) == [0.1, 0.2]


def test_recovery(make):
    found = panels(make("linear-rfm"))
    assert len(found) == 4
    errors, norms, *_ = found.values()
    assert [heights(curve) for curve in errors] == [[0.1, 0.05]] * 4
    assert [heights(curve) for curve in norms] == [[1, 1], [1, 1], [1, 1], [1.5, 1.5]]


def test_fact_by_epoch(make):
    found = panels(make("fact"))
    assert list(found) == [("digits, 2 hidden layers", f"weight decay {decay}") for decay in ("0", "0.001")]
    fact, root, *_ = found["digits, 2 hidden layers", "weight decay 0"]
    assert (fact.name, fact.x) == ("FACT", (0, 5, 10))
    assert heights(fact) == [0, 0.5, 1]
    assert heights(root) == [0.5] * 3


def test_chance_by_epoch(make):
    found = panels(make("chance"))
    assert list(found) == [("digits", panel) for panel in ("NC1", "NC2", "norm")]
    one, two, least, _ = found["digits", "NC1"]
    assert [one.name, two.name, least.name] == ["one", "two", ""]
    assert heights(two) == [1, 1 / 6, 1 / 11]
    assert heights(least) == [30] * 3


def test_superclasses_by_epoch(make):
    structures, chances, *_ = panels(make("structure-before-collapse")).values()
    assert [(curve.name, list(curve.y)) for curve in structures] == [("loops", [0.2] * 3)]
    assert [(curve.name, curve.y) for curve in chances] == [("loops", pytest.approx((0.1,) * 3))]


def test_page(make):
    run = make("deep-rfm-metrics")
    path = write_reproduction_readme(run, "agop reproduce deep-rfm-metrics --scale quick", "figure.svg")
    text = path.read_text()
    assert path == run.path / "README.md"
    assert text.startswith("# deep-rfm-metrics, scale quick\n")
    for part in (
        "```console\n$ agop reproduce deep-rfm-metrics --scale quick\n```",
        "arXiv 2402.13728): All collapse.",
        "Found: 1 of 3 checks holds, 1 does not, 1 is undecided.",
        "| holds | It falls. | nc1 = 0.5; It is True. |\n| does not hold | It falls. | nc1 = 0.5; It is False. |",
        "![deep-rfm-metrics](figure.svg)\n\nNC1 (tr Σ_W / tr Σ_B)",
        "Training rows: 500 or 20 a class. Seeds of a run: 2 or 1; thin lines are single seeds.",
        "| deep-rfm-digits-relu | 500 | seeds 0, 1 | 2.5 |\n| free | 20 a class | seed 3 | 0.5 |",
        f"Machine: {run.info()['machine']['cpu']}, ",
        "3 s for all runs",
        "Note: Some rows are missing.",
    ):
        assert part in text
    assert "![" not in write_reproduction_readme(run, "agop", None).read_text()


def test_other_folders(tmp_path):
    run = Run.create(tmp_path / "run", {"data": "digits"})
    with pytest.raises(
        InputError, match=r"a figure out of deep-rfm-metrics, .*, got None\. Make it with agop reproduce"
    ):
        save_reproduction_picture(run)
    assert json.loads((run.path / "run.json").read_text())["settings"] == {"data": "digits"}
