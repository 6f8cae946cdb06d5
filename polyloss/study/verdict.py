"""Do the backends agree? The rule, in NumPy only.

Training amplifies rounding, so how far apart two equal trainings may drift is measured: the same backend trains
again from initial weights that are perturbed by one ULP. The *noise floor* at a step is the largest difference that this
has made up to there, over all backends, modes and perturbed trainings, and at least the spacing at the loss of the dtype
in which the model computes. Where the backends do not compute in the same one, the finest sets the floor. Two contestants
(a backend in a mode) agree while their losses, on every seed, differ by at most `MULTIPLE` times the noise floor.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from polyloss.study import configuration, links

MULTIPLE = 10.0
"""By how many times the noise floor two trainings may differ."""

Run = Mapping[str, Any]


def contestant(run: Run) -> str:
    """A backend in a mode."""
    return f"{run['backend']}/{run['mode']}"


def curve(run: Run, term: str) -> np.ndarray:
    """A term by step; NaN where it was not finite."""
    return np.array([np.nan if v is None else v for v in run["terms"].get(term, [])], dtype="float64")


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """By step, as far as both go; 0 where both are not finite, infinite where one is not."""
    n = min(len(a), len(b))
    a, b = a[:n], b[:n]
    bad = np.isnan(a).astype(int) + np.isnan(b)
    return np.where(bad == 2, 0.0, np.where(bad == 1, np.inf, np.abs(np.nan_to_num(a) - np.nan_to_num(b))))


def floor(runs: Sequence[Run], term: str) -> np.ndarray:
    """The noise floor by step."""
    steps = max((len(curve(r, term)) for r in runs if not r["moved"]), default=0)
    spacing = min((_spacing(r) for r in runs), default=0.0)
    runs = [r for r in runs if _spacing(r) == spacing]
    base = {(contestant(r), r["seed"]): curve(r, term) for r in runs if not r["moved"]}
    reach = np.zeros(steps)
    for curve_ in base.values():
        size = np.nan_to_num(np.abs(curve_))
        reach[: len(size)] = np.maximum(reach[: len(size)], spacing * size)
    for run in runs:
        key = (contestant(run), run["seed"])
        if run["moved"] and key in base:
            moved = difference(curve(run, term), base[key])
            moved = np.where(np.isfinite(moved), moved, 0.0)
            reach[: len(moved)] = np.maximum(reach[: len(moved)], moved)
    return np.maximum.accumulate(reach) if steps else reach


def _spacing(run: Run) -> float:
    return links.EPSILON[run.get("precision", "float32")]


def spread(runs: Sequence[Run], term: str) -> np.ndarray | None:
    """From the smallest to the largest over the seeds, by step: the median of the contestants."""
    ranges = []
    for _, group in itertools.groupby(sorted((r for r in runs if not r["moved"]), key=contestant), key=contestant):
        curves = [curve(r, term) for r in group]
        n = min((len(c) for c in curves), default=0)
        if len(curves) > 1 and n:
            ranges.append(np.ptp(np.nan_to_num(np.stack([c[:n] for c in curves])), axis=0))
    n = min((len(r) for r in ranges), default=0)
    return np.median([r[:n] for r in ranges], axis=0) if n else None


def distances(runs: Sequence[Run], term: str) -> dict[tuple[str, str], np.ndarray]:
    """The largest difference over the seeds, by step, for each pair of contestants."""
    base = {(contestant(r), r["seed"]): curve(r, term) for r in runs if not r["moved"]}
    names = list(dict.fromkeys(name for name, _ in base))
    seeds = sorted({seed for _, seed in base})
    found = {}
    for a, b in itertools.combinations(names, 2):
        both = [difference(base[a, s], base[b, s]) for s in seeds if (a, s) in base and (b, s) in base]
        n = max((len(d) for d in both), default=0)
        if n:
            # a seed that ended early (its loss was no longer finite) says nothing about later steps
            padded = [np.pad(d, (0, n - len(d))) for d in both]
            found[a, b] = np.max(padded, axis=0)
    return found


def _two_backends(pair: tuple[str, str]) -> bool:
    """Not two modes of one."""
    return pair[0].partition("/")[0] != pair[1].partition("/")[0]


def of_training(runs: Sequence[Run], terms: Sequence[str], multiple: float = MULTIPLE) -> dict[str, Any]:
    """Whether the trainings agree; if not, which differs, from which step, and by how much."""
    names = list(dict.fromkeys(contestant(r) for r in runs if not r["moved"]))
    parted: dict[tuple[str, str], int] = {}
    facts: dict[str, Any] = {}
    for term in terms:
        reach, range_ = floor(runs, term), spread(runs, term)
        worst = None
        for pair, d in distances(runs, term).items():
            over = np.flatnonzero(d > multiple * reach[: len(d)])
            if len(over):
                parted[pair] = min(parted.get(pair, int(over[0])), int(over[0]))
            with np.errstate(divide="ignore", invalid="ignore"):
                times = np.nan_to_num(d / reach[: len(d)], posinf=np.inf)
            if worst is None or times.max() > worst["times"]:
                step = int(times.argmax())
                worst = {"pair": list(pair), "step": step, "times": float(times.max()), "apart": float(d[step])}
        last = max((float(d[-1]) for pair, d in distances(runs, term).items() if _two_backends(pair)), default=0.0)
        facts[term] = {
            "worst": worst,
            "last_apart": last,
            "last_floor": float(reach[-1]) if len(reach) else 0.0,
            "last_spread": float(range_[-1]) if range_ is not None else None,
        }
    odd = links.odd_ones(names, list(parted)) if parted else []
    first = min((s for pair, s in parted.items() if not odd or set(pair) & set(odd)), default=None)
    return {"agree": not parted, "odd": odd, "step": first, "terms": facts, "contestants": names,
            "parted": [[*pair, s] for pair, s in sorted(parted.items(), key=lambda item: item[1])]}  # fmt: skip


def sentence_of_link(row: Mapping[str, Any]) -> str:
    """What a flagged row says."""
    what = {
        "output": "the output of layer", "state": f"the {row['name']} of layer", "backward": "the gradient of layer",
        "loss": f"the {row['name']} of", "update": "the update", "chain": "the output after layer",
        "value": "the objective", "gradient": "the gradient of",
    }[row["kind"]]  # fmt: skip
    name = f"`{row['link']}`" + (f" ({row['class']})" if row["class"] else "")
    if row["kind"] == "update":
        what, name = f"the update of `{row['name']}`", f"by the optimizer {row['class']}"
    elif row["kind"] == "backward":
        name += f" {row['name']}"
    elif row["kind"] == "gradient":
        what, name = "the gradient with respect to", f"`{row['name']}`"
    shapes = {tuple(s) for s in row["shapes"].values()}
    if len(shapes) > 1:
        return f"{what} {name}, which has the shapes " + ", ".join(
            f"{tuple(s)} on {b}" for b, s in row["shapes"].items()
        )
    dtypes = row.get("dtypes", {})
    if row["kind"] in links.FORWARD and len(set(dtypes.values())) > 1:
        return f"{what} {name}, which is " + ", ".join(f"{dtype} on {b}" for b, dtype in dtypes.items())
    finite = [d for d in row["apart"].values() if np.isfinite(d)]
    far = f"by {max(finite):.2g}" if len(finite) == len(row["apart"]) else "which is missing or not finite on one"
    times = f", which is {row['times']:.3g} times its rounding error" if np.isfinite(row["times"]) else ""
    return f"{what} {name}, {far}{times}"


def other_data(first: Mapping[str, str], second: Mapping[str, str]) -> str:
    """What differs between two backends' data, in words; nothing where they are the same."""
    differing = [part for part in dict.fromkeys([*first, *second]) if first.get(part) != second.get(part)]
    if differing and "rows of train" not in differing and "test" not in differing:
        return "the same rows of train in another order"
    return ", ".join(part for part in differing if part != "rows of train")


