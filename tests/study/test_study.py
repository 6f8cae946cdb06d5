"""A whole study on one backend: what is recorded, and the report."""

from __future__ import annotations

import csv
import errno
import html.parser
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import types
from typing import Any

import jsonschema
import keras
import numpy as np
import plotly.offline
import pytest
from rich.console import Console

from polyloss.study import command, compare, progress, record, report, runner, verdict
from polyloss.study.modes import COMPILED
from polyloss.study.workload import Workload, WorkloadError
from tests.study import made
from tests.study.made import measure, settings


def test_what_is_recorded(measured: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(record.as_json(measured)), record.schema())
    assert measured["faults"] == []
    assert [(r["mode"], r["seed"], r["moved"], r["status"]) for r in measured["runs"]] == [
        ("auto", 0, 0, "done"), ("auto", 1, 0, "done"), ("auto", 0, 1, "done"), ("auto", 1, 2, "done"),
        ("loop", 0, 0, "done"),
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
    base, _, moved, _, own = (verdict.curve(r, "loss") for r in measured["runs"])
    apart = np.abs(base - moved)
    assert 0 < apart.max() < 1e-4
    np.testing.assert_allclose(own, base, rtol=1e-6)  # the framework's own loop, evaluations between its epochs


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


def test_what_was_built_is_told_and_what_did_not_run_is_no_column(measured: dict[str, Any]) -> None:
    study = made.measure("half.py", seeds=1, moved=1, modes=("eager", "jit", "loop"))
    own = settings().backends[0]
    assert study["faults"] == []
    assert study["backends"][own]["dtype_policy"] == "mixed_float16 (3 layers), float32 (1 layers)"
    assert {r["precision"] for r in study["runs"]} == {"float16"}
    assert {r["precision"] for r in measured["runs"]} == {"float32"}
    notes = " ".join(n["text"] for n in study["notes"])
    assert "because of `stubborn`" in notes
    ran = [(r["mode"], r["ran"]) for r in study["runs"]]
    if own == "tensorflow":  # a graph without XLA is neither
        assert ran == [
            *[("eager", "eager")] * 2,
            *[("jit", "tf.function")] * 2,
            ("loop", "tf.function in a loop of its own"),
        ]
    else:
        assert ran == [*[("eager", "eager")] * 2, ("loop", "eager in a loop of its own")]
        assert "jit is left out: it would be eager again" in notes
    np.testing.assert_allclose(study["runs"][-1]["terms"]["loss"], study["runs"][0]["terms"]["loss"], rtol=2**-9)
    np.testing.assert_allclose(study["runs"][-1]["gradient_norm"], study["runs"][0]["gradient_norm"], rtol=2**-7)
    assert (study["links"][0]["referee"], study["verdict"]["complete"]) == (None, True)
    assert "could not compute the float64 reference at step 0: TypeError: " in notes
    assert "no float64 here" in notes
    assert "no float64 here" in report.markdown(study)
    assert "no float64 here" in "".join(Page(report.page(study)).text)
    output = next(r for r in study["links"][0]["rows"] if (r["kind"], r["link"]) == ("output", "hidden"))
    assert output["dtypes"] == {own: "float16"}
    assert output["rounding"] > 2**-11 * output["size"]  # weights were moved by one ULP of float16
    assert sorted(m["name"] for m in study["backends"][own]["configuration"] if m["part"] == "metric") == ["accuracy"]


def test_the_csv_has_a_row_for_each_step(measured: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(record.as_csv(measured))))
    assert len(rows) == 5 * 8
    assert float(rows[3]["loss"]) == measured["runs"][0]["terms"]["loss"][3]


def test_ctrl_c_keeps_what_there_is(measured: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Any, run: Any, steps: int) -> None:
        if len(run["seconds"]) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Display, "step", interrupted)
    study = measure(seeds=1, moved=1, at=(), modes=("auto",))
    (run,) = study["runs"]
    assert (study["interrupted"], run["status"], len(run["seconds"])) == (True, "interrupted", 3)
    assert run["terms"]["loss"] == measured["runs"][0]["terms"]["loss"][:3]
    jsonschema.validate(json.loads(record.as_json(study)), record.schema())
    assert "interrupted" in report.markdown(study)
    assert study["verdict"]["sentences"] == ["Fewer than two backends were measured: there is nothing to compare."]


# -- the time -----------------------------------------------------------------------------------------


