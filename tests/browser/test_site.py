"""The built site (`nox -s docs`) in a browser."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

SITE = pathlib.Path(__file__).parent.parent.parent / "build" / "site"
PAGES = sorted(str(p.relative_to(SITE)) for p in SITE.rglob("*.html"))


@pytest.fixture(scope="session")
def site(serve: Callable[[pathlib.Path], str]) -> str:
    return serve(SITE)


def test_the_site_is_built() -> None:
    assert "index.html" in PAGES, f"no site in {SITE}: nox -s docs"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_clean_and_fits_a_phone(path: str, site: str, visit: Callable[..., object]) -> None:
    """No console error, no request off the site, nothing wider than 390 pixels."""
    seen = visit(site, width=390, height=844)
    seen.page.goto(site + path)
    seen.page.wait_for_load_state("networkidle")
    seen.clean()
    assert seen.overflow() == 0
