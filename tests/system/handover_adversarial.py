"""A training killed on one backend and resumed on another, beside the one that was never stopped.

    python tests/system/handover_adversarial.py jax=/path/to/python torch=/path/to/python ...

Every pair of the backends named: the process that trains is killed in the middle of the third epoch, another one
takes up the checkpoint of the second (stopped_training.py), and what it logs and ends with must be what an
uninterrupted training gives. Each backend runs in the interpreter given for it; one that is named alone, in this.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = pathlib.Path(__file__).parents[2]
PYTHON: dict[str, str] = {}


def run(backend: str, part: str, folder: str) -> subprocess.CompletedProcess[str]:
    """One process."""
    return subprocess.run(
        [PYTHON.get(backend, sys.executable), "tests/system/stopped_training.py", part, folder],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def result(backend: str, part: str, folder: str) -> dict[str, np.ndarray]:
    """What a process printed, as arrays."""
    done = run(backend, part, folder)
    if done.returncode:
        raise SystemExit(f"{backend} {part} failed:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {**{k: np.array(v) for k, v in found["logged"].items()}, "weights": np.array(found["weights"])}


def main(backends: list[str]) -> int:
    """The table; 1 where a difference exceeds 1e-5."""
    table = Table(title="largest difference to the uninterrupted training of the first backend, last two epochs")
    for column in ("killed on", "resumed on", "logged terms", "weights and optimizer state (relative)"):
        table.add_column(column)
    worst = 0.0
    for first in backends:
        whole = result(first, "whole", "")
        with tempfile.TemporaryDirectory() as folder:
            killed = run(first, "killed", f"{folder}/killed")
            if killed.returncode != 9:
                raise SystemExit(f"{first} was to be killed, but ended with {killed.returncode}:\n{killed.stderr}")
            resumed = {}
            for second in backends:  # each goes on from a copy of its own
                shutil.copytree(f"{folder}/killed", f"{folder}/{second}")
                resumed[second] = result(second, "resumed", f"{folder}/{second}")
        for second, its in resumed.items():
            terms = max(np.abs(its[k] - whole[k]).max() for k in whole if k != "weights")
            state = (np.abs(its["weights"] - whole["weights"]) / (1 + whole["weights"])).max()
            worst = max(worst, terms, state)
            table.add_row(first, second, f"{terms:.1e}", f"{state:.1e}")
    Console().print(table)
    return int(worst > 1e-5)


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    PYTHON.update(given.split("=", 1) for given in sys.argv[1:] if "=" in given)
    sys.exit(main([given.partition("=")[0] for given in sys.argv[1:]]))
