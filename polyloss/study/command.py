"""What the commands `study` and `compare` do."""

from __future__ import annotations

import contextlib
import pathlib
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from polyloss import framework
from polyloss.study import compare as comparing
from polyloss.study import record, report
from polyloss.study.modes import MODES
from polyloss.study.runner import Settings, Study
from polyloss.study.workload import BUILT_IN

NOT_ALL = 3
SMALL = {"seeds": 2, "moved": 2, "epochs": 1, "steps": 12, "modes": ("auto",)}
THOROUGH = {"seeds": 3, "moved": 3, "modes": ("eager", "jit")}
_TONES = {"agree": "green", "part": "red", "incomplete": "yellow"}


def settings_of(given: Mapping[str, Any], size: Mapping[str, Any]) -> Settings:
    """The settings, checked: what is given, else that of a size (`SMALL`, `THOROUGH`), else the defaults."""
    made = dict(given)
    default = {name: getattr(Settings, name) for name in SMALL} | dict(size)
    made |= {name: value for name, value in default.items() if made[name] is None}
    for name, known in (("backends", framework.names()), ("modes", tuple(MODES))):
        wrong = next((v for v in made[name] if v not in known), None)
        if wrong is not None or len(set(made[name])) < len(made[name]):
            raise ValueError(f"study: {name} must be of {', '.join(known)}, each once. Got {','.join(made[name])!r}.")
    if made["device"] not in ("cpu", "gpu", "tpu"):
        raise ValueError(f"study: device must be cpu, gpu or tpu. Got {made['device']!r}.")
    wrong = next((b for b in made["python"] if b not in made["backends"]), None)
    if wrong is not None:
        raise ValueError(f"study: python must name one of the backends {', '.join(made['backends'])}. Got {wrong!r}.")
    try:
        made["at"] = tuple(sorted({int(step) for step in made["at"].split(",") if step}))
    except ValueError:
        raise ValueError(f"study: at must be steps, like 0,50. Got {made['at']!r}.") from None
    return Settings(**made)


def study(
    workload: str, given: Mapping[str, Any], *, size: Mapping[str, Any] = types.MappingProxyType({}), out: pathlib.Path,
    markdown: pathlib.Path | None = None, console: Console | None = None,
) -> int:  # fmt: skip
    """Run, write, say; the status for the shell."""
    console = console or Console()
    try:
        settings = settings_of(given, size)
        with contextlib.ExitStack() as stack:
            for folder in {path.resolve(): path for path in (out, markdown) if path is not None}.values():
                if not _claim(stack, folder, console):
                    return NOT_ALL
            if workload == "all":
                return _every_one(settings, out, markdown, console)
            found = one(workload, settings, out, console)
            if markdown is not None:
                _write(markdown, {f"{found['workload']['name']}.md": report.markdown}, found, console)
            return status(found)
    except ValueError as error:
        _say(console, str(error))
        return 2


def _claim(stack: contextlib.ExitStack, folder: pathlib.Path, console: Console) -> bool:
    """Make a folder our own for as long as this takes; or say why not."""
    try:
        stack.enter_context(record.claimed(folder))
    except OSError as error:
        _say(console, f"study: {folder} cannot be the folder of a report: {error.strerror or error}. Nothing was run.")
        return False
    return True


def _every_one(settings: Settings, out: pathlib.Path, markdown: pathlib.Path | None, console: Console) -> int:
    """The built-in workloads, one after the other; an index is there from the first one on."""
    answers: list[dict[str, Any]] = []
    for name in BUILT_IN:
        _headline(console, name)
        found = one(name, settings, out / name, console)
        answers.append(found)
        _write(out, {"index.md": lambda _: index(answers, "{}/report.md")}, found, console)
        if markdown is not None:
            files = {f"{name}.md": report.markdown, "index.md": lambda _: index(answers, "{}.md")}
            _write(markdown, files, found, console)
        if found["interrupted"]:
            break
    said = [status(found) for found in answers]
    return 1 if 1 in said else max(said)


def _headline(console: Console, text: str) -> None:
    """A rule across a terminal; into a file or a pipe, which have no width, a line."""
    if console.is_terminal:
        console.rule(text)
    else:
        console.print(f"\n{text}", markup=False, highlight=False, soft_wrap=True)


