"""Every class that is declared as storable comes back from a file as it was."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest
import torch
from sklearn.pipeline import Pipeline

import agop
from agop import (
    ConvRFMClassifier,
    DeepRFMClassifier,
    RFMClassifier,
    RFMRegressor,
    TableEncoder,
    TreeRFMClassifier,
    TreeRFMRegressor,
)
from agop.collapse import Chance, Collapse, RegressionCollapse, Superclasses
from agop.conv_rfm import ConvMachine, ConvNNGP, ConvNTK, ConvRFMRecord, PatchLaplace
from agop.deep_rfm import CosineFeatures, DeepRFMRecord, GaussianCosineFeatures, LaplaceCosineFeatures, ReLUFeatures
from agop.deep_rfm.layer import LayerMap
from agop.deep_rfm.record import StageRecord
from agop.estimator import load, save
from agop.estimator.targets import Classes
from agop.kernel_machine import KernelMachine
from agop.kernels import (
    Exponential,
    Gaussian,
    GeneralizedGaussian,
    Laplace,
    LeaveOneOutBandwidth,
    MedianDistance,
    Metric,
    Polynomial,
    ProductLaplace,
)
from agop.moments import ClassMoments, TargetMoments
from agop.network import Ansatz, Fact, LayerRecord, NetworkRecord, Stage
from agop.network.passes.gradients import LayerGradients, LayerWeight
from agop.network.record.samples import SeenSamples
from agop.outer_product import OuterProduct
from agop.rfm.calibration import Calibration
from agop.rfm.skill import Skill
from agop.rfm.splits import Split
from agop.rfm.uncertainty import LeftOut
from agop.solvers import Cholesky, ConjugateGradient, Nystrom
from agop.storable import _CLASSES
from contracts.same import assert_same

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 3)), RNG.integers(0, 2, 40)
LEAF = {"kernel": Laplace(4.0), "ridge": 0.1, "n_iterations": 1, "selection": None}
TREE = {"max_leaf_size": 25, "random_state": 0}


def tensor(*shape):
    return torch.tensor(RNG.standard_normal(shape))


STAGE = StageRecord(Collapse.of(tensor(6, 2), np.arange(6) % 2, 2), 1.5)
MOMENTS = ClassMoments.of(tensor(6, 2), np.arange(6) % 2, 2)
TARGETS = TargetMoments.of(tensor(6, 2), tensor(6, 1))
GRADIENTS = LayerGradients(OuterProduct(6.0, torch.eye(2).double()), torch.float32)
SPECTRUM = GRADIENTS.spectrum(LayerWeight(tensor(2, 2)))
LAYER = LayerRecord("fc", tensor(2, 2), {"input": Stage.of(MOMENTS)}, "relu", GRADIENTS, SPECTRUM, patch=(1, 1, 2))
VALUES = [
    MOMENTS,
    TARGETS,
    RegressionCollapse.of(TARGETS),
    GRADIENTS,
    GRADIENTS.product,
    SPECTRUM,
    Ansatz.of(LAYER.weight, SPECTRUM),
    Fact.of(LAYER.weight, tensor(2, 2)),
    Chance.of([MOMENTS, MOMENTS]),
    Superclasses(0.5, 0.01, None),
    LAYER.stages["input"],
    LAYER.stages["input"].features,
    LAYER,
    SeenSamples(6, 0, 2, {0: 3, 1: 3}, {0: 2, 1: 1}),
    NetworkRecord({"fc": LAYER}, SeenSamples(6, 0, 2, {0: 3, 1: 3}, {0: 2, 1: 1}), {"rows": "each"}, ("a note",)),
    Calibration(2.0),
    Skill(0.5, 0.25),
    LeftOut(tensor(3, 1), tensor(3).abs(), torch.tensor([0, 1, 0]), tensor(2, 2)),
    Classes(np.array(["a", "b"]), torch.tensor([0, 1, 1])),
    STAGE.collapse,
    STAGE,
    DeepRFMRecord(1, {"input": STAGE, "agop": StageRecord(None, 2.0)}, 0.5, None, None, None, {"jitter": 0.0}),
    ConvRFMRecord(1, 1.0, 0.5, tensor(4), 0.0),
    ConvMachine(ConvNNGP(size=2), tensor(3, 1, 4, 4), tensor(3, 2), torch.eye(4).double()),
    Metric(tensor(2, 2)),
    KernelMachine(Gaussian(2.0), tensor(4, 2), tensor(4, 1), Metric(tensor(2).abs())),
    ReLUFeatures(4).draw(2, seed=0, layer=1),
    LayerMap(tensor(2, 2), CosineFeatures(4).draw(2, seed=0, layer=1)),
    Split(tensor(3), -1.0, 1.0, 0, Split(tensor(3), 0.0, 0.0, 1, 2)),
    MedianDistance(),
    LeaveOneOutBandwidth((1.0, 2.0)),
    Laplace(3.0),
    Gaussian(MedianDistance()),
    GeneralizedGaussian(2.0, 1.5),
    ProductLaplace(4.0),
    Polynomial(2.0, 3, 0.5),
    Exponential(2.0),
    ConvNNGP(3, size=5, stride=2, padding=1),
    ConvNTK(1),
    PatchLaplace(2.0),
    ReLUFeatures(8),
    CosineFeatures(8, 0.1),
    LaplaceCosineFeatures(8, 3.0),
    GaussianCosineFeatures(8, 3.0),
    Cholesky(1e-7),
    ConjugateGradient(rank=5, tolerance=1e-3),
    Nystrom(300, seed=2),
]
ESTIMATORS = [
    RFMRegressor(**LEAF),
    RFMClassifier(**LEAF),
    TreeRFMRegressor(RFMRegressor(**LEAF), **TREE),
    TreeRFMClassifier(RFMClassifier(**LEAF), **TREE),
    DeepRFMClassifier(depth=2, features=ReLUFeatures(8), random_state=0),
    ConvRFMClassifier(n_iterations=1),
    TableEncoder(),
    Pipeline([("encoder", TableEncoder()), ("model", RFMRegressor(**LEAF))]),
]


def test_every_storable_class_is_here():
    for module in pkgutil.walk_packages(agop.__path__, "agop."):
        importlib.import_module(module.name)
    own = {kind for kind in _CLASSES.values() if kind.__module__.startswith("agop.")}
    assert {type(value) for value in [*VALUES, *ESTIMATORS]} == own | {Pipeline}


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values(value, tmp_path):
    model = RFMRegressor(**LEAF).fit(X, X[:, 0])
    model.value_ = [value, {"inner": (value,)}]
    save(model, tmp_path / "model")
    (outer, inner) = load(tmp_path / "model").value_
    assert_same(outer, value)
    assert_same(inner["inner"][0], value)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_estimators(estimator, tmp_path):
    model = estimator.fit(X, Y)
    save(model, tmp_path / "model")
    copy = load(tmp_path / "model")
    assert_same(vars(copy), vars(model))
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if hasattr(model, method):
            assert_same(getattr(copy, method)(X), getattr(model, method)(X))
