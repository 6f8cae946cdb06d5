"""The table of other versions says what broke, how often, and counts a test once."""

from __future__ import annotations

import json
import pathlib

from tests.versions import joined, run

RESULTS = """<testsuites><testsuite timestamp="2026-01-02T03:04:05">
<testcase classname="tests.checks.test_value" name="test_value[a]"/>
<testcase classname="tests.checks.test_value" name="test_value[b]"><failure message="ValueError: one&#10;more">trace</failure></testcase>
<testcase classname="tests.checks.test_value" name="test_value[c]"><failure message="ValueError: one">trace</failure></testcase>
<testcase classname="tests.checks.test_value" name="test_value[d]"><error message="KeyError: two">trace</error></testcase>
<testcase classname="tests.checks.test_value" name="test_value[e]"><skipped message="no gradients"/></testcase>
</testsuite></testsuites>"""


def test_a_run_says_what_broke(tmp_path: pathlib.Path) -> None:
    installed = {"backend": "jax", "python": "3.12.1", "versions": {"keras": "3.15.1"}}
    (tmp_path / "newest, jax.xml").write_text(RESULTS, encoding="utf-8")
    (tmp_path / "newest, jax.json").write_text(json.dumps(installed), encoding="utf-8")
    found = run(tmp_path / "newest, jax.xml")
    assert found == {
        **installed,
        "date": "2026-01-02",
        "passed": 1,
        "skipped": 1,
        "failed": 3,
        "broken": [
            {"tests": 2, "first": "tests/checks/test_value.py::test_value[b]", "said": "ValueError: one"},
            {"tests": 1, "first": "tests/checks/test_value.py::test_value[d]", "said": "KeyError: two"},
        ],
    }
    older = {"newest, jax": {"failed": 9}, "lowest, torch": {"failed": 0}}
    assert joined(older, tmp_path) == {"lowest, torch": {"failed": 0}, "newest, jax": found}
