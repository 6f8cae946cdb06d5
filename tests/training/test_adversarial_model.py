"""`AdversarialModel`: one `fit` on all backends and in all modes, with state, saving, resuming, evaluating."""

from __future__ import annotations

import importlib.util
import math
import pathlib
import shutil
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import polyloss
from polyloss.training import AdversarialModel, OptimizerGroup, ShuffledBatches, StepModel, minimize
from tests.training import small

BACKEND = keras.backend.backend()
pytestmark = [
    pytest.mark.gradients,
    # what torch.compile says of PyTorch's own code
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]
HOW: dict[str, dict[str, Any]] = {"eager": {"run_eagerly": True}, "default": {}, "jit": {"jit_compile": True}}


def array(x: Any) -> np.ndarray:
    return ops.convert_to_numpy(x)


def values(variables: Any) -> list[np.ndarray]:
    return [array(v.value).copy() for v in variables]


def state(gan: AdversarialModel) -> list[np.ndarray]:
    """All that training changes: weights, averages, seeds, both optimizers."""
    return values([*gan.variables, *gan.optimizer.variables])


def assert_same(a: list[np.ndarray], b: list[np.ndarray], tolerance: float = 0.0) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


# -- the trajectory -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOW)
def test_trajectory_is_that_of_a_loop_written_by_hand(how, evidence):
    if BACKEND == "torch" and how == "jit" and shutil.which("g++") is None:
        pytest.skip("not run: no C++ compiler")
    logged = small.fit(small.compiled(small.model(), **HOW[how], **small.TWICE))
    assert set(logged) == set(small.BY_HAND)
    for name, expected in small.BY_HAND.items():
        np.testing.assert_allclose(logged[name], expected, rtol=0, atol=1e-5, err_msg=name)
    evidence.trajectories[how] = logged


def test_the_loop_written_by_hand_gives_the_numbers_kept():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("the loop by hand is PyTorch's, which is not installed here")
    from tests.training import by_hand

    assert by_hand.main() == small.BY_HAND
    assert by_hand.main(by_hand.Spectral) == small.BY_HAND_SPECTRAL


@pytest.mark.parametrize(
    ("loss", "penalty"),
    [
        (polyloss.MinimaxLoss(label_smoothing=0.1), None),
        (polyloss.NonSaturatingLoss(), polyloss.R1Penalty(1.0)),
        (polyloss.LeastSquaresLoss(), polyloss.R2Penalty(1.0)),
        (polyloss.HingeGANLoss(), polyloss.GradientPenalty(at="real")),
        (polyloss.RelativisticLoss(), [polyloss.R1Penalty(1.0), polyloss.R2Penalty(1.0)]),
        (polyloss.RelativisticLoss(average=False), None),
        (polyloss.NonSaturatingLoss(), polyloss.GradientPenalty(at="perturbed")),
    ],
    ids=lambda x: repr(x).partition("(")[0],
)
def test_every_loss_trains(loss, penalty):
    gan = small.compiled(small.model(seed=1), loss=loss, penalty=penalty, discriminator_steps=None)
    assert gan.discriminator_steps == 1
    logged = small.fit(gan, epochs=2, data=small.REAL)
    assert ("penalty" in logged) == (penalty is not None)
    assert all(math.isfinite(v) for series in logged.values() for v in series)
    for key in ("generator", "discriminator"):
        assert int(array(gan.optimizer[key].iterations.value)) == 8


@pytest.mark.parametrize(
    "between",
    [layers.BatchNormalization, lambda: layers.Dropout(0.2, seed=3), layers.LayerNormalization],
    ids=["BatchNormalization", "Dropout", "LayerNormalization"],
)
def test_critics_with_state(between):
    gan = small.compiled(small.model([between]))
    before = values(gan.discriminator.non_trainable_variables)
    logged = small.fit(gan, epochs=2)
    assert all(math.isfinite(v) for series in logged.values() for v in series)
    after = values(gan.discriminator.non_trainable_variables)
    assert all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def with_spectral_normalization(**options: Any) -> AdversarialModel:
    """The networks of `small`, the critic's kernels each divided by their norm."""
    plain = small.model()
    critic = keras.Sequential([keras.Input((2,))])
    for layer in plain.discriminator.layers:
        if isinstance(layer, layers.Dense):
            given = layer.get_weights()
            critic.add(layers.SpectralNormalization(layers.Dense(layer.units)))
            critic.layers[-1].layer.set_weights(given)
            critic.layers[-1].vector_u.assign(np.ones((1, layer.units), "float32"))
        else:
            critic.add(layers.Activation("tanh"))
    return small.compiled(AdversarialModel(plain.generator, critic), **options)


