"""`polyloss.plot`: the curves are the loss's own values and slopes, and the pictures show them."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import numpy as np
import pytest

import polyloss
from polyloss.tools import plot

NAMES = [name for kind in ("loss", "adversarial", "penalty") for name in polyloss.catalogue(kind)]


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_has_curves(name: str, backend: Any) -> None:
    """Finite, not flat, and the slope is that of the values."""
    panels = plot.curves(name, points=21)
    assert panels
    for panel in panels:
        (line,) = panel.lines
        assert np.isfinite(line.value).all()
        if not backend.GRADIENTS:
            assert line.gradient is None
            continue
        assert line.gradient is not None
        middle = 0.5 * (line.gradient[1:] + line.gradient[:-1])
        rise = np.cumsum(middle * np.diff(panel.x))  # the trapezoidal rule
        reach = np.ptp(line.value)
        assert reach > 0
        away = np.abs(rise - (line.value[1:] - line.value[0]))
        steep = 0.3 if "probability" in panel.abscissa else 0.1  # log p, in steps of 0.05: the rule is coarse near 0
        assert away.max() < steep * reach


def only(name: str, **parameters: Any) -> list[np.ndarray]:
    """Values at the two ends and in the middle."""
    return [line.value[::10] for panel in plot.curves(name, points=21, **parameters) for line in panel.lines]


def test_known_values() -> None:
    yes, no = only("BinaryCrossentropy", span=(-2, 2))
    np.testing.assert_allclose(yes, np.log1p(np.exp([2.0, 0.0, -2.0])), rtol=1e-5)
    np.testing.assert_allclose(no, yes[::-1], rtol=1e-5)
    (probable, _) = only("BinaryCrossentropy", from_logits=False, span=(0.25, 0.75))
    np.testing.assert_allclose(probable, -np.log([0.25, 0.5, 0.75]), rtol=1e-5)
    for name in ("CategoricalCrossentropy", "SparseCategoricalCrossentropy"):
        (margin,) = only(name, span=(-1, 1), classes=4)
        np.testing.assert_allclose(margin, np.log1p(3 * np.exp([1.0, 0.0, -1.0])), rtol=1e-5)
    alike, different = only("ContrastiveLoss", span=(0, 2))
    assert alike.tolist() == [0.0, 1.0, 4.0]
    assert different.tolist() == [1.0, 0.0, 0.0]
    real, fake, generator = only("HingeGANLoss", span=(-2, 2))
    assert (real.tolist(), fake.tolist(), generator.tolist()) == ([3.0, 1.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, -2.0])
    paired, *_ = only("RelativisticLoss", average=False, span=(-2, 2))
    np.testing.assert_allclose(paired, np.log1p(np.exp([2.0, 0.0, -2.0])), rtol=1e-5)
    (penalty,) = only("GradientPenalty", span=(0, 2))
    assert penalty.tolist() == [10.0, 0.0, 10.0]


def test_several_values() -> None:
    (panel,) = plot.curves(polyloss.Huber, delta=[0.5, 2.0], span=(-1, 3), points=5)
    assert [line.label for line in panel.lines] == ["delta = 0.5", "delta = 2"]
    (given,) = plot.curves(polyloss.Huber(2.0), span=(-1, 3), points=5)
    assert given.lines[0].value.tolist() == panel.lines[1].value.tolist()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: plot.curves("FocalLos"),
            r"curves: loss must be in the catalogue\. Got loss='FocalLos'\. Did you mean FocalLoss\?",
        ),
        (lambda: plot.curves(3), "curves: loss must be a loss of polyloss, or the name of one. Got loss=3"),
        (lambda: plot.curves("Huber", delta=[-1.0]), "huber: delta must be greater than 0. Got delta=-1.0"),
        (lambda: plot.curves("FocalLoss", gamma=[1], alpha=[0.1]), "have several values for one at most"),
        (lambda: plot.curves("FocalLoss", gamma=[]), r"curves: gamma must have a value. Got gamma=\[\]"),
        (lambda: plot.curves("FocalLoss", beta=1), "FocalLoss: unknown parameter. Got beta=1"),
        (lambda: plot.curves("Huber", span=(1, 1)), "span must be two finite numbers, the smaller first"),
        (lambda: plot.curves("MeanSquaredLogarithmicError", span=(0, 1)), "the smaller first and above 0"),
        (lambda: plot.curves("Huber", points=1), "points must be an integer of at least 2"),
        (lambda: plot.curves("PolyLoss", classes=1), "classes must be an integer of at least 2"),
        (lambda: plot.figure("Huber", theme="blue"), "figure: theme must be one of 'light', 'dark'. Got theme='blue'"),
    ],
)
def test_refusals(call: Any, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figure(theme: str, backend: Any) -> None:
    picture = plot.figure("FocalLoss", gamma=[0, 2], theme=theme, points=21)
    rows = 2 if backend.GRADIENTS else 1
    assert len(picture.axes) == 2 * rows
    for ax in picture.axes:
        assert len(ax.lines) == 2
        low, high = ax.get_ylim()
        assert low < high
        assert ax.patch.get_alpha() == 0.0
    assert picture.patch.get_alpha() == 0.0
    assert [text.get_text() for text in picture.legends[0].get_texts()] == ["gamma = 0", "gamma = 2"]
    assert backend.GRADIENTS or "has no gradients" in picture.get_suptitle()


def test_files(tmp_path: pathlib.Path) -> None:
    """Each format, and SVG the same bytes again."""
    starts = {"a.svg": b"<?xml", "b.svg": b"<?xml", "a.png": b"\x89PNG", "a.pdf": b"%PDF"}
    for name, start in starts.items():
        plot.save(plot.figure("MeanSquaredLogarithmicError", points=21), tmp_path / name, dpi=50)
        assert (tmp_path / name).read_bytes().startswith(start)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_on_a_figure_of_ones_own() -> None:
    from matplotlib.figure import Figure

    mine = Figure()
    assert plot.figure("Huber", on=mine, points=5) is mine
    assert mine.axes


def test_on_demand() -> None:
    assert "plot" in dir(polyloss)
    assert polyloss.plot.figure is plot.figure
    with pytest.raises(AttributeError, match="polyloss' has no attribute 'plots'"):
        _ = polyloss.plots


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers are there; the picture says in one line what it needs."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert plot.curves("Huber", points=3)
    with pytest.raises(
        ModuleNotFoundError, match=r"^polyloss.plot: the package matplotlib must be installed. Got none: python -m pip"
    ):
        plot.figure("Huber")
