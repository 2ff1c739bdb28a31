"""What jaxlisten does with damaged and hostile files: many, made of real ones by changing their bytes.

``python -m benchmarks.mutated [--files N] [--seed N] [--isolated] [--only NAME ...]``

The sources are small files of every format and subtype that soundfile writes, tables of clips and of events, and a run
folder; `TARGETS` says what is done with each. One process handles file after file, as a server would, and a second one
watches it. Counted as problems are: a death of the process, an exception that is neither `InputError` nor `LayerError`,
a file that takes more than 5 s of computing (or 60 s of waiting), a word on standard output, a file that is opened
outside of the folder of a run, and growth of the memory by 200 MB or more. The same seed gives the same files.
With ``--isolated``, sound is decoded in child processes, and what these die of is counted apart: it is no problem.

It ends with exit code 1 if there is a problem.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.mutations import Change, changed, in_bytes, in_header, in_json, in_text

SLOW_SECONDS, STUCK_SECONDS, MOST_BYTES = 5.0, 60.0, 200e6
OUTCOMES = ("read", "refused", "decoder died", "exception", "slow", "killed")
PROBLEMS = ("exception", "slow", "killed")
SR = 8000
WARM = 400
"""Files after which memory is counted: libraries are loaded by then."""


class Target(NamedTuple):
    """Something that reads files.

    Attributes:
        share: of all files.
        change: changes one place of a file.
        sources: the files that are changed, by name.
        attempt: reads a changed file, given its place.
    """

    share: int
    change: Change
    sources: dict[str, bytes]
    attempt: Callable[[Path], object]


def sounds() -> dict[str, bytes]:
    """Write a short sound in every format that soundfile knows, with one channel and with two."""
    import soundfile

    noise = (0.3 * np.random.default_rng(0).standard_normal((400, 2))).clip(-0.9, 0.9)
    made = {}
    for form in sorted(set(soundfile.available_formats()) - {"RAW", "SD2"}):  # without a header, and in two files
        for subtype in soundfile.available_subtypes(form):
            for channels in (1, 2):
                buffer = io.BytesIO()
                try:
                    soundfile.write(buffer, noise[:, :channels], SR, format=form, subtype=subtype)
                except (soundfile.LibsndfileError, ValueError):
                    continue  # not every format has two channels
                made[f"{form}.{subtype}.{channels}"] = buffer.getvalue()
    return made


def targets(folder: Path) -> dict[str, Target]:
    """Make the sources in a folder, and say what is done with each."""
    import jax
    import soundfile

    import jaxlisten as jl
    from jaxlisten import runs

    for name in "ab":
        soundfile.write(folder / f"{name}.wav", 0.1 * np.ones(200), SR)
    run, model = folder / "run", jl.serial(jl.LogMel(SR, n_fft=64, hop_length=64, n_mels=4), jl.models.linear(2))
    params, state = model.init(jax.random.key(0), np.zeros((1, 400), np.float32))
    params, state = jax.device_get((params, state))
    history = ({"epoch": 1.0, "val_accuracy": 0.5}, {"epoch": 2.0, "val_accuracy": 0.75})
    task = jl.tasks.find("classification")
    about = {"seed": 0, "examples": ["a.wav"], "detector": {"thresholds": {"a": 0.5}, "smooth": 0.2}}
    fitted = runs.Fitted(model, params, state, task, ("a", "b"), SR, (400,), history, about)
    runs.write(runs.create(run), fitted)

    def table(rows: str) -> dict[str, bytes]:
        return {"table": rows.encode()}

    def in_run(name: str, change: Change) -> Target:
        def attempt(path: Path) -> object:
            place = run / name
            before = place.read_bytes()
            try:
                shutil.move(path, place)
                listener = jl.load(run)
                return listener, repr(listener.fitted), listener.fitted._repr_html_()
            finally:
                place.write_bytes(before)

        return Target(8, change, {name: (run / name).read_bytes()}, attempt)

    return {
        "sound": Target(64, in_bytes, sounds(), hear),
        "table": Target(
            5,
            in_text,
            table('path,label,split,start,end\na.wav,a,train,0,0.01\nb.wav,b,test,,\n"a.wav",a,val,,\n'),
            jl.data.csv,
        ),
        "labels": Target(3, in_text, table("path,labels,group\na.wav,a;b,x\nb.wav,,y\n"), jl.data.csv),
        "numbers": Target(3, in_text, table("path,target\na.wav,1;2.5\nb.wav,-1e3;0\n"), jl.data.csv),
        "events": Target(5, in_text, table("path,label,start,end\na.wav,a,0.1,0.2\nb.wav,,,\n"), jl.data.events),
        "config": in_run("config.json", in_json),
        "weights": in_run("weights.safetensors", in_header),
        "metrics": in_run("metrics.csv", in_text)._replace(share=2),
        "pipe": Target(2, in_bytes, {"samples": bytes(range(256)) * 4}, stream),
    }


def hear(path: Path) -> None:
    """Read a sound file as every command together does."""
    from jaxlisten import data

    data.info(path)
    data.read(path, sr=SR)
    for i, _ in enumerate(data.blocks(path, sr=SR, seconds=0.5)):
        if i == 20:
            break


def stream(path: Path) -> None:
    """Read raw samples as ``jaxlisten listen -`` does."""
    from jaxlisten import data
    from jaxlisten.data.live import FORMATS

    content = path.read_bytes()
    for form in FORMATS:
        list(data.resampled(data.pcm(io.BytesIO(content), sr=SR, channels=1 + len(content) % 3, form=form), SR, 2 * SR))


class Shared(NamedTuple):
    """What survives a death: the file that is in work, how often what came out by target, the least and most memory."""

    now: Any
    counts: Any
    memory: Any


def work(folder: str, first: int, options: argparse.Namespace, shared: Shared) -> None:
    """Handle file after file; it runs in a process of its own."""
    os.dup2(os.open(Path(folder, "stdout"), os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libmpg123 complains
    from jaxlisten import InputError, LayerError
    from jaxlisten.data import Limits, reading

    warnings.simplefilter("error", RuntimeWarning)
    place = Path(tempfile.mkdtemp(dir=folder))
    known = targets(place)
    names = [name for name, target in known.items() for _ in range(target.share)]
    outside = _watched(place)
    with reading(isolated=True, limits=Limits(patience=SLOW_SECONDS)) if options.isolated else nullcontext():
        for i in range(first, options.files):
            chance = random.Random(f"{options.seed}/{i}")
            name = chance.choice(names)
            target = known[name]
            if options.only and name not in options.only:
                continue
            kind = chance.choice(sorted(target.sources))
            path = place / "x.csv"
            path.write_bytes(changed(target.sources[kind], chance, target.change))
            shared.now[0], shared.now[1] = i, list(known).index(name)
            outcome, why, begin = "read", "", time.process_time()
            outside.clear()
            try:
                target.attempt(path)
            except (InputError, LayerError) as error:
                outcome = "decoder died" if "the decoder" in str(error) else "refused"
                why = str(error) if outcome == "decoder died" else ""
            except Exception:
                outcome, why = "exception", traceback.format_exc(limit=-3)
            if outside and name in ("config", "weights", "metrics"):
                outcome, why = "exception", f"opened {outside}"
            if time.process_time() - begin > SLOW_SECONDS:
                outcome, why = "slow", f"{time.process_time() - begin:.1f} s"
            shared.counts[list(known).index(name) * len(OUTCOMES) + OUTCOMES.index(outcome)] += 1
            if why:
                with open(Path(folder, "problems"), "a") as log:
                    log.write(f"file {i}, {name}, {kind}: {outcome}: {why}\n")
            _note_memory(shared, i - first)


def _watched(place: Path) -> list[str]:
    """Return a list that gets the name of each file that is opened outside of a folder and of Python's own."""
    outside: list[str] = []
    inside = (str(place), sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), "/proc/self", os.devnull)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            name = os.path.abspath(os.fsdecode(arguments[0]))
            if not name.startswith(inside):
                outside.append(name)

    sys.addaudithook(hook)
    return outside


