"""What is kept and asked for, to the byte: a table that came back would show here on any machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polyloss

BACKEND = os.environ.get("KERAS_BACKEND")
ROWS, DEPTH, CLASSES = 2048, 64, 8192
TABLE = 4 * ROWS * CLASSES
"""Bytes of the logits: 64 MiB."""
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, CLASSES, ROWS).astype("int32")
WEIGHT = RNG.uniform(0, 2, ROWS).astype("float32")
HIDDEN, KERNEL = (RNG.normal(size=s).astype("float32") for s in ((ROWS, DEPTH), (DEPTH, CLASSES)))
VIEWS = RNG.normal(size=(2048, 2, 32)).astype("float32")
"""Whose table of all pairs is 64 MiB, too."""


def crossentropy(hidden: Any, kernel: Any) -> Any:
    return (polyloss.linear_crossentropy(LABELS, hidden, kernel) * WEIGHT).sum()


def ntxent(views: Any) -> Any:
    return polyloss.ntxent_loss(LABELS, views).sum()


@pytest.mark.skipif(BACKEND != "jax", reason="what JAX's compiler says")
@pytest.mark.parametrize(("f", "given"), [(crossentropy, (HIDDEN, KERNEL)), (ntxent, (VIEWS,))], ids=["ce", "ntxent"])
def test_jax_asks_for_two_blocks_and_some_rows(f: Callable[..., Any], given: tuple[Any, ...]) -> None:
    import jax

    positions = tuple(range(len(given)))
    compiled = jax.jit(jax.value_and_grad(f, argnums=positions)).lower(*given).compile()
    beside = sum(x.nbytes for x in given)
    assert compiled.memory_analysis().temp_size_in_bytes <= TABLE / 2 + 8 * beside
    assert 4 * polyloss.core.columns.BLOCK == TABLE / 4


@pytest.mark.skipif(BACKEND != "torch", reason="what PyTorch keeps for backward")
@pytest.mark.parametrize(("f", "given"), [(crossentropy, (HIDDEN, KERNEL)), (ntxent, (VIEWS,))], ids=["ce", "ntxent"])
def test_torch_keeps_some_numbers_a_row(f: Callable[..., Any], given: tuple[Any, ...]) -> None:
    import torch

    kept: dict[int, int] = {}

    def keep(x: Any) -> Any:
        kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    leaves = [torch.tensor(x, requires_grad=True) for x in given]
    weights = torch.tensor(WEIGHT)
    call = (lambda h, k: (polyloss.linear_crossentropy(LABELS, h, k) * weights).sum()) if f is crossentropy else f
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        call(*leaves).backward()
    inputs = sum(x.nbytes for x in given)
    assert sum(kept.values()) <= 5 * inputs + 100 * ROWS, "beside the inputs, as they are and as directions"
    assert 5 * inputs + 100 * ROWS < TABLE / 4


@pytest.mark.skipif(BACKEND != "torch", reason="of PyTorch")
def test_torch_second_derivative() -> None:
    """Of the whole table, and right: it is that of the loss from logits."""
    import torch

    h, k = torch.tensor(HIDDEN[:5].astype("float64")), torch.tensor(KERNEL[:, :7].astype("float64"))
    labels = torch.tensor(LABELS[:5] % 7)
    h.requires_grad_(), k.requires_grad_()

    def ours(h: Any, k: Any) -> Any:
        return polyloss.linear_crossentropy(labels, h, k, z_loss=0.1)

    assert torch.autograd.gradcheck(ours, (h, k))
    assert torch.autograd.gradgradcheck(ours, (h, k))
    table = torch.tensor(KERNEL[:, :7].T.astype("float64").copy(), requires_grad=True)

    def tied(again: bool) -> Any:
        """The hidden states come from the table that they are multiplied with."""
        value = polyloss.linear_crossentropy(
            labels, torch.tanh(table[(labels + 1) % 7]), table, transpose_kernel=True
        ).sum()
        return torch.autograd.grad(value, table, create_graph=again)[0]

    torch.testing.assert_close(tied(True), tied(False))
    by_hidden = torch.func.grad(lambda h: ours(h, k).sum())(h.detach())
    (want,) = torch.autograd.grad(ours(h, k).sum(), h)
    torch.testing.assert_close(by_hidden, want)


@pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
def test_jax_transforms() -> None:
    """vmap over per-example gradients, and a second reverse pass; forward mode is refused by JAX itself."""
    import jax

    h, k, y = HIDDEN[:5], KERNEL[:, :7], LABELS[:5] % 7
    one = lambda h, y: polyloss.linear_crossentropy(y, h, k)  # noqa: E731
    each = jax.vmap(jax.grad(one))(h, y)
    whole = jax.grad(lambda h: polyloss.linear_crossentropy(y, h, k).sum())(h)
    np.testing.assert_allclose(each, whole, rtol=1e-5, atol=1e-6)
    twice = jax.jacrev(jax.grad(lambda h: polyloss.linear_crossentropy(y, h, k).sum()))(h)
    plain = jax.jacrev(jax.grad(lambda h: polyloss.sparse_categorical_crossentropy(y, h @ k, True).sum()))(h)
    np.testing.assert_allclose(twice, plain, rtol=1e-4, atol=1e-4)
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda h: polyloss.linear_crossentropy(y, h, k), (h,), (h,))


@pytest.mark.gradients
def test_a_temperature_that_is_learnt(backend: Any) -> None:
    """Its gradient is that of the differences of the values."""
    views = backend.tensor(VIEWS[:6])
    targets = backend.tensor(LABELS[:6])
    value, gradient = backend.value_and_grad(
        lambda t: polyloss.ntxent_loss(targets, views, temperature=t), backend.tensor(np.array(0.5, "float32"))
    )
    np.testing.assert_allclose(
        value, backend.array(polyloss.ntxent_loss(targets, views, temperature=0.5)), rtol=1e-6, atol=1e-6
    )
    step = 0.01
    above, below = (
        backend.array(polyloss.ntxent_loss(targets, views, temperature=0.5 + s)).sum() for s in (step, -step)
    )
    np.testing.assert_allclose(gradient, (above - below) / (2 * step), rtol=2e-3)
    with pytest.raises(ValueError, match=r"^ntxent_loss: temperature\.shape must be \(\), one number\. Got "):
        polyloss.ntxent_loss(targets, views, temperature=backend.tensor(np.ones(2, "float32")))


# -- dense losses -----------------------------------------------------------------------------------

LOGITS = RNG.normal(size=(256, 512)).astype("float32")
YES_NO = (RNG.random((256, 512)) < 0.1).astype("float32")
ONE_HOT = np.eye(512, dtype="float32")[RNG.integers(0, 512, 256)]
SHARES = ONE_HOT * 0.5 + 0.5 / 512
NUMBERED = RNG.integers(0, 512, 256).astype("int32")
DENSE = {
    "FocalLoss": (polyloss.FocalLoss(from_logits=True), YES_NO, 4),
    "FocalLoss, gamma 1.5": (polyloss.FocalLoss(gamma=1.5, from_logits=True), YES_NO, 4),
    "BinaryCrossentropy": (polyloss.BinaryCrossentropy(from_logits=True), YES_NO, 4),
    "CategoricalCrossentropy": (polyloss.CategoricalCrossentropy(from_logits=True), ONE_HOT, 4),
    "SparseCategoricalCrossentropy": (polyloss.SparseCategoricalCrossentropy(from_logits=True), NUMBERED, 4),
    "CategoricalFocalLoss": (polyloss.CategoricalFocalLoss(from_logits=True), ONE_HOT, 4),
    "CategoricalFocalLoss of labels": (polyloss.CategoricalFocalLoss(from_logits=True), NUMBERED, 4),
    "PolyLoss": (polyloss.PolyLoss(from_logits=True), ONE_HOT, 4),
    "LogCosh": (polyloss.LogCosh(), YES_NO, 4),
    "MeanSquaredLogarithmicError": (polyloss.MeanSquaredLogarithmicError(), YES_NO, 4),
    "MeanAbsoluteError": (polyloss.MeanAbsoluteError(), YES_NO, 0),
    "KLDivergence": (polyloss.KLDivergence(), SHARES, 4),
    "Dice": (lambda y, p: polyloss.Dice()(*(x.reshape(4, -1, 2) for x in (y, p))), YES_NO, 0),
    "MeanSquaredError": (polyloss.MeanSquaredError(), YES_NO, 0),
    "Huber": (polyloss.Huber(), YES_NO, 0),
}
"""A loss, its targets, and the bytes an element that PyTorch may keep for backward beside what it was given."""


@pytest.mark.skipif(BACKEND != "torch", reason="what PyTorch keeps for backward")
@pytest.mark.parametrize("name", DENSE)
def test_torch_keeps_one_number_an_element(name: str) -> None:
    import torch

    from backends.torch.timed import Timed

    loss, targets, bytes_an_element = DENSE[name]
    kept = Timed().memory(loss, torch.tensor(targets), torch.tensor(LOGITS), "eager", lambda: None)
    some_rows = 16 * 4 * len(LOGITS)
    assert kept is not None
    assert kept <= bytes_an_element * LOGITS.size + some_rows
    if bytes_an_element:
        assert kept >= bytes_an_element * LOGITS.size, "the measure does not see what is kept"
