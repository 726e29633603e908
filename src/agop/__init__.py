"""Average gradient outer product: what a model learned, and why its classes collapse.

The average gradient outer product (AGOP) of a predictor f with Jacobian J at the samples x_1 .. x_n is
(1/n) sum_i J(x_i)^T J(x_i). It says which directions of the input f depends on. The package measures it,
measures neural collapse, and builds kernel machines that learn features through it.

Here are the names that most people need; all others are in the modules: ``agop.collapse.nc1_pinv``.
"""

from __future__ import annotations

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in __init__.pyi
