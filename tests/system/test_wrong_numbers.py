"""What once gave a wrong number in silence, or failed where it should not."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import polyloss
from polyloss import framework

gradients = pytest.mark.skipif(not framework.HAS_GRADIENTS, reason="this backend has no gradients")
LOGITS = np.random.default_rng(0).normal(0, 2, (6, 5)).astype("float32")
LABELS = np.array([0, 4, 2, 2, 1, 3])
MAX = float(np.finfo("float32").max)


def gradient(f: Any, x: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(polyloss.gradient(f)(ops.convert_to_tensor(np.asarray(x, "float32")))))


# -- sizes that are known only when it runs --------------------------------------------------------


def unknown(function: Any, *signature: tuple[Any, ...]) -> Any:
    """The function as a graph whose inputs have unknown sizes; skips where the backend has none."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("sizes are known before anything runs on this backend")
    import tensorflow as tf

    return tf.function(function, input_signature=[tf.TensorSpec(shape, dtype) for shape, dtype in signature])


@pytest.mark.parametrize("function", [polyloss.categorical_focal_loss, polyloss.poly_loss])
def test_labels_of_unknown_size(function: Any) -> None:
    """(B, 1) labels were taken for one-hot rows and broadcast."""
    call = unknown(lambda y, p: function(y, p, from_logits=True), ((None, None), "int64"), ((None, 5), "float32"))
    want = ops.convert_to_numpy(function(LABELS, LOGITS, from_logits=True))
    np.testing.assert_allclose(call(LABELS[:, None], LOGITS).numpy(), want, rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(call(np.eye(5, dtype="int64")[LABELS], LOGITS).numpy(), want, rtol=2e-5, atol=1e-7)
    assert np.isnan(call(np.full((6, 1), 7), LOGITS).numpy()).all(), "a label out of range"


def test_sparse_labels_of_unknown_size() -> None:
    call = unknown(
        lambda y, p: polyloss.sparse_categorical_crossentropy(y, p, from_logits=True),
        ((None, None), "int64"),
        ((None, 5), "float32"),
    )
    want = ops.convert_to_numpy(polyloss.sparse_categorical_crossentropy(LABELS, LOGITS, from_logits=True))
    np.testing.assert_allclose(call(LABELS[:, None], LOGITS).numpy(), want, rtol=2e-5, atol=1e-7)


def test_numbers_of_unknown_size() -> None:
    """(B, 1) against (B, 5) is NaN, not a broadcast."""
    call = unknown(polyloss.mean_squared_error, ((None, None), "float32"), ((None, None), "float32"))
    assert np.isnan(call(LOGITS[:, :1], LOGITS).numpy()).all()
    assert (call(LOGITS, LOGITS).numpy() == 0).all()


# -- functions as losses --------------------------------------------------------------------------


@pytest.mark.parametrize("function", [polyloss.huber, polyloss.focal_loss, polyloss.mean_squared_error])
def test_a_function_as_loss_loads_as_itself(function: Any, tmp_path: pathlib.Path) -> None:
    """Keras loaded its own function of that name, or none."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss=function, optimizer="sgd")
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").loss is function


@gradients
def test_integer_labels_for_a_function() -> None:
    """Keras's wrapper of functions makes them floats."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5)])
    model.compile(loss=polyloss.categorical_focal_loss, optimizer="sgd")
    assert np.isfinite(model.fit(np.zeros((6, 2)), LABELS, verbose=0).history["loss"]).all()


# -- labels and epsilon ---------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [polyloss.SparseCategoricalCrossentropy, polyloss.CategoricalFocalLoss])
def test_float_labels_with_ignore_class(cls: Any) -> None:
    loss = cls(from_logits=True, ignore_class=2)
    assert float(loss(LABELS.astype("float32"), LOGITS)) == float(loss(LABELS, LOGITS))
    polyloss.validate(loss, LABELS.astype("float32"), LOGITS)


@pytest.mark.parametrize("ignored", [2**31, -(2**31) - 1, 2**40])
def test_an_ignored_class_beyond_int32(ignored: int) -> None:
    loss = polyloss.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignored)
    assert float(loss(LABELS.astype("int32"), LOGITS)) == float(
        polyloss.SparseCategoricalCrossentropy(from_logits=True)(LABELS.astype("int32"), LOGITS)
    )


