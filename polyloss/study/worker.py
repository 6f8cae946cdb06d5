"""One backend at work: ``python -m polyloss.study.worker``, a description of jobs on stdin, JSON lines on stdout.

Started by `runner` with KERAS_BACKEND set. It reports each thing as soon as it is measured, so that whatever ends
it leaves what there was. It does not survive errors: it dies of them, with the traceback on stderr, and the
runner starts another one for the jobs that are left.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import random
import sys
import threading
import time
from typing import Any


def main() -> None:
    """Do the jobs on stdin."""
    threading.Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes with their errors

    def say(event: str, **facts: Any) -> None:
        lines.write(json.dumps({"event": event, **facts}) + "\n")

    spec = json.load(sys.stdin)
    if "loss" in spec:  # `polyloss agree`
        from polyloss.study import agree

        agree.work(spec, say)
    elif "check" in spec:
        check(spec["check"], say)
    else:
        Worker(spec, say).run()
    say("done")
    lines.flush()
    os._exit(0)  # nothing is left to be saved; some frameworks take seconds to close, or hang


def _end_after(parent: int) -> None:
    """End when the one that started this worker has: a signal may have ended it before it could stop its workers."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def check(name: str, say: Any) -> None:
    """Whether a workload is one, before the frameworks are started."""
    from polyloss.study import training, workload

    try:
        made = workload.load(name)
        train, _ = made.arrays()
        training.build(made, train)
    except workload.WorkloadError as refused:
        say("refused", text=str(refused))


