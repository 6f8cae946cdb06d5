"""`polyloss ...` and `python -m polyloss ...`: the command line, whose libraries are the extra `study`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say in one line what it lacks."""
    try:
        from polyloss.tools.command import app
    except ModuleNotFoundError as missing:
        if missing.name not in ("typer", "rich"):
            raise
        sys.exit(f'polyloss: the command line needs {missing.name}: pip install "keras-polyloss[study]"')
    app()


if __name__ == "__main__":
    main()
