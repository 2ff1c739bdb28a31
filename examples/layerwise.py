"""Layer by layer: how deep networks were begun before there was normalisation.

Each dense layer of an `mlp` learns, from clips without labels, to keep what the layers below it give: with another one
behind it, it is an autoencoder. Then all of them learn the classes together, from five labelled clips of each. Beside
it, the same network from nothing; `examples/pretraining.py` shows what took the place of all this.
"""

import jax
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=10)
many, test = jl.data.split(data, (0.7, 0.3))
few = many.subset(np.concatenate([np.flatnonzero(many.targets == k)[:5] for k in range(len(data.classes))]))
model = jl.serial(jl.models.log_mel(data.sr), jl.models.mlp(len(data.classes), units=(128, 128)))
key = jax.random.key(0)

starts = {
    "from nothing": jl.Start(model, {}, {}),
    "layer by layer": jl.layerwise(model, many, ("dense0", "dense1"), key=key, epochs=epochs),
}
for name, start in starts.items():
    fitted = jl.fit(model, few, init=start, epochs=5 * epochs, key=key, progress=False)
    print(f"{name}: {jl.evaluate(fitted, test).accuracy:.1%} of {len(test)} clips")
