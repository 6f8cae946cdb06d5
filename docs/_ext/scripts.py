"""The directive that shows the whole script of a guide, and the files that it offers: see `whole_scripts`."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from whole_scripts import notebook, script, slugs


class WholeScript(SphinxDirective):
    """The script of a guide, folded, and both files to download; the content is what the fold is called."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        slug, path = self.arguments[0], f"/reference/scripts/{self.arguments[0]}"
        title = " ".join(self.content)
        text = f":::{{dropdown}} {title}\n```{{literalinclude}} {path}.py\n```\n:::\n\n"
        text += f"{{download}}`{slug}.py <{path}.py>` · {{download}}`{slug}.ipynb <{path}.ipynb>`\n"
        return self.parse_text_to_nodes(text)


def write(app: Sphinx) -> None:
    """All scripts and notebooks, before the sources are read."""
    folder = pathlib.Path(app.srcdir) / "reference" / "scripts"
    folder.mkdir(parents=True, exist_ok=True)
    for slug in slugs():
        for name, text in (
            (f"{slug}.py", script(slug)),
            (f"{slug}.ipynb", json.dumps(notebook(slug), indent=1) + "\n"),
        ):
            if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
                (folder / name).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """The directive `whole-script`, and what it shows."""
    app.add_directive("whole-script", WholeScript)
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
