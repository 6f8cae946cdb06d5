"""Where the time of the tests goes: seconds by template (test function), by loss and by backend.

    python tests/times.py                 what the last whole runs took (build/times/<backend>.json)
    python tests/times.py before.log      and, before it, what the log of `nox` with `pytest --durations=0` says

Seconds are summed over tests and workers: two workers wait half of them.
"""

from __future__ import annotations

import collections
import json
import pathlib
import re
import sys
from typing import Any

FOLDER = pathlib.Path(__file__).parent.parent / "build" / "times"
SESSION = re.compile(r"nox > Running session tests\((\w+)\)|(nox > Running session )")
DURATION = re.compile(r"\s*([\d.]+)s (?:call|setup|teardown)\s+([^\s\[]+)")
Seconds = dict[str, float]


class Times:
    """Heard while the tests run."""

    def __init__(self) -> None:
        self.templates: collections.defaultdict[str, float] = collections.defaultdict(float)
        self.losses: collections.defaultdict[str, float] = collections.defaultdict(float)

    def add(self, report: Any) -> None:
        """One phase of one test."""
        self.templates[report.nodeid.partition("[")[0]] += report.duration
        if cell := dict(report.user_properties).get("cell"):
            self.losses[cell[0]] += report.duration

    def write(self, folder: pathlib.Path, backend: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        found = {"templates": ordered(self.templates), "losses": ordered(self.losses)}
        (folder / f"{backend}.json").write_text(json.dumps(found, indent=1) + "\n")

    def slowest(self, count: int) -> list[str]:
        """The templates that took longest, a line each."""
        rows = list(ordered(self.templates).items())[:count]
        return [f"{seconds:7.1f} s  {name}" for name, seconds in rows if seconds >= 1]


def ordered(seconds: Seconds) -> Seconds:
    """The longest first."""
    return {name: round(s, 3) for name, s in sorted(seconds.items(), key=lambda item: -item[1])}


def logged(path: pathlib.Path) -> dict[str, Seconds]:
    """Seconds by backend and template in a log of `nox`."""
    found: dict[str, collections.defaultdict[str, float]] = {}
    backend = None
    for line in path.read_text().splitlines():
        if session := SESSION.match(line):
            backend = session[1]
        elif backend and (duration := DURATION.match(line)):
            found.setdefault(backend, collections.defaultdict(float))[duration[2]] += float(duration[1])
    return {backend: dict(seconds) for backend, seconds in found.items()}


def table(columns: dict[str, Seconds], least: float = 1.0) -> list[str]:
    """A row a name whose seconds reach `least` somewhere, the longest first, and a sum of all."""
    names = sorted(
        {n for c in columns.values() for n in c}, key=lambda n: -sum(c.get(n, 0.0) for c in columns.values())
    )
    shown = [n for n in names if max(c.get(n, 0.0) for c in columns.values()) >= least]
    width = max(map(len, [*shown, "all"]), default=3)
    head = " " * width + "".join(f"{name:>20}" for name in columns)
    rows = [f"{n:{width}}" + "".join(f"{c.get(n, 0.0):20.1f}" for c in columns.values()) for n in shown]
    return [head, *rows, f"{'all':{width}}" + "".join(f"{sum(c.values()):20.1f}" for c in columns.values())]


def main(logs: list[str]) -> None:
    now = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
    columns: dict[str, Seconds] = {}
    before = logged(pathlib.Path(logs[0])) if logs else {}
    for backend in sorted({*before, *now}):
        if backend in before:
            columns[f"{backend} before"] = before[backend]
        if backend in now:
            columns[backend] = now[backend]["templates"]
    print("\n".join(table(columns)), end="\n\n")
    print("\n".join(table({backend: found["losses"] for backend, found in now.items()}, 0.0)))


if __name__ == "__main__":
    main(sys.argv[1:])
