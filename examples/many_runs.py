"""Many runs of one training: which learning rate, how much the seed decides, and a cross-validation.

A single figure says little: another seed, or other clips held out, would have given another one. On a GPU all the runs
are one compiled program and cost little more than one of them; on a CPU they share one compiled step.
"""

import jax
import numpy as np
import optax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=12)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
model = jl.serial(jl.models.log_mel(data.sr), jl.models.mlp(len(data.classes), units=(64,)))
key = jax.random.key(0)

rates = [1e-4, 1e-3, 1e-2]
runs = jl.fit_many(
    model, train, val, key=key, epochs=epochs, settings={"lr": rates}, optimizer=lambda h: optax.adam(h["lr"])
)
for rate, run in zip(rates, runs, strict=True):
    print(f"learning rate {rate:g}: validation accuracy {max(row['val_accuracy'] for row in run.history):.1%}")

seeds = jl.fit_many(model, train, val, key=jax.random.split(key, 4), epochs=epochs)
each = [jl.evaluate(run, test).accuracy for run in seeds]
together = jl.evaluate(jl.ensemble(seeds), test).accuracy
print(f"four seeds: {np.mean(each):.1%} on average, {min(each):.1%} to {max(each):.1%}; all together {together:.1%}")

folds = jl.data.folds(data, 5)
runs = jl.fit_many(model, [part.train for part in folds], [part.validation for part in folds], key=key, epochs=epochs)
tests = [part.test for part in folds if part.test]
reports = {f"fold {i}": jl.evaluate(run, test) for i, (run, test) in enumerate(zip(runs, tests, strict=True))}
print(f"five folds, each clip by the run that has not heard it: {jl.pooled(reports).headline}")
