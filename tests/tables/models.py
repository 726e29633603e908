"""Made-up models of tables, whose numbers are counted by hand."""

from __future__ import annotations

import numpy as np

from agop.tables import Explanation
from agop.tables.result import TableResult

COLUMNS = ("noise", "age", "town", "mass")
FEATURES = ("noise", "age", "town=Bonn", "town=Ulm", "mass")
COUPLING = np.array([[1, 0.1, 0, 0.25], [0.1, 1, 0.5, 0.3], [0, 0.5, 1, 0.2], [0.25, 0.3, 0.2, 1]])
EXPLANATION = Explanation(
    columns=COLUMNS,
    effects=np.array([0.0, 0.3, 0.1, 0.45]),
    errors=np.array([0.001, 0.02, 0.01, 0.03]),
    steepness=np.array([0.005, 0.5, 0.095, 0.4]),
    features=FEATURES,
    directions=np.array([[0.0, 0.8, 0.1, -0.1, -0.6], [0.0, 0.6, 0.0, 0.0, 0.8]]),
    shares=np.array([0.625, 0.25]),
    coupling=COUPLING,
    interactions=(
        ("age", "mass", 0.062, 0.004),
        ("town", "mass", 0.021, 0.003),
        ("age", "town", 0.0, 0.001),
    ),
)


def folds(*errors, baseline=4.0, measure="RMSE"):
    return [
        {"fold": k, "measure": measure, "error": error, "baseline": baseline, "n_rows": 10}
        for k, error in enumerate(errors, start=1)
    ]


def result(name="model", explanation=EXPLANATION, lines=(), settings=None, **info):
    return TableResult(name, {"settings": settings or {}, **info}, explanation, lines)


def plain(effects, names=None, errors=0.001):
    """Columns of one feature each, steep in the opposite order of their effects."""
    p = len(effects)
    names = names or tuple(f"x{index}" for index in range(p))
    steepness = np.arange(p, 0.0, -1.0) / (p * (p + 1) / 2)
    return Explanation(
        columns=names,
        effects=np.array(effects, dtype=float),
        errors=np.full(p, errors),
        steepness=steepness,
        features=names,
        directions=np.eye(p)[:2],
        shares=np.array([0.5, 0.25])[:p],
        coupling=np.eye(p),
    )


def wide(p=30):
    """Effects 0.01, 0.02, ... in the order of the columns."""
    return plain(np.arange(1.0, p + 1) / 100)
