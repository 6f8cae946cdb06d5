"""`polyloss.gradient`: first and second order, several arguments, layers with state, eager and compiled."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import polyloss
from polyloss import framework
from tests.training import small

BACKEND = keras.backend.backend()
pytestmark = [
    pytest.mark.gradients,
    # what torch.compile says of PyTorch's own code
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]
X = np.random.default_rng(3).normal(size=(4, 3)).astype("float32")


def array(x):
    return ops.convert_to_numpy(x)


def jitted(f):
    """`f` compiled the way the backend compiles."""
    if BACKEND == "jax":
        import jax

        return jax.jit(f)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(f, jit_compile=True)
    import torch

    return torch.compile(f, backend="aot_eager")


@pytest.mark.parametrize("wrap", [lambda f: f, jitted], ids=["eager", "jit"])
def test_first_and_second_order(wrap):
    cube = polyloss.gradient(lambda x: x * x * x)
    twice = polyloss.gradient(cube)
    x = ops.convert_to_tensor(X)
    np.testing.assert_allclose(array(wrap(cube)(x)), 3 * X**2, rtol=1e-6)
    np.testing.assert_allclose(array(wrap(twice)(x)), 6 * X, rtol=1e-6)


def test_several_arguments_and_keywords():
    def f(a, b, *, scale):
        return scale * a * b

    da, db = polyloss.gradient(f, argnums=(0, 1))(ops.convert_to_tensor(X), ops.convert_to_tensor(2 * X), scale=3.0)
    np.testing.assert_allclose(array(da), 6 * X, rtol=1e-6)
    np.testing.assert_allclose(array(db), 3 * X, rtol=1e-6)
    alone = polyloss.gradient(f, argnums=1)(ops.convert_to_tensor(X), ops.convert_to_tensor(X), scale=1.0)
    np.testing.assert_allclose(array(alone), X)


def test_what_f_reads_besides_is_a_constant():
    x = ops.convert_to_tensor(X)
    np.testing.assert_allclose(array(polyloss.gradient(lambda t: t * x)(x)), X)


def test_no_dependence_is_zero():
    x = ops.convert_to_tensor(X)
    np.testing.assert_array_equal(array(polyloss.gradient(lambda t: ops.ones((3,)))(x)), 0 * X)
    np.testing.assert_array_equal(array(polyloss.gradient(lambda a, b: b, argnums=0)(x, x)), 0 * X)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((3,), TypeError, "gradient: f must be a function. Got f=3."),
        ((abs, "0"), TypeError, "gradient: argnums must be a position or several. Got argnums='0'."),
        ((abs, True), TypeError, "gradient: argnums must be a position or several. Got argnums=True."),
    ],
)
def test_refusals(arguments, error, sentence):
    with pytest.raises(error) as caught:
        polyloss.gradient(*arguments)
    assert str(caught.value) == sentence


def test_a_position_without_argument_is_refused():
    with pytest.raises(ValueError, match="argnums must be positions below 1"):
        polyloss.gradient(lambda x: x, argnums=1)(ops.convert_to_tensor(X))


@pytest.mark.parametrize(
    "between",
    [layers.BatchNormalization, lambda: layers.Dropout(0.5, seed=1), layers.LayerNormalization],
    ids=["BatchNormalization", "Dropout", "LayerNormalization"],
)
def test_layers_with_state(between):
    net = small.network((3, 5, 1), 7, [between])
    x = ops.convert_to_tensor(X)

    def loss():
        slope = polyloss.gradient(lambda t: net(t, training=True))(x)
        return ops.sum(slope * slope)

    before = [array(v.value).copy() for v in net.variables]
    value, gradients = framework.value_and_grad(loss, net.trainable_variables)
    assert np.isfinite(array(value))
    assert all(np.isfinite(array(g)).all() for g in gradients)
    assert any(np.abs(array(g)).max() > 0 for g in gradients)
    moved = [
        not np.array_equal(old, array(v.value)) and not v.trainable
        for old, v in zip(before, net.variables, strict=True)
    ]
    assert any(moved) == (between is not layers.LayerNormalization)


# -- second-order gradients of the penalties against float64 finite differences -----------------------

SIZES = (3, 5, 1)
REAL, FAKE = np.random.default_rng(5).normal(size=(2, 6, 3)).astype("float32")
SHARE = np.random.default_rng(6).uniform(size=6).astype("float32")
SHIFT = np.random.default_rng(7).uniform(size=(6, 3)).astype("float32")


def norms(w, x):
    """Of the gradient of the critic w2 . tanh(x w1 + b1) + b2, in float64."""
    w1, b1, w2, _ = w
    hidden = np.tanh(x @ w1 + b1)
    return np.linalg.norm(((1 - hidden**2) * w2[:, 0]) @ w1.T, axis=1)


def interpolates():
    e = SHARE[:, None].astype("float64")
    return e * REAL + (1 - e) * FAKE


def perturbed():
    return REAL + 0.5 * REAL.astype("float64").std() * SHIFT


# From a weight to the penalty; its noise; what the weight multiplies; the weight by default.
PENALTIES = {
    "WGAN-GP": (polyloss.GradientPenalty, SHARE, lambda w: np.mean((norms(w, interpolates()) - 1) ** 2), 10.0),
    "WGAN-LP": (
        lambda weight: polyloss.GradientPenalty(weight, target=0.05, one_sided=True),
        SHARE,
        lambda w: np.mean(np.maximum(norms(w, interpolates()) - 0.05, 0) ** 2),
        10.0,
    ),
    "DRAGAN": (
        lambda weight: polyloss.GradientPenalty(weight, at="perturbed"),
        SHIFT,
        lambda w: np.mean((norms(w, perturbed()) - 1) ** 2),
        10.0,
    ),
    "R1": (
        lambda weight: polyloss.R1Penalty(2 * weight),
        None,
        lambda w: np.mean(norms(w, REAL.astype("float64")) ** 2),
        5.0,
    ),
    "R2": (
        lambda weight: polyloss.R2Penalty(2 * weight),
        None,
        lambda w: np.mean(norms(w, FAKE.astype("float64")) ** 2),
        5.0,
    ),
}


def finite_differences(f, w):
    """Central differences of 4th order in float64."""
    found = []
    for i in range(len(w)):
        slope = np.zeros_like(w[i])
        for index in np.ndindex(*w[i].shape):
            values = []
            for step in (-2, -1, 1, 2):
                moved = [a.copy() for a in w]
                moved[i][index] += step * 1e-3
                values.append(f(moved))
            slope[index] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-3
        found.append(slope)
    return found


def check_second_order(name, weighted, fault=lambda penalty: penalty):
    """The gradient by the critic's weights: 1e-6 off at most, times the weight, and of the largest gradient.

    Returns the worst error and the largest gradient.
    """
    make, noise, exact, default = PENALTIES[name]
    weight = default if weighted else 1.0
    penalty = fault(make(weight))
    critic = small.network(SIZES, 7)
    w = [a.astype("float64") for a in small.weights(SIZES, 7)]
    value, gradients = framework.value_and_grad(
        lambda: penalty(critic, ops.convert_to_tensor(REAL), ops.convert_to_tensor(FAKE), noise),
        critic.trainable_variables,
    )
    assert float(value) == pytest.approx(weight * exact(w), rel=1e-6)
    expected = [weight * g for g in finite_differences(exact, w)]
    largest = max(np.abs(g).max() for g in expected)
    worst = max(np.abs(array(g) - e).max() for g, e in zip(gradients, expected, strict=True))
    assert largest > 0.1 * weight
    assert worst < 1e-6 * weight, (worst, largest)
    assert worst < 1e-6 * largest, (worst, largest)
    return float(worst), float(largest)


@pytest.mark.parametrize("weighted", [False, True], ids=["weight 1", "weight by default"])
@pytest.mark.parametrize("name", PENALTIES)
def test_second_order(name, weighted, evidence):
    found = check_second_order(name, weighted)
    evidence.second_order[f"{name}, weight {PENALTIES[name][-1] if weighted else 1.0:g}"] = found


def check_flat_critic(name, fault=lambda penalty: penalty):
    """A critic whose gradient is 0 everywhere."""
    make, noise, _, default = PENALTIES[name]
    critic = small.network(SIZES, 7)
    for v in critic.variables:
        v.assign(ops.zeros_like(v.value))
    value, gradients = framework.value_and_grad(
        lambda: fault(make(default))(critic, ops.convert_to_tensor(REAL), ops.convert_to_tensor(FAKE), noise),
        critic.trainable_variables,
    )
    at_zero = {"WGAN-GP": 10.0, "DRAGAN": 10.0}.get(name, 0.0)
    assert float(value) == at_zero
    for g in gradients:
        np.testing.assert_array_equal(array(g), 0)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_flat_critic_gives_no_nan(name):
    check_flat_critic(name)


def check_norm(gradient_norms):
    """The norm is over all dimensions of a sample."""
    images = np.random.default_rng(1).normal(size=(3, 4, 5, 2)).astype("float32")
    slope = np.random.default_rng(2).normal(size=(4, 5, 2)).astype("float32")
    found = gradient_norms(
        lambda x: ops.sum(x * ops.convert_to_tensor(slope), axis=(1, 2, 3)), ops.convert_to_tensor(images)
    )
    np.testing.assert_allclose(array(found), [np.linalg.norm(slope)] * 3, rtol=1e-6)


def test_the_norm_is_over_all_dimensions_of_a_sample():
    check_norm(polyloss.gradient_norms)


# -- planted faults, which these checks must catch ----------------------------------------------------


def heavier(penalty):
    """0.01 % too large."""
    return lambda *args: 1.0001 * penalty(*args)


def constant(penalty):
    """Right values without a second derivative, as of a gradient that is not differentiable again."""
    return lambda *args: ops.stop_gradient(penalty(*args)) + 0.0 * penalty(*args)


def plain_root(penalty):
    """The norm as a plain square root, at the same points, whose derivative at 0 is infinite."""

    def fault(critic, real, fake, noise):
        slope = polyloss.gradient(critic)(real)
        return ops.mean((ops.sqrt(ops.sum(slope * slope, axis=1)) - 1) ** 2)

    return fault


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("fault", [heavier, constant])
def test_planted_second_order(name, fault, caught):
    caught(lambda: check_second_order(name, True, fault))


def test_planted_plain_root(caught):
    caught(lambda: check_flat_critic("WGAN-GP", plain_root))


def test_planted_norm_by_pixel(caught):
    """The sample code of the problem set: the norm over one axis, averaged over the others."""

    def by_pixel(critic, x):
        slope = polyloss.gradient(critic)(x)
        return ops.mean(ops.sqrt(ops.sum(slope * slope, axis=1)), axis=(1, 2))

    caught(lambda: check_norm(by_pixel))
