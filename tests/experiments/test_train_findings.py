"""What is said about a training, from lines whose answers are known."""

from __future__ import annotations

import pytest

from agop.experiments.train_findings import summarise_layers, training_findings


def line(seed, epoch, layer, stage, nc1, **columns):
    scores = {"loss": 0.5, "train_accuracy": 0.9, "test_accuracy": 0.25 * (1 + seed)}
    return {"seed": seed, "epoch": epoch, **scores, "layer": layer, "stage": stage, "nc1_trace_ratio": nc1, **columns}


LINES = [
    line(0, 0, "fc.1", "input", 900.0, share=0.9, nfa_pearson_root=0.9),
    line(0, 4, "fc.1", "input", 1.0, share=0.75, nfa_pearson_root=0.5),
    line(0, 4, "fc.1", "linear", 0.5),
    line(0, 4, "fc.1", "output", None),
    line(0, 4, "fc.output", "input", 0.25, share=None),
    line(1, 6, "fc.1", "input", 4.0, share=0.25, nfa_pearson_root=0.7),
    line(1, 6, "fc.1", "linear", 0.02),
    line(1, 6, "fc.1", "output", 0.125),
    line(1, 6, "fc.output", "input", 0.01, share=0.4),
]


def test_summaries_are_of_the_last_measurement_of_each_seed():
    first, output = summarise_layers(LINES)
    assert (first.layer, output.layer) == ("fc.1", "fc.output")
    assert first.nc1_input.mean == pytest.approx(2.0)
    assert first.nc1_linear.mean == pytest.approx(0.1)
    assert (first.nc1_output.mean, first.nc1_output.n_seeds) == (pytest.approx(0.125), 1)
    assert (first.share.mean, first.nfa_root.mean) == (pytest.approx(0.5), pytest.approx(0.6))
    assert (output.share.mean, output.nc1_linear, output.nfa_root) == (pytest.approx(0.4), None, None)


def test_sentences():
    assert training_findings(LINES) == [
        "After 4 to 6 epochs: training loss 0.5, training accuracy 0.900, test accuracy 0.375 (means over 2 seeds).",
        "NC1 of the layer inputs falls from 2 at fc.1 to 0.05 at fc.output.",
        "The linear map takes more than half of the fall of NC1 in 0 of the 2 layers in which NC1 falls up to the "
        "nonlinearity (shares fc.1 0.50, fc.output 0.40).",
        "Correlation of W^T W with the root of the AGOP: fc.1 0.60.",
    ]


def test_a_rise_and_no_values():
    rising = [line(0, 1, "fc.1", "input", 1.0), line(0, 1, "fc.2", "input", 3.0)]
    assert training_findings(rising)[1:] == ["NC1 of the layer inputs rises from 1 at fc.1 to 3 at fc.2."]
    assert training_findings([line(0, 1, "fc.1", "input", None)])[1:] == ["No layer has a positive, finite NC1."]
    assert training_findings([]) == ["No layer has a positive, finite NC1."]
