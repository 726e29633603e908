"""Formulas as MathML, which browsers draw themselves: the pages need no script and no network."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


_NORM = re.compile(
    r"((?<!\\left)\\lVert(?:(?!\\[lr]Vert).)*(?<!\\right)\\rVert"
    r"|(?<!\\left)(?<!\\right)\\\|(?:(?!\\\|).)*(?<!\\left)(?<!\\right)\\\|)",
    re.DOTALL,
)
"""A norm without size commands: as one group, what stands at its end is set to all of it and not to its last bar."""


def _converted(node: nodes.Element, *, as_block: bool) -> str:
    try:
        return str(tex2mathml(_NORM.sub(r"{\1}", node.astext()), as_block=as_block))
    except MathError as error:
        logger.warning("formula %r cannot be set: %s", node.astext(), error, location=node)
        return ""


def _visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(_converted(node, as_block=False))
    raise nodes.SkipNode


def _visit_math_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(_converted(node, as_block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer under the name ``mathml``."""
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
