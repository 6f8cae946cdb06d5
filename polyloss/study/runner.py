"""Runs a study: one process a backend, watched, one after the other, so that each has the machine to itself."""

from __future__ import annotations

import ast
import collections
import contextlib
import datetime
import json
import os
import pathlib
import platform
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np
from rich.console import Console

import polyloss
from polyloss import framework
from polyloss.study import links, record, verdict
from polyloss.study.modes import COMPILED, MODES
from polyloss.study.progress import Display
from polyloss.study.workload import BUILT_IN


@dataclass(kw_only=True)
class Settings:
    """How a study is run."""

    backends: tuple[str, ...] = field(default_factory=framework.names)
    modes: tuple[str, ...] = ("auto", "loop")
    seeds: int = 2
    moved: int = 2
    """How many trainings from weights perturbed by one ULP measure the noise floor, on each backend and in each mode."""
    epochs: int | None = None
    steps: int | None = None
    """At most so many steps an epoch."""
    at: tuple[int, ...] = (0,)
    """Steps at which the model is taken apart."""
    rows: int = 8
    """Rows of the batch with which it is taken apart."""
    trials: int = 3
    device: str = "cpu"
    tf32: bool = False
    timeout: float = 600.0
    """Seconds without a sign of life."""
    multiple: float = verdict.MULTIPLE
    link_multiple: float = links.MULTIPLE
    python: dict[str, str] = field(default_factory=dict)


_ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b")
"""How the line begins that a traceback ends with."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BEGUN = (".call().", "Error encountered:")
"""How a message of Keras ends whose reason is on a later line."""

_PLACE = re.compile(r'File "([^"]+)", line (\d+)')


class Fault(Exception):
    """A worker that ended before its work."""


class Process:
    """A worker: its events as they come, and the last that it printed."""

    def __init__(self, backend: str, python: str, spec: Mapping[str, Any], device: str) -> None:
        env = {**os.environ, "KERAS_BACKEND": backend, "PYTHONUNBUFFERED": "1"}
        env.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        env |= {"cpu": {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}}.get(device, {})
        if not spec["settings"]["tf32"]:
            env["NVIDIA_TF32_OVERRIDE"] = "0"
        try:
            self.process = subprocess.Popen(
                [python, "-m", "polyloss.study.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, env=env, start_new_session=os.name != "nt",
            )  # fmt: skip
        except OSError as error:
            raise Fault(f"{python} cannot be started: {error.strerror}") from None
        self.file = pathlib.Path(spec.get("workload", "")).name
        self.printed: collections.deque[str] = collections.deque(maxlen=80)
        self.queue: queue.Queue[str | None] = queue.Queue()
        assert self.process.stdin is not None
        self.threads = [
            threading.Thread(target=target, daemon=True) for target in (self._read_events, self._read_printed)
        ]
        for thread in self.threads:
            thread.start()
        try:
            self.process.stdin.write(json.dumps(spec))
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it is gone already: `events` says so

    def _read_events(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.queue.put(line)
        self.queue.put(None)

    def _read_printed(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.printed.append(line.rstrip()[:400])

    def events(self, timeout: float) -> Iterator[dict[str, Any]]:
        """What the worker says, until it is done; Fault if it ends before, or is silent for too long."""
        done = False
        while True:
            try:
                line = self.queue.get(timeout=timeout)
            except queue.Empty:
                raise Fault(f"no sign of life for {timeout:g} seconds: stopped") from None
            if line is None:
                break
            event = json.loads(line)
            done = done or event["event"] == "done"
            yield event
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Fault(f"did not end within {timeout:g} seconds: stopped") from None
        if not done:
            self.threads[1].join(timeout=5)
            raise Fault(self._reason(code))

    def _reason(self, code: int) -> str:
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        lines = [_COLOUR.sub("", line).strip() for line in self.printed]
        errors = [i for i, line in enumerate(lines) if _ERROR.match(line)]
        said = lines[errors[-1]] if errors else f"ended with status {code}"
        rest = filter(None, lines[errors[-1] + 1 :] if errors else [])
        while said.endswith(_BEGUN) and (more := next(rest, "")):
            said = f"{said} {more}"
        places = [m for m in map(_PLACE.search, self.printed) if m and pathlib.Path(m[1]).name == self.file]
        where = f" ({self.file}, line {places[-1][2]})" if places else ""
        return said + where

    def stop(self) -> None:
        """End it, and what it started."""
        if self.process.poll() is None:
            if os.name != "nt":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join(timeout=5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):  # what was not sent is of no use any more
                if pipe is not None:
                    pipe.close()


class Study:
    """One workload on several backends."""

    def __init__(self, workload: str, settings: Settings, console: Console) -> None:
        self.settings, self.console = settings, console
        self.workload = workload
        self.display = Display(console, len(settings.backends))
        shown = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(settings).items()}
        self.study: dict[str, Any] = {
            "schema": record.SCHEMA,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "polyloss": polyloss.__version__,
            "workload": {"name": pathlib.Path(workload).stem if workload not in BUILT_IN else workload},
            "settings": shown,
            "machine": {
                "platform": platform.system(), "machine": platform.machine(), "cores": os.cpu_count() or 0,
            },
            "backends": {},
            "runs": [],
            "links": [],
            "faults": [],
            "notes": [],
            "interrupted": False,
        }  # fmt: skip
        self.taken: dict[int, dict[str, links.Taken]] = {}
        self.referees: dict[int, tuple[str, links.Taken]] = {}
        self.recorder: str | None = None
        self.inputs_from: dict[int, str] = {}
        self.refereed: set[str] = set()
        self.said_by_check: str | None = None
        self.left_out: dict[str, set[str]] = {}

    # -- jobs ---------------------------------------------------------------------------------------

    def _jobs(self, backend: str) -> list[dict[str, Any]]:
        """What a backend has to do: the first one also makes the weights and records the inputs of each component."""
        s = self.settings
        jobs: list[dict[str, Any]] = []
        first = self.recorder is None
        if first:
            jobs.append({"id": "weights", "task": "weights", "seeds": list(range(s.seeds))})
        save = [step for step in s.at if step] if first else []
        for mode in s.modes:
            plan = [(seed, 0) for seed in range(s.seeds)] + [(j % s.seeds, j + 1) for j in range(s.moved)]
            plan = plan[:1] if mode == "loop" else plan
            for seed, moved in plan:
                job = {"id": f"{mode}/{seed}/{moved}", "task": "training", "mode": mode, "seed": seed, "moved": moved}
                if save and (seed, moved) == (0, 0):
                    job["save"], save = save, []
                jobs.append(job)
        for step in s.at:
            records = step not in self.inputs_from
            jobs.append({"id": f"chain/{step}", "task": "chain", "step": step, "first": records, "referee": False})
        if backend == next(b for b in framework.referees() if b in s.backends):
            jobs += self._referee(s.at)  # last: it turns the whole process to float64
        return jobs

    def _referee(self, steps: Sequence[int]) -> list[dict[str, Any]]:
        return [
            {"id": f"referee/{step}", "task": "chain", "step": step, "first": False, "referee": True} for step in steps
        ]

    def _group(self, job: Mapping[str, Any]) -> str:
        """Jobs that share a fate: where one fails, the others are not tried."""
        return job["mode"] if job["task"] == "training" else job["id"]

    # -- running ------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        """Measure, judge; Ctrl-C ends the measuring and keeps what there is."""
        self._check_file()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="polyloss-study-"))
        try:
            self._check_workload()
            with self.display:
                self._measure()
        except KeyboardInterrupt:
            self.study["interrupted"] = True
            self.console.print("[yellow]interrupted: what was measured so far is kept[/]")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._judge()
        return self.study

    def _check_file(self) -> None:
        """A mistake in the file is said before anything is started."""
        if self.workload in BUILT_IN:
            return
        path = pathlib.Path(self.workload)
        if not path.is_file():
            names = ", ".join(BUILT_IN)
            raise ValueError(f"study: WORKLOAD must be a Python file or one of {names}. Got {self.workload!r}.")
        try:
            ast.parse(path.read_bytes(), str(path))
        except SyntaxError as error:
            raise ValueError(f"study: {path}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}") from None

    def _check_workload(self) -> None:
        """A mistake in what the file returns, too, in one process instead of all.

        It has the backend that is imported here, which so can be. Only what polyloss itself refuses is refused:
        any other error may be one of that backend alone, and the first one that is studied decides (`_work`).
        """
        if self.workload in BUILT_IN:
            return
        spec = {"check": self.workload, "workload": self.workload, "settings": asdict(self.settings)}
        process = None
        try:
            process = Process(keras.backend.backend(), sys.executable, spec, "cpu")
            for event in process.events(self.settings.timeout):
                if event["event"] == "refused":
                    raise ValueError(f"study: {event['text']}")
        except Fault as fault:
            self.said_by_check = str(fault)
        finally:
            if process is not None:
                process.stop()

    def _measure(self) -> None:
        for backend in self.settings.backends:
            self.display.clock.expect(backend, self._jobs(backend))
        for backend in self.settings.backends:
            self._backend(backend)
        for backend in framework.referees():
            missing = [step for step in self.taken if step not in self.referees]
            out = self.refereed | {f["backend"] for f in self.study["faults"]}
            if missing and backend in self.study["backends"] and backend not in out:
                self._work(backend, self._referee(missing))

    def _backend(self, backend: str) -> None:
        pending = self._jobs(backend)
        while pending:
            left = self._work(backend, pending)
            if len(left) == len(pending):
                break
            pending = left

    def _work(self, backend: str, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Run jobs in one process; returns what is left to be tried in another one."""
        spec = {"workload": self.workload, "folder": str(self.folder), "jobs": jobs, "settings": asdict(self.settings)}
        python = self.settings.python.get(backend, sys.executable)
        self.display.start(backend, jobs, python)
        doing: dict[str, Any] | None = None
        finished: set[str] = set()
        started = False
        process = None
        try:
            process = Process(backend, python, spec, self.settings.device)
            for event in process.events(self.settings.timeout):
                started = True
                if event["event"] == "begin":
                    doing = next(j for j in jobs if j["id"] == event["job"])
                    self.display.begin(backend, doing)
                if event["event"] == "end":
                    finished.add(event["job"])
                self._take(backend, doing, event)
            return []
        except Fault as fault:
            printed = list(process.printed) if process else []
            if not started and str(fault) == self.said_by_check:
                raise ValueError(f"study: {fault}") from None  # here as in the check: it is the file
            self._fault(backend, doing, f"{fault}" if doing else f"{fault} [{python}]", printed)
            if doing is None:
                return jobs  # it did not even start
            if doing["task"] == "weights":
                return jobs
            fate = self._group(doing)
            left = [j for j in jobs if j["id"] not in finished and self._group(j) != fate]
            return left if len(left) < len(jobs) else []
        finally:
            if process is not None:
                process.stop()
            self.display.close(backend)

    def _take(self, backend: str, job: dict[str, Any] | None, event: dict[str, Any]) -> None:
        """File what a worker says."""
        kind = event["event"]
        if kind == "hello":
            facts = {k: event[k] for k in ("versions", "device", "executable", "platform", "data")}
            self.study["backends"].setdefault(backend, {"ran": True, "dtype_policy": "-", "configuration": [], **facts})
            self.study["workload"] = event["workload"] | self.study["workload"]
            first = next(iter(self.study["backends"].values()))["data"]
            if what := verdict.other_data(first, event["data"]):
                self._fault(backend, None, f"its data differ from the first backend's ({what}): draw them from the "
                            "generator that data(rng) is given, and from nothing else", [])  # fmt: skip
        elif kind == "built":
            many = len(event["dtype_policies"]) > 1
            shown = [f"{name} ({n} layers)" if many else name for name, n in event["dtype_policies"].items()]
            self.study["backends"][backend] |= {
                "dtype_policy": ", ".join(shown),
                "configuration": event["configuration"],
            }
        elif job is None:
            return
        elif job["task"] == "training":
            self._take_training(backend, job, event)
        elif kind == "end" and job["task"] == "weights":
            self.study["workload"] |= {k: event[k] for k in ("random_layers", "parameters", "layers")}
            self.recorder = backend
        elif kind == "end" and job["task"] == "chain":
            with np.load(self.folder / event["arrays"]) as stored:
                taken = (event["probes"], dict(stored))
            if job["referee"]:
                self.refereed.add(backend)
                self.referees[job["step"]] = (backend, taken)
            else:
                self.taken.setdefault(job["step"], {})[backend] = taken
                self.inputs_from.setdefault(job["step"], backend)
                self.study["workload"]["rows_apart"] = event["rows"]

    def _take_training(self, backend: str, job: dict[str, Any], event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "begin":
            self.study["runs"].append(
                {
                    "backend": backend, "mode": job["mode"], "seed": job["seed"], "moved": job["moved"],
                    "status": "started", "ran": None, "precision": "float32", "terms": {}, "gradient_norm": [], "seconds": [], "epochs": [],
                    "first_seconds": None, "host_peak_bytes": None, "host_peak_of": None, "device_peak_bytes": None,
                }
            )  # fmt: skip
            return
        run = self.study["runs"][-1]
        if kind == "prepared":
            run |= {"ran": event["ran"], "precision": event["precision"]}
            self._note_mode(backend, job["mode"], event)
            if event["left_out"] is not None:
                self.study["runs"].pop()
        elif job["mode"] in self.left_out.get(backend, ()):
            return
        elif kind == "compiled":
            run["first_seconds"] = event["seconds"]
            self.display.compiled(backend, event["seconds"])
        elif kind == "step":
            for term, value in event["terms"].items():
                run["terms"].setdefault(term, []).append(value)
            run["gradient_norm"].append(event["norm"])
            run["seconds"].append(event["seconds"])
            self.display.step(run, self.study["workload"].get("steps", 0))
        elif kind == "epoch":
            run["epochs"].append(event["metrics"])
        elif kind == "end":
            run["status"] = "stopped" if "stopped" in event else "done"
            run |= {k: event[k] for k in ("host_peak_bytes", "host_peak_of", "device_peak_bytes") if k in event}
            if "stopped" in event:
                run["note"] = event["stopped"]
                if not job["moved"]:
                    self._fault(backend, job, event["stopped"], [])

    def _note_mode(self, backend: str, mode: str, event: Mapping[str, Any]) -> None:
        """Say it where a mode is not what its name says."""
        asked = MODES[mode]["jit_compile"] is True and event["ran"] not in COMPILED
        layers = ", ".join(f"`{name}`" for name in event["uncompiled"])
        why = "Keras does not compile it" + (f", because of {layers}" if layers else "")
        if event["left_out"] is not None:
            self.left_out.setdefault(backend, set()).add(mode)
            self._note(backend, f"{mode} is left out: {event['left_out']}{f': {why}' if asked else ''}.")
        elif asked:
            self._note(backend, f"{mode} ran as {event['ran']}: {why}.")

    def _note(self, backend: str, text: str) -> None:
        """What a reader has to know, and no fault."""
        note = {"backend": backend, "text": text}
        if note not in self.study["notes"]:
            self.study["notes"].append(note)
            self.console.print(f"{backend}: {text}", style="yellow", markup=False, highlight=False, soft_wrap=True)

    def _fault(self, backend: str, job: Mapping[str, Any] | None, text: str, printed: Sequence[str]) -> None:
        where = backend
        if job is not None and job.get("referee"):
            self.refereed.add(backend)
            self._note(backend, f"could not compute the float64 reference at step {job['step']}: {text.rstrip('.: ')}.")
            return
        if job is not None:
            name = {"weights": "initial weights", "chain": f"layers at step {job.get('step')}"}.get(job["task"])
            where += ": " + (
                name or f"{job['mode']}, seed {job['seed']}" + (", perturbed weights" if job["moved"] else "")
            )
            for run in self.study["runs"]:
                if run["status"] == "started" and run["backend"] == backend:
                    run["status"] = "failed"
        self.study["faults"].append(
            {
                "backend": backend,
                "job": job["id"] if job else None,
                "where": where,
                "text": text,
                "output": list(printed),
            }
        )
        self.console.print(f"{where}: {text}", style="red", markup=False, highlight=False, soft_wrap=True)

    # -- judging ------------------------------------------------------------------------------------

    def _judge(self) -> None:
        for run in self.study["runs"]:
            if run["status"] == "started":
                run["status"] = "interrupted"
            run["step_seconds"] = timing(run["seconds"])
        for step, taken in sorted(self.taken.items()):
            referee = self.referees.get(step)
            self.study["links"].append(
                {
                    "step": step, "inputs_from": self.inputs_from[step], "referee": referee[0] if referee else None,
                    "rows": links.judged(taken, referee, self.settings.link_multiple),
                }
            )  # fmt: skip
        self.study["verdict"] = verdict.of_study(self.study)


WARM_UP = 2
"""Steps of each training that are not counted in the times."""


def timing(seconds: Sequence[float]) -> dict[str, float] | None:
    """Median and quartiles of the steps after the warm-up."""
    if len(seconds) <= WARM_UP:
        return None
    q1, median, q3 = np.quantile(seconds[WARM_UP:], [0.25, 0.5, 0.75])
    return {"median": float(median), "q1": float(q1), "q3": float(q3), "warm_up": float(np.sum(seconds[:WARM_UP]))}
