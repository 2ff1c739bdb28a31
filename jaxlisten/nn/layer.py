"""What a layer is: a frozen dataclass of settings and child layers, with pure functions. Arrays never live in it.

Equal settings are equal layers, so a layer is a static argument of jitted functions and equal models share one
compilation. It prints itself, and `to_config` / `from_config` store it and build it again without running any code.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, dataclass_transform, runtime_checkable

import jax
import jax.numpy as jnp

from jaxlisten.errors import InputError, LayerError, refuse
from jaxlisten.types import Array, Chunk, Padded, Params, State, Timing


@runtime_checkable
class Layer(Protocol):
    """What every layer offers, and all that a combinator asks of it.

    A layer that keeps one step a step derives from `Stepwise`, one that looks at a window of steps from `Windowed`
    (both in `jaxlisten.nn.time`): those need only `init` and `forward`, and get masks and streaming for nothing.
    """

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        """Make the first params and state for inputs like `x` (arrays or `jax.ShapeDtypeStruct`)."""
        ...

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        """Compute the output and the next state. `key` is only needed by random layers with `train=True`."""
        ...

    def out_length(self, n: Any) -> Any:
        """Return how many steps come out of `n` steps, for an int or an integer array."""
        ...

    def timing(self) -> Timing | None:
        """Return how the layer runs chunk by chunk; None: it needs the whole signal, and has no `start` and `step`."""
        ...

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        """Return the carry before the first of a stream of chunks like `x`."""
        ...

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        """Take a chunk of a multiple of `timing().block` steps; return the next carry, of one type, and a chunk."""
        ...


class Whole:
    """The defaults of a layer without a streaming form."""

    def out_length(self, n: Any) -> Any:
        return n

    def timing(self) -> Timing | None:
        return None

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        refuse(self, "a layer with a streaming form", "one that needs the whole signal", "see jl.streaming")

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        refuse(self, "a layer with a streaming form", "one that needs the whole signal", "see jl.streaming")


REGISTRY: dict[str, type] = {}
"""Every class decorated with `layer`, by name. The only place where stored names are looked up."""

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def layer(cls: type[T]) -> type[T]:
    """Make a class a layer: a frozen dataclass that is entered in the registry under its name.

    Raises:
        InputError: another class, from another module, has that name.

    Example:
        >>> import jaxlisten as jl
        >>> @jl.layer
        ... class Scale(jl.Stepwise):
        ...     factor: float = 2.0
        ...     def forward(self, params, state, x, valid, *, key=None, train=False):
        ...         return x * self.factor, state
        >>> jl.from_config(jl.to_config(Scale(3.0)))
        Scale(factor=3.0)
        >>> _ = jl.REGISTRY.pop("Scale")
    """
    if "__repr__" not in vars(cls):
        cls.__repr__ = _repr
    setattr(cls, "__post_init__", _checked(getattr(cls, "__post_init__", None)))  # noqa: B010  pyright knows no such name
    cls = dataclasses.dataclass(frozen=True)(cls)
    known = REGISTRY.get(cls.__name__)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise InputError(f"layer: the name {cls.__name__!r} is taken by {known.__module__}; choose another one")
    REGISTRY[cls.__name__] = cls
    return cls


_KINDS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "None": lambda value: value is None,
}


def _checked(then: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """Return a ``__post_init__`` that holds plain settings to their annotations, and then calls the class's own."""

    def post_init(self: Any) -> None:
        for field in dataclasses.fields(self):
            written = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
            kinds, value = written.split(" | "), getattr(self, field.name)
            if all(kind in _KINDS for kind in kinds) and not any(_KINDS[kind](value) for kind in kinds):
                refuse(self, f"{field.name} to be {' or '.join(kinds)}", repr(value))
        if then is not None:
            then(self)

    return post_init


def _repr(self: Any) -> str:
    """Print a layer with the settings that differ from their defaults."""
    settings = [(field.name, getattr(self, field.name), field.default) for field in dataclasses.fields(self)]
    return (
        f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value, usual in settings if value != usual)})"
    )


def positive(layer: object, *names: str) -> None:
    """Refuse a layer whose settings `names` are not above 0 (called from ``__post_init__``)."""
    for name in names:
        value = getattr(layer, name)
        if value < 1:
            refuse(layer, f"{name} to be a whole number above 0", repr(value))


def pairs(layer: object, *names: str) -> None:
    """Refuse a layer whose settings `names` are not ``(time, freq)``: tuples of two whole numbers above 0."""
    for name in names:
        value = getattr(layer, name)
        whole = isinstance(value, tuple) and len(value) == 2 and all(_KINDS["int"](n) and n > 0 for n in value)
        if not whole:
            refuse(layer, f"{name} (time, freq), two whole numbers above 0", repr(value))


