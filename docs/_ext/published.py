"""What is published of the evidence: docs/evidence.json, and the README's table made from it.

`nox -s agreement -- --write` puts the file together from what the backends measured (build/evidence/) and
renews the README; `nox -s agreement` holds the file to what it has just measured. The site is made from the
file alone, so it builds without running a test.
"""

from __future__ import annotations

import collections
import json
import pathlib
import re
from typing import Any

ROOT = pathlib.Path(__file__).parents[2]
FILE = ROOT / "docs" / "evidence.json"
FRAMEWORKS = ROOT / "polyloss" / "framework"
BACKENDS = tuple(sorted(p.stem for p in FRAMEWORKS.glob("*.toml") if p.with_suffix(".py").exists()))
"""Those that train; read from the folder, since the comparison runs where no backend is installed."""
SCHEMA = 2
KEY = ("loss", "backend", "dtype", "quantity", "provider")
SLACK = 2.0
"""A processor of another make rounds differently: by this factor a share of the budget may exceed what is published."""

Report = dict[str, Any]


def read() -> Report:
    """What is published."""
    published: Report = json.loads(FILE.read_text(encoding="utf-8"))
    if published["schema"] != SCHEMA:
        raise ValueError(
            f"published: docs/evidence.json must have schema {SCHEMA}. Got {published['schema']}: "
            "nox -s agreement -- --write renews it."
        )
    return published


def joined(reports: dict[str, Report], disagreements: list[Report], devices: dict[str, Report]) -> Report:
    """The backends' reports as one, the worst of each kind kept with its input."""
    errors: dict[tuple[str, ...], Report] = {}
    halves: dict[tuple[str, ...], Report] = {}
    for backend, report in reports.items():
        for error in report["errors"]:
            row = {"backend": backend, **error}
            key = tuple(row[k] for k in KEY)
            if key not in errors or row["ulp"] > errors[key]["ulp"]:
                ratio = max(row["ratio"], errors[key]["ratio"]) if key in errors else row["ratio"]
                errors[key] = {**row, "ratio": ratio}
            else:
                errors[key]["ratio"] = max(row["ratio"], errors[key]["ratio"])
        for half in report["halves"]:
            key = (half["loss"], backend, half["dtype"])
            known = halves.setdefault(
                key, {**dict(zip(("loss", "backend", "dtype"), key, strict=True)), "inputs": 0, "ulp": 0.0}
            )
            known["inputs"] += half["inputs"]
            known["ulp"] = max(known["ulp"], half["ulp"])
    apart: dict[tuple[str, str], Report] = {}
    for row in disagreements:
        pair = (row["loss"], row["quantity"])
        if pair not in apart or row["ulp"] > apart[pair]["ulp"]:
            apart[pair] = row
    cells = {b: {tuple(cell) for cell in r["cells"]} for b, r in reports.items()}
    tests: dict[str, Report] = {}
    for backend, report in reports.items():
        for test, counts in report["tests"].items():
            tests.setdefault(test, {})[backend] = {**counts, **reason(report, test)}
    return {
        "schema": SCHEMA,
        "versions": {b: {k: v for k, v in r["versions"].items() if k != "exit_status"} for b, r in reports.items()},
        "cells": {b: len(its) for b, its in cells.items()},
        "cells_by_loss": by_loss_and_check(cells),
        "planted": by_template({name for r in reports.values() for name in r["planted"]}),
        "refused": {b: r["refused"] for b, r in reports.items()},
        "tests_of_tests": {b: tests_of_tests(r) for b, r in reports.items()},
        "recordings": {b: sum(e["provider"] != "polyloss" for e in r["errors"]) for b, r in reports.items()},
        "halves": {b: sum(h["inputs"] for h in r["halves"]) for b, r in reports.items()},
        "blocks": {b: r["blocks"] for b, r in reports.items() if r.get("blocks")},
        "second_order": {b: r["second_order"] for b, r in reports.items() if r.get("second_order")},
        "devices": devices,
        "half_precision": [halves[key] for key in sorted(halves)],
        "errors": [errors[key] for key in sorted(errors)],
        "disagreements": [apart[key] for key in sorted(apart)],
        "tests": {test: tests[test] for test in sorted(tests)},
    }


def by_loss_and_check(cells: dict[str, set[tuple[str, ...]]]) -> dict[str, dict[str, int]]:
    """How many cells each check of a loss has, over backends and dtypes."""
    counts = collections.Counter((loss, check) for its in cells.values() for loss, _, check in its)
    found: dict[str, dict[str, int]] = {}
    for (loss, check), n in sorted(counts.items()):
        found.setdefault(loss, {})[check] = n
    return found


def cells_by_check(published: Report) -> list[tuple[str, ...]]:
    """A row a check: its name, for how many losses it passed, and in how many cells."""
    by_loss = published["cells_by_loss"]
    checks = sorted({check for its in by_loss.values() for check in its})
    counts = {check: [its[check] for its in by_loss.values() if check in its] for check in checks}
    return [(check.replace("_", " "), str(len(its)), f"{sum(its):,}") for check, its in counts.items()]


def by_template(planted: set[str]) -> dict[str, int]:
    """Planted faults, each once however many backends catch it, by the template that must catch them.

    ``test_caught[template-fault-loss]`` (tests/meta/test_planted.py) names it; other tests plant for themselves.
    """
    tests = [name.removeprefix("test_caught[").partition("-")[0].partition("[")[0] for name in planted]
    return dict(sorted(collections.Counter(test.removeprefix("test_") for test in tests).items()))


