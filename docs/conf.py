"""How the documentation is built: strictly, from the docstrings, without a network."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import agop

sys.path.insert(0, str(Path(__file__).parent))

project = "agop"
author = "The agop developers"
copyright = author
release = version = agop.__version__

extensions = [
    "pictures",
    "mathml",
    "measures",
    "shown",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_gallery", "examples"]
default_role = "code"

html_theme = "furo"
html_title = f"agop {release}"
html_math_renderer = "mathml"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_extra_path = ["_gallery/pages"]

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_type_aliases = {"ArrayLike": "ArrayLike", "GlobalMean": "GlobalMean"}
autodoc_typehints_format = "short"
napoleon_custom_sections = [("Attributes", "params_style")]
napoleon_google_docstring = False
python_maximum_signature_line_length = 88

# What a cell of a notebook shows is HTML, plots included: no figures are to be looked for.
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "notebooks",
    "filename_pattern": "",
    "image_scrapers": (),
    "reset_modules": (),
    "abort_on_example_error": True,
    "write_computation_times": False,
    "min_reported_time": 3600,
}
os.environ["AGOP_DOCS"] = ".."  # links of estimators, from the folder of the notebooks

# Named, not linked: objects of other projects, whose inventories would have to be fetched, and of modules inside a
# package, which are documented only where the package exports them.
nitpick_ignore_regex = [
    (r"py:class", r"agop(\.\w+){3,}|agop\.\w+\.T"),
    (r"py:.*", r"(abc|collections|concurrent|datetime|functools|os|pathlib|typing)\..*"),
    (r"py:.*", r"(filelock|lightning|matplotlib|np|numpy|pandas|plotly)\..*"),
    (r"py:.*", r"(rich|scipy|sklearn|torch|torchmetrics|typer)\..*"),
    (r"py:.*", r"Any|ArrayLike|Callable|GlobalMean|JSON|Iterable|Iterator|Mapping|Path|Self|Sequence|Tensor"),
    (r"py:.*", r"Coding|Loss"),
    (r"py:class", r"TypeAliasForwardRef|BaseEstimator"),
    (r"py:class", r"(dict|tuple)\[[^\]]*"),  # types of fields without a text are cut at their commas
    (r"py:(class|data|exc|obj)", r"[a-z]+|[A-Z]\w*(Error|Warning)"),
]


def _leave_out_routing_setters(*event: Any) -> bool | None:
    """Leave out the ``set_..._request`` methods that scikit-learn adds to every estimator."""
    name = event[2]
    return True if re.fullmatch(r"set_\w+_request", name) else None


def _keep_colons(*event: Any) -> None:
    """Begin attributes with an empty comment: napoleon reads a first line ``a: b`` as type and text."""
    what, lines = event[1], event[5]
    if what in {"attribute", "data", "property"}:
        lines[:0] = ["..", ""]


def setup(app: Sphinx) -> None:
    """Connect what the settings above cannot say."""
    app.connect("autodoc-skip-member", _leave_out_routing_setters)
    app.connect("autodoc-process-docstring", _keep_colons, priority=400)
