"""Estimators come back from a file as they were; a file that is not theirs is refused with a clear word."""

from __future__ import annotations

import json
from collections import OrderedDict

import joblib
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from agop import DeepRFMClassifier, Gaussian, Laplace, ProductLaplace, RFMClassifier, RFMRegressor
from agop.deep_rfm import GaussianCosineFeatures, ReLUFeatures
from agop.errors import DataFileError, InputError
from agop.estimator import load, save
from agop.kernels import MedianDistance
from agop.rfm import TreeRFMClassifier, TreeRFMRegressor
from agop.runs import storage
from agop.solvers import Cholesky, ConjugateGradient
from agop.storable import storable
from agop.tables import TableEncoder, table_pipeline
from contracts.same import assert_same


@storable
class Regressor(RFMRegressor):
    pass


@storable
class Classifier(RFMClassifier):
    pass


@storable
class DeepClassifier(DeepRFMClassifier):
    pass


class OwnKernel(Laplace):
    pass


def other_gaussian():
    class Gaussian(Laplace):
        pass

    return Gaussian()


CLASSIFIERS = [
    pytest.param(Classifier(n_iterations=1), id="rfm"),
    pytest.param(DeepClassifier(depth=2, features=ReLUFeatures(16), random_state=0), id="deep"),
]
METHODS = ("predict", "decision_function", "predict_proba", "transform")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


def round_trip(model, file):
    save(model, file)
    return load(file)


def assert_predicts_alike(left, right, points):
    methods = [name for name in METHODS if hasattr(left, name)]
    assert methods
    for name in methods:
        assert_same(getattr(left, name)(points), getattr(right, name)(points))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("diagonal", [False, True])
def test_regressor(surface, dtype, diagonal, file):
    X, y, new, truth = surface
    X, new = X.astype(dtype), new.astype(dtype)
    for targets in (y, np.c_[y, -y, y**2]):
        model = Regressor(Gaussian(3.0), ridge=0.1, n_iterations=2, diagonal=diagonal).fit(X, targets)
        copy = round_trip(model, file)
        assert_same(vars(copy), vars(model))
        assert_predicts_alike(copy, model, new)
        assert_predicts_alike(copy, model, torch.tensor(new))
    assert round_trip(model.fit(X, y), file).score(new, truth) == model.score(new, truth)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_classifiers(blobs, classifier, file):
    X, y, new, truth = blobs
    for labels in (y, y > 0):
        model = classifier.fit(X, labels)
        copy = round_trip(model, file)
        assert_same(vars(copy), vars(model))
        assert_predicts_alike(copy, model, new)
    model = classifier.fit(X, y)
    assert round_trip(model, file).score(new, truth) == model.score(new, truth)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(np.array(["setosa", "ünlü \ud800", ""]), id="text"),
        pytest.param(np.array(["x", "yy", "zzz"], dtype=object), id="objects"),
        pytest.param(np.array([-7, 3, 2**62]), id="integers"),
        pytest.param(np.array([4, 8, 65_000], dtype=np.uint16), id="unsigned"),
        pytest.param(np.array([0.0, 1.0, 5.0]), id="floats"),
        pytest.param(np.array(["2020-01-01", "2021-01-01", "1969-01-01"], dtype="M8[D]"), id="dates"),
    ],
)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_labels_of_any_kind(blobs, classifier, names, file):
    X, y, new, _ = blobs
    model = classifier.fit(X, names[y])
    copy = round_trip(model, file)
    assert_same(copy.classes_, model.classes_)
    assert_same(copy.predict(new), model.predict(new))


def test_tensors_and_names_of_features(blobs, file):
    pandas = pytest.importorskip("pandas")
    X, y, new, _ = blobs
    copy = round_trip(Classifier(n_iterations=1).fit(torch.tensor(X), torch.tensor(y)), file)
    assert isinstance(copy.classes_, torch.Tensor)
    frame, points = (pandas.DataFrame(rows, columns=list("abcde")) for rows in (X, new))
    copy = round_trip(Classifier(n_iterations=1).fit(frame, y), file)
    copy.predict(points)
    with pytest.raises(ValueError, match="feature names"):
        copy.predict(points[list("edcba")])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_model_from_a_gpu_is_read_onto_the_cpu(blobs, file):
    X, y, new, _ = blobs
    model = Classifier(n_iterations=1).fit(torch.tensor(X, device="cuda"), torch.tensor(y, device="cuda"))
    copy = round_trip(model, file)
    assert copy.machine_.centers.device.type == "cpu"
    np.testing.assert_allclose(copy.decision_function(new), model.decision_function(new), rtol=0, atol=1e-8)


