"""A model of ours in a training loop of flax NNX, and back: a listener that can be measured, loaded and exported."""

import jax
import numpy as np
import optax
from common import sounds
from flax import nnx

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=10)
train, test = jl.data.split(data, (0.8, 0.2))
model = jl.serial(jl.models.log_mel(train.sr), jl.models.cnn1d(len(train.classes), channels=(32, 32)))
lengths = jl.data.bucket_lengths(train.lengths)

example = jl.data.collate(train, np.arange(32), max(lengths), 32)
module = jl.interop.as_nnx(model, *model.init(jax.random.key(0), example.x), rngs=nnx.Rngs(0))
optimizer = nnx.Optimizer(module, optax.adam(3e-3), wrt=nnx.Param)


@nnx.jit
def step(module, optimizer, batch):
    """Train on one batch, of which absent items weigh nothing."""

    def loss(module):
        losses = optax.softmax_cross_entropy_with_integer_labels(module(batch.x), batch.y)
        return (losses * batch.weight).sum() / batch.weight.sum()

    value, gradient = nnx.value_and_grad(loss)(module)
    optimizer.update(module, gradient)
    return value


module.train()
for epoch in range(epochs):
    plan = jl.data.plan(train.lengths, 32, lengths, rng=np.random.default_rng(epoch))
    batches = (jl.data.collate(train, rows, length, 32) for length, rows in plan)
    mean = np.mean([step(module, optimizer, batch) for batch in batches])
    print(f"epoch {epoch + 1}: loss {mean:.3f}")

model, params, state = jl.interop.from_nnx(module)
task = jl.tasks.infer(train.targets)
fitted = jl.Fitted(model, params, state, task, classes=train.classes, sr=train.sr, item=(max(train.lengths),))
print(jl.evaluate(fitted, test))
