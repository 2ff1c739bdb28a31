"""Generation: an LSTM that goes on from a note, one to many.

It learns to say what follows each note of a melody, and then goes on by itself: each next note is drawn from what it
says, at three temperatures. Without data the melodies are made by a rule, and it is counted how many of its own obey
it; with it, they are those of your MIDI files, which needs `pip install -e '.[midi]'`.

    python examples/melody.py --start 60            # writes melody.wav, and melody.mid where mido is installed
    python examples/melody.py --data folk_songs/ --steps 128
"""

import argparse
import importlib.util
import math
import tempfile
from pathlib import Path

import jax
import numpy as np
import soundfile

import jaxlisten as jl

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="DIR", help="a folder of MIDI files")
parser.add_argument("--start", metavar="PITCH", type=int, default=60, help="the first note (default: 60, middle C)")
parser.add_argument("--steps", metavar="N", type=int, default=32, help="sixteenth notes (default: 32)")
parser.add_argument("--quick", action="store_true", help="a few melodies, once: to see that it runs")
options = parser.parse_args()

melodies = jl.data.midi(options.data) if options.data else list(jl.data.melodies(64 if options.quick else 4000))
order = np.random.default_rng(0).permutation(len(melodies))
held_out = max(1, len(melodies) // 10)
train, test = (jl.data.next_notes([melodies[i] for i in part]) for part in (order[held_out:], order[:held_out]))

model = jl.models.melody()
epochs = 1 if options.quick else max(10, 6000 // len(train))
fitted = jl.fit(model, train, key=jax.random.key(0), task="classification", epochs=epochs)
step, counts = jl.make_eval_step(model), [int((batch.y >= 0).sum()) for batch in test]
losses = [float(step(fitted.params, fitted.state, batch).loss) for batch in test]
print(f"{np.average(losses, weights=counts) / math.log(2):.3f} bits a step on melodies that it has not learnt from")

for temperature in (0.5, 1.0, 1.5):
    keys = jax.random.split(jax.random.key(1), 200)
    weights = fitted.params, fitted.state
    made = np.asarray(
        jl.generate(model, *weights, [options.start], options.steps - 1, key=keys, temperature=temperature)
    )
    print(f"temperature {temperature}: {' '.join(str(token) for token in made[0]).replace('128', '-')}")
    if not options.data and options.steps == jl.data.MELODY_STEPS:
        print(f"  of 200, {jl.data.melody_rules(made).all.mean():.0%} obey the whole rule")

melody = np.asarray(jl.generate(model, *weights, [options.start], options.steps - 1, key=keys[0], temperature=0.7))
notes = jl.data.notes(melody)
folder = Path(tempfile.mkdtemp() if options.quick else ".")
sound = jl.ops.additive(notes, round(16_000 * (notes[:, 1].max() + 0.5)), 16_000)
soundfile.write(folder / "melody.wav", np.asarray(sound), 16_000)
if importlib.util.find_spec("mido"):
    jl.data.write_midi(folder / "melody.mid", melody)
