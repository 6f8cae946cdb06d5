"""The tables of edge cases in the docstrings: every row is a corner that runs, and says what the corner says."""

from __future__ import annotations

import ast
import dataclasses
import math
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from polyloss.tools.describe import Described, EdgeCase, describe
from tests.case import Case, Corner, inf, nan
from tests.cases import CASES

OPERATORS: dict[type, Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
UNPROMISED = ("none", "not promised")


def number(text: str, known: dict[str, Any]) -> float | None:
    """What an expression of the parameters comes to; None where it is none."""

    def of(node: ast.AST) -> float:
        if isinstance(node, ast.Expression):
            return of(node.body)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.Name) and isinstance(known.get(node.id), int | float):
            return float(known[node.id])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -of(node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](of(node.left), of(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("log", "exp", "sqrt"):
            return float(getattr(math, node.func.id)(*map(of, node.args)))
        raise ValueError(text)

    try:
        return of(ast.parse(text.replace("^", "**"), mode="eval"))
    except (SyntaxError, ValueError):
        return None


def agrees(text: str, entries: list[float], known: dict[str, Any]) -> bool:
    """Whether a cell of the table says these numbers; where it cannot be read, the corner is what it means.

    A bare 0 is that of every entry; another number, or one with words after it ("0 for that logit", "-1/n by r"), of
    one at least: of the one that the row speaks of.
    """
    if text in UNPROMISED:
        return not entries
    if not entries:
        return False  # the row says something, the corner promises nothing
    head = re.split(r"[,:]| \(| by | for | at ", text, maxsplit=1)[0].strip()
    if head == "finite":
        return bool(np.isfinite(entries).all())
    near = 1e-6 if head.startswith("about ") else 0.0
    either = head.startswith("+-")
    want = number(head.removeprefix("about ").removeprefix("+-"), known)
    if want is None:
        return True
    got = np.abs(entries) if either else np.array(entries)
    same = np.isclose(got, want, rtol=1e-5, atol=near, equal_nan=True)
    return bool(same.all() if text == "0" else same.any())


def known_of(case: Case, corner: Corner) -> dict[str, Any]:
    """What an expression may name: parameters, the number of elements, epsilon."""
    rows = corner.y_pred if case.player else [corner.y_pred]
    n = max(np.size(row) for row in rows)
    numbers = {"n": n, "epsilon": 1e-7, "inf": inf, "NaN": nan}
    return {**numbers, **case.options(corner.parameters)}


def faults(case: Case, described: Described) -> list[str]:
    """Where the table and the corners do not match."""
    table = {row.input: row for row in described.edge_cases}
    corners = [corner for corner in case.corners if corner.edge is not None]
    found = [f"no corner stands for {name!r}" for name in table if name not in {c.edge for c in corners}]
    for corner in corners:
        row = table.get(corner.edge or "")
        if row is None:
            found.append(f"no row is called {corner.edge!r}")
            continue
        known = known_of(case, corner)
        promised = [g for g in corner.gradient or () if g is not None]
        if not agrees(row.value, list(corner.value), known):
            found.append(f"{row.input!r}: the table says {row.value!r}, the corner {list(corner.value)}")
        if not agrees(row.gradient, promised, known):
            found.append(f"{row.input!r}: the table says gradient {row.gradient!r}, the corner {promised}")
    return found


@pytest.mark.parametrize("checked", CASES, ids=lambda case: case.name)
def test_every_row_runs(checked: Case) -> None:
    described = describe(checked.plain)
    assert described.edge_cases, "a function has a table of edge cases"
    assert not faults(checked, described)


HUBER = next(case for case in CASES if case.name == "Huber")
ROW = EdgeCase("error +-inf", "inf", "+-delta, not NaN")


@pytest.mark.parametrize(
    ("row", "corner", "fault"),
    [
        (ROW, Corner({}, [0.0], [inf], [inf], [1.0]), "no corner stands for"),
        (ROW, Corner({}, [0.0], [inf], [inf], [1.0], edge="error inf"), "no row is called"),
        (ROW, Corner({}, [0.0], [inf], [1.0], [1.0], edge="error +-inf"), "the table says 'inf'"),
        (ROW, Corner({"delta": 2.0}, [0.0], [inf], [inf], [1.0], edge="error +-inf"), "says gradient '.-delta"),
        (ROW, Corner({}, [0.0], [inf], [inf], edge="error +-inf"), "says gradient"),
        (EdgeCase("a", "0", "none"), Corner({}, [0.0], [0.0], [0.0], [0.0], edge="a"), "says gradient 'none'"),
        (EdgeCase("a", "0", "0"), Corner({}, [0.0] * 2, [0.0] * 2, [0.0], [0.0, 1.0], edge="a"), "says gradient '0'"),
        (EdgeCase("a", "-log(epsilon)", "0"), Corner({}, [0.0], [0.0], [16.0], [0.0], edge="a"), "says '-log"),
        (EdgeCase("a", "inf", "finite"), Corner({}, [0.0], [0.0], [inf], [inf], edge="a"), "says gradient 'finite'"),
        (EdgeCase("a", "inf", "1/n"), Corner({}, [0.0] * 2, [0.0] * 2, [inf], [1.0, 1.0], edge="a"), "gradient '1/n'"),
    ],
)
def test_a_wrong_table_is_seen(row: EdgeCase, corner: Corner, fault: str) -> None:
    case = dataclasses.replace(HUBER, corners=[corner])
    found = faults(case, Described("huber", HUBER.plain, edge_cases=[row]))
    assert any(re.search(fault, line) for line in found), found


def test_a_right_table_is_none() -> None:
    corners = [Corner({"delta": 2.0}, [0.0], [-inf], [inf], [-2.0], edge="error +-inf")]
    case = dataclasses.replace(HUBER, corners=corners)
    assert not faults(case, Described("huber", HUBER.plain, edge_cases=[ROW]))
