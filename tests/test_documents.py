"""Every block of Python in README and docs runs, each document from its first block to its last.

A block that imports a framework itself belongs to that backend; all others run on each.
"""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import pytest

from polyloss import framework

ROOT = pathlib.Path(__file__).parent.parent
FRAMEWORKS = set(framework.names())
BLOCK = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?:python|\{code-block\} python)[^\n]*\n(?P<code>.*?)^(?P=indent)(?P=fence)",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    """A piece of Python, where it begins, and the backends it is for."""

    line: int
    code: str
    backends: frozenset[str]


def blocks(text: str) -> list[Block]:
    """The blocks of a document."""
    found = []
    for match in BLOCK.finditer(text):
        lines = [line.removeprefix(match["indent"]) for line in match["code"].splitlines()]
        code = "\n".join(line for line in lines if not re.match(r":[\w-]+:", line))  # options of the directive
        imported = {
            name.partition(".")[0]
            for node in ast.walk(ast.parse(code))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        }
        named = imported & FRAMEWORKS
        assert len(named) < 2, f"a block of Python imports {' and '.join(sorted(named))}: one backend each"
        found.append(Block(text.count("\n", 0, match.start()) + 2, code, frozenset(named or FRAMEWORKS)))
    return found


def documents() -> Iterator[pathlib.Path]:
    """README and everything written under docs/; what is generated has tests of its own."""
    yield ROOT / "README.md"
    for path in sorted((ROOT / "docs").rglob("*.md")):
        if "reference" not in path.relative_to(ROOT / "docs").parts:
            yield path


WITH_CODE = [path for path in documents() if blocks(path.read_text(encoding="utf-8"))]


@pytest.mark.skipif(not framework.HAS_GRADIENTS, reason="this backend does not train")
@pytest.mark.parametrize("path", WITH_CODE, ids=[str(p.relative_to(ROOT)) for p in WITH_CODE])
def test_blocks(
    path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "document"}
    mine = [b for b in blocks(path.read_text(encoding="utf-8")) if keras.backend.backend() in b.backends]
    ran = 0
    try:
        for block in mine:
            source = "\n" * (block.line - 1) + block.code
            exec(compile(source, str(path), "exec", dont_inherit=True), names)
            ran += 1
    finally:
        record_property("blocks", (ran, len(mine)))


def test_what_a_block_is() -> None:
    text = "a\n```python\nx = 1\n```\n\n```shell\nls\n```\n````{tab-set}\n  ```{code-block} python\n  :caption: y\n  import jax\n  ```\n````\n"
    assert [(b.line, b.code, sorted(b.backends)) for b in blocks(text)] == [
        (3, "x = 1", sorted(FRAMEWORKS)),
        (11, "import jax", ["jax"]),
    ]
    with pytest.raises(AssertionError, match="jax and torch"):
        blocks("```python\nimport jax\nimport torch\n```\n")
    with pytest.raises(SyntaxError):
        blocks("```python\nx =\n```\n")
