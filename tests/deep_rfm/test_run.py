"""The Deep RFM experiment: what a run writes, how it resumes, and that every setting counts."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from agop import deep_rfm as recursions
from agop.datasets import Dataset, standardize, subset
from agop.deep_rfm import DeepRFMSettings, ReLUFeatures, class_sorted_gram, run_deep_rfm
from agop.errors import EmptyClassError, InputError
from agop.rfm import Samples
from agop.runs import Run
from oracles import collapse as oracles_collapse
from oracles import deep_rfm as oracles_deep_rfm

KEYS = [
    "seed",
    "control",
    "layer",
    "stage",
    "nc1_trace_ratio",
    "nc1_pinv",
    "nc1_cdnv",
    "nc2_gram_mse",
    "nc2_etf_error",
    "effective_rank",
    "train_accuracy",
    "test_accuracy",
    "scaled_distance",
]
SMALL = DeepRFMSettings(data="toy", depth=2, width=16, ridge=1e-3)
FULL = replace(SMALL, seeds=(3, 0), control=True)
ORDER = [
    (control, seed, layer, stage)
    for control in (False, True)
    for seed in (3, 0)
    for layer in (1, 2)
    for stage in ("input", "agop", "features")
]


@pytest.fixture(scope="module")
def toy():
    """Three classes of 12, 16 and 8 training rows, far from each other, the sixth feature constant."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2, 0, 1, 2], [12, 16, 8, 6, 7, 7]))
    means = 4 * np.linalg.qr(rng.standard_normal((5, 3)))[0].T
    inputs = np.c_[means[labels] + rng.standard_normal((56, 5)), np.full(56, 4.0)]
    train, test = np.arange(36), np.arange(36, 56)
    return Dataset("toy", inputs[train], labels[train], inputs[test], labels[test], ("a", "b", "c"), notes=("a note",))


@pytest.fixture(scope="module")
def full_run(toy, tmp_path_factory):
    return run_deep_rfm(FULL, toy, tmp_path_factory.mktemp("runs") / "full")


