"""The command line as its users call it."""

from __future__ import annotations

import importlib.util
import inspect
import os
import pathlib
import runpy
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import polyloss
from polyloss import framework
from polyloss.tools import command, describe, terminal
from polyloss.tools.choose import TARGETS
from tests.tools import transcripts

CATALOGUE = [name for kind in ("loss", "adversarial", "penalty") for name in polyloss.catalogue(kind)]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def call(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(command.app, arguments, input=typed, catch_exceptions=False)


def refused(*arguments: str) -> str:
    """The one line on stderr."""
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_list() -> None:
    shown = call("list").stdout
    assert [name for name in CATALOGUE if f"\n{name} " in shown] == CATALOGUE
    assert f"{len(polyloss.catalogue())} losses" in shown


@pytest.mark.parametrize("task", terminal.tasks())
def test_list_of_a_task(task: str) -> None:
    shown = call("list", "--task", task).stdout
    expected = [name for name in CATALOGUE if task in describe.about(name).tasks]
    assert expected
    assert [name for name in CATALOGUE if f"\n{name} " in shown] == expected


@pytest.mark.parametrize("name", CATALOGUE)
def test_show(name: str) -> None:
    """Everything that is known of the loss is on the screen."""
    one = describe.about(name)
    shown = " ".join(call("show", name).stdout.replace("│", " ").split())
    texts = [one.when[1:], one.summary, *(p.text for p in one.parameters), *one.elsewhere.values()]
    for part in one.functions:
        texts += [part.references, *(case.input for case in part.edge_cases), *part.example.splitlines()]
        assert " ".join(describe.formula_in_unicode(part.formula).split()) in shown
    for text in texts:
        assert " ".join(describe.plain_text(text).split() if ">>>" not in text else text.split()) in shown
    latex = " ".join(call("show", name, "--latex").stdout.replace("│", " ").split())
    assert one.formula in latex


def test_choose() -> None:
    for targets in TARGETS:
        for data in targets.data:
            given = call("choose", "--targets", targets.name, "--data", data.name).stdout
            assert all(pick.code in given for pick in data.picks)
    asked = call("choose", typed="2\nimbalanced\n").stdout
    assert call("choose", "--targets", "one-of-many", "--data", "imbalanced").stdout in asked
    half = call("choose", "--targets", "numbers", typed="9\n2\n").stdout  # a number that is not there: asked again
    assert "polyloss.Huber()" in half
    assert call("choose", typed="").exit_code == 1


def test_plot(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    out = tmp_path / "focal.svg"
    result = call("plot", "FocalLoss", "--gamma", "0,2", "--alpha=none", "--out", str(out), "--span", "-3,3")
    assert result.stdout.strip() == str(out)
    assert (result.stderr == "") == backend.GRADIENTS
    picture = out.read_text()
    assert picture.startswith("<?xml")
    monkeypatch.chdir(tmp_path)
    assert call("plot", "huber").stdout.strip() == "huber.png"
    assert (tmp_path / "huber.png").read_bytes().startswith(b"\x89PNG")


def test_options_become_parameters() -> None:
    given = (
        "--gamma 0,1.5 --from-logits --no-average --alpha=none --at interpolates,real --class-weights (1,2) --x -1,2"
    )
    assert command._parameters("plot", given.split()) == {
        "gamma": [0, 1.5],
        "from_logits": True,
        "average": False,
        "alpha": None,
        "at": ["interpolates", "real"],
        "class_weights": (1, 2),
        "x": [-1, 2],
    }
    assert command._parameters("plot", ["--average", "true,false", "--one-sided", "False"]) == {
        "average": [True, False],
        "one_sided": False,
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("list --task sleeping", "list: task must be one of 'binary classification', "),
        ("show FocalLos", "about: loss must be in the catalogue. Got loss='FocalLos'. Did you mean FocalLoss?"),
        ("choose --targets maybe", "choose: targets must be one of 'yes-no', "),
        ("choose --targets numbers --data imbalanced", "choose: data must be one of 'clean', "),
        ("plot Focal", "plot: loss must be in the catalogue. Got loss='Focal'. "),
        ("plot FocalLoss --beta 1", "plot: FocalLoss takes --gamma, --alpha, "),
        ("plot WassersteinLoss --beta 1", "plot: WassersteinLoss takes no option. Got --beta."),
        ("plot Huber --delta -1", "huber: delta must be greater than 0. Got delta=-1."),
        ("plot Huber --delta x", "huber: delta must be a number. Got delta='x'."),
        ("plot Huber 2", "plot: options must have the form --name value. Got 2."),
        ("plot Huber --span 3", "plot: span must be two numbers with a comma between them. Got 3."),
        ("plot Huber --theme blue", "figure: theme must be one of 'light', 'dark'. Got theme='blue'."),
        ("plot Huber --out nowhere/x.png", "plot: out must be a .png, .svg, .pdf file in a folder that exists. "),
        ("plot Huber --out x.jpg", "plot: out must be a .png, .svg, .pdf file in a folder that exists. "),
    ],
)
def test_refusals(arguments: str, sentence: str) -> None:
    assert refused(*arguments.split()).startswith(sentence)


SCRIPT = pathlib.Path(command.__file__).parent / "script.py"


def started(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The script `polyloss`, into a pipe and without a width."""
    code = (
        f"import runpy, sys; sys.argv[0] = 'polyloss'; main = runpy.run_path({str(SCRIPT)!r})['main']\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({'keras', 'polyloss', 'numpy'} & set(sys.modules)), file=sys.stderr)"
    )
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "TF_CPP_MIN_LOG_LEVEL")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False,
        cwd=SCRIPT.parents[2], env={**kept, **environ},
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["agree", "--help"], ["choose", "-h"]], ids=" ".join)
def test_help_imports_nothing(arguments: list[str]) -> None:
    """Neither Keras nor a framework: it comes at once."""
    shown = started(*arguments)
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == "[]\n"
    assert "Usage: polyloss" in shown.stdout


def test_into_a_pipe_in_ascii() -> None:
    """Nothing is cut or wrapped, nothing is padded, what ASCII lacks is spelled out, and frameworks keep quiet."""
    shown = started("show", "FocalLoss", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == "['keras', 'numpy', 'polyloss']\n"
    lines = shown.stdout.splitlines()
    assert "    l = -alpha_t (1 - p_t)^gamma log p_t," in shown.stdout
    assert lines[0] == f"polyloss.{polyloss.FocalLoss()!r}"
    assert max(map(len, lines)) > 200
    assert not [line for line in lines if line != line.rstrip()]


def test_a_framework_that_is_not_there_is_one_line(tmp_path: pathlib.Path) -> None:
    """Whichever of the three this environment lacks."""
    lacking = next((name for name in framework.names() if importlib.util.find_spec(name) is None), None)
    if lacking is None:
        pytest.skip("every framework is installed here")
    said = started("list", KERAS_BACKEND=lacking, KERAS_HOME=str(tmp_path))
    assert said.returncode == 2
    line, _ = said.stderr.splitlines()
    assert line.startswith("polyloss: ")
    assert f"python -m pip install {lacking}" in line


@pytest.mark.parametrize(
    ("letter", "plain"),
    [("α", "alpha"), ("ₜ", "_t"), ("ᵞ", "^gamma"), ("²", "^2"), ("≤", "<="), ("é", "e"), ("–", "-"), ("∇", "grad")],
)
def test_letters_in_ascii(letter: str, plain: str) -> None:
    assert command.spelled(letter) == plain


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_letter_has_a_spelling(name: str) -> None:
    shown = call("show", name).stdout
    assert not {letter for letter in shown if not letter.isascii() and command.spelled(letter) == "?"} - set("─│┼╵╷━")


def test_latex_can_be_copied() -> None:
    """The formula stands in a line of its own, with nothing around it."""
    shown = call("show", "FocalLoss", "--latex").stdout.splitlines()
    assert describe.about("FocalLoss").formula in shown


@pytest.mark.parametrize("name", CATALOGUE)
def test_arguments_stand_in_the_order_of_the_signature(name: str) -> None:
    one = describe.about(name)
    for part in one.functions:
        signature = [n for n in inspect.signature(part.function).parameters if n in {a.name for a in part.arguments}]
        assert [a.name for a in part.arguments] == signature
    order = [n for n in inspect.signature(one.cls).parameters if n in {p.name for p in one.parameters}]
    assert [p.name for p in one.parameters] == order


def test_the_page_shows_what_is_printed() -> None:
    """`python tests/tools/transcripts.py` writes it anew."""
    page = transcripts.PAGE.read_text()
    assert len(transcripts.BLOCK.findall(page)) >= 3
    assert transcripts.renewed(page) == page


def test_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m polyloss`, and the sentence where the extra is missing."""
    monkeypatch.setattr(sys, "argv", ["polyloss", "list"])
    monkeypatch.delitem(sys.modules, "polyloss.__main__", raising=False)
    with pytest.raises(SystemExit) as end:
        runpy.run_module("polyloss", run_name="__main__")
    assert end.value.code == 0
    assert "FocalLoss" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as end:
        runpy.run_module("polyloss", run_name="__main__")
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        'polyloss: the command line must have typer. Got none: python -m pip install ".[cli]" in the folder of the checkout\n'
    )
