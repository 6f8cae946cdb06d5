"""What `linear_distillation_loss` does with kernels: blocks of rows, the gradients of all that is given.

`tests/cases/distillation.py` holds the formula, of logits; here are its products, against NumPy in float64.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import polyloss
from polyloss.core import rows

ROWS, WIDTHS, CLASSES = 13, (6, 5), 11
RNG = np.random.default_rng(0)
TENSORS = [  # hidden states, kernel and bias of the teacher, and of the student
    RNG.normal(size=s) for width in WIDTHS for s in ((ROWS, width), (width, CLASSES), (CLASSES,))
]
NAMES = ("y_true", "teacher_kernel", "teacher_bias", "y_pred", "kernel", "bias")
WEIGHT = RNG.uniform(-1, 3, ROWS)
"""What comes from above for each token: they differ, and may be negative."""
OPTIONS = ({}, {"temperature": 1.0, "beta": 1.0}, {"temperature": 0.5, "beta": 0.3}, {"beta": 0.5})


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows a block, and one is left."""
    monkeypatch.setattr(rows, "BLOCK", 4 * CLASSES)
    monkeypatch.setattr(rows, "FEWEST", 4)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def by_definition(given: list[np.ndarray], temperature: float = 2.0, beta: float = 0.0) -> tuple[np.ndarray, list[Any]]:
    """Values, and the gradient of their sum times WEIGHT by each tensor, from the tables of logits (arXiv:2306.13649)."""
    g, teacher, a, h, student, b = given
    p, q = softmax((g @ teacher + a) / temperature), softmax((h @ student + b) / temperature)

    def kl(of: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (of * np.log(of / other)).sum(-1)

    if beta in (0, 1):
        values = kl(q, p) if beta else kl(p, q)
        by_p, by_q = (-q / p, np.log(q / p) + 1) if beta else (np.log(p / q) + 1, -p / q)
    else:
        m = beta * p + (1 - beta) * q
        values = beta * kl(p, m) + (1 - beta) * kl(q, m)
        shared = beta * p / m + (1 - beta) * q / m  # by the mixture
        by_p = beta * (np.log(p / m) + 1) - beta * shared
        by_q = (1 - beta) * (np.log(q / m) + 1) - (1 - beta) * shared
    found = []
    for hidden, kernel, s, by in ((g, teacher, p, by_p), (h, student, q, by_q)):
        slope = s * (by - (s * by).sum(-1, keepdims=True)) * temperature * WEIGHT[: len(s), None]
        found += [slope @ kernel.T, hidden.T @ slope, slope.sum(0)]
    return temperature**2 * values, found


def call_of(given: list[Any], options: dict[str, Any], by_row: bool = False) -> Any:
    return polyloss.linear_distillation_loss(
        **dict(zip(NAMES, given, strict=True)), transpose_kernel=by_row, transpose_teacher_kernel=by_row, **options
    )


@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_gradient(options: dict[str, Any], by_row: bool, backend: Any) -> None:
    """With weights that differ, by all six tensors, which lie in one vector."""
    values, gradients = by_definition(TENSORS, **options)
    turned = [by_row and name.endswith("kernel") for name in NAMES]
    arrays = [x.T if turn else x for x, turn in zip(TENSORS, turned, strict=True)]
    ends = np.cumsum([x.size for x in arrays]).tolist()
    for dtype, close in (("float32", 3e-6), ("float64", 1e-13)):
        if dtype not in backend.DTYPES:
            continue
        with backend.precision(dtype):
            weight = backend.tensor(WEIGHT.astype(dtype))

            def of(flat: Any, weight: Any = weight) -> Any:
                parts = zip([0, *ends], ends, (x.shape for x in arrays), strict=False)
                given = [keras.ops.reshape(flat[start:end], shape) for start, end, shape in parts]
                return weight * call_of(given, options, by_row)

            flat = np.concatenate([x.ravel() for x in arrays]).astype(dtype)
            weighted, gradient = backend.as_used(of)(backend.tensor(flat))
        assert weighted.dtype == dtype
        np.testing.assert_allclose(weighted, values * WEIGHT, rtol=0, atol=close * np.abs(values).max())
        if gradient is not None:
            for mine, right, turn in zip(np.split(gradient, ends[:-1]), gradients, turned, strict=True):
                right = right.T if turn else right
                np.testing.assert_allclose(mine, right.ravel(), rtol=0, atol=close * np.abs(right).max())


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_any_number_of_rows(count: int, backend: Any) -> None:
    """Rows with axes of their own, and the teacher who is his own student: 0, exactly."""
    g, teacher, *_ = (
        backend.tensor(x[:count].astype("float32") if i == 0 else x.astype("float32")) for i, x in enumerate(TENSORS)
    )
    given = keras.ops.reshape(g, (count, 1, WIDTHS[0]))
    got = backend.array(polyloss.linear_distillation_loss(given, given, teacher, teacher))
    assert got.shape == (count, 1)
    assert not got.any()


def test_halves_are_added_up_in_float32(half: str, backend: Any) -> None:
    given = [backend.tensor(x.astype(half)) for x in TENSORS]
    rounded = [backend.array(x).astype("float64") for x in given]
    weight = backend.tensor(WEIGHT.astype("float32"))
    values, gradient = backend.as_used(lambda k: weight * call_of([*given[:4], k, given[5]], {}))(given[4])
    want, by = by_definition(rounded)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, want * WEIGHT, rtol=0, atol=3e-6 * np.abs(want).max())
    if gradient is not None:
        np.testing.assert_allclose(gradient.astype("float64"), by[4], rtol=0, atol=0.02 * np.abs(by[4]).max())


