"""The chooser ends at two or three losses with reasons, from any answers, and leaves none out."""

from __future__ import annotations

import pytest

import polyloss
from polyloss.tools import describe
from polyloss.tools.choose import TARGETS, Data, Pick, Targets, choose

ENDS = [(targets, data) for targets in TARGETS for data in targets.data]
IDS = [f"{targets.name}/{data.name}" for targets, data in ENDS]
CATALOGUE = {name for kind in ("loss", "adversarial", "penalty") for name in polyloss.catalogue(kind)}


def test_every_loss_is_reached() -> None:
    picks = [pick for _, data in ENDS for pick in data.picks]
    assert {name for pick in picks for name in (pick.loss, *pick.beside)} == CATALOGUE


def test_names_are_unique() -> None:
    assert len({targets.name for targets in TARGETS}) == len(TARGETS)
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize(("targets", "data"), ENDS, ids=IDS)
def test_two_or_three_losses_with_reasons(targets: Targets, data: Data) -> None:
    picks = choose(targets.name, data.name)
    assert picks is data.picks
    assert 2 <= len({pick.loss for pick in picks}) == len(picks) <= 3
    for pick in picks:
        assert pick.why.endswith(".")
        assert "`" not in describe.plain_text(pick.why)


@pytest.mark.parametrize("pick", [p for _, d in ENDS for p in d.picks], ids=lambda p: p.code)
def test_code_runs(pick: Pick) -> None:
    kinds = {"loss": (), "adversarial": ("penalty",)}
    first, *beside = (eval(part) for part in pick.code.split(" + "))
    assert type(first).__name__ == pick.loss
    assert all(one.category in kinds[first.category] for one in beside)
    for name, value in pick.parameters.items():
        assert getattr(first, name) == value


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"choose: targets must be one of 'yes-no', .*\. Got targets='maybe'"):
        choose("maybe", "clean")
    with pytest.raises(ValueError, match=r"choose: data must be one of 'clean', .*\. Got data='imbalanced'"):
        choose("numbers", "imbalanced")
