"""What a study leaves on disk: study.json by `schema.json`, steps.csv, and tables in Markdown."""

from __future__ import annotations

import csv
import importlib.resources
import io
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
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
    return "\n".join("| " + " | ".join(str(c).replace("|", "\\|") for c in line) + " |" for line in lines)


def read(path: pathlib.Path) -> dict[str, Any]:
    """A study.json, or the folder that holds one."""
    path = path / "study.json" if path.is_dir() else path
    try:
        study = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"compare: a study must be a file that can be read. Got {path}: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"compare: a study must be JSON. Got {path}: {error}.") from None
    if not isinstance(study, dict) or study.get("schema") != SCHEMA:
        got = study.get("schema") if isinstance(study, dict) else type(study).__name__
        raise ValueError(f"compare: a study must have the schema {SCHEMA}. Got {path} with {got!r}.")
    return study
