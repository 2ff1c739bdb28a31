"""From a cold process to 98.5 % of the spoken digits, beside the same in torch.

``python -m benchmarks.race FSDD [--rounds 3]`` runs the two scripts in turn, each in a process of its own, and prints
the median of their wall times: importing, reading the recordings, compiling and training together. Both learn the
official split with one model and recipe (log-mel bands, batch normalisation, dropout, a GRU; AdamW over one cycle) and
stop after the first epoch that has 98.5 % of the official test clips right.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

EPOCHS, BATCH, PEAK_RATE, WEIGHT_DECAY, UNITS, DROPOUT, ENOUGH = 20, 16, 4e-3, 1e-2, 96, 0.2, 0.985
"""The recipe of both."""
SR, N_FFT, HOP, BANDS = 8000, 256, 80, 40
SIDES = {"jaxlisten": "benchmarks.race", "torch": "benchmarks.peers.torch_race"}


def ours(root: str, seed: int) -> None:
    """Train with jaxlisten, and print the epochs that it took and the accuracy."""
    import jax
    import optax

    import jaxlisten as jl

    clips = jl.data.fsdd(root)
    train, test = clips.part("train"), clips.part("test")
    model = jl.serial(
        jl.LogMel(sr=SR, n_fft=N_FFT, hop_length=HOP, n_mels=BANDS),
        jl.BatchNorm(),
        jl.Dropout(DROPOUT),
        jl.GRU(UNITS),
        jl.GlobalPool("last"),
        jl.Dense(len(clips.classes)),
    )
    steps = EPOCHS * -(-len(train) // BATCH)
    fitted = jl.fit(
        model,
        train,
        test,
        key=jax.random.key(seed),
        optimizer=optax.adamw(optax.cosine_onecycle_schedule(steps, PEAK_RATE), weight_decay=WEIGHT_DECAY),
        epochs=EPOCHS,
        batch_size=BATCH,
        callbacks=[lambda row, now: row["val_accuracy"] >= ENOUGH],
        progress=False,
    )
    print(len(fitted.history), fitted.history[-1]["val_accuracy"])


def main() -> None:
    """Run both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", metavar="FSDD", help="the folder of the spoken digits")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", type=int, metavar="SEED", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone is not None:
        return ours(options.root, options.alone)
    times: dict[str, list[float]] = {name: [] for name in SIDES}
    for seed in range(options.rounds):
        for name, module in SIDES.items():
            begin = time.perf_counter()
            words = [sys.executable, "-m", module, options.root, "--alone", str(seed)]
            epochs, accuracy = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-2:]
            times[name].append(time.perf_counter() - begin)
            print(f"{name}, seed {seed}: {times[name][-1]:.1f} s, {epochs} epochs, {float(accuracy):.1%}", flush=True)
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in middle.items()), end=": ")
    print(f"{middle['torch'] / middle['jaxlisten']:.2f} times as fast as torch")


if __name__ == "__main__":
    main()