@pytest.mark.parametrize("kernel", [None, "gaussian", Laplace(3), Gaussian(np.float32(3))])
def test_kernels(surface, kernel, file):
    X, y, new, _ = surface
    model = Regressor(kernel, n_iterations=1).fit(X, y)
    copy = round_trip(model, file)
    assert_same(copy.get_params(), model.get_params())
    assert_predicts_alike(copy, model, new)


@pytest.mark.parametrize("agop", [True, False])
def test_records_and_layers_of_deep_rfm(blobs, agop, file):
    X, y, new, _ = blobs
    model = DeepClassifier(ProductLaplace(5.0), GaussianCosineFeatures(16, 0.7), depth=2, ridge=1e-6, agop=agop)
    copy = round_trip(model.fit(X, y), file)
    assert_same(vars(copy), vars(model))
    assert_predicts_alike(copy, model, new)
    assert [list(record.lines()) for record in copy.records_] == [list(record.lines()) for record in model.records_]
    assert_same(copy.set_params(transform_layer=1).transform(new), model.set_params(transform_layer=1).transform(new))


def test_parameters_of_any_numeric_type(surface, file):
    X, y, *_ = surface
    model = Regressor(ridge=np.float64(0.1), n_iterations=np.int64(1), time_budget=float("inf"), random_state=7)
    copy = round_trip(model.fit(X, y), file)
    assert_same(copy.get_params(), model.get_params())
    assert copy.time_budget == float("inf")


def test_what_was_chosen_by_validation(blobs, file):
    X, y, *_ = blobs
    model = Classifier(validation_fraction=0.2, random_state=0).fit(X, y)
    copy = round_trip(model, file)
    assert_same(copy.validation_scores_, model.validation_scores_)
    assert (copy.best_iteration_, copy.n_iter_) == (model.best_iteration_, model.n_iter_)
    assert (copy.power, copy.power_) == (model.power, model.power_)


def test_a_tensor_is_stored_once(surface, file):
    X, y, *_ = surface
    copy = round_trip(Regressor(n_iterations=1, selection=None).fit(X, y), file)
    assert copy.metric_ is copy.machine_.metric.matrix
    tensors, _ = storage.load(file)
    assert len(tensors) == 6  # intercept, centers and their weights, coefficients, metric and its root
    assert "machine_.coefficients" in tensors


def test_routing_requests_stay_with_the_pipeline(surface, file):
    X, y, new, _ = surface
    with config_context(enable_metadata_routing=True):
        model = Regressor(n_iterations=0).set_fit_request(sample_weight=True).fit(X, y)
        assert_predicts_alike(round_trip(model, file), model, new)


def test_the_container_of_the_output_is_kept(blobs, file):
    pandas = pytest.importorskip("pandas")
    X, y, new, _ = blobs
    model = DeepClassifier(depth=1, features=ReLUFeatures(4), random_state=0).set_output(transform="pandas").fit(X, y)
    copy = round_trip(model, file)
    assert isinstance(copy.transform(new), pandas.DataFrame)
    pandas.testing.assert_frame_equal(copy.transform(new), model.transform(new), check_exact=True)


def test_what_the_fit_chose_for_itself(blobs, file):
    X, y, new, _ = blobs
    model = Classifier(Laplace(MedianDistance()), ridge="loo", n_iterations=1, random_state=0).fit(X, y)
    copy = round_trip(model, file)
    assert copy.get_params()["kernel__bandwidth"] == MedianDistance()
    assert (copy.bandwidth_, copy.ridge_) == (model.bandwidth_, model.ridge_)
    assert_predicts_alike(copy, model, new)


