"""The tests of the tests: every template catches the faults that `planted.py` names for it, and each has one."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

from tests.case import Case
from tests.cases import CASES
from tests.evidence import Evidence
from tests.meta.planted import LEVELS, PLANTED, Fault

EVERY: str = os.environ.get(
    "POLYLOSS_PLANTED", importlib.import_module(f"backends.{os.environ['KERAS_BACKEND']}.harness").PLANTED
)
"""What a fault is planted in: every "loss" on the backend that is quickest to try, one loss of every "kind" where that
is cheap, and once, in a loss of another kind each time, for every "fault": a template catches what it catches whatever
computes. ``POLYLOSS_PLANTED=loss`` plants them everywhere."""
CHECKS = pathlib.Path(__file__).parents[1] / "checks"
MANY = {
    "parameters": "variants",
    "corner": "corners",
    "refusal": "refusals",
    "law": "laws",
    "minimiser": "minimisers",
}


def templates() -> dict[str, Any]:
    """Every test function of the checks that takes `case`, and the marks on it."""
    found = {}
    for path in sorted(CHECKS.glob("test_*.py")):
        module = importlib.import_module(f"tests.checks.{path.stem}")
        own = getattr(module, "pytestmark", [])
        for name, function in inspect.getmembers(module, inspect.isfunction):
            here = name.startswith("test_") and function.__module__ == module.__name__
            if here and "case" in inspect.signature(function).parameters:
                marks = [*(own if isinstance(own, list) else [own]), *getattr(function, "pytestmark", [])]
                found[f"{path.stem}.{name}"] = (function, marks)
    return found


TEMPLATES = templates()


def has(marks: Any, name: str) -> bool:
    return any(mark.name == name for mark in marks)


def victims(template: str, fault: Fault) -> list[Case]:
    """The cases that a fault is planted in."""
    _, marks = TEMPLATES[template]
    only = [mark.kwargs["only"] for mark in marks if mark.name == "cases"]
    needed = [
        attribute for name, attribute in MANY.items() if name in inspect.signature(TEMPLATES[template][0]).parameters
    ]
    cases = [
        case
        for case in CASES
        if all(chosen(case) for chosen in [*only, fault.only])
        and (fault.on is None or case.name in fault.on)
        and all(getattr(case, attribute) for attribute in needed)
    ]
    every = max(EVERY, fault.every, key=LEVELS.index)
    if every == "loss":
        return cases
    kinds = list({type(case.kind): case for case in reversed(cases)}.values())
    if every == "fault":
        turn = sorted(PLANTED).index(template) % len(kinds)
        return kinds[turn : turn + 1]
    return kinds


def needs_gradients(template: str) -> bool:
    return has(TEMPLATES[template][1], "gradients")


def rows() -> Iterator[Any]:
    for template, faults in PLANTED.items():
        for fault in faults if template in TEMPLATES else []:
            gradients = [pytest.mark.gradients] if fault.gradients or needs_gradients(template) else []
            for victim in victims(template, fault):
                name = f"{template.partition('.')[2].removeprefix('test_')}-{fault.name}-{victim.name}"
                yield pytest.param(template, fault, victim, id=name, marks=gradients)


def runs(
    function: Callable[..., None], case: Case, backend: Any, tmp_path: pathlib.Path
) -> Iterator[Callable[[], None]]:
    """The template over a case: every variant, corner, refusal or law of it."""
    names = inspect.signature(function).parameters
    fixed = {
        "backend": backend,
        "tmp_path": tmp_path,
        "dtype": "float32",
        "half": "bfloat16",
        "evidence": Evidence("x"),
    }
    given = {name: value for name, value in fixed.items() if name in names}
    if "mode" in names:
        given["mode"] = backend.COMPILED[0]
    if "transform" in names:
        transforms = backend.transforms.TRANSFORMS
        given["transform"] = next(name for name, (what, _) in transforms.items() if what in ("gradient", "along"))
    for name, attribute in MANY.items():
        if name in names:
            for item in getattr(case, attribute):
                yield lambda name=name, item=item: function(case=case, **given, **{name: item})
            return
    yield lambda: function(case=case, **given)


hypothesis.settings.register_profile("planted", hypothesis.settings.default, phases=[hypothesis.Phase.generate])


@pytest.fixture
def first_example_is_enough() -> Iterator[None]:
    """Hypothesis looks no further for the smallest input that a planted fault can be seen at."""
    hypothesis.settings.load_profile("planted")
    yield
    hypothesis.settings.load_profile("polyloss")


@pytest.mark.usefixtures("first_example_is_enough")
@pytest.mark.parametrize(("template", "fault", "victim"), list(rows()))
def test_caught(template: str, fault: Fault, victim: Case, backend: Any, caught: Any, tmp_path: pathlib.Path) -> None:
    function, _ = TEMPLATES[template]
    if fault.corners:
        victim = dataclasses.replace(victim, corners=fault.corners)
        for run in runs(function, victim, backend, tmp_path):
            run()

    def check() -> None:
        for run in runs(function, fault.plant(victim), backend, tmp_path):
            try:
                run()
            except fault.raises as seen:
                raise AssertionError(str(seen)) from seen

    caught(check)


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(name, marks=[pytest.mark.gradients] if needs_gradients(name) else [])
        for name, (_, marks) in TEMPLATES.items()
        if not has(marks, "recording")
    ],
)
def test_every_template_has_a_fault(template: str) -> None:
    """One that is planted in some case."""
    assert any(victims(template, fault) for fault in PLANTED.get(template, [])), f"{template}: no fault is planted"


def test_every_fault_has_its_template_and_cases() -> None:
    assert set(PLANTED) <= set(TEMPLATES), "a template was renamed"
    names = {case.name for case in CASES}
    assert {name for faults in PLANTED.values() for fault in faults for name in fault.on or ()} <= names
    assert not any(has(TEMPLATES[name][1], "recording") for name in PLANTED), "a recording holds nothing"
