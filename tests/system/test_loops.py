"""The same loss in loops without Keras models: native tensors, native gradients, native compilation."""

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy as np
import pytest

import polyloss

BACKEND = os.environ.get("KERAS_BACKEND")
X = np.random.default_rng(0).normal(0, 1, (8, 4)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")
W = np.full((4, 1), 0.1, "float32")


def on(backend: str) -> Any:
    return pytest.mark.skipif(BACKEND != backend, reason=f"a loop in {backend}")


def want() -> np.ndarray:
    """The gradient by the formula, in NumPy."""
    z = X.astype("float64") @ W
    sign = 2 * Y - 1
    s, q = np.log1p(np.exp(-sign * z)), 1 / (1 + np.exp(sign * z))
    slope = -sign * np.where(Y == 1, 0.25, 0.75) * q * q * (q + 2 * (1 - q) * s)
    return X.T.astype("float64") @ slope / 8


LOSS = polyloss.FocalLoss(from_logits=True)


@on("jax")
def test_jax_grad() -> None:
    import jax

    np.testing.assert_allclose(jax.grad(lambda w: LOSS(Y, X @ w))(W), want(), rtol=1e-5)


@on("jax")
def test_jax_jit() -> None:
    import jax

    value, gradient = jax.jit(jax.value_and_grad(lambda w: LOSS(Y, X @ w)))(W)
    np.testing.assert_allclose(gradient, want(), rtol=1e-5)
    np.testing.assert_allclose(value, LOSS(Y, X @ W), rtol=1e-6)


@on("jax")
def test_jax_vmap() -> None:
    """Per-example gradients: rank-0 labels with rank-1 logits."""
    import jax

    def one(w: Any, x: Any, y: Any) -> Any:
        return polyloss.focal_loss(y, x @ w, from_logits=True).sum()

    each = jax.vmap(jax.grad(one), (None, 0, 0))(W, X, Y)
    np.testing.assert_allclose(each.mean(0), want(), rtol=1e-5)

    def sparse(x: Any, y: Any) -> Any:
        return polyloss.sparse_categorical_crossentropy(y, x, from_logits=True)

    labels = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    per_example = jax.vmap(jax.grad(sparse))(X, labels)
    together = jax.grad(lambda x: sparse(x, labels).sum())(X)
    np.testing.assert_allclose(per_example, together, rtol=1e-6)


@on("jax")
def test_jax_second_order() -> None:
    """Forward over reverse works: nothing hides behind a custom gradient."""
    import jax

    hessian = jax.hessian(lambda w: LOSS(Y, X @ w))(W)
    assert np.isfinite(hessian).all()
    assert np.abs(hessian).max() > 0


@on("tensorflow")
def test_tensorflow_tape_in_xla() -> None:
    import tensorflow as tf

    w = tf.Variable(W)

    @tf.function(jit_compile=True)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = LOSS(y, x @ w)
        return loss, tape.gradient(loss, w)

    loss, gradient = step(X, Y)
    np.testing.assert_allclose(gradient, want(), rtol=1e-5)
    np.testing.assert_allclose(loss, LOSS(Y, X @ W), rtol=1e-6)


@on("tensorflow")
def test_tensorflow_unknown_shapes() -> None:
    """`tf.function` with unknown dimensions."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, None], tf.float32)]
    for options in ({}, {"label_smoothing": 0.1}, {"ignore_class": 1}):
        loss = polyloss.SparseCategoricalCrossentropy(from_logits=True, **options)
        run = tf.function(loss, input_signature=signature)
        labels = np.array([0, 1, 2, 3, 0, 1, 2, 3], "int32")
        np.testing.assert_allclose(run(labels, X), loss(labels, X), rtol=1e-6)


@on("torch")
def test_torch_backward() -> None:
    import torch

    w = torch.tensor(W, requires_grad=True)
    LOSS(torch.tensor(Y), torch.tensor(X) @ w).backward()
    np.testing.assert_allclose(w.grad, want(), rtol=1e-5)


def compile_backends() -> list[Any]:
    compiler = shutil.which("g++") or shutil.which("clang++")
    missing = pytest.mark.skipif(compiler is None, reason="not run: no C++ compiler for inductor")
    return ["aot_eager", pytest.param("inductor", marks=missing)]


@on("torch")
@pytest.mark.parametrize("compiler", compile_backends())
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_torch_compile(compiler: str) -> None:
    import torch

    torch.compiler.reset()
    w = torch.tensor(W, requires_grad=True)
    step = torch.compile(lambda w, x, y: LOSS(y, x @ w), backend=compiler, fullgraph=True)
    step(w, torch.tensor(X), torch.tensor(Y)).backward()
    np.testing.assert_allclose(w.grad, want(), rtol=1e-5)


@on("torch")
def test_torch_func() -> None:
    import torch

    x, y = torch.tensor(X), torch.tensor(Y)
    gradient = torch.func.grad(lambda w: LOSS(y, x @ w))(torch.tensor(W))
    np.testing.assert_allclose(gradient, want(), rtol=1e-5)

    def one(w: Any, x: Any, y: Any) -> Any:
        return polyloss.focal_loss(y, x @ w, from_logits=True).sum()

    each = torch.func.vmap(torch.func.grad(one), (None, 0, 0))(torch.tensor(W), x, y)
    np.testing.assert_allclose(each.mean(0), want(), rtol=1e-5)


@on("tensorflow")
def test_tensorflow_traces_a_call_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph gives what the ops give one by one, gradients too."""
    import tensorflow as tf

    from polyloss.framework import tensorflow as own

    traced = []
    trace = own._traced
    monkeypatch.setattr(own, "_traced", lambda *given: traced.append(given) or trace(*given))
    loss = polyloss.FocalLoss(gamma=1.23, from_logits=True)
    y, weight = tf.constant(Y), tf.constant(np.arange(8, dtype="float32"))
    seen = []
    for scale in (1.0, 1.0, 1.0, 2.0, 2.0):
        x = tf.constant(scale * X @ W)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y, x, weight)
        seen.append((value.numpy(), tape.gradient(value, x).numpy()))
    assert len(traced) == 1, "from the second call on"
    for (value, gradient), (again, gradient_again) in ((seen[0], seen[1]), (seen[0], seen[2]), (seen[3], seen[4])):
        np.testing.assert_allclose(value, again, rtol=1e-6)
        np.testing.assert_allclose(gradient, gradient_again, rtol=1e-6)
    assert seen[3][0] != seen[0][0]


@on("tensorflow")
def test_tensorflow_does_not_trace_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes that change: those that come once are not traced, and of those that come back eight."""
    import tensorflow as tf

    from polyloss.framework import tensorflow as own

    traced = []
    trace = own._traced
    monkeypatch.setattr(own, "_traced", lambda *given: traced.append(given) or trace(*given))
    loss = polyloss.Huber(1.23)
    for rows in range(1, 30):
        x = tf.ones((rows, 3))
        assert float(loss(x, x + 1)) == 0.5
    assert not traced
    for rows in range(1, 30):
        x = tf.ones((rows, 3))
        assert float(loss(x, x + 1)) == 0.5
    assert len(traced) <= own.SHAPES
    with pytest.raises(ValueError, match="shape"):
        loss(tf.ones((5, 3)), tf.ones((5, 4)))


@on("tensorflow")
def test_tensorflow_parameters_that_are_tensors_are_not_frozen() -> None:
    import tensorflow as tf

    views, targets = tf.constant(X.reshape(4, 2, 4)), tf.range(4)
    of = lambda t: polyloss.ntxent_loss(targets, views, temperature=tf.constant(t)).numpy()  # noqa: E731
    assert not np.allclose([of(0.5), of(0.5)], [of(2.0), of(2.0)])
