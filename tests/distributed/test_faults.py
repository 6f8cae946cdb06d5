"""A replica that dies or hangs ends the others in an error that names it, within the timeout that was set."""

from __future__ import annotations

import json
import os
import time

import pytest

from tests.distributed.launch import processes

SECONDS = 8
pytestmark = pytest.mark.skipif(os.environ.get("KERAS_BACKEND") != "torch", reason="of PyTorch's process groups")


def run(how: str) -> list[tuple[int, dict]]:
    results = processes("torch_faults", [[how, str(rank), "2", str(SECONDS)] for rank in range(2)], timeout=120)
    return [(r.returncode, json.loads(r.stdout) if r.stdout.startswith("{") else {}) for r in results]


@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_the_others_end_in_an_error_that_names_it(how: str) -> None:
    start = time.monotonic()
    (code, report), (theirs, _) = run(how)
    assert code == 3, report
    assert theirs == (7 if how == "dies" else 0)
    said = "polyloss.replica: process 0 waited for all of 2 processes in a loss, and of 1 one has ended, hangs or does"
    assert report["error"].startswith(said)
    assert report["seconds"] < SECONDS + 4
    assert time.monotonic() - start < 100


def test_one_process_alone_with_a_context() -> None:
    """An evaluation on rank 0 would wait for the others; `replica_context(None)` says that there are none."""
    (code, report), (theirs, _) = run("alone")
    assert (code, theirs) == (0, 0)
    assert report["value"] == 1.0
