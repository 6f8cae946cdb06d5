"""The pictures of a report, as plotly figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from polyloss import framework
from polyloss.study import verdict
from polyloss.study.runner import WARM_UP

_RED, _GREY, _BLUE = "#d9363e", "#8a8f98", "#5b84c4"
_DASHES = ("solid", "dash", "dot", "dashdot")
_PAIRS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#999933")
"""For pairs of backends: told apart by people who see colours in another way, too (Okabe and Ito)."""


Study = Mapping[str, Any]


def colour(backend: str) -> str:
    """Of its curves; a study may have been made where there were more backends."""
    return framework.announced(backend).colour if backend in framework.names() else _GREY


def _figure(title: str, x: str, y: str, *, log: bool = False, height: int = 400) -> go.Figure:
    made = go.Figure()
    made.update_layout(
        template="none", title={"text": title}, height=height,
        margin={"l": 50, "r": 12, "t": 12, "b": 45}, hovermode="closest",
        xaxis={"title": {"text": x}, "automargin": True},
        yaxis={"title": {"text": y, "standoff": 12}, "automargin": True, "exponentformat": "power"},
    )  # fmt: skip
    if log:
        made.update_yaxes(type="log", dtick=1, minor={"showgrid": False})
    return made


def _style(name: str, modes: Sequence[str]) -> dict[str, Any]:
    backend, _, mode = name.partition("/")
    return {"color": colour(backend), "dash": _DASHES[list(modes).index(mode) % len(_DASHES)] if mode else "solid"}


def _width(names: Sequence[str], name: str) -> float:
    """The first is the widest, so that it shows beside those that cover it."""
    return 1.5 + (3.5 if len(names) < 4 else 2.2) * (len(names) - 1 - list(names).index(name))


def _base(study: Study) -> list[Mapping[str, Any]]:
    return [r for r in study["runs"] if not r["moved"] and r["seconds"]]


def losses(study: Study, term: str) -> go.Figure:
    """The curves over each other."""
    made = _figure(f"{term} at every step", "step", term)
    modes = study["settings"]["modes"]
    runs = [r for r in _base(study) if term in r["terms"]]
    names = list(dict.fromkeys(verdict.contestant(r) for r in runs))
    seen = set()
    for run in runs:
        name = verdict.contestant(run)
        values = run["terms"][term]
        made.add_scatter(
            x=list(range(len(values))), y=values, mode="lines", name=name, legendgroup=name,
            showlegend=name not in seen, opacity=1 if run["seed"] == 0 else 0.5,
            line={**_style(name, modes), "width": _width(names, name)},
            hovertemplate=f"{name}, seed {run['seed']}<br>step %{{x}}: %{{y:.8g}}<extra></extra>",
        )  # fmt: skip
        seen.add(name)
    return made


def differences(study: Study, term: str) -> go.Figure:
    """How far apart each two are, with the noise floor and what is allowed."""
    made = _figure(
        f"Differences of {term}, largest over the seeds", "step", "absolute difference", log=True, height=440
    )
    runs = [r for r in study["runs"] if r["terms"].get(term)]
    modes = study["settings"]["modes"]
    reach = verdict.floor(runs, term)
    steps = list(range(len(reach)))
    multiple = study["settings"]["multiple"]
    made.add_scatter(
        x=steps, y=reach, mode="lines", name="noise floor (weights perturbed by one ULP)", line={"width": 0},
        fill="tozeroy", fillcolor="rgba(138,143,152,.28)", hovertemplate="noise floor at %{x}: %{y:.2g}<extra></extra>",
    )  # fmt: skip
    made.add_scatter(
        x=steps, y=reach * multiple, mode="lines", name=f"allowed: {multiple:g} times the noise floor",
        line={"color": _RED, "dash": "dash", "width": 1.5}, hovertemplate="allowed at %{x}: %{y:.2g}<extra></extra>",
    )  # fmt: skip
    range_ = verdict.spread(runs, term)
    if range_ is not None:
        made.add_scatter(
            x=list(range(len(range_))), y=_positive(range_), mode="lines", name="spread over seeds",
            line={"color": _GREY, "dash": "dot", "width": 1.5}, hovertemplate="seeds at %{x}: %{y:.2g}<extra></extra>",
        )  # fmt: skip
    pairs = [
        (a, b, d) for (a, b), d in verdict.distances(runs, term).items()
        if a.partition("/")[2] == b.partition("/")[2] or a.partition("/")[0] == b.partition("/")[0]
    ]  # fmt: skip
    between = list(dict.fromkeys((a.partition("/")[0], b.partition("/")[0]) for a, b, _ in pairs))
    for a, b, d in pairs:
        who, dash = (a.partition("/")[0], b.partition("/")[0]), _style(b, modes)["dash"]
        made.add_scatter(
            x=list(range(len(d))), y=_positive(d), mode="lines+markers", name=f"{a} - {b}",
            line={"color": _PAIRS[between.index(who) % len(_PAIRS)], "dash": dash, "width": 1.6}, marker={"size": 4},
            hovertemplate=f"{a} - {b}<br>step %{{x}}: %{{y:.3g}}<extra></extra>",
        )  # fmt: skip
    return made


def _positive(values: Any) -> list[float | None]:
    """For a logarithmic axis: equal to the last bit has no place there."""
    return [float(v) if np.isfinite(v) and v > 0 else None for v in values]


_KINDS = {
    "output": ("output", "circle"), "state": ("state after the call", "diamond"),
    "backward": ("gradient of the layer", "triangle-up"), "loss": ("loss", "star"),
    "gradient": ("gradient of the model by variable", "square"), "update": ("update by the optimizer", "cross"),
}  # fmt: skip


def chain(study: Study, point: Mapping[str, Any]) -> go.Figure:
    """Every component: by how many times its rounding error the backends differ, given the same inputs."""
    made = _figure(
        f"Layer by layer at step {point['step']}, same inputs everywhere", "", "difference / rounding error", log=True,
        height=480,
    )  # fmt: skip
    labels: list[str] = []
    for kind, (word, symbol) in _KINDS.items():
        rows = [r for r in point["rows"] if r["kind"] == kind]
        if not rows:
            continue
        names = [r["link"] if kind in ("output", "state", "backward") else
                 f"{r['link']}: {r['name']}" if kind == "loss" else _short(r["name"]) for r in rows]  # fmt: skip
        labels += names
        made.add_scatter(
            x=names, y=[_shown(r["times"]) for r in rows], mode="markers", name=word,
            marker={
                "symbol": symbol, "size": [13 if r["flagged"] else 8 for r in rows],
                "color": [_RED if r["flagged"] else _GREY if r["restless"] else _BLUE for r in rows], "opacity": 0.85,
            },
            customdata=[[r["class"], r["name"], _pairs(r), f"{r['rounding']:.2g}", ", ".join(r["odd"]) or "-"] for r in rows],
            hovertemplate="<b>%{x}</b> %{customdata[0]}<br>%{customdata[1]}<br>%{y:.3g} times its rounding error "
            "(%{customdata[3]})<br>%{customdata[2]}<br>odd one out: %{customdata[4]}<extra></extra>",
        )  # fmt: skip
    made.add_hline(
        y=study["settings"]["link_multiple"], line={"color": _RED, "dash": "dash", "width": 1.5},
        annotation_text="allowed", annotation_position="top left",
    )  # fmt: skip
    highest = max((_shown(r["times"]) for r in point["rows"]), default=1.0)
    made.update_yaxes(range=[-2.3, max(2.0, float(np.log10(highest)) + 0.5)])
    made.update_xaxes(categoryorder="array", categoryarray=list(dict.fromkeys(labels)), tickangle=-45)
    return made


def _shown(times: Any) -> float:
    """On a logarithmic axis, with equal numbers at its foot and infinity at its head."""
    return 1e12 if times == "inf" else min(max(float(times), 1e-2), 1e12)


def _short(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _pairs(row: Mapping[str, Any]) -> str:
    return "<br>".join(f"{pair}: {d if isinstance(d, str) else format(d, '.2g')}" for pair, d in row["apart"].items())


def times(study: Study) -> go.Figure:
    """The seconds of each step after the warm-up."""
    made = _figure("Time of a step, until the device is done (warm-up left out)", "milliseconds", "")
    found: dict[str, list[float]] = {}
    for run in _base(study):
        found.setdefault(verdict.contestant(run), []).extend(1000 * s for s in run["seconds"][WARM_UP:])
    for name, values in reversed(found.items()):
        made.add_box(
            x=values[:: max(1, len(values) // 1000)], name=name, orientation="h", boxpoints="outliers",
            marker={"color": colour(name.partition("/")[0]), "size": 3}, line={"width": 1.5},
            showlegend=False,
        )  # fmt: skip
    made.update_xaxes(type="log")
    made.update_layout(height=140 + 45 * len(found))
    return made


def bars(study: Study, title: str, unit: str, values: Mapping[str, float]) -> go.Figure:
    """A number for each contestant."""
    made = _figure(title, unit, "")
    names = list(values)[::-1]
    made.add_bar(
        y=names, x=[values[n] for n in names], orientation="h", text=[f"{values[n]:,.4g}" for n in names],
        marker={"color": [colour(n.partition("/")[0]) for n in names]}, showlegend=False,
        hovertemplate="%{y}: %{x:.4g} " + unit + "<extra></extra>",
    )  # fmt: skip
    made.update_layout(height=130 + 38 * len(names))
    return made


def metrics(study: Study, metric: str) -> go.Figure:
    """A metric on the test data after each epoch."""
    made = _figure(f"{metric} on the test data", "epoch", metric)
    modes = study["settings"]["modes"]
    seen = set()
    names = list(dict.fromkeys(verdict.contestant(run) for run in _base(study)))
    if max((len(run["epochs"]) for run in _base(study)), default=0) <= 10:
        made.update_xaxes(dtick=1)
    for run in _base(study):
        name = verdict.contestant(run)
        values = [epoch.get(metric) for epoch in run["epochs"]]
        made.add_scatter(
            x=list(range(1, len(values) + 1)), y=values, mode="lines+markers", name=name, legendgroup=name,
            showlegend=name not in seen, line={**_style(name, modes), "width": _width(names, name)}, opacity=0.8,
            hovertemplate=f"{name}, seed {run['seed']}<br>epoch %{{x}}: %{{y:.6g}}<extra></extra>",
        )  # fmt: skip
        seen.add(name)
    return made


def norms(study: Study) -> go.Figure:
    """The norm of the gradient at every step."""
    modes = study["settings"]["modes"]
    values = [v for run in _base(study) for v in run["gradient_norm"] if v]
    wide = bool(values) and max(values) > 100 * min(values)
    made = _figure("Norm of the gradient", "step", "norm", log=wide)
    names = list(dict.fromkeys(verdict.contestant(run) for run in _base(study) if run["seed"] == 0))
    for run in _base(study):
        if run["seed"] == 0:
            name = verdict.contestant(run)
            values = run["gradient_norm"]
            made.add_scatter(
                x=list(range(len(values))), y=values, mode="lines", name=name, line={**_style(name, modes), "width": _width(names, name)},
                hovertemplate=f"{name}<br>step %{{x}}: %{{y:.6g}}<extra></extra>",
            )  # fmt: skip
    return made