@pytest.mark.parametrize("how", ["default"] if BACKEND == "jax" else ["eager", "default"])
def test_a_critic_with_spectral_normalization(how):
    """Each call divides the kernel itself: PyTorch refused the backward pass, and backends took different gradients."""
    logged = small.fit(with_spectral_normalization(**HOW[how], **small.TWICE))
    for name, expected in small.BY_HAND_SPECTRAL.items():
        np.testing.assert_allclose(logged[name], expected, rtol=0, atol=2e-5, err_msg=name)


def test_a_step_with_spectral_normalization_eagerly():
    """One step, on JAX in place of the whole trajectory: each branch that Keras takes eagerly is compiled there again."""
    batch = {name: rows[: small.BATCH] for name, rows in small.BATCHES.items()}
    eagerly, expected = (
        with_spectral_normalization(**options).train_on_batch(batch, return_dict=True) for options in (HOW["eager"], {})
    )
    assert eagerly == pytest.approx(expected, rel=0, abs=2e-5)


@pytest.mark.parametrize("penalty", [polyloss.GradientPenalty(), [polyloss.R1Penalty(1.0), polyloss.R2Penalty(1.0)]])
def test_a_critic_in_float64(penalty, backend):
    """TensorFlow adds no float64 loss to a float32 penalty."""
    with backend.precision("float64"):
        inputs = keras.Input((2,), dtype="float64")
        hidden = layers.Dense(8, activation="tanh", dtype="float64", kernel_regularizer="l2")(inputs)
        critic = keras.Model(inputs, layers.Dense(1, dtype="float64")(hidden))
        gan = small.compiled(AdversarialModel(small.network((4, 16, 2), 1), critic, seed=1), penalty=penalty)
        logged = small.fit(gan, epochs=1, data=small.REAL)
    assert all(math.isfinite(v) for series in logged.values() for v in series)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        gan = small.model()
    finally:
        keras.config.set_dtype_policy(before)
    scaling = keras.optimizers.LossScaleOptimizer
    assert isinstance(small.compiled(gan).optimizer["generator"], scaling) == (policy == "mixed_float16")
    options = {}
    if policy == "mixed_float16":  # a scale that does not overflow at first, which would skip steps
        options = {
            f"{name}_optimizer": scaling(keras.optimizers.Adam(1e-2, beta_1=0.5), initial_scale=128)
            for name in ("generator", "discriminator")
        }
    logged = small.fit(small.compiled(gan, **options, **small.TWICE))
    # three decimal digits a step in bfloat16, amplified over 24 steps
    for name, expected in small.BY_HAND.items():
        np.testing.assert_allclose(logged[name], expected, rtol=0, atol=0.1, err_msg=name)


def test_default_discriminator_steps_and_regularizers():
    gan = small.compiled(small.model(seed=0), discriminator_steps=None)
    assert gan.discriminator_steps == 5
    small.fit(gan, epochs=1, data=small.REAL)
    assert int(array(gan.optimizer["discriminator"].iterations.value)) == 20
    assert int(array(gan.optimizer["generator"].iterations.value)) == 4

    critic = keras.Sequential([keras.Input((2,)), layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.5))])
    gan = AdversarialModel(small.network((4, 16, 2), 1), critic)
    sgd = keras.optimizers.SGD
    with pytest.warns(UserWarning, match="WassersteinLoss without a penalty"):
        gan.compile(
            generator_optimizer=sgd(0.0), discriminator_optimizer=sgd(0.1), loss=polyloss.WassersteinLoss(),
            discriminator_steps=1,
        )  # fmt: skip
    kernel = array(critic.layers[0].kernel.value).copy()
    rows = {"real": np.zeros((4, 2), "float32"), "latent": np.zeros((4, 1, 4), "float32")}
    fake = array(gan.generator(np.zeros((1, 4), "float32"))).T
    gan.train_on_batch(rows)
    np.testing.assert_allclose(array(critic.layers[0].kernel.value), kernel - 0.1 * (kernel + fake), rtol=1e-5)


