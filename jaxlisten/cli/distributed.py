"""``jaxlisten train --distributed``: one run of several processes, on one host or on many."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from jaxlisten import devices
from jaxlisten.data.sharing import Sharing, shared_out
from jaxlisten.devices import LostProcess, Told
from jaxlisten.errors import InputError, LayerError, ListenError

_DEAD_AFTER = 30
"""Seconds without a sign of life after which a process counts as lost."""


def run(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a command; with ``--distributed`` as one of several processes that run it alike. The first one tells of it.

    Raises:
        InputError: JAX can't tell, and nobody has told it, where the other processes are; or what `command` raises.
    """
    if not options.distributed:
        for name in ("coordinator_address", "num_processes", "process_id"):
            if getattr(options, name) is not None:
                raise InputError(f"--{name.replace('_', '-')} goes with --distributed")
        return command(options)
    _join(options)
    try:
        sharing = Sharing(jax.process_count(), share)
        with _others_are_silent(), devices.watched(), shared_out(sharing):
            return devices.agreed(lambda: command(options))
    except Told:
        if devices.is_first():
            raise
        return 2
    except ListenError as error:
        if devices.is_first() or isinstance(error, LostProcess):
            print(f"jaxlisten: {error}", file=sys.stderr, flush=True)
        # An orderly exit would wait for the others, who may wait for this process, or be gone.
        os._exit(2 if isinstance(error, InputError | LayerError) else 1)


def _join(options: argparse.Namespace) -> None:
    """Find the other processes, and wait for them."""
    # Otherwise SIGTERM would be kept for programs that ask for it.
    with contextlib.suppress(AttributeError):
        jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            options.coordinator_address,
            options.num_processes,
            options.process_id,
            heartbeat_timeout_seconds=_DEAD_AFTER,
            shutdown_timeout_seconds=_DEAD_AFTER,
        )
    except (ValueError, TypeError) as error:
        raise InputError(
            f"--distributed: {str(error).rstrip('.')}; where JAX can't find the other processes itself, give "
            "--coordinator-address HOST:PORT (of process 0), --num-processes N and --process-id I (from 0 on)"
        ) from error
    except RuntimeError as error:
        raise InputError(
            f"--distributed: the other processes can't be reached ({str(error).splitlines()[0]}); are all of them "
            "started, with the same --coordinator-address and --num-processes?"
        ) from error
    with _without_standard_output():
        devices.gathered(None)


@contextlib.contextmanager
def _without_standard_output() -> Iterator[None]:
    """Keep what a library writes of its own connections from where results go."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def _others_are_silent() -> Iterator[None]:
    if devices.is_first():
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


def share(function: Callable[[Sequence[Any]], list[Any]], things: Sequence[Any]) -> list[Any]:
    """Share work on many things out over the processes; all get all answers.

    Raises:
        InputError: the processes don't have the same things.
    """
    named = hashlib.sha256("\n".join(map(repr, things)).encode(errors="surrogateescape")).hexdigest()
    n = jax.process_count()
    parts = devices.gathered((named, function(things[jax.process_index() :: n])))
    if len({named for named, _ in parts}) > 1:
        raise InputError("the processes don't find the same recordings; give all of them the same, by the same path")
    answers: list[Any] = [None] * len(things)
    for i, (_, part) in enumerate(parts):
        answers[i::n] = part
    return answers