@pytest.mark.parametrize("function", [polyloss.categorical_crossentropy, polyloss.binary_crossentropy])
def test_epsilon_is_read_each_time(function: Any) -> None:
    """On JAX a shape that was traced kept the epsilon of that time."""
    y, p = np.array([[1.0, 0.0]], "float32"), np.array([[0.0, 1.0]], "float32")
    before = keras.config.epsilon()
    try:
        found = []
        for epsilon in (1e-7, 1e-3):
            keras.config.set_epsilon(epsilon)
            found.append(float(ops.convert_to_numpy(function(y, p))[0]))
    finally:
        keras.config.set_epsilon(before)
    np.testing.assert_allclose(found, -np.log([1e-7, 1e-3]), rtol=1e-3)


# -- ends of the range ----------------------------------------------------------------------------


@gradients
@pytest.mark.parametrize(("label", "value", "slope"), [(0, 0.0, [0.0, 0.0, 0.0]), (1, np.inf, [1.0, -1.0, 0.0])])
def test_focal_loss_at_the_largest_numbers(label: int, value: float, slope: list[float]) -> None:
    def loss(x: Any) -> Any:
        return polyloss.categorical_focal_loss(np.array([label]), x, from_logits=True)

    row = [[MAX, -MAX, 0.0]]
    assert abs(ops.convert_to_numpy(loss(np.array(row, "float32")))[0]) == value
    np.testing.assert_array_equal(gradient(loss, row)[0], slope)


@gradients
def test_probabilities_that_sum_to_almost_nothing() -> None:
    """The slope of a quotient with a tiny divisor was NaN on JAX."""
    found = gradient(
        lambda p: polyloss.categorical_crossentropy(np.array([[1.0, 0.0, 0.0]]), p), [[1e-21, 2e-21, 1e-21]]
    )
    np.testing.assert_allclose(found, [[-7.5e20, 2.5e20, 2.5e20]], rtol=1e-5)


@gradients
def test_a_norm_whose_sum_overflows() -> None:
    from polyloss.core import numerics

    x = np.full((1, 100), 1e37, "float32")
    assert float(ops.convert_to_numpy(numerics.safe_norm(ops.convert_to_tensor(x)))[0]) == pytest.approx(1e38)
    np.testing.assert_allclose(gradient(numerics.safe_norm, x), 0.1, rtol=1e-6)


# -- a user's own losses --------------------------------------------------------------------------

SCRIPT = """
import sys, keras, polyloss
class MyPin(polyloss.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.abs(y_true - y_pred)
if __name__ == "__main__":
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss=MyPin(), optimizer="sgd")
    model.save("model.keras")
"""


def test_a_loss_saved_from_a_script_loads_elsewhere(tmp_path: pathlib.Path) -> None:
    """The script's loss is `trainmod>MyPin`, under which others import it, and not `__main__>MyPin`."""
    (tmp_path / "trainmod.py").write_text(SCRIPT)
    load = "import keras, trainmod; print(type(keras.models.load_model('model.keras').loss).__name__)"
    root = pathlib.Path(polyloss.__file__).parents[1]
    for command in (["trainmod.py"], ["-c", f"import sys; sys.path.insert(0, {str(root)!r}); {load}"]):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *command], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "MyPin"


def test_local_classes_of_one_name() -> None:
    def one() -> type:
        class Mine(polyloss.Loss):
            factor: float = 1.0

        return Mine

    def other() -> type:
        class Mine(polyloss.Loss):
            offset: float = 0.0

        return Mine

    first, second = one(), other()
    assert first is not second
    assert second().get_config()["offset"] == 0.0


@pytest.mark.parametrize("future", ["from __future__ import annotations", ""])
def test_a_class_of_a_file_that_is_no_module(future: str) -> None:
    """`runpy.run_path`, and some notebooks: the class's module is not in `sys.modules`."""
    source = f"""{future}
import polyloss
from typing import ClassVar
class RanPin(polyloss.Loss):
    factor: float = 2.0
    note: ClassVar[str] = "none"
    def call(self, y_true, y_pred):
        return self.factor * (y_pred - y_true)
"""
    namespace = {"__name__": "no_such_module"}
    exec(compile(source, "ran.py", "exec", dont_inherit=True), namespace)
    found = namespace["RanPin"](factor=3.0)
    assert (found.get_config()["factor"], "note" in found.get_config()) == (3.0, False)
    assert float(found(np.zeros((2, 1)), np.ones((2, 1)))) == 3.0


