"""Make the run folders beside this file, each with the interpreter whose name it gets: ``python tests/moved/make.py``.

`tests/test_moved.py` reads each of them on every machine and every set of packages. They are made again only where the
format of a run folder changes on purpose.
"""

import json
import lzma
import os
import shutil
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
import optax
import soundfile

import jaxlisten as jl

HERE = Path(__file__).parent
MODELS = {
    "linear": jl.serial(jl.models.log_mel(8000), jl.models.linear(6)),
    "network": jl.serial(
        jl.models.log_mel(8000, n_mels=16),
        jl.Normalize(),
        conv=jl.residual(jl.Conv1D(16, 3), jl.BatchNorm(), jl.GELU(), shortcut=jl.Dense(16)),
        down=jl.MaxPool(2),
        gru=jl.GRU(8),
        pool=jl.AttentionPool(),
        logits=jl.Dense(6),
    ),
}


def write_sounds(folder: Path) -> Path:
    """Write the built-in sounds, a folder a class; the same samples everywhere."""
    clips = jl.data.synthetic(36, seed=3)
    for i, (clip, target) in enumerate(zip(clips.audio, clips.targets, strict=True)):
        place = folder / clips.classes[target]
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{i}.wav", clip, clips.sr)
    return folder


def train(model: jl.Layer, sounds: Path, run: Path, *, epochs: int, resume: bool = False) -> jl.Fitted:
    """Train with settings that no default decides, so that a run can be resumed whatever the defaults have become."""
    parts = jl.data.partition(jl.data.folder(sounds, sr=8000), seed=0)
    settings = {"optimizer": optax.adam(1e-3), "batch_size": 32, "epochs": epochs, "resume": resume}
    return jl.fit(model, parts.train, parts.validation, key=jax.random.key(0), run_dir=run, **settings)


def signal(samples: int = 6000) -> np.ndarray:
    """Return a sound that depends on no random numbers: a rising tone with a beat, ``[samples]`` at 8 kHz."""
    t = np.arange(samples) / 8000
    return (0.3 * np.sin(2 * np.pi * (300 + 500 * t) * t) * np.cos(2 * np.pi * 7 * t)).astype(np.float32)


if __name__ == "__main__":
    made = HERE / f"python{sys.version_info.major}.{sys.version_info.minor}_jax{jax.__version__}"
    shutil.rmtree(made, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sounds = write_sounds(Path("sounds"))
        for name, model in MODELS.items():
            train(model, sounds, Path(name), epochs=2)
            listener = jl.load(name)
            answers = dict(zip(listener.classes, listener.probabilities(signal()).astype(float), strict=True))
            Path(name, "answers.json").write_text(json.dumps(answers) + "\n")
            left_out = shutil.ignore_patterns("report.*", *(["checkpoints"] if name == "network" else []))
            shutil.copytree(name, made / name, ignore=left_out)
        jl.load("network").export("network.stablehlo", clips=[signal()])
        (made / "network.stablehlo.xz").write_bytes(lzma.compress(Path("network.stablehlo").read_bytes()))
