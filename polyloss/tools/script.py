"""The script `polyloss`, installed beside the package as the module `polyloss_script`.

Whatever is imported of a package imports the package first, here with Keras and a framework, which takes seconds. Beside
it this file can load the commands alone: they import polyloss when one of them runs, and help comes at once.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from types import ModuleType

LIBRARIES = ("typer", "rich", "filelock", "jsonschema", "jinja2", "plotly")


def main() -> None:
    """Run the command line, or say in one line what it lacks."""
    try:
        _commands().run()
    except ModuleNotFoundError as missing:
        if missing.name not in LIBRARIES:
            raise
        sys.stderr.write(
            f"polyloss: the command line must have {missing.name}. Got none: python -m pip install "
            '".[cli]" in the folder of the checkout\n'
        )
        sys.exit(2)


def _commands() -> ModuleType:
    """The module of the commands, from its file."""
    package = importlib.util.find_spec("polyloss")
    assert package is not None
    assert package.origin is not None
    path = pathlib.Path(package.origin).parent / "tools" / "command.py"
    spec = importlib.util.spec_from_file_location("polyloss_commands", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # typer looks up annotations there
    spec.loader.exec_module(module)
    return module
