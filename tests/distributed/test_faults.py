"""A replica that dies or hangs ends the others in an error within the timeout that was set.

On PyTorch the error is that of `polyloss.replica` and names it; on JAX and TensorFlow it is the engine's own.
"""

from __future__ import annotations

import json
import os
import time

import pytest

from tests.distributed.launch import processes

SECONDS = 8
BACKEND = os.environ.get("KERAS_BACKEND", "")
WAITED = "polyloss.replica: process 0 waited for all of 2 processes in a loss, and of 1 one has ended, hangs or does"
SAID = {
    ("jax", "dies"): ("ValueError", "Connection closed by peer"),
    ("jax", "hangs"): ("ValueError", f"Timed out waiting {SECONDS}000ms"),
    ("tensorflow", "dies"): ("UnavailableError", "/job:worker/replica:0/task:1"),
    ("tensorflow", "hangs"): ("DeadlineExceededError", "Collective has timed out"),
    ("torch", "dies"): ("RuntimeError", WAITED),
    ("torch", "hangs"): ("RuntimeError", WAITED),
}
WITHIN = 12 if BACKEND == "tensorflow" else 4
"""Seconds more: TensorFlow knows a worker for dead when it has sent no heartbeat for 10 s, whatever the timeout."""


def run(how: str) -> list[tuple[int, dict]]:
    results = processes(f"{BACKEND}_faults", [[how, str(rank), "2", str(SECONDS)] for rank in range(2)], timeout=120)
    lines = [[line for line in r.stdout.splitlines() if line.startswith("{")] for r in results]
    return [(r.returncode, json.loads(said[0]) if said else {}) for r, said in zip(results, lines, strict=True)]


@pytest.mark.skipif(all(backend != BACKEND for backend, _ in SAID), reason="this backend has no replicas")
@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_the_others_end_in_an_error(how: str) -> None:
    start = time.monotonic()
    (code, report), (theirs, _) = run(how)
    assert code == 3, report
    assert report["value"] == 1.0
    if how == "dies":
        assert theirs == 7
    kind, said = SAID[BACKEND, how]
    assert report["kind"] == kind
    assert said in report["error"]
    assert report["seconds"] < SECONDS + WITHIN
    assert time.monotonic() - start < 100


@pytest.mark.skipif(BACKEND != "torch", reason="of PyTorch's process groups")
def test_one_process_alone_with_a_context() -> None:
    """An evaluation on rank 0 would wait for the others; `replica_context(None)` says that there are none."""
    (code, report), (theirs, _) = run("alone")
    assert (code, theirs) == (0, 0)
    assert report["value"] == 1.0
