"""Autoencoders behind a front end: what is put together again, how badly, and how strange that is."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import (
    Layer,
    Whole,
    channels_of,
    check_child,
    inside,
    layer,
    out_spec,
    same_channels,
    where_present,
)
from jaxlisten.nn.time import Reach, Stepwise, Windowed, check_floating, check_window, reach_of, silenced, valid_steps
from jaxlisten.types import Array, Padded, Pair, Params, State


@layer
class Stack(Windowed):
    """Lay the steps around each step side by side: ``[*batch, time, channel]`` to ``[*batch, time, window * channel]``.

    Outside the signal there are zeros.

    Args:
        window: steps, the earliest first.
        lookahead: how many of them lie ahead; None: half of them.
    """

    window: int
    lookahead: int | None = None

    def __post_init__(self) -> None:
        check_window(self)

    def reach(self) -> Reach:
        return reach_of(self)

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        n = x.shape[-2] - self.window + 1
        return jnp.concatenate([x[..., k : k + n, :] for k in range(self.window)], axis=-1), state


@layer
class Reconstruction(Whole):
    """An autoencoder of features: what it makes of them, and the square of what it gets wrong.

    With f the features, c the code and g the decoder, steps ``[*batch, time, features]`` become
    ``[g(c), (f - g(c))^2]``, ``[*batch, time, 2 features]``. Given a `Pair`, as in the training of `denoising`, the
    code is of its noisy ``x``, and f the features of its clean ``y``.

    With a `divergence` the autoencoder is variational: the encoder gives means m and logarithms of variances v, twice
    as many numbers as the code has. In training the code is drawn, ``c = m + exp(v / 2) e`` with e normal; otherwise
    it is m. And each squared error is larger by ``divergence D / features``, with the distance of what is drawn from to
    the standard normal distribution, ``D = sum(m^2 + exp(v) - 1 - v) / 2``.

    Args:
        front_end: from the input to features that all weigh alike, such as a `LogMel` and a `Normalize`.
        encoder, decoder: from features to codes, and back.
        divergence: how much D counts; 0: the autoencoder is a plain one.

    Reference:
        Vincent et al. 2008 (denoising); Kingma and Welling 2014, appendix B (variational).
    """

    front_end: Layer
    encoder: Layer
    decoder: Layer
    divergence: float = 0.0

    def __post_init__(self) -> None:
        for name, child in self.children():
            check_child(self, name, child)
        if self.divergence < 0:
            refuse(self, "divergence of 0 or more", str(self.divergence))

    def children(self) -> list[tuple[str, Layer]]:
        """The layers within, by their names."""
        return [(name, getattr(self, name)) for name in ("front_end", "encoder", "decoder")]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers within."""
        return tuple(child for _, child in self.children())

    def code(self, x: Any) -> Any:
        """Return the shape of the code that is made of what the encoder gives."""
        return jax.eval_shape(lambda x: _code(self, x, None)[0], x)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        params, state = {}, {}
        for index, (name, child) in enumerate(self.children()):
            with inside(name):
                p, s = child.init(jax.random.fold_in(key, index), x)
                x = out_spec(child, p, s, x)
            if name == "encoder":
                x = self.code(x)
            params |= {name: p} if p else {}
            state |= {name: s} if s else {}
        return params, state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        new, keys = dict[str, Any](), [None] * 4 if key is None else list(jax.random.split(key, 4))

        def run(name: str, x: Any, key: Any) -> Any:
            with inside(name), jax.named_scope(name):
                child = getattr(self, name)
                y, new[name] = child.apply(params.get(name, {}), state.get(name, {}), x, key=key, train=train)
            return y

        heard = run("front_end", x.x if isinstance(x, Pair) else x, keys[0])
        wanted = heard
        if isinstance(x, Pair):
            wanted = self.front_end.apply(params.get("front_end", {}), new["front_end"], x.y)[0]
        if train and self.divergence and key is None:
            refuse(self, "a key for train=True", "key=None", "pass key=jax.random.key(...)")
        code, divergence = _code(self, run("encoder", heard, keys[1]), keys[3] if train else None)
        made = run("decoder", code, keys[2])
        values, features = _values(made), _values(wanted)
        same_channels(self, values, features.shape[-1])
        if values.shape != features.shape:
            refuse(self, f"a decoder that gives {features.shape}", str(values.shape), "is its stride undone?")
        errors = jnp.square(ops.widened(features) - ops.widened(values)) + divergence / features.shape[-1]
        y = jnp.concatenate([values, errors.astype(values.dtype)], axis=-1)
        return (Padded(y, made.length) if isinstance(made, Padded) else y), {k: s for k, s in new.items() if s}

    def out_length(self, n: Any) -> Any:
        for child in self.layers:
            n = child.out_length(n)
        return n


