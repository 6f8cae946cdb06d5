"""Joins the evidence of the backends: the worst disagreement of any two, the table of accuracy, the cells.

``python tests/agreement.py`` reads build/evidence/, prints, and fails when a backend's evidence is missing or
failed, when two backends are further apart than their budgets allow, or when docs/evidence.json claims more
than was measured. ``--write`` renews docs/evidence.json and the README's table.
"""

from __future__ import annotations

import itertools
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from docs._ext import published  # noqa: E402
from docs._ext.published import BACKENDS, number  # noqa: E402
from tests.oracle import ulp  # noqa: E402

FOLDER = ROOT / "build" / "evidence"
console = Console(width=150)


def read() -> dict[str, dict[str, Any]]:
    """The reports of all backends, the values-only one included."""
    reports = {}
    all_of_them = {path.parent.name for path in (ROOT / "backends").glob("*/harness.py")}
    for backend in (*BACKENDS, *sorted(all_of_them - set(BACKENDS))):
        path = FOLDER / f"{backend}.json"
        if not path.exists():
            raise SystemExit(
                f"agreement: no evidence of {backend} ({path.relative_to(ROOT)}). Run nox -s 'tests({backend})'."
            )
        reports[backend] = json.loads(path.read_text())
        status = reports[backend]["versions"]["exit_status"]
        if status != 0:
            raise SystemExit(
                f"agreement: the tests of {backend} ended with status {status}; their evidence does not count."
            )
    return reports


def disagreements(results: dict[str, Any]) -> list[dict[str, Any]]:
    """For every loss, variant and quantity the worst pair of backends."""
    keys = set.union(*({k.rpartition("|")[0] for k in arrays} for arrays in results.values()))
    rows = []
    for key in sorted(keys):
        loss, _, parameters = key.partition("|")
        for quantity in ("value", "gradient"):
            for one, other in itertools.combinations(BACKENDS, 2):
                a, b = (results[name][f"{key}|{quantity}"].astype("float64") for name in (one, other))
                if a.shape != b.shape:
                    raise SystemExit(f"agreement: {key} {quantity} has shape {a.shape} on {one}, {b.shape} on {other}.")
                with np.errstate(invalid="ignore"):
                    gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
                if not np.isfinite(gap).all():
                    raise SystemExit(f"agreement: {key} {quantity}: {one} and {other} differ by infinity or NaN.")
                apart = gap / ulp(np.maximum(np.abs(a), np.abs(b)), "float32")
                row = int(np.argmax(apart.reshape(len(a), -1).max(1)))
                rows.append(
                    {
                        "loss": loss,
                        "parameters": parameters,
                        "quantity": quantity,
                        "backends": [one, other],
                        "ulp": float(apart.max()),
                        "absolute": float(gap.reshape(len(a), -1)[row].max()),
                        "y_true": results[one][f"{key}|y_true"][row].tolist(),
                        "y_pred": results[one][f"{key}|y_pred"][row].tolist(),
                        "values": [a[row].tolist(), b[row].tolist()],
                    }
                )
    return rows


def worst(report: dict[str, Any], loss: str, quantity: str, provider: str, what: str) -> float | None:
    found = [
        e[what]
        for e in report["errors"]
        if (e["loss"], e["quantity"], e["dtype"], e["provider"]) == (loss, quantity, "float32", provider)
    ]
    return max(found) if found else None


