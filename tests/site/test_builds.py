"""What must stop a build of the site does, and the site as built is whole: `nox -s docs` runs this after building."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import polyloss

ROOT = pathlib.Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
SITE = ROOT / "build" / "site"
CONFIGURATION = """
import sys
sys.path[:0] = [{extensions!r}, {root!r}]
extensions = ["myst_parser", "formulas", "names"]
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "svg"
default_role = "name"
nitpicky = True
"""


@pytest.fixture
def build(tmp_path: pathlib.Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`build(**documents)`: Sphinx as `nox -s docs` runs it, on a small site with the project's own extensions."""

    def run(more: str = "", **documents: str) -> subprocess.CompletedProcess[str]:
        settings = CONFIGURATION.format(extensions=str(DOCS / "_ext"), root=str(ROOT))
        (tmp_path / "conf.py").write_text(settings + more)
        for name, text in documents.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(tmp_path), str(tmp_path / "out")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_a_good_page_builds(build: Any, tmp_path: pathlib.Path) -> None:
    done = build(
        index_rst=r"A"
        + "\n=\n\n"
        + r".. math:: \ell = \begin{cases} 1 & y = 1 \\ 0 & y = 0 \end{cases}"
        + "\n\n`gamma`\n"
    )
    assert done.returncode == 0, done.stderr
    assert "<svg" in (page := (tmp_path / "out" / "index.html").read_text())
    assert "<script" not in page[page.index('class="math"') : page.index("</svg>")]


@pytest.mark.parametrize(
    ("fault", "document"),
    [
        ("cannot set", r"`````{math}" + "\n" + r"\frac{1}{" + "\n`````"),
        ("unknown command", r"$\nosuchcommand x$"),
        ("cannot set", r"$$\begin{cases} a & b$$"),
        ("no public name of polyloss", "{name}`no_such_loss`"),
        ("no public name of polyloss", "{name}`polyloss.huuber`"),
        ("reference target not found", "{name}`huber`"),  # public, but this small site has no page for it
        ("xref", "[text](no_such_page.md)"),
        ("undefined label", "{ref}`no-such-label`"),
        ("image file not readable", "![text](no_such_picture.png)"),
    ],
)
def test_a_fault_stops_the_build(build: Any, fault: str, document: str) -> None:
    done = build(index_md=f"# A\n\n{document}\n")
    assert done.returncode != 0
    assert fault in done.stderr


def test_a_name_without_a_page_and_a_page_without_a_name_stop_the_build(build: Any) -> None:
    check = "\nimport pages\ndef setup(app):\n    app.connect('env-check-consistency', pages.complete)\n"
    done = build(check, index_md="# A\n\n```{py:function} polyloss.huber()\n```\n")
    assert done.returncode != 0
    assert "public names without a page: polyloss.AdversarialLoss" in done.stderr
    modules = ("replica", "training")
    every = [f"polyloss.{n}" for n in polyloss.__all__ if n not in ("__version__", *modules)]
    every += [f"polyloss.{module}.{n}" for module in modules for n in getattr(polyloss, module).__all__]
    good = "# A\n\n" + "\n\n".join(f"```{{py:function}} {name}()\n```" for name in every)
    assert build(check, index_md=good).returncode == 0
    done = build(check, index_md=f"{good}\n\n```{{py:function}} polyloss.no_such_thing()\n```\n")
    assert done.returncode != 0
    assert "pages without a public name: polyloss.no_such_thing" in done.stderr


@pytest.mark.parametrize("kind", ["loss", "adversarial", "penalty"])
def test_every_loss_has_its_page(kind: str) -> None:
    """With a formula, curves, an example, parameters, edge cases, its reference; measured unless it is a penalty."""
    from sphinx.util.inventory import InventoryFile

    with (SITE / "objects.inv").open("rb") as file:
        known = InventoryFile.load(file, "", lambda base, path: path)
    for name in polyloss.catalogue(kind):
        entry = {**known["py:class"]}[f"polyloss.{name}"]
        text = (SITE / (entry.uri if hasattr(entry, "uri") else entry[2]).partition("#")[0]).read_text(encoding="utf-8")
        sources = re.findall(r"<span class=\"pre\">(polyloss/[\w/]+\.py)</span></code>, line (\d+):", text)
        assert sources, f"{name}: the page does not say where the code is"
        for path, line in sources:
            assert re.match(r"(@|def )", (ROOT / path).read_text(encoding="utf-8").splitlines()[int(line) - 1]), (
                path,
                line,
            )
        for part in (
            'class="math"',
            f"curves/{name}-light.svg",
            f"curves/{name}-dark.svg",
            "compile",
            "Edge cases",
            "Reference",
        ):
            assert part in text or part.replace("curves/", "_images/") in text, (name, part)
        assert ("Measured accuracy" in text) == (kind != "penalty"), name


def test_every_page_shows_the_version() -> None:
    """In its title and in the side bar."""
    for path in sorted(SITE.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        title = re.search(r"<title>(.*?)</title>", text, re.S)
        assert title is not None, path
        assert f"polyloss {polyloss.__version__}" in title[1], path
        assert f'<span class="sidebar-brand-text">polyloss {polyloss.__version__}</span>' in text, path


def test_next_and_previous_stay_in_one_language() -> None:
    """A Korean page leads to Korean pages, an English one to English ones, and the pages of a language are one chain."""
    links = 0
    for path in sorted(SITE.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        korean = path.parent.name == "ko"
        assert ('<html class="no-js" lang="ko"' in text) == korean, path
        found = re.findall(r'<link rel="(?:next|prev)"[^>]* href="([^"]+)"', text)
        found += re.findall(r'<a class="(?:next|prev)-page" href="([^"]+)"', text)
        for target in found:
            assert ((path.parent / target).resolve().parent.name == "ko") == korean, (path, target)
        links += len(found) * korean
    assert links >= 2 * 2 * (len(list((DOCS / "ko").glob("*.md"))) - 1)  # two for each neighbour: head and foot


def test_the_machine_of_the_benchmarks_is_said_once() -> None:
    """Each backend describes the processor in a way of its own."""
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import speed
    finally:
        sys.path.pop(0)
    for device, used, said in (
        ("cpu", 1, "CPU (1 core)"),
        ("CPU", 1, "CPU (1 core)"),
        ("CPU, 1 threads", 1, "CPU (1 core)"),
        ("CPU, 1 threads", 2, "CPU (2 cores, 1 thread)"),
        ("a card, 80 GB", 16, "a card, 80 GB (16 cores)"),
    ):
        assert speed.machine({"device": device, "cpus_used": used}) == said
    assert speed.measured_with(speed.read()).count(" core") == len(
        {speed.machine(report["machine"]) for report in speed.read().values()}
    )
