"""Melodies by rule: how many bits a next step costs, and how many sampled melodies obey the rule.

``python -m benchmarks.melody [--melodies 4000] [--epochs 80] [--seed 0] [--json FILE]``

An LSTM (`jaxlisten.models.melody`) learns from melodies of `jaxlisten.data.melodies` and is tested on others, none of
which it has seen. Beside it a bigram, the share of each number behind each other one, with the smoothing that is best
on the test. The rule itself leaves `jaxlisten.data.MELODY_BITS` a melody to chance, which nothing can beat. Then both
go on from each first note, 1,000 times in all, and `jaxlisten.data.melody_rules` counts.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxlisten as jl
from jaxlisten import data

_TEST, _SAMPLES = 1000, 1000
_TEMPERATURES = (0.5, 0.8, 1.0)
_SMOOTHINGS = (0.001, 0.01, 0.1, 1.0)


def bigram(melodies: np.ndarray, smoothing: float) -> np.ndarray:
    """Return the logarithm of the share of each number behind each other one, ``[tokens, tokens]``."""
    counts = np.full((data.TOKENS, data.TOKENS), smoothing)
    np.add.at(counts, (melodies[:, :-1], melodies[:, 1:]), 1)
    return np.log(counts / counts.sum(axis=1, keepdims=True))


def obeying(made: np.ndarray) -> dict[str, float]:
    """Return the share of melodies that obey each rule."""
    return {name: float(share.mean()) for name, share in data.melody_rules(made)._asdict().items()}


def walked(table: np.ndarray, starts: np.ndarray, seed: int) -> np.ndarray:
    """Sample melodies from a bigram."""
    rng, made = np.random.default_rng(seed), [starts]
    for _ in range(data.MELODY_STEPS - 1):
        logits = table[made[-1]]
        made.append((logits + rng.gumbel(size=logits.shape)).argmax(axis=1))
    return np.stack(made, axis=1)


def main() -> None:
    """Train, count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--melodies", type=int, default=4000, help="to learn from")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    train = data.melodies(options.melodies, seed=2 * options.seed)
    known = {melody.tobytes() for melody in train}
    test = np.array([m for m in data.melodies(2 * _TEST, seed=2 * options.seed + 1) if m.tobytes() not in known])[
        :_TEST
    ]

    model, begin = jl.models.melody(), time.perf_counter()
    batches = data.next_notes(train)
    fitted = jl.fit(model, batches, key=jax.random.key(options.seed), task="classification", epochs=options.epochs)
    seconds = time.perf_counter() - begin
    (whole,) = data.next_notes(test, len(test))
    loss = jl.make_eval_step(model)(fitted.params, fitted.state, whole).loss
    table = min(
        (bigram(train, smoothing) for smoothing in _SMOOTHINGS), key=lambda t: -t[test[:, :-1], test[:, 1:]].mean()
    )
    bits = {
        "LSTM": float(loss) / math.log(2),
        "bigram": float(-table[test[:, :-1], test[:, 1:]].mean()) / math.log(2),
        "the rule itself": data.MELODY_BITS / (data.MELODY_STEPS - 1),
    }
    print(f"trained on {len(train):,} melodies for {options.epochs} epochs in {seconds:.0f} s")
    for name, value in bits.items():
        print(f"{name}: {value:.3f} bits a step, on {len(test):,} melodies that are not among them")

    starts = np.resize(np.unique(train[:, 0]), _SAMPLES)
    keys = jax.random.split(jax.random.key(options.seed + 1), _SAMPLES)
    made = {"bigram": walked(table, starts, options.seed)}
    for temperature in _TEMPERATURES:
        rows = np.zeros((_SAMPLES, data.MELODY_STEPS), np.int32)
        for first in np.unique(starts):
            own = starts == first
            rows[own] = jl.generate(
                model,
                fitted.params,
                fitted.state,
                [int(first)],
                data.MELODY_STEPS - 1,
                key=keys[jnp.asarray(np.flatnonzero(own))],
                temperature=temperature,
            )
        made[f"LSTM, temperature {temperature}"] = rows
    shares = {name: obeying(rows) for name, rows in made.items()}
    print(f"\n{'of ' + format(_SAMPLES, ',') + ' sampled':24}{'in key':>9}{'sequence':>10}{'cadence':>9}{'all':>8}")
    for name, share in shares.items():
        cells = (share[rule] for rule in ("in_key", "sequence", "cadence", "all"))
        print(f"{name:24}{next(cells):>9.1%}{next(cells):>10.1%}{next(cells):>9.1%}{next(cells):>8.1%}")
    if options.json:
        results = {"bits": bits, "obeying": shares, "seconds": round(seconds, 1)}
        Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
