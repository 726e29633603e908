"""Layers of deep networks by block and kind, from their names alone."""

from __future__ import annotations

import pytest

from agop.network.record.blocks import Blocks, shortest_ends

LLAMA = [
    *(
        f"model.layers.{k}.{kind}"
        for k in range(30)
        for kind in (
            *(f"self_attn.{each}_proj" for each in "qkvo"),
            *(f"mlp.{each}_proj" for each in ("gate", "up", "down")),
        )
    ),
    "lm_head",
]
RESNET_50 = [
    "conv1",
    *(
        f"layer{stage}.{k}.{kind}"
        for stage, depth in ((1, 3), (2, 4), (3, 6), (4, 3))
        for k in range(depth)
        for kind in ("conv1", "conv2", "conv3", *["downsample.0"] * (k == 0))
    ),
    "fc",
]
SWIN = [
    f"layers.{stage}.{kind}"
    for stage, depth in enumerate((2, 2, 6, 2))
    for kind in (
        *(f"blocks.{k}.{part}" for k in range(depth) for part in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")),
        *["downsample.reduction"] * (stage < 3),
    )
]
EXPERTS = [
    f"layers.{k}.{kind}"
    for k in range(8)
    for kind in ("attn.qkv", *(f"mlp.experts.{e}.w{w}" for e in range(4) for w in (1, 2)))
]


def test_transformer():
    found = Blocks.of(LLAMA)
    assert list(found.blocks.values()) == [*(f"layers.{k}" for k in range(30)), "lm_head"]
    assert " ".join(found.kinds.values()) == "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj other"
    assert found.places["model.layers.12.self_attn.q_proj"] == ("model.layers.12", "self_attn.q_proj")
    assert found.depth("mlp.up_proj") == [f"model.layers.{k}.mlp.up_proj" for k in range(30)]
    assert "other" not in found.repeated
    assert len(found.repeated) == 7


def test_blocks_in_stages():
    found = Blocks.of(RESNET_50)
    assert list(found.blocks)[:5] == ["conv1", "layer1.0", "layer1.1", "layer1.2", "layer2.0"]
    assert list(found.kinds) == ["other", "conv1", "conv2", "conv3", "downsample.0"]
    found = Blocks.of(SWIN)
    assert found.places["layers.2.blocks.5.mlp.fc1"] == ("layers.2.blocks.5", "mlp.fc1")


def test_numbers_in_a_block_that_are_parts_of_it():
    found = Blocks.of(EXPERTS)
    assert found.places["layers.3.mlp.experts.2.w1"] == ("layers.3", "mlp.experts.2.w1")
    assert (len(found.blocks), len(found.kinds)) == (8, 9)


@pytest.mark.parametrize("names", [LLAMA, RESNET_50, SWIN, EXPERTS], ids=["llama", "resnet", "swin", "experts"])
def test_every_layer_has_one_place_of_its_own(names):
    places = Blocks.of(names).places
    assert list(places) == names
    assert len(set(places.values())) == len(names)


@pytest.mark.parametrize(
    "names",
    [
        LLAMA[:32],  # few
        [str(2 * k) for k in range(40)],  # a plain stack
        [f"fc.{k}" for k in range(40)],
        [f"blocks.{k}.fc" for k in range(40)],  # one layer a block
        [f"block.{k}.{k}{part}" for k in range(30) for part in "ab"],  # no two blocks alike
        [f"{a}.{b}" for a in "abcdefgh" for b in "stuvwxyz"],  # no numbers
    ],
    ids=["few", "stack", "list", "one-a-block", "unlike", "no-numbers"],
)
def test_layers_that_are_in_no_blocks(names):
    assert Blocks.of(names) is None


def test_short_names_tell_apart():
    assert shortest_ends(["encoder.attn.q", "decoder.attn.q"]) == {
        "encoder.attn.q": "encoder.attn.q",
        "decoder.attn.q": "decoder.attn.q",
    }
    bert = ["attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense"]
    assert list(shortest_ends(bert).values()) == ["query", *bert[1:]]
    assert shortest_ends([]) == {}
