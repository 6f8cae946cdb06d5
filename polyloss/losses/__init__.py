"""The catalogue: one module a family (or a folder, where it outgrows a file), each loss a function with its class under it.

What families share stands in the modules with an underscore; families never import each other.
"""

from typing import NoReturn

from polyloss.core.declared import find


def __getattr__(name: str) -> NoReturn:
    """Losses stand in `polyloss` itself, not here as in ``keras.losses``."""
    lacking = f"module 'polyloss.losses' has no attribute {name!r}"
    if name.startswith("_"):
        raise AttributeError(lacking)
    try:
        raise AttributeError(f"{lacking}. Use polyloss.{find(name).__name__}.")
    except ValueError:
        raise AttributeError(lacking) from None
