"""Verdicts follow the numbers: the same claim holds, fails or stays open with the lines."""

from __future__ import annotations

import math
import types
from types import MappingProxyType

import pytest

from agop.paper import FIGURES
from agop.runs import Run


def verdicts(name, lines):
    """Verdicts of a figure on a run with these lines, by claim."""
    run = types.SimpleNamespace(metrics=lambda: lines)
    return {verdict.claim: verdict for verdict in FIGURES[name].verdicts(run)}


def deep_rfm(at_agop, at_map, control, features="relu", seed=0, floor=0.0):
    """Four layers with constant factors at each step, where the map takes NC1 no further down than to a floor."""
    lines, nc1, other = [], 8.0, 8.0
    for layer in range(1, 5):
        stages = {"input": nc1, "agop": nc1 * at_agop, "features": max(nc1 * at_agop * at_map, floor)}
        for stage, value in stages.items():
            row = {"part": features, "data": "digits", "features": features, "seed": seed, "layer": layer}
            row |= {"stage": stage, "scaled_distance": None if features == "relu" else layer / 2}
            lines.append(row | {"control": False, "nc1_trace_ratio": value, "nc2_gram_mse": value / 100})
            lines.append(row | {"control": True, "nc1_trace_ratio": other, "nc2_gram_mse": other / 100})
        nc1, other = stages["features"], other * control
    return lines


CAUSE = "digits, relu: the AGOP stage, not the random map, collapses the features"


@pytest.mark.parametrize(
    ("at_agop", "at_map", "control", "expected"),
    [
        (0.3, 1.4, 1.2, True),
        (0.01, 0.8, 1.2, True),  # the map makes a twentieth of it
        (0.01, 1.4, 0.6, True),  # so does the control, by a twelfth of it
        (0.3, 0.5, 1.2, False),  # the map helps
        (1.2, 0.5, 1.2, False),  # the map alone does it
        (0.3, 1.4, 0.4, False),  # so does the control
        (0.01, 100.0, 1.2, False),  # no net effect
        (0.01, 60.0, 1.2, False),  # next to none
        (0.01, 200.0, 1.2, False),  # NC1 rises
        (0.7, 1.0, 1.2, False),  # a fall too small to be a collapse
    ],
)
def test_cause_in_deep_rfm(at_agop, at_map, control, expected):
    found = verdicts("deep-rfm-metrics", deep_rfm(at_agop, at_map, control))[CAUSE]
    assert found.holds is expected
    assert found.numbers["agop_decades"] == pytest.approx(-math.log10(at_agop))
    assert found.numbers["map_decades"] == pytest.approx(-math.log10(at_map))
    assert found.numbers["decades"] == pytest.approx(-3 * math.log10(at_agop * at_map))


def test_a_fall_at_the_first_layers_alone_is_no_collapse():
    """What the AGOP does from the second layer on the random map undoes."""
    found = verdicts("deep-rfm-metrics", deep_rfm(0.01, 1.2, 1.2, floor=0.4))
    assert found["digits, relu: NC1 of the layer inputs falls tenfold or more over the layers"].holds is True
    assert found[CAUSE].holds is False


def test_every_seed_must_bear_out_a_claim():
    lines = deep_rfm(0.05, 1.2, 1.2) + deep_rfm(0.95, 1.0, 1.2, seed=1)
    found = verdicts("deep-rfm-metrics", lines)
    assert found[CAUSE].holds is False
    assert found["digits, relu: NC1 of the layer inputs falls tenfold or more over the layers"].holds is False


MAPS = {"cosine": (0.1, 8.0), "cosine-row-norm": (0.1, 3.0), "gaussian-row-norm": (0.1, 2.0), "relu": (0.3, 1.4)}


@pytest.mark.parametrize(
    ("changes", "scale", "kink"),
    [
        ({}, True, True),
        ({"cosine-row-norm": (0.1, 8.0)}, False, True),
        ({"gaussian-row-norm": (0.1, 3.0)}, True, False),
        ({"cosine": (0.1, 1.1)}, False, True),
        ({"cosine": (0.1, 20.0), "cosine-row-norm": (0.1, 15.0)}, False, True),  # both rise
    ],
)
def test_maps_of_deep_rfm(changes, scale, kink):
    lines = [
        line
        for features, factors in (MAPS | changes).items()
        for seed in (0, 1)
        for line in deep_rfm(*factors, 1.2, features, seed)
    ]
    found = list(verdicts("deep-rfm-maps", lines).values())
    assert [verdict.holds for verdict in found[-2:]] == [scale, kink]
    assert found[-1].numbers["cosine-row-norm_scaled_distance"] == 2.0


