"""Class-sorted Gram matrices of Deep RFM, layer by layer; quick: the runs of deep-rfm-metrics, else about 10 s."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from agop.charts.chart import Choice, Picture, Pictures
from agop.deep_rfm.pictures import GRAMS
from agop.paper.deep_rfm_parts import deep_rfm_part
from agop.paper.figure import Figure, Part, Verdict
from agop.paper.scales import Scale
from agop.runs import Run

__all__ = ["FIGURE", "block_means"]

_N_CLASSES = 10
"""Classes of every data set of these figures."""


def block_means(gram: Tensor, n_classes: int) -> tuple[float, float]:
    """Mean cosine within a class, without the diagonal, and across classes.

    Parameters
    ----------
    gram
        (m, m), samples sorted by class, equally many of each.
    n_classes
        Number of classes C.

    Examples
    --------
    >>> block_means(torch.tensor([[1.0, 0.5, 0.0, 0.0], [0.5, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5],
    ...                           [0.0, 0.0, 0.5, 1.0]]), 2)
    (0.5, 0.0)
    """
    gram = gram.double()
    per_class = len(gram) // n_classes
    codes = torch.arange(len(gram)) // per_class
    same = codes[:, None] == codes
    off_diagonal = ~torch.eye(len(gram), dtype=torch.bool)
    return gram[same & off_diagonal].mean().item(), gram[~same].mean().item()


def _parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    return [deep_rfm_part(scale, name, "relu", device) for name in data]


def _verdicts(run: Run) -> list[Verdict]:
    tensors = run.load_tensors()
    verdicts = []
    for part in [entry["name"] for entry in run.info()["parts"]]:
        pattern = re.compile(rf"{re.escape(part)}/(agop|control)/seed\d+/layer(\d+)/gram/input")
        found = {(m[1], int(m[2])): name for name in tensors if (m := pattern.fullmatch(name))}
        last = max(layer for _, layer in found)
        first, end, control = (
            block_means(tensors[found[key]], _N_CLASSES) for key in (("agop", 1), ("agop", last), ("control", last))
        )
        verdicts.append(_blocks(part.removeprefix("deep-rfm-").replace("-", ", "), last, first, end, control))
    return verdicts


def _blocks(
    name: str, last: int, first: tuple[float, float], end: tuple[float, float], control: tuple[float, float]
) -> Verdict:
    frame = -1 / (_N_CLASSES - 1)
    return Verdict(
        f"{name}: Gram matrices of the layer inputs come to have the blocks of a simplex frame, and not in the control",
        {
            "layers": last,
            "within": end[0],
            "across": end[1],
            "first_within": first[0],
            "first_across": first[1],
            "control_within": control[0],
            "control_across": control[1],
            "frame_across": frame,
        },
        max(first[0], control[0]) < 0.9 < end[0] and abs(end[1] - frame) < 0.03,
    )


def _chart(run: Run) -> Choice:
    """Matrices of the layer inputs before and after the root of the AGOP, and of the control, by layer."""
    found: dict[str, dict[str, Picture]] = {}
    for name, tensor in run.load_tensors().items():
        if match := re.fullmatch(r"deep-rfm-(.+)-relu/(agop|control)/seed\d+/layer(\d+)/gram/(\w+)", name):
            title = GRAMS.get((match[2], match[4]))
            if title is not None:
                title = f"{match[1]}, {title}"
                found.setdefault(match[3].lstrip("0"), {})[title] = Picture(title, tensor.double().numpy())
    titles = [f"{data}, {title}" for data in run.info()["settings"]["data"] for title in GRAMS.values()]
    layers = sorted(found, key=int)
    return Choice("layer", {layer: Pictures([found[layer][title] for title in titles], "cosine") for layer in layers})


FIGURE = Figure(
    name="deep-rfm-gram",
    claim=(
        "The Gram matrix of Deep RFM's centered, normalized features becomes, from layer to layer, that of a simplex "
        "frame: 1 within a class and -1/(C-1) across."
    ),
    budget=30,
    parts=_parts,
    verdicts=_verdicts,
    chart=_chart,
    measures=("seed", "control", "layer", "stage", "nc1_trace_ratio", "nc2_gram_mse"),
    tensors=r"(agop|control)/seed\d+/layer(01|03|07|12|13|19|20)/gram/(input|agop)",
    caption=(
        "Cosines between centered features, from -1 (blue) to 1 (red), samples sorted by class; first seed. Blocks on "
        "the diagonal are collapsed classes."
    ),
)
