"""A whole study on one backend: what is recorded, and the report."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import pathlib
import re
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from polyloss.study import command, compare, record, report, runner, verdict
from tests.study.made import measure, settings


def test_what_is_recorded(measured: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(record.as_json(measured)), record.schema())
    assert measured["faults"] == []
    assert [(r["seed"], r["moved"], r["status"]) for r in measured["runs"]] == [
        (0, 0, "done"), (1, 0, "done"), (0, 1, "done"), (1, 2, "done"),
    ]  # fmt: skip
    for r in measured["runs"]:
        assert len(r["terms"]["loss"]) == len(r["seconds"]) == len(r["gradient_norm"]) == 8
        assert min(r["seconds"]) > 0
        assert min(r["gradient_norm"]) > 0
        assert [set(epoch) for epoch in r["epochs"]] == [{"loss", "accuracy"}] * 2
        assert r["host_peak_bytes"] > 10**7
    assert measured["runs"][0]["first_seconds"] > 0
    assert measured["workload"]["random_layers"] == ["drop"]
    assert measured["verdict"]["answer"] == "incomplete"


def test_a_moved_training_is_close_and_not_the_same(measured: dict[str, Any]) -> None:
    base, _, moved, _ = (verdict.curve(r, "loss") for r in measured["runs"])
    apart = np.abs(base - moved)
    assert 0 < apart.max() < 1e-4


def test_every_link_is_there(measured: dict[str, Any]) -> None:
    (point,) = measured["links"]
    found = {(r["kind"], r["link"]) for r in point["rows"]}
    assert {("output", n) for n in ("hidden", "drop", "logits")} <= found
    assert {("backward", n) for n in ("hidden", "drop", "logits")} <= found
    assert {(k, "loss") for k in ("loss", "value", "gradient", "update")} <= found
    assert not any(r["restless"] for r in point["rows"])
    for row in point["rows"]:  # the float64 referee, on the same backend, is as near as rounding
        if row["kind"] == "update":
            continue  # float32 knows Adam's 1 - 0.999 to 4 digits, on every backend
        assert row["from_referee"], row
        assert all(d <= 16 * row["rounding"] for d in row["from_referee"].values()), row


def test_the_csv_has_a_row_for_each_step(measured: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(record.as_csv(measured))))
    assert len(rows) == 4 * 8
    assert float(rows[3]["loss"]) == measured["runs"][0]["terms"]["loss"][3]


def test_ctrl_c_keeps_what_there_is(measured: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Any, run: Any, steps: int) -> None:
        if len(run["seconds"]) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner._Line, "step", interrupted)
    study = measure(seeds=1, moved=1, at=())
    (run,) = study["runs"]
    assert (study["interrupted"], run["status"], len(run["seconds"])) == (True, "interrupted", 3)
    assert run["terms"]["loss"] == measured["runs"][0]["terms"]["loss"][:3]
    jsonschema.validate(json.loads(record.as_json(study)), record.schema())
    assert "interrupted" in report.markdown(study)


# -- the report -------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.inside: list[str] = []
        self.styles = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "link", "img", "input"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] == "style":
            self.styles += data
        elif self.inside and self.inside[-1] != "script":
            self.text.append(data)


def test_the_page_is_whole_and_asks_for_nothing(three: dict[str, Any]) -> None:
    page = Page(report.page(three))
    assert page.inside == []
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "img", "object", "embed")
        assert not {"src", "href", "srcset", "data", "action", "poster"} & set(attributes), (tag, attributes)
    assert "url(" not in page.styles
    assert "@import" not in page.styles
    assert "prefers-color-scheme: dark" in page.styles
    figures = {a["data-figure"] for tag, a in page.tags if "data-figure" in a}
    assert figures == {a["data-for"] for tag, a in page.tags if tag == "script" and "data-for" in a}
    assert {
        "losses: loss",
        "differences: loss",
        "chain: 0",
        "times: steps",
        "times: first",
        "metrics: accuracy",
    } <= figures


def test_the_verdict_comes_first(three: dict[str, Any]) -> None:
    page = Page(report.page(three))
    said = [text.strip() for text in page.text if text.strip()]
    assert said[1] == "The frameworks agree"
    assert "Two classes & <two> layers." in said[2]
    assert report.markdown(three).startswith(
        "# The frameworks agree: small\n\nTwo classes & <two> layers.\n\n- In training"
    )


def test_one_that_parts_is_in_the_report(three: dict[str, Any]) -> None:
    for r in three["runs"]:
        if r["backend"] == "torch":
            r["terms"]["loss"][5:] = [v + 0.25 for v in r["terms"]["loss"][5:]]
    three["verdict"] = verdict.of_study(three)
    assert (three["verdict"]["answer"], three["verdict"]["odd"]) == ("part", ["torch"])
    assert "torch/auto parts from step 5" in report.markdown(three)
    assert "torch/auto parts from step 5" in "".join(Page(report.page(three)).text)


def test_faults_are_told(three: dict[str, Any]) -> None:
    fault = {"backend": "torch", "job": None, "where": "torch", "text": "boom <b>", "output": ["line 1", "</script>"]}
    three["faults"].append(fault)
    three["verdict"] = verdict.of_study(three)
    assert not three["verdict"]["complete"]
    assert command.status(three) == 3
    assert "- **torch**: boom <b>" in report.markdown(three)
    assert "line 1\n</script>" in "".join(Page(report.page(three)).text)


def test_a_study_without_a_step_has_a_report(three: dict[str, Any]) -> None:
    empty = three | {"runs": [], "links": [], "backends": {}, "workload": {"name": "x"}}
    empty["verdict"] = verdict.of_study(empty)
    assert empty["verdict"]["answer"] == "incomplete"
    assert "Too little was measured" in report.page(empty)
    assert report.markdown(empty)


# -- compare ----------------------------------------------------------------------------------------


def test_a_study_beside_itself_and_beside_a_change(three: dict[str, Any], tmp_path: pathlib.Path) -> None:
    same = compare.sections(three, three)["Numbers"][1]
    assert {row[-1] for row in same} == {"equal to the last bit"}
    changed = json.loads(record.as_json(three))
    for r in changed["runs"]:
        r["seconds"] = [2 * s for s in r["seconds"]]
        r["step_seconds"] = runner.timing(r["seconds"])
        r["terms"]["loss"][4] += 0.5
    changed["backends"]["jax"]["versions"]["keras"] = "9.9"
    found = compare.sections(three, changed)
    assert {(row[3], row[-1]) for row in found["Numbers"][1]} == {("4", "they part")}
    assert {row[3] for row in found["Speed and memory"][1]} == {"2.00"}
    assert ["jax", "keras", three["backends"]["jax"]["versions"]["keras"], "9.9"] in found["Versions"][1]
    for name, study in (("a.json", three), ("b.json", changed)):
        (tmp_path / name).write_text(record.as_json(study))
    assert command.compare(tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.md") == 0
    assert "they part" in (tmp_path / "c.md").read_text()


@pytest.mark.parametrize("text", [None, "{", "{}", "[]", '{"schema": "polyloss-study/99"}'])
def test_what_is_no_study_is_refused(
    text: str | None, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    assert command.compare(path, path, None) == 2
    assert re.match(r"compare: a study must .*\. Got ", capsys.readouterr().out.replace("\n", " "))


# -- bad calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"backends": ("jax", "mxnet")},
            "study: backends must be of jax, tensorflow, torch, each once. Got 'jax,mxnet'.",
        ),
        ({"modes": ("jit", "jit")}, "study: modes must be of eager, jit, auto, each once. Got 'jit,jit'."),
        ({"device": "npu"}, "study: device must be cpu, gpu or tpu. Got 'npu'."),
        ({"at": "0,x"}, "study: at must be steps, like 0,50. Got '0,x'."),
        ({"python": {"mxnet": "/x"}}, "study: python must name one of the backends jax. Got 'mxnet'."),
    ],
)
def test_bad_options(changed: dict[str, Any], sentence: str) -> None:
    given = {"backends": ("jax",), "modes": None, "seeds": None, "moved": None, "epochs": None, "steps": None,
             "at": "0", "device": "cpu", "tf32": False, "timeout": 60.0, "python": {}}  # fmt: skip
    with pytest.raises(ValueError, match=re.escape(sentence)):
        command.settings_of(given | changed, small=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "WORKLOAD must be a Python file or one of vehicles,"), ("x = 1\ndef f(:\n", ", line 2: ")],
)
def test_bad_files(text: str | None, sentence: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.py"
    if text is not None:
        path.write_text(text)
    given = {"backends": ("jax",), "modes": None, "seeds": None, "moved": None, "epochs": None, "steps": None,
             "at": "0", "device": "cpu", "tf32": False, "timeout": 60.0, "python": {}}  # fmt: skip
    assert command.study(str(path), given, small=True, out=tmp_path / "out") == 2
    assert sentence in capsys.readouterr().out


def test_a_fault_is_said_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    study = runner.Study("small.py", settings(), Console(soft_wrap=True))
    study._fault("jax", None, 'pip install "x[jax]" [/usr/bin/python]', [])
    assert capsys.readouterr().out == 'jax: pip install "x[jax]" [/usr/bin/python]\n'
