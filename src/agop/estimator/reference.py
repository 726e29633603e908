"""Links from estimators, as notebooks show them, to the reference of this package."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, metadata

__all__ = ["ADDRESS", "ReferenceMixin"]

ADDRESS = "AGOP_DOCS"
"""Environment variable with the address of a built documentation, such as ``file:///home/me/agop/docs/_build``."""

_PAGE = "/api/{room}.html#{room}.{name}"


class ReferenceMixin:
    """An estimator whose diagram in a notebook links to its page in the reference.

    The address is that of the environment variable ``AGOP_DOCS``, or else the one that the installed package declares
    as its documentation; without either there is no link.

    Examples
    --------
    >>> import os
    >>> from agop import RFMRegressor
    >>> os.environ["AGOP_DOCS"] = "https://docs.example"
    >>> RFMRegressor()._get_doc_link()
    'https://docs.example/api/agop.rfm.html#agop.rfm.RFMRegressor'
    >>> del os.environ["AGOP_DOCS"]
    """

    _doc_link_module = "agop"

    @property
    def _doc_link_template(self) -> str:
        address = os.environ.get(ADDRESS) or _declared_address()
        return address.rstrip("/").replace("{", "{{").replace("}", "}}") + _PAGE if address else ""

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Room of the class, where it is documented, and its name."""
        return {"room": ".".join(type(self).__module__.split(".")[:2]), "name": type(self).__name__}


def _declared_address() -> str:
    """Address of the documentation in the metadata of the package, as ``[project.urls]`` has it; else empty."""
    try:
        declared = metadata("agop").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    pairs = (each.partition(",")[::2] for each in declared)
    return next((address.strip() for label, address in pairs if label.strip().lower() == "documentation"), "")
