"""What the layers, the optimizer, the loss and the metrics of a model are configured with, and where that differs.

A backend says what it built (`of_model`, in the worker); `differences` compares what several said.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Values = dict[str, Any]
"""By the path of a setting, as in ``learning_rate.decay_rate``: a number, a text, True, False or None."""

_UNTOLD = ("name", "module", "registered_name", "build_config", "shared_object_id")


# -- on a backend -----------------------------------------------------------------------------------


def of_model(model: Any, metrics: Any = None) -> list[dict[str, Any]]:
    """Each part of a compiled model: what it is, its name, its class, its settings.

    Args:
        model: With variables.
        metrics: As they are given to `compile`.
    """
    from polyloss.training import OptimizerGroup

    found = [_part("layer", layer.name, layer) for layer in layers_of(model)]
    optimizer = model.optimizer
    members = optimizer.members if isinstance(optimizer, OptimizerGroup) else {"optimizer": optimizer}
    found += [_part("optimizer", name, member) for name, member in members.items()]
    loss = getattr(model, "adversarial_loss", None) or model.loss
    for kind, given in (("loss", loss), ("penalty", list(getattr(model, "penalties", ()))), ("metric", metrics)):
        found += [_part(kind, name, one) for name, one in _leaves(kind, given)]
    return found


def layers_of(model: Any) -> list[Any]:
    """The layers that compute, in order: those of Keras whole, those of others with what they are made of."""
    import keras

    found: list[Any] = []
    for layer in getattr(model, "layers", None) or getattr(model, "_layers", None) or ():
        own = type(layer).__module__.startswith("keras.")
        if not (own and isinstance(layer, keras.Model)):
            found.append(layer)
        if not own or isinstance(layer, keras.Model):
            found += layers_of(layer)
    return list(dict.fromkeys(found))


def _leaves(name: str, given: Any) -> list[tuple[str, Any]]:
    """Losses or metrics with a name each, out of whatever `compile` takes."""
    if given is None:
        return []
    if isinstance(given, Mapping) and "class_name" not in given:
        return [leaf for key, one in given.items() for leaf in _leaves(str(key), one)]
    if isinstance(given, list | tuple):
        many = len(given) > 1
        return [leaf for i, one in enumerate(given) for leaf in _leaves(f"{name} {i}" if many else name, one)]
    return [(given if isinstance(given, str) else getattr(given, "name", name), given)]


def _part(kind: str, name: str, thing: Any) -> dict[str, Any]:
    of = thing if isinstance(thing, str) else getattr(thing, "__qualname__", type(thing).__name__)
    return {"part": kind, "name": name, "class": of, "values": {k: v for k, v in flat(told(thing)).items() if k}}


def told(thing: Any) -> Any:
    """What an object says of itself: its configuration, and the plain values of what is not Keras's own."""
    import keras

    if isinstance(thing, functools.partial):
        return {"function": told(thing.func), **thing.keywords}
    if not hasattr(thing, "get_config") or isinstance(thing, type):
        return getattr(thing, "__qualname__", thing)
    try:
        found = dict(thing.get_config())
    except NotImplementedError:  # of a layer whose arguments Keras cannot write down
        found = {}
    found.pop("layers", None)  # of a model: parts of their own
    found |= getattr(thing, "_fn_kwargs", {})  # Keras 3.15 leaves the delta of Huber out of its configuration
    if not type(thing).__module__.startswith("keras."):
        blank = vars(keras.layers.Layer()) if isinstance(thing, keras.layers.Layer) else {}
        plain = (bool, int, float, str)
        found |= {k: v for k, v in vars(thing).items() if k[0] != "_" and k not in blank and isinstance(v, plain)}
    return found


def flat(value: Any, path: str = "") -> Values:
    """Nested settings by their path; an object that Keras has written down is its class and its own settings.

    >>> from polyloss.study.configuration import flat
    >>> flat({"rate": 0.5, "dtype": {"class_name": "DTypePolicy", "config": {"name": "float32"}}})
    {'rate': 0.5, 'dtype': 'float32'}
    """
    if isinstance(value, Mapping):
        if "class_name" in value and "config" in value:
            config = value["config"]
            if isinstance(config, Mapping) and list(config) == ["name"]:
                return flat(config["name"], path)
            return {path: value["class_name"], **flat(config, path)} if path else flat(config)
        made: Values = {}
        for key, inner in value.items():
            if key not in _UNTOLD:
                made |= flat(inner, f"{path}.{key}" if path else str(key))
        return made
    if value is None or isinstance(value, bool | int | float | str):
        return {path: value}
    if isinstance(value, list | tuple):
        return {path: json.dumps(value, default=_as_text)}
    return {path: _as_text(value)}