def test_the_time_left_is_learnt_from_what_was_measured() -> None:
    now = [0.0]
    clock = progress.Clock(lambda: now[0])
    jobs = [{"task": "weights"}, *[{"task": "training", "mode": "auto"}] * 2, {"task": "chain"}]
    for backend in ("jax", "torch"):
        clock.expect(backend, jobs)
    for what, seconds in (("start", 3), ("weights", 1), ("training, auto", 20), ("training, auto", 20), ("chain", 40)):
        clock.begin("jax", what)
        now[0] += seconds
    clock.end()
    assert clock.pending["jax"] == []
    assert clock.left(10) == 3 + 1 + 2 * 20 + 40  # the other one, at the same pace
    clock.begin("torch", "start")
    now[0] += 1
    assert clock.left(10) == 2 + 1 + 2 * 20 + 40


def test_an_estimate_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    shown = progress.Display(Console(soft_wrap=True), backends=3)
    shown.start("jax", [{"task": "training", "mode": "auto"}] * 40, "/python")
    shown.begin("jax", {"task": "training", "mode": "auto", "seed": 0, "moved": 0})
    run: dict[str, Any] = {"backend": "jax", "seconds": [], "terms": {"loss": [1.0]}}
    for _ in range(8):
        run["seconds"].append(1.0)
        shown.step(run, 100)
    shown.compiled("jax", 30.0)
    shown.started -= 40.0
    shown.close("jax")
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        "jax: 40 jobs, from /python",
        "About 67 minutes for 3 backends, 100 steps a training. For a shorter study: --steps 4, or --small.",
    ]
    assert said[2].startswith("jax: 40 seconds; about ")


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
        "# The frameworks agree: small\n\nTwo classes &amp; &lt;two&gt; layers.\n\n- In training"
    )


def test_one_that_parts_is_in_the_report(three: dict[str, Any]) -> None:
    for r in three["runs"]:
        if (r["backend"], r["mode"]) == ("torch", "auto"):
            r["terms"]["loss"][5:] = [v + 0.25 for v in r["terms"]["loss"][5:]]
    three["verdict"] = verdict.of_study(three)
    assert (three["verdict"]["answer"], three["verdict"]["odd"]) == ("part", ["torch"])
    assert "torch/auto differs from step 5 on" in report.markdown(three)
    assert "torch/auto differs from step 5 on" in "".join(Page(report.page(three)).text)


