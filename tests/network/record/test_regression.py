"""Records of a regression: NRC1 to NRC4 at the stages of a layer, which merge, are saved and tabulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.moments import ClassMoments, TargetMoments
from agop.network import LayerRecord, NetworkRecord, Stage
from agop.network.record.samples import SeenSamples
from agop.reports import report
from network.record.test_tables import printed
from oracles import regression as oracle

RNG = np.random.default_rng(0)
FEATURES, TARGETS, WEIGHT = RNG.standard_normal((40, 6)), RNG.standard_normal((40, 2)), RNG.standard_normal((3, 6))


def record(rows):
    moments = TargetMoments.of(FEATURES[rows], TARGETS[rows])
    weight = torch.tensor(WEIGHT)
    stages = {"input": Stage.of_targets(moments, weight), "linear": Stage.of_targets(moments.apply(weight))}
    layer = LayerRecord("fc", weight, stages).with_ansatz()
    return NetworkRecord({"fc": layer}, SeenSamples(moments.count, 0, 2, None, None), {"rows": "each"})


WHOLE = record(slice(None))


def test_numbers_at_the_stages():
    layer = WHOLE["fc"]
    assert layer.input.nrc1_unexplained_variance == pytest.approx(
        oracle.nrc1_unexplained_variance(FEATURES, TARGETS, 2), rel=1e-10
    )
    assert layer.linear.nrc4_prediction_error == pytest.approx(
        oracle.nrc4_prediction_error(FEATURES @ WEIGHT.T, TARGETS), rel=1e-10
    )
    assert layer.input.nrc3_subspace_alignment == pytest.approx(
        oracle.nrc3_subspace_alignment(FEATURES, TARGETS, 2, WEIGHT), rel=1e-10
    )
    assert layer.linear.nrc3_subspace_alignment is None
    assert layer.feature_norm == pytest.approx(np.sqrt((FEATURES**2).sum(1).mean()), rel=1e-12)
    assert layer.attribution.share is None
    assert WHOLE.scalars()["nrc2_linear_cka/fc/linear"] == layer.linear.nrc2_linear_cka
    assert (WHOLE.n_classes, WHOLE.accuracy) == (0, None)


def test_parts_merge_to_the_whole():
    merged = record(slice(0, 15)).merge(record(slice(15, 40)))
    for line, expected in zip(merged.lines(), WHOLE.lines(), strict=True):
        assert line.keys() == expected.keys()
        for name, value in expected.items():
            assert line[name] == (pytest.approx(value, rel=1e-10) if isinstance(value, float) else value)
    assert merged["fc"].input.nrc3_subspace_alignment == pytest.approx(
        WHOLE["fc"].input.nrc3_subspace_alignment, rel=1e-10
    )


def test_classes_and_targets_do_not_merge():
    labels = torch.arange(40) % 3
    classes = {"input": Stage.of(ClassMoments.of(FEATURES, labels, 3))}
    samples = replace(WHOLE.samples, counts={0: 14, 1: 13, 2: 13})
    other = replace(WHOLE, layers={"fc": replace(WHOLE["fc"], stages=classes)}, samples=samples)
    with pytest.raises(InputError, match="targets='numbers', got targets='labels'"):
        WHOLE.merge(other)


def test_saved_compact_tabulated_and_shown(tmp_path):
    small = replace(WHOLE, layers={"fc": WHOLE["fc"].compact()})
    small.save(tmp_path / "record")
    loaded = NetworkRecord.load(tmp_path / "record")
    assert list(loaded.lines()) == list(WHOLE.lines())
    text = " ".join(printed(WHOLE.table(), 120).split())
    for label, name in (("NRC1", "nrc1_unexplained_variance"), ("NRC4", "nrc4_prediction_error")):
        assert f"{label} φ" in text
        assert f"{getattr(WHOLE['fc'].input, name):.3g}" in text
    assert "NC1 φ" not in text.replace("NRC1 φ", "")
    assert "classes" not in text
    assert "Regression collapse by layer" in report(WHOLE, tmp_path / "page.html").read_text(encoding="utf-8")
