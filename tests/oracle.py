"""The referee: formulas in mpmath, with derivatives, and distances in units in the last place.

A reference is written from the paper's formula on `Dual` numbers: a 150-digit value and its exact
derivatives by every input, so that 50 digits are left where naive formulas cancel 100 of them.
It never imports polyloss.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import pathlib
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np
from mpmath import mp, mpf

mp.dps = 150
CACHE = pathlib.Path(__file__).parent.parent / "build" / "oracle"
EPSILON = mpf(1e-7)
"""Keras's default clip of probabilities."""


class Dual:
    """A number and its derivatives by the inputs. Slopes are shared between numbers, so nothing changes them."""

    __slots__ = ("slopes", "value")

    def __init__(self, value: Any, slopes: dict[int, mpf] | None = None) -> None:
        self.value = value if type(value) is mpf else mpf(value)
        self.slopes = slopes or {}

    def chain(self, value: mpf, slope: mpf) -> Dual:
        """f(self), from f's value and derivative."""
        return Dual(value, {i: slope * d for i, d in self.slopes.items()})

    def __add__(self, other: Any) -> Dual:
        other = dual(other)
        return Dual(self.value + other.value, _sum(self.slopes, other.slopes))

    def __mul__(self, other: Any) -> Dual:
        other = dual(other)
        a, b = self.value, other.value
        left = {i: d * b for i, d in self.slopes.items()}
        return Dual(a * b, _sum(left, {i: a * d for i, d in other.slopes.items()}))

    def __neg__(self) -> Dual:
        return Dual(-self.value, {i: -d for i, d in self.slopes.items()})

    def __sub__(self, other: Any) -> Dual:
        return self + -dual(other)

    def __rsub__(self, other: Any) -> Dual:
        return -self + other

    def __truediv__(self, other: Any) -> Dual:
        other = dual(other)
        inverse = 1 / other.value
        return self * other.chain(inverse, -inverse * inverse)

    def __rtruediv__(self, other: Any) -> Dual:
        return dual(other) / self

    def __pow__(self, exponent: float) -> Dual:
        exponent = mpf(exponent)
        if exponent == 0:
            return Dual(1)
        if self.value == 0:
            return self.chain(mpf(0), mpf(1) if exponent == 1 else mpf(0))
        power = self.value**exponent
        return self.chain(power, exponent * power / self.value) if self.slopes else Dual(power)

    def __lt__(self, other: Any) -> bool:
        return self.value < dual(other).value

    def __gt__(self, other: Any) -> bool:
        return self.value > dual(other).value

    def __le__(self, other: Any) -> bool:
        return self.value <= dual(other).value

    __radd__, __rmul__ = __add__, __mul__


def _sum(left: dict[int, mpf], right: dict[int, mpf]) -> dict[int, mpf]:
    """Slopes of a sum."""
    if not left or not right:
        return left or right
    total = dict(left)
    for i, d in right.items():
        total[i] = total[i] + d if i in total else d
    return total


def dual(x: Any) -> Dual:
    """`x` as a constant, unless it is a Dual."""
    return x if isinstance(x, Dual) else Dual(x)


def exp(x: Any) -> Dual:
    """Exponential."""
    x = dual(x)
    power = mp.exp(x.value)
    return x.chain(power, power)


def log(x: Any) -> Dual:
    """Natural logarithm."""
    x = dual(x)
    return x.chain(mp.log(x.value), 1 / x.value)


def sqrt(x: Any) -> Dual:
    """Square root, with derivative 0 at 0: the subgradient that polyloss fixes."""
    x = dual(x)
    root = mp.sqrt(x.value)
    return x.chain(root, mpf(0) if root == 0 else 1 / (2 * root))


def absolute(x: Any) -> Dual:
    """``|x|``, with derivative 0 at 0: the subgradient that polyloss fixes."""
    x = dual(x)
    return x.chain(abs(x.value), mp.sign(x.value))


def clip(x: Any, low: mpf, high: mpf = mp.inf) -> Dual:
    """Clip that passes the derivative on, as the contract says."""
    x = dual(x)
    return x.chain(min(max(x.value, low), high), mpf(1))


