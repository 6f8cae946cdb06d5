"""What `linear_crossentropy` does with a kernel: blocks of columns, the gradients of all that is given, memory.

`tests/cases/vocabulary.py` holds the formula, of logits; here are its products, against NumPy in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import polyloss
from polyloss.core import columns

ROWS, DEPTH, CLASSES = 13, 5, 23
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, CLASSES, ROWS).astype("int32")
HIDDEN, KERNEL, BIAS = (RNG.normal(size=s) for s in ((ROWS, DEPTH), (DEPTH, CLASSES), (CLASSES,)))
WEIGHT = RNG.uniform(-1, 3, ROWS)
"""What comes from above for each token: they differ, and may be negative."""
OPTIONS = (
    {},
    {"label_smoothing": 0.1, "z_loss": 1e-2, "soft_cap": 3.0},
    {"ignore_class": int(LABELS[0]), "label_smoothing": 0.1},
    {"classes": (22, 3, *sorted({*LABELS.tolist()} - {3, 22}))},
)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four columns a block, and three are left."""
    monkeypatch.setattr(columns, "BLOCK", 4 * ROWS)
    monkeypatch.setattr(columns, "FEWEST", 4)


def by_definition(hidden: Any, kernel: Any, bias: Any, options: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Values, and the gradient of their sum times WEIGHT by hidden states, kernel and bias, from the table of logits."""
    raw = hidden @ kernel + bias
    cap, smoothing = options.get("soft_cap"), options.get("label_smoothing", 0.0)
    z = raw if cap is None else cap * np.tanh(raw / cap)
    among = np.isin(np.arange(CLASSES), options.get("classes", range(CLASSES)))
    z = np.where(among, z, -np.inf)
    count, own = among.sum(), np.eye(CLASSES)[LABELS]
    partition = np.log(np.exp(z).sum(1))
    target = (1 - smoothing) * own + smoothing * among / count
    values = partition - np.where(target > 0, target * np.where(among, z, 0), 0).sum(1)
    values = values + options.get("z_loss", 0.0) * partition**2
    slope = np.exp(z - partition[:, None]) * (1 + 2 * options.get("z_loss", 0.0) * partition[:, None]) - target
    counts = LABELS != options.get("ignore_class", -1)
    slope = slope * (WEIGHT * counts)[:, None]
    slope = slope if cap is None else slope * (1 - np.where(among, z / cap, 0) ** 2)
    return values * counts, slope @ kernel.T, hidden.T @ slope, slope.sum(0)


def measured(backend: Any, dtype: str, by_row: bool, options: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """The same of polyloss."""
    kernel = KERNEL.T.copy() if by_row else KERNEL
    given = [backend.tensor(a.astype(dtype)) for a in (HIDDEN, kernel, BIAS)]
    labels, weight = backend.tensor(LABELS), backend.tensor(WEIGHT.astype(dtype))
    values = None
    found = []
    for position in range(3):

        def of(x: Any, position: int = position) -> Any:
            hidden, kernel, bias = (x if i == position else g for i, g in enumerate(given))
            return weight * polyloss.linear_crossentropy(
                labels, hidden, kernel, bias=bias, transpose_kernel=by_row, **options
            )

        weighted, gradient = backend.as_used(of)(given[position])
        values = weighted / WEIGHT.astype(dtype)
        found.append(gradient)
    assert values is not None
    if found[1] is not None and by_row:
        found[1] = found[1].T
    return values, *found


@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_gradient(options: dict[str, Any], by_row: bool, backend: Any) -> None:
    """With weights that differ, by what goes in: hidden states, kernel and bias."""
    want = by_definition(HIDDEN, KERNEL, BIAS, options)
    for dtype, close in (("float32", 2e-6), ("float64", 1e-13)):
        if dtype not in backend.DTYPES:
            continue
        with backend.precision(dtype):
            got = measured(backend, dtype, by_row, options)
        for mine, right in zip(got, want, strict=True):
            if mine is not None:
                assert mine.dtype == dtype
                np.testing.assert_allclose(mine, right, rtol=0, atol=close * np.abs(right).max())


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_any_size(rows: int, backend: Any) -> None:
    """No token, one class; labels with axes of their own."""
    for classes in (1, 3, 4, 9):
        hidden, kernel = HIDDEN[:rows].astype("float32"), KERNEL[:, :classes].astype("float32")
        labels = (LABELS[:rows] % classes).reshape(rows, 1, 1)
        target = backend.tensor(labels)
        values, gradient = backend.as_used(
            lambda k, target=target, hidden=hidden: polyloss.linear_crossentropy(
                target, backend.tensor(hidden.reshape(rows, 1, DEPTH)), k
            )
        )(backend.tensor(kernel))
        want = backend.array(
            polyloss.linear_crossentropy(backend.tensor(labels), backend.tensor((hidden @ kernel)[:, None]))
        )
        assert values.shape == (rows, 1)
        np.testing.assert_allclose(values, want, rtol=2e-6, atol=2e-6)
        if classes == 1:
            assert not values.any()
        assert gradient is None or np.isfinite(gradient).all()


def test_halves_are_added_up_in_float32(half: str, backend: Any) -> None:
    """Values are those of the rounded inputs, to the last digits of float32; gradients come in the inputs' dtype."""
    given = [backend.array(backend.tensor(a.astype(half))).astype("float64") for a in _castable(HIDDEN, KERNEL)]
    hidden, kernel = (backend.tensor(a.astype(half)) for a in _castable(HIDDEN, KERNEL))
    values, gradient = backend.as_used(lambda k: polyloss.linear_crossentropy(backend.tensor(LABELS), hidden, k))(
        kernel
    )
    want, _, by_kernel, _ = by_definition(*given, np.zeros(CLASSES), {})
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, want, rtol=2e-6)
    if gradient is not None:
        _, _, by_kernel, _ = _unweighted(*given)
        np.testing.assert_allclose(gradient.astype("float64"), by_kernel, rtol=0, atol=0.02 * np.abs(by_kernel).max())


