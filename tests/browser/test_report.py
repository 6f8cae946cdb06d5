"""The report of a study in a browser: everything drawn, nothing said, nothing asked for.

Pictures go to build/screenshots, to be looked at.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from polyloss.study import report
from tests.study import made

LONG = "tensorflow.python.framework.errors_impl.InvalidArgumentError" + "::cannot_compute_this" * 5
SHOTS = pathlib.Path(__file__).parent.parent.parent / "build" / "screenshots"
Visitor = Callable[..., Any]


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A report on disk, with a note, a fault and a sentence that hold a word wider than a phone."""
    study = made.three_of(made.measure())
    backend = study["runs"][0]["backend"]
    study["notes"] = [{"backend": backend, "text": f"could not compute the float64 reference: `{LONG}`, {LONG}"}]
    study["faults"] = [{"where": f"{backend}, {LONG}", "text": f"stopped by {LONG}", "output": [LONG, LONG]}]
    study["verdict"]["sentences"] = [*study["verdict"]["sentences"], f"A layer is called {LONG}."]
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report.page(study), encoding="utf-8")
    return path


def opened(visit: Visitor, path: pathlib.Path, **how: Any) -> Any:
    """The report, opened from the disk as people do, with its plots drawn."""
    seen = visit(path.as_uri(), **how)
    seen.page.goto(path.as_uri())
    seen.page.wait_for_function("document.body.dataset.drawn")
    return seen


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_plot_is_drawn_and_nothing_leaves_the_page(page_of: pathlib.Path, visit: Visitor, dark: bool) -> None:
    seen = opened(visit, page_of, dark=dark)
    figures = seen.page.locator(".figure")
    assert figures.count() == int(seen.page.evaluate("document.body.dataset.drawn")) >= 7
    for i in range(figures.count()):
        marks = figures.nth(i).locator(".trace").count()
        assert marks > 0, figures.nth(i).get_attribute("data-figure")
        box = figures.nth(i).locator("svg.main-svg").first.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 100
    SHOTS.mkdir(parents=True, exist_ok=True)
    seen.page.screenshot(path=SHOTS / f"report-{'dark' if dark else 'light'}.png", full_page=True)
    seen.clean()


def test_the_pictures_follow_light_and_dark(page_of: pathlib.Path, visit: Visitor) -> None:
    seen = opened(visit, page_of)
    ink = "getComputedStyle(document.querySelector('.figure .xtick text')).fill"
    light = seen.page.evaluate(ink)
    seen.page.emulate_media(color_scheme="dark")
    seen.page.wait_for_function(f"{ink} !== '{light}'")
    seen.clean()


def test_it_fits_a_phone(page_of: pathlib.Path, visit: Visitor) -> None:
    seen = opened(visit, page_of, width=390, height=844)
    assert seen.overflow() <= 0
    assert LONG in seen.page.locator(".card.fault").inner_text()
    assert seen.page.locator(".card", has_text=LONG).count() == 2  # the fault and the note
    cut = seen.page.evaluate("""[...document.querySelectorAll("main *")].filter(e => !e.closest(".figure, pre, details")
        && e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map(e => e.outerHTML.slice(0, 120))""")
    assert cut == []  # no text is cut off, no table runs out of its card
    for i in range(seen.page.locator(".figure").count()):  # nor a label out of its picture
        texts = (
            seen.page.locator(".figure")
            .nth(i)
            .evaluate("""f => { const w = f.getBoundingClientRect();
            return [...f.querySelectorAll("text")].filter(t => t.textContent && t.getBBox().width).map(t => t.getBoundingClientRect())
                .filter(b => b.left < w.left - 1 || b.right > w.right + 1).length }""")
        )
        assert texts == 0
    button = seen.page.locator(".legend button").first
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    seen.page.screenshot(path=SHOTS / "report-phone.png", full_page=True)
    seen.clean()
