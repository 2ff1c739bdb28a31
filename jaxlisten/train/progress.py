"""Telling a person how far a run is, on standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Tell = Callable[[dict[str, float]], None]


@contextlib.contextmanager
def progress(epochs: int, done: int, *, shown: bool) -> Iterator[Tell]:
    """Yield a function that takes the row of each finished epoch: a bar on a terminal, otherwise a line an epoch.

    Args:
        epochs: of the whole run.
        done: how many were done before.
        shown: False: say nothing.
    """
    if not shown:
        yield lambda row: None
    elif not sys.stderr.isatty():
        yield lambda row: print(f"epoch {row['epoch']:.0f}/{epochs}  {_figures(row)}", file=sys.stderr, flush=True)
    else:
        from tqdm import tqdm

        with tqdm(total=epochs, initial=done, unit="epoch", file=sys.stderr, dynamic_ncols=True) as bar:

            def tell(row: dict[str, float]) -> None:
                bar.set_postfix_str(_figures(row), refresh=False)
                bar.update()

            yield tell


def _figures(row: dict[str, float]) -> str:
    parts = [f"train loss {row['train_loss']:.4f}"]
    if "val_loss" in row:
        parts.append(f"validation loss {row['val_loss']:.4f}")
    if "val_accuracy" in row:
        parts.append(f"accuracy {row['val_accuracy']:.1%}")
    others = [name for name in row if name.startswith("val_") and name not in ("val_loss", "val_accuracy")]
    parts += [f"{name.removeprefix('val_')} {row[name]:.3f}" for name in others]
    return "  ".join([*parts, f"{row['clips_per_second']:,.0f} clips/s"])
