"""The answers to the usual mistakes: `docs/data/mistakes.toml` run, and what is said written to `mistakes.json`.

``KERAS_BACKEND=... python tests/tools/mistakes.py`` writes what that backend answers, one backend after the other. The
page "When it does not work" is made of both files, and `tests/tools/test_mistakes.py` holds the record against a run.
"""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import re
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Mapping
from typing import Any

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
DATA = ROOT / "docs" / "data" / "mistakes.toml"
RECORD = DATA.with_suffix(".json")


def mistakes() -> tuple[list[dict[str, str]], dict[str, str]]:
    """Every mistake, and what some of them start from."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return data["mistake"], data["setup"]


def answer(mistake: Mapping[str, str], setup: Mapping[str, str]) -> str:
    """What is said: an error or a warning with its class, or what is printed."""
    if "command" in mistake:
        from typer.testing import CliRunner

        from polyloss.tools.command import app

        return CliRunner().invoke(app, mistake["command"].split(), env={"COLUMNS": "88"}).output.strip()
    names: dict[str, Any] = {"__name__": "mistake"}
    exec("import keras\nimport numpy as np\nimport polyloss\n", names)
    exec(setup.get(mistake.get("setup", ""), ""), names)
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always", UserWarning)
        try:
            exec(compile(mistake["code"], mistake["title"], "exec"), names)
        except Exception as error:  # whatever it is, it is what the user gets
            return _said(error)
    mine = [w for w in warned if w.category is UserWarning]
    return _said(mine[0].message) if mine else printed.getvalue().strip()


def _said(what: Any) -> str:
    """The class and the sentence; of an error that a framework passes on, the sentence alone."""
    text = str(what)
    inner = re.findall(
        rf"^ *({type(what).__name__}: .*)$", text, re.MULTILINE
    )  # TensorFlow quotes it with its traceback
    return inner[-1] if inner else f"{type(what).__name__}: {text}"


def record() -> dict[str, dict[str, str]]:
    """What was answered, by mistake and backend."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def main() -> None:
    """Write this backend's answers."""
    import keras

    found, setup = mistakes()
    kept = record()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        answers = {m["title"]: {**kept.get(m["title"], {}), keras.backend.backend(): answer(m, setup)} for m in found}
    ordered = {title: dict(sorted(by_backend.items())) for title, by_backend in answers.items()}
    RECORD.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