def test_the_loaded_model_fits_again(blobs, file):
    X, y, new, _ = blobs
    model = Classifier(Gaussian(2.0), n_iterations=1).fit(X, y)
    copy = round_trip(model, file)
    assert_same(copy.fit(X, y == 1).predict(new), model.fit(X, y == 1).predict(new))


def test_not_fitted(file):
    for model in (Regressor(), Classifier(), DeepClassifier()):
        with pytest.raises(NotFittedError):
            save(model, file)
    assert not file.exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param({"callback": print}, r"callback = <built-in.*set_params\(callback=None\)", id="callback"),
        pytest.param({"kernel": OwnKernel()}, r"kernel = OwnKernel\(\)", id="own kernel"),
        pytest.param({"kernel": other_gaussian()}, r"kernel = Gaussian\(\)", id="kernel of a known name"),
        pytest.param({"random_state": np.random.RandomState(0)}, r"int or None.*RandomState", id="generator"),
        pytest.param({"verbose": np.array([1 + 1j])}, "verbose = an array of complex128", id="array"),
        pytest.param({"verbose": OrderedDict(a=1)}, "verbose = OrderedDict.*of type OrderedDict", id="mapping"),
    ],
)
def test_parameters_that_cannot_be_stored(surface, parameters, message, file):
    X, y, *_ = surface
    model = Regressor(n_iterations=0).fit(X, y).set_params(**parameters)
    with pytest.raises(InputError, match=message):
        save(model, file)
    assert not file.exists()
    save(model.set_params(**dict.fromkeys(parameters)), file)


def test_no_such_folder(surface, tmp_path):
    X, y, *_ = surface
    with pytest.raises(InputError, match="Create it first"):
        save(Regressor(n_iterations=0).fit(X, y), tmp_path / "none" / "model")


@pytest.fixture
def saved(surface, file):
    X, y, *_ = surface
    save(Regressor(Laplace(10.0), ridge=1e-3, n_iterations=1, selection=None).fit(X[:20], y[:20]), file)
    return file


def rewrite(file, change):
    """Change the header of a file, and its checksum with it."""
    tensors, header = storage.load(file)
    change(header)
    storage.save(file, tensors, header)


def test_a_newer_format(saved):
    def newer(header):
        header["format"], header["agop"] = 2, "9.1"

    rewrite(saved, newer)
    with pytest.raises(DataFileError, match=r"estimator format 1, got format 2, written by agop 9\.1\. Install agop 9"):
        load(saved)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda header: header["parameters"].update(unknown=1), id="parameter"),
        pytest.param(lambda header: header["parameters"].update(kernel={"estimator": ["System", {}, {}]}), id="class"),
        pytest.param(lambda header: header["parameters"].update(kernel={"object": ["Popen", {}]}), id="value"),
        pytest.param(
            lambda header: header["parameters"].update(kernel={"estimator": ["Laplace", {"b": 1}, {}]}), id="field"
        ),
        pytest.param(lambda header: header["state"].update(x={"dict": [[[], 1]]}), id="key"),
        pytest.param(lambda header: header["state"].update(x={"set": [1]}), id="kind"),
        pytest.param(lambda header: header["state"].update(x={"tensor": "none"}), id="tensor"),
        pytest.param(lambda header: header["strides"].clear(), id="strides"),
    ],
)
def test_contents_that_this_version_does_not_know(saved, change):
    rewrite(saved, lambda header: (change(header), header.update(agop="9.1")))
    with pytest.raises(DataFileError, match=r"got a file of agop 9\.1 with something else.*Install agop 9\.1"):
        load(saved)


def test_other_files(saved, tmp_path):
    with pytest.raises(DataFileError, match="No such file"):
        load(tmp_path / "none")
    storage.save(saved, {"x": torch.zeros(2)}, {"bandwidth": 2.0})
    with pytest.raises(DataFileError, match="hold an estimator, got another file of agop"):
        load(saved)
    save_file({"x": torch.zeros(2)}, saved)
    with pytest.raises(DataFileError, match="written by agop"):
        load(saved)
    saved.write_bytes(joblib.__version__.encode())
    with pytest.raises(DataFileError, match="complete safetensors file"):
        load(saved)


