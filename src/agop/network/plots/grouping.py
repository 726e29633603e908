"""Layers of networks with blocks as pages group and name them."""

from __future__ import annotations

from collections.abc import Sequence

from agop.network.record.blocks import ALONE, Blocks

__all__ = ["block_names", "choice_names", "grouped", "in_words", "layer_names", "stream", "stream_names", "told_names"]

_FEW, _PARALLEL = 8, 3
"""Layers, and kinds of them, above and from which blocks are told apart even where a screen could show every layer."""


def grouped(layers: Sequence[str]) -> Blocks | None:
    """Blocks of many layers, or of more than eight whose blocks have three kinds or more, which may lie in parallel.

    Examples
    --------
    >>> kinds = ("q", "k", "v", "o", "up", "down")
    >>> found = grouped([f"layers.{k}.{kind}" for k in range(4) for kind in kinds])
    >>> list(block_names(found).values()), stream(found)[:2]
    (['0', '1', '2', '3'], ['layers.0.q', 'layers.1.q'])
    >>> print(grouped([f"layers.{k}.{kind}" for k in range(8) for kind in ("up", "down")]))
    None
    """
    if blocks := Blocks.of(layers):
        return blocks
    blocks = Blocks.of(layers, more_than=_FEW)
    return blocks if blocks is not None and len(blocks.repeated) >= _PARALLEL else None


def block_names(blocks: Blocks) -> dict[str, str]:
    """Names of blocks without the parts that all numbered ones begin with; layers in no block keep their own."""
    numbered = [block for block in blocks.blocks if (block, ALONE) not in blocks.places.values()]
    cut = 0
    while all(block.count(".") > cut for block in numbered) and len({block.split(".")[cut] for block in numbered}) == 1:
        cut += 1
    return {
        block: ".".join(block.split(".")[cut:]) if block in numbered else short
        for block, short in blocks.blocks.items()
    }


def layer_names(layers: Sequence[str]) -> dict[str, str]:
    """Names of layers on axes: of networks with blocks, the block and the kind; others as they are.

    Examples
    --------
    >>> layer_names(["fc.1", "fc.2"])["fc.1"]
    'fc.1'
    """
    return _named(layers, "{block} {kind}")


def in_words(layer: str) -> str:
    """Name of a layer in a sentence, where a number by itself says nothing.

    Examples
    --------
    >>> in_words("fc.1"), in_words("2")
    ('fc.1', 'layer 2')
    """
    return f"layer {layer}" if layer.isdecimal() else layer


def told_names(layers: Sequence[str]) -> dict[str, str]:
    """Names of layers in a sentence.

    Examples
    --------
    >>> told_names(["0", "2"])
    {'0': 'layer 0', '2': 'layer 2'}
    """
    return {layer: in_words(name) for layer, name in choice_names(layers).items()}


def choice_names(layers: Sequence[str]) -> dict[str, str]:
    """Names of layers in a list of layers: of networks with blocks, the kind and the block; others as they are.

    Examples
    --------
    >>> list(choice_names([*(f"h.{k}.{kind}" for k in range(3) for kind in ("q", "k", "v")), "head"]).values())[-2:]
    ['v of block 2', 'head']
    """
    return _named(layers, "{kind} of block {block}")


def _named(layers: Sequence[str], pattern: str) -> dict[str, str]:
    """Names of layers, those in blocks by a pattern of block and kind; of networks without blocks as they are."""
    blocks = grouped(layers)
    if blocks is None:
        return {layer: layer for layer in layers}
    names = block_names(blocks)
    return {
        layer: names[block] if kind == ALONE else pattern.format(block=names[block], kind=blocks.kinds[kind])
        for layer, (block, kind) in blocks.places.items()
    }


def stream(blocks: Blocks) -> list[str]:
    """First layer of each block, which reads what the blocks before have made; the others lie in or beside it."""
    first: dict[str, str] = {}
    for layer, (block, _) in blocks.places.items():
        first.setdefault(block, layer)
    return list(first.values())


def stream_names(layers: Sequence[str]) -> dict[str, str]:
    """Layers at whose inputs the course over the network is told, with their names in a sentence.

    Examples
    --------
    >>> stream_names(["fc.1", "fc.2"])
    {'fc.1': 'fc.1', 'fc.2': 'fc.2'}
    >>> stream_names([*(f"h.{k}.{kind}" for k in range(3) for kind in ("q", "k", "v")), "head"])
    {'h.0.q': 'block 0', 'h.1.q': 'block 1', 'h.2.q': 'block 2', 'head': 'head'}
    """
    blocks = grouped(layers)
    if blocks is None:
        return {layer: in_words(layer) for layer in layers}
    names = block_names(blocks)
    alone = {block for block, kind in blocks.places.values() if kind == ALONE}
    found = {layer: blocks.places[layer][0] for layer in stream(blocks)}
    return {
        layer: in_words(names[block]) if block in alone else f"block {names[block]}" for layer, block in found.items()
    }
