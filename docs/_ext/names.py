"""The role of a name in single backticks, as the docstrings write them: public names of polyloss become links.

``focal_loss``, ``polyloss.focal_loss`` and ``training.Validate`` lead to their pages; parameters and names of
other packages stay code. A name that looks like one of polyloss and is none stops the build.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

import polyloss

MODULES = ("training", "replica")
"""Public modules, whose names are public."""
PUBLIC = {name: f"polyloss.{name}" for name in polyloss.__all__ if name not in ("__version__", *MODULES)}
PUBLIC |= {name: f"polyloss.{module}.{name}" for module in MODULES for name in getattr(polyloss, module).__all__}
CLASSES = {name for kind in ("loss", "adversarial", "penalty") for name in polyloss.catalogue(kind)}
OURS = re.compile(r"polyloss\.|[A-Za-z]\w*(_loss|Loss|Penalty)$")
"""What must be a name of ours."""
NOT_OURS = {"add_loss", "polyloss", "Loss", *(f"polyloss.{module}" for module in MODULES)}
"""Though it looks like one: of Keras, too general, and modules, which have no page of their own."""
NOT_OURS |= {
    p for kind in ("loss", "adversarial", "penalty") for c in polyloss.catalogue(kind).values() for p in c._own
}

log = logging.getLogger(__name__)


def target(text: str) -> str | None:
    """The full name of what `text` names, if it is public."""
    name = re.sub(r"\(.*\)$", "", text)
    full = PUBLIC.get(_short(name))
    if full is not None:
        return full
    owner, _, member = name.rpartition(".")
    found = PUBLIC.get(_short(owner))
    return f"{found}.{member}" if found else None


def _short(name: str) -> str:
    """Without the package and without the public module, `polyloss.training.Validate` say."""
    return re.sub(rf"^({'|'.join(MODULES)})\.", "", name.removeprefix("polyloss."))


def role(name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = ()) -> Any:
    """A link, or code."""
    shown = nodes.literal(rawtext, text, classes=["xref", "py"])
    full = target(text)
    if full is None:
        if OURS.match(text) and "=" not in text and text not in NOT_OURS:
            where = (inliner.document.current_source, lineno)
            log.warning("%r is no public name of polyloss", text, location=where)
        return [nodes.literal(rawtext, text)], []
    reference = pending_xref(
        rawtext, shown, refdomain="py", reftype="obj", reftarget=full, refexplicit=True, refwarn=True
    )
    reference.source, reference.line = inliner.document.current_source, lineno
    return [reference], []


class Names(SphinxPostTransform):
    """In Markdown, code that is nothing but a public name leads to it as well; headings stay as they are."""

    default_priority = 5  # before references are resolved

    def run(self, **kwargs: Any) -> None:
        """Wrap each such literal in a reference."""
        for literal in list(self.document.findall(nodes.literal)):
            plain = isinstance(literal.parent, nodes.TextElement) and not isinstance(
                literal.parent, (nodes.reference, nodes.title, pending_xref)
            )
            sure = OURS.match(literal.astext()) or literal.astext() in CLASSES  # not `gradient`, which may be any
            full = target(literal.astext()) if plain and sure and not literal["classes"] else None
            if full is None:
                continue
            reference = pending_xref("", refdomain="py", reftype="obj", reftarget=full, refexplicit=True, refwarn=False)
            reference["refdoc"] = self.env.current_document.docname
            literal.replace_self(reference)
            reference += literal


def setup(app: Sphinx) -> dict[str, Any]:
    """`default_role = "name"`."""
    app.add_role("name", role)
    app.add_post_transform(Names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
