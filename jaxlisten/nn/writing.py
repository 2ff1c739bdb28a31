"""Layers that write: from the steps of an encoder to symbols, one after the other, each from those before it."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

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
    positive,
    same_channels,
    where_present,
)
from jaxlisten.nn.time import check_floating, silenced, valid_steps
from jaxlisten.ops import Decoded
from jaxlisten.types import Array, Padded, Params, Prompted, State

END = 0
"""What stands for the end of what is written, and before its first symbol; symbol i is token ``i + 1``."""

_NEVER = -30.0
"""The logit of all symbols behind the end."""
_NO_SCORE = -1e30


class Memory(NamedTuple):
    """What an attention decoder looks at.

    Attributes:
        values: ``[*batch, time, channel]``, 0 where they are not valid.
        keys: ``[*batch, time, size]``, what they are compared by.
        valid: ``[*batch, time]``.
    """

    values: Array
    keys: Array
    valid: Array


class Writing(NamedTuple):
    """What an attention decoder carries from symbol to symbol.

    Attributes:
        hidden: ``[*batch, units]``, of its GRU.
        context: ``[*batch, channel]``, what it looked at last.
        seen: ``[*batch, time]``, how much it has looked at each step so far.
    """

    hidden: Array
    context: Array
    seen: Array


@layer
class AttentionDecoder(Whole):
    """Write symbols, looking at steps: ``[*batch, time, channel]`` to ``[*batch, 1 + longest, 1 + symbols]``.

    With h the memory of a GRU, m the steps, u the sum of all attention so far and * a convolution over time::

        h_i = GRU(h_{i-1}, [embedding of symbol i - 1, c_{i-1}])
        a_i = softmax over t of  v . tanh(W_h h_i + W_m m_t + (K * u_{i-1})_t + b)
        c_i = sum_t a_it m_t,      u_i = u_{i-1} + a_i
        logits_i = W_o [h_i, c_i] + b_o

    Logit 0 is the end, logit ``i + 1`` symbol i. Given steps alone, symbol i - 1 is the most probable of logits i - 1,
    and behind the end every step says the end. Given `Prompted` steps, it is the true one, and there are as many logits
    as true symbols and the end.

    Args:
        symbols: how many there are.
        longest: of what it writes.
        units: size of the GRU.
        size: of an embedding, and of what steps are compared by.
        kernel: steps that K reaches over.

    Reference:
        Chorowski et al. 2015, *Attention-based models for speech recognition*, equations 5 to 9, with the sum of all
        attention so far in place of the last one.
    """

    symbols: int
    longest: int = 32
    units: int = 96
    size: int = 64
    kernel: int = 15

    def __post_init__(self) -> None:
        positive(self, "symbols", "longest", "units", "size", "kernel")

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels = channels_of(self, _steps_of(x), least_ndim=2)
        keys = iter(jax.random.split(key, 10))
        glorot, shape = jax.nn.initializers.glorot_uniform(), (self.size + channels, 3 * self.units)
        orthogonal = jax.nn.initializers.orthogonal()
        square = (self.units, self.units)
        return {
            "embedding": jax.random.normal(next(keys), (1 + self.symbols, self.size)) / jnp.sqrt(1.0 * self.size),
            "kernel": glorot(next(keys), shape, jnp.float32),
            "recurrent": jnp.concatenate([orthogonal(next(keys), square, jnp.float32) for _ in range(3)], axis=1),
            "bias": jnp.zeros(3 * self.units),
            "query": glorot(next(keys), (self.units, self.size), jnp.float32),
            "key": glorot(next(keys), (channels, self.size), jnp.float32),
            "location": glorot(next(keys), (self.kernel, self.size), jnp.float32),
            "key_bias": jnp.zeros(self.size),
            "score": jax.random.normal(next(keys), (self.size,)) / jnp.sqrt(1.0 * self.size),
            "logits": glorot(next(keys), (self.units + channels, 1 + self.symbols), jnp.float32),
            "logits_bias": jnp.zeros(1 + self.symbols),
        }, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        params, memory = self._memory(params, _steps_of(x, whole=True))
        if isinstance(x, Prompted):
            return self._taught(params, memory, x.symbols), state
        return self._greedy(params, memory), state

    def out_length(self, n: Any) -> Any:
        return where_present(n, 1 + self.longest)

    def begin(self, memory: Memory) -> Writing:
        """Return the carry before the first symbol."""
        batch, dtype = memory.values.shape[:-2], memory.values.dtype
        context = jnp.zeros((*batch, memory.values.shape[-1]), dtype)
        return Writing(jnp.zeros((*batch, self.units), dtype), context, jnp.zeros(memory.valid.shape, dtype))

    def write(self, params: Params, memory: Memory, carry: Writing, token: Array) -> tuple[Writing, Array]:
        """Take a token ``[*batch]``; return the next carry, and logits of the next token ``[*batch, 1 + symbols]``."""
        x = jnp.concatenate([params["embedding"][token], carry.context], axis=-1)
        hidden = _gru(params, carry.hidden, x)
        query = (hidden @ params["query"])[..., None, :]
        place = _around(carry.seen, self.kernel) @ params["location"]
        scores = jnp.tanh(query + memory.keys + place + params["key_bias"]) @ params["score"]
        weights = ops.masked_softmax(scores, memory.valid).astype(scores.dtype)
        context = (weights[..., None] * memory.values).sum(-2)
        logits = jnp.concatenate([hidden, context], axis=-1) @ params["logits"] + params["logits_bias"]
        return Writing(hidden, context, carry.seen + weights), logits

    def search(self, params: Params, x: Any, *, beams: int) -> Decoded:
        """Find the most probable sequences of each item by beam search.

        Args:
            params: of the layer.
            x: ``[batch, time, channel]``, or a `Padded` of it.
            beams: how many sequences are kept at each step.

        Returns:
            Symbols ``[batch, beams, longest]``, -1 behind the end of each, the most probable first, and their scores.
        """
        params, memory = self._memory(params, _steps_of(x, whole=True))
        return jax.vmap(lambda memory: self._searched(params, memory, beams))(memory)

    def _memory(self, params: Params, x: Any) -> tuple[Params, Memory]:
        values = x.values if isinstance(x, Padded) else x
        channels_of(self, values, least_ndim=2)
        check_floating(self, values)
        same_channels(self, values, params["key"].shape[0])
        valid = valid_steps(x) if isinstance(x, Padded) else jnp.ones(values.shape[:-1], bool)
        values = silenced(values, valid) if isinstance(x, Padded) else values
        params = {name: jnp.asarray(leaf, values.dtype) for name, leaf in params.items()}
        return params, Memory(values, values @ params["key"], valid)

    def _taught(self, params: Params, memory: Memory, symbols: Padded) -> Padded:
        """Return the logits at each step, given the true symbols before it."""
        present = jnp.arange(symbols.values.shape[-1]) < symbols.length[..., None]
        tokens = jnp.where(present, symbols.values + 1, END)
        tokens = jnp.concatenate([jnp.full((*tokens.shape[:-1], 1), END, tokens.dtype), tokens], axis=-1)
        write = functools.partial(self.write, params, memory)
        _, logits = jax.lax.scan(write, self.begin(memory), jnp.moveaxis(tokens, -1, 0))
        return Padded(jnp.moveaxis(logits, 0, -2), symbols.length + 1)

    def _greedy(self, params: Params, memory: Memory) -> Array:
        """Return the logits at each step, given what it has written itself."""
        batch = memory.values.shape[:-2]
        end = jnp.full(1 + self.symbols, _NEVER, memory.values.dtype).at[END].set(0)

        def step(now: tuple[Writing, Array, Array], _: None) -> tuple[tuple[Writing, Array, Array], Array]:
            carry, token, ended = now
            carry, logits = self.write(params, memory, carry, token)
            logits = jnp.where(ended[..., None], end, logits)
            token = jnp.argmax(logits, axis=-1)
            return (carry, token, ended | (token == END)), logits

        first = self.begin(memory), jnp.full(batch, END), jnp.zeros(batch, bool)
        _, logits = jax.lax.scan(step, first, None, length=1 + self.longest)
        return jnp.moveaxis(logits, 0, -2)

    def _searched(self, params: Params, memory: Memory, beams: int) -> Decoded:
        """Search for what is said in one item."""
        memory = jax.tree.map(lambda a: jnp.broadcast_to(a, (beams, *a.shape)), memory)
        stay = jnp.full((1 + self.symbols,), _NO_SCORE).at[END].set(0.0)

        def step(now: Any, at: Array) -> tuple[Any, None]:
            carry, written, score, ended = now
            token = jnp.where(at > 0, written[:, jnp.maximum(at - 1, 0)] + 1, END)
            carry, logits = self.write(params, memory, carry, token)
            each = jnp.where(ended[:, None], stay, jax.nn.log_softmax(logits.astype(jnp.float32)))
            score, best = jax.lax.top_k((score[:, None] + each).ravel(), beams)
            source, token = best // (1 + self.symbols), (best % (1 + self.symbols)).astype(jnp.int32)
            carry, written, ended = jax.tree.map(lambda a: a[source], (carry, written, ended))
            written = written.at[:, at].set(token - 1)
            return (carry, written, jnp.maximum(score, _NO_SCORE), ended | (token == END)), None

        begun = self.begin(memory), jnp.full((beams, 1 + self.longest), -1), jnp.zeros(beams, bool)
        score = jnp.full(beams, _NO_SCORE).at[0].set(0.0)
        first = (begun[0], begun[1], score, begun[2])
        (_, written, score, _), _ = jax.lax.scan(step, first, jnp.arange(1 + self.longest))
        return Decoded(written[:, : self.longest], score)


@layer
class EncoderDecoder(Whole):
    """An encoder of sound and a decoder that writes what is said in it; see `AttentionDecoder`.

    ``model.encoder.apply(params["encoder"], state["encoder"], x)`` gives what the decoder looks at. Given `Prompted`
    sound, as in training, each symbol is said from the true ones before it.

    Args:
        encoder: from sound to ``[*batch, time, channel]``; the front end is its first layer.
        decoder: from there to logits.
    """

    encoder: Layer
    decoder: AttentionDecoder

    def __post_init__(self) -> None:
        check_child(self, "encoder", self.encoder)
        if not isinstance(self.decoder, AttentionDecoder):
            refuse(self, "decoder to be an AttentionDecoder", repr(self.decoder))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Both."""
        return self.encoder, self.decoder

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        encoder_key, decoder_key = jax.random.split(key)
        with inside("encoder"):
            params, state = self.encoder.init(encoder_key, x)
            steps = out_spec(self.encoder, params, state, x)
        with inside("decoder"):
            decoder, _ = self.decoder.init(decoder_key, steps)
        return {"encoder": params, "decoder": decoder}, {"encoder": state} if state else {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        steps, state = self._encoded(params, state, x.x if isinstance(x, Prompted) else x, key=key, train=train)
        with inside("decoder"), jax.named_scope("decoder"):
            steps = Prompted(steps, x.symbols) if isinstance(x, Prompted) else steps
            return self.decoder.apply(params["decoder"], {}, steps, train=train)[0], state

    def _encoded(self, params: Params, state: State, x: Any, *, key: Array | None, train: bool) -> tuple[Any, State]:
        with inside("encoder"), jax.named_scope("encoder"):
            steps, s = self.encoder.apply(params["encoder"], state.get("encoder", {}), x, key=key, train=train)
        return steps, {"encoder": s} if s else {}

    def out_length(self, n: Any) -> Any:
        return self.decoder.out_length(self.encoder.out_length(n))

    def search(self, params: Params, state: State, x: Any, *, beams: int) -> Decoded:
        """Find the most probable transcripts of a batch by beam search; see `AttentionDecoder.search`."""
        steps, _ = self._encoded(params, state, x, key=None, train=False)
        return self.decoder.search(params["decoder"], steps, beams=beams)


def _steps_of(x: Any, *, whole: bool = False) -> Any:
    """Return the steps without the prompt; with `whole` a `Padded` as it is."""
    x = x.x if isinstance(x, Prompted) else x
    return x.values if isinstance(x, Padded) and not whole else x


def _gru(params: Params, h: Array, x: Array) -> Array:
    """Take one step of a GRU with gates r, z, n, whose reset comes before the product."""
    units = h.shape[-1]
    ahead = x @ params["kernel"] + params["bias"]
    both = jax.nn.sigmoid(ahead[..., : 2 * units] + h @ params["recurrent"][:, : 2 * units])
    r, z = both[..., :units], both[..., units:]
    n = jnp.tanh(ahead[..., 2 * units :] + (r * h) @ params["recurrent"][:, 2 * units :])
    return (1 - z) * n + z * h


def _around(seen: Array, kernel: int) -> Array:
    """Lay the `kernel` steps around each step side by side: ``[*batch, time]`` to ``[*batch, time, kernel]``."""
    left, n = (kernel - 1) // 2, seen.shape[-1]
    before, behind = (jnp.zeros((*seen.shape[:-1], size), seen.dtype) for size in (left, kernel - 1 - left))
    padded = jnp.concatenate([before, seen, behind], axis=-1)
    return jnp.stack([jax.lax.slice_in_dim(padded, k, k + n, axis=-1) for k in range(kernel)], axis=-1)
