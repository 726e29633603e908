"""The directive ``shown``: the picture of a plot that the examples above it on the page have made."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from doctest import DocTestParser
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

FOLDER = Path(__file__).parent / "_pictures"


class Shown(SphinxDirective):
    """A figure, drawn by what the argument gives where the examples above have run; its content is the caption."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Run the examples, draw the picture and let Sphinx read the figure."""
        page = Path(self.env.doc2path(self.env.docname))
        above = page.read_text(encoding="utf-8").splitlines()[: self.lineno - 1]
        picture = f"{self.env.docname.replace('/', '-')}-{self.lineno}.svg"
        FOLDER.mkdir(exist_ok=True)
        eval(self.arguments[0], names_after("\n".join(above))).save(FOLDER / picture)  # noqa: S307
        caption = [f"   {line}" for line in self.content]
        return self.parse_text_to_nodes(
            "\n".join([f".. figure:: /_pictures/{picture}", f"   :alt: {self.options['alt']}", "", *caption])
        )


def names_after(text: str) -> dict[str, Any]:
    """Names that the examples of a text define; those that show an error are left out."""
    names: dict[str, Any] = {}
    for example in DocTestParser().get_examples(text):
        if example.exc_msg is None:
            with redirect_stdout(io.StringIO()):
                exec(example.source, names)  # noqa: S102
    return names


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("shown", Shown)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
