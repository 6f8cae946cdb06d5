"""Memory and time of the losses that never hold a table, beside the plain form and the framework's own.

    KERAS_BACKEND=jax python backends/bench_linear.py crossentropy --rows 4096 --depth 512 --classes 65536
    KERAS_BACKEND=torch python backends/bench_linear.py ntxent --rows 8192 --depth 128
    KERAS_BACKEND=torch python backends/bench_linear.py distillation --rows 2048 --depth 256 --classes 32768
    KERAS_BACKEND=tensorflow python backends/bench_linear.py crossentropy --mode xla --dtype bfloat16

One forward and backward pass with a random weight for each value. A process of its own for each form, in turns; the
time is the least over the rounds, since what else the machine does only adds to it: seconds on the clock, and of the
processor (which count the threads together, and not what other programs take). Peak: on JAX what the compiled
program asks for beside its inputs (exact); elsewhere the growth of the process's memory in its first pass after one on
small inputs. Gradients are compared with those of the plain form.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
MIB = 2.0**20


# -- what is measured -----------------------------------------------------------------------------


def forms(task: str, backend: str) -> dict[str, Callable[..., Any]]:
    """(labels, hidden, kernel), (teacher's hidden, kernel, student's hidden, kernel) or (views) to values, by name."""
    import keras
    from keras import ops

    import polyloss

    def logits(hidden: Any, kernel: Any) -> Any:
        return ops.cast(hidden @ kernel, "float32")

    if task == "ntxent":

        def plain(views: Any) -> Any:
            """As it is usually written: the table of all pairs, a softmax over it."""
            z = ops.concatenate([views[:, 0], views[:, 1]], axis=0)
            z = z / ops.sqrt(ops.sum(ops.square(z), axis=-1, keepdims=True))
            count = z.shape[0]
            number = ops.arange(count)
            table = ops.where(number[:, None] == number[None], -float("inf"), z @ ops.transpose(z) / 0.1)
            partner = (number + count // 2) % count
            value = keras.losses.sparse_categorical_crossentropy(partner, table, from_logits=True)
            return (value[: count // 2] + value[count // 2 :]) / 2

        return {"plain": plain, "polyloss": lambda views: polyloss.ntxent_loss(views[:, 0, 0], views, temperature=0.1)}
    if task == "distillation":

        def of_tables(g: Any, teacher: Any, h: Any, kernel: Any) -> Any:
            """As Keras has it: the divergence of two softmaxes."""
            p, q = (ops.softmax(logits(*side) / 2.0) for side in ((g, teacher), (h, kernel)))
            return 4 * keras.losses.kl_divergence(p, q)

        return {
            "plain": of_tables,
            "polyloss of tables": lambda g, t, h, k: polyloss.distillation_loss(logits(g, t), logits(h, k)),
            "polyloss": lambda g, t, h, k: polyloss.linear_distillation_loss(g, h, t, k),
            "polyloss, beta 0.5": lambda g, t, h, k: polyloss.linear_distillation_loss(g, h, t, k, beta=0.5),
        }
    found = {
        "plain": lambda y, h, k: keras.losses.sparse_categorical_crossentropy(y, logits(h, k), from_logits=True),
        "polyloss": lambda y, h, k: polyloss.linear_crossentropy(y, h, k),
    }
    if backend == "torch":
        import torch

        found["native"] = lambda y, h, k: torch.nn.functional.cross_entropy(logits(h, k), y.long(), reduction="none")
        if hasattr(torch.nn.functional, "linear_cross_entropy"):
            found["native linear"] = lambda y, h, k: torch.nn.functional.linear_cross_entropy(
                h, k.t(), y.long(), reduction="none"
            )
    elif backend == "jax":
        import optax

        found["native"] = lambda y, h, k: optax.softmax_cross_entropy_with_integer_labels(logits(h, k), y)
    elif backend == "tensorflow":
        import tensorflow as tf

        found["native"] = lambda y, h, k: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits(h, k))
    return found


def inputs(task: str, rows: int, depth: int, classes: int, dtype: str) -> tuple[list[Any], list[Any]]:
    """Tensors without and with a gradient, the weights first."""
    import numpy as np
    from keras import ops

    rng = np.random.default_rng(0)

    def tensor(*shape: int, scale: float = 1.0) -> Any:
        return ops.cast(ops.convert_to_tensor(rng.standard_normal(shape, dtype="float32") * scale), dtype)

    weight = ops.convert_to_tensor(rng.uniform(0, 2, rows).astype("float32"))
    if task == "ntxent":
        return [weight], [tensor(rows, 2, depth)]
    layer = [tensor(rows, depth), tensor(depth, classes, scale=depth**-0.5)]
    if task == "distillation":
        return [weight, tensor(rows, depth), tensor(depth, classes, scale=depth**-0.5)], layer
    labels = ops.convert_to_tensor(rng.integers(0, classes, rows).astype("int32"))
    return [weight, labels], layer


# -- one form, in this process --------------------------------------------------------------------


def memory(what: str) -> float:
    """MiB of this process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def measured(options: argparse.Namespace) -> dict[str, float]:
    """Seconds and MiB of one form; its gradients go to a file."""
    import keras
    import numpy as np
    from keras import ops

    backend = keras.backend.backend()
    form = forms(options.task, backend)[options.form]

    def loss(given: list[Any], by: list[Any]) -> Any:
        weight, *rest = given
        return ops.sum(form(*rest, *by) * weight) / weight.shape[0]

    run = passes(backend, options.mode, loss)
    given, by = inputs(options.task, options.rows, options.depth, options.classes, options.dtype)
    result: dict[str, float] = {}
    if backend == "jax":
        import jax

        compiled = jax.jit(jax.value_and_grad(loss, argnums=1)).lower(given, by).compile()
        asked = compiled.memory_analysis()
        result["beyond"] = asked.temp_size_in_bytes / MIB
        result["peak"] = result["beyond"] + asked.output_size_in_bytes / MIB
        run = lambda given, by: jax.block_until_ready(compiled(given, by))  # noqa: E731
        value, found = run(given, by)
    else:
        run(*inputs(options.task, 64, options.depth, min(options.classes, 1024), options.dtype))
        Path("/proc/self/clear_refs").write_text("5")
        before = memory("VmRSS")
        value, found = run(given, by)
        result["peak"] = memory("VmHWM") - before
        result["beyond"] = (
            result["peak"] - sum(int(np.prod(g.shape)) * g.dtype.itemsize for g in by) / MIB
            if (backend == "torch")
            else result["peak"] - sum(int(np.prod(g.shape)) * g.dtype.size for g in by) / MIB
        )
    if options.gradients:
        np.savez(options.gradients, *(ops.convert_to_numpy(ops.cast(g, "float32")) for g in found))
    del value, found
    clocks = {"seconds": time.perf_counter, "processor": time.process_time}
    for _ in range(options.repeats):
        start = {what: clock() for what, clock in clocks.items()}
        run(given, by)
        for what, clock in clocks.items():
            result[what] = min(result.get(what, float("inf")), clock() - start[what])
    return result