def test_weight_of_zero_shuts_out_a_broken_token(backend: Any) -> None:
    """The class takes (hidden, kernel, bias) on both sides; NaN of a token of weight 0 reaches no gradient."""
    arrays = [x.astype("float32") for x in TENSORS]
    arrays[0][2] = arrays[3][2] = np.nan
    weight = np.ones(ROWS, "float32")
    weight[[2, 5]] = 0.0, 2.0
    loss = polyloss.LinearDistillationLoss(reduction="sum")
    given = [backend.tensor(x) for x in arrays]
    value, gradient = backend.as_used(lambda k: loss(tuple(given[:3]), (given[3], k, given[5]), weight))(given[4])
    np.testing.assert_allclose(value, (by_definition(TENSORS)[0] * weight).sum(), rtol=1e-6)
    assert gradient is None or np.isfinite(gradient).all()


def test_in_a_functional_model() -> None:
    g, h = keras.Input((3, WIDTHS[0])), keras.Input((3, WIDTHS[1]))
    teacher, student = (keras.ops.convert_to_tensor(x.astype("float32")) for x in (TENSORS[1], TENSORS[4]))
    model = keras.Model([g, h], polyloss.linear_distillation_loss(g, h, teacher, student))
    assert model.output_shape == (None, 3)
    x = [TENSORS[0][:12].reshape(4, 3, -1).astype("float32"), TENSORS[3][:12].reshape(4, 3, -1).astype("float32")]
    want = by_definition([t[:12] if i % 3 == 0 else t * (i % 3 != 2) for i, t in enumerate(TENSORS)])[0]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)).ravel(), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kernel": np.zeros((3, 4))}, r"teacher_kernel must be given with kernel\. Got teacher_kernel=None\."),
        ({"teacher_kernel": np.zeros((3, 4))}, r"kernel must be given with teacher_kernel\. Got kernel=None\."),
        (
            {"kernel": np.zeros((3, 4)), "teacher_kernel": np.zeros((3, 5))},
            r"teacher_kernel must have 4 classes, as kernel has\. Got 5\.",
        ),
        (
            {"kernel": np.zeros((3, 4)), "teacher_kernel": np.zeros((4, 4))},
            r"y_true\.shape must be \(\.\.\., 4\) for teacher_kernel\.shape=\(4, 4\), which is \(D, classes\)\. "
            r"Got y_true\.shape=\(2, 3\)\.",
        ),
        (
            {"kernel": np.zeros((3, 4)), "teacher_kernel": np.zeros((3, 4)), "y_true": np.zeros((5, 3))},
            r"y_true must have the shape of y_pred before the last axis\. "
            r"Got y_true\.shape=\(5, 3\), y_pred\.shape=\(2, 3\)\.",
        ),
        (
            {"kernel": np.zeros((3, 4)), "teacher_kernel": np.zeros((3, 4)), "teacher_bias": np.zeros(3)},
            r"teacher_bias\.shape must be \(4,\), one a class\. Got teacher_bias\.shape=\(3,\)\.",
        ),
        ({"transpose_kernel": True}, r"transpose_kernel must be False without a kernel\. Got transpose_kernel=True\."),
    ],
)
def test_refusals(given: dict[str, Any], message: str) -> None:
    y_true = given.pop("y_true", np.zeros((2, 3)))
    with pytest.raises(ValueError, match=f"^linear_distillation_loss: {message}$"):
        polyloss.linear_distillation_loss(y_true, np.zeros((2, 3)), **given)