def test_a_difference_inside_the_spread_is_none():
    """The map that falls further on average does not in every seed."""
    factors = {("cosine", 0): 6.0, ("cosine", 1): 2.0, ("cosine-row-norm", 0): 3.0, ("cosine-row-norm", 1): 1.5}
    lines = [line for (name, seed), at_map in factors.items() for line in deep_rfm(0.1, at_map, 1.2, name, seed)]
    lines += deep_rfm(0.1, 1.0, 1.2, "gaussian-row-norm")
    found = list(verdicts("deep-rfm-maps", lines).values())
    assert found[-2].holds is False
    assert found[-1].holds is True


@pytest.mark.parametrize(
    ("factor", "control", "falls", "frame"),
    [(0.3, 1.0, True, True), (0.9, 1.0, False, False), (0.3, 0.5, True, True), (0.3, 0.35, True, False)],
)
def test_falls_of_deep_rfm(factor, control, falls, frame):
    """NC2 must not fall without the AGOP too."""
    _, nc1, nc2 = verdicts("deep-rfm-metrics", deep_rfm(factor, 1.0, control)).values()
    assert (nc1.holds, nc2.holds) == (falls, frame)


def network(nc1, *, gain=None, part="p", change=0.1, epochs=(0, 10), nfa=(0.2, 0.8), accuracy=1.0, seed=0):
    """Two hidden layers; ``nc1`` maps (epoch, layer, stage) to NC1."""
    lines = []
    for epoch in epochs:
        for layer in ("fc.1", "fc.2"):
            values = {stage: nc1(epoch, layer, stage) for stage in ("input", "linear", "output")}
            for stage, value in values.items():
                line = {"part": part, "data": "digits", "model": "mlp", "gain": gain, "seed": seed, "epoch": epoch}
                line |= {"loss": 1.0 / (1 + epoch), "train_accuracy": accuracy, "layer": layer, "stage": stage}
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


def steps(linear, output, start=4.0, before=1.0):
    """NC1 that the two parts of every layer multiply after training; before, the linear one alone, by ``before``."""

    def nc1(epoch, layer, stage):
        first, second = (linear, linear * output) if epoch else (before, before)
        return start * (second if layer == "fc.2" else 1) * {"input": 1, "linear": first, "output": second}[stage]

    return nc1


@pytest.mark.parametrize(
    ("linear", "output", "before", "most", "tenfold"),
    [
        (0.1, 0.5, 1.0, True, True),
        (0.5, 0.1, 1.0, False, True),  # the nonlinearity does it
        (0.9, 0.95, 1.0, False, False),  # a fall too small to be shared out
        (1.5, 1.0, 1.0, False, False),  # no fall
        (0.1, 0.5, 0.05, False, False),  # there already before training
    ],
)
def test_cause_in_networks(linear, output, before, most, tenfold):
    cause, depth = verdicts("network-attribution", network(steps(linear, output, before=before))).values()
    assert cause.holds is most
    assert depth.holds is tenfold
    assert cause.numbers["decades"] == pytest.approx(-2 * math.log10(linear * output))
    assert cause.numbers["decades_at_start"] == pytest.approx(-2 * math.log10(before))
    if linear * output < 0.5:
        assert cause.numbers["share"] == pytest.approx(math.log(linear) / math.log(linear * output))
    else:
        assert cause.numbers["share"] is None


@pytest.mark.parametrize(("accuracy", "expected"), [(0.95, True), (0.94, None), (0.5, None)])
def test_a_network_that_has_not_fitted_decides_nothing(accuracy, expected):
    lines = network(steps(0.1, 0.5), accuracy=accuracy)
    for figure in ("network-attribution", "network-nfa"):
        for verdict in verdicts(figure, lines).values():
            assert verdict.holds is expected
            assert verdict.note.startswith("not fitted") is (expected is None)


def test_a_seed_without_the_mechanism_is_enough():
    found = verdicts("network-attribution", network(steps(0.01, 0.5)) + network(steps(0.5, 0.1), seed=1))
    assert next(iter(found.values())).holds is False


