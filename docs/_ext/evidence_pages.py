"""The pages that are made from docs/evidence.json: how exact each loss is, and what works where."""

from __future__ import annotations

import collections
import fnmatch
import itertools
import json
import pathlib
import tomllib
from collections.abc import Callable
from typing import Any

import published
import speed
from published import BACKENDS
from rst import code, dropdown, link, literal, table, title

DATA = pathlib.Path(__file__).parent.parent / "data"
QUANTITIES = ("value", "gradient")


def rows(**wanted: str) -> list[dict[str, Any]]:
    """The measured errors with these properties."""
    return [e for e in published.read()["errors"] if all(e[k] == v for k, v in wanted.items())]


def ulp_and_share(row: dict[str, Any]) -> str:
    """As the tables show it."""
    return f"{published.number(row['ulp'])} ({published.share(row['ratio'])})"


def at(row: dict[str, Any]) -> str:
    """The input of the worst error."""
    parameters = row["parameters"] if row["parameters"] != "{}" else ""
    shown = f"y = {short(row['y_true'])}, x = {short(row['y_pred'])}"
    return literal(f"{shown}{', ' if parameters else ''}{parameters}")


def short(x: Any) -> str:
    """Nine digits tell any float32 apart."""
    if isinstance(x, list):
        return f"[{', '.join(map(short, x))}]"
    return format(x, ".9g")


# -- on the page of a loss ------------------------------------------------------------------------


def of_a_loss(name: str) -> str:
    """Its worst errors with their inputs, and those of other libraries on the same inputs."""
    mine = [e for e in rows(provider="polyloss") if e["class"] == name]
    if not mine:
        return ""
    several = len({e["loss"] for e in mine}) > 1
    shown = [
        (
            *([literal(e["loss"])] if several else []),
            e["quantity"],
            e["dtype"],
            e["backend"],
            published.number(e["ulp"]),
            published.share(e["ratio"]),
            at(e),
        )
        for e in sorted(mine, key=lambda e: (e["loss"], e["dtype"], QUANTITIES.index(e["quantity"]), e["backend"]))
    ]
    header = (
        *(["function"] if several else []),
        "of",
        "dtype",
        "backend",
        "worst error in ULP",
        "error / allowed error",
        "at",
    )
    parts = [
        "The largest error against the 150-digit reference over all inputs tried, in units in the last place of the "
        "exact result. In brackets is the error divided by the :ref:`allowed error <contributing:Budgets>`: 0.30 means "
        f"that the largest error was 30% of the allowed one, and a test fails above 1. {link('How it is measured', 'reliability')}.\n",
        dropdown("Every figure with its input", table(header, shown, css="wide")),
    ]
    compact = []
    for loss in sorted({e["loss"] for e in mine}):
        for quantity in QUANTITIES:
            found = {
                e["backend"]: e for e in mine if (e["loss"], e["quantity"], e["dtype"]) == (loss, quantity, "float32")
            }
            if found:
                cells = [ulp_and_share(found[b]) if b in found else "–" for b in BACKENDS]
                compact.append((*([literal(loss)] if several else []), quantity, *cells))
    parts.insert(1, table((*(["function"] if several else []), "float32", *BACKENDS), compact))
    others = [e for e in rows(dtype="float32") if e["class"] == name and e["provider"] != "polyloss"]
    if others:
        parts.append("Other libraries' own losses on the same inputs:\n")
        parts.append(table(("library", *QUANTITIES), other_rows(others)))
    return "\n".join(parts)


def library(provider: str) -> str:
    """Its name on a page."""
    return "Keras" if provider == "keras" else provider


