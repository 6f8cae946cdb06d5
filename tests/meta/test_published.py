"""What is published is what was measured: the file, the README, and the comparison of the two."""

from __future__ import annotations

import copy
import pathlib
import re
from typing import Any

import pytest

from docs._ext import published, speed


def report(**changes: Any) -> dict[str, Any]:
    """What a backend writes: two errors of one kind, the worse one with the smaller share of the budget."""
    error = {"loss": "Huber", "class": "Huber", "dtype": "float32", "quantity": "value", "provider": "polyloss"}
    return {
        "versions": {"exit_status": 0, "keras": "3"},
        "cells": [["Huber", "float32", "value"], ["Huber", "float32", "value"], ["Huber", "float64", "value"]],
        "planted": [
            "test_caught[value-off-Huber]",
            "test_caught[value-off-FocalLoss]",
            "test_step[mse-x]",
            "test_norm",
        ],
        "refused": 3,
        "blocks": [4, 4],
        "halves": [
            {"loss": "Huber", "dtype": "float16", "inputs": 5, "ulp": 0.0},
            {"loss": "Huber", "dtype": "float16", "inputs": 7, "ulp": 1.0},
        ],
        "errors": [
            {**error, "parameters": "{}", "ulp": 2.0, "ratio": 0.1, "y_true": [0.0], "y_pred": [1.0]},
            {**error, "parameters": "{'delta': 2}", "ulp": 1.0, "ratio": 0.3, "y_true": [0.0], "y_pred": [9.0]},
        ],
        "tests": {
            "t.py::test_a": {"passed": 2},
            "t.py::test_b": {"skipped": 1},
            "tests/meta/t.py::test_c": {"passed": 7},
        },
        "reasons": {"t.py::test_b": "no such thing here"},
        **changes,
    }


GPU = {"backend": "jax", "kind": "gpu", "device": "a card", "date": "2026-01-02", "passed": 54, "versions": {}}


def test_counts_are_honest() -> None:
    """A check of a loss is a cell, once; a fault that two backends catch is one fault."""
    wider = report(cells=[["Huber", "float32", "value"], ["FocalLoss", "float32", "gradient"]])
    other = {"provider": "keras", **{k: v for k, v in report()["errors"][0].items() if k != "provider"}}
    wider["errors"].append(other)
    got = published.joined({"jax": report(), "torch": wider}, [], {})
    assert got["cells"] == {"jax": 2, "torch": 2}
    assert got["cells_by_loss"] == {"FocalLoss": {"gradient": 1}, "Huber": {"value": 3}}
    assert published.cells_by_check(got) == [("gradient", "1", "1"), ("value", "1", "3")]
    assert got["planted"] == {"norm": 1, "step": 1, "value": 2}
    assert (got["tests_of_tests"]["jax"], got["recordings"]) == (7, {"jax": 0, "torch": 1})
    assert "4 combinations of loss, backend, dtype and check passed" in published.summary(got)
    assert " 4 faults were planted" in published.summary(got)


def test_another_schema_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(published, "FILE", tmp_path / "evidence.json")
    published.FILE.write_text('{"schema": 1}')
    with pytest.raises(ValueError, match=r"must have schema 2\. Got 1: nox -s agreement -- --write renews it"):
        published.read()


def test_joined() -> None:
    got = published.joined({"jax": report(), "torch": report(refused=5)}, [], {"jax-gpu": GPU})
    assert (got["cells"], got["refused"], got["halves"]["jax"]) == ({"jax": 2, "torch": 2}, {"jax": 3, "torch": 5}, 12)
    error = next(e for e in got["errors"] if e["backend"] == "jax")
    assert (error["ulp"], error["y_pred"], error["ratio"]) == (2.0, [1.0], 0.3), (
        "the worst ULP with its input, the worst share"
    )
    assert got["half_precision"][0] == {"loss": "Huber", "backend": "jax", "dtype": "float16", "inputs": 12, "ulp": 1.0}
    assert got["tests"]["t.py::test_b"]["torch"] == {"skipped": 1, "reason": "no such thing here"}
    assert got["versions"]["jax"] == {"keras": "3"}
    assert published.device(got, "gpu") == "run (jax on a card, 2026-01-02)"
    assert published.device(got, "tpu") == "not run"
    assert published.faults(got, got) == []


