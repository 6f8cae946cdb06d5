"""What is published of the benchmarks: docs/bench.json, and the tables in the README and on the site made from it.

``python -m nox -s bench -- --write`` measures on every backend, puts the file together and renews the README.
"""

from __future__ import annotations

import json
import pathlib
import re
import statistics
from collections.abc import Iterator
from typing import Any

ROOT = pathlib.Path(__file__).parents[2]
FILE = ROOT / "docs" / "bench.json"
OTHERS = ("keras", "native")
KEPT = ("loss", "title", "shape", "mode", "ratios", "memory")

Report = dict[str, Any]


def read() -> dict[str, Report]:
    """What is published, by backend."""
    published: dict[str, Report] = json.loads(FILE.read_text(encoding="utf-8"))
    return published


def written(published: dict[str, Report], report: Report) -> dict[str, Report]:
    """With what one backend has measured."""
    rows = [{key: row[key] for key in KEPT} | {"ms": milliseconds(row)} for row in report["losses"]]
    own = {key: report[key] for key in ("date", "versions", "machine", "memory_is")}
    return dict(sorted({**published, report["backend"]: {**own, "losses": rows, "calls": report["calls"]}}.items()))


def milliseconds(row: Report) -> dict[str, float]:
    """The medians."""
    return {name: round(1e3 * figures["median"], 3) for name, figures in row["seconds"].items()}


def text(published: dict[str, Report]) -> str:
    """JSON with one row a line."""
    lines = []
    for backend, report in published.items():
        parts = []
        for key, value in report.items():
            if isinstance(value, list):
                rows = ",\n".join(f"   {json.dumps(row)}" for row in value)
                parts.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
            else:
                parts.append(f"  {json.dumps(key)}: {json.dumps(value)}")
        lines.append(f" {json.dumps(backend)}: {{\n" + ",\n".join(parts) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def columns(published: dict[str, Report]) -> list[tuple[str, str]]:
    """Backends and modes, in the order in which they were measured."""
    return list(dict.fromkeys((b, row["mode"]) for b, report in published.items() for row in report["losses"]))


def by_title(published: dict[str, Report]) -> dict[str, dict[tuple[str, str], Report]]:
    """The rows of each loss."""
    found: dict[str, dict[tuple[str, str], Report]] = {}
    for backend, report in published.items():
        for row in report["losses"]:
            found.setdefault(row["title"], {})[backend, row["mode"]] = row
    return found


def slowest(rows: dict[tuple[str, str], Report]) -> float:
    """The largest ratio of a loss to the faster of the others."""
    return max((max(row["ratios"].values()) for row in rows.values() if row["ratios"]), default=0.0)


def ratios(row: Report | None) -> str:
    """To Keras and to the framework's own."""
    if row is None or not row["ratios"]:
        return "–"
    return " / ".join(f"{row['ratios'][name]:.2f}" if name in row["ratios"] else "–" for name in OTHERS)


def means(published: dict[str, Report]) -> Iterator[str]:
    """The geometric mean of the ratios to Keras in each column."""
    for backend, mode in columns(published):
        found = [
            row["ratios"]["keras"]
            for row in published[backend]["losses"]
            if row["mode"] == mode and "keras" in row["ratios"]
        ]
        yield f"{statistics.geometric_mean(found):.2f}" if found else "–"


def rows(published: dict[str, Report]) -> list[tuple[str, ...]]:
    """A row a loss, the one that is slowest compared with another library first."""
    ordered = sorted(by_title(published).items(), key=lambda item: -slowest(item[1]))
    return [(title, *(ratios(found.get(column)) for column in columns(published))) for title, found in ordered]


def header(published: dict[str, Report]) -> list[str]:
    """The names of the columns."""
    return ["loss", *(f"{backend}, {mode}" for backend, mode in columns(published))]


def machine(found: Report) -> str:
    """A device and how much of the processor was used, alike for every backend: each says it in a way of its own."""
    device, *details = found["device"].split(", ")
    counts = {"core": found["cpus_used"]}
    for detail in details:  # torch tells its threads, which is news only where they are not as many as the cores
        number, _, what = detail.partition(" ")
        if what != "threads":
            device += f", {detail}"
        elif int(number) != counts["core"]:
            counts["thread"] = int(number)
    used = ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items())
    return f"{'CPU' if device.lower() == 'cpu' else device} ({used})"


def measured_with(published: dict[str, Report]) -> str:
    """On what, when, and with which versions."""
    versions = {k: v for report in published.values() for k, v in report["versions"].items()}
    machines = {machine(report["machine"]) for report in published.values()}
    dates = sorted(r["date"][:10] for r in published.values())
    shown = ", ".join(f"{k} {v}" for k, v in sorted(versions.items()))
    return f"Measured on {'; '.join(sorted(machines))}, {dates[-1]}, with {shown}."


def readme(published: dict[str, Report]) -> str:
    """What stands between the README's marks."""
    head = header(published)
    lines = [f"| {' | '.join(head)} |", f"| --- |{' --: |' * (len(head) - 1)}"]
    lines += [f"| `{row[0]}` | {' | '.join(row[1:])} |" for row in rows(published)]
    lines.append(f"| geometric mean, to Keras | {' | '.join(means(published))} |")
    return "\n".join([*lines, "", measured_with(published)])


def with_table(before: str, published: dict[str, Report]) -> str:
    """The README with its table renewed."""
    pattern = r"(<!-- speed: generated -->\n).*?(\n<!-- end of speed -->)"
    after, count = re.subn(pattern, lambda m: f"{m[1]}{readme(published)}{m[2]}", before, flags=re.S)
    if count != 1:
        raise SystemExit(f"bench: README.md has {count} places for the table of speed, not 1.")
    return after
