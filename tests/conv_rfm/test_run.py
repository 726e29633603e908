"""Runs on a data set: what is written, resumed and shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch

from agop import ConvRFMClassifier, datasets
from agop.conv_rfm import ConvRFMSettings, run_conv_rfm
from agop.conv_rfm.result import ConvRFMResult
from agop.conv_rfm.run import shrunk
from agop.errors import DataFileError, InputError
from agop.reports import document_of, plots_of, report, result_of
from agop.runs import Run

SMALL = ConvRFMSettings(samples=64, test_samples=80, iterations=2, seeds=(0, 1), dtype="float64")


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.fixture(scope="module")
def few(digits):
    """Seven of each class to learn from, so that 64 at random have some of each."""
    rows = np.concatenate([np.flatnonzero(digits.train_labels == c)[:7] for c in range(10)])
    return replace(digits, train_inputs=digits.train_inputs[rows], train_labels=digits.train_labels[rows])


@pytest.fixture(scope="module")
def run(few, tmp_path_factory):
    return run_conv_rfm(SMALL, few, tmp_path_factory.mktemp("runs") / "run")


def test_lines_are_those_of_the_classifier(run, few):
    lines = run.metrics()
    assert [(line["seed"], line["iteration"]) for line in lines] == [(s, k) for s in (0, 1) for k in range(3)]
    part = datasets.subset(few, 64, 80, "random", 1)
    model = ConvRFMClassifier(n_iterations=2, image_shape=(1, 8, 8)).fit(
        part.train_inputs, part.train_labels, validation=(part.test_inputs, part.test_labels)
    )
    assert [line["test_accuracy"] for line in lines[3:]] == pytest.approx(model.validation_scores_, abs=1e-12)
    ranks = [record.effective_rank for record in model.records_]
    assert [line["effective_rank"] for line in lines[4:]] == pytest.approx(ranks[1:], rel=1e-6)
    assert lines[3]["effective_rank"] is None


@pytest.mark.parametrize("targets", ["one-hot", "centered"])
def test_other_codings_of_the_classes_decide_alike_until_the_metric_is_another(run, few, tmp_path, targets):
    lines = run_conv_rfm(replace(SMALL, targets=targets, seeds=(0,)), few, tmp_path / "run").metrics()
    first, *_, last = (line["test_accuracy"] for line in run.metrics()[:3])
    assert lines[0]["test_accuracy"] == first
    assert lines[-1]["effective_rank"] != pytest.approx(run.metrics()[2]["effective_rank"], rel=1e-6)
    assert abs(lines[-1]["test_accuracy"] - last) < 0.2


def test_tensors_are_spectra_and_filters(run):
    tensors = run.load_tensors()
    names = {f"seed{s}/iteration0{k}/{what}" for s in (0, 1) for k in (1, 2) for what in ("spectrum", "filters")}
    assert set(tensors) == names
    filters = tensors["seed0/iteration02/filters"]
    assert filters.shape == (8, 1, 3, 3)
    torch.testing.assert_close(filters.flatten(1) @ filters.flatten(1).mT, torch.eye(8).double())
    assert (tensors["seed0/iteration02/spectrum"].diff() <= 0).all()


@pytest.mark.parametrize(
    ("column", "value"), [("test_accuracy", 7.0), ("train_accuracy", "1"), ("effective_rank", -1.0), ("jitter", True)]
)
def test_numbers_that_cannot_be(run, tmp_path, column, value):
    changed = Run(Path(copytree(run.path, tmp_path / "run")))
    first, *others = changed.metrics()
    changed.record(sealed=None)
    changed.rewrite([{**first, column: value}, *others])
    with pytest.raises(DataFileError, match=f"{column} in .* as it can be"):
        result_of(changed)


def test_a_page_says_that_the_tensors_are_gone(run, tmp_path):
    bare = Run(Path(copytree(run.path, tmp_path / "run")))
    (bare.path / "tensors.safetensors").unlink()
    for each, gone in ((run, False), (bare, True)):
        assert any("no tensors" in remark for remark in document_of([result_of(each)]).remarks) == gone


def test_an_interrupted_run_goes_on_where_it_was(few, run, tmp_path):
    def stop(seed, record):
        if (seed, record.iteration) == (1, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_conv_rfm(SMALL, few, tmp_path / "run", stop)
    seen = []
    again = run_conv_rfm(SMALL, few, tmp_path / "run", lambda seed, record: seen.append(seed))
    assert set(seen) == {1}
    assert again.metrics() == run.metrics()
    whole, found = run.load_tensors(), again.load_tensors()
    assert all(torch.equal(found[name], whole[name]) for name in whole)


def test_permuted_labels_are_at_chance(digits, tmp_path):
    settings = replace(SMALL, samples=200, test_samples=None, iterations=1, permute_labels=True)
    result = result_of(run_conv_rfm(settings, digits, tmp_path / "run"))
    for line in result.lines:
        assert line["test_accuracy"] < 0.25
    assert "The labels were permuted: this is the baseline." in document_of([result]).notes


def test_pixels_are_averaged(digits):
    small = shrunk(digits, 4)
    image = digits.train_inputs[5].reshape(8, 8)
    np.testing.assert_allclose(small.train_inputs[5].reshape(2, 2)[1, 0], image[4:, :4].mean())
    assert small.test_inputs.shape == (360, 4)
    with pytest.raises(InputError, match="multiples of 3, got images of 8 x 8"):
        shrunk(digits, 3)
    with pytest.raises(InputError, match="a data set of images, got digits, whose rows are none"):
        shrunk(replace(digits, image_shape=None), 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 9, "kernel": "nngp", "shrink": 4, "depth": 1, "stride": 1, "power": -1.0}, "positive, finite power"),
        ({"kernel": "rbf"}, "kernel to be one of ntk, nngp, laplace"),
        ({"seeds": ()}, "one or more seeds"),
        ({"samples": 5000}, "training rows of digits"),
        ({"kernel": "laplace", "bandwidth": 0.0}, "positive finite bandwidth"),
    ],
)
def test_settings_that_cannot_run(digits, change, message, tmp_path):
    with pytest.raises(InputError, match=message):
        run_conv_rfm(replace(SMALL, **change), digits, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_page_shows_accuracy_filters_and_spectra(run, tmp_path):
    result = result_of(run)
    assert isinstance(result, ConvRFMResult)
    plots = {plot.name: plot for plot in plots_of([result])}
    assert list(plots) == ["accuracy", "filters", "spectra"]
    assert [len(chart.pictures) for chart in plots["filters"].chart.charts.values()] == [8, 8]
    curve = plots["accuracy"].chart.curves[0]
    expected = np.mean([line["test_accuracy"] for line in run.metrics() if line["iteration"] == 2])
    assert curve.y[2] == pytest.approx(expected)
    assert document_of([result]).tables[0].columns == [
        "updates",
        "test accuracy",
        "training accuracy",
        "effective rank of M",
    ]
    page = report({"one": run, "other": run}, tmp_path / "page.html")
    assert "Filters" in page.read_text(encoding="utf-8")


def findings_of(courses, train=1.0):
    lines = [
        {"seed": seed, "iteration": k, "train_accuracy": train, "test_accuracy": value}
        for seed, course in enumerate(courses)
        for k, value in enumerate(course)
    ]
    return document_of([ConvRFMResult("run", {"settings": {}}, lines)]).findings


def test_findings_say_whether_features_help():
    (rises,) = findings_of([(0.5, 0.6, 0.7), (0.52, 0.6, 0.71), (0.51, 0.64, 0.7)])
    assert rises.course.direction == "rises"
    (falls,) = findings_of([(0.7, 0.71, 0.5)])
    assert falls.course.direction == "falls"
    assert falls.notes == ("best after 1: 0.71",)
    (unsettled,) = findings_of([(0.5, 0.6), (0.6, 0.5), (0.5, 0.55)])
    assert unsettled.course.direction == "unsettled"
    unfitted, _ = findings_of([(0.5, 0.6)], train=0.6)
    assert unfitted.notes == ("not fitted: below 0.95",)


def test_a_classifier_is_shown_with_the_filters_that_it_keeps(digits):
    X, y = digits.train_inputs[:60], digits.train_labels[:60]
    model = ConvRFMClassifier(n_iterations=1, image_shape=(1, 8, 8)).fit(X, y)
    result = result_of(model)
    torch.testing.assert_close(result.of_iterations("filters")[1], model.filters_[:8])
    assert {plot.name for plot in plots_of([result])} == {"accuracy", "filters", "spectra"}
    plain = result_of(ConvRFMClassifier(n_iterations=0, image_shape=(1, 8, 8)).fit(X, y))
    assert [plot.name for plot in plots_of([plain])] == ["accuracy"]


def test_one_class_for_all_has_not_fitted():
    """It is right in 97 of 100 images."""
    images = np.random.default_rng(0).standard_normal((100, 1, 5, 5))
    model = ConvRFMClassifier(n_iterations=0, ridge=100.0, random_state=0).fit(images, np.arange(100) < 3)
    fit = ConvRFMResult.of(model).fit()
    assert fit.value >= 0.95
    assert fit.fitted is False


def summary_of(*courses, train=1.0):
    names = [f"run {place}" for place in range(len(courses))]
    lines = [
        [
            {"seed": seed, "iteration": k, "train_accuracy": train, "test_accuracy": value}
            for seed, course in enumerate(seeds)
            for k, value in enumerate(course)
        ]
        for seeds in courses
    ]
    results = [ConvRFMResult(name, {"settings": {}}, each) for name, each in zip(names, lines, strict=True)]
    return document_of(results).summary


@pytest.mark.parametrize(
    ("seeds", "train", "sentence"),
    [
        ([(0.75, 0.5)], 1.0, "Learned filters lower the test accuracy: 0.75 before and 0.5 after 1 update."),
        ([(0.5, 0.5)], 1.0, "Learned filters leave the test accuracy as it is: 0.5 before and 0.5 after 1 update."),
        ([(0.5, 0.6), (0.6, 0.5), (0.5, 0.52)], 1.0, "Learned filters change within its spread the test accuracy"),
        ([(0.5,)], 1.0, "No filters were learned."),
        ([(0.5, 0.75)], 0.5, "The last iterate has not fitted its data (accuracy 0.5)."),
    ],
)
def test_the_first_sentence_of_a_page(seeds, train, sentence):
    assert summary_of(seeds, train=train).sentence.startswith(sentence)


def test_the_first_sentence_on_several_runs():
    summary = summary_of([(0.5, 0.6)], [(0.5, 0.9)])
    assert summary.sentence == "Test accuracy, last iterate: highest in run 1."
    assert list(summary.deciding) == [(1, 2)]
    assert summary.table.rows[1][2] == "0.5 → 0.9"
