"""``jaxlisten doctor``."""

from __future__ import annotations

import importlib.metadata
import os
import platform

import jax

from jaxlisten.version import __version__

_CORE = ("jax", "jaxlib", "optax", "numpy", "librosa", "soundfile", "soxr", "safetensors", "orbax-checkpoint")
_EXTRAS = {
    "compare": ("classical models beside a network: jaxlisten compare", ("scikit-learn",)),
    "data": ("training on more clips than memory holds: jaxlisten train --from-files", ("grain",)),
    "export": ("files for other programs: jaxlisten export", ("flatbuffers", "onnx", "onnxruntime")),
    "flax": ("models from and to flax NNX: jaxlisten.interop", ("flax",)),
    "microphone": ("jaxlisten listen --microphone", ("sounddevice",)),
    "midi": ("melodies from and to MIDI files: jaxlisten.data.midi", ("mido",)),
    "tensorboard": ("jaxlisten train --tensorboard", ("tensorboardX",)),
    "test": ("the tests", ("pytest", "hypothesis", "scikit-learn")),
}


def doctor() -> int:
    """Print versions, devices, and what each optional extra would give."""
    print(f"jaxlisten {__version__}, Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores")
    print("packages: " + ", ".join(f"{name} {_version(name) or 'missing'}" for name in _CORE))
    print("devices:  " + ", ".join(f"{device.platform}:{device.id} {device.device_kind}" for device in jax.devices()))
    for extra, (what, packages) in _EXTRAS.items():
        missing = [name for name in packages if _version(name) is None]
        state = f"missing {', '.join(missing)}: pip install 'jaxlisten[{extra}]'" if missing else "installed"
        print(f"extra {extra}: {what}; {state}")
    return 0


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
