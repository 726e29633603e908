"""By how much a measure falls at each step from one layer of Deep RFM to the next, in plain words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from typing import Any, Self

from agop.charts.findings.changes import is_still
from agop.charts.findings.wording import SAME, listed, percent
from agop.runs import SeedSummary

__all__ = ["Steps"]

_STEPS = ("AGOP step", "random features", "normalisation")
"""What is done in a layer, up to the normalised input of the next."""


@dataclass(frozen=True)
class Steps:
    """Falls of a measure at the steps between two layers, which together make its fall from input to input.

    Attributes
    ----------
    layers
        Layers with all stages that have a next one; if there is none, those with all stages.
    falls
        By step, means over these layers of the falls of the logarithm; 0 where the measure hardly changes.
    unsure
        Steps whose fall or rise is inside the spread over several seeds.
    """

    layers: Sequence[int]
    falls: Mapping[str, float]
    unsure: Collection[str] = ()

    @classmethod
    def of(cls, found: Mapping[tuple[bool, str], Mapping[int, SeedSummary]]) -> Self | None:
        """Steps of summaries by control and stage and by layer; None if no layer has all stages."""
        stages = [found.get((False, stage), {}) for stage in ("input", "agop", "features")]
        whole = sorted(set.intersection(*map(set, stages)))
        layers = [layer for layer in whole if layer + 1 in stages[0]]
        ways = [[stage[layer] for stage in stages] for layer in layers or whole]
        for layer, way in zip(layers, ways, strict=False):
            way.append(stages[0][layer + 1])
        by_seed: dict[str, dict[Any, list[float]]] = defaultdict(lambda: defaultdict(list))
        for way in ways:
            courses = [dict(summary.values) for summary in way]
            for seed in set.intersection(*map(set, courses)):
                for step, (before, after) in zip(_STEPS, pairwise(courses), strict=False):
                    by_seed[step][seed].append(log(before[seed] / after[seed]))
        if not by_seed:
            return None
        drops = {
            step: SeedSummary.of({seed: sum(falls) / len(falls) for seed, falls in seeds.items()}, log=False)
            for step, seeds in by_seed.items()
        }
        falls = {step: 0.0 if is_still(drop) else drop.mean for step, drop in drops.items()}
        unsure = [step for step, drop in drops.items() if not is_still(drop) and not drop.is_beyond_spread]
        return cls(layers or whole, falls, unsure)

    def sentence(self, name: str) -> str:
        """By how much each step changes a measure, and which of them make it fall.

        Examples
        --------
        >>> print(Steps([1], {"AGOP step": log(4), "random features": 0.0}).sentence("NC1"))
        The AGOP step divides NC1 by 4 and the random features leave it as it is (layer 1): all of the fall is at the
        AGOP step.
        """
        texts: list[str] = []
        for step, fall in self.falls.items():
            what = "it" if texts else name
            if step in self.unsure:
                texts.append(f"the {step} {_change(step, fall, what)} in the mean")
            elif fall or step != _STEPS[-1]:
                texts.append(f"the {step} {_change(step, fall, what)}")
        several = len(self.layers) > 1
        layers = f"layers {self.layers[0]} to {self.layers[-1]}" if several else f"layer {self.layers[0]}"
        over = f"geometric means over {layers}" if several else layers
        text = listed(texts)
        return f"{text[0].upper()}{text[1:]} ({over}): {self.cause()}."

    def cause(self) -> str:
        """Which steps make the measure fall, and which undo it.

        Examples
        --------
        >>> Steps([1], {"AGOP step": 2.0, "random features": -0.5}).cause()
        'all of the fall is at the AGOP step, and the random features undo 25 % of it'
        """
        lower = {step: fall for step, fall in self.falls.items() if fall > 0}
        raising = {step: -fall for step, fall in self.falls.items() if fall < 0}
        fall, rise = sum(lower.values()), sum(raising.values())
        if not lower:
            return "no step makes it fall"
        if not set(lower).difference(self.unsure):
            return "no step makes it fall by more than the spread over seeds"
        unsure = f" ({listed(list(self.unsure))}: no more than the spread over seeds)" if self.unsure else ""
        if rise > fall - log(SAME):
            more = " and more" if rise > fall + log(SAME) else ""
            text = f"what it falls by at the {listed(list(lower))} it rises by at the {listed(list(raising))}{more}"
            return text + unsure
        (first, part), *others = lower.items()
        shares = [f"{percent(part / fall) if others else 'all'} of the fall is at the {first}"]
        shares += [f"{percent(part / fall)} at the {step}" for step, part in others]
        undone = [f"the {step} {percent(part / fall)}" for step, part in raising.items()]
        if undone:
            (first, part), *_ = raising.items()
            undone[0] = f"the {first} {'undo' if first.endswith('s') else 'undoes'} {percent(part / fall)} of it"
        return ", and ".join(filter(None, [listed(shares), listed(undone)])) + unsure


def _change(step: str, fall: float, what: str) -> str:
    """Verb and by how much."""
    several = step.endswith("s")
    if not fall:
        return f"{'leave' if several else 'leaves'} {what} as it is"
    verbs = ("divide", "divides") if fall > 0 else ("multiply", "multiplies")
    return f"{verbs[not several]} {what} by {exp(abs(fall)):.3g}"
