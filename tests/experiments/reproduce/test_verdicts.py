"""Verdicts follow the numbers: the same claim holds, fails or stays open with the lines."""

from __future__ import annotations

import math
import types

import pytest

from agop.experiments.reproduce import FIGURES
from agop.runs import Run


def verdicts(name, lines):
    """Verdicts of a figure on a run with these lines, by claim."""
    run = types.SimpleNamespace(metrics=lambda: lines)
    return {verdict.claim: verdict for verdict in FIGURES[name].verdicts(run)}


def deep_rfm(at_agop, at_map, control, data="digits"):
    """Four layers with constant factors at each step."""
    lines, nc1, other = [], 8.0, 8.0
    for layer in range(1, 5):
        stages = {"input": nc1, "agop": nc1 * at_agop, "features": nc1 * at_agop * at_map}
        for stage, value in stages.items():
            row = {"part": "p", "data": data, "features": "relu", "seed": 0, "layer": layer, "stage": stage}
            lines.append(row | {"control": False, "nc1_trace_ratio": value, "nc2_gram_mse": value / 100})
            lines.append(row | {"control": True, "nc1_trace_ratio": other, "nc2_gram_mse": 0.1})
        nc1, other = stages["features"], other * control
    return lines


CAUSE = "digits, relu: the AGOP stage, not the random map, collapses the features"


@pytest.mark.parametrize(
    ("at_agop", "at_map", "control", "expected"),
    [(0.3, 1.4, 1.2, True), (0.3, 0.5, 1.2, False), (1.2, 0.5, 1.2, False), (0.3, 1.4, 0.4, False)],
)
def test_cause_in_deep_rfm(at_agop, at_map, control, expected):
    found = verdicts("deep-rfm-metrics", deep_rfm(at_agop, at_map, control))[CAUSE]
    assert found.holds is expected
    assert found.numbers["agop_decades"] == pytest.approx(-math.log10(at_agop))
    assert found.numbers["map_decades"] == pytest.approx(-math.log10(at_map))
    assert f"multiplies NC1 by {at_agop:.3g} a layer and the random map by {at_map:.3g}" in found.sentence


def test_fall_of_deep_rfm():
    claims = ("NC1 of the layer inputs falls tenfold or more", "NC2 of the layer inputs falls to a third or less")
    for factor, expected in ((0.3, True), (0.9, False)):
        found = verdicts("deep-rfm-metrics", deep_rfm(factor, 1.0, 1.0))
        for claim in claims:
            assert found[f"digits, relu: {claim} over the layers"].holds is expected


def network(nc1, *, gain=None, part="p", change=0.1, epochs=(0, 10), nfa=(0.2, 0.8)):
    """Two hidden layers; ``nc1`` maps (epoch, layer, stage) to NC1."""
    lines = []
    for epoch in epochs:
        for layer in ("fc.1", "fc.2"):
            values = {stage: nc1(epoch, layer, stage) for stage in ("input", "linear", "output")}
            for stage, value in values.items():
                line = {"part": part, "data": "digits", "model": "mlp", "gain": gain, "seed": 0, "epoch": epoch}
                line |= {"loss": 1.0 / (1 + epoch), "train_accuracy": 0.5, "layer": layer, "stage": stage}
                line |= {"nc1_trace_ratio": value, "within_total_ratio": value / (1 + value)}
                line |= {"between_total_ratio": 1 / (1 + value)}
                if stage == "input":
                    falls = [math.log(values["input"] / values[each]) for each in ("linear", "output")]
                    line |= {"linear_log_fall": falls[0], "output_log_fall": falls[1]}
                    line |= {"share": falls[0] / falls[1] if falls[1] > 0 else None}
                    root = nfa[0] if epoch == epochs[0] else nfa[-1]
                    line |= {"nfa_pearson_root": root, "nfa_pearson": root / 2, "weight_change": change}
                lines.append(line)
    return lines


def steps(linear, output, start=4.0):
    """NC1 that the two parts of every layer multiply after training, and that stays before."""

    def nc1(epoch, layer, stage):
        before = start * ((linear * output) if layer == "fc.2" and epoch else 1)
        return before * ({"input": 1, "linear": linear, "output": linear * output}[stage] if epoch else 1)

    return nc1


@pytest.mark.parametrize(
    ("linear", "output", "most", "tenfold"),
    [(0.1, 0.5, True, True), (0.5, 0.1, False, True), (0.9, 0.95, True, False), (1.5, 1.0, None, False)],
)
def test_cause_in_networks(linear, output, most, tenfold):
    found = verdicts("network-attribution", network(steps(linear, output)))
    cause = found["mlp, digits: the right singular structure makes most of the fall of NC1"]
    assert cause.holds is most
    assert found["mlp, digits: NC1 falls tenfold or more over the fully connected layers"].holds is tenfold
    assert cause.numbers["decades"] == pytest.approx(-2 * math.log10(linear * output))
    if most is not None:
        assert cause.numbers["share"] == pytest.approx(math.log(linear) / math.log(linear * output))


@pytest.mark.parametrize(("nfa", "expected"), [((0.2, 0.8), True), ((0.9, 0.8), False), ((0.2, 0.4), False)])
def test_ansatz(nfa, expected):
    found = list(verdicts("network-nfa", network(steps(0.1, 0.5), nfa=nfa)).values())
    assert found[0].holds is expected
    assert found[0].numbers["root_end"] == pytest.approx(nfa[1])
    assert found[1].holds is True
    assert list(verdicts("network-nfa", network(steps(0.9, 1.0))).values())[1].holds is False


