"""The child process that decodes sound files for another one. It runs as a script and imports nothing of jaxlisten.

It answers, in order, what it is asked on standard input, a line of JSON each: ``["open", path]``, ``["seek", frame]``,
``["read", frames]`` and ``["close", null]``. An answer is a line of JSON, ``{"bytes": n, ...}``, and n bytes of samples
behind it, float32, channels interleaved; or ``{"error": kind}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, BinaryIO


def main(bytes_at_most: int) -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a decoder that prints must not print into the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides when it ends
    _limit_memory(bytes_at_most)
    serve(sys.stdin.buffer, answers)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer each question."""
    import soundfile

    answers.write(b'{"bytes": 0}\n')  # it has begun
    answers.flush()
    file: Any = None
    for line in questions:
        what, argument = json.loads(line)
        samples: bytes | bytearray = b""
        try:
            if what == "open":
                name: Any = os.fsencode(argument) if os.name == "posix" else argument
                file = soundfile.SoundFile(name)
                answer: dict[str, Any] = {
                    "samplerate": file.samplerate,
                    "frames": file.frames,
                    "channels": file.channels,
                    "format": file.format,
                    "extra_info": file.extra_info,
                }
            elif what == "read":
                samples = bytearray(4 * file.channels * min(argument, file.frames - file.tell()))
                samples = samples[: 4 * file.channels * file.buffer_read_into(samples, dtype="float32")]
                answer = {}
            elif what == "seek":
                answer = {"place": file.seek(argument)}
            else:
                file.close()
                answer, file = {}, None
        except Exception as error:
            answer = {"error": "memory" if isinstance(error, MemoryError) else "decode"}
        answers.write(json.dumps(answer | {"bytes": len(samples)}).encode() + b"\n")
        answers.write(samples)
        answers.flush()


def _limit_memory(at_most: int) -> None:
    """Hold this process to so many bytes, to no file of its own and no core, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, most in (("RLIMIT_AS", at_most), ("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 0)):
        kind = getattr(resource, name, None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            try:
                resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
            except (ValueError, OSError):  # macOS refuses RLIMIT_AS
                continue


if __name__ == "__main__":
    main(int(sys.argv[1]))
