"""Blocks of a deep network, found in the names of its layers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["ALONE", "Blocks", "shortest_ends"]

_MANY = 32
"""Layers that a screen shows one by one; more are grouped."""

ALONE = "other"
"""Kind of layers that are in no block, such as the head."""

_NUMBERED = re.compile(r"\d+$")


@dataclass(frozen=True)
class Blocks:
    """Layers by their block, such as "model.layers.12", and their kind in it, such as "self_attn.q_proj".

    Attributes
    ----------
    places
        Block and kind of each layer. A layer in no block, such as the head, is a block of its own.
    blocks
        Short name of each block, in the order of calls.
    kinds
        Short name of each kind, in the order of calls.

    Examples
    --------
    >>> found = Blocks.of([f"model.layers.{k}.mlp.{kind}" for k in range(20) for kind in ("up", "down")] + ["head"])
    >>> found.places["model.layers.7.mlp.up"], found.places["head"]
    (('model.layers.7', 'mlp.up'), ('head', 'other'))
    >>> list(found.blocks.values())[-2:], list(found.kinds.values())
    (['layers.19', 'head'], ['up', 'down', 'other'])
    """

    places: Mapping[str, tuple[str, str]]
    blocks: Mapping[str, str]
    kinds: Mapping[str, str]

    @classmethod
    def of(cls, names: Sequence[str], more_than: int = _MANY) -> Blocks | None:
        """Blocks of layers, from the number in a name that repeats with the same endings.

        Of several numbers in a name that can be of the block, as in "layers.1.blocks.3.fc", that one counts by which
        the table of blocks and kinds has the fewest empty cells.

        Parameters
        ----------
        names
            Names of the layers, in the order of their calls.
        more_than
            Least number of layers, less one, that are grouped.

        Returns
        -------
        Blocks or None
            None if there are no more layers than that, no two blocks have the same kinds, or the blocks have less than
            two layers on average.
        """
        if len(names) <= more_than:
            return None
        tables = [_placed(names, which) for which in (0, -1)]
        places = max(tables, key=_filled)
        kinds: dict[str, list[str]] = {}
        for block, kind in places.values():
            kinds.setdefault(block, []).append(kind)
        found = [frozenset(of_block) for of_block in kinds.values() if of_block != [ALONE]]
        if len(set(found)) == len(found) or sum(map(len, found)) < 2 * len(found):
            return None
        shown = dict.fromkeys(kind for _, kind in places.values())
        return cls(places, shortest_ends(kinds, least=2), shortest_ends(shown))

    def depth(self, kind: str) -> list[str]:
        """Layers of a kind, in the order of their blocks."""
        return [name for name, (_, found) in self.places.items() if found == kind]

    @property
    def repeated(self) -> list[str]:
        """Kinds that are in two blocks or more."""
        return [kind for kind in self.kinds if kind != ALONE and len(self.depth(kind)) > 1]


def shortest_ends(names: Iterable[str], least: int = 1) -> dict[str, str]:
    """Shortest end of each of the dotted names that none of the others has, of at least so many parts.

    Examples
    --------
    >>> shortest_ends(["attn.q", "attn.out.dense", "out.dense"])
    {'attn.q': 'q', 'attn.out.dense': 'attn.out.dense', 'out.dense': 'out.dense'}
    """
    names = list(names)
    used = Counter(end for name in names for end in _ends(name, 1))
    return {name: next((end for end in _ends(name, least) if used[end] == 1), name) for name in names}


def _ends(name: str, least: int) -> list[str]:
    """Ends of a dotted name, the shortest first."""
    parts = name.split(".")
    return [".".join(parts[-length:]) for length in range(least, len(parts) + 1)]


def _placed(names: Iterable[str], which: int) -> dict[str, tuple[str, str]]:
    """Block and kind of each layer, by the first (0) or the last (-1) number in its name that has an ending."""
    places = {}
    for name in names:
        parts = name.split(".")
        numbered = [place for place, part in enumerate(parts[:-1]) if _NUMBERED.search(part)]
        if numbered:
            cut = numbered[which] + 1
            places[name] = ".".join(parts[:cut]), ".".join(parts[cut:])
        else:
            places[name] = name, ALONE
    return places


def _filled(places: Mapping[str, tuple[str, str]]) -> float:
    """Share of the cells of the table of blocks and kinds that have a layer."""
    blocks, kinds = ({place[side] for place in places.values()} for side in (0, 1))
    return len(places) / (len(blocks) * len(kinds))
