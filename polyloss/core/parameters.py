"""The rules that parameters obey, as types: ``gamma: Annotated[float, at_least(0)] = 2.0``.

A function states the rule where it states the parameter; the function, its class, the refusals and the pages read it
there. A fault is refused in one sentence shape: ``focal_loss: gamma must be at least 0. Got gamma=-1.``
"""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, NoReturn

import keras
import numpy as np

from polyloss.core import ops


def refuse(where: str, what: str, must: str, value: Any, error: type[Exception] = ValueError) -> NoReturn:
    """Raise the one sentence that every check speaks in."""
    raise error(f"{where}: {what} must {must}. Got {what}={value!r}.")


@dataclass(frozen=True)
class Rule:
    """What a parameter must be: `fits` is a matter of type, `holds` of value.

    Attributes:
        fits: Whether the type will do.
        kind: The type in words.
        holds: Whether the value will do.
        must: What it must be, in words.
        per_class: Whether a sequence has one entry a class.
        tensor: Whether a scalar tensor will do as well, whose value is not looked at: one that is learnt.
    """

    fits: Callable[[Any], bool]
    kind: str
    holds: Callable[[Any], bool] = lambda _: True
    must: str = ""
    per_class: bool = False
    tensor: bool = False

    def __call__(self, where: str, name: str, value: Any) -> None:
        """Raise unless `value` will do."""
        if self.tensor and is_learnt(value):
            if len(value.shape):
                refuse(where, f"{name}.shape", "be (), one number", tuple(value.shape))
            return
        if not self.fits(value):
            if self.per_class and isinstance(value, Mapping):
                refuse(where, name, "have the keys 0, 1, 2, ..., a number for each class, where it is a dict", value)
            refuse(where, name, f"be {self.kind}", value, TypeError)
        if not self.holds(value):
            refuse(where, name, self.must, value)


# -- rules ----------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_vector(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(_is_number(v) for v in value)


def number(holds: Callable[[float], bool], must: str) -> Rule:
    """A finite real number."""
    return Rule(_is_number, "a number", lambda v: -math.inf < v < math.inf and holds(v), must)


def at_least(low: float) -> Rule:
    """A finite number >= low."""
    return number(lambda v: v >= low, f"be at least {low}")


def greater_than(low: float) -> Rule:
    """A finite number > low."""
    return number(lambda v: v > low, f"be greater than {low}")


def finite() -> Rule:
    """Any finite number."""
    return number(lambda v: True, "be finite")


def between(low: float, high: float, *, below_high: bool = False, above_low: bool = False) -> Rule:
    """A number in [low, high]; without the ends where it says so."""
    if below_high and above_low:
        return number(lambda v: low < v < high, f"be greater than {low} and less than {high}")
    if below_high:
        return number(lambda v: low <= v < high, f"be at least {low} and less than {high}")
    return number(lambda v: low <= v <= high, f"be between {low} and {high}")


def boolean() -> Rule:
    """True or False, nothing that merely converts to them."""
    return Rule(lambda v: isinstance(v, bool), "True or False")


def integer() -> Rule:
    """An int."""
    return Rule(lambda v: isinstance(v, numbers.Integral) and not isinstance(v, bool), "an integer")


def one_of(*allowed: Any) -> Rule:
    """One of a few values."""
    listed = ", ".join(repr(a) for a in allowed)
    return Rule(lambda v: True, "", lambda v: any(v is a or v == a for a in allowed), f"be one of {listed}")


def optional(rule: Rule) -> Rule:
    """None, or what `rule` accepts."""
    return Rule(
        lambda v: v is None or rule.fits(v),
        f"None or {rule.kind}",
        lambda v: v is None or rule.holds(v),
        rule.must,
        rule.per_class,
    )


def one_or_several(rule: Rule) -> Rule:
    """A number, or a sequence of numbers."""
    return Rule(
        lambda v: rule.fits(v) or _is_vector(v),
        f"{rule.kind} or a sequence of numbers",
        lambda v: all(rule.holds(x) for x in v) and len(v) > 0 if isinstance(v, (tuple, list)) else rule.holds(v),
        rule.must,
    )


def one_or_per_class(rule: Rule) -> Rule:
    """A number, or a sequence with one number a class."""
    either = one_or_several(rule)
    return Rule(either.fits, either.kind, either.holds, either.must, per_class=True)


def per_class(rule: Rule) -> Rule:
    """A sequence with one number a class."""
    either = one_or_several(rule)
    return Rule(_is_vector, "a sequence of numbers", either.holds, f"{rule.must} (every entry)", per_class=True)


