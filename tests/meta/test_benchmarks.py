"""The benchmarks start where their backend is the only one installed; what they measure is not tested."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "backends").glob("bench*.py")))
def test_a_benchmark_starts(script: str) -> None:
    done = subprocess.run(
        [sys.executable, f"backends/{script}", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
