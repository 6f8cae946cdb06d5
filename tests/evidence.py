"""What a run measured: worst errors with their inputs, values for the comparison of backends, cells."""

from __future__ import annotations

import datetime
import json
import pathlib
import pickle
from typing import Any

import numpy as np

from tests.oracle import ulp


def budget(exact: np.ndarray, sensitivity: np.ndarray, dtype: str, floor: float = 0.0, terms: int = 1) -> np.ndarray:
    """32 (float64: 64) ulp of the exact result, n/2 more for a sum of n terms, 8 times what one ulp of each
    input moves it, and for softmax losses an absolute floor in ulp of 1.0."""
    allowed = (32 if dtype == "float32" else 64) + terms / 2
    one = ulp(np.ones(()), dtype)
    return allowed * ulp(exact, dtype) + 8 * sensitivity + floor * one


MEASURED = ("errors", "halves", "planted", "refused", "trajectories", "second_order", "results")
"""What tests write into the evidence themselves."""


class Evidence:
    """Collected while the tests run, written at the end.

    Where several processes run the tests, each hands over its `part` of what its tests measured, and one joins them.
    What reports say (cells, outcomes, blocks) that one hears itself.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.cells: list[tuple[str, str, str]] = []
        self.errors: list[dict[str, Any]] = []
        self.halves: list[dict[str, Any]] = []
        self.planted: list[str] = []
        self.refused = 0
        self.trajectories: dict[str, dict[str, list[float]]] = {}
        self.second_order: dict[str, tuple[float, float]] = {}
        self.results: dict[str, np.ndarray] = {}
        self.blocks: list[tuple[int, int]] = []
        self.tests: dict[str, dict[str, int]] = {}
        self.reasons: dict[str, str] = {}

    def outcome(self, report: Any) -> None:
        """Count passed, skipped and failed by test function and mode; keep the reason of a skip."""
        if report.when != "call" and report.outcome == "passed":
            return
        test = report.nodeid.partition("[")[0]
        if mode := dict(report.user_properties).get("mode"):
            test += f"[{mode}]"
        counts = self.tests.setdefault(test, {})
        counts[report.outcome] = counts.get(report.outcome, 0) + 1
        if report.skipped and isinstance(report.longrepr, tuple):
            self.reasons[test] = str(report.longrepr[2]).removeprefix("Skipped: ")

    def part(self) -> bytes:
        """What the tests of this process measured."""
        return pickle.dumps({name: getattr(self, name) for name in MEASURED})

    def join(self, part: bytes) -> None:
        """Take over the part of another process; what two of them measured is an error, so nothing counts twice."""
        other = pickle.loads(part)
        if twice := sorted(measured(other) & measured({name: getattr(self, name) for name in MEASURED})):
            raise ValueError(f"evidence: each process must have its own tests. Got twice {', '.join(twice)}.")
        for name in ("errors", "halves", "planted"):
            getattr(self, name).extend(other[name])
        for name in ("trajectories", "second_order", "results"):
            getattr(self, name).update(other[name])
        self.refused += other["refused"]

    def error(
        self,
        case: Any,
        parameters: dict[str, Any],
        dtype: str,
        quantity: str,
        distances: np.ndarray,
        exact: np.ndarray,
        allowed: np.ndarray,
        inputs: tuple[np.ndarray, np.ndarray],
        provider: str = "polyloss",
    ) -> dict[str, Any]:
        """Record the worst error of a batch: in plain ulp of the exact result, and against the budget."""
        y, p = inputs
        plain = distances / ulp(exact, dtype)
        ratio = distances / allowed
        row = int(np.argmax(np.max(np.nan_to_num(plain, nan=np.inf, posinf=np.inf), axis=1)))
        entry = {
            "loss": case.name,
            "class": case.loss.__name__,
            "parameters": str(parameters),
            "dtype": dtype,
            "quantity": quantity,
            "provider": provider,
            "ulp": float(np.max(plain)),
            "ratio": float(np.max(ratio)),
            "y_true": y[row].tolist(),
            "y_pred": p[row].tolist(),
        }
        self.errors.append(entry)
        return entry

    def write_device(self, folder: pathlib.Path, device: str | None, versions: dict[str, str]) -> None:
        """A run on an accelerator, if anything ran there: which, when, and how much passed."""
        passed = sum(counts.get("passed", 0) for counts in self.tests.values())
        if device is None or not passed:
            return
        folder.mkdir(parents=True, exist_ok=True)
        kind = "tpu" if device == "tpu" else "gpu"
        report = {
            "backend": self.backend,
            "kind": kind,
            "device": device,
            "date": datetime.date.today().isoformat(),
            "passed": passed,
            "versions": versions,
        }
        (folder / f"device-{self.backend}-{kind}.json").write_text(json.dumps(report, indent=1) + "\n")

    def write(self, folder: pathlib.Path, versions: dict[str, Any]) -> None:
        """One JSON and one NPZ a backend."""
        folder.mkdir(parents=True, exist_ok=True)
        report = {
            "schema": 2,
            "backend": self.backend,
            "versions": versions,
            "cells": sorted(set(self.cells)),
            "tests_in_cells": len(self.cells),
            "errors": sorted(self.errors, key=str),
            "halves": sorted(self.halves, key=str),
            "planted": sorted(self.planted),
            "refused": self.refused,
            "trajectories": dict(sorted(self.trajectories.items())),
            "second_order": dict(sorted(self.second_order.items())),
            "blocks": [sum(counts) for counts in zip(*self.blocks, strict=True)],
            "tests": dict(sorted(self.tests.items())),
            "reasons": dict(sorted(self.reasons.items())),
        }
        (folder / f"{self.backend}.json").write_text(json.dumps(report, indent=1) + "\n")
        np.savez_compressed(folder / f"{self.backend}.npz", **dict(sorted(self.results.items())))  # type: ignore[arg-type]


def measured(part: dict[str, Any]) -> set[str]:
    """The names of what was measured, each of which belongs to one test."""
    return {
        *("|".join(e[k] for k in ("loss", "parameters", "dtype", "quantity", "provider")) for e in part["errors"]),
        *("|".join(str(h[k]) for k in ("loss", "dtype", "quantity", "target")) for h in part["halves"]),
        *part["planted"],
        *(f"{kind}|{name}" for kind in ("trajectories", "second_order", "results") for name in part[kind]),
    }