def test_a_dead_network_has_no_verdict():
    """All outputs are 0: no measure of collapse has a value."""
    names = {"part", "data", "model", "gain", "seed", "epoch", "loss", "train_accuracy", "layer", "stage"}
    lines = [{name: line[name] for name in names} for line in network(steps(0.1, 0.5), gain=0.1)]
    for figure in ("network-attribution", "network-nfa"):
        assert [verdict.holds for verdict in verdicts(figure, lines).values()] == [None, None]
    found = list(verdicts("initialisation", lines).values())
    assert [verdict.holds for verdict in found] == [True, None, None, None, None]
    assert "0.1 or less at gains none" in found[0].sentence


def test_grid_of_gains():
    """Two gains collapse by S V^T, one by the nonlinearity, one not at all."""
    lines = []
    recipes = {0.3: (0.05, 0.9, 0.9), 0.5: (0.1, 0.8, 0.5), 1.0: (0.9, 0.1, 0.2), 2.0: (0.95, 1.0, 0.05)}
    for gain, (linear, output, change) in recipes.items():
        lines += network(steps(linear, output), gain=gain, part=f"gain-{gain}", change=change)
    found = list(verdicts("initialisation", lines).values())
    where, share, nfa, change, when = found
    assert where.holds is False
    assert "0.1 or less at gains 0.3, 0.5, 1, and S V^T makes more than half" in where.sentence
    assert where.sentence.endswith("at gains 0.3, 0.5.")
    assert share.numbers["rank_correlation"] == 1
    assert share.numbers["gains"] == 3
    assert share.holds is None
    assert nfa.holds is None
    assert change.numbers["rank_correlation"] == pytest.approx(1)
    assert change.holds is True
    assert when.holds is True
    assert "gain 0.3: 10 and 10" in when.sentence
    assert "gain 1: never and 10" in when.sentence
    assert "gain 2: never and never" in when.sentence


def recursion(error):
    return [
        {"part": "p", "data": "digits", "features": "relu", "curve": curve, "layer": layer, "stage": stage}
        | {"nc1_trace_ratio": 10.0**-layer * (1 if curve == "measured" else 10 ** (error * (-1) ** layer))}
        for curve in ("measured", "one step", "first", "refitted", "explained")
        for layer in (1, 2)
        for stage in ("agop", "features")
    ]


@pytest.mark.parametrize(("error", "expected"), [(0.1, True), (0.4, False)])
def test_error_of_the_recursion(error, expected):
    found = verdicts("theory-recursion", recursion(error))
    assert len(found) == 4
    assert all(verdict.holds is expected for verdict in found.values())
    assert all(verdict.numbers["mean_error_decades"] == pytest.approx(error) for verdict in found.values())


def test_no_prediction_is_no_verdict():
    lines = [line for line in recursion(0.1) if line["curve"] != "first"]
    assert [verdict.holds for verdict in verdicts("theory-recursion", lines).values()].count(None) == 1


def kernels(*, excess=0.01, rfm=0.5, layers=0.2, control=2.0, free=1e-9, shuffled=1.5):
    """Lines of the figure of kernel learning: two steps of everything, from an objective of 10."""
    lines = []
    for step in (0, 1):
        for coding in ("one-hot", "centred", "signed"):
            objective = {0: 10.0, 1: 1 + excess}[step]
            lines.append({"panel": "descent", "curve": coding, "step": step, "objective": objective, "minimum": 1.0})
        for panel, curve, factor in (
            ("rfm", "RFM", rfm),
            ("layers", "Deep RFM", layers),
            ("layers", "control", control),
        ):
            lines.append({"panel": panel, "curve": curve, "step": step, "objective": 10 * factor**step})
        for is_shuffled in (False, True):
            lines.append({"panel": "unconstrained", "curve": "linear", "step": step, "shuffled": is_shuffled})
            factor = shuffled if is_shuffled else 0.1
            for stage in ("input", "agop"):
                line = {"panel": "labels", "shuffled": is_shuffled, "control": False, "layer": step + 1, "stage": stage}
                nc1 = 5 * factor ** (step + (stage == "agop"))
                lines.append(line | {"nc1_trace_ratio": nc1})
    return [{"data": "digits", "nc1_trace_ratio": free, "nc2_gram_mse": 0.1} | line for line in lines]


SPOILED = [{"excess": 0.2}, {"rfm": 1.1}, {"layers": 1.1}, {"free": 0.1}, {"shuffled": 0.5}, {"control": 0.1}]


@pytest.mark.parametrize(("index", "changes"), list(zip((0, 1, 2, 3, 4, 2), SPOILED, strict=True)))
def test_kernel_learning(index, changes):
    assert [verdict.holds for verdict in verdicts("theory-kernel-learning", kernels()).values()] == [True] * 5
    found = [verdict.holds for verdict in verdicts("theory-kernel-learning", kernels(**changes)).values()]
    assert found[index] is False
    assert found.count(False) == 1


def test_blocks_of_the_gram_matrix(tmp_path):
    import torch

    run = Run.create(tmp_path / "run", {})
    same = torch.kron(torch.eye(10), torch.ones(3, 3))
    frame = same - (1 - same) / 9
    noise = torch.eye(30)
    for last, expected in ((frame, True), (noise, False)):
        tensors = {"agop/seed0/layer01/gram/input": noise, "control/seed0/layer02/gram/input": noise}
        tensors["agop/seed0/layer02/gram/input"] = last
        run.save_tensors({f"deep-rfm-digits-relu/{name}": tensor for name, tensor in tensors.items()})
        run.record(parts=[{"name": "deep-rfm-digits-relu"}])
        (verdict,) = FIGURES["deep-rfm-gram"].verdicts(run)
        assert verdict.holds is expected
        assert verdict.claim.startswith("digits, relu")
