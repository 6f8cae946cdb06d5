"""Which links of the chain differ beyond rounding, and on which backend. NumPy only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MULTIPLE = 16.0
"""How many times the measured rounding of a link two backends may be apart."""

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}

FORWARD = ("output", "state")


def largest(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two arrays; infinite for other shapes, and where one is finite and the other is not."""
    if a.shape != b.shape:
        return float("inf")
    a, b = a.astype("float64"), b.astype("float64")
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(a - b))
    return float(np.max(np.where(np.isnan(difference), np.inf, difference), initial=0.0))


def odd_ones(names: Sequence[Any], parted: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The fewest without whom all others agree; none where more than one choice is that small."""
    for count in range(1, len(names)):
        found = [
            chosen
            for chosen in itertools.combinations(names, count)
            if all(a in chosen or b in chosen for a, b in parted)
        ]
        if found:
            return list(found[0]) if len(found) == 1 else []
    return []


Taken = tuple[list[dict[str, Any]], Mapping[str, np.ndarray]]
"""The probes of one backend and their arrays."""


def judged(
    taken: Mapping[str, Taken], referee: tuple[str, Taken] | None, multiple: float = MULTIPLE
) -> list[dict[str, Any]]:
    """A row for each probe: how far apart the backends are, what rounding allows, and who is odd.

    Rounding of a probe is what one ULP of its inputs and weights moves it (the most on any backend and trial) plus
    the spacing of its dtype at its largest element. Apart are two backends whose largest difference is more than
    `multiple` of that, and two whose layers compute in other dtypes. A gradient by a variable that is on every backend no
    more than `multiple` of what sums leave where they are 0, as by a bias before BatchNormalization, is not counted.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for backend, (probes, _) in taken.items():
        for probe in probes:
            found.setdefault(probe["key"], {})[backend] = probe
    judge, (_, truth) = referee or ("", ([], {}))
    nothing = multiple * _rest_of_sums(taken)
    rows = []
    for key, by_backend in found.items():
        first = next(iter(by_backend.values()))
        arrays = {backend: taken[backend][1][key] for backend in by_backend}
        sizes = [float(np.max(np.abs(a[np.isfinite(a)]), initial=0.0)) for a in arrays.values()]
        scatter = max(p["scatter"] for p in by_backend.values())
        rounding = scatter + max(EPSILON.get(p["precision"], 0.0) for p in by_backend.values()) * float(
            np.median(sizes)
        )
        row = {name: first[name] for name in ("key", "kind", "place", "link", "class", "name")}
        pairs = list(itertools.combinations(taken, 2))
        apart = {
            (a, b): largest(arrays[a], arrays[b]) if a in arrays and b in arrays else float("inf") for a, b in pairs
        }
        dtypes = {b: p["dtype"] for b, p in by_backend.items()}
        floats = {b: dtype for b, dtype in dtypes.items() if "float" in dtype} if first["kind"] in FORWARD else {}
        parted = [
            (a, b) for (a, b), d in apart.items()
            if d > multiple * rounding or floats.get(a, "") != floats.get(b, "")
        ]  # fmt: skip
        # What differs from itself draws numbers of its own, and is no disagreement.
        restless = [b for b, p in by_backend.items() if p.get("restless", 0.0) > multiple * rounding]
        row |= {
            "shapes": {b: list(a.shape) for b, a in arrays.items()},
            "dtypes": dtypes,
            "forms": {b: p["form"] for b, p in by_backend.items()},
            "size": float(np.median(sizes)),
            "rounding": rounding,
            "apart": {f"{a} | {b}": d for (a, b), d in apart.items()},
            "from_referee": {
                b: largest(a, truth[key]) for b, a in arrays.items() if key in truth and truth[key].shape == a.shape
            },
            "restless": restless,
            "flagged": bool(parted) and not restless and not (first["kind"] == "gradient" and max(sizes) <= nothing),
        }
        row["times"] = max(apart.values(), default=0.0) / rounding if rounding else float("inf") if parted else 0.0
        row["odd"] = odd_ones(list(taken), parted) or _imprecise(row, parted, judge) if parted else []
        rows.append(row)
    return rows


def _rest_of_sums(taken: Mapping[str, Taken]) -> float:
    """What rounding leaves of a gradient by a variable that is 0, for its terms cancel.

    It is a sum of a term for each sample and position, n of them, which are as large as those of the model's largest
    gradient: their rounding, at random, is sqrt(n) times that of one. Sums of half precision are made in float32.
    """
    probes = [(probe, arrays[probe["key"]]) for of_backend, arrays in taken.values() for probe in of_backend]
    gradients = [(p["precision"], np.abs(a[np.isfinite(a)])) for p, a in probes if p["kind"] == "gradient"]
    terms = max((math.prod(a.shape[:-1]) for p, a in probes if p["kind"] == "output"), default=1)
    spacing = max((min(EPSILON.get(p, 0.0), EPSILON["float32"]) for p, _ in gradients), default=0.0)
    return spacing * math.sqrt(terms) * float(max((np.max(a, initial=0.0) for _, a in gradients), default=0.0))


def _imprecise(row: Mapping[str, Any], parted: Sequence[tuple[str, str]], referee: str) -> list[str]:
    """Of two, who cannot outvote each other: the referee's backend, if its float32 is far from its own float64 and
    the other's is near. The reverse proves nothing: where two compute other things, float64 sides with its backend.
    """
    distance = {b: row["from_referee"].get(b) for pair in parted for b in pair}
    if len(distance) != 2 or referee not in distance or None in distance.values():
        return []
    far = distance.pop(referee)
    (near,) = distance.values()
    return [referee] if near <= MULTIPLE * row["rounding"] < far else []


def first_link(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first link that computes something else, given the same inputs.

    Forward through the layers and the loss; then, if a gradient of the whole model differs, backward from the loss
    (a tie in a pooling window may send a layer's gradient elsewhere without any effect on the model); then the
    optimizer.
    """
    flagged = [row for row in rows if row["flagged"]]
    forward = sorted((r for r in flagged if r["kind"] in FORWARD), key=lambda r: r["place"])
    loss = [r for r in flagged if r["kind"] == "loss"]
    gradients = [r for r in flagged if r["kind"] == "gradient"]
    backward = sorted(
        (r for r in flagged if r["kind"] == "backward" and any(_may_share(r, g) for g in gradients)),
        key=lambda r: -r["place"],
    )
    update = [r for r in flagged if r["kind"] == "update"]
    return next(iter([*forward, *loss, *backward, *update]), None)


def _may_share(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether one backend may be why both differ; where nobody is the odd one, it may be any."""
    return not row["odd"] or not other["odd"] or bool(set(row["odd"]) & set(other["odd"]))


def worst_gradient(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The gradient by a variable that differs most beyond rounding."""
    flagged = [row for row in rows if row["flagged"] and row["kind"] == "gradient"]
    return max(flagged, key=lambda row: row["times"], default=None)


def without_effect(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Gradients of single layers that differ while no gradient of the whole model does, and so do not count."""
    return [r for r in rows if r["flagged"] and r["kind"] == "backward"] if first_link(rows) is None else []


def between(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What differs in the whole chain while no link does: the code between the links."""
    return next((r for r in rows if r["flagged"] and r["kind"] in ("chain", "value", "gradient")), None)