def sigmoid(x: Any) -> Dual:
    """Logistic function."""
    return 1 / (1 + exp(-dual(x)))


def softmax(row: Sequence[Any]) -> list[Dual]:
    """Exponentials over their sum."""
    powers = [exp(x) for x in row]
    total = sum(powers, Dual(0))
    return [p / total for p in powers]


def yes(x: Any, from_logits: bool) -> Dual:
    """The probability of a yes/no prediction."""
    return sigmoid(x) if from_logits else clip(x, EPSILON, 1 - EPSILON)


def classes(row: Sequence[Any], from_logits: bool) -> list[Dual]:
    """The probabilities of one of many: softmax, or renormalised and clipped."""
    if from_logits:
        return softmax(row)
    total = sum(row, Dual(0))
    return [clip(p / total, EPSILON, 1 - EPSILON) for p in row]


# -- evaluation -----------------------------------------------------------------------------------

Reference = Callable[..., list[Dual]]


class Exact:
    """References for a batch: each array is the sum of a high and a low double, 32 digits in all.

    Attributes:
        value: (high, low) of the values, (rows, values a row).
        gradient: (high, low) of d sum(values of the row) / d input, (rows, inputs).
        value_sensitivity: sum over inputs of |d value / d input| * ulp(input).
        gradient_sensitivity: the same for the gradient.
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.value = arrays["value"], arrays["value_low"]
        self.gradient = arrays["gradient"], arrays["gradient_low"]
        self.value_sensitivity = arrays["value_sensitivity"]
        self.gradient_sensitivity = arrays["gradient_sensitivity"]


def _row(reference: Reference, y: Any, p: np.ndarray, parameters: dict[str, Any]) -> tuple[list[Dual], list[mpf]]:
    flat = [Dual(float(x), {i: mpf(1)}) for i, x in enumerate(p.reshape(-1))]
    shaped = np.array(flat, dtype=object).reshape(p.shape).tolist()
    values = reference(y, shaped, **parameters)
    total = sum(values, Dual(0))
    return values, [total.slopes.get(i, mpf(0)) for i in range(p.size)]


def _split(numbers: Sequence[mpf]) -> tuple[list[float], list[float]]:
    high = [float(x) for x in numbers]
    return high, [float(x - h) if np.isfinite(h) else 0.0 for x, h in zip(numbers, high, strict=True)]


def exact(reference: Reference, y_true: np.ndarray, y_pred: np.ndarray, parameters: dict[str, Any]) -> Exact:
    """Values, gradients and their sensitivity to the last place of the inputs, computed once and kept."""
    key = hashlib.sha256(formula(reference).encode())
    for part in (
        repr(sorted(parameters.items())),
        str((y_true.dtype, y_true.shape, y_pred.dtype, y_pred.shape)),
    ):
        key.update(part.encode())
    key.update(y_true.tobytes() + y_pred.tobytes())
    path = CACHE / f"{key.hexdigest()[:32]}.npz"
    if path.exists():
        with np.load(path) as stored:
            return Exact(dict(stored))
    arrays = _computed(reference, y_true, y_pred, parameters)
    CACHE.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(f".{os.getpid()}.npz")  # another process may want the same one now
    np.savez(whole, **arrays)  # type: ignore[arg-type]
    whole.replace(path)
    return Exact(arrays)


def _computed(
    reference: Reference, y_true: np.ndarray, y_pred: np.ndarray, parameters: dict[str, Any]
) -> dict[str, np.ndarray]:
    """What an `Exact` holds, row by row."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("value", "value_low", "gradient", "gradient_low", "value_sensitivity", "gradient_sensitivity")
    }
    for y, p in zip(y_true.tolist(), y_pred, strict=True):
        values, gradient = _row(reference, y, p, parameters)
        steps = ulp(p.astype("float64"), p.dtype).reshape(-1)
        shaken = np.zeros(p.size)
        for i, step in enumerate(steps):
            moved = p.astype("float64").reshape(-1)
            moved[i] += step
            _, there = _row(reference, y, moved.reshape(p.shape), parameters)
            shaken += [float(abs(a - b)) for a, b in zip(there, gradient, strict=True)]
        for name, numbers in (("value", [v.value for v in values]), ("gradient", gradient)):
            high, low = _split(numbers)
            columns[name].append(high)
            columns[f"{name}_low"].append(low)
        columns["value_sensitivity"].append(
            [float(sum(abs(s) * mpf(float(steps[i])) for i, s in v.slopes.items())) for v in values]
        )
        columns["gradient_sensitivity"].append(shaken)
    return {name: np.array(rows, dtype="float64") for name, rows in columns.items()}


