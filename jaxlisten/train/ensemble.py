"""Several trained listeners as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxlisten.errors import InputError
from jaxlisten.heard import joined
from jaxlisten.nn import average
from jaxlisten.runs import Fitted


def ensemble(runs: Sequence[Fitted]) -> Fitted:
    """Make one listener of several: its logits are the mean of theirs.

    It is a listener like any other, with the weights of all: it can be evaluated, stored, exported, and it streams if
    they do. Front ends that are equal are computed once.

    Args:
        runs: trained on the same classes, such as `jaxlisten.fit_many` returns.

    Raises:
        InputError: there are none, or they differ in task, classes or sample rate.

    Example:
        Eight seeds as one listener::

            runs = jl.fit_many(model, train, validation, key=jax.random.split(key, 8))
            report = jl.evaluate(jl.ensemble(runs), test)
    """
    if not runs:
        raise InputError("ensemble: expected at least one listener, got none")
    first = runs[0]
    if first.task.taught:
        raise InputError("ensemble: expected listeners whose logits have a mean; these write each symbol by themselves")
    for i, run in enumerate(runs):
        for what in ("task", "classes", "sr"):
            ours, theirs = getattr(first, what), getattr(run, what)
            if ours != theirs:
                raise InputError(f"ensemble: expected listeners of one {what}, got {ours!r}, and {theirs!r} of run {i}")
    names = [f"run{i}" for i in range(len(runs))]

    def held(trees: Sequence[Any]) -> Any:
        return {name: tree for name, tree in zip(names, trees, strict=True) if tree}

    return Fitted(
        model=average(**{name: run.model for name, run in zip(names, runs, strict=True)}),
        params=held([run.params for run in runs]),
        state=held([run.state for run in runs]),
        task=first.task,
        classes=first.classes,
        sr=first.sr,
        item=max(run.item for run in runs),
        about={"examples": first.about.get("examples", []), "training": {"runs": len(runs)}},
        heard=joined([run.heard for run in runs]),
    )