@pytest.fixture(scope="module")
def small_run(toy, tmp_path_factory):
    return run_deep_rfm(SMALL, toy, tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture
def fitted(monkeypatch):
    """What the recursion is called with: pairs of inputs and class indices."""
    calls = []

    def spy(samples, settings, depth, **options):
        if len(samples) > 2:  # not the trial before the run
            calls.append((samples.inputs.clone(), samples.targets.argmax(1)))
        return recursions.deep_rfm(samples, settings, depth, **options)

    monkeypatch.setattr("agop.deep_rfm.run.deep_rfm", spy)
    return calls


def position(line):
    return line["control"], line["seed"], line["layer"], line["stage"]


def numbers(run):
    """Everything that a run found, without times."""
    tensors = run.load_tensors()
    return run.metrics(), run.info()["precision"], {name: tensor.tolist() for name, tensor in tensors.items()}


def test_lines_in_order(full_run):
    lines = full_run.metrics()
    assert [position(line) for line in lines] == ORDER
    assert all(list(line) == KEYS for line in lines)
    assert all(np.isfinite(line[key]) for line in lines for key in KEYS[4:-1])
    assert all(line["scaled_distance"] is None for line in lines)  # ReLU features


def test_lines_against_slow_loops(small_run, toy):
    maps = [ReLUFeatures(16).draw(width, seed=0, layer=layer).weight.numpy() for layer, width in ((1, 6), (2, 16))]
    mean, deviation = toy.train_inputs.mean(0), toy.train_inputs.std(0)
    deviation[5] = np.inf
    expected = oracles_deep_rfm.deep_rfm(
        "Laplace",
        (toy.train_inputs - mean) / deviation,
        2.0 * np.eye(3)[toy.train_labels] - 1,
        [(weight, None) for weight in maps],
        ridge=1e-3,
        bandwidth=2.0,
    )
    found = iter(small_run.metrics())
    for layer in expected:
        for rows in layer[:3]:
            line = next(found)
            for measure in KEYS[4:9]:
                oracle = getattr(oracles_collapse, measure)(rows, toy.train_labels, 3)
                assert line[measure] == pytest.approx(oracle, rel=1e-6), measure


def test_run_json(full_run):
    info = full_run.info()
    assert info["settings"] == {**asdict(FULL), "seeds": [3, 0]}
    assert info["notes"] == ["a note"]
    assert (info["n_classes"], info["image_shape"]) == (3, None)
    assert sum(info["gram_counts"]) == len(full_run.load_tensors()["agop/seed3/layer01/gram/input"])
    assert info["versions"]["torch"] == torch.__version__
    assert info["machine"]["cores"] >= 1
    assert info["finished"] is not None
    assert info["seconds"] > 0
    assert "resumed" not in info
    assert [(p["control"], p["seed"], p["layer"]) for p in info["precision"]] == list(
        dict.fromkeys(position[:3] for position in ORDER)
    )
    for part in info["precision"]:
        assert {part[name] for name in ("features", "distances", "solve")} == {"float64"}
        assert part["jitter"] == 0
        assert ("agop" in part) is not part["control"]


def test_tensors(full_run, toy):
    tensors = full_run.load_tensors()
    spectra = [f"agop/seed{seed}/layer{layer:02d}/spectrum" for seed in (3, 0) for layer in (1, 2)]
    grams = [
        f"{control}/seed3/layer{layer:02d}/gram/{stage}"
        for control in ("agop", "control")
        for layer in (1, 2)
        for stage in ("input", "agop", "features")
    ]
    assert set(tensors) == {*spectra, *grams, "agop/seed3/layer01/eigenvectors"}
    for name in spectra:
        width = 6 if "layer01" in name else 16
        assert tensors[name].shape == (width,)
        assert torch.equal(tensors[name], tensors[name].sort(descending=True).values)
    inputs = recursions.normalize_rows(torch.from_numpy(standardize(toy.train_inputs)[0]))
    expected = class_sorted_gram(inputs, torch.from_numpy(toy.train_labels), 3, per_class=66)
    for control in ("agop", "control"):
        found = tensors[f"{control}/seed3/layer01/gram/input"]
        assert found.dtype == torch.float16
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", ["few", "many"])
def test_eigenvectors_of_the_first_agop(toy, tmp_path, kind):
    """All of six, and the eight leading ones of twelve, of images."""
    if kind == "many":
        rows = [np.concatenate([part, np.sin(3 * part)], 1) for part in (toy.train_inputs, toy.test_inputs)]
        toy = replace(toy, train_inputs=rows[0], test_inputs=rows[1], image_shape=(3, 2, 2))
    run = run_deep_rfm(SMALL, toy, tmp_path / "run")  # a second layer does not replace them
    assert run.info()["image_shape"] == ([3, 2, 2] if kind == "many" else None)
    inputs, labels = torch.from_numpy(standardize(toy.train_inputs)[0]), torch.from_numpy(toy.train_labels)
    targets = 2.0 * torch.eye(3, dtype=torch.float64)[labels] - 1
    settings = recursions.LayerSettings(SMALL.make_kernel(), SMALL.make_features(), 1e-3)
    agop = next(recursions.deep_rfm(Samples.of(inputs, targets), settings, 1)).agop.numpy()
    tensors = run.load_tensors()
    vectors = tensors["agop/seed0/layer01/eigenvectors"].numpy()
    k = {"few": 6, "many": 8}[kind]
    assert vectors.shape == (k, len(agop))
    assert vectors.dtype == np.float64
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(k), atol=1e-12)
    values = np.diag(vectors @ agop @ vectors.T)
    np.testing.assert_allclose(vectors @ agop, values[:, None] * vectors, atol=1e-12)
    np.testing.assert_allclose(values, tensors["agop/seed0/layer01/spectrum"].numpy()[:k], atol=1e-12)
    assert values[0] > 2 * values[2] > 0
    assert all(vector[np.abs(vector).argmax()] > 0 for vector in vectors)


def test_every_layer_is_observed(toy, tmp_path):
    seen = []
    run_deep_rfm(FULL, toy, tmp_path / "run", lambda *what: seen.append((what[0], what[1], what[2].layer)))
    assert seen == list(dict.fromkeys(position[:3] for position in ORDER))


def test_the_same_settings_give_the_same_numbers(full_run, toy, tmp_path):
    again = run_deep_rfm(FULL, toy, tmp_path / "again")
    assert numbers(again) == numbers(full_run)
    assert (again.path / "metrics.jsonl").read_bytes() == (full_run.path / "metrics.jsonl").read_bytes()