@pytest.mark.parametrize(
    ("nfa", "expected"),
    [((0.2, 0.8), True), ((0.9, 0.8), False), ((0.2, 0.4), False), ((0.6, 0.61), False), ((0.8, 0.8), False)],
)
def test_ansatz(nfa, expected):
    found = list(verdicts("network-nfa", network(steps(0.1, 0.5), nfa=nfa)).values())
    assert found[0].holds is expected
    assert found[0].numbers["root_end"] == pytest.approx(nfa[1])
    assert found[1].holds is True
    for little in (0.9, 0.35):  # tr Σ_W ends at 0.95 and 0.41 of where it was
        assert list(verdicts("network-nfa", network(steps(little, 1.0))).values())[1].holds is False


def test_a_dead_network_has_no_verdict():
    """All outputs are 0: no measure of collapse has a value."""
    names = {"part", "data", "model", "gain", "seed", "epoch", "loss", "train_accuracy", "layer", "stage"}
    lines = [{name: line[name] for name in names} for line in network(steps(0.1, 0.5), gain=0.1)]
    for figure in ("network-attribution", "network-nfa"):
        assert [verdict.holds for verdict in verdicts(figure, lines).values()] == [None, None]
    found = list(verdicts("initialization", lines).values())
    assert [verdict.holds for verdict in found] == [None] * 5
    assert found[0].note.startswith("NC1 of 0.1 or less at gains none")


GAINS = {  # linear factor, output factor, change of the weights, correlation of the ansatz
    0.3: (0.03, 0.9, 0.9, 0.9),
    0.4: (0.04, 0.8, 0.7, 0.8),
    0.5: (0.1, 0.7, 0.5, 0.7),
    1.0: (0.5, 0.7, 0.3, 0.6),
    1.4: (0.9, 0.8, 0.2, 0.5),
    2.0: (0.9, 1.0, 0.1, 0.4),
}
"""Three gains collapse, by their linear maps; at the others there is less of everything."""


def grid(changes=MappingProxyType({}), **arguments):
    lines = []
    for gain, (linear, output, change, nfa) in (GAINS | changes).items():
        options = {"gain": gain, "part": f"gain-{gain}", "change": change, "nfa": (0.2, nfa)} | arguments
        lines += network(steps(linear, output), **options)
    return list(verdicts("initialization", lines).values())


def test_grid_of_gains():
    where, share, nfa, change, when = grid({1.0: (0.9, 0.5, 0.3, 0.6)})
    assert where.holds is True
    assert where.note.startswith("NC1 of 0.1 or less at gains 0.3, 0.4, 0.5, ")
    assert where.note.endswith(" 0.3, 0.4, 0.5")
    assert share.numbers["gains"] == 4  # at the others NC1 hardly falls
    assert share.holds is None
    assert nfa.holds is change.holds is when.holds is True
    assert change.numbers["rank_correlation"] == pytest.approx(1)
    assert (when.numbers["share_epoch_gain_0.3"], when.numbers["nc1_epoch_gain_0.3"]) == (10, 10)
    assert (when.numbers["share_epoch_gain_2"], when.numbers["nc1_epoch_gain_2"]) == (None, None)


@pytest.mark.parametrize(
    ("index", "changes"),
    [
        (0, {0.5: (0.9, 0.07, 0.5, 0.7)}),  # collapse by the nonlinearity
        (0, {1.0: (0.5, 0.8, 0.3, 0.6)}),  # the linear maps, without collapse
        (2, {0.3: (0.03, 0.9, 0.9, 0.3), 0.4: (0.04, 0.8, 0.7, 0.35)}),
        (3, {0.3: (0.03, 0.9, 0.05, 0.9), 0.4: (0.04, 0.8, 0.08, 0.8)}),
        (4, {0.5: (0.9, 0.07, 0.5, 0.7)}),  # collapse and never the mechanism
    ],
)
def test_grids_of_gains_that_speak_against_a_claim(index, changes):
    assert grid(changes)[index].holds is False


def test_a_share_that_goes_against_collapse_predicts_none():
    shares = {0.3: 0.55, 0.4: 0.6, 0.5: 0.7, 1.0: 0.8, 1.4: 0.9, 2.0: 1.0}
    falls = {0.3: 0.01, 0.4: 0.02, 0.5: 0.05, 1.0: 0.3, 1.4: 0.4, 2.0: 0.5}
    recipes = {gain: (falls[gain] ** share, falls[gain] ** (1 - share), 0.5, 0.5) for gain, share in shares.items()}
    share = grid(recipes)[1]
    assert share.numbers["gains"] == 6
    assert share.holds is False


