"""The command line: one function a command, each a thin layer over what Python code can call as well.

Nothing of polyloss is imported before a command runs, since that imports Keras and a framework: help comes at once.
"""

from __future__ import annotations

import ast
import codecs
import contextlib
import importlib
import io
import json
import os
import pathlib
import runpy
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

_FRAMEWORKS = runpy.run_path(str(pathlib.Path(__file__).parents[1] / "framework" / "announced.py"))
"""What is known of the frameworks without importing one."""
TRAIN = _FRAMEWORKS["names"]()
EVERY = (*TRAIN, *_FRAMEWORKS["gradientless"]())
app = typer.Typer(
    help=f"Loss functions for Keras 3 on {_FRAMEWORKS['in_words']('and')}, and studies that compare these.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """The program: its output can be written wherever it goes, and frameworks keep their logs to themselves."""
    codecs.register_error("spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelled")
    app(prog_name="polyloss")


def start() -> None:
    """Import polyloss, and with it a framework, which has its own way of writing to stderr while it starts."""
    if "polyloss" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    with refusals():
        try:
            importlib.import_module("polyloss")
        finally:  # what goes wrong is an exception, and said as one
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


LETTERS = {
    "−": "-",
    "·": "*",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "∈": "in",
    "∑": "sum",
    "∞": "inf",
    "∂": "d",
    "√": "sqrt",
    "‖": "||",
    "∩": "and",
    "∪": "or",
    "⊙": "*",
    "∇": "grad",
    "∼": "~",
    "⁻": "^-",
}
"""How an ASCII terminal shows what is no letter; Greek ones have names, and of others the accent is left out."""


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """What cannot be encoded, spelled out: for `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(spelled, error.object[error.start : error.end])), error.end


def spelled(letter: str) -> str:
    """A letter in ASCII."""
    if letter in LETTERS:
        return LETTERS[letter]
    name = unicodedata.name(letter, "")
    mark = "_" if "SUBSCRIPT" in name else "^" if "SUPERSCRIPT" in name or "MODIFIER" in name else ""
    if unicodedata.combining(letter):
        return ""
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    if "GREEK" in name:
        plain = name.split(" WITH ")[0].rpartition(" ")[2].lower()
    return f"{mark}{plain}" if plain else "-" if "DASH" in name else "?"


def console(stderr: bool = False) -> Console:
    """Where output goes. What is not a terminal has no width: nothing is cut, and a row is a line."""
    from rich.console import Console

    made = Console(stderr=stderr)
    return made if made.is_terminal or "COLUMNS" in os.environ else Console(stderr=stderr, width=ENDLESS)


ENDLESS = 10_000


def show(what: Any) -> None:
    """Print it; into a file or a pipe without the spaces that fill a line."""
    out = console()
    if out.width < ENDLESS:
        out.print(what, highlight=False, crop=False)
        return
    with out.capture() as shown:
        out.print(what, highlight=False, crop=False)
    for line in shown.get().splitlines():
        print(line.rstrip())


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What polyloss refuses ends the command with that one sentence."""
    try:
        yield
    except (ValueError, TypeError, ModuleNotFoundError) as refused:
        console(stderr=True).print(str(refused), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


@app.command("list")
def list_losses(
    task: Annotated[str | None, typer.Option(help='Only those for one kind of problem: "regression", say.')] = None,
) -> None:
    """Every loss: its class, what it is, and what it is for."""
    start()
    from polyloss.tools import terminal

    with refusals():
        shown = terminal.listing(task)
    show(shown)


@app.command("show")
def show_loss(
    loss: Annotated[str, typer.Argument(help="The name of its class or function.")],
    latex: Annotated[bool, typer.Option("--latex", help="The formula as LaTeX.")] = False,
) -> None:
    """A loss: formula, when to choose it, parameters, edge cases, names elsewhere, reference."""
    start()
    from polyloss.tools import terminal

    with refusals():
        shown = terminal.description(loss, latex)
    show(shown)


@app.command("choose")
def choose_loss(
    targets: Annotated[str | None, typer.Option(help="What your targets are: yes-no, one-of-many, ...")] = None,
    data: Annotated[str | None, typer.Option(help="What they are like: imbalanced, outliers, ...")] = None,
) -> None:
    """From what your targets and data are to two or three losses, with reasons. Asks what is not given."""
    start()
    from polyloss.tools import choose, terminal

    asked = console()
    with refusals():
        what: choose.Targets = _answer(asked, "targets", "What are your targets?", choose.TARGETS, targets)
        like: choose.Data = _answer(asked, "data", "What are your data like?", what.data, data)
    show(terminal.advice(what, like))


def _answer(console: Console, what: str, question: str, answers: Sequence[Any], given: str | None) -> Any:
    """The answer that was given, or the one that is chosen by number or name."""
    from rich.prompt import Prompt

    from polyloss.tools import choose

    if given is None:
        console.print(question, style="bold")
        for i, answer in enumerate(answers, 1):
            console.print(f"  {i}  [cyan]{answer.name}[/cyan]: {answer.text}", highlight=False)
        names = {str(i): answer.name for i, answer in enumerate(answers, 1)}
        given = Prompt.ask("Which", console=console, choices=[*names, *names.values()], show_choices=False)
        given = names.get(given, given)
        console.print()
    return choose.named(what, answers, given)


@app.command("plot", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def plot_loss(
    context: typer.Context,
    loss: Annotated[str, typer.Argument(help="The name of its class or function.")],
    out: Annotated[
        pathlib.Path | None, typer.Option(help="PNG, SVG or PDF by its ending; FUNCTION.png by default.")
    ] = None,
    theme: Annotated[str, typer.Option(help="light or dark: the page that the picture is for.")] = "light",
    span: Annotated[str | None, typer.Option(help="From where to where: -3,3.")] = None,
    classes: Annotated[int | None, typer.Option(help="How many classes a softmax loss is drawn with.")] = None,
) -> None:
    """Value and gradient of a loss as a picture.

    Any parameter of the loss is an option: polyloss plot FocalLoss --gamma 0,1,2,5 --alpha none. Several
    values of one parameter, with commas between them, give a curve each.
    """
    start()
    from polyloss import framework
    from polyloss.core import declared
    from polyloss.tools import plot

    with refusals():
        parameters = _own(loss, "plot", context.args)
        cls = declared.find(loss, "plot")
        ends = None if span is None else _span(span)
        path = out or pathlib.Path(f"{declared.snake_case(cls.__name__)}.png")
        endings = (".png", ".svg", ".pdf")
        if path.suffix.lower() not in endings or not path.parent.is_dir():
            raise ValueError(f"plot: out must be a {', '.join(endings)} file in a folder that exists. Got {path}.")
        picture = plot.figure(cls, theme=theme, span=ends, classes=classes, **parameters)
        plot.save(picture, path)
    if not framework.HAS_GRADIENTS:
        console(stderr=True).print("plot: this backend has no gradients; the picture shows values only.")
    print(path)


@app.command("agree", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def agree_on_loss(
    context: typer.Context,
    loss: Annotated[str, typer.Argument(help="The name of its class or function.")],
    backends: Annotated[str, typer.Option(help=f"The backends to compare, of {', '.join(EVERY)}.")] = ",".join(TRAIN),
    python: Annotated[
        list[str] | None, typer.Option(help="The Python interpreter of a backend: torch=/path/to/python.")
    ] = None,
    inputs: Annotated[
        int, typer.Option(min=1, help="Number of random inputs. Special values are added to them.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Random seed of the inputs.")] = 0,
    timeout: Annotated[float, typer.Option(min=1, help="Stop a process after this many seconds without output.")] = 300,
    device: Annotated[str, typer.Option(help="cpu, gpu or tpu.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="The measurements and the verdict as JSON.")] = False,
) -> None:
    """Compare values and gradients of one loss between the backends and with float64.

    Any parameter of the loss is an option: polyloss agree FocalLoss --gamma 0.5 --no-from-logits.
    Status: 0 within what rounding allows, 1 not, 3 fewer than two backends or no reference, 2 a mistake in the call.
    """
    start()
    from polyloss.study.agree import agree
    from polyloss.tools import terminal

    with refusals(), console(stderr=True).status(f"Starting {backends.replace(',', ', ')}") as status:
        found = agree(
            loss, _own(loss, "agree", context.args), backends=backends.split(","), python=_pairs(python or []), count=inputs,
            seed=seed, timeout=timeout, device=device, tell=lambda text: status.update(f"Computing: {text}"),
        )  # fmt: skip
    if as_json:
        print(json.dumps(found.as_json(), indent=1))
    else:
        show(terminal.agreement(found))
    within = found.verdict().within
    if not within:
        raise typer.Exit(3 if within is None else 1)


def _own(loss: str, command: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The options that are parameters of the loss."""
    from polyloss.core import declared

    cls = declared.find(loss, command)
    parameters = _parameters(command, arguments)
    for name in parameters:
        if name not in cls._own:
            known = ", ".join(f"--{n.replace('_', '-')}" for n in cls._own) or "no option"
            raise ValueError(f"{command}: {cls.__name__} takes {known}. Got --{name.replace('_', '-')}.")
    return parameters


def _parameters(command: str, arguments: Sequence[str]) -> dict[str, Any]:
    """``--gamma 0,1 --from-logits --alpha=none`` as keyword arguments; several values as a list."""
    found: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        option, given, text = rest.pop(0).partition("=")
        if not option.startswith("--") or not option[2:]:
            raise ValueError(f"{command}: options must have the form --name value. Got {option}.")
        name = option[2:].replace("-", "_")
        if given or (rest and not rest[0].startswith("--")):
            found[name] = _values(text if given else rest.pop(0))
        else:  # a switch
            found[name.removeprefix("no_")] = not name.startswith("no_")
    return found


def _values(text: str) -> Any:
    """A Python value, or a list of those between commas; what is none is text."""
    known = {"none": None, "true": True, "false": False}
    try:
        values = list(ast.literal_eval(f"({text},)"))
    except (ValueError, SyntaxError):
        values = []
        for part in text.split(","):
            try:
                values.append(ast.literal_eval(part))
            except (ValueError, SyntaxError):
                values.append(known.get(part.strip().lower(), part.strip()))
    return values if len(values) > 1 else values[0]


def _span(text: str) -> tuple[float, float]:
    low, _, high = text.partition(",")
    try:
        return float(low), float(high)
    except ValueError:
        raise ValueError(f"plot: span must be two numbers with a comma between them. Got {text}.") from None


def _pairs(texts: list[str]) -> dict[str, str]:
    """``torch=/path`` as a dict."""
    found = dict(text.partition("=")[::2] for text in texts)
    bad = next((text for text in texts if not text.partition("=")[2]), None)
    if bad is not None:
        raise typer.BadParameter(f"must be BACKEND=PATH. Got {bad!r}.")
    return found


@app.command("study")
def study_workload(
    workload: Annotated[str, typer.Argument(help="A built-in workload, a Python file with workload(), or all.")],
    backends: Annotated[str, typer.Option(help="The backends to compare, in this order.")] = ",".join(TRAIN),
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Number of different initial weights and orders of batches. Default: 2.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Number of epochs, instead of the workload's.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="The largest number of steps in an epoch.")] = None,
    modes: Annotated[
        str | None,
        typer.Option(
            help="auto (Keras's choice), jit (jax.jit, XLA, torch.compile), eager, loop (the framework's own loop, once: "
            "what fit is measured by). Default: auto,loop."
        ),
    ] = None,
    moved: Annotated[
        int | None,
        typer.Option(
            min=1, help="Trainings from weights perturbed by one ULP, which measure the noise floor. Default: 2."
        ),
    ] = None,
    at: Annotated[str, typer.Option(help="Steps at which the model is compared layer by layer.")] = "0",
    device: Annotated[str, typer.Option(help="cpu, gpu or tpu.")] = "cpu",
    python: Annotated[
        list[str] | None, typer.Option(help="The Python interpreter of a backend: torch=/path/to/python.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Stop a process after this many seconds without output.")] = 600,
    tf32: Annotated[bool, typer.Option("--tf32", help="Let GPUs round products to TF32.")] = False,
    small: Annotated[
        bool, typer.Option("--small", help="--seeds 2 --moved 2 --epochs 1 --steps 12 --modes auto.")
    ] = False,
    thorough: Annotated[bool, typer.Option("--thorough", help="--seeds 3 --moved 3 --modes eager,jit.")] = False,
    out: Annotated[pathlib.Path, typer.Option(help="Folder for the report.")] = pathlib.Path("study"),
    markdown: Annotated[pathlib.Path | None, typer.Option(help="A folder for the Markdown summaries alone.")] = None,
) -> None:
    """Train one model on several backends, and say whether they computed the same.

    Status: 0 they agree, 1 they differ, 3 not all of it ran or could be written (and what ran agrees), 2 a mistake in
    the call or the file.
    """
    start()
    from polyloss.study import command

    settings = {
        "backends": tuple(backends.split(",")), "modes": tuple(modes.split(",")) if modes else None, "seeds": seeds, "moved": moved,
        "epochs": epochs, "steps": steps, "at": at, "device": device, "tf32": tf32, "timeout": timeout,
        "python": _pairs(python or []),
    }  # fmt: skip
    if small and thorough:
        raise typer.BadParameter("--small and --thorough exclude each other.")
    size = command.SMALL if small else command.THOROUGH if thorough else {}
    raise typer.Exit(command.study(workload, settings, size=size, out=out, markdown=markdown, console=console()))


@app.command("compare")
def compare_studies(
    first: Annotated[pathlib.Path, typer.Argument(help="A study.json, or its folder.")],
    second: Annotated[pathlib.Path, typer.Argument(help="Another: other machine, other versions, after a change.")],
    out: Annotated[pathlib.Path | None, typer.Option(help="Write the tables there, as Markdown.")] = None,
) -> None:
    """Two studies side by side: the same numbers? faster? which versions?"""
    start()
    from polyloss.study import command

    raise typer.Exit(command.compare(first, second, out, console()))
