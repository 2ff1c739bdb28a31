"""Autoencoders at work: anomalies in machine-like sounds and in real ones, and reconstruction and denoising of digits.

``python -m benchmarks.autoencoders [--esc10 DIR [--folds 2 4 5]] [--fsdd DIR]``

- Without data: `jaxlisten.data.machines`, whose faults were never heard in training.
- ``--esc10``: each of the ten classes in turn is what is normal. Its clips of three folds train, those of a fourth
  choose the threshold, and the fifth, all classes of it, is tested on. What novelty is made of was chosen on the test
  folds 1 and 3, so these are left out.
- ``--fsdd``: spoken digits, the official split: the squared error of log-mel spectrograms at mean 0 and deviation 1,
  beside that of as many principal components as the code has numbers; and of noisy digits, whose noise is -5 to 15 dB
  below them, beside that of doing nothing. The epoch is chosen on a tenth of the training clips.

Beside each anomaly detector stands what needs no training: the distance of pooled features (as
`jaxlisten.classical.describe` gives them) of a clip from their mean over the normal clips, in units of their
deviations; and the same of the levels themselves, whose bands are those of the autoencoder (mean and deviation over
time).
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten import metrics
from jaxlisten.cli.anomaly import BATCH, STEPS
from jaxlisten.data import Dataset, batches, bucket_lengths
from jaxlisten.evaluate import score
from jaxlisten.train import default_optimizer

_EPOCHS = 10
"""Of a training on digits."""


def anomalies(name: str, data: Dataset, normal: str, seed: int) -> dict[str, Any]:
    """Train on a normal class, and tell it from all others."""
    train, val, test = jl.data.normal_partition(data, [normal], seed=seed)
    assert test is not None
    steps = -(-len(train) // BATCH)
    epochs = max(10, round(STEPS / steps))
    fitted = jl.fit(
        jl.models.reconstruction(data.sr),
        train,
        val,
        task="reconstruction",
        key=jax.random.key(seed),
        optimizer=default_optimizer(epochs * steps),
        epochs=epochs,
        batch_size=BATCH,
        progress=False,
    )
    report = jl.evaluate(jl.calibrate(fitted, train, val, normal=[normal]), test)
    pooled = [jl.classical.describe(part, "log_mel").values for part in (train, test)]
    levels = [_levels(fitted, part) for part in (train, test)]
    row = {
        "normal": name,
        "auc": report.auc,
        "partial_auc": report.partial_auc,
        "error_auc": report.error_auc,
        "pooled_auc": metrics.roc_auc(report.anomalous, _distance(*pooled)),
        "levels_auc": metrics.roc_auc(report.anomalous, _distance(*levels)),
        "n": report.n,
    }
    print("  ".join(f"{key} {v:.3f}" if isinstance(v, float) else f"{v}" for key, v in row.items()), flush=True)
    return row


def _levels(fitted: jl.Fitted, data: Dataset) -> np.ndarray:
    """Return the mean and the deviation of each band of each clip, ``[n, 2 bands]``."""
    mel = fitted.model.reconstruction.front_end.mel  # pyright: ignore[reportAttributeAccessIssue]
    hear = jax.jit(jax.vmap(lambda x: mel.apply({}, {}, x)[0]))
    rows: list[Any] = [None] * len(data)
    for places, batch in batches(data, 32, bucket_lengths(data.lengths)):
        heard = hear(batch.x)
        for i, values, n in zip(places, np.asarray(heard.values), np.asarray(heard.length), strict=False):
            rows[i] = np.concatenate([values[:n].mean(axis=0), values[:n].std(axis=0)])
    return np.array(rows)


def _distance(usual: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the mean square of how many deviations each number is off."""
    return np.square((rows - usual.mean(axis=0)) / (usual.std(axis=0) + 1e-3)).mean(axis=1)


