"""What breaks with the newest releases: the results of `nox -s nightly`, as a table.

``python tests/nightly.py FOLDER`` reads ``<backend>.xml`` (JUnit, of pytest) and ``<backend>.txt`` (versions) there and
writes ``nightly.md`` beside them.
"""

from __future__ import annotations

import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def failures(results: ElementTree.Element) -> dict[str, list[str]]:
    """The tests that failed, by what they said first."""
    found: dict[str, list[str]] = collections.defaultdict(list)
    for case in results.iter("testcase"):
        for fault in (*case.findall("failure"), *case.findall("error")):
            said = (fault.get("message") or fault.text or "").strip().partition("\n")[0]
            found[said].append(f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}")
    return dict(found)


def table(folder: pathlib.Path) -> str:
    """A row for each thing that breaks, and one for a backend where nothing does."""
    rows = []
    for file in sorted(folder.glob("*.xml")):
        results = ElementTree.parse(file).getroot()
        ran = len(list(results.iter("testcase"))) - len(list(results.iter("skipped")))
        versions = file.with_suffix(".txt").read_text(encoding="utf-8").strip()
        broken = failures(results)
        rows += [
            f"| {file.stem} | {versions} | {ran} | {len(tests)} | {tests[0]} | {said.replace('|', '/')[:300]} |"
            for said, tests in sorted(broken.items(), key=lambda item: -len(item[1]))
        ]
        if not broken:
            rows.append(f"| {file.stem} | {versions} | {ran} | 0 | - | nothing breaks |")
    head = ["| backend | versions | tests that ran | failed | the first of them | what it said |", "| --- " * 6 + "|"]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    place = pathlib.Path(sys.argv[1])
    (place / "nightly.md").write_text(table(place), encoding="utf-8")
    print((place / "nightly.md").read_text(encoding="utf-8"))