def test_weights_of_the_other_network_stay():
    gan = small.compiled(small.model(), discriminator_optimizer=keras.optimizers.SGD(0.0))
    critic, generator = values(gan.discriminator.variables), values(gan.generator.variables)
    small.fit(gan, epochs=1)
    assert_same(values(gan.discriminator.variables), critic)
    assert not np.array_equal(values(gan.generator.variables)[0], generator[0])


@pytest.mark.parametrize("when", ["before compile", "after compile"])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_frozen_network_stays(player, when):
    gan = small.model(seed=1, ema_decay=0.9)
    if when == "before compile":
        getattr(gan, player).trainable = False
    small.compiled(gan)
    getattr(gan, player).trainable = False
    before = {name: values(getattr(gan, name).variables) for name in ("generator", "discriminator")}
    logged = small.fit(gan, epochs=1, data=small.REAL)
    assert all(math.isfinite(v) for series in logged.values() for v in series)
    for name, kept in before.items():
        moved = [not np.array_equal(a, b) for a, b in zip(values(getattr(gan, name).variables), kept, strict=True)]
        assert any(moved) == (name != player)
    gan.generate(2, seed=0)


def test_a_network_frozen_in_part_is_compiled_anew():
    gan = small.compiled(small.model(seed=1))
    gan.discriminator.layers[0].trainable = False
    with pytest.raises(ValueError, match=r"discriminator must be frozen or thawed in part before compile.* Got 4"):
        small.fit(gan, epochs=1)
    small.compiled(gan)
    kept = array(gan.discriminator.layers[0].kernel.value).copy()
    small.fit(gan, epochs=1)
    np.testing.assert_array_equal(array(gan.discriminator.layers[0].kernel.value), kept)


# -- noise ------------------------------------------------------------------------------------------


def test_noise_of_the_model_depends_on_the_seed_alone():
    runs = [small.fit(small.compiled(small.model(seed=s)), epochs=2, data=small.REAL) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_noise_function():
    asked = []

    def noise(what, shape, seed):
        asked.append((what, tuple(shape)[1:]))
        if what == "latent":
            return keras.random.uniform(shape, -1.0, 1.0, seed=seed)
        return keras.random.uniform(shape, seed=seed)

    gan = small.compiled(small.model(noise=noise, seed=1), run_eagerly=True, **small.TWICE)
    gan.train_on_batch(small.REAL[:8])
    assert asked == [("latent", (4,)), ("penalty", ())] * 2 + [("latent", (4,))]
    np.testing.assert_array_equal(gan.generate(3, seed=5), gan.generate(3, seed=5))
    assert asked[-1] == ("latent", (4,))


def test_fresh_numbers_for_every_step_of_a_batch():
    """n = discriminator_steps + 1 latents; the last one is the generator's."""
    latent = np.stack([small.LATENT[:64], small.LATENT[64:128], small.LATENT[128:192]], axis=1)
    share = np.concatenate([small.SHARE[:64], small.SHARE[64:128]], axis=1)
    frozen = keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0)
    gan = small.compiled(small.model(), generator_optimizer=frozen[0], discriminator_optimizer=frozen[1], **small.TWICE)
    logged = gan.train_on_batch({"real": small.REAL[:64], "latent": latent, "penalty": share}, return_dict=True)
    judged = array(gan.discriminator(gan.generator(latent[:, 2])))
    assert logged["generator_loss"] == pytest.approx(-judged.mean(), abs=1e-6)
    fake = array(gan.discriminator(gan.generator(latent[:, 1])))
    real = array(gan.discriminator(small.REAL[:64]))
    assert logged["discriminator_loss"] == pytest.approx(fake.mean() - real.mean(), abs=1e-6)


# -- faults -----------------------------------------------------------------------------------------


class Poison(polyloss.Penalty):
    """A penalty that is NaN."""

    def points(self, real, fake, noise=None, seed=None):
        return real

    def values(self, norms):
        return norms * math.nan


class SilentGenerator(polyloss.WassersteinLoss):
    """A generator's loss that is infinite."""

    def call_generator(self, fake, real):
        return super().call_generator(fake, real) + math.inf