def test_a_truncated_file(saved):
    whole = saved.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(DataFileError, match="complete safetensors file"):
            load(saved)


def test_every_changed_byte_is_noticed(saved):
    whole = saved.read_bytes()
    for position in range(0, len(whole), 7):
        for mask in (1, 0x20):
            damaged = bytearray(whole)
            damaged[position] ^= mask
            saved.write_bytes(damaged)
            if damaged.replace(b"1E-08", b"1e-08") == whole:  # another spelling of the same number
                continue
            with pytest.raises(DataFileError):
                load(saved)
    damaged = bytearray(whole)
    damaged[-3] ^= 1
    saved.write_bytes(damaged)
    with pytest.raises(DataFileError, match="checksum does not match"):
        load(saved)


def test_parts_that_were_exchanged(saved):
    tensors, _ = storage.load(saved)
    with safe_open(saved, framework="np") as file:
        stored = file.metadata()["agop"]
    exchanged = tensors | {"machine_.centers": tensors["machine_.centers"].flip(0)}
    other = stored.replace('"ridge": 0.001', '"ridge": 5.0')
    assert other != stored
    for tensors_now, header in ((exchanged, stored), (tensors, other)):
        save_file(tensors_now, saved, metadata={"agop": header})
        with pytest.raises(DataFileError, match="checksum"):
            load(saved)


def test_the_header_is_plain_to_read(saved):
    with safe_open(saved, framework="np") as file:
        stored = json.loads(file.metadata()["agop"])
    header = stored["header"]
    assert header["estimator"] == "Regressor"
    assert header["format"] == 1
    assert header["parameters"]["ridge"] == 1e-3
    assert header["state"]["kernel_"] == {"estimator": ["Laplace", {"bandwidth": 10.0}, {}]}
    assert len(stored["checksum"]) == 64