def test_nothing_is_compared_where_all_gains_collapse_or_none():
    for factors in ((0.05, 0.9, 0.5, 0.5), (0.99, 1.0, 0.5, 0.5)):
        where, *_, when = grid(dict.fromkeys(GAINS, factors))
        assert where.holds is None
        assert when.holds is (True if factors[0] < 0.1 else None)


def test_gains_that_have_not_fitted_are_left_out():
    lines = [
        line
        for gain, (linear, output, change, nfa) in GAINS.items()
        for line in network(
            steps(linear, output),
            gain=gain,
            part=f"gain-{gain}",
            change=change,
            nfa=(0.2, nfa),
            accuracy=0.6 if gain == 2.0 else 1.0,
        )
    ]
    found = list(verdicts("initialization", lines).values())
    assert all(verdict.note.endswith("left out, since not fitted: gains 2") for verdict in found)
    assert found[3].numbers["gains"] == 5
    assert found[3].holds is None


def late(first_share, first_nc1):
    """Three epochs: the linear maps make most of the fall, and NC1 is low, from these epochs on."""

    def nc1(epoch, layer, stage):
        whole = 0.1 if epoch >= first_nc1 else 0.6
        linear = whole**0.9 if epoch >= first_share else whole**0.2
        return 4.0 * (whole if layer == "fc.2" else 1) * {"input": 1, "linear": linear, "output": whole}[stage]

    return nc1


@pytest.mark.parametrize(
    ("first_share", "first_nc1", "expected"),
    [(1, 2, True), (1, 1, True), (2, 1, False), (9, 1, False), (0, 0, None)],
)
def test_what_comes_first_in_training(first_share, first_nc1, expected):
    lines = network(late(first_share, first_nc1), gain=0.5, epochs=(0, 1, 2))
    assert list(verdicts("initialization", lines).values())[-1].holds is expected


CURVES = ("one step", "first", "refitted", "explained")


def recursion(error=0.0, wrong=()):
    """Three layers; predictions are off by ``error`` decades, and by 1 more at (curve, layer, stage) in ``wrong``."""
    return [
        {"part": "p", "data": "digits", "features": "relu", "curve": curve, "layer": layer, "stage": stage}
        | {"nc1_trace_ratio": 10 ** (-layer + (curve != "measured") * error + ((curve, layer, stage) in wrong))}
        for curve in ("measured", *CURVES)
        for layer in (1, 2, 3)
        for stage in ("agop", "features")
    ]


def of_curves(lines):
    """Verdicts by curve."""
    return dict(zip(CURVES, verdicts("theory-recursion", lines).values(), strict=True))


@pytest.mark.parametrize(("error", "expected"), [(0.1, True), (-0.1, True), (0.4, False), (-0.4, False)])
def test_error_of_the_recursion(error, expected):
    for verdict in of_curves(recursion(error)).values():
        assert verdict.holds is expected
        assert verdict.numbers["agop_worst_decades"] == pytest.approx(abs(error))
        assert verdict.numbers["agop_mean_decades"] == pytest.approx(abs(error))


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_one_layer_that_is_off_after_the_agop_is_told(curve, layer):
    found = of_curves(recursion(wrong={(curve, layer, "agop")}))
    assert {name for name, verdict in found.items() if verdict.holds is False} == {curve}
    assert found[curve].numbers["agop_worst_layer"] == layer
    assert found[curve].numbers["agop_worst_decades"] == pytest.approx(1)


def test_what_was_fitted_does_not_count():
    fitted = {("refitted", 2, "features"), ("explained", 3, "features"), ("first", 1, "features")}
    found = of_curves(recursion(wrong=fitted))
    assert all(verdict.holds for verdict in found.values())
    assert "does not count" in found["explained"].note
    assert of_curves(recursion(wrong={("first", 2, "features")}))["first"].holds is False


def test_no_prediction_is_no_verdict():
    lines = [line for line in recursion(0.1) if line["curve"] != "first"]
    assert [verdict.holds for verdict in verdicts("theory-recursion", lines).values()].count(None) == 1
    agop = [line for line in recursion(0.1) if "measured" in line["curve"] or line["stage"] == "agop"]
    assert [verdict.holds for verdict in of_curves(agop).values()] == [True] * len(CURVES)


