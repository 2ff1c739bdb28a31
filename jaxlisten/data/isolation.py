"""Decoding in child processes, so that what a file does to its decoder is done to no one else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from jaxlisten.errors import InputError

_LONGEST_ANSWER = 2**16
"""Bytes of an answer without its samples: a header and the decoder's log."""
_START_SECONDS = 60.0
_HEADER = {"samplerate": int, "frames": int, "channels": int, "format": str, "extra_info": str}


class Decoders:
    """Child processes that decode: as many as files are open at once, kept for the next ones."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def open(self, path: str, *, patience: float, bytes_at_most: int) -> Isolated:
        """Open a sound file in a child process.

        Args:
            path: the file.
            patience: seconds that each answer may take.
            bytes_at_most: memory of the child.

        Raises:
            InputError: the decoder crashes, takes too long or too much memory.
            RuntimeError: it is no file that can be decoded.
        """
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is not None and not child.fit(patience, bytes_at_most):
            child.end()
            child = None
        child = child or _Child(patience, bytes_at_most)
        try:
            header, _ = child.ask(path, "open", os.path.abspath(path))
            if not all(type(header.get(name)) is kind for name, kind in _HEADER.items()):
                raise _nonsense(path)
        except RuntimeError:
            self.keep(child)
            raise
        except BaseException:
            child.end()
            raise
        return Isolated(path, child, self, header)

    def keep(self, child: _Child) -> None:
        """Keep a child for the next file."""
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        child.end()

    def close(self) -> None:
        """End the children that are idle, and each other one when its file is closed."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for child in idle:
            child.end()


class Isolated:
    """A file that is open in a child process: what is used of `soundfile.SoundFile`."""

    def __init__(self, path: str, child: _Child, home: Decoders, header: dict[str, Any]):
        self._path, self._child, self._home = path, child, home
        self.samplerate: int = header["samplerate"]
        self.frames: int = header["frames"]
        self.channels: int = header["channels"]
        self.format: str = header["format"]
        self.extra_info: str = header["extra_info"]

    def __enter__(self) -> Isolated:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.ended:
            return
        try:
            self._child.ask(self._path, "close", None)
        except (InputError, RuntimeError):
            self._child.end()
        else:
            self._home.keep(self._child)

    def seek(self, frame: int) -> None:
        """Go to a frame.

        Raises:
            InputError, RuntimeError: as in `Decoders.open`.
        """
        self._child.ask(self._path, "seek", frame)

    def read(self, frames: int, *, dtype: str = "float32", always_2d: bool = True) -> np.ndarray:
        """Decode at most so many frames, float32 ``[time, channel]``.

        Raises:
            InputError, RuntimeError: as in `Decoders.open`.
        """
        _, samples = self._child.ask(self._path, "read", frames, at_most=4 * frames * self.channels)
        if len(samples) % (4 * self.channels):
            raise _nonsense(self._path)
        return np.frombuffer(samples, np.float32).reshape(-1, self.channels).copy()  # may be written to


class _Child:
    """A process that runs ``decoder.py``."""

    def __init__(self, patience: float, bytes_at_most: int):
        self.patience: float = patience
        self.bytes_at_most: int = bytes_at_most
        script = Path(__file__).with_name("decoder.py")
        # -P: the folder of the script is no place to import from.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(script), str(bytes_at_most)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if self._answer(_START_SECONDS, 0)[1] is None:
            self.end()
            raise InputError(
                f"no process could be started to decode in; does it need more than {bytes_at_most:,} bytes?"
            )

    def fit(self, patience: float, bytes_at_most: int) -> bool:
        """Whether it still runs, with these settings."""
        return (self.patience, self.bytes_at_most) == (patience, bytes_at_most) and self._process.poll() is None

    @property
    def ended(self) -> bool:
        """Whether the process has been waited for."""
        return self._process.returncode is not None

    def ask(self, path: str, what: str, argument: Any, *, at_most: int = 0) -> tuple[dict[str, Any], bytes]:
        """Ask for something of a file, and wait for the answer.

        Raises:
            InputError: the child dies of it, or takes too long or too much memory.
            RuntimeError: the file can't be decoded.
        """
        assert self._process.stdin is not None
        with suppress(OSError):  # that it has died is seen below
            self._process.stdin.write(json.dumps([what, argument]).encode() + b"\n")
            self._process.stdin.flush()
        answer, samples, late = self._answer(self.patience, at_most)
        if answer.get("error") == "decode":
            raise RuntimeError(what)
        if answer.get("error") or samples is None:
            self.end()
            raise InputError(self._why(path, answer, late))
        return answer, samples

    def _answer(self, patience: float, at_most: int) -> tuple[dict[str, Any], bytes | None, bool]:
        """Wait for an answer and its samples; None: it is no whole answer. And say whether it came too late."""
        assert self._process.stdout is not None
        late = threading.Event()
        timer = threading.Timer(patience, lambda: (late.set(), self._process.kill()))
        timer.start()
        try:
            answer = _parsed(self._process.stdout.readline(_LONGEST_ANSWER))
            size = answer.get("bytes")
            samples = self._process.stdout.read(size) if type(size) is int and 0 <= size <= at_most else None
        except BaseException:  # an interruption: what is still to come would be taken for the next answer
            self._process.kill()
            self.end()
            raise
        finally:
            timer.cancel()
        return answer, samples if samples is not None and len(samples) == size else None, late.is_set()

    def _why(self, path: str, answer: dict[str, Any], late: bool) -> str:
        """Say what a file has done to its decoder."""
        code = self._process.returncode
        if late:
            what = f"keeps the decoder busy for more than {self.patience:g} s"
        elif answer.get("error") == "memory":
            what = f"asks the decoder for more than {self.bytes_at_most:,} bytes of memory"
        elif answer:
            what = "makes the decoder answer nonsense"
        else:
            names = {-one.value: one.name for one in signal.Signals}
            what = f"makes the decoder crash ({names.get(code, f'exit code {code}')})"
        return f"'{path}' {what}; it is damaged or made to do so: take it out"

    def end(self) -> None:
        """End the process and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _nonsense(path: str) -> InputError:
    return InputError(f"'{path}' makes the decoder answer nonsense; take it out")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
