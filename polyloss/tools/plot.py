"""Pictures of losses: value and gradient over what the loss sees, for one or several values of a parameter.

>>> import polyloss.plot
>>> picture = polyloss.plot.figure("FocalLoss", gamma=[0, 1, 2, 5])  # doctest: +SKIP
>>> polyloss.plot.save(picture, "focal.svg")  # doctest: +SKIP

Needs matplotlib (the extra `study`), and no global state of it: no `pyplot`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from polyloss import framework
from polyloss.core.declared import Declared, find
from polyloss.core.kinds import View
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import one_of, refuse
from polyloss.framework import fused, gradient

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# -- what a loss is drawn over --------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One curve: its label, its values, and its slopes (None on a backend without gradients)."""

    label: str
    value: np.ndarray
    gradient: np.ndarray | None = None


@dataclass(frozen=True)
class Panel:
    """One target, or one of the players: the abscissa, and a line for each value of the parameter.

    Attributes:
        title: ``"y = 1"``, say.
        abscissa: What `x` is.
        scale: ``"linear"`` or ``"log"``.
        x: The points, as the loss sees them.
    """

    title: str
    abscissa: str
    scale: str
    x: np.ndarray
    lines: list[Line] = field(default_factory=list)


# -- curves ---------------------------------------------------------------------------------------


