"""From a module of flax NNX to a model of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from jaxlisten.errors import LayerError
from jaxlisten.interop.common import Parts, flax_nnx
from jaxlisten.interop.functions import layer_of
from jaxlisten.interop.modules import converters
from jaxlisten.interop.to_flax import nnx_module
from jaxlisten.nn import Layer, Serial, serial
from jaxlisten.nn.layer import inside


def from_nnx(module: Any, *, rules: Mapping[Any, Callable[[Any], tuple[Any, Any, Any]]] | None = None) -> Parts:
    """Turn a module of flax NNX into a model of ours with equal outputs.

    What has a counterpart: `nnx.Sequential`, `Linear`, `Conv` and `ConvTranspose` over one or two axes, also depthwise,
    `BatchNorm`, `LayerNorm`, `Dropout`, `Embed`, `RNN` of an `LSTMCell`, `OptimizedLSTMCell` or `GRUCell`,
    `Bidirectional`, `MultiHeadAttention`, activations, and ``functools.partial(nnx.max_pool, ...)`` or `avg_pool`.
    Padding has to give ``ceil(time / stride)`` steps whatever the length of a clip: "SAME" does where the stride is 1,
    and so do numbers that add up to ``(kernel - 1) * dilation``. Activations without a layer of ours, such as flax's
    usual `gelu`, come in as `lift` of them, which trains and streams but can't be stored.

    What `as_nnx` made comes back as the model that went in, with the weights as they are now.

    The ``__call__`` of a module of your own can't be read. Chain its parts instead, ``from_nnx(nnx.Sequential(m.conv,
    nnx.relu, m.head))``, or give a rule for its class. Where flax has a function of a whole clip, such as a mean over
    time, put ``as_nnx(GlobalPool(), {}, {})``.

    Args:
        module: an `nnx.Module`, or a function that stands for one in an `nnx.Sequential`.
        rules: what to make of other modules and functions: a class of modules, or a function, to a function that takes
            it and returns ``(model, params, state)``. They go before what is known here.

    Returns:
        ``(model, params, state)``, a named tuple. Where flax has no bias or scale and ours has one, it is 0 or 1.

    Raises:
        InputError: flax is missing.
        LayerError: something has no counterpart; the message has its path and the remedy.

    Example:
        >>> import jax, jaxlisten as jl
        >>> from flax import nnx
        >>> rngs = nnx.Rngs(0)
        >>> theirs = nnx.Sequential(nnx.Linear(3, 8, rngs=rngs), nnx.relu, nnx.Linear(8, 2, rngs=rngs))
        >>> model, params, state = jl.interop.from_nnx(theirs)
        >>> model
        serial(
          dense_0=Dense(units=8),
          relu=ReLU(),
          dense_1=Dense(units=2),
        )
    """
    nnx, rules = flax_nnx("from_nnx"), rules or {}
    for known, rule in rules.items():
        if type(module) is known or module is known:
            return _ruled(known, rule(module))
    if isinstance(module, nnx_module()):
        return Parts(module.model, *module.weights())
    if type(module) is nnx.Sequential:
        return _chained(list(_parts(module, rules)))
    if isinstance(module, nnx.Module):
        convert = converters().get(type(module))
        return _no_counterpart(module) if convert is None else convert(module)
    if not callable(module) or isinstance(module, type | Layer):
        cause = "a class in place of an instance?" if isinstance(module, type) else "as_nnx goes the other way"
        raise LayerError(f"from_nnx: expected a module of flax NNX, got {module!r}: {cause}")
    return Parts(layer_of(module), {}, {})


def _ruled(known: Any, made: Any) -> Parts:
    """Check what a rule has made."""
    if not isinstance(made, tuple) or len(made) != 3 or not isinstance(made[0], Layer):
        name = getattr(known, "__name__", known)
        raise LayerError(f"from_nnx: expected (model, params, state) of the rule for {name}, got {made!r}")
    return Parts(*made)


def _no_counterpart(module: Any) -> NoReturn:
    if type(module).__module__.startswith("flax."):
        remedy = "give a rule for its class"
    else:
        remedy = (
            "its __call__ can't be read, so chain its parts, from_nnx(nnx.Sequential(module.a, nnx.relu, module.b)), "
            "or give a rule for its class"
        )
    raise LayerError(f"from_nnx: {type(module).__name__} has no counterpart: {remedy}")


def _parts(module: Any, rules: Mapping[Any, Any]) -> Iterator[Parts]:
    for index, part in enumerate(module.layers):
        with inside(f"layers/{index}"):
            yield from_nnx(part, rules=rules)


def _chained(parts: list[Parts]) -> Parts:
    """Chain models as `serial` does, and bring their weights under the names that it gives."""
    model = serial(*(part.model for part in parts))
    weights = [one for part in parts for one in _weights(part)]
    params = {name: p for name, (p, _) in zip(model.names, weights, strict=True) if p}
    state = {name: s for name, (_, s) in zip(model.names, weights, strict=True) if s}
    return Parts(model, params, state)


def _weights(part: Parts) -> list[tuple[Any, Any]]:
    if not isinstance(part.model, Serial):
        return [(part.params, part.state)]
    return [(part.params.get(name, {}), part.state.get(name, {})) for name in part.model.names]
