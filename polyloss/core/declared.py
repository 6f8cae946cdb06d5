"""Classes whose annotated fields are their parameters: `__init__`, signature, repr, config, registration."""

from __future__ import annotations

import copyreg
import dataclasses
import difflib
import inspect
import pathlib
import re
import sys
import typing
from collections.abc import Callable
from typing import Any, ClassVar, dataclass_transform

import keras

from polyloss.core.function import declaration
from polyloss.core.parameters import Rule, bind, one_of, python_value, refuse

REQUIRED: Any = inspect.Parameter.empty
CATEGORIES = ("loss", "adversarial", "penalty")
_CATALOGUE: dict[str, type[Declared]] = {}


def catalogue(kind: str = "loss") -> dict[str, type[Declared]]:
    """Every class of a kind by name, in alphabetical order.

    Args:
        kind: ``"loss"`` (of targets and predictions), ``"adversarial"`` (of two networks) or ``"penalty"``
            (on a critic's gradient).

    >>> list(polyloss.catalogue())[:2]
    ['BinaryCrossentropy', 'CategoricalCrossentropy']
    """
    one_of(*CATEGORIES)("catalogue", "kind", kind)
    return {name: cls for name, cls in sorted(_CATALOGUE.items()) if cls.category == kind}


def find(loss: Any, where: str = "find") -> type[Declared]:
    """The class that `loss` names: a class or an instance, or a class's or function's name in the catalogue.

    >>> from polyloss.core.declared import find
    >>> find("huber")
    <class 'polyloss.losses.regression.Huber'>
    """
    if isinstance(loss, Declared):
        return type(loss)
    if isinstance(loss, type) and issubclass(loss, Declared):
        return loss
    if isinstance(loss, str):
        if (cls := {_folded(name): cls for name, cls in _names().items()}.get(_folded(loss))) is not None:
            return cls
        hint = instead_of(loss) or f"There are {', '.join(_everything())}."
        raise ValueError(f"{where}: loss must be in the catalogue. Got loss={loss!r}. {hint}")
    refuse(where, "loss", "be a loss of polyloss, or the name of one", loss, TypeError)


def instead_of(name: str) -> str:
    """What to use for a name that is not here: another library's, a usual one, or one that is misspelt.

    >>> from polyloss.core.declared import instead_of
    >>> instead_of("BinaryFocalCrossentropy"), instead_of("DiceLoss"), instead_of("FocalLos")
    ('Use FocalLoss.', 'Use Dice.', 'Did you mean FocalLoss?')
    """
    asked = _folded(name)
    known = _everything()
    same = [own for own in known if asked.removesuffix("loss") == _folded(own).removesuffix("loss")]
    same = same or [own for own, cls in known.items() if asked in map(_folded, cls._called())]
    if same:
        return f"Use {' or '.join(same)}."
    shared = "loss" if asked.endswith("loss") else ""  # what they share says nothing
    likeness = {own: _likeness(asked.removesuffix(shared), _folded(own).removesuffix(shared)) for own in _names()}
    nearest = max(likeness, key=lambda own: (likeness[own], _likeness(name, own)))
    return f"Did you mean {nearest}?" if likeness[nearest] > 0.75 else ""


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def _everything() -> dict[str, type[Declared]]:
    """The whole catalogue."""
    return {name: cls for kind in CATEGORIES for name, cls in catalogue(kind).items()}


def _names() -> dict[str, type[Declared]]:
    """What may be asked for: functions and classes."""
    known = _everything()
    return {**{getattr(cls.function, "__name__", name): cls for name, cls in known.items()}, **known}


