"""What is known of each backend without importing it: ``<backend>.toml`` beside this file.

A backend that polyloss trains on has a module of the same name beside it; one without gives values only.
"""

from __future__ import annotations

import functools
import pathlib
import tomllib
from dataclasses import dataclass

FOLDER = pathlib.Path(__file__).parent


def names() -> tuple[str, ...]:
    """The backends that polyloss trains on.

    >>> from polyloss.framework.announced import names
    >>> names()
    ('jax', 'tensorflow', 'torch')
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.with_suffix(".py").exists()))


def gradientless() -> tuple[str, ...]:
    """The backends of Keras that polyloss runs on and that have no gradients.

    >>> from polyloss.framework.announced import gradientless
    >>> gradientless()
    ('numpy',)
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if not path.with_suffix(".py").exists()))


@dataclass(frozen=True)
class Announced:
    """A backend.

    Attributes:
        title: Its name in a sentence.
        colour: Of its curves.
        packages: What may be installed of it, of which a study notes the versions.
        referee: When its float64 is asked for the exact result: the lowest first.
    """

    title: str
    colour: str
    packages: tuple[str, ...] = ()
    referee: int = 99


@functools.cache
def announced(name: str) -> Announced:
    """What a backend announces.

    >>> from polyloss.framework.announced import announced
    >>> announced("torch").title
    'PyTorch'
    """
    found = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Announced(**{**found, "packages": tuple(found.get("packages", ()))})


def referees() -> tuple[str, ...]:
    """Those that train, in the order in which their float64 is asked for the exact result."""
    return tuple(sorted(names(), key=lambda name: announced(name).referee))


def home(x: object) -> str | None:
    """The backend whose tensor `x` is, told by the package of its class; None: of none.

    >>> from polyloss.framework.announced import home
    >>> home([1.0]) is None
    True
    """
    packages = (base.__module__.partition(".")[0] for base in type(x).__mro__)
    return next((found for package in packages if (found := _of_package(package)) is not None), None)


@functools.cache
def _of_package(package: str) -> str | None:
    return next((name for name in names() if package in announced(name).packages), None)


def in_words(last: str = "or") -> str:
    """Those that train, in a sentence.

    >>> from polyloss.framework.announced import in_words
    >>> in_words("and")
    'JAX, TensorFlow and PyTorch'
    """
    *most, end = (announced(name).title for name in names())
    return f"{', '.join(most)} {last} {end}" if most else end