# -- seeds ----------------------------------------------------------------------------------------

SEEDS = [2**31 - 1, 2**31, 2**32, 2**40, 2**64, -1, -(2**40), np.int64(2**40)]


@gradients
@pytest.mark.parametrize("seed", SEEDS)
def test_any_integer_is_a_seed(seed: int) -> None:
    """Each backend refused others."""
    from polyloss.training import AdversarialModel, ShuffledBatches

    def small() -> AdversarialModel:
        generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, kernel_initializer="ones")])
        critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
        gan = AdversarialModel(generator, critic, seed=seed)
        gan.compile(
            generator_optimizer="sgd",
            discriminator_optimizer="sgd",
            loss=polyloss.WassersteinLoss(),
            penalty=polyloss.GradientPenalty(),
            discriminator_steps=1,
            run_eagerly=True,
        )
        return gan

    one, two = (small().train_on_batch(np.ones((4, 2), "float32"), return_dict=True) for _ in range(2))
    assert one == two
    gan = small()
    first, second = (gan.evaluate(np.ones((4, 2), "float32"), verbose=0) for _ in range(2))
    assert first == second
    assert np.array_equal(gan.generate(2, seed=seed), gan.generate(2, seed=seed))
    assert len(ShuffledBatches(np.zeros(4), batch_size=2, seed=seed)[0]) == 1
    points = [
        polyloss.gradient_penalty(lambda x: x[:, 0] ** 2, np.ones((4, 2)), np.zeros((4, 2)), seed=seed) for _ in "ab"
    ]
    assert np.array_equal(*map(ops.convert_to_numpy, points))


# -- transforms of the frameworks ------------------------------------------------------------------


def only_on(backend: str) -> None:
    if keras.backend.backend() != backend:
        pytest.skip(f"a transform of {backend}")


@pytest.mark.parametrize("dynamic", [True, False, None])
def test_one_compiled_function_with_several_numbers(dynamic: bool | None) -> None:
    """`math.isfinite` of a symbolic number broke the graph, and so did looking rules up inside it."""
    only_on("torch")
    import torch

    y, x = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[0.3, -2.0, 5.0]])

    def loss(x: Any, gamma: float) -> Any:
        return polyloss.focal_loss(y, x, gamma=gamma, from_logits=True)

    torch.compiler.reset()
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    for gamma in (2.0, 1.5, 3.0, 0.5, 2.5):
        torch.testing.assert_close(compiled(x, gamma), loss(x, gamma))


def test_gradient_of_each_sample_with_smoothing() -> None:
    """`one_hot` of Keras has no `vmap` on torch."""
    only_on("torch")
    import torch

    def loss(x: Any, y: Any) -> Any:
        return polyloss.sparse_categorical_crossentropy(y, x, from_logits=True, label_smoothing=0.1)

    logits, labels = torch.tensor(LOGITS), torch.tensor(LABELS)
    each = torch.vmap(torch.func.grad(loss))(logits, labels)
    want = torch.func.grad(lambda x: loss(x, labels).sum())(logits)
    torch.testing.assert_close(each, want)


@pytest.mark.parametrize("name", polyloss.catalogue())
def test_nothing_is_transferred_unasked(name: str) -> None:
    """`jax.transfer_guard("disallow")` lets a loss be called eagerly, with and without weights."""
    only_on("jax")
    import jax

    cls = polyloss.catalogue()[name]
    loss = cls(**cls.example)
    y, p = (ops.convert_to_tensor(a) for a in loss.inputs.batch(loss._options()))
    weight = ops.ones(6)
    with jax.transfer_guard("disallow"):
        found = [loss(y, p), loss(y, p, weight), cls.function(y, p, **loss._options())]
        slope = jax.jit(jax.grad(lambda p: loss(y, p)))(p)
    assert all(np.isfinite(ops.convert_to_numpy(x)).all() for x in (*found, slope))


