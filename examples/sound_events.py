"""Sound event detection: what is heard when, several sounds at once.

Without data, scenes are mixed of the built-in sounds over wind; pauses may be negative, so that sounds overlap. With
it, the table says what is heard when in your recordings: `path,label,start,end`, a row an event, times in seconds.
`jaxlisten train events.csv --task events` does the same from the command line.

    python examples/sound_events.py --data events.csv
"""

import argparse

import jax
import numpy as np

import jaxlisten as jl

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="CSV", help="a table with path,label,start,end")
parser.add_argument("--quick", action="store_true", help="a few scenes, once: to see that it runs")
options = parser.parse_args()


def scenes(clips: jl.data.Dataset, n: int, seed: int) -> jl.data.Dataset:
    """Mix scenes of half a minute, of which it is known to the sample what is heard when."""
    wind = [np.convolve(np.random.default_rng(k).standard_normal(10 * clips.sr), np.ones(40)) for k in range(10)]
    made = [jl.data.scene(clips, wind, seconds=30, gap=(-0.3, 1.5), seed=seed + k) for k in range(n)]
    events = [list(scene.events) for scene in made]
    return jl.data.arrays([scene.samples for scene in made], events, sr=clips.sr, classes=clips.classes)


if options.data:
    train, val, test = jl.data.split(jl.data.strong(options.data), (0.7, 0.15, 0.15))
else:
    parts = jl.data.split(jl.data.synthetic(120 if options.quick else 600), (0.7, 0.15, 0.15))
    sizes = (1, 1, 1) if options.quick else (30, 5, 5)
    train, val, test = (scenes(part, n, 100 * k) for k, (part, n) in enumerate(zip(parts, sizes, strict=True)))

network = jl.models.event_linear if options.quick else jl.models.event_crnn
model = jl.serial(jl.models.log_mel(train.sr), network(classes=len(train.classes)))
fitted = jl.fit(
    model,
    jl.data.windows(train, 5.0),  # of each recording overlapping windows of five seconds, with the events in them
    jl.data.windows(val, 5.0),
    augment=jl.augment.Chain((jl.augment.Speed(), jl.augment.Noise())),
    epochs=1 if options.quick else 30,
    batch_size=8,
    key=jax.random.key(0),
)
fitted = jl.choose_thresholds(fitted, val)  # for each class, on whole recordings

report = jl.evaluate(fitted, test)
print(report)
for event in jl.Listener(fitted).predict(test.audio[0]).events[:5]:
    print(f"{event.start:6.2f} to {event.end:6.2f} s  {event.label}  {event.probability:.0%}")