def kernels(
    *, excess=0.01, start=9.0, rfm=(0.5, 0.4), layers=(0.2, 0.1), control=2.0, free=(1.0, 1e-9), labels=(0.1, 0.2)
):
    """Lines of the figure of kernel learning: three steps of everything, from an objective of 10."""
    lines = []
    for step in (0, 1, 2):
        for coding in ("one-hot", "centered", "signed"):
            objective = 1 + (start, excess, excess)[step]
            lines.append({"panel": "descent", "curve": coding, "step": step, "objective": objective, "minimum": 1.0})
        for panel, curve, factors in (
            ("rfm", "RFM", (1, *rfm)),
            ("layers", "Deep RFM", (1, *layers)),
            ("layers", "control", (1, control, control)),
        ):
            lines.append({"panel": panel, "curve": curve, "step": step, "objective": 10 * factors[step]})
        for is_shuffled in (False, True):
            line = {"panel": "unconstrained", "curve": "linear", "step": step, "shuffled": is_shuffled}
            lines.append(line | {"nc1_trace_ratio": (free[0], free[1], free[1])[step]})
            for seed in (0, 1):
                for stage in ("input", "agop"):
                    nc1 = (40 if is_shuffled else 5) * (labels[is_shuffled] * (1 + seed / 10)) ** step
                    line = {"panel": "labels", "shuffled": is_shuffled, "control": False, "layer": step + 1}
                    lines.append(line | {"seed": seed, "stage": stage, "nc1_trace_ratio": nc1})
    return [{"data": "digits", "nc1_trace_ratio": 1.0, "nc2_gram_mse": 0.1} | line for line in lines]


SPOILED = [
    (0, {"excess": 0.2}),
    (0, {"start": 0.04}),  # there already
    (1, {"rfm": (1.2, 1.1)}),
    (1, {"rfm": (0.5, 0.7)}),  # rises again
    (1, {"rfm": (1.0, 1.0)}),
    (2, {"layers": (1.2, 1.1)}),
    (2, {"layers": (0.1, 0.2)}),  # rises again
    (2, {"control": 0.1}),
    (3, {"free": (1.0, 0.1)}),
    (3, {"free": (1e-9, 1e-9)}),  # there already
    (4, {"labels": (0.1, 0.1)}),
    (4, {"labels": (0.1, 0.05)}),
    (4, {"labels": (0.1, 0.105)}),  # a difference inside the spread
    (4, {"labels": (1.2, 1.5)}),  # neither collapses
]


@pytest.mark.parametrize(("index", "changes"), SPOILED)
def test_kernel_learning(index, changes):
    assert [verdict.holds for verdict in verdicts("theory-kernel-learning", kernels()).values()] == [True] * 5
    found = [verdict.holds for verdict in verdicts("theory-kernel-learning", kernels(**changes)).values()]
    assert found[index] is False
    assert found.count(False) == 1


def test_numbers_of_kernel_learning():
    """Geometric means over the seeds; 1 is the least objective of the layers 10, 2 and 1."""
    *_, layers, _, labels = verdicts("theory-kernel-learning", kernels()).values()
    assert [layers.numbers[name] for name in ("least", "least_layer", "control")] == pytest.approx([1, 2, 20])
    assert labels.numbers["real"] == pytest.approx(5 * 0.1 * 0.11)
    assert labels.numbers["shuffled"] == pytest.approx(40 * 0.2 * 0.22)


@pytest.mark.parametrize(("labels", "told"), [((0.1, 0.2), False), ((0.1, 0.05), True), ((1.2, 1.5), False)])
def test_shuffled_labels_that_collapse_as_well_are_told(labels, told):
    verdict = list(verdicts("theory-kernel-learning", kernels(labels=labels)).values())[-1]
    assert ("as well as real ones" in verdict.note) is told


