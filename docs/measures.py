"""The directive ``measures``: a table of the measures of collapse, of ``classes`` or of a ``regression``."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from agop.collapse import MEASURES, REGRESSION_MEASURES

_TABLES = {"classes": MEASURES, "regression": REGRESSION_MEASURES}


class MeasureTable(SphinxDirective):
    """A row for each measure: label and name; definition and source."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the rows as a list-table and let Sphinx read it."""
        lines = [".. list-table::", "   :class: measures", "   :header-rows: 1", "   :widths: 32 68", ""]
        lines += ["   * - measure", "     - definition and source"]
        for name, measure in _TABLES[self.arguments[0]].items():
            definition = re.sub(r" \([^()]*\d{4}\)", "", measure.definition)
            lines += [f"   * - | {measure.label}", f"       | ``{name}``", f"     - {definition} *{measure.source}.*"]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("measures", MeasureTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
