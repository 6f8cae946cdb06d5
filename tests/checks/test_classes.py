"""The class form: fields are the function's parameters; config, copy, pickle and `.keras` keep everything."""

from __future__ import annotations

import copy
import inspect
import pathlib
import pickle
from typing import Any

import keras
import numpy as np
import pytest

import polyloss
from polyloss.core.declared import snake_case
from tests.case import INPUTS, Case, supervised
from tests.checks.numbers import close


def parameters_of(callable_: Any, *others: str) -> dict[str, Any]:
    """Parameters and their defaults."""
    found = inspect.signature(callable_).parameters.items()
    return {name: p.default for name, p in found if name not in (*INPUTS, *others)}


def test_fields_are_the_parameters(case: Case) -> None:
    """Class and function take the same parameters with the same defaults; a class of two players those of both."""
    players = [getattr(polyloss, known.name) for known in getattr(case.loss, "players", {}).values()]
    taken = {name: default for plain in players or [case.plain] for name, default in parameters_of(plain).items()}
    taken |= parameters_of(case.plain)
    assert parameters_of(case.loss, "reduction", "name", "dtype") == taken


def test_function_and_class_agree(case: Case, backend: Any) -> None:
    """The class form without reduction is the function; its mean is the mean."""
    unreduced = {"reduction": None} if supervised(case) else {}
    for parameters in case.variants:
        if any(isinstance(v, tuple) and len(v) == 2 for v in parameters.values()):
            continue  # two classes; the batch has three
        y, p = (backend.tensor(a) for a in case.batch(parameters))
        values = backend.array(case.function(y, p, **parameters))
        close(backend.array(case.of_class(case.loss(**parameters, **unreduced))(y, p)), values, ulps=1)
        if supervised(case) and parameters.get("ignore_class") is None:
            close(backend.array(case.loss(**parameters)(y, p)), values.mean(dtype="float64"), ulps=16)


def test_copies(case: Case, parameters: dict[str, Any], tmp_path: pathlib.Path) -> None:
    whole = {"dtype": "float64", "name": "mine", **({"reduction": "sum"} if supervised(case) else {})}
    for options in ({}, whole, {"dtype": "bfloat16"}):
        loss = case.loss(**parameters, **options)
        config = loss.get_config()
        others = [
            case.loss.from_config(config),
            keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss)),
            copy.copy(loss),
            copy.deepcopy(loss),
            pickle.loads(pickle.dumps(loss)),
        ]
        if supervised(case):
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
            model.compile(loss=loss)
            model.optimizer.build(model.trainable_variables)
            model.save(tmp_path / "model.keras")
            others += [
                keras.losses.deserialize(keras.losses.serialize(loss)),
                keras.losses.get({"class_name": keras.saving.get_registered_name(case.loss), "config": config}),
                keras.models.load_model(tmp_path / "model.keras").loss,
            ]
        for other in others:
            assert type(other) is case.loss
            assert other.get_config() == config, "something was lost on the way"
            assert repr(other) == repr(loss)
            assert other.dtype == loss.dtype
        assert config["dtype"] == options.get("dtype"), "the dtype is part of the config"
        assert loss.dtype == ("float64" if options.get("dtype") == "float64" else "float32")


def numbers_of(case: Case) -> list[tuple[str, Any]]:
    """The parameters of the variants that are numbers with a point, or several of them."""
    given = [(name, value) for parameters in case.variants for name, value in case.options(parameters).items()]
    return [(name, value) for name, value in given if isinstance(value, float | tuple) and not _whole(value)]


def _whole(value: Any) -> bool:
    """Numbers of classes, which stay integers."""
    return isinstance(value, tuple) and all(isinstance(x, int) for x in value)


@pytest.mark.cases(only=lambda case: bool(numbers_of(case)))
def test_arrays_become_plain(case: Case) -> None:
    """Arrays and their scalars are kept as Python numbers and tuples of them."""
    for name, value in numbers_of(case):
        given = np.array(value, "float64") if isinstance(value, tuple) else np.float64(value)
        kept = getattr(case.loss(**{**case.example, name: given}), name)
        assert kept == value
        assert all(type(x) is float for x in (kept if isinstance(value, tuple) else [kept]))


def test_name(case: Case) -> None:
    """Fixed names, Keras's where it has one."""
    theirs = getattr(keras.losses, case.loss.__name__, None)
    ours = case.plain.__name__ if supervised(case) else snake_case(case.loss.__name__)
    want = theirs().name if theirs else ours
    assert case.loss(**case.example).name == case.loss(**case.example).name == want


