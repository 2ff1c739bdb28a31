"""What `tests/test_devices.py` runs in other processes: on eight devices, or as one of two processes.

``python -m tests.on_devices eight DIR`` prints how far results on eight devices are from those on one, as JSON, and
writes the weights that one device finds into DIR; ``loops`` prints it for the compiled loops of accelerators;
``python -m tests.on_devices process I PORT RUN EPOCHS`` trains into a run folder as process I of two.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import soundfile
from jax import export

import jaxlisten as jl
from jaxlisten import devices, ops, runs
from jaxlisten.augment import Mixup
from jaxlisten.ops import convolution, depthwise
from jaxlisten.train import feed
from jaxlisten.train.job import Job, prepare
from jaxlisten.train.store import put

BATCH = 7
CLASSES = ("a", "b", "c")
NOISE = np.random.default_rng(0).standard_normal((33, 1000)) * 0.1
TRAIN, VALIDATION = jl.data.split(jl.data.arrays(NOISE, [CLASSES[i % 3] for i in range(33)], sr=8000), (0.8, 0.2))
MODEL = jl.serial(
    jl.Raw(), jl.Conv1D(4, 25, stride=10, bias=False), jl.BatchNorm(), jl.Dropout(0.2), jl.GlobalPool("mean"),
    jl.Dense(len(CLASSES)),
)  # fmt: skip
ADAM = optax.adam(1e-3)


def keys() -> Any:
    """Make eight keys; not at once, for a process must first join the others."""
    return jax.random.split(jax.random.key(2), 8)


def train(of: Callable[..., Any] = jl.fit, validation: Any = VALIDATION, **settings: Any) -> Any:
    settings = {"key": keys()[0], "epochs": 1, "augment": Mixup(classes=len(CLASSES)), "progress": False} | settings
    return of(MODEL, TRAIN, validation, batch_size=BATCH, optimizer=ADAM, **settings)


def apart(first: Any, second: Any) -> float:
    """Return the largest difference of two trees, relative to the largest value of an array where that is above 1."""
    first, second = (list(map(np.asarray, jax.tree.leaves(tree))) for tree in (first, second))
    return max(float(np.abs(a - b).max() / max(1, np.abs(a).max())) for a, b in zip(first, second, strict=True))


def weights(fitted: jl.Fitted) -> Any:
    return fitted.params, fitted.state


def alone(function: Callable[[], Any]) -> Any:
    with jax.default_device(jax.devices()[1]):
        return function()


def looped(function: Callable[[], Any]) -> Any:
    """Train as on an accelerator, where a pass is a compiled loop."""
    called, feed.steps_are_called = feed.steps_are_called, lambda: False
    try:
        return function()
    finally:
        feed.steps_are_called = called


def resumed() -> jl.Fitted:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        alone(lambda: train(validation=None, run_dir=run))
        return train(validation=None, run_dir=run, epochs=2, resume=True)


def given() -> list[tuple[int, float]]:
    """Say of batches of 16 and of 5 rows how many a device has, and how far they are from what was given."""
    mesh, found = devices.mesh(), []
    for n in (16, 5):
        rows = np.arange(n, dtype=np.float32)
        put = devices.given(rows, mesh)
        found.append((put.addressable_shards[0].data.shape[0], apart(rows, put)))
    return found


def prepared(batch_size: int) -> Job:
    (job,) = prepare(
        MODEL,
        [TRAIN],
        [None],
        optimizer=ADAM,
        task=None,
        epochs=1,
        batch_size=batch_size,
        augment=Mixup(classes=len(CLASSES)),
        average=None,
        patience=None,
    )
    return job


def of_the_host(batch_size: int) -> list[Any]:
    """Return the batches of a pass over clips that the devices have no room for."""
    feed.fits = lambda *data: False
    return list(feed.make_feed(prepared(batch_size), keys()[0]).batches(0, 0))


def from_files(folder: Path) -> jl.Fitted:
    """Train on clips that stay in their files."""
    for i, (clip, target) in enumerate(zip(TRAIN.audio, TRAIN.targets, strict=True)):
        (folder / CLASSES[target]).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / CLASSES[target] / f"{i:02}.wav", clip, TRAIN.sr, subtype="FLOAT")
    clips = jl.data.folder(folder, from_files=True)
    return jl.fit(MODEL, clips, key=keys()[0], epochs=1, batch_size=8, optimizer=ADAM, progress=False)


def of_kernels() -> tuple[list[Any], int]:
    """Return gradients of convolutions that a CPU computes a few items at a time, and how often devices exchange."""
    convolution._IN_CACHE = depthwise._IN_CACHE = 500
    mesh, noise = devices.mesh(), np.random.default_rng(0)
    x, kernel = (noise.standard_normal(shape).astype(np.float32) for shape in ((16, 8, 5, 2), (3, 3, 2, 3)))

    @jax.jit
    def gradients(x: Any, kernel: Any) -> Any:
        def loss(x: Any, kernel: Any) -> Any:
            with devices.over(mesh):
                y = ops.conv2d(x, kernel)
                z = ops.depthwise_conv(x, kernel[..., 0], stride=(1, 1), dilation=(1, 1))
            return jnp.sin(y).sum() + jnp.sin(z).sum()

        return jax.grad(loss, (0, 1))(devices.sharded(x, mesh), kernel)

    compiled = gradients.lower(x, kernel).compile().as_text() or ""
    return list(gradients(x, kernel)), compiled.count("all-gather(")


def lowered() -> int:
    """Lower a step on eight devices for platforms that are not here, and return for how many devices it is."""
    job = prepared(BATCH)
    state, shelf = devices.replicated(job.begin(keys()[0], None), job.update.mesh), put(TRAIN, job.lengths).shelves[0]
    step = jax.jit(lambda now, shelf, clips: feed.Take(job.update)(now, shelf, clips))
    return export.export(step, platforms=("cuda", "tpu"))(state, shelf, np.zeros(BATCH, np.int32)).nr_devices


def on_eight(folder: Path) -> dict[str, Any]:
    one, eight = alone(train), train()
    runs.write_weights(folder, *weights(one))
    both = alone(lambda: train(validation=None, epochs=2))
    kernels, gathers = of_kernels()
    return {
        "devices": devices.count(devices.mesh()),
        "weights": apart(weights(one), weights(eight)),
        "files": apart(weights(alone(lambda: from_files(folder / "a"))), weights(from_files(folder / "b"))),
        "validation": abs(one.history[0]["val_loss"] - eight.history[0]["val_loss"]),
        "resumed": apart(weights(both), weights(resumed())),
        "kernels": apart(alone(of_kernels)[0], kernels),
        "gathers": gathers,
        "given": given(),
        "lowered": lowered(),
        "batches of the host": apart(alone(lambda: of_the_host(8)), of_the_host(8)),
        "their shares": sorted({shard.data.shape[0] for shard in of_the_host(8)[0].y.addressable_shards}),
    }


def as_on_accelerators() -> dict[str, float]:
    one, other = (weights(alone(lambda i=i: train(key=keys()[i]))) for i in (0, 7))
    many = looped(lambda: train(jl.fit_many, key=keys(), together=True))
    return {
        "compiled loop": apart(one, weights(looped(train))),
        "many runs": apart((one, other), (weights(many[0]), weights(many[7]))),
    }


def as_process(process: int, port: int, run: str, epochs: int) -> None:
    jax.distributed.initialize(f"localhost:{port}", 2, process)
    fitted = train(run_dir=run, epochs=epochs, resume=Path(run).exists(), progress=True)
    assert all(len(set(devices.gathered(value))) == 1 for row in fitted.history for value in row.values())


if __name__ == "__main__":
    jax.config.update("jax_disable_most_optimizations", True)
    if sys.argv[1] == "eight":
        print(json.dumps(on_eight(Path(sys.argv[2]))))
    elif sys.argv[1] == "loops":
        print(json.dumps(as_on_accelerators()))
    else:
        as_process(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
