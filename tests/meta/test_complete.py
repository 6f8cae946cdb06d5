"""Nothing public is without its evidence."""

from __future__ import annotations

import ast
import importlib
import pathlib
import subprocess
import sys

import pytest

import polyloss
from backends import keras_baselines
from polyloss.framework import names
from tests.case import Case, supervised
from tests.cases import CASES

ROOT = pathlib.Path(__file__).parent.parent.parent
SOURCES = sorted((ROOT / "polyloss").rglob("*.py"))


def test_every_loss_has_one_case() -> None:
    assert sorted(case.name for case in CASES if supervised(case)) == list(polyloss.catalogue())


@pytest.mark.parametrize("checked", CASES, ids=lambda case: case.name)
def test_every_case_is_whole(checked: Case) -> None:
    """Variants, corners with NaN, refusals and laws: none may be empty. Every parameter with a rule has a refusal."""
    assert checked.variants
    assert checked.laws
    assert any("nan" in str(corner) for corner in checked.corners)
    refused = {name for refusal in checked.refusals for name in refusal.parameters}
    assert set(checked.declared.rules) <= refused, "a rule without a call that it refuses"
    assert checked.refusals
    assert checked.loss.tasks


@pytest.mark.parametrize("name", list(polyloss.catalogue()))
def test_every_loss_has_its_function(name: str) -> None:
    cls = polyloss.catalogue()[name]
    assert cls.function is not None
    assert getattr(polyloss, cls.function.__name__) is cls.function
    assert "`" + cls.function.__name__ + "`" in (cls.__doc__ or "")


@pytest.mark.parametrize("name", list(polyloss.catalogue()))
@pytest.mark.parametrize("framework", names())
def test_every_loss_has_a_baseline_or_a_reason(name: str, framework: str) -> None:
    """Read as text: the other frameworks are not installed here."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "backends" / framework / "native").glob("*.py")]
    dicts = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Dict)]
    keys = {k.value for d in dicts for k in d.keys if isinstance(k, ast.Constant)}
    assert name in keys
    assert (name in keras_baselines.BASELINES) != (name in keras_baselines.NONE)


def test_public_names() -> None:
    assert polyloss.__all__ == sorted(polyloss.__all__)
    for name in polyloss.__all__:
        assert getattr(polyloss, name).__doc__, name


def imports_of(path: pathlib.Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=[str(p.relative_to(ROOT)) for p in SOURCES])
def test_frameworks_stay_in_their_folder(path: pathlib.Path) -> None:
    """`import jax`, `tensorflow` or `torch` only in polyloss/framework/; nothing of backends/ or tests/."""
    allowed = {"keras", "numpy", "polyloss", *sys.stdlib_module_names}
    if "framework" in path.parts and path.stem in names():
        allowed.add(path.stem)
    if {"tools", "study"} & set(path.parts) or path.stem == "__main__":
        allowed |= {
            "typer",
            "rich",
            "matplotlib",
            "plotly",
            "jinja2",
            "markupsafe",
            "filelock",
            "jsonschema",
            "ml_dtypes",
        }  # the extra `study`; `import polyloss` loads none of them
    assert imports_of(path) <= allowed


def test_every_op_used_is_known_to_keep_float64() -> None:
    """What the package uses of `keras.ops` is what `tests/test_ops.py` sweeps."""
    probes = importlib.import_module("tests.test_ops").PROBES
    used = set()
    for path in SOURCES:
        if "study" in path.parts:
            continue  # it draws integers and measures in float32; no loss passes through it
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ops":
                used.add(node.attr)
    assert used - set(probes) == set()


def test_import_brings_only_itself() -> None:
    """`import polyloss` after `import keras` loads polyloss and pieces of the standard library, nothing else."""
    code = (
        "import sys, keras; before = set(sys.modules); import polyloss; assert 'polyloss.plot' not in sys.modules;"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names);"
        "print(','.join(sorted(new)))"
    )
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert out.stdout.strip() == "polyloss"


def test_known_defects(tmp_path: pathlib.Path) -> None:
    """An entry needs a reason and a link; it applies to the versions that it names."""
    from tests import known

    for path in (ROOT / "backends").glob("*/known.toml"):
        known.entries(path)
    whole = {"test": "test_x", "package": "keras", "versions": ">=3", "reason": "r", "link": "https://example.org"}
    for part in whole:
        lacking = {k: v for k, v in whole.items() if k != part}
        (tmp_path / "known.toml").write_text("[[known]]\n" + "".join(f'{k} = "{v}"\n' for k, v in lacking.items()))
        with pytest.raises(ValueError, match=f"must have {part}"):
            known.entries(tmp_path / "known.toml")

    class Item:
        nodeid = "tests/a.py::test_x"

        def __init__(self) -> None:
            self.markers: list[object] = []

        def add_marker(self, marker: object) -> None:
            self.markers.append(marker)

    hit, old, other = Item(), Item(), Item()
    other.nodeid = "tests/a.py::test_y"
    known.mark([hit, other], [whole])
    known.mark([old], [{**whole, "versions": "<3"}])
    assert (len(hit.markers), len(old.markers), len(other.markers)) == (1, 0, 0)


def test_sentences_name_the_function() -> None:
    """Every refusal starts with the function's name."""
    for case in CASES:
        for refusal in case.refusals:
            assert refusal.message.startswith(f"{case.plain_name}: ")