def _as_text(thing: Any) -> str:
    """The same in each process: no addresses."""
    if hasattr(thing, "get_config") and not isinstance(thing, type):
        return f"{type(thing).__name__} {json.dumps(flat(told(thing)), default=_as_text)}"
    if hasattr(thing, "tolist"):
        return f"array {hashlib.sha256(repr(thing.tolist()).encode()).hexdigest()[:8]}"
    return str(getattr(thing, "__qualname__", type(thing).__name__))


# -- beside each other ------------------------------------------------------------------------------


def differences(said: Mapping[str, Sequence[Mapping[str, Any]]], code: bool = True) -> list[dict[str, Any]]:
    """The settings that are not the same on every backend.

    Args:
        said: What `of_model` gave, by backend.
        code: Whether the compiled code of functions can be compared: it differs between versions of Python.

    >>> from polyloss.study.configuration import differences
    >>> layer = {"part": "layer", "name": "leaky", "class": "LeakyReLU"}
    >>> said = {b: [layer | {"values": {"negative_slope": s}}] for b, s in (("jax", 0.1), ("torch", 0.101))}
    >>> [(d["name"], d["what"], d["values"]) for d in differences(said)]
    [('leaky', 'negative_slope', {'jax': 0.1, 'torch': 0.101})]
    """
    if len(said) < 2:
        return []
    found = []
    for row in _beside(said):
        first = next(part for part in row.values() if part is not None)
        facts = {"part": first["part"], "name": first["name"], "class": first["class"]}
        classes = {b: None if part is None else part["class"] for b, part in row.items()}
        if len(set(classes.values())) > 1:
            found.append({**facts, "what": "class", "values": classes})
            continue
        values = {b: part["values"] for b, part in row.items() if part is not None}
        for what in dict.fromkeys(key for settings in values.values() for key in settings):
            if not code and what.endswith("code"):
                continue
            each = {b: settings.get(what, "not there") for b, settings in values.items()}
            if len({json.dumps(v) for v in each.values()}) > 1:
                found.append({**facts, "what": what, "values": each})
    return found


def _beside(said: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Mapping[str, Any] | None]]:
    """The same part on each backend: by its name where all have the same names, else by its place."""
    rows: list[dict[str, Mapping[str, Any] | None]] = []
    for kind in dict.fromkeys(part["part"] for parts in said.values() for part in parts):
        of_kind = {b: [part for part in parts if part["part"] == kind] for b, parts in said.items()}
        names = [[part["name"] for part in parts] for parts in of_kind.values()]
        if all(sorted(n) == sorted(names[0]) for n in names) and len(set(names[0])) == len(names[0]):
            rows += [
                {b: next(p for p in parts if p["name"] == name) for b, parts in of_kind.items()} for name in names[0]
            ]
        else:
            most = max(map(len, of_kind.values()))
            rows += [{b: parts[i] if i < len(parts) else None for b, parts in of_kind.items()} for i in range(most)]
    return rows


def sentence(cause: Mapping[str, Any]) -> str:
    """A difference in words, the rarest value first.

    >>> from polyloss.study.configuration import sentence
    >>> sentence({"what": "rate", "values": {"jax": 0.3, "tensorflow": 0.31, "torch": 0.3}})
    'rate is 0.31 on tensorflow, 0.3 on jax and torch'
    """
    by: dict[str, list[str]] = {}
    for backend, text in _shown(cause["values"]).items():
        by.setdefault(text, []).append(backend)
    parts = [f"{text} on {' and '.join(names)}" for text, names in sorted(by.items(), key=lambda item: len(item[1]))]
    return f"{cause['what']} is {', '.join(parts)}"


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    short = {b: f"{v:.7g}" if isinstance(v, float) else str(v) for b, v in values.items()}
    if len(set(short.values())) < len({json.dumps(v) for v in values.values()}):
        short = {b: repr(v) for b, v in values.items()}
    if any(len(text) > 60 for text in short.values()):  # a list of many numbers, or the code of a function
        return {b: f"another ({hashlib.sha256(text.encode()).hexdigest()[:6]})" for b, text in short.items()}
    return short
