"""A loss as a function: its face checks a call once, and the formula behind it is what the class calls."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

import keras

from polyloss import framework
from polyloss.core import ops, replica, shapes
from polyloss.core.kinds import Kind
from polyloss.core.parameters import Rule, bind, by_position, is_learnt, python_value, refuse, rules_of

P = ParamSpec("P")
R = TypeVar("R")


class Declaration:
    """What the decorators know of a function.

    Attributes:
        body: The function as it is written.
        name: Its name, which speaks in its errors.
        names: Its parameters, inputs among them.
        positional: Those that may be given by position.
        kind: What it looks at; None: it brings its inputs into shape itself.
        rules: What each parameter must be.
        formula: What the class calls, whose constructor has checked the parameters: inputs and all parameters by name.
    """

    def __init__(self, body: Callable[..., Any], kind: Kind | None) -> None:
        signature = inspect.signature(body)
        self.body = body
        self.name = body.__name__
        self.names = tuple(signature.parameters)
        self.positional = by_position(signature)
        self.required = tuple(n for n, p in signature.parameters.items() if p.default is p.empty)
        self.defaults = {n: p.default for n, p in signature.parameters.items() if p.default is not p.empty}
        self.kind = kind
        self.rules: dict[str, Rule] = rules_of(body)
        self.formula = body if kind is None else self._arranged

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call from outside: every parameter is looked at."""
        given = bind(self.name, self.names, self.positional, args, kwargs)
        for name in self.required:
            if name not in given:
                raise TypeError(f"{self.name}: {name} is required. Got no {name}.")
        for name, rule in self.rules.items():
            if name in given:
                value = given[name]
                if not (rule.tensor and is_learnt(value)):
                    given[name] = value = python_value(value)
                rule(self.name, name, value)
        if self.kind is None or not self.body.__module__.startswith("polyloss."):
            return self.formula(**given)
        return self._at_once(given)

    def _at_once(self, given: dict[str, Any]) -> Any:
        """The formula in one call of the framework, where that is faster."""
        shapes.refuse_foreign(self.name, "y_pred", given.get("y_pred"))
        options = {name: value for name, value in given.items() if name in self.rules and not ops.is_tensor(value)}
        tensors = {
            name: None if value is None and name in self.defaults else shapes.tensor(self.name, name, value)
            for name, value in given.items()
            if name not in options
        }
        state = self, *tensors, *options.items(), keras.config.epsilon(), replica.scope()
        return _evaluated(_Call(self, tuple(tensors), options), state, *tensors.values())

    def _arranged(self, y_true: Any, y_pred: Any, **given: Any) -> Any:
        assert self.kind is not None
        options = {**self.defaults, **given}
        y_true, y_pred = self.kind.arrange(self.name, y_true, y_pred, options)
        for name, value in options.items():
            if isinstance(value, tuple) and self.rules[name].per_class:
                self._one_a_class(name, value, y_pred, options)
        return self.body(y_true, y_pred, **options)

    def _one_a_class(self, name: str, value: tuple[float, ...], y_pred: Any, options: dict[str, Any]) -> None:
        assert self.kind is not None
        if not len(y_pred.shape):
            refuse(self.name, name, "be one number where y_pred has no axes", value)
        classes = self.kind.classes(y_pred, options)
        if classes is not None and len(value) != classes:
            refuse(self.name, name, f"have {classes} entries, one a class", value)


class _Call(NamedTuple):
    """A call of a function without its tensors."""

    declaration: Declaration
    names: tuple[str, ...]
    options: dict[str, Any]

    def of(self, *tensors: Any) -> Any:
        """With its tensors."""
        return self.declaration.formula(**dict(zip(self.names, tensors, strict=True)), **self.options)


_evaluated = framework.one_call(_Call.of)


def declaration(function: Any) -> Declaration | None:
    """What is known of a function that one of the decorators made; None of any other."""
    return getattr(function, "declaration", None)


def loss_function(kind: Kind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a loss ``f(y_true, y_pred, **parameters)``: its inputs come arranged, its parameters checked.

    The rules of the parameters stand in their annotations (`polyloss.core.parameters`); what the loss looks at is
    `kind` (`polyloss.core.kinds`). Inside, `y_true` and `y_pred` are tensors that fit together, in the dtype of
    computation, and a class axis is counted from the front.
    """
    return functools.partial(_faced, kind=kind)


def checked(body: Callable[P, R]) -> Callable[P, R]:
    """Decorates any function: its parameters are checked by the rules in their annotations."""
    return _faced(body, kind=None)


def _faced(body: Callable[P, R], kind: Kind | None) -> Callable[P, R]:
    declared = Declaration(body, kind)

    @functools.wraps(body)
    def face(*args: P.args, **kwargs: P.kwargs) -> R:
        return declared.call(args, kwargs)

    face = framework.entry_point(face)
    face.declaration = declared  # type: ignore[attr-defined]
    if body.__module__.startswith("polyloss."):  # `compile(loss=polyloss.huber)` must not load as Keras's huber
        keras.saving.register_keras_serializable("polyloss")(face)
    return face