def given_other_data(backends: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each backend whose data are not those of the first one."""
    given = [(name, facts["data"]) for name, facts in backends.items() if facts.get("data")]
    told = [(name, other_data(given[0][1], data)) for name, data in given[1:]]
    return [
        f"{name} was given other data than {given[0][0]} ({what}): what follows may come of that."
        for name, what in told
        if what
    ]


def causes(study: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the model, its data and its libraries were not the same in."""
    backends = study["backends"]
    said = {name: facts["configuration"] for name, facts in backends.items() if facts.get("configuration")}
    versions = {name: facts["versions"] for name, facts in backends.items()}
    pythons = {v.get("python", "").rpartition(".")[0] for v in versions.values()}
    found = configuration.differences(said, code=len(pythons) < 2)
    for package in ("keras", "keras-polyloss"):
        each = {name: v.get(package, "not there") for name, v in versions.items()}
        if len(set(each.values())) > 1:
            found.append({"part": "version", "name": package, "class": "", "what": "version", "values": each})
    return found


def _belongs(cause: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a difference in configuration is one of the component that differs."""
    if row["kind"] == "update":
        return cause["part"] == "optimizer"
    if row["kind"] == "loss":
        return cause["part"] == "loss"
    return cause["part"] == "layer" and cause["name"] == row["link"].partition(" (call ")[0]


def _told(differing: Sequence[Mapping[str, Any]]) -> str:
    """Causes that do not stand beside their component, in words: the same difference of several is said once."""
    same: dict[tuple[str, str], list[str]] = {}
    for cause in differing:
        same.setdefault((cause["part"], configuration.sentence(cause)), []).append(quoted(cause["name"]))
    said = []
    for (part, text), names in same.items():
        kind = "" if part == "version" else part + ("s " if len(names) > 1 else " ")
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        said.append(f"{kind}{', '.join(names[:4])}{more}: {text}")
    return "; ".join(said[:6]) + (f"; and {len(said) - 6} more" if len(said) > 6 else "")


def quoted(name: str) -> str:
    """A name as code."""
    return "`" + name.replace("`", "'") + "`"


def of_study(study: Mapping[str, Any]) -> dict[str, Any]:
    """The answer, and the sentences that give it."""
    runs = [r for r in study["runs"] if any(r["terms"].values())]
    terms = list(dict.fromkeys(t for r in runs for t in r["terms"]))
    settings = study["settings"]
    training = of_training(runs, terms, settings["multiple"])
    backends = {r["backend"] for r in runs if not r["moved"]}
    differing = causes(study)
    sentences = given_other_data(study["backends"]) if len(backends) > 1 else []
    alike = not sentences and not differing
    odd: list[str] = []
    found = []
    beside: list[dict[str, Any]] = []
    idle: dict[str, list[int]] = {}
    for point in study["links"]:
        rows = point["rows"]
        link, gradient = links.first_link(rows), links.worst_gradient(rows)
        row = link or links.between(rows)
        if row is None:
            for r in links.without_effect(rows):
                idle.setdefault(quoted(r["link"]), []).append(point["step"])
            continue
        own = [c for c in differing if link and _belongs(c, row)]
        beside += [c for c in own if c not in beside]
        if len(set(row.get("forms", {}).values())) > 1:
            own.append({"part": "optimizer", "name": row["link"], "class": row["class"], "what": "the gradient",
                        "values": row["forms"]})  # fmt: skip
            alike = False
        who = ", ".join(row["odd"]) or "the backends"
        where = "in" if link else "no single layer differs; between the layers:"
        text = (
            f"At step {point['step']}, {who} differ{'s' if len(row['odd']) == 1 else ''} from the others {where} "
            if row["odd"]
            else f"At step {point['step']} the backends differ {where} "
        )
        why = "; there, " + "; ".join(map(configuration.sentence, own)) if own else ""
        sentences.append(f"{text}{sentence_of_link(row)}{why}.")
        if gradient is not None:
            sentences.append(
                f"The gradient that differs most is that with respect to {quoted(gradient['name'])}"
                + (f" (on {', '.join(gradient['odd'])})" if gradient["odd"] else "")
                + f": {gradient['times']:.3g} times its rounding error."
            )
        odd += [name for name in row["odd"] if name not in odd]
        found.append({"step": point["step"], "link": row["link"], "class": row["class"], "kind": row["kind"],
                      "name": row["name"], "odd": row["odd"], "times": row["times"], "causes": own,
                      "gradient": gradient["name"] if gradient else None})  # fmt: skip
    if idle:
        steps = sorted({step for of_layer in idle.values() for step in of_layer})
        sentences.append(
            f"At step{'s' if len(steps) > 1 else ''} {', '.join(map(str, steps))}, gradients of {', '.join(idle)}, each layer taken by "
            "itself, differ (the red marks), while no gradient of the whole model does, so it does not count. A gradient that "
            "reaches no weight changes none; where two elements are equal, as in a pooling window, a backend may choose either."
        )
    flagged = bool(found) or not training["agree"]
    rest = [c for c in differing if c not in beside]
    if rest and len(backends) > 1:
        either = " either" if beside else "" if flagged else ", without an effect that was measured"
        sentences.append(f"Not the same on every backend{either}: {_told(rest)}.")
    elif flagged and alike and len(backends) > 1:
        sentences.append(
            "Layers, optimizer, loss and metrics are configured alike on every backend: the cause is in the code "
            "of the file or of a framework."
        )
    worst = max((f["worst"] for f in training["terms"].values() if f["worst"]), key=lambda w: w["times"], default=None)
    if not training["agree"]:
        odd += [name for name in dict.fromkeys(n.partition("/")[0] for n in training["odd"]) if name not in odd]
        who = ", ".join(training["odd"]) or " and ".join(training["parted"][0][:2])
        assert worst is not None
        sentences.append(
            f"In training, {who} differ{'s' if len(training['odd']) == 1 else ''} from step {training['step']} on: "
            f"the losses differ by up to {worst['times']:.3g} times the noise floor ({worst['apart']:.3g} at step "
            f"{worst['step']}); {settings['multiple']:g} times are allowed."
        )
    elif worst is not None and len(backends) > 1:
        sentences.append(
            f"In training, the losses never differ by more than {worst['times']:.2g} times the noise floor "
            f"({settings['multiple']:g} times are allowed)."
            if worst["times"]
            else "In training, the losses are equal to the last bit."
        )
    computed = sorted({r.get("precision", "float32") for r in runs})
    if computed != ["float32"] and len(backends) > 1:
        coarse = max(links.EPSILON[dtype] for dtype in computed) / links.EPSILON["float32"]
        sentences.append(
            f"Layers compute in {computed[0]}: the noise floor is that of its rounding, {coarse:,.0f} times as coarse as "
            "float32's, and hides what is smaller. To look for that, study the model in float32 as well."
            if len(computed) == 1
            else f"Layers compute in {' and '.join(computed)}, not alike on every backend: the finest sets the noise floor."
        )
    for term, facts in training["terms"].items():
        if facts["last_spread"] and len(backends) > 1:
            share = facts["last_apart"] / facts["last_spread"]
            inside = "within" if share <= 1 else "beyond"
            sentences.append(
                f"At the end, `{term}` differs by {facts['last_apart']:.2g} between backends and by "
                f"{facts['last_spread']:.2g} between seeds: {inside} the spread over seeds ({share:.2g} of it)."
            )
    complete = not study["faults"] and not study["interrupted"]
    if flagged:
        answer = "part"
    elif len(backends) < 2:
        answer = "incomplete"
        sentences.insert(0, "Fewer than two backends were measured: there is nothing to compare.")
    else:
        answer = "agree"
    return {"answer": answer, "complete": complete, "backends": sorted(backends), "odd": odd, "links": found,
            "causes": differing, "training": training, "sentences": sentences}  # fmt: skip
