"""Picks the backend, hands out cases, and writes what was measured to build/evidence/<backend>.json."""

from __future__ import annotations

import importlib
import os
import pathlib
import platform
import re
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

BACKEND = os.environ.get("KERAS_BACKEND", "")
ROOT = pathlib.Path(__file__).parent.parent
BACKENDS = sorted(path.parent.name for path in (ROOT / "backends").glob("*/harness.py"))
if BACKEND not in BACKENDS:
    pytest.exit(f"KERAS_BACKEND must be one of {', '.join(BACKENDS)}. Got KERAS_BACKEND={BACKEND!r}.", returncode=4)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    harness = importlib.import_module(f"backends.{BACKEND}.harness")
except ImportError as error:  # named but not there: never a skip
    pytest.exit(f"the {BACKEND} backend is named but cannot be imported: {error}", returncode=4)

from tests import known  # noqa: E402
from tests.cases import CASES  # noqa: E402  (after the backend is known)
from tests.evidence import Evidence  # noqa: E402
from tests.times import Times  # noqa: E402

tries = 12 if harness.GRADIENTS else 40  # most on NumPy, where nothing is traced and nothing compiled
hypothesis.settings.register_profile("polyloss", derandomize=True, deadline=None, max_examples=tries, database=None)
hypothesis.settings.load_profile("polyloss")

_evidence = Evidence(BACKEND)
_times = Times()


@pytest.fixture(scope="session")
def backend() -> Any:
    """The harness of the backend under test: tensors, gradients, compilation."""
    return harness


@pytest.fixture(scope="session")
def evidence() -> Evidence:
    """Where measurements go."""
    return _evidence


