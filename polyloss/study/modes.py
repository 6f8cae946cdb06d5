"""How a model is compiled in a study."""

from __future__ import annotations

from typing import Any

MODES: dict[str, dict[str, Any]] = {
    "eager": {"run_eagerly": True, "jit_compile": False},
    "jit": {"run_eagerly": False, "jit_compile": True},
    "auto": {"run_eagerly": False, "jit_compile": "auto"},
    "loop": {"run_eagerly": False, "jit_compile": "auto"},
}
"""The options of `compile`: jit asks for jax.jit, XLA and torch.compile; auto for what Keras chooses.

A loop is the framework's own, compiled as in auto: what `fit` is measured by. It is run once.
"""

COMPILED = ("jax.jit", "tf.function with XLA", "torch.compile")
"""What `polyloss.framework.process.compiled_by` says of a model that was compiled as far as jit asks."""
