"""How long a loss is, where its parameters stand, and what one call goes through.

``python tests/house.py`` prints lines per loss (median and worst) of the body, docstring and class of its function, of its
case and of its baselines; the places in which each parameter of `FocalLoss` and its default are written; and, by
`sys.setprofile`, the functions, files and changes of file of one eager call. Where the backend has a native package the
baselines are counted in all of them, as text.
"""

from __future__ import annotations

import ast
import itertools
import pathlib
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402

import polyloss  # noqa: E402


def definitions(folder: str) -> Iterator[tuple[pathlib.Path, ast.AST]]:
    """Every function, class and call at the top of a folder's modules."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            yield path, node


def lines_of(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1  # type: ignore[attr-defined]


def function_parts(name: str) -> tuple[int, int]:
    """Lines of the body (without signature and docstring) and of the docstring."""
    node = next(n for _, n in definitions("polyloss") if isinstance(n, ast.FunctionDef) and n.name == name)
    doc = node.body[0] if isinstance(node.body[0], ast.Expr) else None
    body = node.body[1:] if doc is not None else node.body
    return sum(map(lines_of, body)), lines_of(doc) if doc is not None else 0


def class_lines(name: str) -> int:
    return next(lines_of(n) for _, n in definitions("polyloss") if isinstance(n, ast.ClassDef) and n.name == name)


def case_lines(name: str) -> int:
    """The entry of `CASES`, and the reference."""
    for path, _ in definitions("tests/cases"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
            given = [k.value for k in call.keywords if k.arg == "loss"] or call.args[:1]
            if given and ast.unparse(given[0]) == f"polyloss.{name}" and "ase" in ast.unparse(call.func):
                return lines_of(call)
    return 0


def baseline_lines(function: str) -> int:
    found = [n for _, n in definitions("backends") if isinstance(n, ast.FunctionDef) and n.name == function]
    return sum(map(lines_of, found))


def places(parameter: str, value: str) -> tuple[int, int]:
    """In how many places (package, cases, baselines) a parameter of focal_loss is declared, and its default."""
    declared = defaulted = 0
    for folder in ("polyloss", "backends", "tests/cases"):
        for path in (ROOT / folder).rglob("*.py"):
            if not re.search(r"focal_loss\(|FocalLoss|def focal\(", path.read_text(encoding="utf-8")):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = ("focal_loss", "focal", "focal_loss_averaged", "FocalLoss", "_focal_class")
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in names:
                    text = ast.unparse(node)
                    doc = ast.get_docstring(node) or ""
                    code = text.replace(doc, "")
                    declared += bool(re.search(rf"\b{parameter}\b\s*[:=]", code)) + bool(
                        re.search(rf"^\s*{parameter}: ", doc, re.M)
                    )
                    defaulted += bool(re.search(rf"\b{parameter}\b[^=,]*=\s*{re.escape(value)}", code))
    return declared, defaulted


def one_call(call: Callable[[], Any]) -> tuple[int, int, int, int]:
    """Calls of our functions, different ones, files, changes of file."""
    seen: list[tuple[str, str]] = []

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and "/polyloss/" in frame.f_code.co_filename:
            seen.append((frame.f_code.co_filename, frame.f_code.co_qualname))

    call()
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    files = [file for file, _ in seen]
    return len(seen), len(set(seen)), len(set(files)), sum(a != b for a, b in itertools.pairwise(files))


def main() -> None:
    rows = {}
    for name, cls in polyloss.catalogue().items():
        assert cls.function is not None
        function = cls.function.__name__
        body, doc = function_parts(function)
        rows[name] = (body, doc, class_lines(name), case_lines(name), baseline_lines(function))
    for title, column in zip(
        ("body", "docstring", "class", "case", "baselines"), zip(*rows.values(), strict=True), strict=True
    ):
        worst = max(rows, key=lambda n, c=column: c[list(rows).index(n)])  # type: ignore[misc]
        print(f"{title:10} median {statistics.median(column):5.1f}  worst {max(column):4d}  ({worst})")
    for parameter, value in (("gamma", "2.0"), ("alpha", "0.25"), ("label_smoothing", "0.0"), ("from_logits", "False")):
        declared, defaulted = places(parameter, value)
        print(f"FocalLoss.{parameter}: declared in {declared} places, its default in {defaulted}")
    y, p = (keras.ops.convert_to_tensor(np.array([[a]], "float32")) for a in (1.0, 0.3))
    loss = polyloss.FocalLoss(from_logits=True)
    calls, functions, files, changes = one_call(lambda: loss(y, p))
    print(
        f"one call of {loss!r} on {keras.backend.backend()}: {calls} calls of {functions} functions in {files} files, {changes} changes of file"
    )


if __name__ == "__main__":
    main()
