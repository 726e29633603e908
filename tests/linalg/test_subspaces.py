"""Leading subspaces and principal angles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.linalg import leading_subspace, principal_angles


def random(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def test_angles_of_a_known_rotation():
    basis = torch.linalg.qr(random(6, 6)).Q
    angles = torch.tensor([0.7, 1e-9])
    turned = torch.stack([basis[:, i] * angles[i].cos() + basis[:, i + 2] * angles[i].sin() for i in range(2)], 1)
    found = principal_angles(basis[:, :2] @ random(2, 2, seed=1), turned @ random(2, 2, seed=2))
    np.testing.assert_allclose(found, angles, rtol=1e-6, atol=1e-14)


def test_angles_against_the_definition():
    """The largest one is the most that a vector of one span can be away from the other."""
    first, second = (torch.linalg.qr(random(5, 2, seed=seed)).Q for seed in (1, 2))
    turns = torch.linspace(0, torch.pi, 20001, dtype=torch.float64)
    vectors = first @ torch.stack([turns.cos(), turns.sin()])
    away = (second.mT @ vectors).norm(dim=0).clamp(max=1).arccos()
    found = principal_angles(first, second)
    np.testing.assert_allclose(found, [away.max(), away.min()], atol=1e-6)


def test_what_is_orthogonal_and_what_is_the_same():
    axes = torch.eye(4)
    assert principal_angles(axes[:, :2], axes[:, 2:]).tolist() == pytest.approx([torch.pi / 2] * 2)
    assert principal_angles(axes[:, :2], axes[:, :2].flip(1)).tolist() == pytest.approx([0, 0], abs=1e-12)
    assert len(principal_angles(axes[:, :1], axes[:, :3])) == 1


def test_leading_subspace():
    basis = torch.linalg.qr(random(5, 5)).Q
    matrix = (basis * torch.tensor([0.1, 4.0, 0.2, 9.0, 0.0])) @ basis.mT
    found = leading_subspace(matrix, 2)
    np.testing.assert_allclose(found.mT @ found, np.eye(2), atol=1e-12)
    np.testing.assert_allclose((found.mT @ basis[:, [3, 1]]).abs(), np.eye(2), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: leading_subspace(torch.ones(2, 3), 1), "a square matrix"),
        (lambda: leading_subspace(torch.eye(3), 4), "a dimension from 1 to 3, got 4"),
        (lambda: leading_subspace(torch.eye(3), 0), "a dimension from 1 to 3, got 0"),
        (lambda: principal_angles(torch.eye(3), torch.eye(2)), "two matrices"),
        (lambda: principal_angles(torch.eye(2), torch.full((2, 1), torch.nan)), "finite entries"),
    ],
)
def test_unusable_matrices(call, message):
    with pytest.raises(InputError, match=message):
        call()
