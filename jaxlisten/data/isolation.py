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
        if child is None or (child.patience, child.bytes_at_most) != (patience, bytes_at_most):
            if child is not None:
                child.end()
            child = _Child(patience, bytes_at_most)
        try:
            header, _ = child.ask(path, "open", os.path.abspath(path))
            if not all(type(header.get(name)) is kind for name, kind in _HEADER.items()):
                raise InputError(f"'{path}' makes the decoder answer nonsense; take it out")
        except RuntimeError:
            self._back(child)
            raise
        except BaseException:
            child.end()
            raise
        return Isolated(path, child, self, header)

    def _back(self, child: _Child) -> None:
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
        try:
            self._child.ask(self._path, "close", None)
        except (InputError, RuntimeError):
            self._child.end()
        else:
            self._home._back(self._child)

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
        return np.frombuffer(samples, np.float32).reshape(-1, self.channels)


class _Child:
    """A process that runs ``decoder.py``."""

    def __init__(self, patience: float, bytes_at_most: int):
        self.patience, self.bytes_at_most = patience, bytes_at_most
        script = Path(__file__).with_name("decoder.py")
        # -P: the folder of the script is no place to import from.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(script), str(bytes_at_most)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def ask(self, path: str, what: str, argument: Any, *, at_most: int = 0) -> tuple[dict[str, Any], bytes]:
        """Ask for something of a file, and wait for the answer.

        Raises:
            InputError: the child dies of it, or takes too long or too much memory.
            RuntimeError: the file can't be decoded.
        """
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None
        late = threading.Event()
        timer = threading.Timer(self.patience, lambda: (late.set(), self._process.kill()))
        timer.start()
        try:
            with suppress(OSError):  # that it has died is seen below
                questions.write(json.dumps([what, argument]).encode() + b"\n")
                questions.flush()
            answer = _answer(answers.readline(_LONGEST_ANSWER))
            size = answer.get("bytes")
            samples = answers.read(size) if type(size) is int and 0 <= size <= at_most else None
        finally:
            timer.cancel()
        if answer.get("error") == "decode":
            raise RuntimeError(what)
        if answer.get("error") == "memory" or samples is None or len(samples) != size:
            self.end()
            raise InputError(self._why(path, answer, late.is_set()))
        return answer, samples

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
            what = f"makes the decoder crash ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"
        return f"'{path}' {what}; it is damaged or made to do so: take it out"

    def end(self) -> None:
        """End the process and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe and pipe.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _answer(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
