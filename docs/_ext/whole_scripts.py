"""The whole script of a guide, and the same as a notebook: made of the guide's code, so that both can be copied and run.

A guide's code (`docs/guides/code/<slug>.py`) has a function `example`: what one would write at the end of a script. The
script is its body, with all that it needs of its module and of the modules of the repository that this imports.
"""

from __future__ import annotations

import ast
import pathlib
import textwrap
from collections.abc import Iterator
from typing import Any

DOCS = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = (DOCS / "guides" / "code", DOCS / "examples")
OWN = "example"


class Source:
    """A module of the documentation: what it defines, and the text of it."""

    def __init__(self, name: str) -> None:
        self.path = next(folder / f"{name}.py" for folder in FOLDERS if (folder / f"{name}.py").exists())
        self.text = self.path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)
        self.defined: dict[str, ast.stmt] = {}
        for node in self.tree.body:
            for name in names_of(node):
                self.defined.setdefault(name, node)

    def segment(self, node: ast.stmt) -> str:
        """A statement as it is written, with its comments at the end of lines."""
        return "\n".join(self.text.splitlines()[node.lineno - 1 : node.end_lineno])


def names_of(node: ast.stmt) -> list[str]:
    """What a statement of a module defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign):
        return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return []


def used(node: ast.AST) -> Iterator[str]:
    """Every name that a statement reads."""
    yield from (found.id for found in ast.walk(node) if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Load))


def is_own(module: str | None) -> bool:
    """Whether a module is one of the documentation's."""
    return module is not None and any((folder / f"{module}.py").exists() for folder in FOLDERS)


def needed(source: Source, names: list[str], imports: dict[str, None], parts: dict[str, None]) -> None:
    """Add what `names` need, in the order of the modules: imports and definitions."""
    wanted, queue = set(), list(names)
    while queue:
        node = source.defined.get(queue.pop())
        if node is not None and node not in wanted:
            wanted.add(node)
            queue += used(node)
    for node in sorted(wanted, key=lambda node: node.lineno):
        if isinstance(node, ast.ImportFrom) and is_own(node.module):
            needed(Source(str(node.module)), [a.name for a in node.names if a.name in _read(wanted)], imports, parts)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if getattr(node, "module", None) != "__future__":
                imports[source.segment(node)] = None
        elif OWN not in names_of(node):
            parts[source.segment(node)] = None


def _read(wanted: set[ast.stmt]) -> set[str]:
    return {name for node in wanted for name in used(node)}


def pieces(slug: str) -> tuple[str, list[str], list[str], str]:
    """What the script says of itself, its imports, its definitions, and what it does."""
    source = Source(slug)
    imports: dict[str, None] = {}
    parts: dict[str, None] = {}
    needed(source, [OWN], imports, parts)
    example = source.defined[OWN]
    assert isinstance(example, ast.FunctionDef)
    first, *body = example.body
    text = "\n".join(source.text.splitlines()[body[0].lineno - 1 : example.end_lineno])
    about = (ast.get_docstring(source.tree) or "").partition(" (problem")[0].rstrip(".")
    assert isinstance(first, ast.Expr)
    said = f"{about}. {ast.get_docstring(example)}"
    ours = [line for line in imports if "polyloss" in line]
    others = sorted((line for line in imports if line not in ours), key=lambda line: (line.startswith("from"), line))
    return said, [*others, *ours], list(parts), textwrap.dedent(text)


BACKEND = '''import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # or "tensorflow", "torch"'''


def script(slug: str) -> str:
    """The whole script."""
    said, imports, parts, body = pieces(slug)
    return "\n\n\n".join([f'"""{said}"""\n\n{BACKEND}\n\n' + "\n".join(imports), *parts, body]) + "\n"


def notebook(slug: str) -> dict[str, Any]:
    """The same as a notebook, a cell a definition."""
    said, imports, parts, body = pieces(slug)
    cells = [("markdown", said), ("code", BACKEND), ("code", "\n".join(imports)), *(("code", p) for p in parts)]
    made = []
    for i, (kind, text) in enumerate([*cells, ("code", body)]):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{i}", "metadata": {}, "source": text}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def slugs() -> list[str]:
    """The guides that have a script."""
    return sorted(path.stem for path in (DOCS / "guides").glob("*.md") if path.stem != "index")
