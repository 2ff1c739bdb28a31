"""Many clips, few labels: learn from clips without labels first, then from five of each class.

Two pieces of a clip belong together, whatever it is of: that is learned from all clips. Then a new last layer, alone
(a probe) or with all that is below it, learns from five labelled clips of each class, beside the same network from
nothing. The command does the same: `jaxlisten train SOUNDS --task contrast`, and then `jaxlisten train FEW --from RUN`.
"""

import jax
import numpy as np
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=20)
many, test = jl.data.split(data, (0.7, 0.3))
few = many.subset(np.concatenate([np.flatnonzero(many.targets == k)[:5] for k in range(len(data.classes))]))
key = jax.random.key(0)

contrast = jl.serial(jl.models.log_mel(data.sr), jl.models.cnn(64))
heard = jl.fit(contrast, jl.data.unlabelled(many), task="contrast", batch_size=64, epochs=epochs, key=key)

classes = len(data.classes)
starts = {
    "from nothing": jl.Start(jl.serial(jl.models.log_mel(data.sr), jl.models.cnn(classes)), {}, {}),
    "the last layer alone": jl.transfer(heard, classes, freeze=True),
    "all layers": jl.transfer(heard, classes),
    "all but the first ones": jl.transfer(heard, classes, freeze=("normalize", "image0", "image1")),
}
augment = jl.augment.Chain((jl.augment.Speed(), jl.augment.Noise()))
for name, start in starts.items():
    fitted = jl.fit(start.model, few, init=start, augment=augment, epochs=5 * epochs, key=key, progress=False)
    print(f"{name}: {jl.evaluate(fitted, test).accuracy:.1%} of {len(test)} clips")
