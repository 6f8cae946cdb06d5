"""A `Case`: all that the evidence machinery needs to know of one loss.

The templates of `tests/checks` run over every case; one that makes sense for some only says which, with
``@pytest.mark.cases(only=supervised)``, say. Every template has a fault planted in `tests/meta/planted.py`.

Edge cases: every row of the table in a function's docstring is run. A `Corner` names the row that it stands for by the
text of the row's first column, ``Corner({}, [0.0], [inf], [inf], [1.0], edge="error +-inf")``; a row may have several
corners. `tests/meta/test_edges.py` fails for a row without a corner, for a corner whose row is not there, and for one
that contradicts its row as far as the row can be read: numbers, ``+-inf``, ``NaN``, and expressions of the parameters,
``n`` (elements in the sample) and ``epsilon`` such as ``-1/n by r`` or ``-log(epsilon)``; "none" and "not promised"
want a corner without a gradient, "finite" a finite one. For other words the corner is what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from keras import ops

import polyloss
from polyloss.core.declared import REQUIRED
from polyloss.core.function import Declaration, declaration
from polyloss.core.kinds import Kind
from tests.oracle import Reference

Arrays = tuple[np.ndarray, np.ndarray]
Parameters = dict[str, Any]


@dataclass(frozen=True)
class Corner:
    """One sample whose value (and gradient) is known exactly; what bad values give is a corner too.

    `gradient` None: it is not promised. An entry None: that entry is not promised. `edge`: the row of the docstring's
    table of edge cases that it stands for, by the text of the row's first column.
    """

    parameters: Parameters
    y_true: Any
    y_pred: Any
    value: Sequence[float]
    gradient: Sequence[float | None] | None = None
    labels: str = "float32"
    edge: str | None = None

    def __str__(self) -> str:
        given = ",".join(f"{k}={v}" for k, v in self.parameters.items())
        return f"{self.y_true}~{self.y_pred}~{given}".replace(" ", "")


@dataclass(frozen=True)
class Refusal:
    """A call that must raise exactly this sentence; where nothing is wrong with the inputs, the class raises it too.

    `inputs`: what is given by position, where that is not `y_true` and `y_pred`.
    """

    message: str
    parameters: Parameters = field(default_factory=dict)
    y_true: Any = None
    y_pred: Any = None
    error: type[Exception] = ValueError
    inputs: tuple[Any, ...] | None = None

    @property
    def given(self) -> tuple[Any, ...] | None:
        """The inputs at fault, in the order of the function; None: any will do."""
        if self.inputs is not None or self.y_pred is None:
            return self.inputs
        return self.y_true, self.y_pred


@dataclass(frozen=True)
class Law:
    """An identity: `statement(y_true, y_pred)` gives two arrays that must agree for any drawn input."""

    name: str
    draw: Callable[[], Any]
    statement: Callable[[np.ndarray, np.ndarray], tuple[Any, Any]]


@dataclass(frozen=True)
class Minimiser:
    """The constant prediction that minimises the mean loss over data, known in closed form.

    Attributes:
        name: What it is: "the mean", "the log-odds".
        draw: Targets of all samples, (N, ...), from a random generator.
        at: The constant, from the targets: the prediction of one sample, or a number that all its entries are.
        parameters: Of the loss.
        row: The shape of one sample's prediction, where `at` gives a number.
    """

    name: str
    draw: Callable[[np.random.Generator], np.ndarray]
    at: Callable[[np.ndarray], Any]
    parameters: Parameters = field(default_factory=dict)
    row: tuple[int, ...] | None = None


def of_reals(name: str, at: Callable[[np.ndarray], Any], **parameters: Any) -> Minimiser:
    """Over 301 skew numbers, one a sample: mean, median and mode differ."""
    return Minimiser(name, lambda rng: rng.gamma(2.0, 3.0, (301, 1)).astype("float32"), at, parameters)


def of_decisions(name: str, at: Callable[[float], float], **parameters: Any) -> Minimiser:
    """Over yes/no decisions of which 30 in 100 are yes; `at` gets that share."""
    targets = (np.arange(100) < 30).astype("float32")[:, None]
    return Minimiser(name, lambda rng: targets, lambda y: np.array([at(float(y.mean()))]), parameters)


def of_classes(
    name: str, at: Callable[[np.ndarray], np.ndarray], one_hot: bool = False, **parameters: Any
) -> Minimiser:
    """Over labels of three classes, 50, 30 and 20 of 100; `at` gets these shares."""
    labels = np.repeat(np.arange(3, dtype="int32"), [50, 30, 20])
    targets = np.eye(3, dtype="float32")[labels] if one_hot else labels
    shares = np.array([0.5, 0.3, 0.2])
    return Minimiser(name, lambda rng: targets, lambda y: at(shares), parameters)


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """One loss: its reference, corners, refusals and laws. Its kind supplies inputs, batch, output and refused shapes.

    Of an adversarial loss each player has a case of its own. A sample of it is a whole batch of scores, [real, fake],
    (2, n); `function` takes many of them and gives one value each, with targets that say nothing. A corner's two sides
    may differ in length.

    Attributes:
        loss: The class; its function is `loss.function`.
        player: "discriminator" or "generator", of an adversarial loss.
        reference: The formula for one sample, on `tests.oracle.Dual` numbers: (y, p, **parameters) to a
            list of values.
        variants: Parameters to try.
        example: Parameters for checks that need only one set (training, weights, saving).
        corners: Exact points.
        refused: Calls that raise, beyond what the kind refuses.
        laws: Identities.
        minimisers: The constants that minimise the mean loss, where there is a closed form.
        halves: For elementwise losses: (y, x, **parameters) to value and gradient in float64 NumPy, over
            all finite half-precision x.
        half_targets: The targets tried with all halves.
        floor: Absolute allowance in units of the ulp of 1.0 (softmax losses: 1, as every framework has).
        steepness: The factor between the gradient and that of a softmax loss by its logits, from all parameters (a
            scale, say): the gradient's floor is the floor times it.
        terms: How many terms the loss sums over.
        own_inputs: (parameters, dtype) to a batch of samples, where those of the kind do not do.
        without: Parameters of Keras's class of the same name that are not here; its order by position ends before them.
    """

    loss: Any
    player: str | None = None
    reference: Reference
    variants: Sequence[Parameters] = ({},)
    example: Parameters = field(default_factory=dict)
    corners: Sequence[Corner] = ()
    refused: Sequence[Refusal] = ()
    laws: Sequence[Law] = ()
    minimisers: Sequence[Minimiser] = ()
    halves: Callable[..., tuple[np.ndarray, np.ndarray]] | None = None
    half_targets: Sequence[float] = (0.0, 1.0)
    floor: float = 0.0
    steepness: Callable[[Parameters], float] = lambda options: 1.0
    terms: int = 1
    own_inputs: Callable[[Parameters, str], Arrays] | None = None
    without: Sequence[str] = ()

    @property
    def plain(self) -> Callable[..., Any]:
        """The function as users have it."""
        return self.loss.function if self.player is None else getattr(polyloss, self.loss.players[self.player].name)

    @property
    def function(self) -> Callable[..., Any]:
        """(y_true, y_pred, **parameters) to the values of many samples."""
        return self.over(self.plain) if self.player is None else self._of_batches(self.plain)

    def over(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, which takes what `plain` takes, for many samples: where a sample is a whole batch, one after the
        other; a single one is taken as it is."""
        if not self.kind.whole_batch:
            return function
        rank = 1 + len(self.output)

        def values(y_true: Any, y_pred: Any, **parameters: Any) -> Any:
            if len(y_pred.shape) == rank:
                return function(y_true, y_pred, **parameters)
            return ops.stack([function(y_true[i], y_pred[i], **parameters) for i in range(y_pred.shape[0])])

        return values

    @property
    def name(self) -> str:
        return self.loss.__name__ if self.player is None else self.loss.players[self.player].name

    @property
    def plain_name(self) -> str:
        """Who speaks in the errors of `plain`."""
        return self.loss.function.__name__ if self.player is None else self.name

    @property
    def takes(self) -> tuple[str, ...]:
        """The inputs of the function: what it needs beside parameters."""
        known = self.declared
        return tuple(name for name in known.names if name in INPUTS and name not in known.defaults)

    @property
    def declared(self) -> Declaration:
        """What is known of the function."""
        known = declaration(self.loss.function) if self.player is None else self.loss.players[self.player]
        assert known is not None
        return known

    def of_class(self, loss: Any) -> Callable[[Any, Any], Any]:
        """(y_true, y_pred) to the values of many samples, from an instance of the class without a reduction."""
        return loss if self.player is None else self._of_batches(getattr(loss, self.player))

    def sides(self, y_true: Any, y_pred: Any) -> tuple[Any, ...]:
        """What `plain` takes: targets and predictions; of a player the scores of one batch, [real, fake]."""
        given = {"y_true": y_true, "y_pred": y_pred}
        if self.player is not None:
            given = {"real": y_pred[0], "fake": y_pred[1]}
        return tuple(given[name] for name in self.takes)

    def _of_batches(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def values(y_true: Any, y_pred: Any, **parameters: Any) -> Any:
            return ops.stack([function(*self.sides(None, y_pred[i]), **parameters) for i in range(y_pred.shape[0])])

        return values

    def sample(self, corner: Corner) -> tuple[np.ndarray, np.ndarray]:
        """A corner as a batch of one; sides of different lengths one after the other."""
        p = corner.y_pred if self._even(corner) else [x for side in corner.y_pred for x in side]
        return np.array([corner.y_true], corner.labels), np.array([p], "float32")

    def at(self, corner: Corner) -> Callable[[Any, Any], Any]:
        """The function for batches of such corners, as `sample` makes them."""
        if self._even(corner):
            function = self.function
            return lambda y_true, y_pred: function(y_true, y_pred, **corner.parameters)
        real, plain = len(corner.y_pred[0]), self.plain

        def values(y_true: Any, y_pred: Any) -> Any:
            batches = [(y_pred[i, :real], y_pred[i, real:]) for i in range(y_pred.shape[0])]
            return ops.stack([plain(*self.sides(None, batch), **corner.parameters) for batch in batches])

        return values

    def _even(self, corner: Corner) -> bool:
        return self.player is None or len(corner.y_pred[0]) == len(corner.y_pred[1])

    @property
    def kind(self) -> Kind:
        return self.loss.inputs

    @property
    def output(self) -> tuple[int, ...]:
        """The shape of one sample's prediction in a model."""
        return self.kind.output

    @property
    def refusals(self) -> list[Refusal]:
        """What the kind refuses, and what the loss does."""
        if self.player is not None:
            return [*self._no_tensors(), *self.refused]
        return [*of_kind(self.kind, self.plain_name, self.options({}), self.example), *self.refused]

    def _no_tensors(self) -> list[Refusal]:
        ordinary = self.sides(*(a[0] for a in self.batch(self.example)))
        wrong = [(None, "be a tensor", "None"), ("no", "be a tensor", "'no'")]
        return [
            Refusal(
                f"{self.name}: {name} must {must}. Got {name}={shown}.",
                self.example,
                error=TypeError,
                inputs=(*ordinary[:i], value, *ordinary[i + 1 :]),
            )
            for i, name in enumerate(self.takes)
            for value, must, shown in wrong
        ]

    def floors(self, parameters: Parameters) -> tuple[float, float]:
        """Of the value and of the gradient."""
        return self.floor, self.floor * self.steepness(self.options(parameters))

    def options(self, parameters: Parameters) -> Parameters:
        """All parameters, the defaults among them."""
        return self.loss(**{**self.example, **parameters} if self._requires else parameters)._options()

    @property
    def _requires(self) -> bool:
        return any(default is REQUIRED for default in self.loss._fields.values())

    def inputs(self, parameters: Parameters, dtype: str) -> Arrays:
        """Samples for value and gradient."""
        if self.own_inputs is not None:
            return self.own_inputs(parameters, dtype)
        return self.kind.inputs(self.options(parameters), dtype)

    def ordinary(self, backend: Any) -> tuple[Any, ...]:
        """Inputs for `plain`."""
        y, p = self.batch(self.example)
        return tuple(backend.tensor(a) for a in self.sides(y, p if self.player is None else p[0]))

    @property
    def to_compile(self) -> Case:
        """The same with few inputs where each is traced by itself."""
        if self.player is None and not self.kind.whole_batch:
            return self
        first = lambda parameters, dtype: tuple(a[:7] for a in self.inputs(parameters, dtype))  # noqa: E731
        return replace(self, own_inputs=first)

    def batch(self, parameters: Parameters) -> Arrays:
        """Six ordinary rows in float32; labels in their own dtype."""
        return self.kind.batch(self.options(parameters))


INPUTS = ("y_true", "y_pred", "teacher_kernel", "kernel", "teacher_bias", "bias", "present", "weight", "real", "fake")
"""What the functions take beside parameters."""


def supervised(case: Case) -> bool:
    """Losses of targets and predictions, with weights and reductions: not those of two networks."""
    return case.player is None


def of_sets(case: Case) -> bool:
    """Losses over a set of rows."""
    return supervised(case) and issubclass(case.loss, polyloss.SetLoss)


def as_sets(case: Case) -> Sequence[Parameters]:
    """Parameters of such a loss under which the rows of a batch are one set."""
    return case.variants if case.kind.whole_batch else [{**case.example, "per": "batch"}]


nan, inf = math.nan, math.inf


# -- what every loss of a kind refuses ------------------------------------------------------------


def shape_sentence(function: str, must: str, y: tuple[int, ...], p: tuple[int, ...], instead: str = "") -> str:
    return f"{function}: {must}. Got y_true.shape={y}, y_pred.shape={p}. {instead}".rstrip()


def of_kind(kind: Kind, function: str, options: Parameters, given: Parameters) -> list[Refusal]:
    """Shapes that do not fit, what is no tensor or not real, and a class axis that is none."""
    if not kind.has_targets:
        return []
    y, p = kind.batch(options)
    found = [
        Refusal(
            shape_sentence(function, m.must, m.y_true, m.y_pred, m.instead),
            given,
            np.zeros(m.y_true, m.labels),
            np.zeros(m.y_pred),
        )
        for m in kind.misfits
    ]
    found += [
        Refusal(f"{function}: y_true must be a tensor. Got y_true=None.", given, None, p, TypeError),
        Refusal(f"{function}: y_pred must be a tensor. Got y_pred='no'.", given, y, "no", TypeError),
        Refusal(
            f"{function}: y_pred.dtype must be real. Got y_pred.dtype='complex64'.",
            given,
            y,
            p.astype("complex64"),
            TypeError,
        ),
    ]
    if "axis" in options:
        rank, shape = p.ndim, p.shape
        must = f"axis must be between -{rank} and {rank - 1} for y_pred.shape={shape}"
        found += [
            Refusal(f"{function}: {must}. Got axis={rank}.", {**given, "axis": rank}, y, p),
            Refusal(f"{function}: axis must be an integer. Got axis=1.0.", {**given, "axis": 1.0}, y, p, TypeError),
        ]
    return found


# -- refusals of parameters -----------------------------------------------------------------------


def flag_refusals(function: str, name: str = "from_logits") -> list[Refusal]:
    return [
        Refusal(f"{function}: {name} must be True or False. Got {name}='yes'.", {name: "yes"}, error=TypeError),
        Refusal(f"{function}: {name} must be True or False. Got {name}=1.", {name: 1}, error=TypeError),
    ]


def range_refusals(function: str, name: str, must: str, *wrong: Any) -> list[Refusal]:
    """Numbers out of range, NaN, infinity, and what is not a number."""
    return [
        *(
            Refusal(f"{function}: {name} must {must}. Got {name}={value!r}.", {name: value})
            for value in (*wrong, nan, inf)
        ),
        Refusal(f"{function}: {name} must be a number. Got {name}='much'.", {name: "much"}, error=TypeError),
        Refusal(f"{function}: {name} must be a number. Got {name}=True.", {name: True}, error=TypeError),
    ]


SMOOTHING = ("label_smoothing", "be between 0 and 1", -0.1, 1.1)


# -- laws that families share ---------------------------------------------------------------------


def zero_for_truth(function: Any) -> Any:
    def statement(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
        return function(y, y), np.zeros(len(y), "float32")

    return statement