@pytest.mark.parametrize(
    ("term", "options"),
    [
        ("discriminator_loss", {}),
        ("penalty", {"penalty": Poison()}),
        ("generator_loss", {"loss": SilentGenerator()}),
    ],
)
def test_what_is_not_finite_stops_training_by_name(term, options, tmp_path):
    gan = small.compiled(small.model(seed=1), **options)
    real = small.REAL.copy()
    batch = 0
    if term == "discriminator_loss":
        real[130], batch = math.nan, 2
    saved = tmp_path / "kept.weights.h5"
    keep = keras.callbacks.ModelCheckpoint(saved, save_weights_only=True)
    with pytest.raises(FloatingPointError) as caught:
        small.fit(gan, data=real, callbacks=[keep])
    assert str(caught.value) == (
        f"adversarial_model: {term} must stay finite. Got NaN or infinity at epoch=0, batch={batch}."
    )
    assert not saved.exists(), "what came of a NaN was saved"


def test_a_fault_in_the_last_batch_of_an_epoch_is_seen():
    real = small.REAL.copy()
    real[-1] = math.nan
    with pytest.raises(FloatingPointError, match=r"discriminator_loss must stay finite.* at epoch=0, batch=3"):
        small.fit(small.compiled(small.model(seed=1)), data=real)


@pytest.mark.skipif(BACKEND == "torch", reason="Keras has steps_per_execution=1 only on PyTorch")
def test_several_steps_an_execution():
    gan = small.compiled(small.model(), steps_per_execution=2, **small.TWICE)
    logged = small.fit(gan)
    for name, expected in small.BY_HAND.items():
        np.testing.assert_allclose(logged[name], expected, rtol=0, atol=1e-5, err_msg=name)
    real = small.REAL.copy()
    real[-1] = math.nan  # in the second batch of the second execution
    with pytest.raises(FloatingPointError, match=r"discriminator_loss must stay finite.* at epoch=0, batch=2"):
        small.fit(gan, data={**small.BATCHES, "real": real})


def test_a_fault_is_seen_with_a_list_of_callbacks_of_ones_own():
    gan = small.compiled(small.model(seed=1))
    real = small.REAL.copy()
    real[-1] = math.nan
    callbacks = keras.callbacks.CallbackList([keras.callbacks.History()], model=gan, epochs=1)
    with pytest.raises(FloatingPointError, match=r"adversarial_model: discriminator_loss must stay finite"):
        small.fit(gan, data=real, callbacks=callbacks)


def test_a_watched_fit_waits_for_no_batch():
    """Keras waits for the logs of every batch, and on JAX copies all state, for a callback that asks for them."""
    from polyloss.training.step import _Watch

    assert "on_train_batch_end" not in vars(_Watch)
    gan = small.compiled(small.model(seed=1))
    if BACKEND == "jax":
        synced = []
        sync = gan.jax_state_sync
        gan.jax_state_sync = lambda: synced.append(gan._jax_state_synced) or sync()
        small.fit(gan, epochs=2, data=np.tile(small.REAL, (20, 1)))
        assert synced.count(False) <= 4, "state was copied within an epoch"


def test_fit_after_a_fit_that_failed():
    """On JAX Keras had emptied the variables before the first batch and lost their values."""
    gan = small.compiled(small.model(seed=1), **small.TWICE)
    before = state(gan)
    for method in ("fit", "evaluate"):
        with pytest.raises(ValueError, match="a batch must have the keys real, latent, penalty"):
            getattr(gan, method)({"x": small.REAL}, verbose=0)
        assert_same(state(gan), before)
    logged = small.fit(gan)
    np.testing.assert_allclose(logged["penalty"], small.BY_HAND["penalty"], rtol=0, atol=1e-5)


# -- evaluation -------------------------------------------------------------------------------------


def test_evaluate():
    gan = small.compiled(small.model(seed=1))
    found = gan.evaluate(small.BATCHES, batch_size=100, verbose=0, return_dict=True)
    real = array(gan.discriminator(small.REAL)).mean()
    fake = array(gan.discriminator(gan.generator(small.LATENT))).mean()
    assert found["discriminator_loss"] == pytest.approx(fake - real, abs=1e-5)  # batches of 100, 100 and 56
    assert found["generator_loss"] == pytest.approx(-fake, abs=1e-5)
    norms = polyloss.gradient_norms(
        gan.discriminator, small.SHARE * small.REAL + (1 - small.SHARE) * array(gan.generator(small.LATENT))
    )
    assert found["gradient_norm"] == pytest.approx(array(norms).mean(), abs=1e-5)
    assert found["penalty"] == pytest.approx(10 * ((array(norms) - 1) ** 2).mean(), abs=1e-5)