def accuracy(reports: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Worst ULP in float32, and in brackets the share of the budget it takes; then Keras's own loss."""
    rows = []
    for loss in sorted({e["loss"] for e in reports[BACKENDS[0]]["errors"]}):
        for quantity in ("value", "gradient"):
            row = [loss if quantity == "value" else "", quantity]
            for provider in ("polyloss", "keras"):
                for backend in BACKENDS:
                    plain = worst(reports[backend], loss, quantity, provider, "ulp")
                    ratio = worst(reports[backend], loss, quantity, provider, "ratio")
                    row.append("-" if plain is None or ratio is None else f"{number(plain)} ({number(ratio)})")
            rows.append(row)
    return rows


HEADER = ["loss", "", *(f"{b}" for b in BACKENDS), *(f"Keras's, {b}" for b in BACKENDS)]


def pairs(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The worst disagreement of each loss."""
    table = []
    for loss in sorted({r["loss"] for r in rows}):
        for quantity in ("value", "gradient"):
            r = max((r for r in rows if (r["loss"], r["quantity"]) == (loss, quantity)), key=lambda r: r["ulp"])
            given = f"y={r['y_true']}, x={r['y_pred']}, {r['parameters']}"
            table.append(
                [
                    loss if quantity == "value" else "",
                    quantity,
                    number(r["ulp"]),
                    f"{r['absolute']:.1e}",
                    " / ".join(r["backends"]),
                    given,
                ]
            )
    return table


def show(title: str, header: list[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*header, title=title)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def devices() -> dict[str, dict[str, Any]]:
    """What was published of accelerators, renewed by what ran here."""
    before = json.loads(published.FILE.read_text(encoding="utf-8"))["devices"] if published.FILE.exists() else {}
    here = {p.stem.removeprefix("device-"): json.loads(p.read_text()) for p in FOLDER.glob("device-*.json")}
    return {**before, **here}


def trajectories(reports: dict[str, dict[str, Any]]) -> tuple[list[str], float, str]:
    """The adversarial trainings of all backends and modes; the largest distance of two of them, and which."""
    runs = {f"{b} {how}": logs for b, r in reports.items() for how, logs in r["trajectories"].items()}
    apart = [
        (max(float(np.max(np.abs(np.subtract(x[name], y[name])))) for name in x), f"{one} / {other}")
        for (one, x), (other, y) in itertools.combinations(runs.items(), 2)
    ]
    return [*runs], *max(apart)


def second_order(joined: dict[str, Any]) -> list[list[str]]:
    """Penalty and weight, and by backend the worst error of the gradient by the critic's weights."""
    by_backend = joined["second_order"]
    if set(by_backend) != set(BACKENDS) or len({tuple(sorted(found)) for found in by_backend.values()}) != 1:
        raise SystemExit("agreement: each backend must have measured the same penalties; run their tests again.")
    return [
        [penalty, *(f"{by_backend[b][penalty][0]:.1e} of {by_backend[b][penalty][1]:.2g}" for b in BACKENDS)]
        for penalty in by_backend[BACKENDS[0]]
    ]


def main() -> None:
    """Print, record, and fail where two backends do not agree."""
    reports = read()
    results = {}
    for backend in BACKENDS:
        with np.load(FOLDER / f"{backend}.npz") as arrays:
            results[backend] = dict(arrays)
    if len({frozenset(arrays) for arrays in results.values()}) != 1:
        raise SystemExit("agreement: the backends did not measure the same cases; run their tests again.")
    rows = disagreements(results)
    show("Worst error in ULP (share of the budget), float32", HEADER, accuracy(reports))
    header = ["loss", "", "ULP", "absolute", "between", "input"]
    show("Worst disagreement of two backends", header, pairs(rows))
    largest = max(rows, key=lambda r: r["ulp"])
    softmax = {"CategoricalCrossentropy", "SparseCategoricalCrossentropy", "CategoricalFocalLoss", "PolyLoss"}
    other = max((r for r in rows if r["loss"] not in softmax), key=lambda r: r["ulp"])
    for title, r in (("Largest of all", largest), ("Largest without the softmax losses", other)):
        console.print(
            f"{title}: {number(r['ulp'])} ULP ({r['absolute']:.1e} absolute), {r['loss']} {r['quantity']}, {' / '.join(r['backends'])}, "
            f"y_true={r['y_true']}, y_pred={r['y_pred']}, {r['parameters']}: {r['values'][0]} and {r['values'][1]}"
        )
    joined = published.joined(reports, rows, devices())
    console.print(published.summary(joined))
    show("Cells by check", ["check", "losses", "cells"], published.cells_by_check(joined))
    planted = [(name.replace("_", " "), str(n)) for name, n in joined["planted"].items()]
    show("Planted faults by template", ["template", "faults"], planted)
    title = (
        "Gradients of penalties by the critic's weights: worst error to float64 differences, of the largest gradient"
    )
    show(title, ["penalty", *BACKENDS], second_order(joined))
    runs, distance, between = trajectories(reports)
    joined["trajectories"] = {"runs": runs, "distance": distance, "between": between}
    console.print(
        f"WGAN-GP trained {len(runs)} times ({', '.join(runs)}): the terms of every epoch within {distance:.1e} "
        f"({between})."
    )
    if distance > 1e-5 or not {f"{b} eager" for b in BACKENDS} <= set(runs):
        raise SystemExit(f"agreement: trajectories must be there and within 1e-5. Got {distance:.1e} of {runs}.")
    over = [e for r in reports.values() for e in r["errors"] if e["provider"] == "polyloss" and e["ratio"] > 1]
    if over:
        raise SystemExit(f"agreement: {len(over)} errors exceed their budget, the first: {over[0]}")
    readme = ROOT / "README.md"
    if "--write" in sys.argv:
        published.FILE.write_text(published.text(joined), encoding="utf-8")
        readme.write_text(published.with_table(readme.read_text(encoding="utf-8"), joined), encoding="utf-8")
        console.print("docs/evidence.json and README.md: written.")
    elif found := published.faults(published.read(), joined):
        listed = "\n  ".join(found[:20])
        raise SystemExit(
            f"agreement: docs/evidence.json differs from what was measured in {len(found)} places "
            f"(nox -s agreement -- --write renews it):\n  {listed}"
        )


if __name__ == "__main__":
    main()
