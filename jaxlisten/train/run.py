"""One training run between two steps: what it remembers, and the folder that it is stored in."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxlisten import devices, runs
from jaxlisten.data import Dataset, health
from jaxlisten.errors import InputError, ListenWarning, TrainingError
from jaxlisten.evaluate import choose_thresholds, evaluate
from jaxlisten.heard import HeardClips, heard_of, joined, known, write_heard
from jaxlisten.nn import OnStreams
from jaxlisten.nn.layer import out_spec
from jaxlisten.runs import Fitted
from jaxlisten.train.checkpoint import Memory
from jaxlisten.train.checks import warn_if_unstorable
from jaxlisten.train.job import Job
from jaxlisten.train.saver import Saver
from jaxlisten.train.step import Settings, StepInfo, TrainState
from jaxlisten.train.transfer import Start
from jaxlisten.types import Array, Padded

_STORE_EVERY = 300.0
"""Seconds after which a run is stored within an epoch."""


class Run:
    """A run of a job. Of several processes the first one writes, and all read what there is to go on from.

    Args:
        job: what is trained.
        key, settings: what this run has for itself.
        run_dir: where to store it; None: nowhere.
        resume: go on with what is stored there.
        about: what else to store about it.
        init: what it begins with; None: all weights are drawn.

    Attributes:
        job, key: as given.
        memory: where it is, its best weights so far, a row for each epoch done, and what is done of the next one.
    """

    def __init__(
        self,
        job: Job,
        key: Array,
        settings: Settings | None,
        run_dir: str | os.PathLike[str] | None,
        resume: bool,
        about: Mapping[str, Any] | None,
        init: Start | None = None,
    ):
        now = job.begin(key, settings, init and (init.params, init.state))
        self.job: Job = job
        self.key: Array = key
        self.memory: Memory = Memory(now, jax.device_get(now.weights), [], key)
        self._fitted, self._stored = _described(job, now, key, about, init), time.monotonic()
        self._folder = Path(run_dir) if run_dir is not None and devices.is_first() else None
        devices.agreed(lambda: self._open(resume))
        if run_dir is None:
            return
        self._saver = Saver(Path(run_dir))
        if resume:
            self._restore(run_dir)
        if self._folder is None:
            return
        runs.write_config(self._folder, self._fitted)
        if self._fitted.heard is not None:
            write_heard(self._folder, self._fitted.heard)
        # These may be of a later epoch than the checkpoint, where the run was killed.
        runs.write_weights(self._folder, *self.memory.best, epoch=self._best_epoch)
        runs.write_metrics(self._folder, self.memory.history)

    def _open(self, resume: bool) -> None:
        if self._folder is not None:
            runs.create(self._folder, resume=resume)
            runs.check_same(self._folder, self._fitted)
            warn_if_unstorable(self.job.model)

    def _restore(self, run_dir: str | os.PathLike[str]) -> None:
        """Read the checkpoint in all processes; the first one, which also sweeps, before the others."""
        for turn in (True, False):
            if found := devices.agreed(lambda turn=turn: self._found(turn)):
                self.memory = found
        places = devices.gathered((self.epoch, self.memory.begun.steps))
        if len(set(places)) > 1:
            raise InputError(
                f"{run_dir}: the processes read checkpoints of different epochs and steps, {places}; the run folder "
                "must lie on a disk that all of them share"
            )

    def _found(self, turn: bool) -> Memory | None:
        return self._saver.restore(self.memory) if turn == devices.is_first() else None

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.memory.history)

    @property
    def over(self) -> bool:
        """Whether all epochs are done, or none of the last ones was better than one before them."""
        patience = self.job.patience
        return self.epoch >= self.job.epochs or (patience is not None and self.epoch - self._best_epoch >= patience)

    @property
    def _best_epoch(self) -> int:
        return runs.best_epoch(self.job.task, self.memory.history) or 0

    def check(self, bad_step: Array) -> None:
        """Stop a run whose training has gone wrong.

        Args:
            bad_step: of the state behind the last steps.

        Raises:
            TrainingError: something was not finite; the error has what was good as `fitted`.
        """
        if int(bad_step):
            raise self._failed(
                f"the loss, its gradient or the new weights are not finite at step {int(bad_step)} (epoch "
                f"{self.epoch + 1}); the weights of the best epoch before it are kept. A lower learning rate or a look "
                "at the data may help"
            )

    def took(self, now: TrainState, infos: StepInfo, seconds: float) -> None:
        """Remember some steps of an epoch.

        Args:
            now: the state behind them.
            infos: what they reported, ``[steps]``.
            seconds: that they took.
        """
        self.memory = self.memory._replace(now=now, begun=self.memory.begun.plus(infos, seconds))

    def store_within(self) -> None:
        """Store a run within an epoch, if the last time is minutes ago.

        Raises:
            StorageError: the disk is full, or fails.
        """
        if time.monotonic() - self._stored > _STORE_EVERY:
            self._store()

    def add(self, judged: dict[str, float]) -> None:
        """Remember, and store, the epoch whose steps are all done.

        Args:
            judged: the validation's part of its row.

        Raises:
            InputError: it had no steps.
            TrainingError: the validation loss is not finite.
            StorageError: the disk is full, or fails.
        """
        epoch, (now, best, history, key, begun) = self.epoch + 1, self.memory
        if not begun.steps:
            raise InputError(
                f"fit: there are no batches in epoch {epoch}; give a list, or a class whose __iter__ begins anew"
            )
        if not np.isfinite(judged.get("val_loss", 0.0)):
            raise self._failed(
                f"the validation loss is not finite after epoch {epoch}; the weights of the best epoch before it are "
                "kept. A lower learning rate or a look at the validation clips may help"
            )
        row = {"epoch": epoch, "train_loss": begun.loss / max(begun.weight, 1.0), **judged}
        row |= {"seconds": round(begun.seconds, 3), "clips_per_second": round(begun.weight / begun.seconds, 1)}
        history = [*history, row]
        better = runs.best_epoch(self.job.task, history) == epoch
        self.memory = Memory(now, jax.device_get(now.weights) if better else best, history, key)
        if self._folder is None:
            return
        self._store()
        runs.write_metrics(self._folder, history)
        if better:
            runs.write_weights(self._folder, *self.memory.best, epoch=epoch)

    def stopped(self, error: InputError) -> TrainingError:
        """Store a run that can't have a clip any more, and return the error to raise."""
        self._store()
        go_on = "" if self._folder is None else ". Resumed after that, the run goes on from there"
        return self._failed(
            f"training stopped in epoch {self.epoch + 1} after {self.memory.begun.steps:,} steps of it: {error}{go_on}"
        )

    def _store(self) -> None:
        if self._folder is not None:
            self._saver.keep(self.memory)
            self._stored = time.monotonic()

    def flush(self) -> None:
        """Return when what was stored last is written."""
        if self._folder is not None:
            self._saver.flush()

    def finished(self, *, report: bool) -> Fitted:
        """Return the listener of the best epoch, and write a report on the validation clips if it is wanted.

        Of clips without labels there is none: nothing is known that could be right or wrong.

        One for events gets the thresholds that are best on the validation clips.
        """
        fitted = self._kept()
        train, validation = self.job.train, self.job.validation
        if fitted.task.kind == "events" and validation is not None:
            fitted = choose_thresholds(fitted, validation)
            if self._folder is not None:
                runs.write_config(self._folder, fitted)
        known = fitted.task.kind != "none"
        if report and known and self._folder is not None and validation is not None:
            about = {"part": "validation"} | {k: v for k, v in fitted.about.items() if k not in ("seed", "examples")}
            scores = evaluate(fitted, validation, title=self._folder.name, about=about)
            if isinstance(train, Dataset):
                scores = replace(scores, health=health(train).to_dict())
            scores.save(self._folder / "report.html")
            scores.save(self._folder / "report.json")
        return fitted

    def _kept(self) -> Fitted:
        return runs.with_weights(self._fitted, *self.memory.best, self.memory.history)

    def _failed(self, message: str) -> TrainingError:
        error = TrainingError(message)
        error.fitted = self._kept()
        return error


