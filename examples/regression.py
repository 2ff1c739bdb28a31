"""Regression: numbers that a sound has as a whole, and numbers that change from moment to moment.

Without data it hears melodies: how loud each is, one number for a clip, and which pitch it has at every moment, learnt
by the concordance correlation that is usual for ratings of emotion. With it, the tables say the numbers of your
recordings: `path,target`, a row a clip, and `path,time,target`, a row a moment, empty where the number is not known.
`jaxlisten train clips.csv` and `jaxlisten train moments.csv --task contours` do the same from the command line.

    python examples/regression.py --clips clips.csv --moments moments.csv
"""

import argparse

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten.train import default_units

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clips", metavar="CSV", help="a table with path,target")
parser.add_argument("--moments", metavar="CSV", help="a table with path,time,target")
parser.add_argument("--quick", action="store_true", help="a few melodies, once: to see that it runs")
options = parser.parse_args()
sr, n, epochs = 8000, 24 if options.quick else 300, 1 if options.quick else 20


def melodies() -> tuple[jl.data.Dataset, jl.data.Dataset]:
    """Make melodies of two seconds, with their levels in dB, and with their pitch over time."""
    rng, audio, levels, contours = np.random.default_rng(0), [], [], []
    for melody in jl.data.melodies(n):
        notes = jl.data.notes(melody[:16])
        sound = np.asarray(jl.ops.additive(notes, 2 * sr, sr))
        levels.append(rng.uniform(-40, 0))
        audio.append((sound + 0.003 * rng.standard_normal(len(sound))) * 10 ** (levels[-1] / 20))
        ends = np.column_stack([notes[:, 0], notes[:, 1] - 1e-3])  # a point at the beginning and end of each note
        contours.append(jl.data.Contour(ends.ravel(), np.repeat(notes[:, 2], 2)))
    whole = jl.data.arrays(audio, levels, sr=sr, classes=("level",))
    return whole, jl.data.arrays(audio, contours, sr=sr, classes=("pitch",))


made = melodies()
whole = jl.data.csv(options.clips) if options.clips else made[0]
moments = jl.data.contours(options.moments) if options.moments else made[1]

for data, network, task in (
    (whole, jl.models.cnn, jl.tasks.regression()),
    (moments, jl.models.event_crnn, jl.tasks.frame_regression(loss="concordance")),
):
    train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
    front = jl.models.log_mel(data.sr, relative=False)  # a number may be a level
    model = jl.serial(front, network(len(data.classes)), default_units(train.targets))
    if data.kind == "contours":
        train, val = jl.data.windows(train), jl.data.windows(val)
    fitted = jl.fit(model, train, val, task=task, epochs=epochs, key=jax.random.key(0))
    print(jl.evaluate(fitted, test), "\n")

said = jl.Listener(fitted).predict(test.audio[0])
for time, *numbers in said.contour[:10]:
    print(f"{time:5.2f} s  {'  '.join(f'{number:.2f}' for number in numbers)}")
