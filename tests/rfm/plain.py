"""The recursion as the papers have it, for tests of what does not depend on what the estimators choose themselves."""

from __future__ import annotations

import agop
from agop.solvers import Cholesky

PLAIN = {"ridge": 1e-3, "diagonal": False, "selection": None, "solver": Cholesky()}


def RFMRegressor(kernel=None, **settings):
    kernel = agop.Laplace(10.0) if kernel is None else kernel
    return agop.RFMRegressor(kernel, **{**PLAIN, "fit_intercept": False, **settings})


def RFMClassifier(kernel=None, **settings):
    kernel = agop.Laplace(10.0) if kernel is None else kernel
    return agop.RFMClassifier(kernel, **{**PLAIN, **settings})
