"""Runs the scripts of this folder in processes of their own, and reads what they report."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any

ROOT = pathlib.Path(__file__).parents[2]
BOUND = 5e-6
"""Of the relative error of value and gradient, float32."""
QUICKLY = "--xla_backend_optimization_level=0"
"""Many small programs are compiled, and each runs once: without it, most of the time goes into making them fast."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def processes(script: str, arguments: list[list[str]], timeout: float) -> list[subprocess.CompletedProcess[str]]:
    """One process for each list of arguments, all of them at once; killed together when time is up or one has failed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    environment.setdefault("XLA_FLAGS", QUICKLY)
    environment |= {"POLYLOSS_PORT": str(free_port()), "POLYLOSS_PORTS": f"{free_port()},{free_port()}"}
    command = [sys.executable, f"tests/distributed/{script}.py"]
    with tempfile.TemporaryDirectory() as folder:
        files = [
            open(pathlib.Path(folder, f"{i}.{kind}"), "w+") for i in range(len(arguments)) for kind in ("out", "err")
        ]
        running = [
            subprocess.Popen(
                [*command, *given], cwd=ROOT, env=environment, stdout=files[2 * i], stderr=files[2 * i + 1]
            )
            for i, given in enumerate(arguments)
        ]
        end = time.monotonic() + timeout
        while any(p.poll() is None for p in running) and time.monotonic() < end:
            time.sleep(0.05)
        late = [p.poll() is None for p in running]
        for process in running:
            if process.poll() is None:
                process.kill()
            process.wait()
        for file in files:
            file.seek(0)
        texts = [file.read() for file in files]
        for file in files:
            file.close()
    results = [
        subprocess.CompletedProcess(p.args, p.returncode, texts[2 * i], texts[2 * i + 1]) for i, p in enumerate(running)
    ]
    assert not any(late), f"{script} took more than {timeout} s: {[r.stderr[-1500:] for r in results]}"
    return results


def reports(script: str, arguments: list[list[str]], timeout: float = 280) -> list[dict[str, Any]]:
    """What the processes of a run reported; none of them may fail."""
    results = processes(script, arguments, timeout)
    for result in results:
        assert result.returncode == 0, result.stderr[-3000:]
    lines = "".join(result.stdout for result in results).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def judge(found: list[dict[str, Any]], engines: int, cases: int, controls: int) -> None:
    """All cases were run on all engines, equal one device in value and gradient, and the controls do not."""
    assert len({line["engine"] for line in found}) == engines
    assert sum(line["equal"] for line in found) == engines * cases
    assert sum(not line["equal"] for line in found) == engines * controls
    for line in found:
        if line["equal"]:
            assert line["value"] < BOUND, line
            assert line["gradient"] < BOUND, line
        else:
            assert line["gradient"] > 0.01, line
