"""What the tests did with other versions of Python, Keras and the frameworks: joins the runs, and says what broke.

``python tests/versions.py FOLDER`` reads there each ``NAME.xml`` (JUnit, of pytest) with its ``NAME.json`` (what was
installed), and prints a table; ``--write`` renews docs/versions.json and so the site's page "What works where".
"""

from __future__ import annotations

import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = pathlib.Path(__file__).parent.parent
PUBLISHED = ROOT / "docs" / "versions.json"
LENGTH = 300  # of what a failed test said


def run(file: pathlib.Path) -> dict[str, Any]:
    """One run: what was installed, how many tests passed, were expected to fail or skipped, and what broke."""
    results = ElementTree.parse(file).getroot()
    cases = list(results.iter("testcase"))
    broken = collections.defaultdict(list)
    for case in cases:
        for fault in (*case.findall("failure"), *case.findall("error")):
            said = (fault.get("message") or fault.text or "").strip().partition("\n")[0][:LENGTH]
            broken[said].append(f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}")
    skipped = sum(case.find("skipped") is not None for case in cases)
    failed = len({test for tests in broken.values() for test in tests})
    return {
        **json.loads(file.with_suffix(".json").read_text(encoding="utf-8")),
        "date": next(results.iter("testsuite")).get("timestamp", "")[:10],
        "passed": len(cases) - skipped - failed,
        "skipped": skipped,
        "failed": failed,
        "broken": [
            {"tests": len(tests), "first": tests[0], "said": said}
            for said, tests in sorted(broken.items(), key=lambda item: -len(item[1]))
        ],
    }


def joined(published: dict[str, Any], folder: pathlib.Path) -> dict[str, Any]:
    """The runs of the folder, each in the place of an older one of its name."""
    found = {file.stem: run(file) for file in sorted(folder.glob("*.xml")) if file.with_suffix(".json").exists()}
    return dict(sorted({**published, **found}.items()))


def table(runs: dict[str, Any]) -> Table:
    """A row for each run, and one for each thing that broke in it."""
    shown = Table("run", "Python", "installed", "passed", "skipped", "failed", "what it said; the first test")
    for name, each in runs.items():
        versions = ", ".join(f"{package} {version}" for package, version in each["versions"].items())
        counts = (str(each[key]) for key in ("passed", "skipped", "failed"))
        shown.add_row(name, each["python"], versions, *counts, "" if each["broken"] else "nothing breaks")
        for fault in each["broken"]:
            shown.add_row("", "", "", "", "", str(fault["tests"]), f"{fault['said']}; {fault['first']}")
    return shown


if __name__ == "__main__":
    place = pathlib.Path(sys.argv[1])
    before = json.loads(PUBLISHED.read_text(encoding="utf-8")) if PUBLISHED.exists() else {}
    Console(width=150).print(table(joined({}, place)))
    if "--write" in sys.argv[2:]:
        PUBLISHED.write_text(json.dumps(joined(before, place), indent=1) + "\n", encoding="utf-8")
        print(f"{PUBLISHED.relative_to(ROOT)}: written.")