@pytest.fixture(autouse=True)
def _quiet(backend: Any) -> Iterator[None]:
    """Infinities are results here; NumPy would warn of them."""
    with backend.precision("float32"):
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`case` runs over all cases, or those that the marker `cases` chooses; `parameters` over a case's variants;
    `corner`, `refusal`, `law`, `minimiser` likewise."""
    names = metafunc.fixturenames
    if "dtype" in names:
        metafunc.parametrize("dtype", harness.DTYPES)
    if "half" in names:
        metafunc.parametrize("half", ["float16", "bfloat16"])
    if "mode" in names:
        metafunc.parametrize("mode", harness.COMPILED)
    if "transform" in names:
        metafunc.parametrize("transform", harness.transforms.TRANSFORMS if harness.GRADIENTS else ())
    if "case" not in names:
        return
    marks = list(metafunc.definition.iter_markers("cases"))
    cases = [case for case in CASES if all(mark.kwargs["only"](case) for mark in marks)]
    many = {
        "parameters": "variants",
        "corner": "corners",
        "refusal": "refusals",
        "law": "laws",
        "minimiser": "minimisers",
    }
    found = [(name, attribute) for name, attribute in many.items() if name in names]
    if not found:
        metafunc.parametrize("case", cases, ids=[case.name for case in cases])
        return
    ((name, attribute),) = found
    rows = [(case, item, i) for case in cases for i, item in enumerate(getattr(case, attribute))]
    ids = [f"{case.name}-{getattr(item, 'name', item if name == 'corner' else i)}" for case, item, i in rows]
    scope = "module" if name == "parameters" else None  # the value and the gradient of a variant in a row
    metafunc.parametrize(("case", name), [(case, item) for case, item, _ in rows], ids=ids, scope=scope)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Upstream defects are expected to fail; what needs gradients is skipped where there are none."""
    known.mark(items, known.entries(ROOT / "backends" / BACKEND / "known.toml"))
    if not harness.GRADIENTS:
        for item in items:
            if item.get_closest_marker("gradients"):
                item.add_marker(pytest.mark.skip(reason="this backend has no gradients"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the cells (loss x backend x dtype x check), and what each test function did in each mode."""
    _evidence.outcome(report)
    _times.add(report)
    if report.when == "call" and (blocks := dict(report.user_properties).get("blocks")):
        _evidence.blocks.append(blocks)
    if report.when == "call" and report.passed and (cell := dict(report.user_properties).get("cell")):
        _evidence.cells.append(cell)


@pytest.fixture(autouse=True)
def _cell(request: pytest.FixtureRequest) -> None:
    """A check of a loss is a cell. Tests of tests are none, and what is recorded and held to nothing is none."""
    parameters = getattr(getattr(request.node, "callspec", None), "params", {})
    mode = parameters.get("mode") or parameters.get("compiler") or parameters.get("transform")
    request.node.user_properties.append(("mode", mode))
    case = parameters.get("case")
    checked = request.node.path.is_relative_to(ROOT / "tests" / "checks")
    if case is not None and checked and not request.node.get_closest_marker("recording"):
        check = request.node.originalname.removeprefix("test_")
        dtype = parameters.get("dtype") or parameters.get("half") or "float32"
        cell = (case.name, dtype, check)
        request.node.user_properties.append(("cell", cell))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--evidence", metavar="FOLDER", help="write the evidence there, of whatever tests are chosen")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """A worker is done: join what it measured. One that crashed has failed a test, so the evidence says so."""
    if (part := getattr(node, "workeroutput", {}).get("evidence")) is not None:
        _evidence.join(part)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the evidence, with the versions it holds for: of the whole suite, and of a run on an accelerator.

    A worker of pytest-xdist hands over its part instead.
    """
    option = session.config.option
    if hasattr(session.config, "workerinput"):
        session.config.workeroutput["evidence"] = _evidence.part()  # type: ignore[attr-defined]
        return
    chosen = option.file_or_dir
    if folder := option.evidence:
        _evidence.write(pathlib.Path(folder), {"exit_status": int(exitstatus), **_versions()})
    if option.collectonly or option.keyword:
        return
    if not chosen:
        _times.write(ROOT / "build" / "times", BACKEND)
        _evidence.write(ROOT / "build" / "evidence", {"exit_status": int(exitstatus), **_versions()})
    elif chosen == ["tests/device"] and exitstatus == 0:
        _evidence.write_device(ROOT / "build" / "evidence", harness.accelerator(), _versions())


def _versions() -> dict[str, str]:
    from importlib import metadata

    required = (ROOT / "backends" / BACKEND / "requirements.txt").read_text().splitlines()
    packages = ["numpy", *(re.split(r"[^\w-]", line)[0] for line in required if line[:1] not in ("", "#"))]
    installed = {
        d.metadata["Name"].lower().replace("_", "-"): d.version for d in metadata.distributions() if d.metadata["Name"]
    }
    versions = {p: installed[p] for p in packages if p in installed}
    return {"python": platform.python_version(), "machine": platform.machine(), **versions}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many cells passed, and what took longest."""
    if _evidence.blocks:
        ran, all_of_them = (sum(counts) for counts in zip(*_evidence.blocks, strict=True))
        terminalreporter.write_line(f"{BACKEND}: {ran} of {all_of_them} blocks of Python in README and docs ran")
    cells = set(_evidence.cells)
    terminalreporter.write_line(
        f"{BACKEND}: {len(cells)} cells passed (loss x dtype x check), {len(_evidence.cells)} tests in them"
    )
    if not (terminalreporter.config.option.file_or_dir or terminalreporter.config.option.keyword):
        for line in _times.slowest(10):
            terminalreporter.write_line(line)


def pytest_report_header() -> str:
    """Which backend."""
    return f"backend: {BACKEND}"


@pytest.fixture
def caught(request: pytest.FixtureRequest, evidence: Evidence) -> Any:
    """`caught(check)`: the check must fail, and the fault counts as planted and caught."""

    def expect(check: Callable[[], None]) -> None:
        try:
            check()
        except (AssertionError, pytest.fail.Exception):
            if request.node.name not in evidence.planted:
                evidence.planted.append(request.node.name)
            return
        pytest.fail("the planted fault was not caught")

    return expect