def test_the_first_layer_of_the_control_is_that_of_the_run(full_run):
    lines = {position(line): line for line in full_run.metrics()}
    for seed in (3, 0):
        run, control = (lines[control, seed, 1, "input"] for control in (False, True))
        assert {**control, "control": False} == run
        assert lines[True, seed, 1, "agop"]["nc1_trace_ratio"] == control["nc1_trace_ratio"]
        assert lines[False, seed, 1, "agop"]["nc1_trace_ratio"] < 0.8 * run["nc1_trace_ratio"]
    assert lines[False, 3, 2, "input"] != {**lines[False, 0, 2, "input"], "seed": 3}


@pytest.mark.parametrize(
    "where", [(False, 3, 1), (False, 3, 2), (False, 0, 1), (False, 0, 2), (True, 3, 2), (True, 0, 1)]
)
def test_interrupted_and_resumed(full_run, toy, tmp_path, where):
    def interrupt(control, seed, record):
        if (control, seed, record.layer) == where:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_deep_rfm(FULL, toy, tmp_path / "run", interrupt)
    assert Run(tmp_path / "run").info()["finished"] is None
    seen = []
    run = run_deep_rfm(FULL, toy, tmp_path / "run", lambda *what: seen.append((what[0], what[1], what[2].layer)))
    assert numbers(run) == numbers(full_run)
    every = list(dict.fromkeys(position[:3] for position in ORDER))
    assert seen == every[every.index((*where[:2], 1)) :]  # finished seeds are not repeated
    assert len(run.info()["resumed"]) == 1
    assert run.info()["finished"] is not None