@pytest.fixture
def people():
    """A table with numbers, text, truth values and gaps; a number and a label for each row."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    age, town = rng.normal(40.0, 10.0, 60), rng.choice(["Ulm", "Köln", "Bonn"], 60)
    table = pandas.DataFrame({"age": age, "town": town, "tall": rng.random(60) < 0.5})
    table.loc[::7, "age"] = None
    table.loc[::9, "town"] = None
    return table, age / 10 + (town == "Ulm"), np.where(age + 5 * (town == "Ulm") > 40, "old", "young")


LEAF = {"n_iterations": 1, "ridge": 1e-2, "selection": None}


@pytest.mark.parametrize(
    "model",
    [
        pytest.param("regression", id="regression"),
        pytest.param("classification", id="classification"),
        pytest.param(TreeRFMRegressor(RFMRegressor(Laplace(5.0), **LEAF), max_leaf_size=30, random_state=0), id="tree"),
        pytest.param(TreeRFMClassifier(RFMClassifier(Laplace(5.0), **LEAF), max_leaf_size=30), id="tree of classes"),
        pytest.param(DeepRFMClassifier(depth=2, features=ReLUFeatures(16), random_state=0), id="deep"),
    ],
)
def test_table_pipelines(people, model, file):
    table, number, label = people
    regression = model == "regression" or isinstance(model, TreeRFMRegressor)
    pipeline = table_pipeline(model).fit(table[:50], number[:50] if regression else label[:50])
    save(pipeline, file)
    copy = load(file)
    assert type(copy) is Pipeline
    assert_same(vars(copy), vars(pipeline))
    assert_predicts_alike(copy, pipeline, table[50:])
    assert list(copy[0].get_feature_names_out()) == list(pipeline[0].get_feature_names_out())


def test_a_tree_with_a_constant_leaf(surface, file):
    X, y, new, _ = surface
    X, new = X[:, :1], new[:, :1]
    y = np.where(X[:, 0] > np.median(X), 0.5, y)
    leaf = RFMRegressor(Laplace(5.0), n_iterations=0, ridge=1e-2, selection=None)
    model = TreeRFMRegressor(leaf, max_leaf_size=30, n_split_samples=100, softness=0.0, random_state=0).fit(X, y)
    assert {type(leaf) for leaf in model.leaves_} == {RFMRegressor, torch.Tensor}
    save(model, file)
    copy = load(file)
    assert_same(vars(copy), vars(model))
    assert_same(copy.predict(new), model.predict(new))


@pytest.mark.parametrize("names", [["a", "b", "c"], [1, 2, 3], [np.int64(1), 2.0, np.float64(3.0)], [True, 2, 3]])
def test_weights_of_classes_of_any_kind(blobs, names, file):
    X, y, new, _ = blobs
    weights = dict(zip(names, (1.0, 0.5, np.float64(2.0)), strict=True))
    model = RFMClassifier(n_iterations=1, class_weight=weights).fit(X, np.array(names)[y])
    copy = round_trip(model, file)
    assert_same(list(copy.class_weight), names)
    assert_same(list(copy.class_weight.values()), [1.0, 0.5, np.float64(2.0)])
    assert_predicts_alike(copy, model, new)


@pytest.mark.parametrize("solver", [Cholesky(1e-6), ConjugateGradient(rank=30, tolerance=1e-3)])
def test_solvers_and_calibration(blobs, solver, file):
    X, y, new, _ = blobs
    model = RFMClassifier(solver=solver, n_iterations=1, random_state=0).fit(X, y)
    copy = round_trip(model, file)
    assert copy.solver == copy.solver_ == solver
    assert copy.calibration_ == model.calibration_ is not None
    assert_predicts_alike(copy, model, new)


def test_pipelines_within_pipelines(surface, file):
    X, y, new, _ = surface
    model = make_pipeline("passthrough", make_pipeline(TableEncoder(), None), Regressor(n_iterations=0)).fit(X, y)
    save(model, file)
    copy = load(file)
    assert_same(copy.predict(new), model.predict(new))
    assert copy[0] == "passthrough"
    assert type(copy[2]) is Regressor


class OwnPipeline(Pipeline):
    pass


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(StandardScaler(), "an estimator of agop, or a Pipeline of such, got a StandardScaler", id="other"),
        pytest.param(OwnPipeline([("rfm", Regressor())]), "Pipeline of such, got a OwnPipeline", id="own pipeline"),
        pytest.param(GridSearchCV(Regressor(), {"ridge": [0.1]}), "got a GridSearchCV.*best_estimator_", id="search"),
        pytest.param(make_pipeline(StandardScaler(), Regressor()), r"steps\[0\]\[1\] = StandardScaler\(\)", id="step"),
        pytest.param(make_pipeline(FeatureUnion([("a", TableEncoder())]), Regressor()), "FeatureUnion", id="union"),
        pytest.param(
            make_pipeline(Regressor(callback=bool)), r"steps\[0\]\[1\]\.callback = <class 'bool'>", id="callback"
        ),
        pytest.param(make_pipeline(Regressor(random_state=np.random.RandomState(0))), "int or None", id="generator"),
    ],
)
def test_models_that_cannot_be_stored(surface, model, message, file):
    X, y, *_ = surface
    with pytest.raises(InputError, match=message):
        save(model.fit(X, y), file)
    assert not file.exists()


def test_pipelines_that_are_not_fitted(file):
    with pytest.raises(NotFittedError):
        save(table_pipeline("regression"), file)
    assert not file.exists()


def test_a_fit_that_did_not_come_to_its_end(surface, file):
    def interrupt(_):
        raise KeyboardInterrupt

    X, y, *_ = surface
    model = make_pipeline(RFMRegressor(callback=interrupt, **LEAF))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    model[0].callback = None
    for unfinished in (model, model[0]):
        with pytest.raises(NotFittedError):
            save(unfinished, file)


def test_a_class_that_is_not_defined(saved):
    rewrite(saved, lambda header: header.update(estimator="Vanished"))
    with pytest.raises(DataFileError, match=r"something else \('Vanished'\).*define or import classes of your own"):
        load(saved)


def test_nothing_of_scikit_learn_but_pipelines(saved):
    for name in ("StandardScaler", "BaseEstimator", "FunctionTransformer"):
        rewrite(saved, lambda header, name=name: header.update(estimator=name))
        with pytest.raises(DataFileError):
            load(saved)