def _described(job: Job, now: TrainState, key: Array, more: Mapping[str, Any] | None, init: Start | None) -> Fitted:
    """Say what is trained, without weights; refuse a model that doesn't give one logit a class."""
    train, validation = job.train, job.validation
    logits, special = out_spec(job.model, now.params, now.state, job.sample), job.task.special
    n_logits = runs.logits_of(logits).shape[-1]
    named = train if isinstance(train, Dataset) else validation
    classes = tuple(str(i) for i in range(n_logits - special)) if named is None else named.classes
    if job.task.kind == "none":
        classes = ()
    elif n_logits != len(classes) + special:
        besides = f" (and {special} more for the blank or the end)" if special else ""
        raise InputError(
            f"fit: the model gives {n_logits} logits, the data has {len(classes)} {job.task.things}{besides}; build it "
            f"with classes={len(classes)}"
        )
    training: dict[str, Any] = {"epochs": job.epochs, "batch_size": job.batch_size}
    if now.settings is not None:
        training["settings"] = {name: float(value) for name, value in now.settings.items()}
    about = {**(more or {}), "seed": int(np.asarray(jax.random.key_data(key)).ravel()[-1]), "training": training}
    about["examples"] = _examples(validation)
    heard = None
    if isinstance(train, Dataset):
        heard = heard_of(train, validation)
        _warn_of_leak(heard, validation)
        heard = heard if init is None else joined([heard, init.heard]) or heard
        longest = job.model.window if isinstance(job.model, OnStreams) else int(train.lengths.max())
        item, about = (longest,), {"data": train.summary(), **about}
    else:
        values = job.sample.values if isinstance(job.sample, Padded) else job.sample
        item = tuple(values.shape[1:])
    return Fitted(
        job.model, {}, {}, job.task, classes, 0 if named is None else named.sr, item, about=about, heard=heard
    )


def _warn_of_leak(heard: HeardClips, validation: Dataset | None) -> None:
    """Warn of validation clips that are trained on."""
    both = [] if validation is None else known(validation, heard.train)
    if validation is not None and both:
        warnings.warn(
            f"fit: {len(both):,} of {len(validation):,} validation clips are trained on too, such as '{both[0]}', so "
            "validation chooses what is known by heart; jaxlisten.data.split keeps copies on one side",
            ListenWarning,
            stacklevel=5,
        )


def _examples(validation: Dataset | None) -> list[str]:
    """Choose a validation file of each class (or of each other target), up to ten, for an export to be checked on."""
    if validation is None:
        return []
    kinds = validation.paths if validation.kind == "none" else map(str, validation.targets.tolist())
    files = dict(zip(kinds, validation.paths, strict=True))
    return [os.path.abspath(path) for path in list(files.values())[:10] if os.path.isfile(path)]
