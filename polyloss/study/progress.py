"""How far a study is and how long it will still take, from what was measured of it so far."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

Job = Mapping[str, Any]

START = "start"
_GUESSES = {START: 6.0, "weights": 1.0, "chain": 15.0}
"""Seconds, until one was measured."""


def kind(job: Job) -> str:
    """Jobs of one kind take about as long on one backend, compilation apart."""
    return f"training, {job['mode']}" if job["task"] == "training" else job["task"]


class Clock:
    """What each kind of job took, on each backend, and so what the rest will take.

    Args:
        now: The time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.began = now()
        self.took: dict[tuple[str, str], list[float]] = {}
        self.pending: dict[str, list[str]] = {}
        self.doing: tuple[str, str] | None = None
        self.since = now()
        self.steps: dict[str, list[float]] = {}
        self.compiled: dict[str, float] = {}

    def expect(self, backend: str, jobs: Sequence[Job]) -> None:
        """What a backend still has to do."""
        self.pending[backend] = [START, *map(kind, jobs)] if jobs else []

    def begin(self, backend: str, what: str) -> None:
        """A job begins, and what was done before it has ended."""
        self.end()
        self.doing, self.since = (backend, what), self.now()
        if what in self.pending.get(backend, ()):
            self.pending[backend].remove(what)

    def end(self) -> None:
        """What is being done has ended."""
        if self.doing is not None:
            self.took.setdefault(self.doing, []).append(self.now() - self.since)
        self.doing = None

    def seconds(self, backend: str, what: str, steps: int) -> float:
        """What a job will take."""
        known = self.took.get((backend, what))
        if known:
            return known[-1]
        if what.startswith("training") and steps and self.steps:
            own = self.steps.get(backend) or [s for found in self.steps.values() for s in found]
            return statistics.median(own[-50:]) * steps + max(self.compiled.values(), default=0.0)
        others = [times[-1] for (_, other), times in self.took.items() if other == what]
        return statistics.fmean(others) if others else _GUESSES.get(what, 10.0)

    def left(self, steps: int) -> float:
        """Seconds until the end, where a training has so many steps."""
        rest = sum(self.seconds(backend, what, steps) for backend, todo in self.pending.items() for what in todo)
        if self.doing is not None:
            rest += max(0.0, self.seconds(*self.doing, steps) - (self.now() - self.since))
        return rest


def in_words(seconds: float) -> str:
    """About how long.

    >>> from polyloss.study.progress import in_words
    >>> in_words(44), in_words(130), in_words(6000)
    ('about 45 seconds', 'about 2 minutes', 'about 1.7 hours')
    """
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5)):.0f} seconds"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


class Display:
    """A bar with the time left on a terminal, lines where there is none."""

    def __init__(self, console: Console, backends: int) -> None:
        self.console, self.backends = console, backends
        self.clock = Clock()
        self.steps = 0
        self.estimated = False
        self.drawn = 0.0
        self.bar = Progress(
            SpinnerColumn(), TextColumn("{task.description:<11}"), BarColumn(24), _Left(self),
            TextColumn("{task.fields[now]}", markup=False), console=console, transient=True,
        )  # fmt: skip
        self.line = self.bar.add_task("", total=1.0, now="")

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self.bar.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.bar.stop()

    def say(self, text: str) -> None:
        """A line that stays, where there is no bar."""
        if not self.console.is_terminal:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, backend: str, now: str) -> None:
        """What is being done."""
        done = self.clock.now() - self.clock.began
        whole = done + self.clock.left(self.steps)
        self.bar.update(self.line, description=backend, now=now, completed=done / whole if whole else 0.0)

    # -- what happens -------------------------------------------------------------------------------

    def start(self, backend: str, jobs: Sequence[Job], python: str) -> None:
        """A process is started."""
        self.started = self.clock.now()
        self.clock.expect(backend, jobs)
        self.clock.begin(backend, START)
        self.say(f"{backend}: {len(jobs)} jobs, from {python}")
        self.show(backend, "starting")

    def begin(self, backend: str, job: Job) -> None:
        """A job begins."""
        self.clock.begin(backend, kind(job))
        name = {"weights": "initial weights", "chain": f"layer by layer, step {job.get('step')}"}.get(job["task"])
        self.name = name or f"{job['mode']}, seed {job['seed']}" + (", perturbed by one ULP" if job["moved"] else "")
        self.show(backend, self.name)

    def compiled(self, backend: str, seconds: float) -> None:
        """A mode has had its first step."""
        self.clock.compiled[backend] = max(seconds, self.clock.compiled.get(backend, 0.0))
        self.clock.since += seconds  # the other trainings in this mode have it no more

    def step(self, run: Mapping[str, Any], steps: int) -> None:
        """A step is done, of so many in a training."""
        self.steps = steps
        backend, done = run["backend"], len(run["seconds"])
        if done > 2:  # the first ones are warm-up
            self.clock.steps.setdefault(backend, []).append(run["seconds"][-1])
        if not self.estimated and done == min(steps, 5):
            self.estimated = True
            self.console.print(self.estimate(), markup=False, highlight=False, soft_wrap=True)
        if self.clock.now() - self.drawn > 0.1:
            self.drawn = self.clock.now()
            values = ", ".join(f"{v[-1]:.4g}" for v in run["terms"].values() if v[-1] is not None)
            self.show(backend, f"{self.name}, step {done}: {values}")

    def estimate(self) -> str:
        """How long all of it will take, and what would make it shorter."""
        whole = self.clock.now() - self.clock.began + self.clock.left(self.steps)
        several = f"{self.backends} backends" if self.backends > 1 else "1 backend"
        text = f"{in_words(whole)[0].upper()}{in_words(whole)[1:]} for {several}, {self.steps} steps a training."
        if whole > 300:
            text += f" For a shorter study: --steps {max(4, int(self.steps * 180 / whole))}, or --small."
        return text

    def close(self, backend: str) -> None:
        """The process is gone."""
        self.clock.end()
        took = self.clock.now() - self.started  # compilation and all
        rest = self.clock.left(self.steps)
        self.say(f"{backend}: {took:.0f} seconds" + (f"; {in_words(rest)} left" if rest else ""))


class _Left(ProgressColumn):
    """The time left; without an event, too, it goes down."""

    def __init__(self, display: Display) -> None:
        super().__init__()
        self.display = display

    def render(self, task: Task) -> Text:
        clock = self.display.clock
        return Text(f"{in_words(clock.left(self.display.steps))} left" if self.display.estimated else "")
