"""The only code of polyloss that touches a framework: what Keras 3 has no op for.

One module a framework, the same names in each:

``EXACT_LOG_SOFTMAX``
    Whether `polyloss.numerics.log_softmax` spells the formula out. On JAX that costs nothing; the kernels
    of TensorFlow and PyTorch are 2 to 4 times faster than the spelled-out form and right to one ulp of
    1.0, so there speed decides.
``fused(f)``
    Decorator of a primitive with tensors and a static `axis`: one call of the framework where it would be
    many when run eagerly (JAX), else nothing.
``entry_point(f)``
    Decorator of what users call: keeps TensorFlow's AutoGraph from rewriting our source.
``clip(x, low, high)``, ``at_label(x, labels, axis)``
    The framework's own where it is faster than `keras.ops` and keeps gradient and float64; else None.
``replica_count()``
    By how many replicas the training engine will add up what a loss returns.
"""

import importlib

import keras

_backend = keras.backend.backend()
_framework = importlib.import_module(
    f"polyloss.framework.{_backend if _backend in ('jax', 'tensorflow', 'torch') else 'values_only'}"
)

EXACT_LOG_SOFTMAX: bool = _framework.EXACT_LOG_SOFTMAX
fused = _framework.fused
entry_point = _framework.entry_point
clip = _framework.clip
at_label = _framework.at_label
replica_count = _framework.replica_count
