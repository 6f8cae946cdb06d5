"""The guides: their code runs, their tables come from their numbers, their words hold, both languages match."""

from __future__ import annotations

import ast
import importlib
import json
import math
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from polyloss import framework

BACKEND = os.environ.get("KERAS_BACKEND")
DOCS = pathlib.Path(__file__).parent.parent / "docs"
SLUGS = sorted(p.stem for p in (DOCS / "guides").glob("*.md") if p.stem != "index")
trains = pytest.mark.gradients


@pytest.fixture
def guide(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The guide's comparison, from its script."""
    monkeypatch.syspath_prepend(DOCS / "examples")
    monkeypatch.syspath_prepend(DOCS / "guides" / "code")
    return importlib.import_module(request.param).guide()


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plain loop of the framework under test."""
    monkeypatch.syspath_prepend(DOCS / "guides" / "code")
    return importlib.import_module("guide").by_hand


every_guide = pytest.mark.parametrize("guide", SLUGS, indirect=True)


def falls(losses: list[float]) -> None:
    assert all(math.isfinite(v) for v in losses), losses
    assert losses[-1] < losses[0], losses


@trains
@every_guide
def test_fit(guide: Any) -> None:
    falls(guide.fit(3))


@trains
@every_guide
def test_loop_by_hand(guide: Any, by_hand: Any) -> None:
    falls(guide.loop(by_hand(guide.loops), 3))


@pytest.mark.skipif(BACKEND != "torch", reason="once, where nothing is compiled")
@every_guide
def test_comparison(guide: Any, tmp_path: pathlib.Path) -> None:
    """The command behind numbers and pictures, at smoke size."""
    results, extras = guide.run([0], smoke=True)
    for of_metric in results.runs.values():
        assert all(math.isfinite(v) for values in of_metric.values() for v in values), results.runs
    guide.draw(results, extras, tmp_path)
    drawn = {p.name for p in tmp_path.iterdir()}
    assert drawn == {p.name for p in (DOCS / "guides" / "figures").glob(f"{guide.slug}[.-]*")}


@every_guide
def test_words_and_tables(guide: Any) -> None:
    """What the text says holds in the numbers; the tables are those numbers."""
    record = guide.record()
    for claim, holds in guide.claims(guide.results(record)).items():
        assert holds, claim
    for language, path in enumerate(guide.tables()):
        assert path.read_text(encoding="utf-8") == guide.table(record, language), f"{guide.command()} makes {path.name}"


def test_modes_on_every_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of modes is that of its numbers, and WGAN-GP is ahead in each of them."""
    monkeypatch.syspath_prepend(DOCS / "examples")
    example = importlib.import_module("wgan_gp_terrain")
    kept = json.loads(example.RESULTS.read_text(encoding="utf-8"))
    assert example.RESULTS.with_suffix(".inc").read_text(encoding="utf-8") == example.table_of_modes(kept)
    assert set(kept) == set(framework.names())
    for its in kept.values():
        assert len(its["seeds"]) >= 3
        for measured in ("modes", "good"):
            plain, ours = (its["runs"][name][measured] for name in ("minimax", "WGAN-GP"))
            assert len(plain) == len(ours) == len(its["seeds"])
            assert all(a < b for a, b in zip(plain, ours, strict=True)), (measured, plain, ours)


@pytest.mark.parametrize("slug", [*SLUGS, "index"])
def test_languages_match(slug: str) -> None:
    """The Korean page shows the same code, formulas, tables and pictures."""
    english, korean = (DOCS / folder / f"{slug}.md" for folder in ("guides", "ko"))
    pattern = r"```\{(?:literal)?include\} (\S+)|:::\{figure\} (\S+)|```\{math\}\n(.*?)```"

    def parts(page: pathlib.Path) -> Iterator[Any]:
        for included, figure, formula in re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL):
            path = included or figure
            is_table = path.endswith(".inc")
            yield formula or (path if is_table else (page.parent / path).resolve())

    assert list(parts(english)) == list(parts(korean))
    heads = [re.findall(r"^#+(?= )", page.read_text(encoding="utf-8"), re.MULTILINE) for page in (english, korean)]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("page", [p for f in ("guides", "ko") for p in sorted((DOCS / f).glob("*.md"))], ids=str)
def test_includes_exist(page: pathlib.Path) -> None:
    """Every file that a page shows is there, with the marks and names it is cut at; pictures are small."""
    text = page.read_text(encoding="utf-8")
    for included, options in re.findall(r"```\{(?:literal)?include\} (\S+)\n(.*?)```", text, re.DOTALL):
        source = (page.parent / included).read_text(encoding="utf-8")
        for mark in re.findall(r':(?:start-after|end-before): "(.*)"', options):
            assert source.count(mark) == 1, (included, mark)
        for name in re.findall(r":pyobject: (\S+)", options):
            assert name in [getattr(node, "name", None) for node in ast.parse(source).body], (included, name)
    for figure in re.findall(r":::\{figure\} (\S+)", text):
        assert (page.parent / figure).stat().st_size < 60_000, figure
