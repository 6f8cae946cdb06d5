"""The pages that are made from what the classes carry: one a loss, the lists, the reference of what is public.

They are written to docs/reference/ before Sphinx reads its sources, and only where their text changed.
"""

from __future__ import annotations

import ast
import inspect
import json
import pathlib
import re
import textwrap
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

import evidence_pages
from names import MODULES, target
from rst import code, dropdown, link, literal, table, title
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

import polyloss
from polyloss.core.function import declaration
from polyloss.tools import plot
from polyloss.tools.choose import TARGETS
from polyloss.tools.describe import About, Described, about

KINDS = {
    "loss": "Losses of targets and predictions",
    "adversarial": "Adversarial losses",
    "penalty": "Penalties on a critic's gradient",
}
COMMON = {"loss": "Loss", "adversarial": "AdversarialLoss", "penalty": "Penalty"}
LIBRARIES = {"torch": "torch", "torchvision": "torchvision", "optax": "optax", "keras": "Keras", "timm": "timm"}


class PageError(SphinxError):
    """A public name without a page, or a page without a name."""

    category = "pages"


def catalogue() -> dict[str, About]:
    """Every class of every kind."""
    return {name: about(cls) for kind in KINDS for name, cls in polyloss.catalogue(kind).items()}


def page_of(entry: About) -> str:
    """The page of a class, under docs/reference/."""
    return f"losses/{entry.functions[0].name if entry.kind != 'adversarial' else polyloss_name(entry)}"


def polyloss_name(entry: About) -> str:
    """Snake case, the same for both functions of an adversarial loss."""
    from polyloss.core.declared import snake_case

    return snake_case(entry.name)


# -- a loss ---------------------------------------------------------------------------------------


def loss_page(entry: About, everything: dict[str, About], options: dict[str, Any], guides: list[str]) -> str:
    """All there is to say of one class."""
    parts = [
        f".. _loss-{entry.name}:\n",
        title(entry.name),
        f"{entry.summary}\n",
        *([f"**When to choose it.** {entry.when[0].upper()}{entry.when[1:]}\n"] if entry.when else []),
        field_of_words("For", entry.tasks) + field_of_words("Looked for as", entry.cls.words),
        title("Formula", "-"),
        *(part for function in entry.functions for part in formula(function, len(entry.functions) > 1)),
        title("Curves", "-"),
        curves(entry, options),
        title("Example", "-"),
        *examples(entry),
        title("Parameters", "-"),
        class_signature(entry),
        *(function_signature(function, entry) for function in entry.functions),
    ]
    if any(function.edge_cases for function in entry.functions):
        parts += [title("Edge cases", "-"), "The results are the same on every backend:\n"]
        for function in entry.functions:
            if function.edge_cases:
                rows = [(c.input, c.value, c.gradient) for c in function.edge_cases]
                parts += [f"`{function.name}`:\n"] if len(entry.functions) > 1 else []
                parts.append(table(("input", "value", "gradient"), rows))
    measured = evidence_pages.of_a_loss(entry.name)
    if measured:
        parts += [title("Measured accuracy", "-"), measured]
    parts += [title("The same loss elsewhere", "-"), elsewhere(entry)]
    if guides:
        parts += [title("Guides", "-"), *(f"- :doc:`/{path}`" for path in guides), ""]
    parts += [title("Source", "-"), source(entry)]
    parts += [title("See also", "-"), see_also(entry, everything)]
    parts += [title("Reference", "-"), *(references(function) for function in entry.functions[:1])]
    return "\n".join(parts)


def field_of_words(name: str, words: Sequence[str]) -> str:
    """A line of a list of fields; the search of the site finds the page by its words."""
    return f":{name}: {', '.join(words)}\n" if words else ""


def formula(function: Described, named: bool) -> list[str]:
    """The formula and what the docstring says around it."""
    parts = [f"`{function.name}`: {function.summary}\n"] if named else []
    if function.formula:
        parts.append(f".. math:: {function.formula}\n")
    return [*parts, *(f"{note}\n" for note in function.notes)]


