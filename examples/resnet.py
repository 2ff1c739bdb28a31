"""The default network, a small ResNet, beside `cnn`: what each weighs, what a second of sound costs, what it hears.

Both are 2-D convolutions at first. `cnn` then takes bands of frequency for channels and goes over time alone; the
ResNet goes over time and frequency to the end, so it needs fewer weights and more multiply-adds. The front end is
`jl.models.voice`, which gives every clip of the training another colour, as another microphone would.
"""

import jax
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=15)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
n = len(data.classes)
for name, network in {"cnn": jl.models.cnn(n), "resnet": jl.models.resnet(n)}.items():
    model = jl.serial(jl.models.voice(data.sr), network)
    size = jl.summary(model, (data.sr,))
    fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0))
    report = jl.evaluate(fitted, test)
    low, high = report.accuracy_interval
    print(
        f"{name}: {size.parameters:,} weights, {size.multiply_adds / 1e6:.1f} million multiply-adds a second of sound, "
        f"{report.accuracy:.1%} right (95 % interval {low:.1%} to {high:.1%})"
    )
