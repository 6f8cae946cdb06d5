"""Formulas as SVG at build time, in pure Python: no LaTeX, no script in the page, nothing fetched.

ziamath sets a formula in STIX Two Math, as paths in the colour of the text around it. A formula that cannot
be set stops the build.
"""

from __future__ import annotations

import functools
import re
from typing import Any
from xml.etree import ElementTree

import ziamath
from docutils import nodes
from latex2mathml import exceptions
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from ziamath.tex import tex2mml

SIZE = 20.0
"""Pixels of an em while a formula is set; the page scales it to its own."""

UNREADABLE = (StopIteration, LookupError, *(e for e in vars(exceptions).values() if isinstance(e, type)))
"""What the converter raises; its errors have no common base."""

ziamath.config.svg2 = False  # every glyph its own path: no identifiers that could clash in a page
ziamath.config.precision = 2


class FormulaError(SphinxError):
    """A formula that cannot be set."""

    category = "formula"


def mathml(latex: str, inline: bool) -> ElementTree.Element:
    """`latex` as MathML. What the converter does not know, it would print as it stands: refused."""
    try:
        root = ElementTree.fromstring(tex2mml(latex, inline=inline))
    except (*UNREADABLE, ElementTree.ParseError) as error:
        raise FormulaError(f"cannot set {latex!r}: {type(error).__name__} {error}".strip()) from error
    for element in root.iter():
        text = element.text or ""
        if "\\" in text or (element.tag.endswith("mi") and text.strip() in ("&", "{", "}")):
            raise FormulaError(f"cannot set {latex!r}: unknown command {text!r}")
    for row in root.iter():
        _space(row)
    return root


def _space(row: ElementTree.Element) -> None:
    """TeX's spacing where the converter's differs: signs, relations, named operators with an index."""
    namespace = row.tag.rpartition("}")[0] + "}"
    operator = f"{namespace}mo"
    for child in row:
        if child.tag == f"{namespace}mi" and child.text == "~":  # \\sim
            child.tag, child.text = operator, "∼"
    for position, child in reversed(list(enumerate(row))):
        before = row[position - 1] if position else None
        starts = before is None or (before.tag == operator and before.text not in (")", "]", "}", "|", "‖"))
        if child.tag == operator and child.text in ("−", "+") and starts:
            child.set("form", "prefix")
        is_named = child.tag == f"{namespace}msub" and child[0].tag == operator and len(child[0].text or "") > 1
        if is_named and position + 1 < len(row):
            row.insert(position + 1, ElementTree.Element(f"{namespace}mspace", width="0.17em"))


@functools.cache
def svg(latex: str, inline: bool) -> str:
    """The picture of a formula, read aloud as its LaTeX."""
    source = " ".join(latex.split())
    drawn = ziamath.Math(mathml(source, inline), size=SIZE, margin=0)
    root = drawn.svgxml()
    for element in root.iter():  # the colour of the text, in light and dark
        for attribute in ("fill", "stroke"):
            if element.get(attribute) == "black":
                element.set(attribute, "currentColor")
    width, height = drawn.getsize()
    root.set("width", f"{width / SIZE:.3f}em")
    root.set("height", f"{height / SIZE:.3f}em")
    root.set("style", f"vertical-align: {drawn.getyofst() / SIZE:.3f}em")
    root.set("role", "img")
    root.set("aria-label", source)
    root.set("class", "formula")
    return ElementTree.tostring(root, encoding="unicode")


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(svg(node.astext(), inline=True))
    raise nodes.SkipNode


def parts(latex: str) -> list[str]:
    r"""A formula at its outermost ``\qquad``: what stands side by side may wrap on a narrow page."""
    found, depth = [""], 0
    for piece in re.split(r"(\\qquad\b|\\begin\{|\\end\{|\\left\b|\\right\b|(?<!\\)[{}])", latex):
        if piece == "\\qquad" and depth == 0:
            found.append("")
            continue
        found[-1] += piece
        depth += {"{": 1, "\\begin{": 2, "\\left": 1, "}": -1, "\\end{": 0, "\\right": -1}.get(piece, 0)
    return [part.strip() for part in found]


def _block(translator: Any, node: nodes.math_block) -> None:
    drawn = "\n".join(svg(part, inline=False) for part in parts(node.astext()))
    translator.body.append(f'<div class="math">{drawn}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx asks for the renderer by name: `html_math_renderer = "svg"`."""
    app.add_html_math_renderer("svg", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