def _of(where: str, loss: Any, parameters: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
    """One instance for each value of the parameter that has several, and their labels."""
    cls = find(loss, where)
    given = loss.get_config() if isinstance(loss, Declared) else cls._shown()
    several = [name for name, value in parameters.items() if isinstance(value, list)]
    if len(several) > 1:
        refuse(where, "parameters", "have several values for one at most", several)
    fixed = {name: value for name, value in parameters.items() if name not in several}
    if not several:
        return [cls(**{**given, **fixed})], [""]
    (name,) = several
    if not parameters[name]:
        refuse(where, name, "have a value", parameters[name])
    made = [cls(**{**given, **fixed, name: value}) for value in parameters[name]]
    return made, [
        f"{name} = {_short(getattr(one, name, value))}" for one, value in zip(made, parameters[name], strict=True)
    ]


def _classes(loss: Any) -> int:
    """As many as a parameter with one entry a class has entries; else ten."""
    vectors = [v for name, v in loss._options().items() if isinstance(v, tuple) and loss._rules()[name].per_class]
    return len(vectors[0]) if vectors else 10


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def curves(
    loss: Any,
    *,
    span: tuple[float, float] | None = None,
    points: int = 401,
    classes: int | None = None,
    **parameters: Any,
) -> list[Panel]:
    """Values and slopes of a loss, as numbers: what `figure` draws.

    The abscissa is what the loss sees: the logit of a yes/no decision (the probability with
    ``from_logits=False``), by how much the right class's logit is above the others, the error of a
    regression, the distance of a pair, the critic's score, the norm of the critic's gradient.

    Args:
        loss: A class, an instance, or a name: ``"FocalLoss"``, ``"focal_loss"``.
        span: From where to where; by default what suits the loss.
        points: How many points a curve has.
        classes: How many classes a softmax loss is drawn with; by default as many as a parameter with one entry
            a class has, else 10.
        **parameters: Of the loss. A list stands for several values, one curve each, for one parameter at
            most. Logits are the default here.

    Returns:
        One panel for each target or player. Lines have no gradient on a backend without gradients.

    Raises:
        ValueError, TypeError: for a loss that is none, for parameters out of range, for a span or a
            number of points that makes no curve.

    >>> panel = polyloss.plot.curves("Huber", delta=[0.5, 2.0], span=(-1, 3), points=5)[0]
    >>> [line.label for line in panel.lines], panel.lines[1].value.tolist()
    (['delta = 0.5', 'delta = 2'], [0.5, 0.0, 0.5, 2.0, 4.0])
    """
    where = "curves"
    losses, labels = _of(where, loss, parameters)
    classes = _classes(losses[0]) if classes is None else classes
    if not isinstance(points, int) or points < 2:
        refuse(where, "points", "be an integer of at least 2", points)
    if not isinstance(classes, int) or classes < 2:
        refuse(where, "classes", "be an integer of at least 2", classes)
    views = losses[0].inputs.views(losses, classes)
    if not views:
        refuse(where, "loss", "have a curve", type(losses[0]).__name__)
    panels = []
    for view in views:
        low, high = view.span if span is None else span
        if not (math.isfinite(low) and math.isfinite(high) and low < high) or (view.scale == "log" and low <= 0):
            more = " and above 0" if view.scale == "log" else ""
            refuse(where, "span", f"be two finite numbers, the smaller first{more}", span)
        spaced = np.geomspace if view.scale == "log" else np.linspace
        x = spaced(low, high, points).astype("float32")
        panels.append(Panel(view.title, view.abscissa, view.scale, x))
        for one, label in zip(losses, labels, strict=True):
            panels[-1].lines.append(_line(view, one, label, x))
    return panels


def _line(view: View, loss: Any, label: str, x: np.ndarray) -> Line:
    def values(x: Tensor) -> Tensor:
        return ops.reshape(view.call(loss, x), (-1,))

    def value_and_slope(x: Tensor) -> tuple[Tensor, ...]:
        return (values(x), gradient(values)(x)) if framework.HAS_GRADIENTS else (values(x),)

    value, *slope = map(_array, fused(value_and_slope)(ops.convert_to_tensor(x)))
    if value.shape != x.shape:
        refuse("curves", "loss", f"give one value a point, {x.shape}", value.shape)
    return Line(label, value, *slope)


def _array(x: Tensor) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


# -- pictures -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Theme:
    """Colours: of text, of grid and axes, of a single curve, and the part of a colour map for several."""

    text: str
    faint: str
    one: str
    several: tuple[str, float, float]


THEMES = {
    "light": Theme("#24292f", "#24292f26", "#0b62a8", ("viridis", 0.0, 0.8)),
    "dark": Theme("#dde3ea", "#dde3ea2e", "#6cb6ff", ("viridis", 0.42, 1.0)),
}


def figure(
    loss: Any,
    *,
    theme: str = "light",
    on: Figure | None = None,
    span: tuple[float, float] | None = None,
    points: int = 401,
    classes: int | None = None,
    **parameters: Any,
) -> Figure:
    """A picture of a loss: values above, slopes below, a column for each target or player.

    The background is transparent. On a backend without gradients the lower row is missing, and the picture
    says so.

    Args:
        loss: A class, an instance, or a name: ``"FocalLoss"``, ``"focal_loss"``.
        theme: ``"light"`` (dark ink, for a light page) or ``"dark"``.
        on: A figure to draw on, ``plt.figure()`` say; by default a new one.
        span: From where to where; by default what suits the loss.
        points: How many points a curve has.
        classes: How many classes a softmax loss is drawn with; by default as many as a parameter with one entry
            a class has, else 10.
        **parameters: Of the loss; see `curves`.

    Returns:
        The figure; `save` writes it.

    Raises:
        ModuleNotFoundError: where matplotlib is not installed.
        ValueError, TypeError: as `curves`, and for a theme that is none.
    """
    one_of(*THEMES)("figure", "theme", theme)
    _matplotlib()  # that it is missing is said before anything is computed
    panels = curves(loss, span=span, points=points, classes=classes, **parameters)
    return drawn(panels, find(loss).__name__, theme, on)


def drawn(panels: list[Panel], title: str, theme: str, on: Figure | None = None) -> Figure:
    """The picture of what `curves` gave."""
    matplotlib = _matplotlib()
    rows = ["value", "gradient"] if framework.HAS_GRADIENTS else ["value"]
    ink = THEMES[theme]
    lines = panels[0].lines
    name, low, high = ink.several
    shades = matplotlib.colormaps[name](np.linspace(low, high, len(lines))) if len(lines) > 1 else [ink.one]
    with matplotlib.rc_context(_style(ink.text)):
        if on is None:
            from matplotlib.figure import Figure

            on = Figure(figsize=(1.4 + 2.9 * max(len(panels), 1.4), 0.9 + 2.1 * len(rows)), layout="constrained")
        on.patch.set_alpha(0.0)
        alike = all(panel.scale == "linear" for panel in panels)  # else slopes differ by orders of magnitude
        axes = on.subplots(len(rows), len(panels), sharex="col", sharey="row" if alike else "none", squeeze=False)
        for column, panel in enumerate(panels):
            for row, quantity in enumerate(rows):
                ax = axes[row][column]
                _dress(ax, ink)
                ax.set_xscale(panel.scale)
                for line, shade in zip(panel.lines, shades, strict=True):
                    ax.plot(panel.x, getattr(line, quantity), color=shade, label=line.label)
                shown = panels if alike else [panel]
                ax.set_ylim(*_window([getattr(line, quantity) for p in shown for line in p.lines]))
            axes[0][column].set_title(panel.title)
            axes[-1][column].set_xlabel(panel.abscissa)
        for row, quantity in enumerate(rows):
            axes[row][0].set_ylabel(quantity)
        if rows == ["value"]:
            title += f" (KERAS_BACKEND={keras.backend.backend()} has no gradients)"
        on.suptitle(title, color=ink.text)
        if len(lines) > 1:
            handles, labels = axes[0][0].get_legend_handles_labels()
            fit = int(on.get_figwidth() / (0.55 + 0.085 * max(map(len, labels))))
            on.legend(handles, labels, loc="outside lower center", ncols=max(min(len(lines), fit), 1))
    return on


def save(picture: Figure, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a figure, without a date in it: PNG, SVG or PDF by the ending of `path`.

    Args:
        picture: From `figure`.
        path: Where to.
        **options: Of matplotlib's `savefig`.
    """
    ending = os.fspath(path).rpartition(".")[2].lower()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with _matplotlib().rc_context({"svg.hashsalt": "polyloss"}):
        picture.savefig(path, **{"dpi": 160, "metadata": dated.get(ending), **options})


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "polyloss.plot: the package matplotlib must be installed. Got none: python -m pip install matplotlib",
            name=missing.name,
        ) from None
    return matplotlib


def _style(text: str) -> dict[str, Any]:
    return {
        "font.size": 10,
        "axes.titlesize": 10,
        "figure.titlesize": 12,
        "lines.linewidth": 1.8,
        "text.color": text,
        "axes.labelcolor": text,
        "axes.titlecolor": text,
        "legend.frameon": False,
    }


def _dress(ax: Any, ink: Theme) -> None:
    """No box, a faint grid, and the theme's ink."""
    ax.patch.set_alpha(0.0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(ink.faint)
    ax.tick_params(which="both", color=ink.faint, labelcolor=ink.text)
    ax.grid(color=ink.faint, linewidth=0.6)
    ax.set_axisbelow(True)


def _window(lines: list[np.ndarray]) -> tuple[float, float]:
    """From where to where to look: all of it, except what a few points at an end shoot up to."""
    seen = np.concatenate([line[np.isfinite(line)] for line in lines]) if lines else np.zeros(0)
    if not seen.size:
        return -1.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    inner_low, inner_high = (float(q) for q in np.quantile(seen, [0.03, 0.97]))
    room = max(inner_high - inner_low, 1e-6)
    low, high = max(low, inner_low - 0.8 * room), min(high, inner_high + 0.8 * room)
    edge = 0.05 * max(high - low, 1e-6)
    return low - edge, high + edge