def test_blocks_of_the_gram_matrix(tmp_path):
    import torch

    run = Run.create(tmp_path / "run", {})
    same = torch.kron(torch.eye(10), torch.ones(3, 3))
    frame = same - (1 - same) / 9
    noise = torch.eye(30)
    merged = 0.95 * torch.ones(30, 30)
    cases = [(noise, frame, noise, True), (noise, noise, noise, False), (noise, frame, frame, False)]
    cases += [(frame, frame, noise, False), (noise, merged, noise, False), (noise, same, noise, False)]
    for first, last, control, expected in cases:
        tensors = {"agop/seed0/layer01/gram/input": first, "control/seed0/layer02/gram/input": control}
        tensors["agop/seed0/layer02/gram/input"] = last
        run.save_tensors({f"deep-rfm-digits-relu/{name}": tensor for name, tensor in tensors.items()})
        run.record(parts=[{"name": "deep-rfm-digits-relu"}])
        (verdict,) = FIGURES["deep-rfm-gram"].verdicts(run)
        assert verdict.holds is expected
        assert verdict.claim.startswith("digits, relu")
        assert verdict.numbers["frame_across"] == pytest.approx(-1 / 9)


def modular(accuracy, circulant, alignment, at_once=1.0, train=1.0):
    """Iterates of modular addition with these courses."""
    course = zip(accuracy, circulant, alignment, strict=True)
    lines = [
        {"iteration": i, "train_accuracy": train, "test_accuracy": a, "circulant": c, "alignment": cosine}
        for i, (a, c, cosine) in enumerate(course)
    ]
    lines.append({"iteration": None, "test_accuracy": at_once})
    return [{"part": "m", "learner": "quadratic kernel", "seed": 1} | line for line in lines]


LATE = [0, 0, 0, 0, 0, 0.2, 0.8, 1.0]
EARLY = [0, 0.5, 0.9, 1, 1, 1, 1, 1]
STEADY = [0, 0, 0, 0, 0, 0, 0.1, 1.0]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (modular(LATE, EARLY, EARLY), [True, True, True, True]),
        (modular(EARLY, EARLY, EARLY), [False, False, False, True]),  # learned at once; features with it
        (modular(LATE, STEADY, EARLY), [True, False, True, True]),
        (modular(LATE, EARLY, LATE), [True, True, False, True]),  # together with it is not before
        (modular(LATE, [1.0] * 8, EARLY), [True, False, True, True]),  # there already
        (modular([0.5, *LATE[1:]], EARLY, EARLY), [False, True, True, True]),  # not at chance at first
        (modular([0.0] * 8, EARLY, EARLY, 0.2), [False, None, None, False]),  # never learned
        (modular(LATE, [0, *[0.2] * 7], EARLY), [True, False, True, True]),  # hardly circulant at the end
        (modular(LATE, EARLY, EARLY, train=0.9), [None, True, True, True]),  # not fitted
    ],
)
def test_grokking(lines, expected):
    assert [verdict.holds for verdict in verdicts("grokking", lines).values()] == expected


FITS = [0, 0.5, 1, 1, 1, 1, 1, 1]


def addition_network(accuracy, of_agop, of_weights, train=FITS, root=0.95):
    """Every other epoch of a network that learns modular addition."""
    course = zip(accuracy, of_agop, of_weights, train, strict=True)
    return [
        {"part": "n", "learner": "network", "seed": 1, "epoch": 2 * i, "train_accuracy": fit, "test_accuracy": a}
        | {"circulant_agop": b, "circulant_nfm": c, "nfa_pearson_root": root}
        for i, (a, b, c, fit) in enumerate(course)
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (addition_network(LATE, EARLY, EARLY), [True, True, True, True]),
        (addition_network(LATE, EARLY, STEADY), [True, True, False, True]),  # the weights come later
        (addition_network(FITS, EARLY, EARLY), [False, False, False, True]),  # learned as it fits
        (addition_network(LATE, EARLY, EARLY, train=[0, 0, 0, 0, 0.5, 1, 1, 1]), [False, True, True, True]),
        (addition_network(LATE, EARLY, EARLY, train=[0.5] * 8), [None, True, True, True]),  # not fitted
        (addition_network([0.0] * 8, EARLY, EARLY), [False, None, None, True]),  # never learned
        (addition_network(LATE, EARLY, EARLY, root=0.8), [True, True, True, False]),  # another power
    ],
)
def test_grokking_of_a_network(lines, expected):
    found = list(verdicts("grokking", lines).values())
    assert [verdict.holds for verdict in found] == expected
    for verdict, measure in zip(found[1:3], ("circulant_agop", "circulant_nfm"), strict=True):
        ends = [verdict.numbers[f"{measure}_{end}"] for end in ("start", "end")]
        assert ends == [lines[0][measure], lines[-1][measure]]