def test_evaluation_is_repeatable_and_leaves_training_alone():
    plain = small.compiled(small.model(seed=1))
    watched = small.compiled(small.model(seed=1))
    alone = small.fit(plain, data=small.REAL)
    beside = small.fit(watched, data=small.REAL, validation_data=(small.REAL[:100],))
    assert [beside[name] for name in alone] == list(alone.values())
    assert len(beside["val_penalty"]) == 3
    again = [watched.evaluate(small.REAL[:100], batch_size=64, verbose=0, return_dict=True) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0]["penalty"] == pytest.approx(beside["val_penalty"][-1], rel=1e-6)


# -- samples, classes, averages ---------------------------------------------------------------------


def test_generate_and_predict():
    gan = small.model(seed=1)
    samples = gan.generate(5, seed=3)
    assert samples.shape == (5, 2)
    np.testing.assert_array_equal(samples, gan.generate(5, seed=3))
    assert not np.array_equal(samples, gan.generate(5))
    latent = np.random.default_rng(3).standard_normal((5, 4)).astype("float32")
    np.testing.assert_array_equal(samples, gan.predict(latent, verbose=0))
    np.testing.assert_allclose(samples, array(gan.generator(latent)), rtol=1e-5)


def conditional(form):
    """Networks that take labels, as a list or as a dict."""

    def two(x, labels, units):
        embedded = layers.Flatten()(layers.Embedding(3, 4)(labels))
        hidden = layers.Dense(8, "tanh")(layers.Concatenate()([x, embedded]))
        inputs = [x, labels] if form == "list" else {"labels": labels, "x": x}
        return keras.Model(inputs, layers.Dense(units)(hidden))

    def label():
        return keras.Input((), dtype="int32", name="labels")

    return AdversarialModel(
        two(keras.Input((4,), name="x"), label(), 2), two(keras.Input((2,), name="x"), label(), 1), seed=1
    )


@pytest.mark.parametrize("form", ["list", "dict"])
def test_conditional(form):
    gan = small.compiled(conditional(form))
    labels = (np.arange(small.ROWS) % 3).astype("int32")
    logged = gan.fit(small.REAL, labels, batch_size=64, epochs=1, verbose=0).history
    assert all(math.isfinite(v) for series in logged.values() for v in series)
    assert math.isfinite(gan.evaluate(small.REAL, labels, verbose=0, return_dict=True)["penalty"])
    one, other = (gan.generate(2, seed=1, labels=[k, k]) for k in (0, 1))
    assert not np.array_equal(one, other)
    for call, sentence in [
        (lambda: gan.generate(2), "labels must be given, this generator takes them. Got labels=None."),
        (lambda: gan.generate(2, labels=[1]), "labels must be 2, one a sample. Got labels.shape=(1,)."),
    ]:
        with pytest.raises(ValueError, match=r"AdversarialModel\.generate") as caught:
            call()
        assert str(caught.value).endswith(sentence)
    with pytest.raises(ValueError, match="labels must come with the real samples"):
        gan.fit(small.REAL, verbose=0)


def test_labels_that_no_network_takes_are_left_alone():
    labelled, plain = (small.compiled(small.model(seed=1)) for _ in range(2))
    y = np.zeros(small.ROWS, "int32")
    with_labels = labelled.fit(small.REAL, y, batch_size=64, epochs=1, shuffle=False, verbose=0).history
    assert with_labels == small.fit(plain, epochs=1, data=small.REAL)


