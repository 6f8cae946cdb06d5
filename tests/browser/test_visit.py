"""What watches a page sees what it must."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<script>console.error('told')</script>", "told"),
        ("<script>nothing.there</script>", "nothing is not defined"),
        ("<img src='missing.png'>", "404"),
        ("<img src='http://127.0.0.1:9/elsewhere.png'>", "elsewhere.png"),
    ],
)
def test_faults_are_seen(
    body: str, what: str, tmp_path: pathlib.Path, serve: Callable[..., str], visit: Callable[..., Any]
) -> None:
    (tmp_path / "index.html").write_text(f"<!doctype html><link rel='icon' href='data:,'>{body}")
    seen = visit(serve(tmp_path))
    seen.page.goto(seen.home)
    seen.page.wait_for_load_state("networkidle")
    assert what in str([seen.errors, seen.strangers])
    assert bool(seen.strangers) == ("elsewhere" in what)
    with pytest.raises(AssertionError):
        seen.clean()


def test_overflow_is_measured(tmp_path: pathlib.Path, serve: Callable[..., str], visit: Callable[..., Any]) -> None:
    (tmp_path / "index.html").write_text(
        "<!doctype html><link rel='icon' href='data:,'><meta name='viewport' content='width=device-width'>"
        "<body style='margin: 0'><div style='width: 500px'>wide</div>"
    )
    seen = visit(serve(tmp_path), width=390)
    seen.page.goto(seen.home)
    seen.clean()
    assert seen.overflow() == 110
