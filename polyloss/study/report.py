"""The report: one HTML file that opens offline, and a Markdown summary."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
import plotly.offline

from polyloss.study import pictures, record, verdict
from polyloss.study.runner import WARM_UP

Study = Mapping[str, Any]

ANSWERS = {
    "agree": "The frameworks agree",
    "part": "The frameworks disagree",
    "incomplete": "Too little was measured",
}


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("polyloss.study", "templates"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    made.filters["ticks"] = lambda text: markupsafe.Markup(_code(str(text)))
    return made


def _code(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def page(study: Study) -> str:
    """The HTML."""
    study = record.finite_json(study)
    figures = {name: json.loads(figure.to_json()) for name, figure in _figures(study).items()}
    titles = {name: figure["layout"].pop("title")["text"] for name, figure in figures.items()}  # the page breaks lines
    as_text = {name: json.dumps(figure).replace("<", "\\u003c") for name, figure in figures.items()}
    return _environment().get_template("report.html").render(
        study=study, answer=ANSWERS[study["verdict"]["answer"]], figures=as_text, titles=titles,
        plotly=plotly.offline.get_plotlyjs().replace("</script", "<\\/script"),
        tables=tables(study), facts=facts(study), held=held_still(study),
    )  # fmt: skip


def _figures(study: Study) -> dict[str, Any]:
    """By the name of the section that shows it."""
    found: dict[str, Any] = {}
    for term in study["verdict"]["training"]["terms"]:
        found[f"losses: {term}"] = pictures.losses(study, term)
        found[f"differences: {term}"] = pictures.differences(study, term)
    for point in study["links"]:
        found[f"chain: {point['step']}"] = pictures.chain(study, point)
    base = [r for r in study["runs"] if not r["moved"] and r["seconds"]]
    if base:
        found["times: steps"] = pictures.times(study)
        taken = {name: compiling(runs) for name, runs in _measured(study).items()}
        told = {name: seconds for name, seconds in taken.items() if seconds is not None}
        if told:
            found["times: first"] = pictures.bars(study, "Tracing and compilation, once a mode", "seconds", told)
        for part in ("host", "device"):
            peak = {verdict.contestant(r): r[f"{part}_peak_bytes"] / 2**20 for r in base if r[f"{part}_peak_bytes"]}
            if peak:
                found[f"memory: {part}"] = pictures.bars(study, f"Most memory in use, {part}", "MiB", peak)
        several = [r for r in base if len(r["epochs"]) > 1]  # one point is no curve: it stands in the table
        for metric in dict.fromkeys(m for r in several for epoch in r["epochs"] for m in epoch):
            found[f"metrics: {metric}"] = pictures.metrics(study, metric)
        found["norms: gradient"] = pictures.norms(study)
    return found


# -- tables -----------------------------------------------------------------------------------------

Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def facts(study: Study) -> list[tuple[str, str]]:
    """The few numbers that stand at the top."""
    w = study["workload"]
    found = [
        ("workload", w["name"]), ("backends", ", ".join(study["verdict"]["backends"]) or "none"),
        ("modes", ", ".join(study["settings"]["modes"])), ("seeds", str(study["settings"]["seeds"])),
    ]  # fmt: skip
    if "steps" in w:
        found += [("steps", str(w["steps"])), ("batch", str(w["batch_size"]))]
    if "parameters" in w:
        found.append(("parameters", f"{w['parameters']:,}"))
    return found


def tables(study: Study) -> dict[str, Table]:
    """What is told in rows, for both forms of the report."""
    return {
        "speed": _speed(study),
        "links": _links(study),
        "final": _final(study),
        "versions": _versions(study),
    }


def _number(x: Any, digits: int = 3) -> str:
    return "-" if x is None else x if isinstance(x, str) else f"{x:.{digits}g}"


def compiling(runs: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds of tracing and compilation: what the first steps of a contestant took beyond as many later ones."""
    first = next((r for r in runs if r["first_seconds"] is not None and r["step_seconds"]), None)
    if first is None:
        return None
    steps = first["step_seconds"]
    return max(0.0, first["first_seconds"] + steps["warm_up"] - (1 + WARM_UP) * steps["median"])


