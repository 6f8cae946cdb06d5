"""`polyloss.tools.describe`: every docstring of the catalogue has the one form, and reads well in a terminal."""

from __future__ import annotations

import dataclasses
import sys

import pytest

import polyloss
from polyloss.core.declared import Declared
from polyloss.tools import describe

CATALOGUE = {name: cls for kind in ("loss", "adversarial", "penalty") for name, cls in polyloss.catalogue(kind).items()}
MAY_BE_EMPTY = {"notes"}


@pytest.mark.parametrize("name", CATALOGUE)
def test_nothing_is_empty(name: str) -> None:
    found = describe.about(name)
    assert found.cls is CATALOGUE[name]
    for part in found.functions:
        for field in dataclasses.fields(part):
            assert getattr(part, field.name) or field.name in MAY_BE_EMPTY, f"{part.name}: no {field.name}"
        assert getattr(polyloss, part.name) is part.function
    assert found.when
    assert found.tasks
    assert found.inputs


@pytest.mark.parametrize("name", CATALOGUE)
def test_parameters_are_the_fields(name: str) -> None:
    found = describe.about(name)
    assert [p.name for p in found.parameters] == list(found.cls._own)
    for parameter in (*found.parameters, *found.inputs):
        assert parameter.text
    given = {p.name: eval(p.default) for p in found.parameters if p.default is not None}
    assert {p.name for p in found.parameters if p.default is None} == set(found.cls.example)
    assert found.cls(**found.cls.example, **given).get_config() == found.cls(**found.cls.example).get_config()


@pytest.mark.parametrize("name", CATALOGUE)
def test_text_can_be_read(name: str) -> None:
    """Faults of reStructuredText raise; no mark and no backslash is left over."""
    found = describe.about(name)
    texts = [found.when, *(p.text for p in (*found.parameters, *found.inputs))]
    for part in found.functions:
        texts += [part.summary, part.returns, part.references, *(text for _, text in part.raises)]
        texts += [cell for case in part.edge_cases for cell in dataclasses.astuple(case)]
        formula = describe.formula_in_unicode(part.formula)
        assert formula
        assert not set("\\&$") & set(formula), formula
    for text in texts:
        shown = describe.plain_text(text)
        assert shown
        assert not any(mark in shown for mark in ("`", ":math:", "\\")), shown


HEADINGS = set("Args Returns Raises References When to choose it .. math input value gradient".split())


def words(x: object) -> set[str]:
    """Every word of a text, or of whatever holds texts."""
    if isinstance(x, str):
        return {word.rstrip(":") for word in x.split() if set(word) != {"="}}
    return set().union(*map(words, x)) if isinstance(x, (list, tuple)) else set()


@pytest.mark.parametrize("name", CATALOGUE)
def test_nothing_of_a_docstring_is_lost(name: str) -> None:
    for part in describe.about(name).functions:
        kept = words(dataclasses.astuple(part))
        assert words(part.function.__doc__) - kept <= HEADINGS


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\ell = -\alpha_t\,(1 - p_t)^{\gamma} \log p_t", "ℓ = −αₜ (1 − pₜ)ᵞ log pₜ"),
        (r"\frac{1}{n} \sum_i (\hat{y}_i - y_i)^2", "1/n ∑ᵢ (ŷᵢ − yᵢ)²"),
        (r"\tfrac12 \delta^2", "1/2 δ²"),
        (r"\begin{cases} a & y = 1 \\ b & y = 0 \end{cases}", "{ a    y = 1; b    y = 0 }"),
        (r"\log \sigma(r), \qquad p \text{ from logits}", "log σ(r),    p from logits"),
    ],
)
def test_formulas(latex: str, shown: str) -> None:
    assert describe.formula_in_unicode(latex) == shown


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match=r"about: loss must be in the catalogue\. Got loss='Hubert'\. Did you mean Huber\?"
    ):
        describe.about("Hubert")
    with pytest.raises(TypeError, match=r"about: loss must be a loss of polyloss, or the name of one\. Got loss=3"):
        describe.about(3)

    class Plain(polyloss.Loss):
        def call(self, y_true: object, y_pred: object) -> object:
            return y_pred

    assert issubclass(Plain, Declared)
    with pytest.raises(ValueError, match=r"about: loss must have a function\. Got Plain, which has none"):
        describe.about(Plain)
    monkeypatch.setitem(sys.modules, "docutils.core", None)
    with pytest.raises(
        ModuleNotFoundError,
        match=r"^polyloss.tools.describe: the package docutils must be installed. Got none: python -m pip",
    ):
        describe.about("Huber")
