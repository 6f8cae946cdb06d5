"""Imports run one way: framework <- core <- toolkits <- families <- adversarial <- training <- study <- tools."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / "polyloss"
LAYERS = ("framework", "core", "losses", "adversarial", "training", "study", "tools")
TOP = {"polyloss/__init__.py", "polyloss/__main__.py", "polyloss/plot.py", "polyloss/replica.py"}
"""What gathers the public names, from everywhere."""
SOURCES = {str(p.relative_to(ROOT)): p for p in sorted(PACKAGE.rglob("*.py"))}
WITHOUT_TEST_CODE = [p for folder in ("docs", "backends") for p in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: pathlib.Path) -> Iterator[str]:
    """Every module of this project that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:  # `from polyloss.core import loss` names a module
                below = pathlib.Path(*node.module.split("."), alias.name)
                is_module = (ROOT / below).with_suffix(".py").exists() or (ROOT / below / "__init__.py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def layer(module: str) -> str | None:
    """The layer of a module of the package; None for the package itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "polyloss" and len(parts) > 1 and parts[1] in LAYERS else None


def fault(file: str, module: str) -> str | None:
    """What is wrong with a file that imports a module, if anything."""
    if not module.startswith("polyloss") or file in TOP:
        return None
    here, there = file.removesuffix(".py").split("/"), module.split(".")
    mine, other = here[1], layer(module)
    if other is None:
        allowed = mine in ("study", "tools") or there == ["polyloss"]  # `import polyloss` for its public names
        return None if allowed and mine in ("study", "tools") else f"{file} imports {module}, the package's face"
    if LAYERS.index(other) > LAYERS.index(mine):
        return f"{file} imports {module}, which stands above it"
    if mine == "losses" == other and here[-1] != "__init__" and not any(p.startswith("_") for p in there[2:]):
        return f"{file} imports {module}: families share toolkits (_name), never each other"
    return None


@pytest.mark.parametrize("file", SOURCES)
def test_imports_run_one_way(file: str) -> None:
    found = [f for module in imported(SOURCES[file]) if (f := fault(file, module))]
    assert not found, "; ".join(found)


@pytest.mark.parametrize("file", SOURCES)
def test_the_inside_of_keras_is_in_one_module(file: str) -> None:
    """Names that a next Keras may move stand in `polyloss/framework/private.py`, each with its reason."""
    if file == "polyloss/framework/private.py":
        return
    tree = ast.parse(SOURCES[file].read_text(encoding="utf-8"))
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert not [m for m in imported(SOURCES[file]) if m.startswith("keras.src")]
    assert not [t for t in texts if t.startswith("keras.src")], "a module of Keras's inside, imported by its name"
    inside = {"_flatten_layers", "_jax_state", "_seed_generators", "_clear_losses", "_keras_mask"}
    assert not [n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in inside]


@pytest.mark.parametrize("path", WITHOUT_TEST_CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_tests_serve_no_one(path: pathlib.Path) -> None:
    """Docs and backends do not import the tests."""
    assert not [m for m in imported(path) if m.split(".")[0] == "tests"]


@pytest.mark.parametrize("path", SOURCES.values(), ids=SOURCES)
def test_the_package_stands_alone(path: pathlib.Path) -> None:
    assert not [m for m in imported(path) if m.split(".")[0] in ("tests", "backends")]


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("polyloss/core/loss.py", "polyloss.losses.regression"),
        ("polyloss/losses/imbalance.py", "polyloss.losses.classification"),
        ("polyloss/study/agree.py", "polyloss.tools.plot"),
        ("polyloss/losses/regression.py", "polyloss"),
        ("polyloss/framework/jax.py", "polyloss.core.numerics"),
    ],
)
def test_a_wrong_import_is_seen(file: str, module: str) -> None:
    assert fault(file, module)


def test_a_right_import_is_none() -> None:
    assert not fault("polyloss/losses/imbalance.py", "polyloss.losses._softmax")
    assert not fault("polyloss/tools/command.py", "polyloss.study.agree")