def _measured(study: Study) -> dict[str, list[Mapping[str, Any]]]:
    """The trainings of each contestant whose steps were timed."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for run in study["runs"]:
        if not run["moved"] and run["step_seconds"]:
            seen.setdefault(verdict.contestant(run), []).append(run)
    return seen


def _median(runs: Sequence[Mapping[str, Any]]) -> float:
    return sum(r["step_seconds"]["median"] for r in runs) / len(runs)


def _speed(study: Study) -> Table:
    rows = []
    seen = _measured(study)
    for name, runs in seen.items():
        middle = [sum(r["step_seconds"][q] for r in runs) / len(runs) * 1000 for q in ("median", "q1", "q3")]
        memory = max((r["host_peak_bytes"] or 0) for r in runs) / 2**20
        device = max((r["device_peak_bytes"] or 0) for r in runs) / 2**20
        own = seen.get(f"{name.partition('/')[0]}/loop")
        rows.append(
            [name, runs[0].get("ran") or "-", f"{middle[0]:.3g} ({middle[1]:.3g} to {middle[2]:.3g})",
             f"{_median(runs) / _median(own):.2f}" if own else "-", _number(compiling(runs)),
             f"{memory:.0f}" if memory else "-", f"{device:.0f}" if device else "-"]
        )  # fmt: skip
    head = [
        "", "ran as", "step, ms: median (quartiles)", "times its own loop", "compiling, s", "host peak, MiB",
        "device peak, MiB",
    ]  # fmt: skip
    told = [i for i in range(len(head)) if any(row[i] != "-" for row in rows)]  # without what nobody has
    return [head[i] for i in told], [[row[i] for i in told] for row in rows]


def _links(study: Study) -> Table:
    rows = []
    for point in study["links"]:
        shown = [r for r in point["rows"] if r["flagged"]]
        quiet = sorted(
            (r for r in point["rows"] if not r["flagged"] and not r["restless"]), key=lambda r: -_size(r["times"])
        )
        for r in sorted(shown, key=lambda r: -_size(r["times"]))[:12] + quiet[: 3 if shown else 5]:
            far = max((d for d in r["apart"].values()), key=_size, default=0.0)
            rows.append(
                [str(point["step"]), r["kind"], f"`{r['link']}`" + (f" {r['class']}" if r["class"] else ""), r["name"],
                 _number(far, 2), _number(r["rounding"], 2), _number(r["times"]), ", ".join(r["odd"]) if r["flagged"] else "none"]
            )  # fmt: skip
    return ["step", "what", "component", "quantity", "difference", "rounding error", "ratio", "odd one out"], rows


def _size(x: Any) -> float:
    return float("inf") if x == "inf" else float(x)


def _final(study: Study) -> Table:
    terms = list(study["verdict"]["training"]["terms"])
    base = [r for r in study["runs"] if not r["moved"] and r["seconds"]]
    metrics = list(dict.fromkeys(m for r in base for epoch in r["epochs"] for m in epoch))
    rows = []
    for r in base:
        last = r["epochs"][-1] if r["epochs"] else {}
        values = [_number(r["terms"][t][-1], 9) for t in terms] + [_number(last.get(m), 6) for m in metrics]
        rows.append([verdict.contestant(r), str(r["seed"]), r["status"], str(len(r["seconds"])), *values])
    return ["", "seed", "ended", "steps", *(f"last {t}" for t in terms), *(f"test {m}" for m in metrics)], rows


def _versions(study: Study) -> Table:
    backends = study["backends"]
    names = list(dict.fromkeys(v for b in backends.values() for v in b["versions"]))
    rows = [[name, *(b["versions"].get(name, "-") for b in backends.values())] for name in names]
    rows += [
        [k.replace("_", " "), *(str(b[k]) for b in backends.values())] for k in ("device", "dtype_policy", "platform")
    ]
    return ["", *backends], rows


# -- Markdown ---------------------------------------------------------------------------------------


def markdown(study: Study) -> str:
    """The summary."""
    study = record.finite_json(study)
    found, w, s = study["verdict"], study["workload"], study["settings"]
    parts = [
        f"# {ANSWERS[found['answer']]}: {record.prose(w['name'])}",
        record.prose(w.get("about", "")),
        "\n".join(f"- {record.prose(t)}" for t in found["sentences"]),
    ]
    if study["faults"]:
        told = [f"- **{record.prose(f['where'])}**: {record.prose(f['text'])}" for f in study["faults"]]
        parts += ["## What did not run", "\n".join(told)]
    if study.get("notes"):
        parts.append("\n".join(f"- {n['backend']}: {record.prose(n['text'])}" for n in study["notes"]))
    if study["interrupted"]:
        parts.append("The study was interrupted: this is what had been measured.")
    parts.append(record.prose(", ".join(f"{k} {v}" for k, v in facts(study)) + "."))
    parts.append(record.prose(held_still(study)))
    made = tables(study)
    for title, name in (
        ("Components that differ most", "links"),
        ("Final values", "final"),
        ("Speed and memory", "speed"),
        ("Versions", "versions"),
    ):
        if made[name][1]:
            parts += [f"## {title}", record.markdown_table(*made[name])]
    if made["links"][1]:
        parts.append(
            f"A *component* is a layer, the loss or the optimizer. Its *rounding error* is the change that one ULP in its inputs "
            f"and weights makes, plus the spacing of float32; the *ratio* is the difference between backends divided by it; "
            f"{s['link_multiple']:g} is allowed."
        )
    return "\n\n".join(p for p in parts if p) + "\n"


def held_still(study: Study) -> str:
    """What was the same, and which layers draw."""
    drawn = study["workload"].get("random_layers") or []
    text = "The same on every backend: initial weights, batches, and every random number of Keras."
    if drawn:
        text += " Random layers: " + ", ".join(f"`{n}`" for n in drawn) + " (same draws on every backend)."
    restless = sorted({r["link"] for p in study["links"] for r in p["rows"] if r["restless"]})
    if restless:
        text += (
            " Drawing numbers of their own, and so left out of the comparison: "
            + ", ".join(f"`{n}`" for n in restless)
            + "."
        )
    return text
