"""Settings of the three scales."""

from __future__ import annotations

import pytest

from agop.datasets import NAMES
from agop.deep_rfm import DeepRFMSettings
from agop.errors import InputError
from agop.paper import FIGURES, SCALES, TrainSettings
from agop.paper.figures.initialization import GAINS
from agop.paper.modular import ModularSettings
from agop.paper.modular_network import ModularNetworkSettings


def parts(scale, name):
    figure = FIGURES[name]
    return figure.parts(scale, figure.data_sets(scale), "cpu")


def settings(scale, paper=None):
    """Settings of every run of a scale, of the figures of a paper or of all."""
    names = [
        name for name, figure in FIGURES.items() if figure.data is not None and (paper or figure.paper) == figure.paper
    ]
    return [part.settings for name in names for part in parts(scale, name)]


@pytest.mark.parametrize("scale", SCALES)
def test_one_name_means_the_same_settings(scale):
    found = {}
    for name in FIGURES:
        names = [part.name for part in parts(scale, name)]
        assert len(set(names)) == len(names) > 0
        for part in parts(scale, name):
            assert part.data == part.settings.data
            assert found.setdefault(part.name, part.settings) == part.settings


@pytest.mark.parametrize("scale", SCALES)
def test_networks_see_channels_and_the_rest_features(scale):
    for found in settings(scale):
        assert found.standardize == ("channel" if isinstance(found, TrainSettings) else "feature")


@pytest.mark.parametrize("scale", SCALES)
def test_settings_are_valid(scale):
    for found in settings(scale):
        assert found.data in NAMES
        if isinstance(found, TrainSettings):
            found.check()
        if isinstance(found, DeepRFMSettings):
            found.make_kernel()
            found.make_features()


FIRST = FIGURES["network-nfa"].paper
"""Paper whose settings are tested; figures of others leave out the seed by which their thresholds were chosen."""


def test_quick_needs_no_files_and_one_seed():
    for found in settings("quick"):
        assert found.data == "digits"
        assert getattr(found, "samples", 500) == 500
    assert all(getattr(found, "seeds", (0,)) == (0,) for found in settings("quick", FIRST))
    assert all(figure.budget <= 300 for figure in FIGURES.values())
    assert len(GAINS["quick"]) == 4


def test_settings_of_the_paper():
    for found in settings("paper", FIRST):
        if isinstance(found, DeepRFMSettings):
            assert (found.samples, found.depth, found.kernel, found.bandwidth, found.ridge) == (
                None,
                20,
                "laplace",
                2,
                0,
            )
            assert found.seeds == (0, 1, 2)
            if (found.features, found.agop_scale) == ("cosine", "max-entry"):
                assert found.gamma == (0.05 if found.data == "mnist" else 0.1)
                assert found.width == (784 if found.data == "mnist" else 3072)
        if isinstance(found, TrainSettings):
            assert (found.samples, found.width, found.fc_layers, found.conv_width) == (None, 512, 5, 1.0)
            assert (found.loss, found.optimizer, found.momentum, found.batch_size) == ("squared", "sgd", 0.0, 128)
            assert not found.bias
            assert found.seeds == (0, 1, 2)
            assert found.epochs >= 300
    assert {found.model for found in settings("paper", FIRST) if isinstance(found, TrainSettings)} == {
        "mlp",
        "resnet18",
        "vgg11",
    }
    assert {part.data for part in parts("paper", "deep-rfm-metrics")} == {"mnist", "cifar10", "svhn"}


def test_a_figure_that_makes_its_data_takes_no_other():
    figure = FIGURES["grokking"]
    assert figure.data_sets("quick") == ()
    with pytest.raises(InputError, match="no data set for grokking, got mnist"):
        figure.data_sets("quick", ("mnist",))
    for scale in SCALES:
        found = {type(part.settings) for part in parts(scale, "grokking")}
        assert found == {ModularSettings, ModularNetworkSettings}


@pytest.mark.parametrize("scale", SCALES)
def test_labels_are_shuffled_where_the_lines_say_so(scale):
    """And every other condition of the figure changes the training that is as it is."""
    found = {part.columns["condition"]: part.settings for part in parts(scale, "chance") if part.data == "digits"}
    for condition, changed in found.items():
        assert changed.permute_labels is ("shuffled" in condition)
        assert (changed == found["as it is"]) is (condition == "as it is")
