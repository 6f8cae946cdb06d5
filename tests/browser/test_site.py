"""The built site (`nox -s docs`) in a browser: every page on a phone, formulas, curves, search, light and dark.

Pictures of some pages go to build/screenshots, to be looked at.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest

import polyloss

ROOT = pathlib.Path(__file__).parent.parent.parent
SITE = ROOT / "build" / "site"
SHOTS = ROOT / "build" / "screenshots"
PAGES = sorted(str(p.relative_to(SITE)) for p in SITE.rglob("*.html"))
LOSSES = sorted(str(p.relative_to(SITE)) for p in (SITE / "reference" / "losses").glob("*.html"))
PHONE = {"width": 390, "height": 844}

Visitor = Callable[..., Any]


@pytest.fixture(scope="session")
def site(serve: Callable[[pathlib.Path], str]) -> str:
    return serve(SITE)


def test_the_site_is_built() -> None:
    assert "index.html" in PAGES, f"no site in {SITE}: nox -s docs"
    assert len(LOSSES) == sum(len(polyloss.catalogue(kind)) for kind in ("loss", "adversarial", "penalty"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_clean_and_fits_a_phone(path: str, site: str, visit: Visitor) -> None:
    """No console error, no request off the site, no picture missing, nothing wider than 390 pixels."""
    seen = visit(site, **PHONE)
    seen.page.goto(site + path)
    seen.page.wait_for_load_state("networkidle")
    seen.page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    broken = seen.page.evaluate(
        """Promise.all([...document.images].map(i => i.decode().then(() => null, () => i.src)))
           .then(found => found.filter(x => x !== null))"""
    )
    seen.clean()
    assert broken == []
    assert seen.overflow() == 0


@pytest.mark.parametrize("path", LOSSES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_loss_shows_its_formula_and_its_curves(path: str, dark: bool, site: str, visit: Visitor) -> None:
    """The formula in the colour of the text; of the two pictures the one that suits the page."""
    seen = visit(site, dark=dark)
    seen.page.goto(site + path)
    formula = seen.page.locator("div.math svg.formula").first
    box = formula.bounding_box()
    assert box["width"] > 60
    assert box["height"] > 12
    ink, text = (
        seen.page.evaluate("([e, p]) => getComputedStyle(e)[p]", [locator.element_handle(), what])
        for locator, what in ((formula.locator("path").first, "fill"), (seen.page.locator("article p").first, "color"))
    )
    assert ink == text
    for theme in ("light", "dark"):
        assert seen.page.locator(f"img.curves.only-{theme}").is_visible() == ((theme == "dark") is dark)
    curves = seen.page.locator("img.curves >> visible=true").bounding_box()
    assert curves["width"] > 300
    seen.clean()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("focal", "FocalLoss"),
        ("huber", "Huber"),
        ("SmoothL1Loss", "Coming from another library"),
        ("imbalanced", "BinaryCrossentropy"),  # what the chooser gives first
        ("imbalanced", "SparseCategoricalCrossentropy"),
        ("imbalanced", "CategoricalFocalLoss"),
        ("segmentation", "Dice"),
        ("similarity", "ContrastiveLoss"),
        ("multilabel", "BinaryCrossentropy"),
        ("multi-label", "BinaryCrossentropy"),
        ("multilabel", "FocalLoss"),
    ],
)
def test_search(words: str, found: str, site: str, visit: Visitor) -> None:
    seen = visit(site)
    seen.page.goto(site)
    seen.page.locator("input[name=q] >> visible=true").fill(words)
    seen.page.keyboard.press("Enter")
    page = seen.page.locator("ul.search li > a").get_by_text(found, exact=True)  # the title of a page
    page.first.wait_for(timeout=10_000)
    seen.clean()


@pytest.mark.parametrize("window", [{"width": 1280, "height": 900}, PHONE], ids=["wide", "phone"])
def test_the_front_page_begins_with_the_install_line_and_code(
    window: dict[str, int], site: str, visit: Visitor
) -> None:
    """Both stand in the first window, without scrolling."""
    seen = visit(site, **window)
    seen.page.goto(site)
    for i, text in enumerate(("pip install", "model.fit")):
        block = seen.page.locator("article div.highlight").nth(i)
        assert text in block.inner_text()
        box = block.bounding_box()
        assert 0 <= box["y"] <= box["y"] + box["height"] <= window["height"], text
    seen.clean()


def test_the_switch_between_light_and_dark(site: str, visit: Visitor) -> None:
    seen = visit(site)
    seen.page.goto(site)
    colours = set()
    for _ in range(3):  # automatic, light, dark in turn
        colours.add(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        seen.page.locator("button.theme-toggle >> visible=true").click()
    assert len(colours) == 2
    seen.clean()


def test_code_can_be_copied(site: str, visit: Visitor) -> None:
    """Without its prompts."""
    seen = visit(site)
    seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.page.goto(f"{site}reference/losses/focal_loss.html")
    block = seen.page.locator("div.highlight", has=seen.page.locator(".gp")).first
    block.hover()
    block.locator("button.copybtn").click()
    copied = seen.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("loss = polyloss.focal_loss(")
    assert ">>>" not in copied
    seen.clean()


@pytest.mark.parametrize(
    "name", ["index", "tutorial", "reference/losses/focal_loss", "reference/migration", "reference/reliability"]
)
def test_screenshots(name: str, site: str, visit: Visitor) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    for label, options in (("light", {}), ("dark", {"dark": True}), ("phone", PHONE)):
        seen = visit(site, **options)
        seen.page.goto(f"{site}{name}.html")
        seen.page.wait_for_load_state("networkidle")
        path = SHOTS / f"{name.replace('/', '-')}-{label}.png"
        seen.page.screenshot(path=str(path), full_page=label != "phone" and name != "reference/reliability")
        assert path.stat().st_size > 10_000
        seen.clean()