class Worker:
    """The jobs, in order."""

    def __init__(self, spec: dict[str, Any], say: Any) -> None:
        from polyloss.framework import process
        from polyloss.study import workload

        self.say = say
        self.jobs = spec["jobs"]
        self.settings = settings = spec["settings"]
        self.folder = pathlib.Path(spec["folder"])
        if not settings["tf32"]:
            process.exact_products()
        device = process.device_name()
        if settings["device"] != "cpu" and device == "cpu":
            raise RuntimeError(f"{os.environ['KERAS_BACKEND']} finds no {settings['device']}, and computes on the cpu")
        self.workload = workload.load(spec["workload"])
        self.epochs = settings["epochs"] or self.workload.epochs
        self.train, self.test = self.workload.arrays()
        if settings["steps"] and self.test is not None:
            self.test = workload.first_rows(self.test, min(_rows(self.test), settings["steps"] * self._batch))
        self.trained: dict[str, Any] = {}
        self.prepared: dict[str, dict[str, Any]] = {}
        self.ran: dict[str, str] = {}
        """What compiled each mode that was trained in."""
        self.described = False
        say(
            "hello",
            versions=_versions(), device=device, executable=sys.executable, platform=f"{platform.system()} {platform.machine()}",
            workload={
                "about": self.workload.about, "batch_size": self._batch, "epochs": self.epochs,
                "rows": _rows(self.train), "steps": sum(len(e) for e in self._batches(0)),
                "data": workload.fingerprint((self.train, self.test)),
            },
            data=workload.fingerprints(self.train, self.test),
        )  # fmt: skip

    @property
    def _batch(self) -> int:
        return self.workload.batch_size

    def _batches(self, seed: int) -> list[list[Any]]:
        from polyloss.study.workload import batches

        return list(batches(self.train, self._batch, self.epochs, self.settings["steps"], seed))

    def run(self) -> None:
        """Every job, each announced before it starts."""
        from polyloss.study import draws

        with draws.same_everywhere():
            for job in self.jobs:
                self.say("begin", job=job["id"])
                self.say("end", job=job["id"], **(getattr(self, job["task"])(job) or {}))

    # -- the tasks ----------------------------------------------------------------------------------

    def weights(self, job: dict[str, Any]) -> dict[str, Any]:
        """Initial weights for every seed, for all backends."""
        from polyloss.framework import private
        from polyloss.study import draws, training

        facts: dict[str, Any] = {}
        for seed in job["seeds"]:
            model = self._fresh(seed)
            training.save_weights(model, self.weights_of(seed))
            names = [name for name, _ in draws.seeds_of(model)]
            facts = {
                "random_layers": list(dict.fromkeys(names)),
                "parameters": sum(math.prod(v.shape) for v in model.weights),
                "layers": len(private.flat_layers(model)),
            }  # fmt: skip
        return facts

    def _fresh(self, seed: int) -> Any:
        """A model with initial weights of this seed."""
        import keras

        from polyloss.study import training

        training.forget()
        keras.utils.set_random_seed(seed)
        random.seed(seed)
        return training.build(self.workload, self.train)

    def _describe(self, model: Any) -> None:
        """Say once what was built."""
        from polyloss.study import configuration, training

        if not self.described:
            self.described = True
            self.say(
                "built", dtype_policies=training.policies(model),
                configuration=configuration.of_model(model, self.workload.metrics_given),
            )  # fmt: skip

    def weights_of(self, seed: int, step: int = 0) -> pathlib.Path:
        """Where the weights lie."""
        return self.folder / (f"seed{seed}-step{step}.npz")

    def training(self, job: dict[str, Any]) -> dict[str, Any]:
        """One training, step by step."""
        import keras

        from polyloss.framework import private, process
        from polyloss.study import training

        mode, seed = job["mode"], job["seed"]
        epochs = self._batches(seed)
        if mode not in self.prepared:
            training.forget()
            keras.utils.set_random_seed(seed)
            trained = training.Trained(self.workload, self.train, mode, epochs[0][0])
            self._describe(trained.model)
            self.prepared[mode] = {
                "ran": trained.ran, "precision": training.precision(trained.model),
                "uncompiled": [x.name for x in private.flat_layers(trained.model) if not x.supports_jit],
                "left_out": self._why_not(mode, trained),
            }  # fmt: skip
            self.trained = {mode: trained}
        self.say("prepared", job=job["id"], **self.prepared[mode])
        if self.prepared[mode]["left_out"] is not None:
            return {}
        if mode not in self.ran:
            self.ran[mode] = self.prepared[mode]["ran"]
            self.trained[mode].compile()
            self.say("compiled", job=job["id"], seconds=self.trained[mode].first_seconds)
        trained = self.trained[mode]
        trained.reset(self.weights_of(seed), seed, job["moved"])
        reset = _forget_peak()
        step = 0
        for number, batches in enumerate(epochs):
            for batch in batches:
                terms, norm, seconds = trained.step(batch)
                finite = all(_is_finite(v) for v in terms.values())
                self.say(
                    "step", job=job["id"], step=step, seconds=seconds,
                    terms={k: v if _is_finite(v) else None for k, v in terms.items()},
                    norm=norm if _is_finite(norm) else None,
                )  # fmt: skip
                if not finite:
                    bad = ", ".join(f"{k} is {v}" for k, v in terms.items() if not _is_finite(v))
                    return {"stopped": f"{bad} at step {step}"}
                step += 1
                if step in job.get("save", ()):
                    trained.settle()
                    training.save_weights(trained.model, self.weights_of(seed, step))
            if self.test is not None:
                found = trained.evaluate(self.test, self._batch)
                self.say(
                    "epoch", job=job["id"], epoch=number,
                    metrics={k: v if _is_finite(v) else None for k, v in found.items()},
                )  # fmt: skip
        trained.settle()
        return {
            "host_peak_bytes": _peak(), "host_peak_of": "this training" if reset else "the process so far",
            "device_peak_bytes": process.device_memory(),
        }  # fmt: skip

    def _why_not(self, mode: str, trained: Any) -> str | None:
        """What there is against a training in a mode."""
        from polyloss.training import StepModel

        same = next((m for m, ran in self.ran.items() if ran == trained.ran and m != mode), None)
        if same is not None:
            return f"it would be {same} again ({trained.ran})"
        if mode == "loop" and isinstance(trained.model, StepModel):
            return "the model has a step of its own"
        return None

    def chain(self, job: dict[str, Any]) -> dict[str, Any]:
        """The model taken apart, in float32, or in float64 as the referee."""
        import keras
        import numpy as np

        from polyloss.framework import process
        from polyloss.study import training
        from polyloss.study.chain import Chain
        from polyloss.study.workload import first_rows

        if job["referee"]:
            process.double_precision()
            keras.config.set_floatx("float64")
            keras.config.set_dtype_policy("float64")
        model = self._fresh(0)
        self.workload.compiled(model, run_eagerly=True)
        if not job["referee"]:
            self._describe(model)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        training.load_weights(model, self.weights_of(0, job["step"]))
        flat = [batch for epoch in self._batches(0) for batch in epoch]
        batch = first_rows(flat[min(job["step"], len(flat) - 1)], min(self._batch, self.settings["rows"]))
        if job["referee"]:
            batch = keras.tree.map_structure(_doubled, batch)
        shared = None
        if not job["first"]:
            with np.load(self.folder / f"shared-step{job['step']}.npz") as stored:
                shared = dict(stored)
        found = Chain(model, batch, 0, shared, 0 if job["referee"] else self.settings["trials"]).measure()
        name = f"{os.environ['KERAS_BACKEND']}{'-referee' if job['referee'] else ''}-step{job['step']}.npz"
        np.savez(self.folder / name, allow_pickle=False, **found.arrays)
        if job["first"]:
            np.savez(self.folder / f"shared-step{job['step']}.npz", allow_pickle=False, **found.shared)
        return {"arrays": name, "probes": found.probes, "rows": _rows(batch)}


def _rows(arrays: Any) -> int:
    import keras

    return len(next(a for a in keras.tree.flatten(arrays) if a is not None))


def _doubled(a: Any) -> Any:
    return a.astype("float64") if a is not None and a.dtype.kind == "f" else a


def _is_finite(x: float) -> bool:
    return x - x == 0


def _versions() -> dict[str, str]:
    from polyloss import framework

    own = [package for backend in framework.names() for package in framework.announced(backend).packages]
    names = ("keras", "keras-polyloss", "numpy", *own)
    found = {"python": platform.python_version()}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _forget_peak() -> bool:
    """Let the peak of memory start anew, where the system has a way (Linux)."""
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _peak() -> int | None:
    """The most memory of this process, in bytes, since `_forget_peak`."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