def _castable(*arrays: np.ndarray) -> list[np.ndarray]:
    import ml_dtypes  # noqa: F401  (NumPy then knows bfloat16)

    return list(arrays)


def _unweighted(hidden: np.ndarray, kernel: np.ndarray) -> tuple[Any, Any, np.ndarray, Any]:
    z = hidden @ kernel
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return None, None, hidden.T @ (p - np.eye(CLASSES)[LABELS]), None


def test_tie_and_huge_logits(backend: Any) -> None:
    """Equal logits share, and a logit of 1e4 neither overflows nor loses the tiny loss of another token."""
    hidden = backend.tensor(np.array([[0.0], [1.0], [-1.0]], "float32"))
    kernel = backend.tensor(np.array([[1e4, 0.0, -1e4, 9980.0, 0.0]], "float32"))
    got = backend.array(polyloss.linear_crossentropy(backend.tensor(np.array([1, 0, 0], "int32")), hidden, kernel))
    np.testing.assert_allclose(got, [np.log(5), np.log1p(np.exp(-20.0)), 2e4], rtol=1e-6)


def test_weight_of_zero_shuts_out_a_broken_token(backend: Any) -> None:
    """The class takes (hidden, kernel, bias); NaN of a token of weight 0 reaches no gradient, least of all the kernel's."""
    hidden = HIDDEN.astype("float32")
    hidden[2] = np.nan
    weight = np.ones(ROWS, "float32")
    weight[[2, 5]] = 0.0, 2.0
    call = polyloss.LinearCrossentropyLoss(reduction="sum")
    bias = backend.tensor(BIAS.astype("float32"))
    value, gradient = backend.as_used(
        lambda k: call(backend.tensor(LABELS), (backend.tensor(hidden), k, bias), weight)
    )(backend.tensor(KERNEL.astype("float32")))
    values = by_definition(np.nan_to_num(HIDDEN), KERNEL, BIAS, {})[0]
    np.testing.assert_allclose(value, (values * weight).sum(), rtol=1e-6)
    assert gradient is None or np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"kernel": np.zeros((4, 3, 2))},
            r"kernel\.shape must be \(D, classes\)\. Got kernel\.shape=\(4, 3, 2\)\.",
        ),
        (
            {"kernel": np.zeros((4, 3))},
            r"y_pred\.shape must be \(\.\.\., 4\) for kernel\.shape=\(4, 3\), which is \(D, classes\)\. "
            r"Got y_pred\.shape=\(2, 3\)\.",
        ),
        (
            {"kernel": np.zeros((3, 4)), "transpose_kernel": True},
            r"y_pred\.shape must be \(\.\.\., 4\) for kernel\.shape=\(3, 4\), which is \(classes, D\) with "
            r"transpose_kernel=True\. Got y_pred\.shape=\(2, 3\)\.",
        ),
        (
            {"kernel": np.zeros((3, 4)), "bias": np.zeros(3)},
            r"bias\.shape must be \(4,\), one a class\. Got bias\.shape=\(3,\)\.",
        ),
        (
            {"kernel": np.zeros((3, 4)), "y_true": np.zeros((2, 4))},
            r"y_true must be integer labels, the shape of y_pred without its last axis\. "
            r"Got y_true\.shape=\(2, 4\), y_pred\.shape=\(2, 3\)\.",
        ),
        (
            {"kernel": np.zeros((3, 4)), "classes": (1, 4)},
            r"classes must be below 4, the number of classes\. Got classes=4\.",
        ),
    ],
)
def test_refusals(given: dict[str, Any], message: str) -> None:
    y_true = given.pop("y_true", np.zeros(2, "int32"))
    with pytest.raises(ValueError, match=f"^linear_crossentropy: {message}$"):
        polyloss.linear_crossentropy(y_true, np.zeros((2, 3)), **given)