def test_average_of_the_generator():
    gan = small.compiled(small.model([layers.BatchNormalization], ema_decay=0.75, seed=1))
    batch = {name: rows[:64] for name, rows in small.BATCHES.items()}
    followed = []
    for step in range(3):
        gan.train_on_batch(batch)
        now = values(gan.generator.trainable_variables)
        followed = now if step == 0 else [0.75 * a + 0.25 * w for a, w in zip(followed, now, strict=True)]
        assert_same(values(gan.averages), followed, 1e-6)
    averaged = gan.predict(small.LATENT[:5], verbose=0)
    assert not np.allclose(averaged, array(gan.generator(small.LATENT[:5])))
    for variable, average in zip(gan.generator.trainable_variables, followed, strict=True):
        variable.assign(average)
    np.testing.assert_allclose(averaged, array(gan.generator(small.LATENT[:5])), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(averaged, gan.predict(small.LATENT[:5], verbose=0))


def test_average_starts_from_the_weights_at_compile():
    gan = small.model(ema_decay=0.9)
    gan.generator.layers[0].kernel.assign(ops.ones((4, 16)))
    small.compiled(gan)
    expected = array(gan.generator(small.LATENT[:5]))
    np.testing.assert_allclose(gan.predict(small.LATENT[:5], verbose=0), expected, rtol=1e-6)


# -- saving and resuming ----------------------------------------------------------------------------


def dropout():
    return layers.Dropout(0.2, seed=3)


def with_everything(**options: Any) -> AdversarialModel:
    return small.compiled(small.model([dropout], ema_decay=0.9, seed=1), **options)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5:UserWarning")
def test_save_and_load(tmp_path):
    gan = with_everything(**small.TWICE)
    small.fit(gan, epochs=1, data=small.REAL)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert isinstance(loaded, AdversarialModel)
    assert repr(loaded.adversarial_loss) == "WassersteinLoss()"
    assert repr(loaded.penalties) == repr(gan.penalties)
    assert loaded.discriminator_steps == gan.discriminator_steps == 2
    assert_same(state(loaded), state(gan))
    np.testing.assert_array_equal(loaded.generate(3, seed=1), gan.generate(3, seed=1))
    assert small.fit(gan, epochs=1, data=small.REAL) == small.fit(loaded, epochs=1, data=small.REAL)
    assert_same(state(loaded), state(gan))


class Killed(Exception):
    """What ends a training in the middle of an epoch."""


class Kill(keras.callbacks.Callback):
    """Ends the training in epoch 1 (the second), after its second batch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1 and batch == 1:
            raise Killed


def test_resume_is_exact(tmp_path):
    def data():
        return ShuffledBatches(small.REAL, batch_size=small.BATCH, seed=7)

    whole = with_everything()
    expected = whole.fit(data(), epochs=3, verbose=0).history

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(Killed):
        with_everything().fit(data(), epochs=3, verbose=0, callbacks=[backup, Kill()])
    resumed = with_everything()
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    got = resumed.fit(data(), epochs=3, verbose=0, callbacks=[backup]).history
    assert {name: series[1:] for name, series in expected.items()} == got
    assert_same(state(resumed), state(whole))


def test_weights_alone_keep_seeds_and_optimizers(tmp_path):
    gan, other = with_everything(), with_everything()
    small.fit(gan, epochs=1, data=small.REAL)
    gan.save_weights(tmp_path / "gan.weights.h5")
    other.load_weights(tmp_path / "gan.weights.h5")
    assert_same(state(other), state(gan))


def test_a_saved_model_with_other_seeds_is_refused(tmp_path):
    with_everything().save_weights(tmp_path / "gan.weights.h5")
    plain = small.compiled(small.model(ema_decay=0.9, seed=1))
    with pytest.raises(ValueError, match=r"must have as many seeds as this one, 2\. Got 4"):
        plain.load_own_variables({str(i): v for i, v in enumerate(values(plain.averages))} | {
            f"seed_{i}": np.zeros(2, "int64") for i in range(4)
        })  # fmt: skip


# -- the order of data ------------------------------------------------------------------------------


def test_shuffled_batches():
    data = ShuffledBatches({"real": np.arange(10)}, np.arange(10), batch_size=4, seed=1)
    epochs = []
    for epoch in (0, 1, 0):
        data.set_epoch(epoch)
        batches = [data[i] for i in range(len(data))]
        assert [len(y) for _, y in batches] == [4, 4, 2]
        assert all((x["real"] == y).all() for x, y in batches)
        epochs.append(np.concatenate([y for _, y in batches]).tolist())
    assert epochs[0] == epochs[2] != epochs[1]
    assert sorted(epochs[1]) == list(range(10))
    with pytest.raises(ValueError, match=r"ShuffledBatches: arrays must have one number of rows. Got \[1, 2\]."):
        ShuffledBatches(np.zeros(1), np.zeros(2))
    with pytest.raises(ValueError, match=r"ShuffledBatches: batch_size must be at least 1\. Got batch_size=0."):
        ShuffledBatches(np.zeros(1), batch_size=0)


# -- the optimizers ---------------------------------------------------------------------------------


def test_optimizer_group():
    group = OptimizerGroup({"a": keras.optimizers.Adam(0.1), "b": keras.optimizers.SGD(0.02)})
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(group))
    assert list(again.members) == ["a", "b"]
    assert isinstance(again["b"], keras.optimizers.SGD)
    group.learning_rate = 0.05
    assert [round(float(array(group[k].learning_rate.value)), 6) for k in "ab"] == [0.05, 0.01]
    group.learning_rate = 0.0
    group.learning_rate = 0.1
    assert [round(float(array(group[k].learning_rate.value)), 6) for k in "ab"] == [0.1, 0.02]
    with pytest.raises(ValueError, match="optimizers must be different objects"):
        OptimizerGroup({"a": group["a"], "b": group["a"]})
    with pytest.raises(ValueError, match="optimizers must hold at least one"):
        OptimizerGroup({})
    with pytest.raises(NotImplementedError, match="a step must be one of a member"):
        group.apply([])


def test_learning_rate_callback_moves_both():
    gan = small.compiled(small.model(seed=1), generator_optimizer=keras.optimizers.Adam(5e-3))
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    small.fit(gan, epochs=2, data=small.REAL, callbacks=[halve])
    rates = [float(array(gan.optimizer[k].learning_rate.value)) for k in ("generator", "discriminator")]
    np.testing.assert_allclose(rates, [5e-3 / 4, 1e-2 / 4], rtol=1e-5)


def test_weights_averaged_by_an_optimizer_are_taken_over_at_the_end():
    gan = small.compiled(
        small.model(seed=1), generator_optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    )
    small.fit(gan, epochs=1, data=small.REAL)
    averages = gan.optimizer["generator"]._model_variables_moving_average
    assert_same(values(gan.generator.trainable_variables), values(averages))


# -- one's own step ---------------------------------------------------------------------------------


class Contrast(StepModel):
    """A step of one's own: two parts, two optimizers, a gradient by the inputs."""

    terms = ("first", "second")

    def __init__(self):
        super().__init__()
        self.a = small.network((2, 4, 1), 1)
        self.b = small.network((2, 4, 1), 2)
        self.built = True

    def step(self, data):
        def first():
            slope = polyloss.gradient(lambda t: self.a(t, training=True))(data)
            return ops.sum(slope * slope) / small.BATCH

        def second():
            return ops.sum(ops.square(self.b(data) - self.a(data))) / small.BATCH

        return {
            "first": minimize(first, self.a.trainable_variables, self.optimizer["a"]),
            "second": minimize(second, self.b.trainable_variables, self.optimizer["b"]),
        }


@pytest.mark.parametrize("how", ["eager", "default"])
def test_a_step_of_ones_own(how):
    mine = Contrast()
    group = OptimizerGroup({"a": keras.optimizers.SGD(0.05), "b": keras.optimizers.SGD(0.05)})
    group.build({"a": mine.a.trainable_variables, "b": mine.b.trainable_variables})
    mine.compile(group, **HOW[how])
    logged = mine.fit(small.REAL, batch_size=small.BATCH, epochs=3, verbose=0, shuffle=False).history
    assert logged["first"][2] < logged["first"][0]
    assert logged["second"][2] < logged["second"][0]
    with pytest.raises(NotImplementedError, match="Contrast: must define evaluation_step"):
        mine.evaluate(small.REAL, verbose=0)


def test_a_step_must_return_its_terms():
    class Wrong(Contrast):
        def step(self, data):
            return {"first": ops.sum(data)}

    mine = Wrong()
    mine.compile(OptimizerGroup({"a": keras.optimizers.SGD()}))
    mine.optimizer.build({"a": mine.a.trainable_variables})
    with pytest.raises(ValueError, match=r"a step must return exactly the terms \('first', 'second'\)"):
        mine.fit(small.REAL, verbose=0)


# -- refusals ---------------------------------------------------------------------------------------


def build(**options):
    settings = {"generator": small.network((4, 3, 2), 1), "discriminator": small.network((2, 3, 1), 1)}
    settings |= options
    return AdversarialModel(settings.pop("generator"), settings.pop("discriminator"), **settings)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"generator": abs}, TypeError, "AdversarialModel: generator must be a keras.Model."),
        (
            {"discriminator": keras.Sequential([layers.Dense(1)])},
            ValueError,
            "AdversarialModel: discriminator must be a functional model or a Sequential that begins with keras.Input",
        ),
        (
            {"discriminator": small.network((3, 1), 1)},
            ValueError,
            "AdversarialModel: generator must make what discriminator takes. "
            "Got samples of shape (2,) and an input of shape (3,).",
        ),
        ({"ema_decay": 1.0}, ValueError, "AdversarialModel: ema_decay must be at least 0 and less than 1."),
        ({"noise": 3}, TypeError, "AdversarialModel: noise must be a function noise(what, shape, seed). Got noise=3."),
        ({"seed": 0.5}, TypeError, "AdversarialModel: seed must be an integer. Got seed=0.5."),
    ],
)
def test_networks_that_do_not_fit(options, error, sentence):
    with pytest.raises(error) as caught:
        build(**options)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"loss": "wasserstein"}, TypeError, "AdversarialModel.compile: loss must be a polyloss.AdversarialLoss"),
        ({"penalty": 10}, TypeError, "AdversarialModel.compile: penalty must be a polyloss.Penalty"),
        (
            {"discriminator_steps": 0},
            ValueError,
            "AdversarialModel.compile: discriminator_steps must be at least 1. Got discriminator_steps=0.",
        ),
    ],
)
def test_compile_refuses(options, error, sentence):
    with pytest.raises(error) as caught:
        small.compiled(build(), **options)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("data", "options", "error", "sentence"),
    [
        ({"x": small.REAL}, {}, ValueError, "a batch must have the keys real, latent, penalty. Got ['x']."),
        ({"real": small.REAL, "latent": small.LATENT}, {}, ValueError, "latent in a batch must have the shape"),
        (
            {"real": small.REAL, "latent": np.zeros((256, 2, 4), "float32")},
            {},
            ValueError,
            "(batch, n, ...) with n = 1 or 3 and 1 dimensions after it. Got latent.shape=(64, 2, 4).",
        ),
        (
            small.REAL,
            {"y": small.SHARE, "sample_weight": small.SHARE[:, 0]},
            ValueError,
            "sample_weight must be None, adversarial losses have no use for it.",
        ),
    ],
)
def test_data_that_do_not_fit(data, options, error, sentence):
    gan = small.compiled(small.model(), run_eagerly=True, **small.TWICE)
    with pytest.raises(error) as caught:
        gan.fit(data, batch_size=64, verbose=0, **options)
    assert sentence in str(caught.value)