def distinct_classes() -> Rule:
    """Numbers of classes, each once."""

    def are_integers(value: Any) -> bool:
        return isinstance(value, (tuple, list)) and all(integer().fits(v) for v in value)

    return Rule(
        are_integers,
        "a sequence of integers",
        lambda v: len(v) > 0 and min(v) >= 0 and len(set(v)) == len(v),
        "hold at least one class, none below 0 and none twice",
    )


def or_tensor(rule: Rule) -> Rule:
    """What `rule` accepts, or a scalar tensor that is learnt."""
    return replace(rule, tensor=True)


def is_learnt(value: Any) -> bool:
    """A tensor of the backend or a variable: what may have a gradient, as numbers and arrays of NumPy have none."""
    return isinstance(value, (keras.Variable, keras.KerasTensor)) or (
        ops.is_tensor(value) and not isinstance(value, (np.ndarray, np.generic))
    )


# -- the usual parameters -------------------------------------------------------------------------

Flag = Annotated[bool, boolean()]
Fraction = Annotated[float, between(0, 1)]
NonNegative = Annotated[float, at_least(0)]
Positive = Annotated[float, greater_than(0)]
PositiveOrTensor = Annotated[Any, or_tensor(greater_than(0))]
Finite = Annotated[float, finite()]
Axis = Annotated[int, integer()]
IgnoreClass = Annotated[int | None, optional(integer())]
ClassWeights = Annotated[Sequence[float] | None, optional(per_class(at_least(0)))]
Classes = Annotated[Sequence[int] | None, optional(distinct_classes())]
ClassCounts = Annotated[Sequence[float], per_class(greater_than(0))]


# -- of a function --------------------------------------------------------------------------------


def rules_of(function: Callable[..., Any]) -> dict[str, Rule]:
    """The rules in a function's annotations, by parameter."""
    hints = typing.get_type_hints(function, include_extras=True)
    found: dict[str, Rule] = {}
    for name, hint in hints.items():
        if typing.get_origin(hint) is Annotated:
            found.update((name, rule) for rule in hint.__metadata__ if isinstance(rule, Rule))
    return found


def python_value(value: Any) -> Any:
    """Array-likes as nested tuples of Python numbers, so that they compare, print and save.

    A dict with the keys 0, 1, 2, ..., as Keras has it for weights of classes, is the sequence of its values.
    """
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if isinstance(value, dict) and value and set(value) == set(range(len(value))):
        value = [value[i] for i in range(len(value))]
    if isinstance(value, (list, tuple)):
        return tuple(python_value(v) for v in value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # np.float64 is a float, too
        return value.item()
    if hasattr(value, "__array__") and hasattr(value, "shape"):
        return python_value(ops.convert_to_numpy(value).tolist())
    return value


OTHERWISE = {
    "weight": ("class_weights", "alpha"),
    "class_weight": ("class_weights", "alpha"),
    "class_weights": ("alpha",),
}
"""What a parameter may be called where it has another name."""


def bind(
    where: str, names: Sequence[str], positional: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """What a call gave, by name; too much, unknown or given twice is a TypeError that names the function."""
    if len(args) > len(positional):
        listed = f"only {', '.join(positional)}" if positional else "no parameter"
        count = f"{len(args)} positional argument{'s' if len(args) > 1 else ''}"
        others = [name for name in names if name not in positional]
        by_name = zip(others, args[len(positional) :], strict=False)
        written = ", ".join(f"{name}={value!r}" for name, value in by_name if isinstance(value, (numbers.Real, str)))
        advice = f" Write {written}." if written else ""
        raise TypeError(f"{where}: takes {listed} by position. Got {count}.{advice}")
    given = dict(zip(positional[: len(args)], args, strict=True))
    for name, value in kwargs.items():
        if name in given:
            raise TypeError(f"{where}: {name} was given twice. Got {name}={value!r} after a position.")
        if name not in names:
            close = [n for n in OTHERWISE.get(name, ()) if n in names] or difflib.get_close_matches(
                name, names, 1, 0.75
            )
            advice = f" Did you mean {close[0]}?" if close else ""
            raise TypeError(f"{where}: unknown parameter. Got {name}={value!r}; it takes {', '.join(names)}.{advice}")
        given[name] = value
    return given


def by_position(signature: inspect.Signature) -> tuple[str, ...]:
    """The parameters that may be given by position."""
    return tuple(n for n, p in signature.parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD)