def passes(backend: str, mode: str, loss: Any) -> Callable[..., Any]:
    """Value and gradients, run as the mode says."""
    if backend == "torch":
        import torch

        def run(given: list[Any], by: list[Any]) -> Any:
            leaves = [x.detach().requires_grad_() for x in by]
            value = called(given, leaves)
            return value.detach(), torch.autograd.grad(value, leaves)

        called = torch.compile(loss) if mode == "compile" else loss
        return run
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=mode == "xla", autograph=False)
        def run(given: list[Any], by: list[Any]) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(by)
                value = loss(given, by)
            return value, tape.gradient(value, by)

        def waited(given: list[Any], by: list[Any]) -> Any:
            value, found = run(given, by)
            float(value)
            return value, found

        return waited
    return loss


# -- all of them, a process each ------------------------------------------------------------------


def compare(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Every form in turns, in processes of their own."""
    import numpy as np

    names = options.forms.split(",") if options.forms else list(forms(options.task, os.environ["KERAS_BACKEND"]))
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.rounds):
            for name in names:
                file = Path(folder) / f"{name}.npz"
                command = [sys.executable, __file__, *sys.argv[1:], "--form", name, "--repeats", str(options.repeats)]
                command += ["--gradients", str(file)] if not turn else []
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                new = json.loads(out.splitlines()[-1])
                kept = found.setdefault(name, {"form": name, **new})
                kept |= {what: min(kept[what], new[what]) for what in ("seconds", "processor")}
        saved = {name: list(np.load(Path(folder) / f"{name}.npz").values()) for name in names}
    first = names[0]
    for name in names:
        apart = [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(saved[name], saved[first], strict=True)]
        norm = [
            np.linalg.norm((a - b).ravel()) / np.linalg.norm(b.ravel())
            for a, b in zip(saved[name], saved[first], strict=True)
        ]
        found[name] |= {"gradients": [float(x) for x in apart], "norms": [float(x) for x in norm]}
        found[name] |= {
            f"{what} to {first}": found[name][what] / found[first][what] for what in ("seconds", "processor", "peak")
        }
    return list(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["crossentropy", "distillation", "ntxent"])
    parser.add_argument("--rows", type=int, default=4096, help="tokens, or samples of two views")
    parser.add_argument("--depth", type=int, default=512)
    parser.add_argument("--classes", type=int, default=65536)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--mode", default="", help="torch: eager or compile; tensorflow: graph or xla")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--forms", default="", help="some of them, the one to compare with first")
    parser.add_argument("--form", help=argparse.SUPPRESS)
    parser.add_argument("--gradients", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        print(json.dumps(measured(options)))
        return
    shape = f"{options.rows} x {options.depth}" + (f" x {options.classes}" if options.task != "ntxent" else "")
    print(f"{os.environ['KERAS_BACKEND']} {options.mode} {options.task} {shape} {options.dtype}")
    for row in compare(options):
        ratios = ", ".join(f"{name} {value:.3f}" for name, value in row.items() if " to " in name)
        errors = " ".join(f"{e:.1e}" for e in [*row["gradients"], *row["norms"]])
        print(
            f"  {row['form']:14s} {row['seconds']:7.2f} s ({row['processor']:.2f})  peak {row['peak']:7.0f} MiB (beyond the gradients "
            f"{row['beyond']:7.0f})  {ratios}  gradients apart {errors}",
            flush=True,
        )


if __name__ == "__main__":
    main()
