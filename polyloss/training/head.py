"""A last layer with many outputs, and a model that trains it without them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from polyloss.core.parameters import refuse
from polyloss.framework import private
from polyloss.losses.vocabulary import LinearCrossentropyLoss


@keras.saving.register_keras_serializable("polyloss")
class LinearHead(keras.layers.Layer):
    r"""A linear layer that ends a model: logits over a vocabulary, with a kernel of its own or that of an Embedding.

    .. math:: x = h K + b

    In a `LinearHeadModel` its outputs are there where predictions are asked for, and not while the model trains or is
    evaluated. In any other model it is a `keras.layers.Dense`, or an Embedding used again.

    Args:
        units: How many outputs there are; None where it is `tied_to` an Embedding.
        tied_to: A `keras.layers.Embedding`, whose table (classes, D) is the kernel; both learn it. None: a kernel of
            its own.
        use_bias: Whether b is there.
        kernel_initializer: Of a kernel of its own.
        **kwargs: Of a `keras.layers.Layer`: ``name``, ``dtype``.

    Raises:
        ValueError: where both `units` and `tied_to` are given, or neither; when it is built, where the Embedding has
            another width than the hidden states.
        TypeError: where `tied_to` is no Embedding.

    >>> head = polyloss.training.LinearHead(5)
    >>> tuple(head(np.zeros((2, 7, 3), "float32")).shape)
    (2, 7, 5)
    """

    def __init__(
        self,
        units: int | None = None,
        *,
        tied_to: keras.layers.Embedding | None = None,
        use_bias: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (units is None) == (tied_to is None):
            refuse("LinearHead", "units", "be given where there is no tied_to, and only there", units)
        if tied_to is not None and not isinstance(tied_to, keras.layers.Embedding):
            refuse("LinearHead", "tied_to", "be a keras.layers.Embedding", tied_to, TypeError)
        self.units = units
        self.tied_to = tied_to
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True
        self._hands_on: str | None = None
        self._handed: tuple[Any, ...] | None = None

    @property
    def outputs(self) -> int | None:
        """How many there are."""
        return self.units if self.tied_to is None else int(self.tied_to.input_dim)

    def build(self, input_shape: Any) -> None:
        """Makes a kernel of its own, and the bias."""
        depth = input_shape[-1]
        if self.tied_to is None:
            self._kernel = self.add_weight((depth, self.outputs), self.kernel_initializer, name="kernel")
        elif self.tied_to.output_dim != depth:
            refuse(
                self.name, "tied_to.output_dim", f"be {depth}, the width of the hidden states", self.tied_to.output_dim
            )
        elif not self.tied_to.built:
            self.tied_to.build()
        self.bias = self.add_weight((self.outputs,), "zeros", name="bias") if self.use_bias else None

    @property
    def kernel(self) -> Any:
        """(D, outputs), or (outputs, D) where it is tied."""
        return self._kernel if self.tied_to is None else self.tied_to.embeddings

    def call(self, hidden: Any, mask: Any = None) -> Any:
        """Logits; in a step of a `LinearHeadModel` the hidden states as they are, unless metrics look at logits."""
        kernel = keras.ops.cast(keras.ops.convert_to_tensor(self.kernel), self.compute_dtype)
        if self._hands_on is not None:
            bias = [] if self.bias is None else [keras.ops.convert_to_tensor(self.bias)]
            self._handed = (hidden, kernel, *bias), mask
            if self._hands_on == "hidden":
                return hidden
        logits = hidden @ (kernel if self.tied_to is None else keras.ops.transpose(kernel))
        return logits if self.bias is None else logits + keras.ops.cast(self.bias, logits.dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """That of the logits."""
        return (*input_shape[:-1], self.outputs)

    def get_config(self) -> dict[str, Any]:
        """Everything that makes the same layer again, the Embedding that it is tied to among it."""
        return {
            **super().get_config(),
            "units": self.units,
            "tied_to": keras.saving.serialize_keras_object(self.tied_to),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LinearHead:
        """The layer that `get_config` described."""
        return cls(**{**config, "tied_to": keras.saving.deserialize_keras_object(config["tied_to"])})


@keras.saving.register_keras_serializable("polyloss")
class LinearHeadModel(keras.Model):
    """A Keras model that ends in a `LinearHead`, and is trained and evaluated without its logits.

    It is made, compiled, trained, saved and loaded as a `keras.Model` is. With `LinearCrossentropyLoss` as its loss
    `fit` and `evaluate` give the loss what comes into the head and its kernel; `predict` and a call give logits. With
    any other loss it is an ordinary model. Metrics see logits, which then are there once, without a gradient; the loss
    itself costs none.

    `soft_cap` and `classes` are the loss's: logits that `predict` gives are as the head makes them.

    Raises:
        ValueError: in a step with `LinearCrossentropyLoss`, where the model does not end in one `LinearHead` alone, or
            was compiled with `loss_weights`.

    >>> tokens = keras.Input((None,), dtype="int32")
    >>> embedding = keras.layers.Embedding(50, 8)
    >>> outputs = polyloss.training.LinearHead(tied_to=embedding)(embedding(tokens))
    >>> model = polyloss.training.LinearHeadModel(tokens, outputs)
    >>> model.compile(optimizer="adam", loss=polyloss.LinearCrossentropyLoss())
    >>> model.predict(np.zeros((2, 5), "int32"), verbose=0).shape
    (2, 5, 50)
    """

    def _head(self) -> LinearHead:
        """The layer that the model ends in."""
        heads = [layer for layer in private.flat_layers(self) if isinstance(layer, LinearHead)]
        if len(heads) != 1 or (getattr(self, "outputs", None) is not None and len(self.outputs) != 1):
            refuse("LinearHeadModel", "the layers", "hold one LinearHead, which is the only output", heads)
        return heads[0]

    @contextlib.contextmanager
    def _without_logits(self) -> Iterator[None]:
        """Inside, the head hands on what comes into it."""
        if not isinstance(self.loss, LinearCrossentropyLoss):
            yield
            return
        head = self._head()
        head._hands_on = "hidden" if self._compile_metrics is None else "both"
        try:
            yield
        finally:
            head._hands_on = head._handed = None

    def train_step(self, *args: Any) -> Any:
        """Keras's, without logits."""
        with self._without_logits():
            return super().train_step(*args)

    def test_step(self, *args: Any) -> Any:
        """Keras's, without logits."""
        with self._without_logits():
            return super().test_step(*args)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of what came into the head, and the losses that layers added; outside a step that of `y_pred`."""
        head = self._head() if isinstance(self.loss, LinearCrossentropyLoss) else None
        if head is None or head._handed is None:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        if (weights := self._compile_loss._user_loss_weights) is not None:
            refuse("LinearHeadModel", "loss_weights", "be None with one loss", weights)
        (hidden, *of_layer), mask = head._handed
        if mask is not None:
            private.set_keras_mask(hidden, mask)
        loss = self.loss
        if loss.transpose_kernel != (head.tied_to is not None):
            loss = type(loss).from_config({**loss.get_config(), "transpose_kernel": head.tied_to is not None})
        total = loss(y, (hidden, *of_layer), sample_weight)
        for more in self.losses:
            total = total + self._aggregate_additional_loss(more)
        return total
