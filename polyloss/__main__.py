"""`polyloss ...` and `python -m polyloss ...`: the command line, whose libraries are the extra `study`."""

from __future__ import annotations

import sys

LIBRARIES = ("typer", "rich", "filelock", "jsonschema", "jinja2", "plotly")


def main() -> None:
    """Run the command line, or say in one line what it lacks."""
    try:
        from polyloss.tools.command import app

        app()
    except ModuleNotFoundError as missing:
        if missing.name not in LIBRARIES:
            raise
        print(f'polyloss: the command line needs {missing.name}: pip install "keras-polyloss[study]"', file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