def curves(entry: About, options: dict[str, Any]) -> str:
    """The pictures that `draw` makes, one for light pages and one for dark."""
    given = ", ".join(f"{k}={v}" for k, v in options.items())
    parts = []
    for theme in ("light", "dark"):
        parts.append(
            f".. image:: /reference/curves/{entry.name}-{theme}.svg\n"
            f"   :class: only-{theme} curves\n"
            f"   :alt: Value and gradient of {entry.name}\n"
        )
    call = f'polyloss.plot.figure("{entry.name}"{", " + given if given else ""})'
    return "\n".join([*parts, f"Drawn with {literal(call)}.\n"])


def thumbnail(name: str) -> str:
    """The curves, small."""
    return "\n".join(
        f".. image:: /reference/curves/{name}-{theme}.svg\n   :class: only-{theme} thumbnail\n   :alt: Curves of {name}\n"
        for theme in ("light", "dark")
    )


def source(entry: About) -> str:
    """The code of the functions, folded, and where it stands."""
    parts = []
    for function in entry.functions:
        known = declaration(function.function)
        body = inspect.unwrap(function.function) if known is None else known.body
        lines, line = inspect.getsourcelines(body)
        (tree,) = ast.parse(textwrap.dedent("".join(lines))).body
        assert isinstance(tree, ast.FunctionDef)
        head, *statements = tree.body  # a public function has a docstring, which is on this page already
        assert ast.get_docstring(tree) is not None
        written = lines[: head.lineno - 1] + lines[statements[0].lineno - 1 :] if statements else lines
        path = f"{body.__module__.replace('.', '/')}.py"
        parts.append(f"{literal(path)}, line {line}:\n\n{code(''.join(written))}")
    return dropdown("The code, without its docstring", "\n".join(parts))


def draw(entry: About, options: dict[str, Any], folder: pathlib.Path) -> None:
    """Value and gradient, in both themes."""
    folder.mkdir(parents=True, exist_ok=True)
    panels = plot.curves(entry.cls, **options)
    for theme in plot.THEMES:
        plot.save(plot.drawn(panels, entry.name, theme), folder / f"{entry.name}-{theme}.svg")


def examples(entry: About) -> list[str]:
    """In `compile`, and as a function."""
    shown = entry.cls._shown()
    made = f"polyloss.{entry.name}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
    if lacking := [p.name for p in entry.parameters if p.default is None and p.name not in shown]:
        raise PageError(f"{entry.name}: an example needs values for {', '.join(lacking)}")
    use = {
        "loss": f'model.compile(optimizer="adam", loss={made})',
        "adversarial": f"gan = polyloss.training.AdversarialModel(generator, discriminator)\ngan.compile(loss={made})",
        "penalty": "gan = polyloss.training.AdversarialModel(generator, critic)\n"
        f"gan.compile(loss=polyloss.WassersteinLoss(), penalty={made})",
    }[entry.kind]
    parts = [code(use)]
    for function in entry.functions:
        if function.example:
            parts.append(code(function.example, "pycon"))
    return parts


def field_list(arguments: list[tuple[str, str]]) -> str:
    """Parameters, as Sphinx lists them."""
    return "\n".join(f":param {name}: {' '.join(text.split())}" for name, text in arguments)


def signature(f: Any) -> str:
    """Without annotations, which the text explains better."""
    found = inspect.signature(f)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def class_signature(entry: About) -> str:
    """The class with its fields."""
    fields = field_list([(p.name, p.text) for p in entry.parameters])
    common = COMMON[entry.kind]
    body = [f"For ``compile``. ``reduction``, ``name`` and ``dtype`` are those of `{common}`.", fields]
    if entry.kind != "loss":
        body[0] = f"``name`` and ``dtype`` are those of `{common}`."
    inner = textwrap.indent("\n\n".join(part for part in body if part), "   ")
    return f".. py:class:: polyloss.{entry.name}{signature(entry.cls)}\n\n{inner}\n"


