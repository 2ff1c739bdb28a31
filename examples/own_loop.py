"""The level below `fit`: your own training loop around the jitted step."""

import jax
import numpy as np
import optax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=10)
train, test = jl.data.split(data, (0.8, 0.2))
model = jl.serial(jl.models.log_mel(train.sr), jl.models.lstm(len(train.classes), units=(48,)))
optimizer = optax.adam(1e-2)
lengths = jl.data.bucket_lengths(train.lengths)


def batches(clips: jl.data.Dataset, rng: np.random.Generator | None = None):
    """Yield padded batches of a handful of shapes."""
    for length, indices in jl.data.plan(clips.lengths, 32, lengths, rng=rng):
        yield jl.data.collate(clips, indices, length, 32)


state = jl.init_train_state(model, optimizer, jax.random.key(0), next(batches(train)).x)
train_step, eval_step = jl.make_train_step(model, optimizer), jl.make_eval_step(model)
for epoch in range(epochs):
    for batch in batches(train, np.random.default_rng(epoch)):
        state, info = train_step(state, batch)
    right = total = 0.0
    for batch in batches(test):
        scores = eval_step(state.params, state.state, batch)
        right += float(((scores.probabilities.argmax(-1) == batch.y) * batch.weight).sum())
        total += float(scores.weight)
    print(f"epoch {epoch + 1}: loss {float(info.loss):.3f}, test accuracy {right / total:.1%}")