@pytest.mark.parametrize("name", [*polyloss.catalogue("adversarial"), *polyloss.catalogue("penalty")])
def test_a_game_transfers_nothing_unasked(name: str) -> None:
    """The classes, as their functions."""
    only_on("jax")
    import jax

    made, (real, fake) = getattr(polyloss, name)(), ops.convert_to_tensor(LOGITS.reshape(2, 15, 1))
    with jax.transfer_guard("disallow"):
        if name in polyloss.catalogue("penalty"):
            found = [made(ops.tanh, real, fake, seed=1)]
        else:
            found = [made.discriminator(real, fake), made.generator(fake, real)]
    assert all(np.isfinite(ops.convert_to_numpy(x)) for x in found)


def test_weights_of_steps_and_then_of_samples_with_a_mask() -> None:
    """One compiled function for weights (B, T), then one for (B,): each lines up from the batch axis."""
    only_on("tensorflow")
    import tensorflow as tf

    inputs = keras.Input((3, 2))
    outputs = keras.layers.Dense(5, kernel_initializer="ones")(keras.layers.Masking()(inputs))
    model = keras.Model(inputs, outputs)
    x = np.ones((2, 3, 2), "float32")
    x[1, 1:] = 0.0
    y = np.arange(6).reshape(2, 3) % 5
    loss = polyloss.SparseCategoricalCrossentropy(from_logits=True)
    compiled = tf.function(lambda y, x, w: loss(y, model(x), w), reduce_retracing=True)
    for weight in (np.ones((2, 3), "float32"), np.array([1.0, 3.0], "float32"), np.array([[2.0, 1, 1], [1, 1, 1]])):
        each = np.log(5.0) * (x[..., 0] > 0) * (weight if weight.ndim == 2 else weight[:, None])
        assert float(compiled(y, x, tf.constant(weight, "float32"))) == pytest.approx(each.sum() / 4, rel=1e-6)
        model.compile(loss=loss, optimizer="sgd")
        model.optimizer.learning_rate = 0.0
        logged = model.fit(x, y, sample_weight=weight, verbose=0, batch_size=2).history["loss"][0]
        assert logged == pytest.approx(each.sum() / 4, rel=1e-6)


@pytest.mark.parametrize("name", polyloss.catalogue())
def test_no_rank_is_promoted(name: str) -> None:
    """`jax_numpy_rank_promotion="raise"` lets every loss pass."""
    only_on("jax")
    import jax

    cls = polyloss.catalogue()[name]
    loss = cls(**cls.example)
    y, p = (ops.convert_to_tensor(a) for a in loss.inputs.batch(loss._options()))
    with jax.numpy_rank_promotion("raise"):
        assert np.isfinite(ops.convert_to_numpy(loss(y, p)))
        assert np.isfinite(ops.convert_to_numpy(loss(y, p, ops.ones(6))))


BY_CLASS = {
    "BinaryCrossentropy": {"pos_weight": (1.0, 2.0, 3.0)},
    "FocalLoss": {"alpha": (0.1, 0.5, 0.9)},
    "CategoricalCrossentropy": {"class_weights": (1.0, 2.0, 3.0)},
    "SparseCategoricalCrossentropy": {"class_weights": (1.0, 2.0, 3.0)},
    "CategoricalFocalLoss": {"alpha": (0.1, 0.5, 0.9)},
}


@pytest.mark.parametrize(("name", "given"), BY_CLASS.items())
def test_numbers_by_class_promote_no_rank_and_ask_for_no_transfer(name: str, given: dict[str, Any]) -> None:
    """Those of (C,) met rows of (B, C)."""
    only_on("jax")
    import jax

    function, x = polyloss.catalogue()[name].function, ops.convert_to_tensor(LOGITS[:, :3])
    rows = np.eye(3, dtype="float32")[LABELS % 3]
    y = ops.convert_to_tensor((LABELS % 3).astype("int32") if name.startswith("Sparse") else rows)

    def loss(x: Any) -> Any:
        return function(y, x, from_logits=True, **given)

    with jax.numpy_rank_promotion("raise"), jax.transfer_guard("disallow"):
        value, slope = loss(x), jax.jit(jax.grad(lambda x: loss(x).sum()))(x)
    assert all(np.isfinite(ops.convert_to_numpy(found)).all() for found in (value, slope))