# -- what a reference is made of ------------------------------------------------------------------


@functools.cache
def formula(reference: Reference) -> str:
    """The source of a reference, of what computes it here, and of every function and constant that they use.

    Results are kept by it: an edit renews those of the formulas that it touches, and no other.
    """
    found = [f"{mp.dps} digits"]
    seen: list[Any] = []
    pending: list[Any] = [reference, _computed]
    while pending:
        part = pending.pop()
        if any(part is other for other in seen):
            continue
        seen.append(part)
        is_class = inspect.isclass(part)
        found.append(_source(part if is_class else part.__code__))
        functions = [f for f in vars(part).values() if inspect.isfunction(f)] if is_class else [part]
        for name, value in (pair for function in functions for pair in _used(function)):
            if inspect.isfunction(value) or inspect.isclass(value):
                pending += [value] if value.__module__.partition(".")[0] == HERE else []
            elif isinstance(value, CONSTANTS):
                found.append(f"{name} = {value!r}")
            elif type(value).__module__.partition(".")[0] == HERE:
                raise TypeError(f"{reference.__name__}: uses functions and plain constants only. Got {name}={value!r}.")
    return "\n".join(found)


_source = functools.cache(inspect.getsource)
HERE = __name__.partition(".")[0]
"""The package whose functions are followed: those of libraries are not."""
CONSTANTS = (bool, int, float, str, bytes, tuple, list, dict, type(None), type(EPSILON))


def _used(function: Any) -> Iterator[tuple[str, Any]]:
    """The globals, the members of modules, the closure and the defaults that a function uses."""
    names: set[str] = set()
    pending = [function.__code__]
    while pending:
        code = pending.pop()
        names |= {*code.co_names}
        pending += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    scope = function.__globals__
    closed = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    outer = {name: cell.cell_contents for name, cell in closed}
    modules = [m for n in names if isinstance(m := scope.get(n), types.ModuleType) and m.__name__.startswith(HERE)]
    for space in (scope, outer, *(vars(m) for m in modules)):
        yield from ((name, space[name]) for name in sorted(names | outer.keys()) if name in space)


# -- units in the last place ----------------------------------------------------------------------


def ulp(x: np.ndarray, dtype: Any) -> np.ndarray:
    """The spacing of `dtype` at |x|, at least its smallest normal number: XLA and TensorFlow flush below."""
    info = ml_dtypes.finfo(dtype)
    tiny, largest = float(info.smallest_normal), float(info.max)
    size = np.clip(np.nan_to_num(np.abs(np.asarray(x, dtype="float64"))), tiny, largest)
    exponent = np.floor(np.log2(size))
    exponent = np.where(2.0**exponent > size, exponent - 1, exponent)
    return np.maximum(float(info.eps) * 2.0**exponent, tiny)


def distance(got: np.ndarray, high: np.ndarray, low: np.ndarray, dtype: Any) -> np.ndarray:
    """|got - exact|; exact results beyond the range of `dtype` count as infinite, NaN meets only NaN."""
    largest = float(ml_dtypes.finfo(dtype).max)
    got = np.asarray(got, dtype="float64")
    high = np.where(np.abs(high) > largest, np.copysign(np.inf, high), high)
    with np.errstate(invalid="ignore"):
        error = np.abs((got - high) - low)
    same = (got == high) | (np.isnan(got) & np.isnan(high))
    error = np.where(np.isinf(got) | np.isinf(high) | np.isnan(got) | np.isnan(high), np.inf, error)
    return np.where(same & (np.isinf(high) | np.isnan(high)), 0.0, error)
