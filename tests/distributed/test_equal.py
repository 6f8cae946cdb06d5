"""A loss on many devices is that of one device, in value and gradient: each engine, each loss. `nox -s distributed`.

The controls are common faults, which must be seen: without them this test could be blind.
"""

from __future__ import annotations

import os

import pytest

from tests.distributed.launch import BOUND, judge, reports

ONLY = pytest.mark.skipif
BACKEND = os.environ.get("KERAS_BACKEND")
CASES, QUICK, CONTROLS, RING = 22, 4, 3, 1


def ranks(world: int, *how: str) -> list[list[str]]:
    return [[*how, str(rank), str(world)] for rank in range(world)]


@ONLY(BACKEND != "jax", reason="of JAX")
def test_shard_map_and_pmap() -> None:
    judge(reports("jax_mapped", [[]]), engines=3, cases=CASES + RING, controls=CONTROLS)


@ONLY(BACKEND != "jax", reason="of JAX")
def test_keras_distribution() -> None:
    """The view is global: Keras's own masked mean, and a loss that gathers nothing, are right here too."""
    found = reports("jax_global", [[]])
    assert all(line["equal"] for line in found)
    judge(found, engines=2, cases=CASES, controls=0)


@ONLY(BACKEND != "jax", reason="of JAX")
def test_two_jax_processes() -> None:
    judge(reports("jax_processes", ranks(2)), engines=1, cases=CASES, controls=0)


@ONLY(BACKEND != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize(("replicas", "how"), [(2, "fit"), (4, "loop")])
def test_mirrored_strategy(replicas: int, how: str) -> None:
    judge(reports("tensorflow_mirrored", [[str(replicas), how]]), engines=1, cases=CASES, controls=CONTROLS)


@ONLY(BACKEND != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize(("replicas", "how"), [(4, "fit"), (2, "uneven"), (2, "empty")])
def test_mirrored_strategy_in_fit(replicas: int, how: str) -> None:
    """Four replicas, and a last batch of unequal parts, or of none: a few losses, since every `fit` is traced anew."""
    judge(reports("tensorflow_mirrored", [[str(replicas), how, "--quick"]]), engines=1, cases=QUICK, controls=1)


@ONLY(BACKEND != "tensorflow", reason="of TensorFlow")
def test_multi_worker_mirrored_strategy() -> None:
    judge(reports("tensorflow_workers", ranks(2)), engines=1, cases=CASES, controls=CONTROLS)


@ONLY(BACKEND != "torch", reason="of PyTorch")
@pytest.mark.parametrize(("world", "how"), [(2, "ddp"), (4, "ddp"), (2, "uneven"), (4, "uneven"), (2, "fit")])
def test_torch_processes(world: int, how: str) -> None:
    cases = CASES + RING * (how == "ddp")
    judge(reports("torch_processes", ranks(world, how)), engines=1, cases=cases, controls=CONTROLS)


@ONLY(BACKEND != "torch", reason="of PyTorch")
def test_fully_sharded_module() -> None:
    """All but the cases with a mask, which is Keras's: the module is none."""
    judge(reports("torch_sharded", ranks(2)), engines=1, cases=CASES - 2, controls=CONTROLS - 1)


@ONLY(BACKEND != "jax", reason="of JAX")
def test_a_vocabulary_on_several_devices() -> None:
    """The head of a language model: own kernel and tied; the control shows that a gathered kernel would be seen."""
    *trained, spread, control = reports("jax_vocabulary", [[]])
    assert len(trained) == 2
    for line in trained:
        assert line["value"] < BOUND, line
        assert line["gradient"] < BOUND, line
    assert spread["gathered"] == 0, spread
    assert control["gathered"] > 0, control


# -- models of two networks, and steps of one's own ---------------------------------------------------

GANS = 5


@ONLY(BACKEND != "jax", reason="of JAX")
def test_adversarial_training_under_keras_distribution() -> None:
    judge(reports("jax_gans", [[]]), engines=1, cases=GANS, controls=0)


@ONLY(BACKEND != "tensorflow", reason="of TensorFlow")
def test_adversarial_training_under_mirrored_strategy() -> None:
    """The last batch falls on the replicas in unequal parts."""
    judge(reports("tensorflow_gans", [["2", "1"]]), engines=1, cases=GANS, controls=1)


@ONLY(BACKEND != "torch", reason="of PyTorch")
@pytest.mark.parametrize("parts", ["even", "uneven"])
def test_adversarial_training_in_torch_processes(parts: str) -> None:
    """Each process logs the same, and has the same weights: a line of each."""
    judge(reports("torch_gans", [[parts, *rank] for rank in ranks(2)]), engines=2, cases=GANS, controls=1)


@ONLY(BACKEND != "torch", reason="of PyTorch")
def test_processes_that_average_nothing_drift() -> None:
    """The fault that the test above is there to see: each process steps down its own gradient."""
    judge(reports("torch_gans", [["drift", *rank] for rank in ranks(2)]), engines=2, cases=0, controls=GANS + 1)
