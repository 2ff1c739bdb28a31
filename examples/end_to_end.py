"""End to end against a front end: raw samples beside log-mel and MFCC, on the same clips, in one table.

What hears samples learns its own filters. `jaxlisten compare DATA --front-ends raw,log_mel,mfcc --out OUT` does it
without any code, and writes a page with pictures of them.
"""

import jax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=25)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
n = len(data.classes)
models = {
    "raw": jl.serial(jl.Raw(), jl.models.crnn(n, channels=(32, 48), units=64)),
    "filter_bank": jl.serial(jl.models.filter_bank(data.sr), jl.models.cnn1d(n, channels=(32, 48))),
    "log_mel": jl.serial(jl.models.log_mel(data.sr), jl.models.cnn1d(n, channels=(32, 48))),
    "mfcc": jl.serial(jl.models.mfcc(data.sr), jl.models.cnn1d(n, channels=(32, 48))),
}
networks = {name: jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0)) for name, model in models.items()}
comparison = jl.compare(train, val, test, networks=networks, families=())
print(comparison, end="\n\n")

# `jl.plot.filters` and `jl.plot.impulse_responses` draw them.
for name, filters in comparison.filters.items():
    print(f"{name} listens for", " ".join(f"{hz:.0f}" for hz in filters.peaks_hz), "Hz")
