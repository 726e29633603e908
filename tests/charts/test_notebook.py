"""Values in notebooks: the first screen of their page without a script, and a plot by its name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.datasets import load_digits
from torch import nn

from agop import DeepRFMClassifier, Laplace, RFMClassifier, RFMRegressor, TreeRFMRegressor, measure
from agop.deep_rfm import ReLUFeatures
from agop.errors import InputError
from agop.reports import document_of, result_of
from agop.tables import explain_agop

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def record():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    return measure(model, [(torch.randn(30, 4), torch.arange(30) % 3)])


@pytest.fixture(scope="module")
def explanation():
    names = ("age", EVIL)
    return explain_agop(np.diag([2.0, 1.0]), np.eye(2), names, (0, 1), names, effects=[0.5, 0.6], errors=[0.01, 0.01])


def test_a_record_shows_what_its_page_begins_with(record):
    html, document = plain(record._repr_html_()), document_of([result_of(record)])
    assert document.summary.sentence in html
    for cell in document.summary.table.rows[0]:
        assert f">{cell}</" in html
    assert "30 samples of 3 classes" in html
    assert html.count("<span style") == len(document.summary.deciding) == 1


def test_an_explanation_shows_its_findings_and_no_script(explanation):
    html = plain(explanation._repr_html_())
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, 60 %" in html
    assert "60 %" in html


def test_nothing_depends_on_the_colors_of_the_notebook(record, explanation):
    for value in (record, explanation):
        assert "color:" not in value._repr_html_().replace("border-color:", "")


def test_a_plot_is_the_one_of_the_page(record, tmp_path):
    pytest.importorskip("matplotlib")
    view, plots = record.plot("nc1"), {plot.name: plot for plot in document_of([result_of(record)]).plots}
    (axes,) = view.figure().axes
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 2]
    for curve in plots["nc1"].chart.curves:
        wanted = [np.nan if y is None else y for y in curve.y]
        assert any(np.allclose(np.asarray(y, dtype=float), wanted, equal_nan=True) for y in drawn)
    html = plain(view._repr_html_())
    assert html.count("<svg") == 1
    assert plots["nc1"].caption.split(";")[0] in html
    view.save(tmp_path / "nc1.pdf")
    assert (tmp_path / "nc1.pdf").read_bytes().startswith(b"%PDF")


def test_the_error_names_the_plots(record):
    with pytest.raises(InputError, match=r"a plot among nc1, .*means, got 'nc9'"):
        record.plot("nc9")


def test_a_frame_of_an_explanation():
    pytest.importorskip("pandas")
    names = ("a", "b", "c")
    gradients = np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    effects = {"effects": [0.5, 0.6, 0.1], "errors": [0.01, 0.02, 0.03]}
    explanation = explain_agop(gradients, np.eye(3), names, (0, 1, 2), names, **effects)
    frame = replace(explanation, interactions=(("a", "b", 0.2, 0.05),)).to_frame().set_index("column")
    assert list(frame.index) == ["b", "a", "c"]
    assert frame.loc["a", "interacts_with"] == "b"
    assert frame.loc["a", ["effect", "standard_error", "interaction"]].tolist() == [0.5, 0.01, 0.2]
    assert frame.loc["a", "coupling"] == pytest.approx(1 / np.sqrt(2))
    assert frame.isna().loc["c", "coupled_with"]
    assert np.isnan(frame.loc["c", "interaction"])


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=3, return_X_y=True)
    return X[:150], y[:150]


def plain(html):
    """Without what keeps numbers and their units on a line."""
    return html.replace("\u00a0", " ")


def both(model):
    """What the two ways of notebooks show; they must agree but for the numbers of their styles."""
    old, new = model._repr_html_(), model._repr_mimebundle_()["text/html"]
    assert len(old) == pytest.approx(len(new), abs=200)
    return plain(old)


def test_a_fitted_machine_shows_what_it_learned(digits):
    X, y = digits
    model = RFMClassifier(Laplace(10.0), ridge=0.01, n_iterations=1)
    assert "iterate" not in both(model)
    html = both(model.fit(X, y))
    for shown in ("Laplace, full metric", f"{model.best_iteration_} of {model.n_iter_}", "150 distinct rows"):
        assert shown in html
    assert ("the metric is the identity" in html) is (model.metric_ is None)
    assert f"{model.validation_scores_[-1]:.3f} ± {model.validation_standard_errors_[-1]:.3f}" in html
    with config_context(display="text"):
        assert model._repr_mimebundle_().keys() == {"text/plain"}


def test_a_machine_names_its_columns_and_escapes_them(digits):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=[EVIL, "b"])
    model = RFMRegressor(Laplace(3.0), ridge=0.1, n_iterations=1, selection=None).fit(X, X[EVIL] ** 2)
    html = both(model)
    assert f"{EVIL} 1" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 1, b 0" in html


def test_a_tree_shows_its_leaves_the_heaviest_first(digits):
    X, y = digits
    leaf = RFMRegressor(Laplace(10.0), ridge=0.01, n_iterations=0, selection=None)
    model = TreeRFMRegressor(leaf, max_leaf_size=60, n_split_samples=50, random_state=0).fit(X, y)
    html, machines = both(model), sum(isinstance(each, RFMRegressor) for each in model.leaves_)
    assert f"{len(model.leaves_)} leaves" in html
    assert html.count("Laplace, full metric") == machines > 1  # a leaf of one digit has none


def test_a_fitted_deep_machine_shows_what_its_page_begins_with(digits):
    model = DeepRFMClassifier(depth=2, features=ReLUFeatures(16), random_state=0)
    assert "NC1" not in both(model)
    html, document = both(model.fit(*digits)), document_of([result_of(model)])
    assert document.summary.sentence in html
    for cell in document.summary.table.rows[0]:
        assert f">{cell}</" in html


def test_a_tree_has_no_page_to_take_a_plot_from(digits):
    with pytest.raises(InputError, match="a value that has a page, got a TreeRFMRegressor"):
        TreeRFMRegressor().plot("effects")
