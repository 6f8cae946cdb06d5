"""The evidence of two workers is that of one process: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.evidence import MEASURED, Evidence

ROOT = pathlib.Path(__file__).parents[2]
ENTRY = {"parameters": "{}", "dtype": "float32", "quantity": "value", "provider": "polyloss", "ulp": 1.0}


def measured_by(*losses: str) -> Evidence:
    """One of everything for each loss."""
    evidence = Evidence("torch")
    for loss in losses:
        evidence.errors.append({"loss": loss, **ENTRY})
        evidence.halves.append({"loss": loss, "dtype": "float16", "quantity": "value", "target": 0.0, "ulp": 0.5})
        evidence.planted.append(f"test_value_check[{loss}]")
        evidence.refused += 1
        evidence.trajectories[loss] = {"loss": [1.0]}
        evidence.second_order[loss] = (1.0, 2.0)
        evidence.results[f"{loss}|value"] = np.ones(3)
    return evidence


def test_join() -> None:
    joined = Evidence("torch")
    for part in (measured_by("A", "B"), measured_by("C")):
        joined.join(part.part())
    want = measured_by("A", "B", "C")
    assert all(str(getattr(joined, name)) == str(getattr(want, name)) for name in MEASURED)


@pytest.mark.parametrize("name", [name for name in MEASURED if name != "refused"])
def test_what_two_measured_is_an_error(name: str) -> None:
    one, two = measured_by("A"), measured_by("B")
    setattr(two, name, getattr(measured_by("A"), name))
    with pytest.raises(ValueError, match=r"^evidence: each process must have its own tests. Got twice .*A"):
        one.join(two.part())


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") != "numpy", reason="once is enough: it runs with the NumPy backend")
def test_two_workers_write_what_one_process_writes(tmp_path: pathlib.Path) -> None:
    def run(*workers: str) -> dict[str, Any]:
        folder = tmp_path / "-".join(["run", *workers])
        modules = [f"tests/checks/test_{name}.py" for name in ("accuracy", "halves", "refusals", "compiled")]
        command = [sys.executable, "-m", "pytest", *modules, "-k", "Huber", f"--evidence={folder}", *workers]
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout
        return json.loads((folder / "numpy.json").read_text())

    alone, together = run(), run("-n", "2")
    assert alone == together
    assert alone["cells"]
    assert alone["errors"]
    assert alone["halves"]
    assert alone["refused"]
    assert any("skipped" in counts for counts in alone["tests"].values())