def tests_of_tests(report: Report) -> int:
    """Those that passed: they hold the tests to something, and no loss."""
    return sum(counts.get("passed", 0) for test, counts in report["tests"].items() if test.startswith("tests/meta/"))


def reason(report: Report, test: str) -> Report:
    """Why a test was skipped, where it was."""
    return {"reason": report["reasons"][test]} if test in report["reasons"] else {}


def text(published: Report) -> str:
    """JSON with one row a line, so that a change of one figure is a change of one line."""
    parts = []
    for key, value in published.items():
        if isinstance(value, list):
            rows = ",\n".join(f"  {json.dumps(row)}" for row in value)
            parts.append(f'"{key}": [\n{rows}\n]')
        elif key in ("tests", "cells_by_loss"):
            rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            parts.append(f'"{key}": {{\n{rows}\n}}')
        else:
            parts.append(f'"{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def faults(published: Report, measured: Report) -> list[str]:
    """Where the published figures claim more than was measured, or leave out a loss."""
    found = []
    for count in ("cells", "planted", "refused", "halves"):
        for of, n in published[count].items():
            if n > measured[count].get(of, 0):
                found.append(f"{count}, {of}: {n} published, {measured[count].get(of, 0)} measured")
    claims = {tuple(e[k] for k in KEY): e for e in published["errors"]}
    facts = {tuple(e[k] for k in KEY): e for e in measured["errors"]}
    found += [f"published, not measured: {' '.join(key)}" for key in sorted(claims.keys() - facts.keys())]
    found += [f"measured, not published: {' '.join(key)}" for key in sorted(facts.keys() - claims.keys())]
    for key in sorted(claims.keys() & facts.keys()):
        claimed, fact = claims[key]["ratio"], facts[key]["ratio"]
        if key[-1] == "polyloss" and fact > max(SLACK * claimed, 0.1):
            found.append(f"{' '.join(key)}: {claimed:.3g} of the budget published, {fact:.3g} measured")
    return found


# -- the README -----------------------------------------------------------------------------------


def number(x: float) -> str:
    """Few digits, powers of ten where they are many."""
    return f"{x:.1f}" if x < 1000 else f"{x:.0e}".replace("e+0", "e").replace("e+", "e")


def share(x: float | None) -> str:
    """A share of the budget: two digits, powers of ten where it is far beyond."""
    if x is None:
        return "–"
    return f"{x:.2f}" if x < 10 else f"{x:,.0f}" if x < 1e4 else f"{x:.0e}".replace("e+0", "e").replace("e+", "e")


def worst(
    published: Report, losses: set[str], backends: tuple[str, ...], ours: bool, keras: bool = False
) -> float | None:
    """The largest share of the budget in float32, over values and gradients."""
    found = [
        e["ratio"]
        for e in published["errors"]
        if e["loss"] in losses
        and e["backend"] in backends
        and e["dtype"] == "float32"
        and (
            e["provider"] == "polyloss" if ours else (e["provider"] == "keras") is keras and e["provider"] != "polyloss"
        )
    ]
    return max(found) if found else None


def readme_table(published: Report) -> str:
    """One row a loss: the worst error as a share of the budget, and that of others on the same inputs."""
    header = ["loss", *BACKENDS, "Keras's own", "the framework's own"]
    members: dict[str, set[str]] = {}
    for error in published["errors"]:
        members.setdefault(error["class"], set()).add(error["loss"])
    rows = [header, ["---", *["--:"] * (len(header) - 1)]]
    for name, losses in sorted(members.items()):
        mine = [share(worst(published, losses, (b,), ours=True)) for b in BACKENDS]
        others = [share(worst(published, losses, BACKENDS, ours=False, keras=k)) for k in (True, False)]
        rows.append([f"`{name}`", *mine, *others])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def summary(published: Report) -> str:
    """The counts in one sentence."""
    cells = ", ".join(f"{b} {n}" for b, n in published["cells"].items())
    total = {name: sum(published[name].values()) for name in ("cells", "halves", "planted", "refused")}
    return (
        f"{total['cells']:,} combinations of loss, backend, dtype and check passed ({cells}). "
        f"{total['halves']:,} results in half precision were compared. {total['planted']:,} faults were planted in the code, and "
        f"the tests found all of them. {total['refused']:,} invalid calls were refused, each with the expected message. "
        f"GPU: {device(published, 'gpu')}."
    )


def device(published: Report, kind: str) -> str:
    """`run on NAME, DATE`, or `not run`."""
    runs = [f"{d['backend']} on {d['device']}, {d['date']}" for d in published["devices"].values() if d["kind"] == kind]
    return f"run ({'; '.join(sorted(runs))})" if runs else "not run"


def versions(published: Report) -> str:
    """With what it was measured."""
    merged = {k: v for versions in published["versions"].values() for k, v in versions.items() if k != "machine"}
    return ", ".join(f"{name} {version}" for name, version in sorted(merged.items()))


def readme(published: Report) -> str:
    """What stands between the README's marks."""
    return f"{readme_table(published)}\n\n{summary(published)}\nMeasured with {versions(published)}."


def with_table(before: str, published: Report) -> str:
    """The README with its table renewed."""
    pattern = r"(<!-- accuracy: generated -->\n).*?(\n<!-- end of accuracy -->)"
    after, count = re.subn(pattern, lambda m: f"{m[1]}{readme(published)}{m[2]}", before, flags=re.S)
    if count != 1:
        raise SystemExit(f"agreement: README.md has {count} places for the table of accuracy, not 1.")
    return after
