"""Two studies side by side."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from polyloss.study import record, verdict

Study = Mapping[str, Any]
Rows = tuple[list[str], list[list[str]]]

VERDICTS = {"agree": "agree", "part": "disagree", "incomplete": "incomplete"}
"""What a verdict is called; studies store the keys."""


def sections(a: Study, b: Study) -> dict[str, Rows]:
    """The tables, by their titles."""
    return {
        "Studies": _studies(a, b),
        "Numbers": _numbers(a, b),
        "Speed and memory": _speed(a, b),
        "Versions": _versions(a, b),
    }


def _studies(a: Study, b: Study) -> Rows:
    rows = [["verdict", *(VERDICTS[s["verdict"]["answer"]] for s in (a, b))]]
    for part in ("name", "data", "steps", "batch_size", "parameters"):
        rows.append([part.replace("_", " "), *(str(s["workload"].get(part, "-")) for s in (a, b))])
    rows += [["made", a["created"], b["created"]], ["polyloss", a["polyloss"], b["polyloss"]]]
    rows.append(["machine", *(f"{s['machine']['platform']}, {s['machine']['cores']} cores" for s in (a, b))])
    return ["", "first", "second"], rows


def _numbers(a: Study, b: Study) -> Rows:
    """The same contestant in both studies: how far apart its losses are, as multiples of the noise floor of the first."""
    head = ["", "term", "largest difference", "at step", "difference / noise floor", "verdict"]
    if a["workload"].get("data") != b["workload"].get("data"):
        return head, [["-", "-", "-", "-", "-", "other data: not comparable"]]
    rows = []
    runs = [[r for r in s["runs"] if r["seconds"]] for s in (a, b)]
    for term in a["verdict"]["training"]["terms"]:
        reach = verdict.floor(runs[0], term)
        curves = [
            {(verdict.contestant(r), r["seed"]): verdict.curve(r, term) for r in rs if not r["moved"]} for rs in runs
        ]
        for name in dict.fromkeys(n for n, _ in curves[0]):
            both = [
                verdict.difference(curves[0][key], curves[1][key])
                for key in curves[0]
                if key[0] == name and key in curves[1]
            ]
            if not both:
                continue
            times = [d / reach[: len(d)] for d in both]
            seed = int(np.argmax([t.max() for t in times]))
            step = int(times[seed].argmax())
            worst, d = float(times[seed].max()), float(both[seed][step])
            over = worst > a["settings"]["multiple"]
            so = "equal to the last bit" if d == 0 else "they differ" if over else "within rounding"
            rows.append([name, term, f"{d:.3g}", str(step), f"{worst:.3g}", so])
    return head, rows


def _speed(a: Study, b: Study) -> Rows:
    found = []
    for s in (a, b):
        by: dict[str, list[Any]] = {}
        for r in s["runs"]:
            if not r["moved"] and r["step_seconds"]:
                by.setdefault(verdict.contestant(r), []).append(r)
        found.append(by)
    rows = []
    for name in found[0]:
        if name not in found[1]:
            continue
        ms = [statistics.fmean(r["step_seconds"]["median"] for r in by[name]) * 1000 for by in found]
        ranges = [
            (min(r["step_seconds"]["q1"] for r in by[name]), max(r["step_seconds"]["q3"] for r in by[name]))
            for by in found
        ]
        apart = ranges[0][1] < ranges[1][0] or ranges[1][1] < ranges[0][0]
        memory = [max((r["host_peak_bytes"] or 0) for r in by[name]) / 2**20 for by in found]
        rows.append([name, f"{ms[0]:.3g}", f"{ms[1]:.3g}", f"{ms[1] / ms[0]:.2f}", "yes" if apart else "no",
                     f"{memory[0]:.0f}", f"{memory[1]:.0f}"])  # fmt: skip
    return ["", "step, ms: first", "second", "second / first", "quartiles apart", "host MiB: first", "second"], rows


def _versions(a: Study, b: Study) -> Rows:
    rows = []
    for backend in [x for x in a["backends"] if x in b["backends"]]:
        x, y = a["backends"][backend], b["backends"][backend]
        names = dict.fromkeys([*x["versions"], *y["versions"]])
        changed = [(n, x["versions"].get(n, "-"), y["versions"].get(n, "-")) for n in names]
        changed.append(("device", x["device"], y["device"]))
        rows += [[backend, *map(str, c)] for c in changed if c[1] != c[2]]
    return ["", "what", "first", "second"], rows or [["all", "the same", "", ""]]


def show(a: Study, b: Study, console: Console) -> None:
    """On the terminal."""
    for title, (head, rows) in sections(a, b).items():
        table = Table(*head, title=title, title_justify="left")
        for row in rows:
            table.add_row(*map(Text, row))  # a name may look like rich's markup
        console.print(table)


def markdown(a: Study, b: Study) -> str:
    """As Markdown."""
    parts = [f"# {record.prose(a['workload']['name'])} and {record.prose(b['workload']['name'])}"]
    for title, (head, rows) in sections(a, b).items():
        parts += [f"## {title}", record.markdown_table(head, rows)]
    return "\n\n".join(parts) + "\n"
