"""Telling a person how far a run is, on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator

Tell = Callable[[dict[str, float]], None]

_LATELY = 5
"""So many of the last epochs say how long one takes: the first one compiles, too."""


@contextlib.contextmanager
def progress(epochs: int, done: int, *, shown: bool, clock: Callable[[], float] = time.monotonic) -> Iterator[Tell]:
    """Yield a function that takes the row of each finished epoch: a bar on a terminal, otherwise a line an epoch.

    Both say how many clips are trained on a second, and how long the rest will take at most.

    Args:
        epochs: of the whole run.
        done: how many were done before.
        shown: False: say nothing.
        clock: the time in seconds.
    """
    if not shown:
        yield lambda row: None
    elif not sys.stderr.isatty():
        yield _lines(epochs, clock)
    else:
        from tqdm import tqdm

        with tqdm(total=epochs, initial=done, unit="epoch", file=sys.stderr, dynamic_ncols=True) as bar:

            def tell(row: dict[str, float]) -> None:
                bar.set_postfix_str(_figures(row), refresh=False)
                bar.update()

            yield tell


def _lines(epochs: int, clock: Callable[[], float]) -> Tell:
    """Return what prints a line an epoch; an epoch takes what lies between two of them, validation and all."""
    ends = deque([clock()], maxlen=_LATELY + 1)

    def tell(row: dict[str, float]) -> None:
        ends.append(clock())
        epoch = int(row["epoch"])
        seconds = (ends[-1] - ends[0]) / (len(ends) - 1) * (epochs - epoch)
        left = f"  {duration(seconds)} left" if epoch < epochs else ""
        print(f"epoch {epoch}/{epochs}  {_figures(row)}{left}", file=sys.stderr, flush=True)

    return tell


def duration(seconds: float) -> str:
    """Write a time as clocks do: ``0:42``, ``12:05``, ``1:02:33``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _figures(row: dict[str, float]) -> str:
    parts = [f"train loss {row['train_loss']:.4f}"]
    if "val_loss" in row:
        parts.append(f"validation loss {row['val_loss']:.4f}")
    if "val_accuracy" in row:
        parts.append(f"accuracy {row['val_accuracy']:.1%}")
    others = [name for name in row if name.startswith("val_") and name not in ("val_loss", "val_accuracy")]
    parts += [f"{name.removeprefix('val_')} {row[name]:.3f}" for name in others]
    return "  ".join([*parts, f"{row['clips_per_second']:,.0f} clips/s"])
