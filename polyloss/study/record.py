"""What a study leaves on disk: study.json by `schema.json`, steps.csv, and tables in Markdown."""

from __future__ import annotations

import contextlib
import csv
import html
import importlib.resources
import io
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SCHEMA = "polyloss-study/1"


def schema() -> dict[str, Any]:
    """The JSON schema of study.json."""
    return json.loads(importlib.resources.files("polyloss.study").joinpath("schema.json").read_text())


def finite_json(x: Any) -> Any:
    """For JSON, which knows no infinity and no NaN: the words "inf" and null."""
    if isinstance(x, Mapping):
        return {str(k): finite_json(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [finite_json(v) for v in x]
    if isinstance(x, float) and not math.isfinite(x):
        return None if math.isnan(x) else "inf"
    return x


def as_json(study: Mapping[str, Any]) -> str:
    """study.json."""
    return json.dumps(finite_json(study), indent=1, allow_nan=False) + "\n"


def as_csv(study: Mapping[str, Any]) -> str:
    """steps.csv: a row a step."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    terms = list(dict.fromkeys(t for r in study["runs"] for t in r["terms"]))
    table.writerow(["backend", "mode", "seed", "moved", "step", "seconds", "gradient_norm", *terms])
    for run in study["runs"]:
        for step, seconds in enumerate(run["seconds"]):
            table.writerow(
                [run["backend"], run["mode"], run["seed"], run["moved"], step, seconds, run["gradient_norm"][step]]
                + [run["terms"][t][step] if t in run["terms"] else None for t in terms]
            )
    return text.getvalue()


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(prose(c).replace("|", "\\|") for c in line) + " |" for line in lines)


def prose(text: Any) -> str:
    """For Markdown, on one line: what stands between backticks is code there, all else must not become HTML.

    >>> from polyloss.study.record import prose
    >>> prose("a <b> in `<c>`")
    'a &lt;b&gt; in `<c>`'
    """
    parts = " ".join(str(text).split()).split("`")
    closed = len(parts) - (len(parts) % 2 == 0)  # what follows a backtick without a partner is no code
    return "`".join(p if i % 2 and i < closed else html.escape(p, quote=False) for i, p in enumerate(parts))


# -- files ------------------------------------------------------------------------------------------


def write(path: pathlib.Path, text: str) -> None:
    """Write a whole file or none: beside its place first. An older one stays until then; a link is replaced."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def claimed(folder: pathlib.Path) -> Iterator[None]:
    """Make a folder and keep other studies out of it; OSError where it cannot be made, written, or is taken."""
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    place = folder / ".polyloss-study.lock"
    lock = filelock.FileLock(place, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BlockingIOError(None, "another study is writing there") from None
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        lock.release()


def read(path: pathlib.Path) -> dict[str, Any]:
    """A study.json, or the folder that holds one."""
    import jsonschema

    path = path / "study.json" if path.is_dir() else path
    try:
        study = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(study, dict) or study.get("schema") != SCHEMA:
            got = study.get("schema") if isinstance(study, dict) else type(study).__name__
            raise ValueError(f"compare: a study must have the schema {SCHEMA}. Got {path} with {_short(got)}.")
        wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema()).iter_errors(study))
    except OSError as error:
        raise ValueError(f"compare: a study must be a file that can be read. Got {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"compare: a study must be text in UTF-8. Got {path}: {error.reason}.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"compare: a study must be JSON. Got {path}: {error}.") from None
    except RecursionError:
        raise ValueError(f"compare: a study must be JSON of a few levels. Got {path}, nested too deeply.") from None
    if wrong is not None:
        raise ValueError(
            f"compare: a study must follow the schema {SCHEMA}. Got {path}, where {wrong.json_path} is wrong: "
            f"{_short(wrong.message)}."
        )
    return study


def _short(thing: Any) -> str:
    text = thing if isinstance(thing, str) else repr(thing)
    return text if len(text) < 200 else f"{text[:90]} ... {text[-90:]}"