def _note_memory(shared: Shared, done: int) -> None:
    if done < WARM or done % 50:
        return
    status = Path("/proc/self/status").read_text() if os.path.exists("/proc/self/status") else "VmRSS: 0\nVmHWM: 0"
    now, most = (1024 * int(re.search(rf"{key}:\s+(\d+)", status)[1]) for key in ("VmRSS", "VmHWM"))  # type: ignore[index]
    if done == WARM:
        shared.memory[0], shared.memory[1] = now, now
        Path("/proc/self/clear_refs").write_text("5")  # from here on, the most is of what follows
    else:
        shared.memory[1] = max(shared.memory[1], most)


def main() -> int:
    """Print the counts and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--isolated", action="store_true", help="decode sound in child processes")
    parser.add_argument("--only", nargs="+", help="only these targets, of the same files")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    shared = Shared(*(context.RawArray("q", size) for size in (2, 100 * len(OUTCOMES), 2)))
    begin, growth = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        first = 0
        while first < options.files:
            worker = context.Process(target=work, args=(folder, first, options, shared))
            worker.start()
            ended = _watch(worker, shared)
            growth = max(growth, shared.memory[1] - shared.memory[0])
            if ended == 0:
                break
            shared.counts[shared.now[1] * len(OUTCOMES) + OUTCOMES.index("killed")] += 1
            print(f"file {shared.now[0]}: the process ended with {ended}", flush=True)
            first = shared.now[0] + 1
        names = list(targets(Path(tempfile.mkdtemp(dir=folder))))
        problems = Path(folder, "problems").read_text() if Path(folder, "problems").exists() else ""
        printed = Path(folder, "stdout").stat().st_size
    return told(names, shared, problems, printed, growth, time.perf_counter() - begin)


def _watch(worker: Any, shared: Shared) -> int:
    """Wait for a process to end, and end it where it is stuck; return its exit code."""
    last, since = -1, time.perf_counter()
    while worker.is_alive():
        worker.join(1)
        if shared.now[0] != last:
            if shared.now[0] // 10_000 > last // 10_000:
                grown = (shared.memory[1] - shared.memory[0]) / 1e6
                print(f"file {shared.now[0]:,}, memory grown by {grown:.0f} MB", file=sys.stderr, flush=True)
            last, since = shared.now[0], time.perf_counter()
        elif time.perf_counter() - since > 2 * STUCK_SECONDS:
            worker.kill()
            worker.join()
    return worker.exitcode


def told(names: list[str], shared: Shared, problems: str, printed: int, growth: int, seconds: float) -> int:
    """Print what came out, and return the exit code."""
    rows = {name: shared.counts[k * len(OUTCOMES) : (k + 1) * len(OUTCOMES)] for k, name in enumerate(names)}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    print(f"{'':10}" + "".join(f"{word:>14}" for word in ("files", *OUTCOMES)))
    for name, row in rows.items():
        print(f"{name:10}" + "".join(f"{value:14,}" for value in (sum(row), *row)))
    print(f"memory grew by {growth / 1e6:.0f} MB, {printed} bytes on standard output, {seconds:.0f} s")
    print(problems[:20_000], end="")
    bad = sum(rows["all"][OUTCOMES.index(name)] for name in PROBLEMS)
    print(json.dumps({"files": sum(rows["all"]), "problems": bad, "growth_mb": round(growth / 1e6)}))
    return int(bad > 0 or printed > 0 or growth >= MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
