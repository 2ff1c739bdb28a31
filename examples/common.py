"""What the examples share: which sounds to use, and how long to train, from the command line."""

import argparse
import dataclasses

import numpy as np

import jaxlisten as jl


def sounds(about: str | None, *, epochs: int, sr: int | None = None) -> tuple[jl.data.Dataset, int]:
    """Read ``--data`` and ``--quick``.

    Args:
        about: what ``--help`` says.
        epochs: how many passes over the clips make a good result.
        sr: sample rate in Hz; None: that of the recordings, at most 16 kHz, and 8 kHz of the built-in sounds.

    Returns:
        The clips, and how many passes to make: one if it has to be quick.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="PATH", help="a folder with a sub-folder a class, or a CSV with path,label")
    parser.add_argument("--quick", action="store_true", help="60 clips of half a second, once: to see that it runs")
    options = parser.parse_args()
    data = jl.data.load(options.data, sr=sr) if options.data else jl.data.synthetic(600, sr=sr or 8000)
    if options.quick:
        data = data.subset(np.random.default_rng(0).permutation(len(data))[:60])
        # One length of clips, one compilation.
        data = dataclasses.replace(data, audio=tuple(np.resize(clip, data.sr // 2) for clip in data.audio))
    return data, 1 if options.quick else epochs