@pytest.mark.parametrize("method", ["append", "save_tensors", "record"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_interrupted_while_writing(full_run, toy, tmp_path, monkeypatch, method, call):
    calls, real = [], getattr(Run, method)

    def fail(self, *arguments, **sections):
        calls.append(method)
        if len(calls) == call:
            raise OSError("no space left")
        real(self, *arguments, **sections)

    monkeypatch.setattr(Run, method, fail)
    with pytest.raises(OSError, match="no space"):
        run_deep_rfm(FULL, toy, tmp_path / "run")
    monkeypatch.undo()
    run = run_deep_rfm(FULL, toy, tmp_path / "run")
    assert numbers(run) == numbers(full_run)


@pytest.mark.parametrize("lost", [0, 5, 12, 23])
def test_lost_lines_are_computed_again(full_run, toy, tmp_path, lost):
    run = run_deep_rfm(FULL, toy, tmp_path / "run")
    lines = run.metrics()
    run.record(sealed=None)  # as one that has not finished
    run.rewrite(lines[:lost] + lines[lost + 1 :])
    assert numbers(run_deep_rfm(FULL, toy, run.path)) == numbers(full_run)


def test_a_finished_run_is_left_as_it_is(toy, tmp_path):
    before = numbers(run_deep_rfm(SMALL, toy, tmp_path / "run"))

    def never(*what):
        raise AssertionError("nothing is left to run")

    assert numbers(run_deep_rfm(SMALL, toy, tmp_path / "run", never)) == before


@pytest.mark.parametrize(
    "change", [{"seeds": (0, 1)}, {"control": True}, {"depth": 3}, {"ridge": 0.0}, {"dtype": "float32"}]
)
def test_other_settings_need_another_folder(small_run, toy, change):
    before = numbers(small_run)
    with pytest.raises(InputError, match=f"expected the settings of the run in .*{next(iter(change))}="):
        run_deep_rfm(replace(SMALL, **change), toy, small_run.path)
    assert numbers(small_run) == before


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 30},
        {"samples": 30, "subset": "random"},
        {"test_samples": 0},
        {"width": 17},
        {"kernel": "gaussian"},
        {"bandwidth": 3.0},
        {"ridge": 0.1},
        {"targets": "one-hot"},
        {"targets": "centered"},
        {"features": "cosine"},
        {"features": "cosine-laplace"},
        {"features": "cosine-gaussian"},
        {"agop_scale": "row-norm"},
        {"seeds": (1,)},
        {"permute_labels": True},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_every_setting_has_an_effect(small_run, toy, tmp_path, change):
    lines = run_deep_rfm(replace(SMALL, **change), toy, tmp_path / "run").metrics()
    plain = small_run.metrics()
    assert len(lines) == len(plain)
    strip = [{k: v for k, v in line.items() if k != "seed"} for line in lines]
    assert strip != [{k: v for k, v in line.items() if k != "seed"} for line in plain]


def test_as_many_test_rows_count_as_asked_for(toy, tmp_path):
    """Rows that were fitted are right, and those after them, whose labels are wrong, count only without a number."""
    wrong = np.r_[toy.train_labels[:10], (toy.train_labels[10:20] + 1) % 3]
    known = replace(toy, test_inputs=toy.train_inputs[:20], test_labels=wrong)
    for n, accuracy in ((None, 0.5), (16, 10 / 16), (10, 1.0)):
        lines = run_deep_rfm(replace(SMALL, depth=1, test_samples=n), known, tmp_path / str(n)).metrics()
        assert [(line["train_accuracy"], line["test_accuracy"]) for line in lines] == [(1, accuracy)] * 3


def test_scales_of_the_random_features(toy, tmp_path):
    cosine = replace(SMALL, features="cosine", gamma=0.1)
    laplace = replace(SMALL, features="cosine-laplace", bandwidth=3.0)
    gaussian = replace(SMALL, features="cosine-gaussian", features_bandwidth=0.5, bandwidth=3.0)
    assert gaussian.make_features().get_params() == {"width": 16, "bandwidth": 0.5}
    assert gaussian.make_kernel().bandwidth == 3
    assert cosine.make_features().get_params() == {"width": 16, "gamma": 0.1}
    assert laplace.make_features().get_params() == {"width": 16, "bandwidth": 3.0}
    assert laplace.make_kernel().bandwidth == 3
    one = run_deep_rfm(cosine, toy, tmp_path / "one").metrics()
    two = run_deep_rfm(replace(cosine, gamma=0.5), toy, tmp_path / "two").metrics()
    assert two[0]["scaled_distance"] == pytest.approx(5 * one[0]["scaled_distance"])
    before = [{k: v for k, v in line.items() if k != "scaled_distance"} for line in (*one[:2], *two[:2])]
    assert before[:2] == before[2:]  # input and AGOP of the first layer come before any random feature
    assert all(a["nc1_trace_ratio"] != b["nc1_trace_ratio"] for a, b in zip(one[2:], two[2:], strict=True))


def test_depth(small_run, toy, tmp_path):
    lines = run_deep_rfm(replace(SMALL, depth=3), toy, tmp_path / "run").metrics()
    assert lines[:6] == small_run.metrics()
    assert [line["layer"] for line in lines[6:]] == [3, 3, 3]


def test_no_test_rows(toy, tmp_path):
    run = run_deep_rfm(replace(SMALL, test_samples=0), toy, tmp_path / "run")
    assert all(line["test_accuracy"] is None for line in run.metrics())
    assert '"test_accuracy": null' in (run.path / "metrics.jsonl").read_text()


def test_float32_is_told_and_follows_float64(small_run, toy, tmp_path):
    run = run_deep_rfm(replace(SMALL, dtype="float32"), toy, tmp_path / "run")
    assert all(part["features"] == "float32" for part in run.info()["precision"])
    for narrow, wide in zip(run.metrics(), small_run.metrics(), strict=True):
        assert narrow["nc1_trace_ratio"] == pytest.approx(wide["nc1_trace_ratio"], rel=1e-3)


def test_first_rows_are_the_same_for_every_seed(toy, tmp_path, fitted):
    run_deep_rfm(replace(SMALL, samples=30, seeds=(0, 1)), toy, tmp_path / "run")
    (one, labels), (two, _) = fitted
    assert torch.equal(one, two)
    np.testing.assert_array_equal(one, standardize(toy.train_inputs[:30])[0])
    np.testing.assert_array_equal(labels, toy.train_labels[:30])


def test_a_class_of_one_sample_is_noted(toy, tmp_path):
    kept = np.r_[np.flatnonzero(toy.train_labels != 2), np.flatnonzero(toy.train_labels == 2)[:1]]
    few = replace(toy, train_inputs=toy.train_inputs[kept], train_labels=toy.train_labels[kept])
    run = run_deep_rfm(SMALL, few, tmp_path / "run")
    assert run.info()["notes"][1] == "one sample of c, which has no scatter within the class: left out of NC1"
    assert all(line["nc1_trace_ratio"] > 0 for line in run.metrics())
    alone = replace(toy, train_inputs=toy.train_inputs[[0, 1, 2]], train_labels=np.arange(3))
    assert {line["nc1_trace_ratio"] for line in run_deep_rfm(SMALL, alone, tmp_path / "alone").metrics()} == {None}


def test_one_mean_and_deviation_a_channel(toy, tmp_path, fitted):
    images = replace(toy, image_shape=(2, 1, 3))
    run = run_deep_rfm(replace(SMALL, standardize="channel"), images, tmp_path / "run")
    ((inputs, _),) = fitted
    np.testing.assert_array_equal(inputs, standardize(toy.train_inputs, n_channels=2)[0])
    assert run.info()["settings"]["standardize"] == "channel"
    with pytest.raises(InputError, match="standardize='channel'"):
        run_deep_rfm(SMALL, images, tmp_path / "run")


def test_random_rows_are_drawn_anew_for_every_seed(toy, tmp_path, fitted):
    run_deep_rfm(replace(SMALL, samples=30, subset="random", seeds=(0, 1)), toy, tmp_path / "run")
    for seed, (inputs, labels) in enumerate(fitted):
        part = subset(toy, 30, None, "random", seed)
        np.testing.assert_array_equal(inputs, standardize(part.train_inputs)[0])
        np.testing.assert_array_equal(labels, part.train_labels)
    assert not torch.equal(fitted[0][0], fitted[1][0])


def test_permuted_labels(small_run, toy, tmp_path, fitted):
    run = run_deep_rfm(replace(SMALL, permute_labels=True, seeds=(0, 1)), toy, tmp_path / "run")
    for inputs, labels in fitted:
        np.testing.assert_array_equal(inputs, standardize(toy.train_inputs)[0])
        assert labels.bincount().tolist() == np.bincount(toy.train_labels).tolist()
        assert (labels.numpy() != toy.train_labels).mean() > 0.3
    assert not torch.equal(fitted[0][1], fitted[1][1])
    true, chance = small_run.metrics()[0], run.metrics()[0]
    assert chance["nc1_trace_ratio"] > 5 * true["nc1_trace_ratio"]
    assert chance["train_accuracy"] == 1
    assert chance["test_accuracy"] < 0.9 < true["test_accuracy"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kernel": "cosine"}, InputError, "kernel to be one of laplace, gaussian"),
        ({"features": "tanh"}, InputError, "features to be one of"),
        ({"dtype": "float16"}, InputError, "dtype to be one of"),
        ({"standardize": "pixel"}, InputError, "standardize to be one of feature, channel"),
        ({"subset": "last"}, InputError, "subset to be one of first, random"),
        ({"bandwidth": 0.0}, InputError, "positive finite bandwidth"),
        ({"features": "cosine", "gamma": -1.0}, InputError, "positive finite gamma"),
        ({"width": 0}, InputError, "width of 1 or more"),
        ({"depth": 0}, InputError, "depth of 1 or more"),
        ({"ridge": -1.0}, InputError, "ridge of 0 or more"),
        ({"ridge": float("nan")}, InputError, "ridge of 0 or more"),
        ({"seeds": ()}, InputError, "one or more seeds"),
        ({"device": "nowhere"}, InputError, "device that torch can use here, got 'nowhere'"),
        ({"samples": 37}, InputError, r"1 \.\. 36 training rows"),
        ({"test_samples": 21}, InputError, r"0 \.\. 20 test rows"),
        ({"samples": 2}, EmptyClassError, "training samples of each"),
        ({"samples": 3, "subset": "random", "seeds": (0, 1, 2, 3)}, EmptyClassError, "training samples of each"),
    ],
    ids=str,
)
def test_unusable_settings_leave_no_folder(toy, tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        run_deep_rfm(replace(SMALL, **change), toy, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_folder_with_other_files(toy, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="new or empty folder"):
        run_deep_rfm(SMALL, toy, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_strict_json(full_run):
    for text in (full_run.path / "metrics.jsonl").read_text().splitlines():
        json.loads(text, parse_constant=pytest.fail)
    json.loads((full_run.path / "run.json").read_text(), parse_constant=pytest.fail)


def test_numbers_do_not_depend_on_memory(toy, tmp_path, small_run):
    limited = run_deep_rfm(replace(SMALL, max_memory=4_000), toy, tmp_path / "run")
    for line, expected in zip(limited.metrics(), small_run.metrics(), strict=True):
        numbers = {name: value for name, value in expected.items() if isinstance(value, float)}
        assert {name: line[name] for name in numbers} == pytest.approx(numbers, rel=1e-7)
