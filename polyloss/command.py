"""The command line: one function a command, each a thin layer over what Python code can call as well."""

from __future__ import annotations

from typing import cast

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