def _say(console: Console, text: str) -> None:
    console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def _write(
    folder: pathlib.Path, files: Mapping[str, Callable[[dict[str, Any]], str]], found: dict[str, Any], console: Console
) -> list[str]:
    """Write what can be written, and name what cannot; the names of what was."""
    written = []
    for name, made in files.items():
        text = made(found)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            record.write(folder / name, text)
            written.append(name)
        except OSError as error:
            older = " What is there is of an earlier study." if (folder / name).exists() else ""
            _say(console, f"{folder / name} could not be written: {error.strerror}.{older}")
            found["verdict"]["complete"] = False
    return written


def status(found: Mapping[str, Any]) -> int:
    """For the shell."""
    verdict = found["verdict"]
    return 1 if verdict["answer"] == "part" else 0 if verdict["answer"] == "agree" and verdict["complete"] else NOT_ALL


def one(workload: str, settings: Settings, out: pathlib.Path, console: Console) -> dict[str, Any]:
    """One workload."""
    found = Study(workload, settings, console).run()
    verdict = found["verdict"]
    title = report.ANSWERS[verdict["answer"]] + ("" if verdict["complete"] else " (not all of it ran)")
    said = Text("\n".join(verdict["sentences"]))  # a name may look like rich's markup
    if console.is_terminal:
        console.print(
            Panel(said, title=title, title_align="left", border_style=_TONES[verdict["answer"]]), highlight=False
        )
    else:
        _headline(console, title)
        console.print(said, highlight=False, soft_wrap=True)
    files = {
        "report.md": report.markdown,
        "study.json": record.as_json,
        "steps.csv": record.as_csv,
        "report.html": report.page,
    }
    written = _write(out, files, found, console)
    if written:
        console.print(f"in {out}: {', '.join(written)}", markup=False, highlight=False, soft_wrap=True)
    return found


def index(studies: Sequence[Mapping[str, Any]], link: str) -> str:
    """A table of verdicts."""
    kinds = ("output", "state", "loss", "update")
    rows = []
    for s in studies:
        name, verdict = s["workload"]["name"], s["verdict"]
        worst = [t["worst"]["times"] for t in verdict["training"]["terms"].values() if t["worst"]]
        links = [r["times"] for p in s["links"] for r in p["rows"] if r["kind"] in kinds]
        where = "; ".join(f"`{x['link']}` {x['class']} on {', '.join(x['odd']) or '?'}" for x in verdict["links"])
        rows.append(
            [
                f"[{name}]({link.format(name)})",
                s["workload"].get("about", ""),
                comparing.VERDICTS[verdict["answer"]] + ("" if verdict["complete"] else " (not all of it ran)"),
                f"{max(worst, default=0):.2g}",
                f"{max(links, default=0):.2g}",
                where or "-",
            ]
        )
    head = ["workload", "what", "verdict", "losses: difference / noise floor", "layers: difference / rounding error",
            "where they differ"]  # fmt: skip
    s = studies[0]["settings"]
    return (
        "\n\n".join(
            [
                "# Ten studies",
                "These are the workloads that come with polyloss, each studied at small size. The pages are made by "
                "`polyloss study all --small --markdown docs/studies`; [Compare frameworks](../study.md) explains how to "
                "read them.",
                record.markdown_table(head, rows),
                f"The frameworks agree while their losses differ by at most {s['multiple']:g} times the noise floor, and the "
                f"layers, the loss and the optimizer by at most {s['link_multiple']:g} times their rounding error. Both "
                "columns show the largest ratio that was found.",
            ]
        )
        + "\n"
    )


def compare(first: pathlib.Path, second: pathlib.Path, out: pathlib.Path | None, console: Console | None = None) -> int:
    """Print the tables; the status for the shell."""
    console = console or Console()
    try:
        a, b = record.read(first), record.read(second)
    except ValueError as error:
        _say(console, str(error))
        return 2
    comparing.show(a, b, console)
    if out is not None:
        try:
            record.write(out, comparing.markdown(a, b))
        except OSError as error:
            _say(console, f"{out} could not be written: {error.strerror}.")
            return NOT_ALL
    return 0