def _code(layer: Reconstruction, x: Any, key: Any) -> tuple[Any, Any]:
    """Return the code of what the encoder gives, and its divergence ``[*batch, time, 1]``."""
    if not layer.divergence:
        return x, 0.0
    values = _values(x)
    if values.shape[-1] % 2:
        refuse(layer, "an encoder that gives means and as many variances", str(values.shape), "is its size odd?")
    mean, log_variance = jnp.split(values, 2, axis=-1)
    # A variance that is far out of range at the beginning of training must not be the end of it.
    log_variance = jnp.clip(log_variance, -10.0, 10.0)
    apart = 0.5 * (jnp.square(mean) + jnp.exp(log_variance) - 1 - log_variance).sum(axis=-1, keepdims=True)
    drawn = mean
    if key is not None:
        drawn = mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape, mean.dtype)
    return (Padded(drawn, x.length) if isinstance(x, Padded) else drawn), layer.divergence * ops.widened(apart)


def _values(x: Any) -> Any:
    return x.values if isinstance(x, Padded) else x


@layer
class Description(Whole):
    """What an autoencoder makes of a clip as a whole: ``[*batch, time, 2 k]`` to ``[*batch, 1 + 3 k]``.

    Of `Reconstruction`, for k features: the mean error; the mean and the deviation over time of what came out; and the
    logarithm of the mean error of each feature.

    Args:
        epsilon: added to variances, and to errors before the logarithm.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        if self.epsilon <= 0:
            refuse(self, "epsilon above 0", str(self.epsilon))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        if channels_of(self, x, least_ndim=2) % 2:
            refuse(self, "x [*batch, time, 2 features]", str(tuple(_values(x).shape)), "is there a Reconstruction?")
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        values = _values(x)
        check_floating(self, values)
        weight = jnp.ones(values.shape[:-1], bool)
        if isinstance(x, Padded):
            weight = jnp.broadcast_to(valid_steps(x), weight.shape)
            values = silenced(values, weight)
        share = ops.widened(weight.astype(values.dtype))[..., None]
        share = share / jnp.maximum(share.sum(axis=-2, keepdims=True), 1.0)
        made, errors = jnp.split(ops.widened(values), 2, axis=-1)
        mean, error = (made * share).sum(axis=-2), (errors * share).sum(axis=-2)
        deviation = jnp.sqrt((jnp.square(made - mean[..., None, :]) * share).sum(axis=-2) + self.epsilon)
        parts = [error.mean(axis=-1, keepdims=True), mean, deviation, jnp.log(jnp.maximum(error, 0.0) + self.epsilon)]
        y = jnp.concatenate(parts, axis=-1)
        if isinstance(x, Padded):
            y = jnp.where(jnp.asarray(x.length)[..., None] > 0, y, 0.0)
        return y.astype(values.dtype), state

    def out_length(self, n: Any) -> Any:
        return where_present(n, 1)


@layer
class Novelty(Stepwise):
    """How strange a described clip is: ``[*batch, 1 + k]`` to ``[*batch, 2]``, the mean error and the novelty.

    With d the last k numbers of the description, and their means m and deviations s over normal clips, as
    `jaxlisten.calibrate` leaves them in the state::

        novelty = mean(((d - m) / s)^2)

    Nothing is trained, and the novelty of normal clips is about 1.
    """

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        k = channels_of(self, x) - 1
        return {}, {"mean": jnp.zeros(k), "deviation": jnp.ones(k)}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        same_channels(self, x, 1 + state["mean"].shape[0])
        strange = jnp.square((ops.widened(x[..., 1:]) - state["mean"]) / state["deviation"])
        return jnp.concatenate([x[..., :1], strange.mean(axis=-1, keepdims=True).astype(x.dtype)], axis=-1), state