def function_signature(function: Described, entry: About) -> str:
    """The function with its arguments, result and errors."""
    shared = {p.name for p in entry.parameters}
    fields = [field_list([(a.name, a.text) for a in function.arguments if a.name not in shared])]
    if function.returns:
        fields.append(f":returns: {function.returns}")
    fields += [f":raises {', '.join(name.split())}: {text}" for name, text in function.raises]
    inner = textwrap.indent("\n".join(part for part in fields if part), "   ")
    rest = " The other arguments are the class's." if shared & {a.name for a in function.arguments} else ""
    lead = textwrap.indent(f"{function.summary}{rest}", "   ")
    return f".. py:function:: polyloss.{function.name}{signature(function.function)}\n\n{lead}\n\n{inner}\n"


def elsewhere(entry: About) -> str:
    """Names in other libraries."""
    if not entry.elsewhere:
        return "No other library that we know of has it.\n"
    rows = [(LIBRARIES.get(name, name), literal(call)) for name, call in sorted(entry.elsewhere.items())]
    more = link("Coming from another library", "migration")
    return table(("library", "name"), rows) + f"\nWhere defaults and formulas differ: {more}.\n"


def see_also(entry: About, everything: dict[str, About]) -> str:
    """What its text names, and what is for the same tasks."""
    owners = {f"polyloss.{f.name}": name for name, e in everything.items() for f in e.functions}
    owners |= {f"polyloss.{name}": name for name in everything}
    text = " ".join([entry.when, *(note for f in entry.functions for note in (f.when, *f.notes))])
    named = [owners.get(target(found) or "") for found in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    same = [name for name, e in everything.items() if set(e.tasks) & set(entry.tasks)]
    kin = [name for name, e in everything.items() if e.kind == entry.kind] if entry.kind != "loss" else []
    names = dict.fromkeys(name for name in [*named, *same, *kin] if name and name != entry.name)
    rows = [(link(name, f"loss-{name}"), everything[name].summary) for name in names]
    return (table(("loss", "what it is"), rows) if rows else "") + f"\n{link('All losses', 'losses')}.\n"


def references(function: Described) -> str:
    """With the papers' addresses."""
    text = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", function.references)
    return f"{text}\n"


# -- lists ----------------------------------------------------------------------------------------


def loss_list(everything: dict[str, About]) -> str:
    """All of them, by kind."""
    parts = [
        ".. _losses:\n",
        title("All losses"),
        f"These are the losses of polyloss {polyloss.__version__}. The small plots show the value of the loss, and its gradient, over the "
        "prediction. If you do not know which one to use, "
        f"{link('two questions', 'choose')} lead to two or three of them.\n",
    ]
    for kind, heading in KINDS.items():
        rows = [
            (thumbnail(name), link(name, f"loss-{name}"), e.summary, ", ".join(e.tasks))
            for name, e in everything.items()
            if e.kind == kind
        ]
        parts += [title(heading, "-"), table(("", "loss", "what it is", "for"), rows, css="losses")]
    pages = "\n".join(f"   {page_of(e)}" for e in everything.values())
    parts.append(f".. toctree::\n   :hidden:\n\n{pages}\n")
    return "\n".join(parts)


def api(everything: dict[str, About]) -> str:
    """What is public and has no page of its own."""
    shown = {name for e in everything.values() for name in (e.name, *(f.name for f in e.functions))}
    rest = [name for name in polyloss.__all__ if name not in shown and name not in ("__version__", *MODULES)]
    parts = [
        ".. _api:\n",
        title("Reference of all public names"),
        f"Losses have pages of their own: {link('all losses', 'losses')}.\n",
        title("polyloss", "-"),
        *(documented(f"polyloss.{name}", getattr(polyloss, name)) for name in rest),
        *(part for module in MODULES for part in members(module)),
        title("polyloss.plot", "-"),
        *(documented(f"polyloss.plot.{n}", getattr(plot, n)) for n in ("curves", "figure", "save", "Panel", "Line")),
    ]
    return "\n".join(parts)


def members(module: str) -> list[str]:
    """All of a public module."""
    found = getattr(polyloss, module)
    named = (documented(f"polyloss.{module}.{name}", getattr(found, name)) for name in found.__all__)
    return [title(f"polyloss.{module}", "-"), *named]


def documented(full: str, found: Any) -> str:
    """By autodoc, from the docstring."""
    if inspect.isclass(found):
        return f".. autoclass:: {full}\n   :members:\n   :member-order: bysource\n"
    return f".. autofunction:: {full}\n"


def migration(data: dict[str, Any]) -> str:
    """Name by name, from docs/data/migration.toml."""
    parts = [
        ".. _migration:\n",
        title("Coming from another library"),
        "For each loss of another library, this page names its counterpart in polyloss, calls that give the same number, and "
        "differences in defaults or formula. The tests run these calls if the library is installed; torch, optax and Keras are "
        "in every run of CI. ``x`` are predictions and ``y`` targets. If no counterpart is named, polyloss has none yet.\n",
    ]
    for entry in data["library"]:
        label = re.sub(r"\W+", "-", entry["name"])
        parts += [f".. _from-{label}:\n", title(entry["name"], "-"), markup(entry["intro"]) + "\n"]
        if "checked" in entry:
            parts.append(f"Last checked with {entry['checked']}.\n")
        having = [loss for loss in entry["loss"] if "here" in loss or "differs" in loss]
        rows = []
        for loss in having:
            here = f"`{loss['here']}`" if "here" in loss else "none yet"
            rows.append((literal(loss["name"]), here, markup(loss.get("differs", "nothing"))))
        parts.append(table((entry["name"], "polyloss", "what differs"), rows))
        same = [(literal(theirs), literal(ours)) for loss in having for theirs, ours, _ in loss.get("same", [])]
        if same:
            parts.append(dropdown("Calls that give the same number", table((entry["name"], "polyloss"), same)))
        lacking = [literal(loss["name"]) for loss in entry["loss"] if loss not in having]
        if lacking:
            parts.append(f"No counterpart yet: {', '.join(lacking)}.\n")
    return "\n".join(parts)


def chooser() -> str:
    """Targets, data, and the losses that follow: from `polyloss.tools.choose`."""
    parts = [
        ".. _choose:\n",
        title("Which loss?"),
        "Find the form of your targets, then what your data are like. Each answer suggests two or three losses, the best one first. "
        f"In a terminal, {literal('polyloss choose')} asks the same questions.\n",
        "My targets are ...\n",
        *(f"- {link(targets.text, f'choose-{targets.name}')}" for targets in TARGETS),
        "",
    ]
    for targets in TARGETS:
        parts += [
            f".. _choose-{targets.name}:\n",
            title(targets.text[0].upper() + targets.text[1:], "-"),
            "My data are ...\n",
        ]
        for data in targets.data:
            inner = []
            for pick in data.picks:
                names = " with ".join(f"`{name}`" for name in (pick.loss, *pick.beside))
                inner += [f"**{names}**. {pick.why}\n".replace("**`", "`").replace("`**", "`"), code(pick.code)]
            parts.append(dropdown(f"... {data.text}", "\n".join(inner), name=f"{targets.name} {data.name}"))
    return "\n".join(parts)


def mistakes(data: dict[str, Any], record: dict[str, dict[str, str]]) -> str:
    """What goes wrong most often, and what is said: from docs/data/mistakes.toml and the record of running it."""
    groups = dict.fromkeys(one["group"] for one in data["mistake"])
    parts = [
        ".. _mistakes:\n",
        title("When it does not work"),
        "The usual mistakes, each with the answer that it gets. The answers were recorded by running the code on every "
        "backend, and the tests compare them with each run. Where the backends answer differently, each is shown.\n",
        "Two callbacks look at a training that goes wrong. `training.Validate` looks through all data before the first "
        "step. `training.Explain` stops at the first loss that is not finite and says where it began.\n",
        dropdown(
            "What the code starts from",
            "Every block begins with the imports, and some use the model or the GAN below.\n\n"
            + code("\n".join(["import keras\nimport numpy as np\n\nimport polyloss\n", *data["setup"].values()])),
        ),
    ]
    for group in groups:
        parts.append(title(group, "-"))
        for one in (m for m in data["mistake"] if m["group"] == group):
            parts.append(title(one["title"], "~"))
            if "command" in one:
                parts.append(code(f"polyloss {one['command']}", "shell"))
            else:
                parts.append(code(one.get("shown", one["code"]).strip(), "shell" if "shown" in one else "python"))
            answers = record[one["title"]]
            for said in dict.fromkeys(answers.values()):
                given = [name for name, its in answers.items() if its == said]
                parts.append("The answer:\n" if len(given) == len(answers) else f"On {', '.join(given)}:\n")
                parts.append(code(said, "text", "answer"))
            parts.append(f"{markup(one['instead'])}\n")
    return "\n".join(parts)


def markup(text: str) -> str:
    """The data's single backticks are code unless they name something of ours."""
    joined = " ".join(text.split())
    return re.sub(r"`([^`]+)`", lambda m: f"`{m[1]}`" if target(m[1]) else literal(m[1]), joined)


# -- Sphinx ---------------------------------------------------------------------------------------


def guides(source: pathlib.Path) -> dict[str, list[str]]:
    """The guides of each loss: those whose heading names it."""
    found: dict[str, list[str]] = {}
    for path in sorted((source / "guides").glob("*.md")):
        heading = path.read_text(encoding="utf-8").partition("\n")[0]
        for name in re.findall(r"`(\w+)`", heading):
            found.setdefault(name, []).append(f"guides/{path.stem}")
    return found


def write(path: pathlib.Path, text: str) -> None:
    """Only where it changed, so that a second build is quick."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def generate(app: Sphinx) -> None:
    """All generated pages and pictures; what is no longer made is removed."""
    source = pathlib.Path(app.srcdir)
    folder = source / "reference"
    options = tomllib.loads((source / "data" / "curves.toml").read_text(encoding="utf-8"))
    everything = catalogue()
    pages: dict[str, Callable[[], str]] = {
        "losses": lambda: loss_list(everything),
        "api": lambda: api(everything),
        "choose": chooser,
        "mistakes": lambda: mistakes(
            tomllib.loads((source / "data" / "mistakes.toml").read_text("utf-8")),
            json.loads((source / "data" / "mistakes.json").read_text("utf-8")),
        ),
        "migration": lambda: migration(tomllib.loads((source / "data" / "migration.toml").read_text("utf-8"))),
        **evidence_pages.PAGES,
    }
    told = guides(source)
    for name, entry in everything.items():
        more = (options.get(name, {}), told.get(name, []))
        pages[page_of(entry)] = lambda entry=entry, more=more: loss_page(entry, everything, *more)
        draw(entry, options.get(name, {}), folder / "curves")
    if unknown := options.keys() - everything.keys():
        raise PageError(f"curves.toml: no such loss: {', '.join(sorted(unknown))}")
    for name, made in pages.items():
        write(folder / f"{name}.rst", made())
    for path in folder.rglob("*.rst"):
        if str(path.relative_to(folder).with_suffix("")).replace("\\", "/") not in pages:
            path.unlink()


def of_one_language(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Next and previous stay within a language; the Korean pages say that they are Korean."""
    korean = page.startswith("ko/")
    for side in ("next", "prev"):
        other = context.get(side)
        if other and ("/ko/" in f"/{other['link']}" or (korean and "../" not in other["link"])) != korean:
            context[side] = None
    if korean:
        context["language"] = "ko"


def complete(app: Sphinx, env: Any) -> None:
    """Every public name has its place, and every page of a loss has its name."""
    objects = {name for name, *_ in env.get_domain("py").get_objects()}
    public = {f"polyloss.{name}" for name in polyloss.__all__ if name not in ("__version__", *MODULES)}
    public |= {f"polyloss.{module}.{name}" for module in MODULES for name in getattr(polyloss, module).__all__}
    if missing := sorted(public - objects):
        raise PageError(f"public names without a page: {', '.join(missing)}")
    strangers = {name for name in objects if name.count(".") == 1 and name not in public}
    if strangers:
        raise PageError(f"pages without a public name: {', '.join(sorted(strangers))}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Pages before the sources are read; the check once all are."""
    app.connect("builder-inited", generate)
    app.connect("html-page-context", of_one_language)
    app.connect("env-check-consistency", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
