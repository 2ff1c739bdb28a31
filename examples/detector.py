"""A detector: trained on streams made of clips, it says what is heard in a long recording, and when.

Each clip is laid into a wind of filtered noise, and every step of the model has a target: nothing, until a sound was
heard. The threshold is chosen on a scene of validation clips and counted on a scene of test clips.
`jaxlisten train --streaming`, `scene`, `listen` and `evaluate --stream` do the same from the command line, with
background of your own.

    python examples/detector.py --data speech_commands/
"""

import jax
import numpy as np
from common import sounds

import jaxlisten as jl
from jaxlisten import detect
from jaxlisten.train import for_streams

data, epochs = sounds(__doc__, epochs=40)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
wind = [np.convolve(np.random.default_rng(seed).standard_normal(10 * data.sr), np.ones(40)) for seed in range(20)]

made = for_streams(jl.data.Partition(train, val, test), wind)
network = jl.models.cnn1d(len(made.parts.train.classes), causal=True)
model = jl.serial(jl.models.log_mel(data.sr, lookahead=0), network)
fitted = jl.fit(
    made.model(model),
    made.parts.train,
    made.parts.validation,
    augment=made.augment(model),
    epochs=epochs,
    key=jax.random.key(0),
)

hearing = detect.Hearing(fitted)
heard = []
for clips, background in ((made.validation, made.background[1]), (jl.data.sounds(test), made.background[2])):
    scene = jl.data.scene(clips, background, seconds=300, gap=(1.0, 4.0))
    heard.append(detect.listened(hearing, "scene", [scene.samples], scene.events))
detector, _ = detect.choose(heard[:1], detect.detector(fitted.classes), false_alarms_per_hour=12)
found = detect.score(heard[1:], detector)
print(f"threshold {detector.thresholds[0]:.2f}: {found.found} of {found.events} sounds found")
rate, bound = found.false_alarms_per_hour, found.false_alarms_bound
print(f"{rate:.0f} false alarms an hour, below {bound:.0f} with 95 % confidence")
for one in detect.detections(heard[1], detector)[:5]:
    print(f"{one.time:6.2f} s  {one.label}  {one.probability:.0%}")