def _folded(name: str) -> str:
    """However it is written: ``BCEWithLogitsLoss``, ``bce_with_logits_loss``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def snake_case(name: str) -> str:
    """``CategoricalFocalLoss`` as ``categorical_focal_loss``; IoU is one word with what stands before it, and NTXent."""
    name = re.sub(r"[A-Z]*IoU|NTXent", lambda word: word[0].capitalize(), name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class _OfTheClass:
    """`inspect.signature` of a class shows its parameters; that of an instance shows its `__call__`."""

    def __get__(self, instance: Any, owner: type[Declared]) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        return owner._signature


@dataclass_transform(kw_only_default=True)
class Declared:
    """Reads a subclass's annotated fields as its parameters.

    - ``gamma: float = 2.0`` is a parameter with a default, ``counts: tuple`` a required one; ``ClassVar``
      and names with an underscore are not parameters. An attribute without annotation
      (``gamma = 3.0`` in a subclass) overrides a default.
    - Keyword-only, unless the class says ``kw_only=False``: then in the order written, ``_: KW_ONLY``
      ending the positional ones, as in `dataclasses`.
    - ``function=`` is the loss as a function: it computes the values, and its declared parameter rules
      hold for the fields.
    - Array-likes are kept as tuples of Python numbers.
    """

    function: ClassVar[Callable[..., Any] | None] = None
    category: ClassVar[str] = "loss"
    """What `catalogue` lists it under."""
    example: ClassVar[dict[str, Any]] = {}
    """Values of the required fields for three classes, say: what pages, curves and `agree` show the class with."""
    words: ClassVar[tuple[str, ...]] = ()
    """What it is looked for by, beside its name: other names, and the words of those who have its problem."""
    _common: ClassVar[dict[str, Any]] = {"reduction": "sum_over_batch_size", "name": None, "dtype": None}
    """What every class of the kind has; a base of another kind names its own, and `_fields` with it."""
    _fields: ClassVar[dict[str, Any]] = _common
    _own: ClassVar[tuple[str, ...]] = ()
    """The fields beyond those that every class has."""
    _positional: ClassVar[tuple[str, ...]] = ()
    by_position: ClassVar[tuple[str, ...]] = ()
    """Set by a class whose order by position is not that of its fields followed by reduction, name, dtype."""
    _signature: ClassVar[inspect.Signature]
    __signature__: ClassVar[Any] = _OfTheClass()

    def __init_subclass__(
        cls, *, function: Callable[..., Any] | None = None, kw_only: bool = True, abstract: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if function is not None:
            cls.function = staticmethod(function)
        cls._read_fields(kw_only)
        if not abstract:
            _register(cls)

    @classmethod
    def _read_fields(cls, kw_only: bool) -> None:
        some_by_position = not kw_only
        own: dict[str, Any] = {}
        positional: list[str] = []
        for name, annotation in inspect.get_annotations(cls).items():
            kind = _evaluated(annotation, cls)
            if kind is dataclasses.KW_ONLY:
                kw_only = True
            elif not name.startswith("_") and kind is not ClassVar and typing.get_origin(kind) is not ClassVar:
                own[name] = cls.__dict__.get(name, REQUIRED)
                if not kw_only:
                    positional.append(name)
        common = cls._common
        inherited = {name: cls.__dict__.get(name, default) for name, default in cls._fields.items()}
        if "name" not in own and inherited["name"] in (None, *(snake_case(c.__name__) for c in cls.__mro__[1:])):
            inherited["name"] = snake_case(cls.__name__)
        if "by_position" in cls.__dict__:
            cls._positional = cls.by_position
        elif some_by_position:
            positional += [name for name in common if name not in positional]
            cls._positional = tuple(positional)
        merged = {**inherited, **own}
        order = dict.fromkeys([*cls._positional, *(n for n in merged if n not in common), *common])
        cls._fields = {name: merged[name] for name in order}
        cls._own = tuple(name for name in order if name not in common)
        if cls.__init__ is Declared.__init__:
            parameter = inspect.Parameter
            cls._signature = inspect.Signature(
                [
                    parameter(
                        n,
                        parameter.POSITIONAL_OR_KEYWORD if n in cls._positional else parameter.KEYWORD_ONLY,
                        default=d,
                    )
                    for n, d in sorted(cls._fields.items(), key=lambda item: item[0] not in cls._positional)
                ]
            )
        else:
            signature = inspect.signature(cls.__init__)
            cls._signature = signature.replace(parameters=list(signature.parameters.values())[1:])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        if len(args) > 1 and all(len(getattr(value, "shape", ())) for value in args[:2]):
            raise TypeError(
                f"{cls.__name__}: must be made before it is called: {cls.__name__}()(y_true, y_pred), or "
                f"compile(loss={cls.__name__}()). Got tensors in the place of parameters."
            )
        given = bind(cls.__name__, tuple(cls._fields), cls._positional, args, kwargs)
        rules = cls._rules()
        where = self._where()
        for name in cls._own:
            value = python_value(given.pop(name, cls._fields[name]))
            if value is REQUIRED:
                raise TypeError(f"{where}: {name} is required. Got no {name}.")
            if name in rules:
                rules[name](where, name, value)
            setattr(self, name, value)
        self._begin(**{name: given.get(name, cls._fields[name]) for name in cls._common})

    def _begin(self, *args: Any, **common: Any) -> None:
        """Take over what every class has."""
        raise NotImplementedError

    @classmethod
    def _where(cls) -> str:
        """Who speaks in an error: the function, or a class without one."""
        return getattr(cls.function, "__name__", cls.__name__)

    @classmethod
    def _rules(cls) -> dict[str, Rule]:
        """What each field must be."""
        known = declaration(cls.function)
        return {} if known is None else known.rules

    @classmethod
    def _shown(cls) -> dict[str, Any]:
        """The parameters that pages, curves and `agree` show the class with: logits, and what is required."""
        return {**cls.example, **({"from_logits": True} if "from_logits" in cls._fields else {})}

    @classmethod
    def _called(cls) -> set[str]:
        """Its names beside its own: those in other libraries, and its `words`."""
        elsewhere = (re.sub(r"\(.*?\)", "", name) for name in getattr(cls, "elsewhere", {}).values())
        return {*cls.words, *(part for name in elsewhere for part in re.split(r"\W+", name))}

    def _options(self) -> dict[str, Any]:
        """The fields as keyword arguments of the function."""
        return {name: getattr(self, name) for name in self._own}

    def _common_config(self) -> dict[str, Any]:
        """What every class has, as it was given."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Everything that makes the same object again: the fields, reduction, name and dtype."""
        config = {**self._options(), **self._common_config()}
        if type(self).__init__ is Declared.__init__:
            return config
        accepted = inspect.signature(type(self).__init__).parameters
        passes_on = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
        return {k: v for k, v in config.items() if k in accepted or (passes_on and k in self._common)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object that `get_config` described, nested Keras objects rebuilt."""
        return cls(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self._options().items()]
        common = self._common_config()
        shown += [f"{name}={common[name]!r}" for name in common if common[name] != type(self)._fields[name]]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (type(self),), self.__dict__.copy()  # type: ignore[attr-defined]


def _evaluated(annotation: Any, cls: type[Declared]) -> Any:
    """An annotation as an object; None for one that names what is not there at run time (a field then)."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, _globals(cls), dict(vars(cls)))
    except NameError:
        return None


def _globals(cls: type[Declared]) -> dict[str, Any]:
    """The names where a class was written; a file that was run without an import is no module, but its functions know."""
    if (module := sys.modules.get(cls.__module__)) is not None:
        return vars(module)
    return next((f.__globals__ for f in vars(cls).values() if inspect.isfunction(f)), {})


def _package(module: str) -> str:
    """The top-level package of a module; of a script its file's name, under which others import it."""
    if module == "__main__" and (script := getattr(sys.modules["__main__"], "__file__", None)):
        return pathlib.Path(script).stem
    return module.partition(".")[0]


def _register(cls: type[Declared]) -> None:
    """Make `cls` loadable: ours as ``polyloss>Name``, a user's under its own top-level package."""
    package = _package(cls.__module__)
    key = f"{package}>{cls.__name__}"
    other = keras.saving.get_registered_object(key)
    names = [(one.__module__, one.__qualname__) for one in (cls, other) if one is not None]
    local = any("<locals>" in name for _, name in names)  # of a test or a notebook cell: the newest of a name counts
    if len(set(names)) > 1 and not local:
        raise ValueError(
            f"{cls.__name__}: the name must be new among the saved classes of {package!r}. Got {key!r}, "
            f"which is {other.__module__}.{other.__qualname__}."
        )
    keras.saving.register_keras_serializable(package)(cls)
    if package == "polyloss":
        _CATALOGUE[cls.__name__] = cls
