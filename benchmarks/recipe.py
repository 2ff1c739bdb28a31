"""What the default recipe was chosen by: the default and variations of it, heard on validation clips alone.

``python -m benchmarks.recipe [--fsdd DIR] [--esc10 DIR] [--keywords DIR] [--only NAME ...] [--seeds 1] [--json FILE]``

No test clip is touched. Of the digits george and theo stay out, the four other speakers are left out in turn and three
of them train; of ESC-10 the validation folds of tests 1 and 3 are heard; of the keywords the validation speakers. Each
figure is the mean of the last three epochs, over the parts of a set: the best epoch would be chosen by luck. Runs are
shorter than those of ``jaxlisten train``: 20, 40 and 20 epochs. From seed to seed the accuracy of four speakers differs
by two or three points, so read the loss beside it.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten import augment, models
from jaxlisten.data import Dataset
from jaxlisten.nn import Layer
from jaxlisten.train import default_augment, default_optimizer, default_task
from jaxlisten.train.job import steps_an_epoch

TASK = jl.tasks.classification()
USUAL = default_augment(TASK)
SPEAKERS = ("jackson", "lucas", "nicolas", "yweweler")
_BATCH, _LAST = 32, 3


@dataclass(frozen=True)
class Recipe:
    """What is varied.

    Attributes:
        front_end: of a sample rate.
        network: of the number of classes.
        augment: of raw sound.
        weight_decay: of the optimizer.
        epochs: how many times as many as usual here.
    """

    front_end: Callable[[int], Layer] = models.log_mel
    network: Callable[[int], Layer] = models.resnet
    augment: augment.Augmentation | None = USUAL
    weight_decay: float = 1e-2
    epochs: float = 1.0


def _less_colour(sr: int, share: float) -> Layer:
    """Return the default front end with another share of each band's mean taken away."""
    mel = models.log_mel(sr, relative=False)
    return jl.serial(mel, jl.AutoGain(201), jl.SlidingNorm(201, share=share, scale=False))


VARIATIONS = {
    "default": Recipe(),
    "cnn": Recipe(network=models.cnn),
    "cnn, half as many epochs again": Recipe(network=models.cnn, epochs=1.5),
    "narrow": Recipe(network=functools.partial(models.resnet, filters=(12, 24), channels=(48, 96))),
    "dropout 0.5": Recipe(network=functools.partial(models.resnet, dropout=0.5)),
    "twice the epochs": Recipe(epochs=2.0),
    "weight decay 0.1": Recipe(weight_decay=0.1),
    "40 bands": Recipe(front_end=functools.partial(models.log_mel, n_mels=40)),
    "colour as it is": Recipe(front_end=functools.partial(_less_colour, share=0.0)),
    "a quarter of the colour away": Recipe(front_end=functools.partial(_less_colour, share=0.25)),
    "all colour away": Recipe(front_end=functools.partial(_less_colour, share=1.0)),
    "FilterAugment": Recipe(front_end=models.voice),
    "FrequencyWarp": Recipe(network=lambda classes: jl.serial(jl.FrequencyWarp(), models.resnet(classes))),
    "noise on all clips": Recipe(augment=augment.Chain((augment.Speed(), augment.Noise(share=1.0)))),
    "speed 0.95 to 1.05": Recipe(augment=augment.Chain((augment.Speed(0.95, 1.05), augment.Noise()))),
    "speed 0.75 to 1.33": Recipe(augment=augment.Chain((augment.Speed(0.75, 1.33), augment.Noise()))),
    "no augmentation": Recipe(augment=None),
}


@dataclass(frozen=True)
class Result:
    """One training.

    Attributes:
        task, part: what was learned, and what validated.
        variation: a key of `VARIATIONS`.
        seed: of the run.
        accuracy, loss: on the validation clips, means of the last epochs.
        seconds: of the run.
    """

    task: str
    part: str
    variation: str
    seed: int
    accuracy: float
    loss: float
    seconds: float