def test_faults_are_told(three: dict[str, Any]) -> None:
    fault = {"backend": "torch", "job": None, "where": "torch", "text": "boom <b>", "output": ["line 1", "</script>"]}
    three["faults"].append(fault)
    three["verdict"] = verdict.of_study(three)
    assert not three["verdict"]["complete"]
    assert command.status(three) == 3
    assert "- **torch**: boom &lt;b&gt;" in report.markdown(three)
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
    assert {(row[3], row[-1]) for row in found["Numbers"][1]} == {("4", "they differ")}
    assert {row[3] for row in found["Speed and memory"][1]} == {"2.00"}
    assert ["jax", "keras", three["backends"]["jax"]["versions"]["keras"], "9.9"] in found["Versions"][1]
    for name, study in (("a.json", three), ("b.json", changed)):
        (tmp_path / name).write_text(record.as_json(study))
    assert command.compare(tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.md") == 0
    assert "they differ" in (tmp_path / "c.md").read_text()


def test_into_a_pipe_nothing_is_cut(three: dict[str, Any], tmp_path: pathlib.Path) -> None:
    """Rows as long as they are, and sentences of the verdict without a frame."""
    three["backends"]["jax"]["versions"]["a-package-with-a-long-name" * 4] = "1.2.3.dev" + "4" * 60
    file = tmp_path / "a.json"
    file.write_text(record.as_json(three))
    three["backends"]["jax"]["versions"] = {}
    (tmp_path / "b.json").write_text(record.as_json(three))
    shown = subprocess.run(
        [sys.executable, "-m", "polyloss", "compare", str(file), str(tmp_path / "b.json")],
        capture_output=True, text=True, check=True, env={k: v for k, v in os.environ.items() if k != "COLUMNS"},
    ).stdout  # fmt: skip
    assert "a-package-with-a-long-name" * 4 in shown
    assert "1.2.3.dev" + "4" * 60 in shown


def test_a_verdict_into_a_pipe_is_lines(
    three: dict[str, Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "Study", lambda *given: types.SimpleNamespace(run=lambda: three))
    into = io.StringIO()
    command.one("clicks", settings(), tmp_path, Console(file=into))
    assert max(map(len, three["verdict"]["sentences"])) > 80
    assert set(three["verdict"]["sentences"]) <= set(into.getvalue().splitlines())


@pytest.mark.parametrize(
    "text",
    [
        None, "{", "{}", "[]", '{"schema": "polyloss-study/99"}', '{"schema": "polyloss-study/1"}', "[" * 100_000,
        '{"schema": "[/red]"}', b"\xff\xfe\x00",
    ],
    ids=["none", "half", "empty", "list", "later", "hollow", "deep", "markup", "bytes"],
)  # fmt: skip
def test_what_is_no_study_is_refused(
    text: str | bytes | None, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert command.compare(path, path, None) == 2
    assert re.match(r"compare: a study must .*\. Got ", capsys.readouterr().out.replace("\n", " "))


def test_names_are_no_markup(three: dict[str, Any], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    three["workload"] |= {"name": "[/red]x", "about": "<script>alert(1)</script>"}
    three["backends"]["torch"]["versions"]["[/bold]"] = "1"
    (tmp_path / "a.json").write_text(record.as_json(three))
    assert command.compare(tmp_path, tmp_path / "a.json", None) == 2  # the folder has no study.json
    assert command.compare(tmp_path / "a.json", tmp_path / "a.json", None) == 0
    assert "[/red]x" in capsys.readouterr().out
    assert "<script>" not in report.markdown(three)


def test_what_a_page_is_given_cannot_close_it(three: dict[str, Any]) -> None:
    for point in three["links"]:
        for row in point["rows"]:
            row["link"] = "<!--<script>"
    page = report.page(three)
    assert "<!--" not in page.replace(plotly.offline.get_plotlyjs(), "")
    assert Page(page).inside == []


# -- where it goes ----------------------------------------------------------------------------------

GIVEN: dict[str, Any] = {
    "backends": ("jax",), "modes": None, "seeds": None, "moved": None, "epochs": None, "steps": None,
    "at": "0", "device": "cpu", "tf32": False, "timeout": 60.0, "python": {},
}  # fmt: skip


def no_study(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("nothing may be run")


def test_ctrl_c_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Any, timeout: float) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner.Process, "events", interrupted)
    study = measure()
    assert (study["interrupted"], study["runs"], study["verdict"]["answer"]) == (True, [], "incomplete")
    assert command.status(study) == 3


STARTS_A_WORKER = """
import sys, time
from polyloss.study.runner import Process
worker = Process(sys.argv[1], sys.executable, {"check": sys.argv[2], "settings": {"tf32": False}}, "cpu")
print(worker.process.pid, flush=True)
time.sleep(300)
"""


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_study_that_is_killed_leaves_no_worker(tmp_path: pathlib.Path, backend: Any) -> None:
    """By a signal that it cannot answer, while a worker is at work."""
    file = tmp_path / "slow.py"
    file.write_text(f"import pathlib, time\npathlib.Path({str(tmp_path / 'begun')!r}).touch()\ntime.sleep(300)\n")
    command = [sys.executable, "-c", STARTS_A_WORKER, keras.backend.backend(), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as study:
        assert study.stdout is not None
        worker = pathlib.Path("/proc", study.stdout.readline().strip(), "status")
        end = time.monotonic() + 120
        while not (tmp_path / "begun").exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert "State:\tZ" not in worker.read_text()
        study.kill()
    end = time.monotonic() + 30
    while worker.exists() and "State:\tZ" not in worker.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert not worker.exists() or "State:\tZ" in worker.read_text()


@pytest.mark.parametrize("place", ["file", "under a file", "taken"])
def test_a_folder_that_cannot_be_had(
    place: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "one", no_study)
    (tmp_path / "file").write_text("mine")
    out = {"file": tmp_path / "file", "under a file": tmp_path / "file" / "out", "taken": tmp_path / "out"}[place]
    with record.claimed(tmp_path / "out"):
        assert command.study("clicks", GIVEN, size=command.SMALL, out=out) == 3
    said = capsys.readouterr().out
    assert f"study: {out} cannot be the folder of a report: " in said
    assert ("another study is writing there" in said) == (place == "taken")
    assert (tmp_path / "file").read_text() == "mine"
    assert list((tmp_path / "out").iterdir()) == []  # the lock is gone


def test_what_cannot_be_written_costs_nothing_else(
    three: dict[str, Any], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("precious")
    (tmp_path / "steps.csv").symlink_to(elsewhere)
    (tmp_path / "report.md").mkdir()
    (tmp_path / "study.json").write_text("older")
    whole = pathlib.Path.write_text

    def full(path: pathlib.Path, text: str, **how: Any) -> int:
        if "study.json" in path.name:
            whole(path, text[:100], **how)
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, text, **how)

    monkeypatch.setattr(command.Study, "run", lambda self: three)
    monkeypatch.setattr(pathlib.Path, "write_text", full)
    assert command.study("clicks", GIVEN, size=command.SMALL, out=tmp_path, markdown=tmp_path) == 3
    said = capsys.readouterr().out
    assert "report.md could not be written: Is a directory." in said
    assert "study.json could not be written: No space left on device. What is there is of an earlier study." in said
    assert (tmp_path / "study.json").read_text() == "older"
    assert elsewhere.read_text() == "precious"
    assert (tmp_path / "steps.csv").read_text() == record.as_csv(three)
    assert {p.name for p in tmp_path.iterdir()} == {
        "elsewhere.csv",
        "report.md",
        "study.json",
        "steps.csv",
        "report.html",
        "small.md",
    }


@pytest.mark.gradients
def test_the_mode_jit_is_compiled_by_the_framework() -> None:
    study = made.measure(modes=("jit",), seeds=1, moved=0, epochs=1, steps=2, at=())
    assert study["faults"] == []
    (run,) = study["runs"]
    assert run["mode"] == "jit"
    assert run["ran"] in COMPILED
    assert len(run["terms"]["loss"]) == 2


def test_a_size_is_what_is_not_given() -> None:
    thorough = command.settings_of(GIVEN, command.THOROUGH)
    assert (thorough.seeds, thorough.moved, thorough.modes) == (3, 3, ("eager", "jit"))
    assert command.settings_of(GIVEN, {}).modes == ("auto", "loop")
    assert command.settings_of(GIVEN | {"seeds": 1}, command.THOROUGH).seeds == 1


# -- bad calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"backends": ("jax", "mxnet")},
            "study: backends must be of jax, tensorflow, torch, each once. Got 'jax,mxnet'.",
        ),
        ({"modes": ("jit", "jit")}, "study: modes must be of eager, jit, auto, loop, each once. Got 'jit,jit'."),
        ({"device": "npu"}, "study: device must be cpu, gpu or tpu. Got 'npu'."),
        ({"at": "0,x"}, "study: at must be steps, like 0,50. Got '0,x'."),
        ({"python": {"mxnet": "/x"}}, "study: python must name one of the backends jax. Got 'mxnet'."),
    ],
)
def test_bad_options(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        command.settings_of(GIVEN | changed, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "WORKLOAD must be a Python file or one of vehicles,"),
        ("x = 1\ndef f(:\n", ", line 2: "),
        ("def workload(): return {'model': 1, 'optimiser': 2}", "Got the key 'optimiser'. Did you mean 'optimizer'?"),
        ("import numpy\ndef workload(): return dict(model=lambda: None, data=numpy.ones((64, 2)), loss='mse', "
         "optimizer='sgd')", "Workload: model() must return a keras.Model. Got None."),
    ],
)  # fmt: skip
def test_bad_files(
    text: str | None, sentence: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(runner.Study, "_measure", no_study)
    path = tmp_path / "w.py"
    if text is not None:
        path.write_text(text)
    assert command.study(str(path), GIVEN, size=command.SMALL, out=tmp_path / "out") == 2
    assert sentence in " ".join(capsys.readouterr().out.split())


X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"model": 3}, "model must be a function that builds the model. Got model=3."),
        ({"optimizer": None}, "loss and optimizer must be given, or compile. Got no optimizer."),
        ({"batch_size": True}, "batch_size must be an integer of at least 1. Got True."),
        ({"compile": 3}, "compile must be a function of a model. Got compile=3."),
        ({"data": {"test": X}}, "data must have a part 'train'. Got the parts ['test']."),
        ({"data": (X, Y, Y, Y)}, "data must be x, (x, y) or (x, y, sample_weight). Got 4 parts."),
        ({"data": (X, Y[:7])}, "one number of rows, at least batch_size=4. Got [7, 8] rows in 'train'."),
        ({"data": {"train": (X, Y), "test": (X, Y[:7])}}, "at least 1. Got [7, 8] rows in 'test'."),
        ({"data": ([1, 2], Y)}, "data must be NumPy arrays with a row for each sample. Got int in 'train'."),
    ],
)
def test_what_is_no_workload(changed: dict[str, Any], sentence: str) -> None:
    given = {"model": lambda: None, "data": (X, Y), "loss": "mse", "optimizer": "sgd", "batch_size": 4}
    with pytest.raises(WorkloadError, match=re.escape(sentence)):
        Workload(**given | changed).arrays()


@pytest.mark.parametrize("given", [None, "mse", ["mse"], ("mse",), {"a": ["mse"]}, lambda: ["mse"]])
def test_metrics_as_compile_takes_them(given: Any) -> None:
    made = Workload(model=lambda: None, data=X, loss="mse", optimizer="sgd", metrics=given).metrics_given
    assert made == (["mse"] if callable(given) or isinstance(given, tuple) else given)


def test_a_fault_is_said_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    study = runner.Study("small.py", settings(), Console(soft_wrap=True))
    study._fault("jax", None, 'pip install "x[jax]" [/usr/bin/python]', [])
    assert capsys.readouterr().out == 'jax: pip install "x[jax]" [/usr/bin/python]\n'
