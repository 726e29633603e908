"""Kernels by name, as in scikit-learn's ``SVR(kernel="rbf")``."""

from __future__ import annotations

from typing import Any

from agop.errors import InputError
from agop.kernels.kernel import Kernel
from agop.kernels.product import ProductLaplace
from agop.kernels.radial import Gaussian, GeneralizedGaussian, Laplace

__all__ = ["KERNELS", "named"]

KERNELS: dict[str, type[Kernel]] = {
    "laplace": Laplace,
    "gaussian": Gaussian,
    "generalized-gaussian": GeneralizedGaussian,
    "product-laplace": ProductLaplace,
}
"""Classes of kernels by name."""


def named(name: str, **parameters: Any) -> Kernel:
    """Kernel of a name in ``KERNELS``, with its hyper-parameters.

    Raises
    ------
    InputError
        If there is no kernel of that name.

    Examples
    --------
    >>> named("gaussian", bandwidth=2.0)
    Gaussian(bandwidth=2.0)
    """
    if name not in KERNELS:
        raise InputError(f"kernel to be one of {', '.join(KERNELS)}", repr(name), "Choose one of them.")
    return KERNELS[name](**parameters)