def other_rows(others: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One row a library and backend."""
    found = []
    for provider, backend in sorted({(e["provider"], e["backend"]) for e in others}):
        label = library(provider) + (f" on {backend}" if provider == "keras" else "")
        by = {e["quantity"]: e for e in others if (e["provider"], e["backend"]) == (provider, backend)}
        found.append((label, *(ulp_and_share(by[q]) for q in QUANTITIES)))
    return found


# -- reliability ----------------------------------------------------------------------------------


def reliability() -> str:
    """Each figure with the command that remakes it."""
    data = published.read()

    def spread(name: str) -> str:
        return ", ".join(f"{b} {n:,}" for b, n in data[name].items())

    run, compare = literal("python -m nox"), literal("python -m nox -s agreement")
    counts = [
        (
            "combinations of loss, backend, dtype and check that passed",
            f"{sum(data['cells'].values()):,}",
            spread("cells"),
            run,
        ),
        ("half-precision results compared", f"{sum(data['halves'].values()):,}", spread("halves"), run),
        (
            "invalid calls refused, each with the expected message",
            f"{sum(data['refused'].values()):,}",
            spread("refused"),
            run,
        ),
        (
            "faults planted in the code, all found by the tests (each counted once)",
            f"{sum(data['planted'].values()):,}",
            "by check below",
            run,
        ),
        ("tests of the test suite itself", f"{sum(data['tests_of_tests'].values()):,}", spread("tests_of_tests"), run),
        (
            "measurements of other libraries, which no test judges",
            f"{sum(data['recordings'].values()):,}",
            spread("recordings"),
            run,
        ),
        *(
            (
                "code blocks of README and documentation that were run",
                f"{blocks[0][1]:,}",
                ", ".join(f"{b} {ran} of {n}" for b, (ran, n) in data["blocks"].items()),
                literal("python -m nox -s tests -- tests/test_documents.py"),
            )
            for blocks in [list(data["blocks"].values())]
            if blocks
        ),
        (
            "pairs of backends compared",
            f"{len(list(itertools.combinations(BACKENDS, 2))) * len(data['disagreements']):,}",
            "worst below",
            compare,
        ),
        *(
            (
                "training runs of one WGAN-GP, the largest difference between two of them",
                f"{t['distance']:.1e}",
                ", ".join(t["runs"]),
                compare,
            )
            for t in [data.get("trajectories")]
            if t is not None
        ),
        *(
            (
                "gradients of the penalties (weight 1) with respect to the critic's weights, largest error against finite differences in float64",
                f"{max(worst.values()):.1e}",
                ", ".join(f"{b} {error:.1e}" for b, error in worst.items()),
                compare,
            )
            for worst in [
                {
                    b: max(error for penalty, (error, _) in found.items() if penalty.endswith("weight 1"))
                    for b, found in data.get("second_order", {}).items()
                }
            ]
            if worst
        ),
        ("on a GPU", published.device(data, "gpu"), "", literal("python -m nox -s gpu")),
        ("on a TPU", published.device(data, "tpu"), "", literal("python -m nox -s tpu")),
    ]
    parts = [
        ".. _reliability:\n",
        title("Reliability"),
        "Every figure on this page was measured by the tests and comes from one file, ``docs/evidence.json``. The command "
        f"{literal('python -m nox -s agreement -- --write')} renews it, and every run of the tests compares it with what it "
        f"measures. The versions were {published.versions(data)}.\n",
        table(("figure", "total", "by backend or kind", "command that repeats it"), counts),
        title("Combinations by check", "-"),
        cells(data),
        title("Accuracy in float32", "-"),
        "The largest error in units in the last place (ULP) of the exact result, over logits in [-100, 100], probabilities from 0 to 1, "
        "and corner cases. In brackets is the error divided by the :ref:`allowed error <contributing:Budgets>`: 0.30 "
        "means that the largest error was 30% of the allowed one, and a test fails above 1. A softmax "
        "loss may be off by one ULP of 1.0 in total; if the exact result is tiny, that is many of its own ULP. Repeated by "
        f"{compare} after {run}.\n",
        accuracy(data, "float32"),
        title("Accuracy in float64", "-"),
        accuracy(data, "float64"),
        title("The inputs of the worst errors", "-"),
        *(inputs(data, dtype) for dtype in ("float32", "float64")),
        title("Differences between backends", "-"),
        f"The largest difference between two backends on the same float32 input, repeated by {compare}:\n",
        disagreements(data),
        title("Half precision", "-"),
        "float16 and bfloat16 are computed in float32 and compared with the exact result rounded to half; elementwise losses "
        f"over every finite number of the format. Repeated by {literal('python -m nox -s tests -- tests/checks/test_halves.py')}.\n",
        halves(data),
        title("Other libraries on the same inputs", "-"),
        "The losses of Keras, optax, TensorFlow and PyTorch, measured in the same way; no test judges them. If a library has no such loss "
        f"as a whole, it is composed of one that it has (``backends/``). Repeated by {compare}.\n",
        others(data),
    ]
    return "\n".join(parts)


def cells(data: dict[str, Any]) -> str:
    """Check by check: for how many losses, how many combinations with a backend and a dtype, how many planted faults."""
    described = tomllib.loads((DATA / "checks.toml").read_text(encoding="utf-8"))
    counts = {check.replace(" ", "_"): numbers for check, *numbers in published.cells_by_check(data)}
    planted = data["planted"]
    checks = sorted({*counts, *planted})
    texts = described["check"] | described["planted"]
    if unlike := sorted(set(checks) ^ set(texts)):
        raise LookupError(f"checks.toml must describe every check that was counted, and no other: {', '.join(unlike)}")
    body = [
        (
            literal(check),
            texts[check],
            *counts.get(check, ("–", "–")),
            f"{planted[check]:,}" if check in planted else "–",
        )
        for check in checks
    ]
    return (
        "A combination is a loss, a backend and a dtype with which a check passed. A planted fault is a mistake that was "
        "put into the code on purpose, and that this check found. The names are those of the test functions.\n\n"
        + table(("check", "what it tests", "losses", "combinations", "planted faults"), body, css="wide")
    )


def accuracy(data: dict[str, Any], dtype: str) -> str:
    """Loss by backend."""
    found = [e for e in data["errors"] if e["dtype"] == dtype and e["provider"] == "polyloss"]
    body = []
    for loss in sorted({e["loss"] for e in found}, key=str.lower):
        for quantity in QUANTITIES:
            by = {e["backend"]: e for e in found if (e["loss"], e["quantity"]) == (loss, quantity)}
            if by:
                cells = [ulp_and_share(by[b]) if b in by else "–" for b in BACKENDS]
                body.append((f"`{loss}`" if quantity == "value" else "", quantity, *cells))
    return table(("loss", "", *BACKENDS), body)


def inputs(data: dict[str, Any], dtype: str) -> str:
    """Where each worst error was."""
    found = [e for e in data["errors"] if e["dtype"] == dtype and e["provider"] == "polyloss"]
    found.sort(key=lambda e: (e["loss"].lower(), e["quantity"] == "gradient", e["backend"]))
    body = [(f"`{e['loss']}`", e["quantity"], e["backend"], published.number(e["ulp"]), at(e)) for e in found]
    return dropdown(dtype, table(("loss", "of", "backend", "ULP", "at"), body, css="wide"))


def disagreements(data: dict[str, Any]) -> str:
    """The worst pair of each loss."""
    body = [
        (
            f"`{r['loss']}`",
            r["quantity"],
            published.number(r["ulp"]),
            f"{r['absolute']:.1e}",
            " / ".join(r["backends"]),
            at(r),
        )
        for r in sorted(data["disagreements"], key=lambda r: (r["loss"].lower(), r["quantity"] == "gradient"))
    ]
    return table(("loss", "of", "ULP", "absolute", "between", "at"), body, css="wide")


def halves(data: dict[str, Any]) -> str:
    """Worst of all backends, and how many results were compared."""
    body = []
    for loss in sorted({h["loss"] for h in data["half_precision"]}):
        mine = [h for h in data["half_precision"] if h["loss"] == loss]
        cells = [f"{max(h['ulp'] for h in mine if h['dtype'] == d):.2g}" for d in ("float16", "bfloat16")]
        body.append((f"`{loss}`", *cells, f"{sum(h['inputs'] for h in mine):,}"))
    return table(("loss", "float16, worst ULP", "bfloat16, worst ULP", "results compared"), body)


def others(data: dict[str, Any]) -> str:
    """Shares of the budget: a column a library."""
    found = [e for e in data["errors"] if e["dtype"] == "float32"]
    providers = {e["provider"] for e in found} - {"polyloss", "keras"}
    columns = ["polyloss", "keras", *sorted(providers)]
    body = []
    for loss in sorted({e["loss"] for e in found if e["provider"] != "polyloss"}, key=str.lower):
        for quantity in QUANTITIES:
            cells = []
            for provider in columns:
                shares = [
                    e["ratio"] for e in found if (e["loss"], e["quantity"], e["provider"]) == (loss, quantity, provider)
                ]
                cells.append(published.share(max(shares)) if shares else "–")
            body.append((f"`{loss}`" if quantity == "value" else "", quantity, *cells))
    note = "The largest error of all backends divided by the error that polyloss allows itself.\n\n"
    return note + table(("loss", "", *map(library, columns)), body)


# -- what works where -----------------------------------------------------------------------------


def backends() -> str:
    """Backend x mode x feature, from what the tests did."""
    data = published.read()
    features = tomllib.loads((DATA / "features.toml").read_text(encoding="utf-8"))["feature"]
    columns = (*BACKENDS, *sorted(data["versions"].keys() - set(BACKENDS)))
    parts = [
        ".. _backends:\n",
        title("What works where"),
        "Each entry is the number of tests that passed in the last published run; if none ran, it says why. The table is made from "
        f"``docs/evidence.json``, which is renewed by {literal('python -m nox -s agreement -- --write')}.\n",
    ]
    for group in dict.fromkeys(feature["group"] for feature in features):
        body = []
        for feature in features:
            if feature["group"] == group:
                body.append((feature["name"], *(outcome(data, feature, backend) for backend in columns)))
        parts += [title(group, "-"), table(("", *columns), body, css="wide")]
    others = ", ".join(f"gpu({b})" for b in BACKENDS[1:])
    parts += [
        title("Accelerators", "-"),
        f"GPU: {published.device(data, 'gpu')}. TPU: {published.device(data, 'tpu')}. Where there is one:\n",
        code(f'python -m nox -s "gpu({BACKENDS[0]})"      # or {others}, tpu({BACKENDS[0]}), ...', "shell"),
        title("Other versions", "-"),
        versions(json.loads((DATA.parent / "versions.json").read_text(encoding="utf-8"))),
    ]
    return "\n".join(parts)


def versions(runs: dict[str, Any]) -> str:
    """The tests with the lowest and the newest versions and on other Pythons, and what broke there."""
    body, broken = [], []
    for name, run in runs.items():
        installed = ", ".join(f"{package} {version}" for package, version in run["versions"].items())
        body.append((name, run["python"], installed, run["date"], f"{run['passed']:,}", f"{run['failed']:,}"))
        broken += [
            (name, str(fault["tests"]), literal(fault["first"]), literal(fault["said"])) for fault in run["broken"]
        ]
    parts = [
        f"The tests with the lowest versions that polyloss allows ({literal('nox -s minimums')}), on the later Pythons "
        f"({literal('nox -s pythons')}) and with the newest versions, pre-releases included ({literal('nox -s nightly')}). "
        f"The table is made from ``docs/versions.json``, which {literal('-- --write')} renews.\n",
        table(("run", "Python", "installed", "date", "passed", "failed"), body, css="wide"),
    ]
    if broken:
        parts.append(dropdown("What failed", table(("run", "tests", "the first", "what it said"), broken, css="wide")))
    return "\n".join(parts)


def outcome(data: dict[str, Any], feature: dict[str, Any], backend: str) -> str:
    """How many of a feature's tests passed, or why none did."""
    if backend not in feature.get("only", BACKENDS if feature.get("trains") else [backend]):
        return ""
    passed, why = 0, collections.Counter[str]()
    matching = [t for t in data["tests"] if any(fnmatch.fnmatchcase(t, pattern) for pattern in feature["tests"])]
    if not matching:
        raise LookupError(f"features.toml: {feature['name']!r} has no test in docs/evidence.json: {feature['tests']}")
    for test in matching:
        counts = data["tests"][test].get(backend, {})
        passed += counts.get("passed", 0)
        if counts.get("failed"):
            return f"**{counts['failed']} failed**"
        if "reason" in counts:
            why[counts["reason"]] += counts["skipped"]
    if passed:
        return f"✓\u00a0{passed}"
    return f"not run: {why.most_common(1)[0][0]}" if why else "not run"


# -- speed ----------------------------------------------------------------------------------------


def benchmarks() -> str:
    """Time and memory beside Keras's own losses and the framework's."""
    data = speed.read()
    parts = [
        ".. _speed:\n",
        title("Speed and memory"),
        "The time of a forward and a backward pass, divided by that of Keras's own loss and by that of the framework's "
        "(Keras's / the framework's; below 1 polyloss is faster, – where there is none). The losses that are slowest "
        "compared with another library come first. The three take turns in one process, and a figure is the median of the "
        f"turns' ratios. {speed.measured_with(data)} Remade by {literal('python -m nox -s bench -- --write')}.\n",
        table(
            speed.header(data),
            [(f"`{name}`", *(cell.replace(" ", "\u00a0") for cell in cells)) for name, *cells in speed.rows(data)],
            css="wide",
        ),
        table(speed.header(data)[1:], [tuple(speed.means(data))], css="wide"),
        "The last table is the geometric mean of the ratios to Keras.\n",
        title("Milliseconds and bytes", "-"),
        table(
            ("loss", "backend", "polyloss, ms", "Keras, ms", "framework, ms", "memory, MB"), absolute(data), css="wide"
        ),
        "Memory: "
        + "; ".join(f"{backend}: {report['memory_is']}" for backend, report in data.items())
        + " (polyloss / Keras / framework).\n",
        title("A small batch", "-"),
        "A call of the class on a batch of 32 x 10 without a gradient, outside of any compiled function, in microseconds; "
        "and what the first three calls take, in milliseconds. On JAX the first call compiles one program for its shapes; "
        "other calls with the same shapes and parameters use it. On TensorFlow the second call with the same shapes traces "
        "one graph; a loss keeps at most eight, and where shapes change with every batch its ops run one by one, as they "
        "do in the first call. On PyTorch nothing is compiled.\n",
        table(
            ("loss", "backend", "polyloss", "Keras", "ratio", "polyloss, first three, ms", "Keras, first three, ms"),
            small_calls(data),
            css="wide",
        ),
    ]
    return "\n".join(parts)


def absolute(data: dict[str, Any]) -> list[tuple[str, ...]]:
    """Medians and memory."""
    names = ("polyloss", *speed.OTHERS)
    return [
        (
            f"`{row['title']}`",
            f"{backend}, {row['mode']}",
            *(f"{row['ms'][name]:.2f}" if name in row["ms"] else "–" for name in names),
            " / ".join(
                "–" if row["memory"].get(name) is None else f"{row['memory'][name] / 1e6:.1f}" for name in names
            ),
        )
        for backend, report in data.items()
        for row in report["losses"]
    ]


def small_calls(data: dict[str, Any]) -> list[tuple[str, ...]]:
    """Medians of a call on a small batch."""
    return [
        (
            f"`{row['loss']}`",
            backend,
            *(f"{1e6 * row['seconds'][name]['median']:.0f}" for name in ("polyloss", "keras")),
            f"{row['ratios']['keras']:.2f}",
            *(", ".join(f"{1e3 * took:.3g}" for took in row["first_calls"][name]) for name in ("polyloss", "keras")),
        )
        for backend, report in data.items()
        for row in report["calls"]
    ]


PAGES: dict[str, Callable[[], str]] = {"reliability": reliability, "backends": backends, "speed": benchmarks}
