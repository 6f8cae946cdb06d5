"""reStructuredText, written: titles, tables and code of the generated pages."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence


def title(text: str, mark: str = "=") -> str:
    """A heading."""
    return f"{text}\n{mark * max(len(text), 4)}\n"


def code(text: str, language: str = "python", css: str = "") -> str:
    """A block of code."""
    option = f"   :class: {css}\n" if css else ""
    return f".. code-block:: {language}\n{option}\n{textwrap.indent(text.strip(), '   ')}\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], css: str = "", stub: bool = False) -> str:
    """A table whose cells are reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1"]
    lines += ["   :stub-columns: 1"] if stub else []
    lines += [f"   :class: {css}"] if css else []
    lines.append("")
    for row in (header, *rows):
        for i, cell in enumerate(row):
            inner = textwrap.indent(cell, "       ").strip()
            lines.append(f"   {'* -' if i == 0 else '  -'} {inner}".rstrip())
    return "\n".join(lines) + "\n"


def link(text: str, label: str) -> str:
    """To a label anywhere in the site."""
    return f":ref:`{text} <{label}>`"


def literal(text: str) -> str:
    """Code, whatever stands in it."""
    return f"``{text}``" if text else ""


def dropdown(heading: str, inner: str, name: str = "") -> str:
    """Folded until asked for."""
    option = f"   :name: {name}\n" if name else ""
    return f".. dropdown:: {heading}\n{option}\n{textwrap.indent(inner, '   ')}\n"
