"""Successive halving: many configurations are trained for a little, the best of them for longer."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxlisten import runs, tasks
from jaxlisten.data import Dataset
from jaxlisten.data.limits import read_text
from jaxlisten.data.targets import OF_WHOLE_CLIPS
from jaxlisten.errors import InputError, TrainingError
from jaxlisten.evaluate import evaluate
from jaxlisten.evaluate.base import plain
from jaxlisten.evaluate.tuning import Trial, Tuning, ranked, settings_words
from jaxlisten.files import replacing, sweep
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.train.fit import fit
from jaxlisten.train.job import steps_an_epoch
from jaxlisten.train.many import fit_many
from jaxlisten.train.recipe import default_augment, default_epochs, default_optimizer, default_task, optimizer_of
from jaxlisten.train.space import Configuration, Space

_STATE = "tune.json"


def tune(
    train: Dataset,
    validation: Dataset,
    test: Dataset | None = None,
    *,
    configurations: int = 27,
    factor: int = 3,
    epochs: int | None = None,
    space: Space | None = None,
    seed: int = 0,
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool = False,
    title: str = "",
    about: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Tuning:
    """Search for a model, a front end and the numbers of their training, by successive halving.

    Configurations are drawn at random; the default recipe is the first of them. All are trained for a few epochs, the
    best one in `factor` of them, on the validation clips, for `factor` times as many, and so on up to `epochs`. The
    default recipe comes along to the end whatever its rank, so what is chosen is never worse than it on the validation
    clips, and both are scored once on the test clips. Each rung takes about as long as one whole training, the last one
    as long as two.

    Every training begins anew and has a whole cycle of the learning rate over its own epochs. One that was cut off in
    the middle of a longer cycle would be judged where its rate is highest, which puts high rates at a disadvantage; to
    train again what was trained already costs a quarter of the search. The last rung is trained by `jaxlisten.fit`, so
    the listener that is chosen has the bits that its settings give in ``jaxlisten train``.

    Configurations of one shape (model, front end, bands, batch) share a compiled step: `jaxlisten.fit_many` trains
    them together, `factor` of a shape in the first rung.

    Args:
        train: the clips to learn from: classes, labels or numbers.
        validation: the clips to choose by.
        test: the clips to score; None: those of validation, which flatters what was chosen by them.
        configurations: how many there are, with the default recipe.
        factor: how many times fewer go on from each rung, for how many times more epochs.
        epochs: of the last rung; None: those of ``jaxlisten train``.
        space: what is drawn from; None: ``Space()``.
        seed: decides the configurations, and everything random of each training.
        run_dir: a folder for the run that is chosen, with ``tune.html``, ``tune.json`` and ``tune.csv`` besides, and
            for those of the last rung; None: nothing is written.
        resume: go on with the search in `run_dir`. What is lost is the group of configurations that was being trained;
            in the last rung, what `fit` loses.
        title, about: of the search.
        progress: tell of each group of trainings on standard error.

    Raises:
        InputError: the clips can't be learned from so, a number is out of range, or the folder can't be used.
        TrainingError: no training of the last rung has a finite loss.

    Reference:
        Jamieson and Talwalkar 2016 (successive halving); Li et al. 2018 (Hyperband, whose most eager bracket this is).

    Example:
        Nine configurations, in rungs of 4, 13 and 40 epochs::

            found = jl.tune(train, val, test, configurations=9, epochs=40, run_dir="runs/tuned")
            print(found)
    """
    if train.kind not in OF_WHOLE_CLIPS:
        raise InputError(f"tune: expected one class a clip, labels or numbers as targets, got {train.kind}")
    if configurations < 2 or factor < 2 or (epochs is not None and epochs < 1):
        raise InputError(
            "tune: expected configurations and factor of at least 2, and epochs of at least 1, got "
            f"{configurations}, {factor} and {epochs}"
        )
    space = space or Space()
    steps = steps_an_epoch([train], [validation], Configuration().batch_size)
    epochs = epochs or default_epochs(steps, tasks.infer(train.targets))
    drawn = space.draw(configurations, together=factor, seed=seed)
    asked = {
        "configurations": [configuration._asdict() for configuration in drawn],
        "factor": factor,
        "epochs": epochs,
        "seed": seed,
        "clips": [train.fingerprint(), validation.fingerprint()],
    }
    search = _Search(train, validation, seed, None if run_dir is None else Path(run_dir), resume, asked, progress)
    listeners = search.run(drawn, *rungs(configurations, factor, epochs))
    chosen = search.best(max(trial.rung for trial in search.trials))[0]
    scored = {"part": "validation" if test is None else "test", **(about or {})}
    fitted, default = listeners[chosen], listeners[0]
    report = evaluate(fitted, validation if test is None else test, title=title, about=scored)
    found = Tuning(
        trials=tuple(search.trials),
        chosen=chosen,
        metric=search.task.metric,
        maximize=search.task.maximize,
        fitted=fitted,
        default=default,
        report=report,
        default_report=report if chosen == 0 else evaluate(default, validation if test is None else test, about=scored),
        part=scored["part"],
        title=title,
        about={**(about or {}), "seed": seed, "factor": factor, "space": vars(space)},
    )
    search.keep(found)
    return found


def rungs(configurations: int, factor: int, epochs: int) -> tuple[list[int], list[int]]:
    """Return how many configurations are in each rung, and for how many epochs they are trained.

    The epochs end at `epochs` and are at least 1 to begin with, so there are fewer rungs where there are few of them.
    """
    n = 0
    while factor ** (n + 1) <= min(configurations, epochs):
        n += 1
    return (
        [math.ceil(configurations / factor**k) for k in range(n + 1)],
        [max(1, round(epochs / factor ** (n - k))) for k in range(n + 1)],
    )


class _Search:
    """The trainings of a search, as far as they are done, and the folder that they are stored in."""

    def __init__(
        self,
        train: Dataset,
        validation: Dataset,
        seed: int,
        folder: Path | None,
        resume: bool,
        asked: dict[str, Any],
        progress: bool,
    ):
        self.train, self.validation = train, validation
        self.task: Task = default_task(tasks.infer(train.targets))
        self.trials: list[Trial] = []
        self._key, self._folder, self._resume, self._progress = jax.random.key(seed), folder, resume, progress
        self._asked = asked
        if folder is None:
            return
        if resume and folder.is_dir() and any(folder.iterdir()):
            sweep(folder)
            self.trials = _read(folder, asked)
        else:
            runs.create(folder)
            self._write({})

    def best(self, rung: int) -> list[int]:
        """Return the configurations of a rung, the best first."""
        done = [trial for trial in self.trials if trial.rung == rung]
        return [trial.number for trial in ranked(done, maximize=self.task.maximize)]

    def say(self, text: str) -> None:
        if self._progress:
            print(text, file=sys.stderr, flush=True)

    def run(self, drawn: Sequence[Configuration], counts: Sequence[int], budgets: Sequence[int]) -> dict[int, Fitted]:
        """Train rung after rung, and return the listeners of the last one by the numbers of their configurations."""
        going, last = dict(enumerate(drawn)), len(counts) - 1
        for rung, epochs in enumerate(budgets):
            each = "1 epoch" if epochs == 1 else f"{epochs} epochs"
            self.say(
                f"rung {rung + 1} of {len(counts)}: {len(going)} configuration{'s' * (len(going) > 1)}, {each} each"
            )
            if rung == last:
                break
            self._short(rung, epochs, going)
            going = {number: drawn[number] for number in sorted({0, *self.best(rung)[: counts[rung + 1]]})}
        return self._long(last, budgets[-1], going)

    def _short(self, rung: int, epochs: int, going: Mapping[int, Configuration]) -> None:
        """Train the configurations of a rung for so many epochs, those of a shape together."""
        shapes = dict[Any, dict[int, Configuration]]()
        for number in sorted(going.keys() - self._done(rung)):
            shapes.setdefault(going[number].shape, {})[number] = going[number]
        for group in sorted(shapes.values(), key=min):
            fitted = self._together(list(group.values()), epochs)
            self._add(
                [self._trial(number, rung, epochs, going, one) for number, one in zip(group, fitted, strict=True)]
            )

    def _together(self, group: list[Configuration], epochs: int) -> list[Fitted | None]:
        """Train configurations of one shape; None: none of them came to the end of an epoch."""
        one = group[0]
        steps = epochs * self._steps(one)
        try:
            return list(
                fit_many(
                    one.build(self.train),
                    self.train,
                    self.validation,
                    key=self._key,
                    settings={
                        "learning_rate": [each.learning_rate for each in group],
                        "weight_decay": [each.weight_decay for each in group],
                        "steps": [steps] * len(group),
                    },
                    optimizer=optimizer_of,
                    task=self.task,
                    epochs=epochs,
                    batch_size=one.batch_size,
                    augment=default_augment(self.task),
                    report=False,
                    progress=False,
                )
            )
        except TrainingError:  # of each, and each was told of
            return [None] * len(group)

    def _long(self, rung: int, epochs: int, going: Mapping[int, Configuration]) -> dict[int, Fitted]:
        """Train the configurations of the last rung, each as ``jaxlisten train`` would."""
        listeners = dict[int, Fitted]()
        for number, one in going.items():
            listeners[number] = self._alone(number, one, epochs)
            if number not in self._done(rung):
                self._add([self._trial(number, rung, epochs, going, listeners[number])])
        return listeners

    def _steps(self, one: Configuration) -> int:
        return steps_an_epoch([self.train], [self.validation], one.batch_size)

    def _alone(self, number: int, one: Configuration, epochs: int) -> Fitted:
        steps = epochs * self._steps(one)
        try:
            return fit(
                one.build(self.train),
                self.train,
                self.validation,
                key=self._key,
                optimizer=default_optimizer(steps, peak=one.learning_rate, weight_decay=one.weight_decay),
                task=self.task,
                epochs=epochs,
                batch_size=one.batch_size,
                augment=default_augment(self.task),
                run_dir=None if self._folder is None else self._folder / f"trial{number}",
                resume=self._resume,
                report=False,
                progress=self._progress,
            )
        except TrainingError as error:
            if error.fitted is None or not error.fitted.history:
                raise
            self.say(f"configuration {number} has ended early: {error}")
            return error.fitted

    def _trial(
        self, number: int, rung: int, epochs: int, going: Mapping[int, Configuration], fitted: Fitted | None
    ) -> Trial:
        best = {} if fitted is None or fitted.best_epoch is None else fitted.history[fitted.best_epoch - 1]
        return Trial(
            number=number,
            rung=rung,
            epochs=epochs,
            settings=going[number]._asdict(),
            figure=best.get(self.task.metric, math.nan),
            loss=best.get("val_loss", math.nan),
            seconds=round(sum(row["seconds"] for row in fitted.history), 3) if fitted is not None else 0.0,
        )

    def _done(self, rung: int) -> set[int]:
        return {trial.number for trial in self.trials if trial.rung == rung}

    def _add(self, trials: list[Trial]) -> None:
        self.trials += trials
        for trial in trials:
            told = f"{self.task.metric} {trial.figure:.4g}, {trial.seconds:.1f} s"
            self.say(f"  {trial.number}: {settings_words(trial.settings)}: {told}")
        self._write({})

    def _write(self, found: Mapping[str, Any]) -> None:
        """Store what there is to go on from, and what was found at the end."""
        if self._folder is None:
            return
        rows = [trial.row() for trial in self.trials]
        text = json.dumps({**found, "asked": self._asked, "trials": plain(rows)}, ensure_ascii=False, indent=1) + "\n"
        with replacing(self._folder / _STATE) as path:
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        runs.write_table(self._folder / "tune.csv", rows)

    def keep(self, found: Tuning) -> None:
        """Write the listener that was chosen, what it says of the scored clips, and the search."""
        if self._folder is None:
            return
        runs.write(self._folder, found.fitted)
        for name in ("report.html", "report.json"):
            found.report.save(self._folder / name)
        found.save(self._folder / "tune.html")
        self._write(found.to_dict())


def _read(folder: Path, asked: Mapping[str, Any]) -> list[Trial]:
    """Read the trainings of a search that was stopped; refuse one that was asked for otherwise."""
    if not (folder / _STATE).exists():
        raise InputError(f"{folder} holds no search, so there is nothing to resume; give another folder")
    try:
        stored = json.loads(read_text(folder / _STATE))
        was, rows = stored["asked"], stored["trials"]
        trials = [
            Trial(
                number=int(row["number"]),
                rung=int(row["rung"]),
                epochs=int(row["epochs"]),
                settings=was["configurations"][row["number"]],
                **{name: math.nan if row[name] is None else float(row[name]) for name in ("figure", "loss", "seconds")},
            )
            for row in rows
        ]
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{folder / _STATE} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError, LookupError, TypeError):
        raise InputError(f"{folder / _STATE} is damaged; restore it, or search in another folder") from None
    differing = [name for name, value in asked.items() if was.get(name) != value]
    if differing:
        raise InputError(
            f"{folder} was begun with other {' and '.join(differing)}; resume it with the same, or give another folder"
        )
    return trials