def test_arguments_by_position():
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    gan = small.compiled(small.model(seed=1))
    history = gan.fit(small.REAL, None, 64, 2, 0, [callback], 0.0, (small.REAL[:64],), False)
    assert seen == [0, 1]
    assert len(history.history["val_penalty"]) == 2
    assert len(gan.evaluate(small.REAL, None, 64, 0)) == 4


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_weights_without_labels_are_refused(method):
    """Keras drops them."""
    gan = small.compiled(small.model(seed=1))
    with pytest.raises(ValueError, match=rf"StepModel.{method}: sample_weight must come with y, without which Keras"):
        getattr(gan, method)(small.REAL, sample_weight=small.SHARE[:, 0], verbose=0)


@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
def test_weights_of_a_batch_are_refused(method):
    gan = small.compiled(small.model(seed=1), run_eagerly=True)
    with pytest.raises(ValueError, match="sample_weight must be"):
        getattr(gan, method)(small.REAL[:8], sample_weight=small.SHARE[:8, 0])


def test_checkpoints_are_plain_files(tmp_path):
    """The model checkpoint of Keras, whole models, one an epoch."""
    gan = with_everything()
    path = tmp_path / "{epoch}.keras"
    small.fit(gan, epochs=2, data=small.REAL, callbacks=[keras.callbacks.ModelCheckpoint(path)])
    assert sorted(p.name for p in pathlib.Path(tmp_path).iterdir()) == ["1.keras", "2.keras"]
    assert_same(state(keras.saving.load_model(tmp_path / "2.keras")), state(gan))