def test_disagreements_keep_the_worst() -> None:
    rows = [{"loss": "Huber", "quantity": "value", "ulp": u, "absolute": u, "y_true": [u]} for u in (1.0, 3.0, 2.0)]
    assert published.joined({"jax": report()}, rows, {})["disagreements"] == [rows[1]]


@pytest.mark.parametrize("count", ["cells", "planted", "refused", "halves"])
def test_a_count_too_high_is_a_fault(count: str) -> None:
    measured = published.joined({"jax": report()}, [], {})
    claimed = copy.deepcopy(measured)
    claimed[count]["norm" if count == "planted" else "jax"] += 1
    assert len(published.faults(claimed, measured)) == 1
    assert published.faults(measured, claimed) == [], "more was measured than is published"


def test_an_error_left_out_made_up_or_made_small_is_a_fault() -> None:
    measured = published.joined({"jax": report()}, [], {})
    for change, fault in [
        (lambda p: p["errors"].clear(), "measured, not published: Huber jax float32 value polyloss"),
        (lambda p: p["errors"].append({**p["errors"][0], "loss": "X"}), "published, not measured: X jax float32 value"),
        (lambda p: p["errors"][0].update(ratio=0.1), "0.1 of the budget published, 0.3 measured"),
    ]:
        claimed = copy.deepcopy(measured)
        change(claimed)
        (found,) = published.faults(claimed, measured)
        assert fault in found


def test_the_text_of_the_file_reads_back() -> None:
    kept = published.read()
    assert published.text(kept) == published.FILE.read_text(encoding="utf-8")
    assert max(map(len, published.text(kept).splitlines())) < 2000, "one row a line"


def test_the_readme_shows_the_published_table() -> None:
    """Nothing in it is typed: it is what the file says."""
    readme = (published.ROOT / "README.md").read_text(encoding="utf-8")
    assert published.with_table(readme, published.read()) == readme
    with pytest.raises(SystemExit, match="0 places"):
        published.with_table("no marks", published.read())


def test_shares_are_short() -> None:
    assert [published.share(x) for x in (None, 0.054, 3.36, 51.2, 3e5, 1e31, float("inf"))] == [
        "–", "0.05", "3.36", "51", "3e5", "1e31", "inf",
    ]  # fmt: skip
    assert re.fullmatch(r"\d+\.\d", published.number(12.34))


# -- speed ----------------------------------------------------------------------------------------


def timed(loss: str, mode: str, keras: float, native: float | None = None) -> dict[str, Any]:
    ratios = {"keras": keras} | ({} if native is None else {"native": native})
    seconds = {name: {"median": 0.001} for name in ("polyloss", *ratios)}
    return {
        "loss": loss,
        "title": loss,
        "shape": [2],
        "mode": mode,
        "seconds": seconds,
        "ratios": ratios,
        "memory": {},
        "gradient_differs": {},
    }


def bench(backend: str, *rows: dict[str, Any]) -> dict[str, Any]:
    machine = {"device": "CPU", "cpus_used": 2}
    return {
        "backend": backend,
        "date": "2026-01-02T00:00:00",
        "versions": {"keras": "3"},
        "machine": machine,
        "memory_is": "x",
        "losses": list(rows),
        "calls": [],
    }


def test_the_slowest_loss_is_said_first() -> None:
    first = speed.written({}, bench("a", timed("Fast", "eager", 0.5, 0.9), timed("Slow", "eager", 0.25, 1.5)))
    both = speed.written(first, bench("b", timed("Fast", "jit", 0.1)))
    assert speed.rows(both) == [("Slow", "0.25 / 1.50", "–"), ("Fast", "0.50 / 0.90", "0.10 / –")]
    assert list(speed.means(both)) == ["0.35", "0.10"]


def test_the_readme_shows_the_published_speed() -> None:
    readme = (published.ROOT / "README.md").read_text(encoding="utf-8")
    assert speed.with_table(readme, speed.read()) == readme
    assert set(speed.read()) == set(published.BACKENDS)
