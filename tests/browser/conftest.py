"""A headless browser, and what a page said and asked for while it was open."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import pathlib
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def executable(playwright: Playwright) -> str:
    """The browser to drive: CHROMIUM, else one on the path, else the one `playwright install chromium` fetched."""
    named = os.environ.get("CHROMIUM")
    if named is not None and not pathlib.Path(named).is_file():
        pytest.exit(f"CHROMIUM must name an executable file. Got CHROMIUM={named!r}.", returncode=4)
    found = named or next((path for path in map(shutil.which, SYSTEM) if path), None)
    if found is None and pathlib.Path(playwright.chromium.executable_path).is_file():
        found = playwright.chromium.executable_path
    if found is None:
        pytest.exit(
            "no browser: install Debian's package chromium, or name one (CHROMIUM=/path/to/chrome), "
            "or run `python -m playwright install chromium`.",
            returncode=4,
        )
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the session."""
    with sync_playwright() as playwright:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        launched = playwright.chromium.launch(
            executable_path=executable(playwright), args=["--no-sandbox"] if root else [], chromium_sandbox=not root
        )
        yield launched
        launched.close()


@dataclass
class Visit:
    """A page, the errors of its console and scripts, and the requests that left its own address."""

    page: Page
    home: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self._said(said.type, f"{said.text} ({said.location})"))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self._failed(request.failure, request.url))
        self.page.on("response", lambda got: self._answered(got.status, got.url))
        self.page.on("request", lambda request: self._asked(request.url))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(text)

    def _failed(self, why: str | None, url: str) -> None:
        if why != "net::ERR_ABORTED":  # called off by the page itself, which went on to another
            self.errors.append(f"{why}: {url}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.errors.append(f"{status}: {url}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.home, "data:", "blob:", "about:")):
            self.strangers.append(url)

    def clean(self) -> None:
        """Fail where the page complained, or asked for something elsewhere."""
        assert not self.errors, self.errors
        assert not self.strangers, self.strangers

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
        return width


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """`visit(home, width=1280, height=900, dark=False)`: a page of its own; `home` is the only address it may ask."""
    with contextlib.ExitStack() as stack:

        def start(home: str, width: int = 1280, height: int = 900, dark: bool = False) -> Visit:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
            )
            stack.callback(context.close)
            return Visit(context.new_page(), home)

        yield start


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[pathlib.Path], str]]:
    """`serve(folder)`: its address on this machine."""
    with contextlib.ExitStack() as stack:

        def start(folder: pathlib.Path) -> str:
            handler = functools.partial(_Quiet, directory=str(folder))
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_address[1]}/"

        yield start


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves without a log line a file."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
