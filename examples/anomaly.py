"""Anomaly detection: an autoencoder hears normal sound only, and tells what is not.

Without data it listens to built-in machines, some of which have a planted fault. With it, one class of your recordings
is normal, and all others are only there to be told from it. `jaxlisten train DATA --task anomaly` does the same from
the command line.

    python examples/anomaly.py --data sounds/ --normal rain
"""

import argparse

import jax

import jaxlisten as jl

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="PATH", help="a folder with a sub-folder a class, or a CSV with path,label")
parser.add_argument("--normal", metavar="CLASS", default="normal", help="the class that is normal (default: normal)")
parser.add_argument("--quick", action="store_true", help="a few machines, once: to see that it runs")
options = parser.parse_args()

data = jl.data.load(options.data) if options.data else jl.data.machines(30 if options.quick else 300)
train, val, test = jl.data.normal_partition(data, [options.normal])
model = jl.models.reconstruction(data.sr)
fitted = jl.fit(
    model, train, val, task="reconstruction", epochs=1 if options.quick else 30, batch_size=8, key=jax.random.key(0)
)
fitted = jl.calibrate(fitted, train, val, normal=[options.normal])  # what is usual, and from where on a clip is not

test = test or val  # without classes there is nothing to test on
print(jl.evaluate(fitted, test))
said = jl.Listener(fitted).predict(test.audio[0])
print(f"{test.paths[0]}: {said.label}, novelty {said.novelty:.2f} (threshold {said.threshold:.2f})")