def test_catalogue() -> None:
    """Every public loss class, in order, and nothing else."""
    found = polyloss.catalogue()
    classes = {n for n in polyloss.__all__ if isinstance(getattr(polyloss, n), type)}
    public = {n for n in classes if issubclass(getattr(polyloss, n), polyloss.Loss)} - {"Loss", "SetLoss"}
    assert list(found) == sorted(public)
    assert all(getattr(polyloss, name) is cls for name, cls in found.items())


def test_half_precision_predictions(case: Case, half: str, backend: Any) -> None:
    """The class computes half precision in float32, and float64 in float64; targets never raise it."""
    y, p = case.batch(case.example)
    call = case.of_class(case.loss(**case.example))
    wide = y if np.issubdtype(y.dtype, np.integer) else y.astype("float64")
    for dtype in (half, "float32"):
        assert backend.array(call(backend.tensor(wide), backend.tensor(p.astype(dtype)))).dtype == np.float32
    if "float64" in backend.DTYPES:
        with backend.precision("float64"):
            assert backend.array(call(backend.tensor(y), backend.tensor(p.astype("float64")))).dtype == np.float64
            raised = case.of_class(case.loss(**case.example, dtype="float64"))(backend.tensor(y), backend.tensor(p))
            assert backend.array(raised).dtype == np.float64
            if supervised(case):
                got = call(backend.tensor(y), backend.tensor(p.astype("float64")), np.ones(6, "float32"))
                assert backend.array(got).dtype == np.float64


# -- what a user's own class does -----------------------------------------------------------------


class Scaled(polyloss.Loss):
    """A user's loss: a required field, a default, metadata."""

    factor: float
    offset: float = 0.0

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.factor * polyloss.mean_squared_error(y_true, y_pred) + self.offset


class Doubled(Scaled):
    """An attribute without annotation overrides a default."""

    factor = 2.0


class Own(polyloss.FocalLoss):
    """A user's own `__init__`: Keras's rule, its config is its own."""

    def __init__(self, strength: float, **kwargs: Any) -> None:
        super().__init__(gamma=2 * strength, from_logits=True, **kwargs)
        self.strength = strength

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "strength": self.strength}


class Around(polyloss.Loss):
    """A loss that wraps another."""

    inner: Any

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.inner.call(y_true, y_pred)


def again(loss: Any) -> Any:
    return keras.losses.deserialize(keras.losses.serialize(loss))


def test_required_field() -> None:
    with pytest.raises(TypeError, match=r"^Scaled: factor is required. Got no factor\.$"):
        Scaled()
    assert repr(Scaled(factor=3.0)) == "Scaled(factor=3.0, offset=0.0)"
    assert Doubled().factor == 2.0
    assert Doubled().name == "doubled"
    assert again(Doubled(offset=1.0)).get_config() == Doubled(offset=1.0).get_config()


def test_own_init() -> None:
    loss = Own(1.5, reduction="sum", dtype="float64")
    assert loss.get_config() == {"strength": 1.5, "reduction": "sum", "name": "own", "dtype": "float64"}
    back = again(loss)
    assert (back.strength, back.gamma, back.from_logits, back.dtype) == (1.5, 3.0, True, "float64")


def test_nested() -> None:
    loss = Around(inner=polyloss.Huber(delta=3.0))
    back = again(loss)
    assert isinstance(back.inner, polyloss.Huber)
    assert back.inner.delta == 3.0


def test_users_register_under_their_own_package() -> None:
    package = Scaled.__module__.partition(".")[0]
    assert keras.saving.get_registered_object(f"{package}>Scaled") is Scaled
    assert "Scaled" not in polyloss.catalogue()
    with pytest.raises(ValueError, match=r"^Scaled: the name must be new among the saved classes of"):
        type("Scaled", (polyloss.Loss,), {"__module__": f"{package}.elsewhere"})


def test_clash_with_ours() -> None:
    """A user's FocalLoss does not replace ours."""

    class FocalLoss(polyloss.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred

    assert keras.saving.get_registered_object("polyloss>FocalLoss") is polyloss.FocalLoss
    assert polyloss.catalogue()["FocalLoss"] is polyloss.FocalLoss
    assert FocalLoss().call(0, 1) == 1


def test_a_loss_without_formula() -> None:
    class Empty(polyloss.Loss):
        pass

    with pytest.raises(NotImplementedError, match="Empty: must define call or function="):
        Empty()([1.0], [1.0])
