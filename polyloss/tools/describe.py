"""What the docstrings say of a loss, as data: for `polyloss show`, and for the pages of the documentation.

A docstring of the catalogue has one form: a summary; the formula (``.. math::``); when to choose it; arguments,
result, errors (``Args:``, ``Returns:``, ``Raises:``); a table of edge cases; an example; references; and
whatever notes it needs between them. Text is kept as it stands there, in reStructuredText; `plain_text` reads it.

Needs docutils, and `formula_in_unicode` pylatexenc and unicodeit: the extra `study`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import polyloss
from polyloss.core.declared import REQUIRED, Declared, find


@dataclass(frozen=True)
class Parameter:
    """An argument: its name, its default as written in Python (None where there is none), what it is."""

    name: str
    default: str | None
    text: str


@dataclass(frozen=True)
class EdgeCase:
    """What an unusual input gives."""

    input: str
    value: str
    gradient: str


@dataclass
class Described:
    """A function of the catalogue, from its docstring. `formula` is LaTeX, `example` a doctest."""

    name: str
    function: Callable[..., Any]
    summary: str = ""
    formula: str = ""
    when: str = ""
    notes: list[str] = field(default_factory=list)
    arguments: list[Parameter] = field(default_factory=list)
    returns: str = ""
    raises: list[tuple[str, str]] = field(default_factory=list)
    edge_cases: list[EdgeCase] = field(default_factory=list)
    example: str = ""
    references: str = ""


@dataclass(frozen=True)
class About:
    """A class of the catalogue.

    Attributes:
        name: The class's.
        cls: The class.
        summary: One sentence; of adversarial losses on the pair.
        kind: ``"loss"``, ``"adversarial"`` or ``"penalty"``, as `polyloss.catalogue` has it.
        functions: Its function; of adversarial losses the discriminator's and the generator's.
        inputs: What the functions take besides parameters: targets and predictions, say.
        parameters: The class's own fields.
        when: When to choose it.
        tasks: The kinds of problem it is for.
        elsewhere: The same loss in other libraries, by library.
    """

    name: str
    cls: type[Declared]
    summary: str
    kind: str
    functions: tuple[Described, ...]
    inputs: tuple[Parameter, ...]
    parameters: tuple[Parameter, ...]
    when: str
    tasks: tuple[str, ...]
    elsewhere: dict[str, str]

    @property
    def function(self) -> Callable[..., Any]:
        """The (discriminator's) function."""
        return self.functions[0].function

    @property
    def formula(self) -> str:
        """LaTeX; of adversarial losses the discriminator's."""
        return self.functions[0].formula

    @property
    def returns(self) -> str:
        """What a call gives."""
        return self.functions[0].returns

    @property
    def raises(self) -> list[tuple[str, str]]:
        """Which errors, and for what."""
        return self.functions[0].raises

    @property
    def edge_cases(self) -> list[EdgeCase]:
        """What unusual inputs give."""
        return self.functions[0].edge_cases

    @property
    def example(self) -> str:
        """A doctest."""
        return self.functions[0].example

    @property
    def references(self) -> str:
        """Where it comes from."""
        return self.functions[0].references


def about(loss: Any) -> About:
    """What there is to say of a loss.

    Args:
        loss: A class, an instance, or a name: ``"FocalLoss"``, ``"focal_loss"``.

    Raises:
        ValueError, TypeError: for what is not in the catalogue.
        ModuleNotFoundError: where docutils is not installed.

    >>> from polyloss.tools.describe import about
    >>> focal = about("FocalLoss")
    >>> focal.summary
    'Binary cross-entropy with a factor that is small for easy decisions; one independent decision for each class.'
    >>> [(p.name, p.default) for p in focal.parameters][:2]
    [('gamma', '2.0'), ('alpha', '0.25')]
    """
    cls = find(loss, "about")
    if cls.function is None:
        raise ValueError(f"about: loss must have a function. Got {cls.__name__}, which has none.")
    players = getattr(cls, "players", {})
    names = [player.name for player in players.values()] or [cls.function.__name__]
    functions = tuple(describe(getattr(polyloss, name)) for name in names)
    arguments = {a.name: a for f in reversed(functions) for a in f.arguments}
    own = tuple(Parameter(n, _written(cls._fields[n]), arguments[n].text) for n in cls._own if n in arguments)
    inputs = tuple(a for name, a in arguments.items() if name not in cls._own)
    when = _paragraph(cls.__doc__ or "", "When to choose it:") or functions[0].when
    tasks, elsewhere = getattr(cls, "tasks", ()), dict(getattr(cls, "elsewhere", {}))
    summary = functions[0].summary if len(functions) == 1 else _joined(_blocks(cls.__doc__ or "")[0])
    return About(cls.__name__, cls, summary, cls.category, functions, inputs, own, when, tasks, elsewhere)


def describe(function: Callable[..., Any]) -> Described:
    """One function's docstring, taken apart.

    >>> from polyloss.tools.describe import describe
    >>> describe(polyloss.huber).arguments[2]
    Parameter(name='delta', default='1.0', text='Greater than 0, in units of the target.')
    """
    found = Described(function.__name__, function)
    defaults = inspect.signature(function).parameters
    for block in _blocks(function.__doc__ or ""):
        head, _, rest = block.partition("\n")
        if not found.summary:
            found.summary = _joined(block)
        elif block.startswith(".. math::") and not found.formula:
            found.formula = _joined(block.removeprefix(".. math::"))
        elif block.startswith("When to choose it:"):
            found.when = _joined(block.removeprefix("When to choose it:"))
        elif block.startswith("References:"):
            found.references = _joined(block.removeprefix("References:"))
        elif head == "Args:":
            order = list(defaults)
            entries = sorted(_entries(rest), key=lambda one: order.index(one[0]) if one[0] in order else len(order))
            found.arguments = [Parameter(name, _default(defaults, name), text) for name, text in entries]
        elif head == "Returns:":
            found.returns = _joined(rest)
        elif head == "Raises:":
            found.raises = _entries(rest)
        elif block.startswith(">>>"):
            found.example = f"{found.example}\n{block}".strip()
        elif block.startswith("==") and (rows := _table(block))[0] == ["input", "value", "gradient"]:
            found.edge_cases = [EdgeCase(*row) for row in rows[1:]]
        else:
            found.notes.append(block)
    return found


def _blocks(docstring: str) -> list[str]:
    """Paragraphs, each with what is indented below it."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        if found and block.startswith(" "):
            found[-1] += "\n\n" + block
        else:
            found.append(block)
    return found


def _paragraph(docstring: str, start: str) -> str:
    """The paragraph that begins so, without the beginning."""
    return next((_joined(b.removeprefix(start)) for b in _blocks(docstring) if b.startswith(start)), "")


def _joined(text: str) -> str:
    return " ".join(text.split())


def _entries(section: str) -> list[tuple[str, str]]:
    """``name: text`` with deeper lines going on, as in Google's style."""
    entries = re.split(r"\n(?=\S)", textwrap.dedent(section))
    return [(name, _joined(text)) for name, _, text in (entry.partition(":") for entry in entries)]


def _written(default: Any) -> str | None:
    return None if default is REQUIRED else repr(default)


def _default(parameters: Any, name: str) -> str | None:
    return _written(parameters[name].default) if name in parameters else None


# -- reStructuredText and LaTeX, read -------------------------------------------------------------


def library(name: str) -> ModuleType:
    """A module of the extra `study`, or one line that says what is missing."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f"polyloss.tools.describe: the package {name.partition('.')[0]} must be installed. Got none: python -m pip install "
            '".[cli]" in the folder of the checkout',
            name=missing.name,
        ) from None


def _document(text: str) -> Any:
    """The docutils document of a piece of reStructuredText; a fault in it raises."""
    return library("docutils.core").publish_doctree(text, settings_overrides={"halt_level": 2, "report_level": 5})


def spans(text: str) -> list[tuple[str, str]]:
    """A paragraph as pieces of ``"text"``, ``"code"``, ``"strong"`` and ``"formula"`` (in Unicode).

    >>> from polyloss.tools.describe import spans
    >>> spans("**One** of `huber`.")
    [('strong', 'One'), ('text', ' of '), ('code', 'huber'), ('text', '.')]
    """
    nodes = library("docutils.nodes")
    kinds = {nodes.title_reference: "code", nodes.literal: "code", nodes.strong: "strong", nodes.math: "formula"}
    found = []
    for i, paragraph in enumerate(_document(text).findall(nodes.paragraph)):
        found += [("text", "\n")] if i else []
        for piece in paragraph.children:
            kind = kinds.get(type(piece), "text")
            shown = piece.astext()
            found.append((kind, formula_in_unicode(shown) if kind == "formula" else shown))
    return found


def plain_text(text: str) -> str:
    r"""Without the marks of reStructuredText, formulas in Unicode.

    >>> from polyloss.tools.describe import plain_text
    >>> plain_text(r"The **mean** of `huber`, :math:`\alpha \le 2`, is ``1.0``.")
    'The mean of huber, α ≤ 2, is 1.0.'
    """
    return "".join(shown for _, shown in spans(text))


def _table(block: str) -> list[list[str]]:
    """The cells of a table, as they are written."""
    nodes = library("docutils.nodes")
    rows = _document(block).findall(nodes.row)
    return [[" ".join(_joined(p.rawsource) for p in entry.findall(nodes.paragraph)) for entry in row] for row in rows]


def formula_in_unicode(latex: str) -> str:
    r"""A formula in LaTeX as a terminal can show it, in one line.

    >>> from polyloss.tools.describe import formula_in_unicode
    >>> formula_in_unicode(r"\ell = -(1 - p_t)^{\gamma} \log p_t")
    'ℓ = −(1 − pₜ)ᵞ log pₜ'
    """
    latex2text, walker = library("pylatexenc.latex2text"), library("pylatexenc.latexwalker")
    # what the library leaves out: tfrac, and the rows of a case distinction
    grammar, meaning = walker.get_default_latex_context_db(), latex2text.get_default_latex_context_db()
    fraction = library("pylatexenc.macrospec").std_macro("tfrac", False, 2)
    cases = latex2text.EnvironmentTextSpec("cases", "{%s}")
    fractions = [latex2text.MacroTextSpec(name, "%s/%s ") for name in ("frac", "tfrac")]
    grammar.add_context_category("polyloss", prepend=True, macros=[fraction])
    meaning.add_context_category("polyloss", prepend=True, macros=fractions, environments=[cases])
    reader = latex2text.LatexNodes2Text(math_mode="text", latex_context=meaning)
    text = reader.latex_to_text(f"${latex}$", latex_context=grammar)
    text = re.sub(
        r"(?<=[^\sa-zA-Z(\[{])(?=((log|max|mean)(\b|_)|∑))|(?<=\blog)(?=[^\sa-z(,])", " ", text
    )  # names of functions
    text = re.sub(r"\s*([≤≥∼])\s*", r" \1 ", text)
    text = library("unicodeit").replace(re.sub(r"\s*\n\s*", "; ", text.strip()))
    return re.sub(r" {2,}", lambda gap: "    " if len(gap[0]) > 3 else " ", text)
