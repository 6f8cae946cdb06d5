"""The guides: their code runs, their tables come from their numbers, their words hold, both languages match."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import json
import math
import os
import pathlib
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from polyloss import framework
from polyloss.tools.choose import choose

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


@pytest.fixture
def whole_scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What makes the scripts that the guides offer."""
    monkeypatch.syspath_prepend(DOCS / "_ext")
    return importlib.import_module("whole_scripts")


@pytest.mark.skipif(BACKEND != "torch", reason="once, where nothing is compiled")
@pytest.mark.parametrize("slug", SLUGS)
def test_whole_script(slug: str, whole_scripts: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs by itself, for an epoch, and says something; so does the notebook."""
    monkeypatch.chdir(tmp_path)
    text = whole_scripts.script(slug)
    made = whole_scripts.notebook(slug)
    cells = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]
    assert text.split('"""', 2)[2].split() == " ".join(cells).split()
    own = {path.stem for folder in whole_scripts.FOLDERS for path in folder.glob("*.py")}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert node.module not in own, "a module that is not installed"
    shorter, count = re.subn(r"epochs=\d+\)", "epochs=1)", text)
    assert count >= 1
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(shorter, f"{slug}.py", "exec"), {"__name__": "__main__"})
    assert len(printed.getvalue().splitlines()) >= (1 if slug == "gan" else 2)
    assert "nan" not in printed.getvalue()


def included(page: pathlib.Path) -> Iterator[tuple[str, str]]:
    """The code that a page includes: the file, and what is shown of it."""
    text = page.read_text(encoding="utf-8")
    for path, options in re.findall(r"```\{literalinclude\} (\S+)\n(.*?)```", text, re.DOTALL):
        source = (page.parent / path).read_text(encoding="utf-8")
        shown = source
        for mark in re.findall(r':start-after: "(.*)"', options):
            shown = shown.partition(mark)[2].partition("\n")[2]
        for mark in re.findall(r':end-before: "(.*)"', options):
            shown = shown.partition(mark)[0]
        for name in re.findall(r":pyobject: (\S+)", options):
            (node,) = (n for n in ast.parse(source).body if getattr(n, "name", None) == name)
            shown = ast.get_source_segment(source, node) or ""
        yield path, shown


def imported(code: str) -> set[str]:
    """The packages that a piece of code imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def installable() -> set[str]:
    """What pip can install beside polyloss: what the package, its extras, the examples and the backends name."""
    root = DOCS.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["example"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    for path in (root / "backends").glob("*/requirements.txt"):
        wanted += path.read_text(encoding="utf-8").splitlines()
    names = {match[0] for line in wanted if (match := re.match(r"[\w-]+", line))}
    return {"polyloss", *sys.stdlib_module_names, *(name.replace("scikit-learn", "sklearn") for name in names)}


@pytest.mark.parametrize("page", [p for f in ("guides", "ko") for p in sorted((DOCS / f).glob("*.md"))], ids=str)
def test_shown_code_imports_nothing_of_ours(page: pathlib.Path) -> None:
    """Who copies a block of a guide has no module of the documentation's own."""
    for path, code in included(page):
        assert code.strip(), path
        assert imported(code) <= installable(), (path, imported(code) - installable())


@every_guide
def test_words_and_tables(guide: Any) -> None:
    """What the text says holds in the numbers; the tables are those numbers."""
    record = guide.record()
    for claim, holds in guide.claims(guide.results(record)).items():
        assert holds, claim
    for language, path in enumerate(guide.tables()):
        assert path.read_text(encoding="utf-8") == guide.table(record, language), f"{guide.command()} makes {path.name}"


def test_the_chooser_says_what_the_guides_found() -> None:
    """Cross-entropy first where classes are unequal: the numbers of the guides have it ahead, or close behind."""
    results = json.loads((DOCS / "guides" / "results" / "categorical_focal.json").read_text(encoding="utf-8"))
    found = {name: sum(of["rare"]) / len(of["rare"]) for name, of in results["runs"].items()}
    assert max(found, key=found.__getitem__) == "cross-entropy, weighted", found
    picks = choose("one-of-many", "imbalanced")
    assert picks[0].loss == "SparseCategoricalCrossentropy"
    assert "class_weights" in picks[0].parameters
    assert [pick.loss for pick in choose("yes-no", "imbalanced")] == ["BinaryCrossentropy", "FocalLoss"]


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
