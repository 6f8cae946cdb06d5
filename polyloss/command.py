"""The command line: one function a command, each a thin layer over what Python code can call as well."""

from __future__ import annotations

import pathlib
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

import polyloss

app = typer.Typer(
    help="Loss functions proven equal on JAX, TensorFlow and PyTorch, and studies that compare the three.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _several() -> None:
    """Keeps `polyloss list` a command of several, also while it is the only one."""


@app.command("list")
def list_losses() -> None:
    """Every loss: its class, its function, and what it is for."""
    table = Table("class", "function", "for")
    for name, cls in cast("dict[str, type[polyloss.Loss]]", polyloss.catalogue()).items():
        table.add_row(name, getattr(cls.function, "__name__", ""), ", ".join(cls.tasks))
    Console().print(table)


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
    backends: Annotated[str, typer.Option(help="Which, in this order.")] = "jax,tensorflow,torch",
    seeds: Annotated[int, typer.Option(min=1, help="Initial weights and orders of batches.")] = 3,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the workload's.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="At most so many steps an epoch.")] = None,
    modes: Annotated[
        str, typer.Option(help="eager, jit (jax.jit, XLA, torch.compile), auto (Keras's choice).")
    ] = "eager,jit",
    moved: Annotated[int, typer.Option(min=1, help="Trainings from weights one ULP off: the noise floor.")] = 3,
    at: Annotated[str, typer.Option(help="Steps at which the model is compared link by link.")] = "0",
    device: Annotated[str, typer.Option(help="cpu, gpu or tpu.")] = "cpu",
    python: Annotated[list[str] | None, typer.Option(help="An interpreter of its own: torch=/path/to/python.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds without a sign of life.")] = 600,
    tf32: Annotated[bool, typer.Option("--tf32", help="Let GPUs round products to TF32.")] = False,
    small: Annotated[
        bool, typer.Option("--small", help="2 seeds, 2 moved trainings, 1 epoch of at most 12 steps.")
    ] = False,
    out: Annotated[pathlib.Path, typer.Option(help="Where the report goes.")] = pathlib.Path("study"),
) -> None:
    """Train one model on several backends, and say whether they computed the same.

    Status: 0 they agree, 1 they part, 3 too little could be measured, 2 a mistake in the call.
    """
    from polyloss.study import command

    settings = {
        "backends": tuple(backends.split(",")), "modes": tuple(modes.split(",")), "seeds": seeds, "moved": moved,
        "epochs": epochs, "steps": steps, "at": at, "device": device, "tf32": tf32, "timeout": timeout,
        "python": _pairs(python or []),
    }  # fmt: skip
    raise typer.Exit(command.study(workload, settings, small=small, out=out))


@app.command("compare")
def compare_studies(
    first: Annotated[pathlib.Path, typer.Argument(help="A study.json, or its folder.")],
    second: Annotated[pathlib.Path, typer.Argument(help="Another: other machine, other versions, after a change.")],
    out: Annotated[pathlib.Path | None, typer.Option(help="Write the tables there, as Markdown.")] = None,
) -> None:
    """Two studies side by side: the same numbers? faster? which versions?"""
    from polyloss.study import command

    raise typer.Exit(command.compare(first, second, out))
