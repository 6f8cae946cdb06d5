"""What the command line shows of the catalogue, as things that rich can print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

import polyloss
from polyloss import framework
from polyloss.core import parameters
from polyloss.tools import describe
from polyloss.tools.choose import Data, Pick, Targets

if TYPE_CHECKING:
    from polyloss.study.agree import Agreement, Worst

KINDS = {"loss": "losses", "adversarial": "adversarial losses", "penalty": "penalties on a critic's gradient"}
LIBRARIES = {"keras": "Keras", "tf_gan": "TF-GAN"} | {b: framework.announced(b).title for b in framework.names()}
STYLES = {"text": "", "code": "cyan", "strong": "bold", "formula": "italic"}


def prose(text: str) -> Text:
    """A paragraph of a docstring, its code and formulas marked by colour."""
    return Text.assemble(*((shown, STYLES[kind]) for kind, shown in describe.spans(text)))


def grid(*headers: str, rows: Iterable[Sequence[RenderableType]], title: str | None = None) -> Table:
    """A table with a line under its head."""
    table = Table(
        *headers, box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", show_edge=False,
        pad_edge=False,
    )  # fmt: skip
    for row in rows:
        table.add_row(*row)
    return table


# -- list -----------------------------------------------------------------------------------------


def tasks() -> list[str]:
    """Every kind of problem that a loss is for."""
    return sorted({task for kind in KINDS for cls in polyloss.catalogue(kind).values() for task in _tasks(cls)})


def _tasks(cls: Any) -> tuple[str, ...]:
    return tuple(cls.tasks)


def listing(task: str | None = None) -> Group:
    """The catalogue by kind, or what of it is for one task."""
    if task is not None:
        parameters.one_of(*tasks())("list", "task", task)
    tables: list[RenderableType] = []
    for kind, title in KINDS.items():
        found = [describe.about(name) for name, cls in polyloss.catalogue(kind).items() if task in (None, *_tasks(cls))]
        if found:
            rows = [(Text(one.name, "cyan"), prose(one.summary), ", ".join(one.tasks)) for one in found]
            tables += [Text()] * bool(tables)
            tables.append(grid("class", "what", "for", rows=rows, title=f"{len(found)} {title}"))
    return Group(*tables)


# -- show -----------------------------------------------------------------------------------------


def description(loss: str, latex: bool = False) -> Group:
    """All that there is to know of a loss, for reading."""
    return Group(*_sections(describe.about(loss), latex))


def _sections(one: describe.About, latex: bool) -> Iterator[RenderableType]:
    given = ", ".join(p.name if p.default is None else f"{p.name}={p.default}" for p in one.parameters)
    yield as_it_is(Text.assemble(("polyloss.", "dim"), (one.name, "bold cyan"), f"({given})"))
    if len(one.functions) > 1:
        yield prose(one.summary)
    for part in one.functions:
        several = len(one.functions) > 1
        yield Text()
        yield Text.assemble((f"polyloss.{part.name}: ", "dim"), prose(part.summary)) if several else prose(part.summary)
        if latex:
            yield as_it_is(Text(part.formula))
        else:
            yield Padding(Text(describe.formula_in_unicode(part.formula), "italic"), (1, 0, 1, 4))
        for note in part.notes:
            if not note.startswith("=="):
                yield Padding(prose(note), (0, 0, 0, 2))
    yield from _section("When to choose it", prose(one.when[0].upper() + one.when[1:]))
    if one.parameters:
        rows = [(Text(p.name, "cyan"), p.default or "required", prose(p.text)) for p in one.parameters]
        yield from _section("Parameters", grid("name", "default", "", rows=rows))
    yield from _section("Arguments", grid("name", "", rows=[(Text(p.name, "cyan"), prose(p.text)) for p in one.inputs]))
    yield from _section("Returns", prose(one.returns))
    yield from _section("Raises", *(Text.assemble((name, "cyan"), " ", prose(text)) for name, text in one.raises))
    for part in one.functions:
        title = "Edge cases" if len(one.functions) == 1 else f"Edge cases of {part.name}"
        cases = [tuple(prose(cell) for cell in (case.input, case.value, case.gradient)) for case in part.edge_cases]
        yield from _section(title, grid("input", "value", "gradient", rows=cases))
    example = "\n".join(part.example for part in one.functions)
    highlighter = Syntax("", "pycon", theme="ansi_dark", background_color="default")
    yield from _section("Example", *map(as_it_is, highlighter.highlight(example).split()))
    if one.elsewhere:
        names = [(LIBRARIES.get(library, library), Text(name, "cyan")) for library, name in one.elsewhere.items()]
        yield from _section("The same elsewhere", grid("library", "name", rows=names))
    yield from _section("Reference", *map(prose, dict.fromkeys(part.references for part in one.functions)))


def as_it_is(code: Text) -> Text:
    """What is to be copied: never wrapped, never cut."""
    code.no_wrap, code.overflow = True, "ignore"
    return code


def _section(title: str, *body: RenderableType) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, "bold")
    yield Padding(Group(*body), (0, 0, 0, 2))


# -- choose ---------------------------------------------------------------------------------------


def advice(targets: Targets, data: Data) -> Group:
    """The losses that follow from the answers, with reasons."""
    body: list[RenderableType] = [
        Text.assemble(("Targets  ", "bold"), targets.text),
        Text.assemble(("Data     ", "bold"), data.text),
    ]
    for i, pick in enumerate(data.picks, 1):
        body += [
            Text(),
            as_it_is(Text.assemble((f"{i}. ", "bold"), _code(pick))),
            Padding(prose(pick.why), (0, 0, 0, 3)),
        ]
    more = f"For formula, parameters and edge cases: polyloss show {data.picks[0].loss}"
    return Group(*body, Text(), Text(more, "dim"))


def _code(pick: Pick) -> Text:
    return as_it_is(Text(pick.code, "cyan"))


# -- agree ----------------------------------------------------------------------------------------


def agreement(found: Agreement) -> Group:
    """How far the backends are from float64 and from each other, with the input where it is farthest."""
    names = list(found.results)
    rows: list[list[str]] = []
    for key in found.keys():
        part, _, quantity = key.partition("|")
        for group in dict.fromkeys(found.tried.group.tolist()):
            errors = [found.error(name, key, group) for name in names]
            worst = found.apart(key, group)
            row = [f"{part} {quantity}".strip(), group, *(_ulps(error) for error in errors), _ulps(worst)]
            rows.append([*row, *(_where(found, worst) if worst is not None and worst.ulp else ("", "", ""))])
    headers = ["", "inputs", *names, "apart", "absolute", "between", "at"]
    table = grid(*headers, rows=rows)
    for column in table.columns[2 : 3 + len(names)]:
        column.justify = "right"
        column.no_wrap = True
    body: list[RenderableType] = [
        Text.assemble(("polyloss.", "dim"), (repr(found.loss), "bold"), f", {len(found.tried.x):,} inputs"),
        Text("Largest difference in ULP (units in the last place) of float32", "dim"),
        Text(),
        table,
        Text(),
    ]
    if found.reference is not None:
        body.append(Text(f"Under a backend: its difference from float64, as {found.reference[0]} computes it.", "dim"))
    elif names:
        body.append(Text("No backend here computes in float64: there is no reference.", "dim"))
    body.append(Text('"apart": the difference of the two backends that differ most.', "dim"))
    if any("differs" in cell for row in rows for cell in row):
        body.append(Text('"differs": infinite, or NaN, on one side only.', "dim"))
    if isinstance(found.loss, polyloss.AdversarialLoss):
        body.append(Text("An input is a batch: [real, fake], three scores each.", "dim"))
    body += [Text(f"{name}: {fault}", "yellow") for name, fault in found.faults.items()]
    verdict = found.verdict()
    return Group(*body, Text(), Text(verdict.sentence, "bold green" if verdict.within else "bold red"))


def _ulps(worst: Worst | None) -> str:
    if worst is None:
        return "-"
    return "differs" if math.isinf(worst.ulp) else f"{worst.ulp:.1f}" if worst.ulp < 1000 else f"{worst.ulp:.0e}"


def _where(found: Agreement, worst: Worst) -> tuple[str, str, str]:
    """The absolute distance, between which backends, and at which input."""
    given = "x=" + _array(found.tried.x[worst.row])
    if found.tried.y is not None:
        given = f"y={_array(found.tried.y[worst.row])} {given}"
    absolute = "" if math.isinf(worst.absolute) else f"{worst.absolute:.1e}"
    return absolute, " / ".join(worst.between), given


def _array(x: np.ndarray) -> str:
    shown = [f"{number:.6g}" for number in np.ravel(x).tolist()]
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
