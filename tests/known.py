"""Upstream defects: what `backends/<backend>/known.toml` lists must fail, in the versions that it names.

.. code-block:: toml

    [[known]]
    test = "test_empty_batch[ContrastiveLoss]"      # the end of the test's id
    package = "keras"                               # as it is imported
    versions = ">=3.15,<3.16"
    reason = "what is wrong, in a sentence"
    link = "https://github.com/keras-team/keras/issues/1"
"""

from __future__ import annotations

import importlib
import pathlib
import tomllib
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet


def entries(path: pathlib.Path) -> list[dict[str, str]]:
    """The entries of one file; one that lacks a part is an error."""
    found = tomllib.loads(path.read_text()).get("known", [])
    for entry in found:
        missing = {"test", "package", "versions", "reason", "link"} - set(entry)
        if missing:
            raise ValueError(f"{path.name}: an entry must have {', '.join(sorted(missing))}. Got {entry}.")
    return found


def mark(items: list[Any], known: list[dict[str, str]]) -> None:
    """Expect the listed tests to fail; strictly, so that a mended defect fails the run."""
    for entry in known:
        if not SpecifierSet(entry["versions"]).contains(
            importlib.import_module(entry["package"]).__version__, prereleases=True
        ):
            continue
        for item in items:
            if item.nodeid.endswith(entry["test"]):
                item.add_marker(pytest.mark.xfail(reason=f"{entry['reason']} {entry['link']}", strict=True))
