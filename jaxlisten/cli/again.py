"""What ``jaxlisten train`` is asked for: kept in ``config.json``, and taken from there to give the run again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from jaxlisten import runs
from jaxlisten.cli import say
from jaxlisten.data import Dataset
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer, OnStreams

_OPTIONS: dict[str, tuple[type, Any]] = {
    "data": (str, None),
    "task": (str, None),
    "model": (str, None),
    "front_end": (str, None),
    "epochs": (int, None),
    "seed": (int, 0),
    "group_by": (str, None),
    "precision": (str, "float32"),
    "folds": (int, None),
    "seeds": (int, None),
    "streaming": (bool, False),
    "background": (str, None),
    "units": (str, None),
    "loss": (str, None),
    "normal": (str, None),
    "start": (str, None),
    "freeze": (bool, False),
    "test": (float, 0.0),
    "batch_size": (int, None),
    "learning_rate": (float, None),
    "weight_decay": (float, None),
}
"""What decides a run: the kind of each option, and its default."""
_MODELS = {"events": "crnn", "contours": "crnn", "anomaly": None, "contrast": "cnn"}
"""The default of --model where --task names something."""
_OF_THE_MODEL = ("model", "front_end", "precision", "streaming", "task", "start", "freeze")


def usual(**given: Any) -> argparse.Namespace:
    """Return the options of ``jaxlisten train`` where only some are given."""
    return argparse.Namespace(**(dict.fromkeys(_OPTIONS) | {"config": None} | given))


class Asked:
    """What a command asks for, with what it leaves open filled in: from the run that it repeats, or by default.

    Args:
        options: of the command; they are filled in.

    Raises:
        InputError: nothing says what to train on, or the run to repeat can't be read.
    """

    def __init__(self, options: argparse.Namespace):
        self._options, self._path, self._config, stored = options, None, {}, {}
        if options.config is not None:
            self._path = _config_of(options.config)
            self._config = runs.read_config(self._path)
            stored = _stored(self._path, self._config)
        self._fingerprint = stored.get("fingerprint")
        self._same_data = options.data is None
        self._same_model = all(getattr(options, name) is None for name in _OF_THE_MODEL)
        for name, (_, default) in _OPTIONS.items():
            if getattr(options, name) is None:
                value = stored.get(name)
                default = _MODELS.get(options.task, default) if name == "model" else default
                setattr(options, name, default if value is None else value)
        if options.data is None:
            raise InputError("train: expected DATA, or --config and the config.json of a run to give again")

    def command(self, clips: Dataset) -> dict[str, Any]:
        """Return what to keep of the command, after a look at whether the data is still what it was.

        Raises:
            InputError: it isn't, and was not given on purpose.
        """
        kept = {name: getattr(self._options, name) for name in _OPTIONS}
        kept |= {name: kept[name] and os.path.abspath(kept[name]) for name in ("data", "background", "start")}
        kept["fingerprint"] = clips.fingerprint()
        if self._fingerprint not in (None, kept["fingerprint"]):
            changed = f"the clips of {self._options.data} are not those that {self._path} was trained on"
            if self._same_data:
                raise InputError(f"{changed}; to train on them as they are now, give it as DATA beside --config")
            say.note(f"note: {changed}")
        return kept

    def model(self, clips: Dataset, n_classes: int) -> Layer | None:
        """Return the stored model; None: there is none, or the command or the data asks for another."""
        config = self._config
        if (
            self._path is None
            or not self._same_model
            or (config["sr"], len(config["classes"])) != (clips.sr, n_classes)
        ):
            return None
        model = runs.rebuilt(self._path, config)
        return model.inner if isinstance(model, OnStreams) else model


def _config_of(path: str) -> Path:
    """Find the file; of many runs take the first one's, whose model is not yet the mean of all."""
    place = Path(path) / "config.json" if Path(path).is_dir() else Path(path)
    first = place.parent / "run0" / "config.json"
    return first if place.name == "config.json" and first.is_file() else place


def _stored(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the command that made a run, with the number of epochs that it chose."""
    command = config.get("command")
    if not isinstance(command, dict):
        raise InputError(
            f"{path} doesn't say how its run was made: jaxlisten train didn't make it, or an earlier one did"
        )
    for name, (kind, _) in {**_OPTIONS, "fingerprint": (str, None)}.items():
        value = command.get(name)
        if value is not None and type(value) is not kind:
            raise InputError(f"{path}: 'command' is damaged at '{name}'; restore it, or give the options anew")
    training = config.get("training")
    epochs = training.get("epochs") if isinstance(training, dict) else None
    return command if command.get("epochs") or type(epochs) is not int else {**command, "epochs": epochs}
