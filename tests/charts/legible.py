"""What makes a figure for print hard to read, found where it is drawn: letters, overlaps, edges, and hidden curves."""

from __future__ import annotations

from itertools import combinations

import numpy as np

LEAST_POINTS = 6.0
"""Size of the smallest letters at the width of a column."""


def faults(figure):
    """Everything that cannot be read, in words; nothing if all can."""
    figure.draw_without_rendering()
    return [*_small(figure), *_outside(figure), *_overlapping(figure), *_hidden(figure)]


def _texts(figure):
    """Texts that are drawn, those of ticks only within their axes."""
    for text in figure.findobj(lambda each: hasattr(each, "get_fontsize")):
        if text.get_text().strip() and text.get_visible():
            yield text


def _drawn_texts(figure):
    """Texts and the boxes that they take, in pixels; ticks beyond the ends of an axis are not drawn."""
    beyond = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for minor in (False, True):
                places, labels = axis.get_ticklocs(minor=minor), axis.get_ticklabels(minor=minor)
                span = abs(high - low) * 1e-9
                beyond |= {
                    id(label)
                    for place, label in zip(places, labels, strict=False)
                    if not axes.axison or not low - span <= place <= high + span
                }
                beyond |= {id(tick.label2) for tick in (axis.get_minor_ticks() if minor else axis.get_major_ticks())}
                beyond |= {id(label) for label in labels[len(places) :]}
    renderer = figure._get_renderer()
    return [(text, text.get_window_extent(renderer)) for text in _texts(figure) if id(text) not in beyond]


def _small(figure):
    return [
        f"{text.get_text()!r} has {text.get_fontsize():g} points"
        for text, _ in _drawn_texts(figure)
        if text.get_fontsize() < LEAST_POINTS
    ]


def _outside(figure):
    width, height = figure.bbox.width, figure.bbox.height
    return [
        f"{text.get_text()!r} is cut at the edge"
        for text, box in _drawn_texts(figure)
        if min(box.x0, box.y0) < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]


def _overlapping(figure):
    """Texts that lie on each other; slanted ones are parallel, and their boxes are larger than they are."""
    texts = [(text, box) for text, box in _drawn_texts(figure) if text.get_rotation() % 90 == 0]
    return [
        f"{a.get_text()!r} lies on {b.get_text()!r}"
        for (a, one), (b, other) in combinations(texts, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 1 and min(one.y1, other.y1) - max(one.y0, other.y0) > 1
    ]


def _hidden(figure):
    """Stretches of lines beyond their axes, without a triangle on the edge that says so."""
    found = []
    for axes in figure.axes:
        low, high = sorted(axes.get_ylim())
        drawn = [line for line in axes.lines if all(line.get_transform().contains_branch_seperately(axes.transData))]
        lines = [np.column_stack([np.asarray(line.get_xdata(), float), line.get_ydata()]) for line in drawn]
        marks = {"^": set(), "v": set()}
        for line, places in zip(drawn, lines, strict=True):
            marks.get(line.get_marker(), set()).update((line.get_color(), x) for x in places[:, 0])
        for line, places in zip(drawn, lines, strict=True):
            shown = places[np.isfinite(places).all(1)]
            for edge, beyond in (("^", shown[:, 1] > high), ("v", shown[:, 1] < low)):
                starts = np.flatnonzero(np.diff(beyond.astype(int), prepend=0) == 1)
                ends = np.flatnonzero(np.diff(beyond.astype(int), append=0) == -1)
                for start, end in zip(starts, ends, strict=True):
                    said = {(line.get_color(), x) for x in shown[start : end + 1, 0]} & marks[edge]
                    if not said:
                        found.append(f"a line of {axes.get_title()!r} is hidden from {shown[start]}")
            left, right = sorted(axes.get_xlim())
            if ((shown[:, 0] < left) | (shown[:, 0] > right)).any():
                found.append(f"a line of {axes.get_title()!r} is hidden at the side")
    return found
