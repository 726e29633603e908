"""The picture of an explanation shows its numbers, under the names of the columns, whatever these are."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from agop.errors import InputError, MissingExtraError
from agop.tables import explain_agop
from agop.tables import picture as picture

pytest.importorskip("matplotlib")

NAMES = ("age", "$\\alpha$ [€]", "a name that is much longer than it should be", "<b>&amp;", "年齢")


def explanation(n_columns=5, n_directions=3):
    rng = np.random.default_rng(0)
    names = (*NAMES, *(f"x{index}" for index in range(n_columns)))[:n_columns]
    root = rng.normal(size=(n_columns, n_columns))
    return explain_agop(
        root @ root.T,
        np.eye(n_columns),
        names,
        range(n_columns),
        names,
        effects=np.linspace(0.1, 1.2, n_columns),
        errors=np.linspace(0.02, 0.01, n_columns),
        n_directions=n_directions,
    )


def with_pairs(found, n_pairs_of=3):
    pairs = itertools.combinations(found.columns[:n_pairs_of], 2)
    interactions = tuple((a, b, 0.4 / (1 + k), 0.01) for k, (a, b) in enumerate(pairs))
    return replace(found, interactions=interactions)


def labels(axes, axis="y"):
    return [label.get_text() for label in getattr(axes, f"get_{axis}ticklabels")()]


def test_columns_in_their_order():
    found = explanation()
    columns, *directions = picture.explanation_figure(found).axes
    widths = [bar.get_width() for bar in columns.patches]
    assert widths[:5] == sorted(found.effects, reverse=True)
    assert widths[5:] == [found.steepness[k] for k in found.ranking()]
    order = [found.columns[index] for index in found.ranking()]
    assert [name[:10] for name in labels(columns)] == [name[:10] for name in order]
    assert columns.yaxis_inverted()
    assert len(directions) == 3
    (lines,) = (lines for lines in columns.collections if len(lines.get_segments()) == 5)
    for (left, _), (right, _), k in [
        (*segment, k) for segment, k in zip(lines.get_segments(), found.ranking(), strict=True)
    ]:
        assert ((left + right) / 2, right - left) == pytest.approx((found.effects[k], 4 * found.errors[k]))


def test_directions():
    found = explanation(9)
    for number, axes in enumerate(picture.explanation_figure(found).axes[1:]):
        entries = found.directions[number]
        widths = [bar.get_width() for bar in axes.patches]
        assert widths == sorted(entries, key=lambda entry: -abs(entry))[:6]
        assert axes.get_title() == f"direction {number + 1}: {found.shares[number]:.0%} of the AGOP"
        colors = {bar.get_width() > 0: bar.get_facecolor() for bar in axes.patches}
        assert len(set(colors.values())) == len(colors)


def test_interactions():
    found = with_pairs(explanation())
    *_, pairs = picture.explanation_figure(found).axes
    shown = pairs.images[0].get_array().filled(np.nan)
    names = [found.columns[k] for k in found.ranking() if found.columns[k] in NAMES[:3]]
    for a, b, share, _ in found.interactions:
        assert shown[names.index(a), names.index(b)] == shown[names.index(b), names.index(a)] == share
    assert np.isnan(shown.diagonal()).all()
    assert sorted(text.get_text() for text in pairs.texts) == sorted(["40.0", "20.0", "13.3"] * 2)
    assert labels(pairs) == labels(pairs, "x")


def test_many_columns_and_few():
    columns = picture.explanation_figure(explanation(40)).axes[0]
    assert columns.get_title() == "columns: the first 12 of 40"
    assert len(columns.patches) == 24
    alone = explanation(1)
    assert len(picture.explanation_figure(alone).axes) == 2
    none = with_pairs(explanation(2), 2)
    flat = replace(none, interactions=tuple((a, b, 0.0, 0.0) for a, b, *_ in none.interactions))
    assert len(picture.explanation_figure(flat).axes) == 4


def test_names_are_no_formulas_and_cut_when_long(tmp_path):
    path = tmp_path / "picture.svg"
    picture.save_explanation_figure(with_pairs(explanation()), path)
    root = ElementTree.parse(path).getroot()  # noqa: S314 (written a line above)
    texts = {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"age", "$\\alpha$ [€]", "<b>&amp;", "年齢", "a name that …it should be"} <= texts


@pytest.mark.parametrize("suffix", picture.PICTURES)
def test_files_are_the_same_every_time(tmp_path, suffix):
    found = with_pairs(explanation())
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        path.write_text("mine")
        picture.save_explanation_figure(found, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"a picture in \.svg, \.png, \.pdf, got \.jpg"):
        picture.save_explanation_figure(explanation(), tmp_path / "a.jpg")
    with pytest.raises(InputError, match="Create it first"):
        picture.save_explanation_figure(explanation(), tmp_path / "none" / "a.svg")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="matplotlib"):
        picture.save_explanation_figure(explanation(), tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())