def digits(data: Dataset, seed: int) -> dict[str, float]:
    """Train a plain, a variational and a denoising autoencoder, and return the errors on test clips."""
    train, val = jl.data.split(jl.data.unlabelled(data.part("train")), (0.9, 0.1), by="clip", seed=seed)
    test = jl.data.unlabelled(data.part("test"))
    found, plain = {}, jl.models.reconstruction(data.sr)
    variational = jl.models.reconstruction(data.sr, divergence=0.1)
    trained = {}
    for name, model, task in (
        ("plain", plain, "reconstruction"),
        ("variational", variational, "reconstruction"),
        ("denoising", plain, "denoising"),
    ):
        fitted = jl.fit(
            model, train, val, task=task, key=jax.random.key(seed), epochs=_EPOCHS, batch_size=32, progress=False
        )
        trained[name] = fitted
        found[name] = _error(fitted.model, fitted.params, fitted.state, fitted.task, test)
    plain_fit = trained["plain"]
    found["plain, of noisy digits"] = _error(
        plain_fit.model, plain_fit.params, plain_fit.state, jl.tasks.denoising(), test
    )
    front, state = plain.reconstruction.front_end, plain_fit.state["reconstruction"]["front_end"]  # pyright: ignore
    same = jl.serial(
        reconstruction=jl.Reconstruction(front, jl.Identity(), jl.Identity()), description=jl.Description()
    )
    found["noisy digits as they are"] = _error(
        same, {}, {"reconstruction": {"front_end": state}}, jl.tasks.denoising(), test
    )
    found["8 principal components"] = _components(front, state, train, test, 8)
    for name, error in found.items():
        print(f"{name}: squared error {error:.4f}", flush=True)
    return found


def _error(model: jl.Layer, params: Any, state: Any, task: jl.tasks.Task, data: Dataset) -> float:
    """Return the mean loss over clips."""
    step = jl.make_eval_step(model, task)
    return float(score(step, params, state, batches(data, 64, bucket_lengths(data.lengths))).loss)


def _components(front: jl.Layer, state: Any, train: Dataset, test: Dataset, n: int) -> float:
    """Return the error of the first principal components of the training clips' steps."""
    hear = jax.jit(jax.vmap(functools.partial(lambda x: front.apply({}, state, x)[0])))

    def steps(data: Dataset) -> list[np.ndarray]:
        found = []
        for places, batch in batches(data, 64, bucket_lengths(data.lengths)):
            heard = hear(batch.x)
            found += [v[:k] for v, k in zip(np.asarray(heard.values)[: len(places)], heard.length, strict=False)]
        return found

    known = np.concatenate(steps(train))
    mean = known.mean(axis=0)
    axes = np.linalg.eigh(np.cov((known - mean).T))[1][:, -n:]
    return float(np.mean([np.square((x - mean) - (x - mean) @ axes @ axes.T).mean() for x in steps(test)]))


def main() -> None:
    """Train, telling of each result as it comes, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--esc10", metavar="DIR")
    parser.add_argument("--folds", metavar="N", type=int, nargs="+", default=[2, 4, 5], help="test folds of ESC-10")
    parser.add_argument("--fsdd", metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if options.fsdd:
        results["digits"] = digits(jl.data.fsdd(options.fsdd), options.seed)
    if not options.esc10 and not options.fsdd:
        results["machines"] = [anomalies("machines", jl.data.machines(seed=options.seed), "normal", options.seed)]
    if options.esc10:
        results["esc10"] = []
        for fold in options.folds:
            data = jl.data.esc10(options.esc10, test_fold=fold, sr=16_000)
            for name in data.classes:
                results["esc10"].append(anomalies(f"{name}, fold {fold}", data, name, options.seed))
        keys = ("auc", "partial_auc", "error_auc", "pooled_auc", "levels_auc")
        means = {key: float(np.mean([row[key] for row in results["esc10"]])) for key in keys}
        print("mean  " + "  ".join(f"{key} {value:.3f}" for key, value in means.items()))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
