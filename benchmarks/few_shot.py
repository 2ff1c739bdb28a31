"""Few clips a class: what pre-training on clips without labels is worth.

``python -m benchmarks.few_shot (--fsdd DIR | --keywords DIR) [--clips 1 5 10] [--draws 5] [--epochs 20] [--json FILE]``

``--fsdd``: spoken digits, the official split, whose speakers train and test. ``--keywords``: the ten words of Speech
Commands, cut by speaker. All training clips, of the keywords other words included, are there without their labels. A
few of each class, drawn at random, have theirs; what is learned from them is tested on all test clips, which neither
training has heard. Each draw is learned in turn, by the default recipe,

- by the default model, from nothing;
- over what the same model has learned by contrast without labels: by a new last layer alone (a probe), and by all
  layers (fine-tuned);
- by an `mlp`, from nothing, and after its layers were trained one by one as autoencoders without labels;
- by logistic regression on pooled MFCC, the simple baseline.

There are no clips to choose by, so the weights are those of the last epoch. Means and deviations are over the draws.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten import classical, data
from jaxlisten.train import default_augment, default_task

_FEATURES, _BATCH = 64, 64


class Parts(NamedTuple):
    """Clips without labels, some of which are drawn with theirs, and those to test on."""

    unlabelled: data.Dataset
    labelled: data.Dataset
    test: data.Dataset


def fsdd(root: str) -> Parts:
    """Take the official split of the digits."""
    clips = data.fsdd(root)
    heard = clips.part("train")
    return Parts(data.unlabelled(heard), heard, clips.part("test"))


def keywords(root: str) -> Parts:
    """Cut the keywords by speaker."""
    clips = data.speech_commands(root, split="speaker", words=data.KEYWORDS)
    heard = clips.part("train")
    return Parts(data.unlabelled(heard), _words(heard), _words(clips.part("test")))


def _words(clips: data.Dataset) -> data.Dataset:
    """Take the ten words alone, as the only classes."""
    names = [clips.classes[target] for target in clips.targets]
    chosen = clips.subset([name in data.KEYWORDS for name in names])
    labels = [name for name in names if name in data.KEYWORDS]
    return data.arrays(list(chosen.audio), labels, sr=clips.sr, classes=data.KEYWORDS)


def drawn(clips: data.Dataset, each: int, seed: int) -> np.ndarray:
    """Draw so many clips of each class: their places."""
    rng = np.random.default_rng((each, seed))
    picked = [rng.permutation(np.flatnonzero(clips.targets == k))[:each] for k in range(len(clips.classes))]
    return np.concatenate(picked)


def pretrained(clips: data.Dataset, epochs: int) -> jl.Fitted:
    """Learn by contrast, as ``jaxlisten train --task contrast`` does."""
    model = jl.serial(jl.models.log_mel(clips.sr), jl.models.cnn(_FEATURES))
    return jl.fit(model, clips, task="contrast", batch_size=_BATCH, epochs=epochs, key=jax.random.key(0))


def begun(parts: Parts, epochs: int) -> dict[str, jl.Start]:
    """Return what each kind of training begins with, telling how long that took."""
    sr, classes = parts.labelled.sr, len(parts.labelled.classes)
    cnn, mlp = (jl.serial(jl.models.log_mel(sr), jl.models.MODELS[name](classes)) for name in ("cnn", "mlp"))
    begin = time.perf_counter()
    source = pretrained(parts.unlabelled, epochs)
    middle = time.perf_counter()
    stack = jl.layerwise(mlp, parts.unlabelled, ("dense0", "dense1"), key=jax.random.key(0))
    took = f"by contrast in {middle - begin:.0f} s, layer by layer in {time.perf_counter() - middle:.0f} s"
    print(f"learned from {len(parts.unlabelled):,} clips without labels: {took}", flush=True)
    return {
        "from nothing": jl.Start(cnn, {}, {}),
        "contrast, probe": jl.transfer(source, classes, freeze=True),
        "contrast, fine-tuned": jl.transfer(source, classes),
        "mlp, from nothing": jl.Start(mlp, {}, {}),
        "mlp, layer by layer": stack,
    }


def learned(few: data.Dataset, start: jl.Start, seed: int) -> jl.Fitted:
    """Learn from a few clips by the default recipe."""
    task = default_task(jl.tasks.classification())
    return jl.fit(
        start.model,
        few,
        task=task,
        augment=default_augment(task),
        init=start,
        key=jax.random.key(seed),
        progress=False,
    )


def simple(pooled: tuple[np.ndarray, np.ndarray], parts: Parts, chosen: np.ndarray) -> float:
    """Learn from a few rows of pooled features by logistic regression, and score it."""
    family, known = classical.FAMILIES["logistic"], parts.labelled.targets[chosen]
    trained = classical.train(family, {"C": 0.1}, pooled[0][chosen], known)
    return float((trained.predict(pooled[1]) == parts.test.targets).mean())


def main() -> None:
    """Train, telling of each result, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fsdd", metavar="DIR")
    where.add_argument("--keywords", metavar="DIR")
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 5, 10], help="of each class, with labels")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20, help="of learning by contrast")
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    parts = fsdd(options.fsdd) if options.fsdd else keywords(options.keywords)
    starts = begun(parts, options.epochs)
    pooled = classical.describe(parts.labelled).values, classical.describe(parts.test).values
    results = []
    for each in options.clips:
        for seed in range(options.draws):
            chosen = drawn(parts.labelled, each, seed)
            few = parts.labelled.subset(chosen)
            rows = {name: jl.evaluate(learned(few, start, seed), parts.test).accuracy for name, start in starts.items()}
            rows["logistic regression"] = simple(pooled, parts, chosen)
            for name, accuracy in rows.items():
                results.append({"name": name, "clips": each, "draw": seed, "accuracy": accuracy})
            told = ", ".join(f"{name} {accuracy:.1%}" for name, accuracy in rows.items())
            print(f"{each} a class, draw {seed}: {told}", flush=True)
    print(
        f"\nright on {len(parts.test):,} clips{'':13}" + "".join(f"{f'{each} a class':>20}" for each in options.clips)
    )
    for name in dict.fromkeys(row["name"] for row in results):
        print(f"{name:34}", end="")
        for each in options.clips:
            found = [row["accuracy"] for row in results if (row["name"], row["clips"]) == (name, each)]
            spread = f" +- {statistics.stdev(found):.1%}" if len(found) > 1 else ""
            print(f"{f'{statistics.mean(found):.1%}{spread}':>20}", end="")
        print()
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
