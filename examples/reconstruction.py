"""Autoencoders squeeze spectrograms through a narrow code and put them together again: plain, denoising, variational.

Nothing is known of the clips but the clips. The error is the mean square of what is missing, of features at mean 0 and
deviation 1, so 1 is no better than always saying the mean. The codes are a map of the clips.
"""

import jax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=20)
train, val, test = jl.data.split(jl.data.unlabelled(data), (0.7, 0.15, 0.15))

for name, task, divergence in (
    ("plain", jl.tasks.reconstruction(), 0.0),
    ("denoising", jl.tasks.denoising(jl.augment.Noise(snr_db=(0, 10), share=1)), 0.0),
    ("variational", jl.tasks.reconstruction(), 0.1),
):
    model = jl.models.reconstruction(data.sr, divergence=divergence)
    fitted = jl.fit(model, train, val, task=task, epochs=epochs, key=jax.random.key(0))
    print(f"{name}: {fitted}")

rows = jl.embed(fitted, test, until="description")  # of each clip what it is like, and how badly it is known
print("where the first clips lie on a map:", jl.embedding_map(rows)[:3].astype(float).round(1).tolist())