def directions(angles, errors, shuffled=80.0):
    """Angles and errors by rows (100, 200, 400), an iterate each; with random targets the same angle at all."""
    lines = []
    for n, by_iterate, error_of in zip((100, 200, 400), angles, errors, strict=True):
        pairs = zip(by_iterate, error_of, strict=True)
        line = {"seed": 1, "rows": n}
        lines += [
            line | {"iteration": i, "shuffled": False, "angle": a, "test_error": e} for i, (a, e) in enumerate(pairs)
        ]
        lines.append(line | {"iteration": 0, "shuffled": True, "angle": shuffled, "test_error": 1.0})
    return lines


FAR, NEAR = [80, 80, 80], [20, 10, 5]
BAD, GOOD, LATE_GOOD = [1.0, 1.0, 1.0], [0.05, 0.04, 0.03], [0.8, 0.3, 0.05]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (directions([FAR, NEAR, NEAR], [BAD, BAD, LATE_GOOD]), [True, True, True, True]),
        (directions([FAR, FAR, FAR], [BAD, BAD, LATE_GOOD]), [False, False, True, True]),  # predicted, never found
        (directions([FAR, FAR, NEAR], [BAD, BAD, GOOD]), [False, False, False, True]),  # found when predicted
        (directions([FAR, NEAR, NEAR], [BAD, BAD, BAD]), [True, None, False, True]),  # never predicted
        (directions([FAR, NEAR, NEAR], [LATE_GOOD, BAD, BAD]), [True, None, False, True]),  # not with more rows
        (directions([FAR, FAR, [80, 80, 5]], [BAD, BAD, LATE_GOOD]), [False, False, True, True]),  # together
        (directions([FAR, NEAR, NEAR], [BAD, BAD, LATE_GOOD], shuffled=30.0), [True, True, True, False]),
    ],
)
def test_central_subspace(lines, expected):
    assert [verdict.holds for verdict in verdicts("central-subspace", lines).values()] == expected


def test_random_targets_have_no_angle_at_any_number_of_rows():
    lines = directions([FAR, NEAR, NEAR], [BAD, BAD, LATE_GOOD])
    lines = [line | {"angle": 30.0} if line["shuffled"] and line["rows"] == 200 else line for line in lines]
    assert [verdict.holds for verdict in verdicts("central-subspace", lines).values()] == [True, True, True, False]


RECOVERY = ("linear RFM, power 1", "linear RFM, power 1/2", "least norm", "deep linear network")


def recovered(*enough, norm=1.0, draws=(1, 2, 3), lucky=()):
    """Each method recovers from that many observations on; lucky draws of any method are always recovered."""
    return [
        {
            "task": "sparse",
            "observed": n,
            "seed": seed,
            "method": method,
            "norm": norm if method == RECOVERY[1] else 1.0,
        }
        | {"error": 0.001 if n >= least or seed in lucky else 0.5}
        for n in (10, 20, 30)
        for seed in draws
        for method, least in zip(RECOVERY, enough, strict=True)
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (recovered(10, 20, 20, 30), [True, True, True]),
        (recovered(10, 20, 99, 99), [True, True, True]),  # the others never
        (recovered(20, 20, 20, 20), [False, False, True]),  # the same is not fewer
        (recovered(30, 20, 20, 99), [False, True, True]),
        (recovered(99, 20, 99, 99), [False, False, True]),  # nothing recovers
        (recovered(99, 20, 99, 99, lucky=(1,)), [False, False, True]),  # one draw in three is no median
        (recovered(10, 20, 20, 30, norm=1.02), [True, True, False]),
        (recovered(10, 20, 20, 30, norm=0.98), [True, True, False]),  # below the least: one of both is wrong
    ],
)
def test_linear_rfm(lines, expected):
    assert [verdict.holds for verdict in verdicts("linear-rfm", lines).values()] == expected


def test_recovery_that_is_lost_with_more_observations_does_not_count():
    lines = recovered(10, 20, 20, 30)
    for line in lines:
        if line["method"] == RECOVERY[0] and line["observed"] == 20:
            line["error"] = 0.5
    first, *_ = verdicts("linear-rfm", lines).values()
    assert first.numbers["observed_linear_rfm"] == 30
    assert first.holds is False
