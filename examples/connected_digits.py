"""Several words in one recording: a network that writes down what is said, and was never told when.

Recordings of single words, such as spoken digits, are joined to sequences of one speaker each. The network says
25 times a second one of the words, or nothing new (CTC); a beam search adds up all the ways in which these frames can
say the same. A CSV with the columns path,transcript is learnt as it is.

    python examples/connected_digits.py --data free-spoken-digit-dataset/recordings
"""

import jax
from common import sounds

import jaxlisten as jl
from jaxlisten.train import default_augment

data, epochs = sounds(__doc__, epochs=12)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15), by="clip")
if data.kind == "class":
    many = 40 if epochs == 1 else 1200
    train, val, test = (jl.data.connected(part, n) for part, n in ((train, many), (val, 100), (test, 200)))
print(train, jl.data.said_in(test.targets[:3], test.classes))
model = jl.serial(jl.models.log_mel(data.sr), jl.models.ctc(len(data.classes)))
augment = default_augment(jl.tasks.transcription())
fitted = jl.fit(model, train, val, epochs=epochs, augment=augment, key=jax.random.key(0))
report = jl.evaluate(fitted, test, beam=8)
print(report)
for wrong in report.mistakes[:3]:
    print(f"said {wrong.truth!r}, written {wrong.predicted!r}")
