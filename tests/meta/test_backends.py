"""A backend is two folders: nothing else lists the backends, so one that is put there is run and shown."""

from __future__ import annotations

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from polyloss import framework

pytestmark = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") != "numpy", reason="once is enough: it runs with the NumPy backend"
)
ROOT = pathlib.Path(__file__).parents[2]
NAMES = {*framework.names(), *framework.gradientless()}
FILES = [
    *(path for folder in ("polyloss", "backends", "docs", "tests") for path in sorted((ROOT / folder).rglob("*.py"))),
    ROOT / "noxfile.py",
]


def own(path: pathlib.Path) -> bool:
    """Whether a file belongs to the backends themselves."""
    parts = path.relative_to(ROOT).parts
    return parts[:2] == ("polyloss", "framework") or (parts[0] == "backends" and parts[1] in NAMES)


def listed(node: ast.AST) -> set[str]:
    """The backends that an expression lists: in a display, or in one text with commas."""
    if isinstance(node, ast.Dict):
        found = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        found = [item.value for item in node.elts if isinstance(item, ast.Constant)]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\w+(,\s*\w+)+", node.value):
        found = re.split(r",\s*", node.value)
    else:
        found = []
    return NAMES & {name for name in found if isinstance(name, str)}


def compared(node: ast.AST) -> set[str]:
    """The backends with whose names something is compared."""
    sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
    return NAMES & {side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)}


def elsewhere(tree: ast.AST) -> Iterator[ast.AST]:
    """What a loss says of libraries that have it too, some of which are called like a backend."""
    for node in ast.walk(tree):
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if any(isinstance(target, ast.Name) and target.id == "elsewhere" for target in targets):
            yield from ast.walk(node)


def faults(source: str, package: bool, test: bool) -> list[str]:
    """Lines that list backends. The package knows none by name; a test may name some for an example, never all."""
    tree = ast.parse(source)
    libraries = set(map(id, elsewhere(tree)))
    found = []
    for node in ast.walk(tree):
        names = set() if id(node) in libraries else listed(node)
        if len(names) > 1 and (not test or names >= set(framework.names())):
            found.append(f"line {node.lineno} lists {', '.join(sorted(names))}")
        if package and id(node) not in libraries and (known := compared(node)):
            found.append(f"line {node.lineno} compares with {', '.join(sorted(known))}")
    return found


