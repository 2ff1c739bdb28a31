"""Is a network worth it? Classical models beside it, on the same clips, and what its embedding is good for.

Needs scikit-learn: `pip install 'jaxlisten[compare]'`. `jaxlisten compare DATA --out OUT` does the first half without
any code, and writes a page.
"""

import jax
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=12)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
model = jl.serial(jl.models.log_mel(data.sr), jl.models.cnn1d(len(data.classes), channels=(16, 32)))
fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))

# Settings are chosen on the validation clips, and every model is scored once on the test clips.
comparison = jl.compare(train, val, test, networks={"network": fitted})
print(comparison, end="\n\n")

# What the network makes of a clip before it decides: alike clips are near each other.
known, asked = jl.embed(fitted, train), jl.embed(fitted, test)
found = jl.classical.nearest(known, asked[:3], 5, metric="cosine")
for clip, indices in zip(test.targets, found.indices, strict=False):
    names = ", ".join(train.classes[train.targets[i]] for i in indices)
    print(f"a {test.classes[clip]} is most like: {names}")

# Clusters know nothing of the classes. Are they the classes all the same?
clusters = jl.classical.choose_clusters(asked, key=jax.random.key(0))
same = jl.metrics.adjusted_rand(test.targets, clusters.best.labels)
print(f"\n{len(np.unique(test.targets))} classes, {clusters.by_silhouette} clusters, agreement {same:.2f}")