def check_child(layer: object, name: str, child: object) -> None:
    """Refuse a layer whose setting `name` is not a layer."""
    if isinstance(child, type) or not isinstance(child, Layer):
        refuse(layer, f"{name} to be a layer", repr(child), "a class in place of an instance?")


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Put `name` in front of the path of a `LayerError` that passes."""
    try:
        yield
    except LayerError as error:
        raise error.within(name) from None


def spec(x: Any) -> Any:
    """Reduce every array of a pytree to its shape and dtype."""
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x)


def out_spec(layer: Layer, params: Params, state: State, x: Any) -> Any:
    """Compute the shapes of a layer's output without computing the output."""
    return jax.eval_shape(lambda p, s, x: layer.apply(p, s, x)[0], params, state, spec(x))


def channels_of(layer: object, x: Any, *, least_ndim: int = 1) -> int:
    """Return the size of the last axis; refuse an input with fewer than `least_ndim` axes or without channels."""
    shape = (x.values if isinstance(x, Padded) else x).shape
    if len(shape) < least_ndim or shape[-1] < 1:
        wanted = ("[*batch, channel]", "[*batch, time, channel]", "[*batch, time, freq, channel]")[least_ndim - 1]
        cause = ("", "is the front end missing?", "is an AddChannel missing?")[least_ndim - 1]
        refuse(layer, f"x {wanted}", str(tuple(shape)), cause)
    return shape[-1]


def check_bands(layer: object, x: Array, valid: Array | None) -> None:
    """Refuse an input that is no ``[*batch, time, freq, channel]``, as far as ``valid [*batch, time]`` can tell."""
    if x.ndim < 3 or (valid is not None and x.ndim != valid.ndim + 2):
        cause = "is an AddChannel or a layer over time and frequency missing?"
        refuse(layer, "x [*batch, time, freq, channel]", str(tuple(x.shape)), cause)


def same_channels(layer: object, x: Array, channels: int, axes: str = "*batch, time") -> None:
    """Refuse an input whose last axis is not what the layer was initialised for; `axes` are those before it."""
    if x.shape[-1] != channels:
        cause = f"the layer was initialised for {channels} channels; has n_mels or a layer before it changed?"
        refuse(layer, f"x [{axes}, {channels}]", str(tuple(x.shape)), cause)


def where_present(n: Any, length: Any) -> Any:
    """Return `length` where there are steps, and 0 for an absent item (n = 0).

    `n` is an int, an integer array, or the symbolic size of an axis, which is never 0.
    """
    if hasattr(n, "dtype"):
        return jnp.where(n > 0, length, 0)
    return 0 if isinstance(n, int) and n <= 0 else length


def to_config(value: Any) -> Any:
    """Turn a layer, with every default written out, into plain JSON values.

    Raises:
        InputError: a layer is not registered, or a setting is no number, string, bool, None, tuple or layer.
    """
    if isinstance(value, tuple):
        return [to_config(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if dataclasses.is_dataclass(value) and REGISTRY.get(type(value).__name__) is type(value):
        return {"layer": type(value).__name__} | {
            field.name: to_config(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    raise InputError(
        f"to_config: {type(value).__name__} can't be stored: only layers made with @jaxlisten.layer can, with settings "
        "that are numbers, strings, tuples and layers"
    )


def from_config(config: Any) -> Layer:
    """Build a layer from what `to_config` gave. Names resolve in the registry only; nothing is imported or run.

    Raises:
        InputError: an unknown layer, or a setting that it does not have.
        LayerError: a setting that the layer refuses.
    """
    try:
        built = _build(config)
    except RecursionError:
        raise InputError("from_config: expected layers within layers, got far too many of them") from None
    if not isinstance(built, Layer):
        raise InputError(f"from_config: expected a layer such as {{'layer': 'ReLU'}}, got {str(config)[:80]}")
    return built


def _build(config: Any) -> Any:
    if isinstance(config, list):
        return tuple(_build(item) for item in config)
    if not isinstance(config, dict):
        return config
    name = config.get("layer")
    cls = REGISTRY.get(name) if isinstance(name, str) else None
    if cls is None:
        raise InputError(f"from_config: unknown layer {name!r}; import the module that defines it, then load again")
    settings = {key: _build(value) for key, value in config.items() if key != "layer"}
    try:
        return cls(**settings)
    except LayerError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"from_config: {name} refuses its stored settings: {error}") from None