@pytest.mark.parametrize("path", [p for p in FILES if not own(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_list_of_backends(path: pathlib.Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    found = faults(path.read_text(encoding="utf-8"), package=folder == "polyloss", test=folder == "tests")
    assert not found, "; ".join(found)


ALL = ", ".join(map(repr, framework.names()))


@pytest.mark.parametrize(
    ("source", "package", "test"),
    [
        (f"BACKENDS = ({ALL})", True, False),
        (f"BACKENDS = [{ALL}]", False, True),
        (f"COLOURS = {{{ALL.replace(',', ': 1,')}: 2}}", False, False),
        (f"for name in {{{ALL}}}: pass", False, True),
        (f"def f(backends='{','.join(framework.names())}'): pass", True, False),
        (f"fast = name in ({', '.join(map(repr, framework.names()[:2]))})", False, False),
        (f"if keras.backend.backend() == {framework.names()[0]!r}: pass", True, False),
    ],
)
def test_a_list_is_seen(source: str, package: bool, test: bool) -> None:
    assert faults(source, package, test)


@pytest.mark.parametrize(
    ("source", "package", "test"),
    [
        ("class A:\n    elsewhere: ClassVar = {'torch': 'torch.nn.MSELoss', 'tensorflow': 'tf.nn.mse'}", True, False),
        ("study(backends=('jax', 'torch'))", False, True),
        ("if BACKEND == 'jax': pass", False, True),
        ("'jax, of course, and torch'", True, False),
    ],
)
def test_what_is_no_list(source: str, package: bool, test: bool) -> None:
    assert not faults(source, package, test)


def test_every_backend_is_whole() -> None:
    """What the folders must hold, and what pip can install."""
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in NAMES:
        for file in ("harness.py", "known.toml", "lowest.txt", "requirements.txt"):
            assert (ROOT / "backends" / name / file).is_file(), f"backends/{name}/{file}"
    for name in framework.names():
        for file in ("by_hand.py", "native/__init__.py", "timed.py"):
            assert (ROOT / "backends" / name / file).is_file(), f"backends/{name}/{file}"
        for folder in ("columns", "process", "replicas"):
            assert (ROOT / "polyloss" / "framework" / folder / f"{name}.py").is_file(), f"{folder}/{name}.py"
        assert framework.announced(name).packages
        assert re.search(rf"^{name} = \[", extras, re.M), f"pyproject.toml has no extra {name}"
    assert {path.parent.name for path in (ROOT / "backends").glob("*/harness.py")} == NAMES


# -- a backend is planted -------------------------------------------------------------------------

NOX = textwrap.dedent(
    """
    # Stands in for nox, which is not installed beside the tests: notes each session and what it runs for.
    import types

    SESSIONS = {}
    options = types.SimpleNamespace()
    project = types.SimpleNamespace(load_toml=lambda path: {}, dependency_groups=lambda *groups: ())

    class Session: ...

    def session(function=None, **options):
        if function is None:
            return lambda function: session(function, **options)
        SESSIONS[function.__name__] = [*getattr(function, "ids", ()), *options.get("requires", ())]
        return function

    def parametrize(name, values, ids):
        return lambda function: setattr(function, "ids", ids) or function
    """
)
ASK = textwrap.dedent(
    """
    import runpy, sys
    from typer.testing import CliRunner
    sys.path.insert(0, "docs/_ext")
    import nox, published
    runpy.run_path("noxfile.py")
    for session, ids in nox.SESSIONS.items():
        print("nox", session, *ids)
    print("published", *published.BACKENDS)

    from polyloss import framework
    from polyloss.tools import command
    print("referees", *framework.referees())
    for arguments in (
        ["--help"], ["agree", "--help"], ["study", "--help"], ["agree", "Huber", "--backends", "none"],
        ["study", "none.py", "--backends", "none"],
    ):
        told = CliRunner().invoke(command.app, arguments, env={"COLUMNS": "300"})
        print("polyloss", *arguments, ":", " ".join(told.output.split()))
    """
)


def asked(tree: pathlib.Path) -> str:
    """What a tree says of its backends, a line a question."""
    (tree / "nox.py").write_text(NOX)
    env = {**os.environ, "PYTHONPATH": str(tree), "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK], cwd=tree, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The package, the backends, what is published, and one backend more: the first one under another name."""
    tree = tmp_path_factory.mktemp("planted")
    ignored = shutil.ignore_patterns("__pycache__", "examples", "guides", "ko", "studies")
    for folder in ("polyloss", "backends", "docs"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    for file in ("noxfile.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tree)
    first = framework.names()[0]
    shutil.copytree(tree / "backends" / first, tree / "backends" / "toy")
    places = tree / "polyloss" / "framework"
    shutil.copy(places / f"{first}.py", places / "toy.py")
    for folder in ("columns", "process", "replicas"):
        shutil.copy(places / folder / f"{first}.py", places / folder / "toy.py")
    (places / "toy.toml").write_text('title = "Toy"\ncolour = "#123456"\npackages = ["toy"]\n')
    return tree


def test_a_planted_backend_is_run_and_shown(copy: pathlib.Path) -> None:
    lines = asked(copy)
    for session in ("tests", "minimums", "bench", "gpu", "tpu"):
        assert re.search(rf"^nox {session} .*\btoy\b", lines, re.M), session
    for session in ("agreement", "study"):
        assert re.search(rf"^nox {session} .*tests\(toy\)", lines, re.M), session
    assert re.search(r"^published .*\btoy\b", lines, re.M)
    assert re.search(r"^referees .*\btoy$", lines, re.M), "what announces no turn comes last"
    for command in (
        "--help",
        "agree --help",
        "study --help",
        "agree Huber --backends none",
        "study none.py --backends none",
    ):
        assert re.search(rf"^polyloss {command} : .*\btoy\b", lines, re.M | re.I), command


def test_a_list_in_the_copy_hides_it(copy: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """What the test above is worth: with one list written down, the planted backend is missing there."""
    tree = tmp_path / "tree"
    shutil.copytree(copy, tree)
    noxfile = tree / "noxfile.py"
    written = re.sub(r"^TRAINING = .*$", f"TRAINING = [{ALL}]", noxfile.read_text(), flags=re.M)
    noxfile.write_text(written)
    selection = tree / "polyloss" / "study" / "command.py"
    selection.write_text(selection.read_text().replace("framework.names()", f"({ALL})"))
    lines = asked(tree)
    assert not re.search(r"^nox bench .*\btoy\b", lines, re.M)
    assert not re.search(r"^polyloss study none.py --backends none : .*\btoy\b", lines, re.M)
