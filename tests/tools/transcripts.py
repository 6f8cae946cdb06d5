"""The sessions that docs/command_line.md shows: run again, and compared with what stands there.

``python tests/tools/transcripts.py`` writes them anew.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "command_line.md"
BLOCK = re.compile(r"```console\n\$ polyloss (.*)\n(?:.*\n)*?```\n")


def run(arguments: str) -> str:
    """What a command prints, 88 columns wide."""
    import shlex

    from typer.testing import CliRunner

    from polyloss.tools.command import app

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"
    try:
        result = CliRunner().invoke(app, shlex.split(arguments), catch_exceptions=False)
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    assert result.exit_code == 0, result.output
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.splitlines())


def renewed(page: str) -> str:
    """The page with every session run again."""
    return BLOCK.sub(lambda block: f"```console\n$ polyloss {block[1]}\n{run(block[1])}```\n", page)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
