"""Targets of two directions, and when the recursion has them."""

from __future__ import annotations

import numpy as np
import torch

from agop.paper.multi_index import MultiIndex, MultiIndexSettings, multi_index_lines


def test_the_target_is_a_function_of_two_directions():
    drawn = MultiIndex.draw(20000, 12, 3)
    assert set(drawn.inputs.unique().tolist()) == {-1.0, 1.0}
    np.testing.assert_allclose(drawn.directions.mT @ drawn.directions, np.eye(2), atol=1e-12)
    z = (drawn.inputs @ drawn.directions).numpy()
    low = (z[:, 0] ** 2 - z[:, 1] ** 2) / 2
    high = (z[:, 0] ** 3 - 3 * z[:, 0]) * z[:, 1] / np.sqrt(6)
    np.testing.assert_allclose(drawn.targets[:, 0], (low + high) / np.sqrt(2), atol=1e-12)
    assert 1 / 3 < np.var(low) < 3  # signs are not normal numbers, of which both have variance 1
    assert 1 / 3 < np.var(high) < 3


def test_fewer_rows_are_the_first_of_more():
    drawn = MultiIndex.draw(10, 5, 0)
    assert torch.equal(drawn.part(slice(4)).inputs, drawn.inputs[:4])
    assert torch.equal(drawn.part(slice(4)).directions, drawn.directions)


def test_directions_are_found_before_the_target_is_predicted():
    heard = []
    lines = list(multi_index_lines(MultiIndexSettings(16, (40, 1000), 3, 5, test_rows=300), heard.append))
    assert heard == ["40 rows", "1000 rows"]
    assert [(line["rows"], line["iteration"], line["shuffled"]) for line in lines[:5]] == [
        (40, 0, False),
        (40, 1, False),
        (40, 2, False),
        (40, 3, False),
        (40, 0, True),
    ]
    *_, first, _, _, last, shuffled = lines
    assert first["angle"] < 45 < shuffled["angle"]
    assert last["test_error"] < 0.1 < first["test_error"]
    assert shuffled["test_error"] > 0.9