Part = tuple[str, Dataset, Dataset]
"""The name of what validates, the clips that train, and those that validate."""


def fsdd(root: str) -> Iterator[Part]:
    """Yield each of four speakers, unheard by three others."""
    clips = jl.data.fsdd(root)
    speakers = np.array(clips.groups)
    for speaker in SPEAKERS:
        train = np.isin(speakers, SPEAKERS) & (speakers != speaker)
        yield speaker, clips.subset(train), clips.subset(speakers == speaker)


def esc10(root: str) -> Iterator[Part]:
    """Yield the folds that validate where folds 1 and 3 test."""
    for test in (1, 3):
        clips = jl.data.esc10(root, test_fold=test)
        folds, validation = np.array(clips.folds).astype(int), test % 5 + 1
        yield f"fold {validation}", clips.subset(~np.isin(folds, (test, validation))), clips.subset(folds == validation)


def keywords(root: str) -> Iterator[Part]:
    """Yield the validation speakers of the ten words."""
    clips = jl.data.speech_commands(root, split="speaker", words=jl.data.KEYWORDS)
    clips = clips.subset([clips.classes[target] in jl.data.KEYWORDS for target in clips.targets])
    yield "speakers a and b", clips.part("train"), clips.part("validation")


SETS: dict[str, tuple[Callable[[str], Iterator[Part]], int]] = {
    "fsdd": (fsdd, 20),
    "esc10": (esc10, 40),
    "keywords": (keywords, 20),
}
"""The sets, and for how many epochs they train."""


def measure(task: str, part: Part, epochs: int, variation: str, seed: int) -> Result:
    """Train one variation on one part."""
    (name, train, validation), recipe = part, VARIATIONS[variation]
    epochs = round(epochs * recipe.epochs)
    steps = epochs * steps_an_epoch([train], [validation], _BATCH)
    begin = time.perf_counter()
    fitted = jl.fit(
        jl.serial(recipe.front_end(train.sr), recipe.network(len(train.classes))),
        train,
        validation,
        key=jax.random.key(seed),
        task=default_task(TASK),
        augment=recipe.augment,
        optimizer=default_optimizer(steps, weight_decay=recipe.weight_decay),
        batch_size=_BATCH,
        epochs=epochs,
        progress=False,
    )
    last = fitted.history[-_LAST:]
    accuracy, loss = (statistics.mean(row[of] for row in last) for of in ("val_accuracy", "val_loss"))
    return Result(task, name, variation, seed, accuracy, loss, time.perf_counter() - begin)


def summary(results: list[Result]) -> str:
    """Lay out a row for each variation, and a column for each set."""
    tasks = list(dict.fromkeys(result.task for result in results))
    lines = [f"{'':32}" + "".join(f"{task:>20}" for task in tasks)]
    for variation in dict.fromkeys(result.variation for result in results):
        line = f"{variation:32}"
        for task in tasks:
            mine = [result for result in results if (result.task, result.variation) == (task, variation)]
            accuracy, loss = (statistics.mean(getattr(one, of) for one in mine) for of in ("accuracy", "loss"))
            line += f"{accuracy:>12.1%}, {loss:.3f}"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Train every variation on every part, telling of each, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in SETS:
        parser.add_argument(f"--{name}", metavar="DIR")
    parser.add_argument("--only", nargs="+", choices=VARIATIONS, metavar="NAME", default=list(VARIATIONS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    results = []
    for task, (cut, epochs) in SETS.items():
        for part in cut(root) if (root := getattr(options, task)) else ():
            for variation in options.only:
                for seed in range(options.seeds):
                    results.append(result := measure(task, part, epochs, variation, seed))
                    print(f"{task}, {result.part}, {variation}, seed {seed}: {result.accuracy:.1%}", end=" ")
                    print(f"loss {result.loss:.3f}, {result.seconds:.0f} s", flush=True)
    if not results:
        parser.error("give at least one of --fsdd, --esc10 and --keywords")
    print(summary(results))
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
