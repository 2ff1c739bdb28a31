"""What a search for settings holds: every training and what was chosen, in a table, a page and JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxlisten.evaluate.base import BaseReport, aligned, plain, save_as
from jaxlisten.runs import Fitted


@dataclass(frozen=True)
class Trial:
    """One training of a search.

    Attributes:
        number: of the configuration; 0 is the default recipe.
        rung: from 0 on.
        epochs: passes over the training clips.
        settings: of the configuration, by name.
        figure: the task's metric on the validation clips, at the best epoch; NaN: it failed.
        loss: the validation loss there.
        seconds: of training.
    """

    number: int
    rung: int
    epochs: int
    settings: Mapping[str, Any]
    figure: float
    loss: float
    seconds: float

    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        flat = {name: value for name, value in vars(self).items() if name != "settings"}
        first = {name: flat.pop(name) for name in ("number", "rung", "epochs")}
        return {**first, **self.settings, **flat}


def ranked(trials: Sequence[Trial], *, maximize: bool) -> list[Trial]:
    """Sort trainings, the best first: by the figure, among equals by the loss, then by the number."""

    def place(trial: Trial) -> tuple[float, float, int]:
        figure = -trial.figure if maximize else trial.figure
        figure, loss = (math.inf if math.isnan(value) else value for value in (figure, trial.loss))
        return figure, loss, trial.number

    return sorted(trials, key=place)


@dataclass(frozen=True, eq=False)
class Tuning:
    """A search for settings by successive halving, and what it found.

    Attributes:
        trials: every training, rung by rung.
        chosen: the number of the configuration that was best on the validation clips in the last rung.
        metric: the figure that it was chosen by, such as ``val_accuracy``.
        maximize: whether more of it is better.
        fitted, default: the listeners of the chosen configuration and of the default recipe, which was trained as long.
        report, default_report: what they say of the clips that were scored, once.
        part: what these are: "test"; or "validation" where there are no test clips, so that the reports are on the
            clips that were chosen by, and too good.
        title: the heading.
        about: what was searched, such as ``{"data": "speech", "seed": 0}``.
    """

    trials: tuple[Trial, ...]
    chosen: int
    metric: str
    maximize: bool
    fitted: Fitted
    default: Fitted
    report: BaseReport
    default_report: BaseReport
    part: str
    title: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def budgets(self) -> tuple[int, ...]:
        """The epochs of each rung."""
        return tuple({trial.rung: trial.epochs for trial in self.trials}.values())

    @property
    def last(self) -> tuple[Trial, ...]:
        """The last training of each configuration: those that came furthest first, of each rung the best first."""
        ends = {trial.number: trial for trial in self.trials}.values()
        best = ranked(list(ends), maximize=self.maximize)
        return tuple(sorted(best, key=lambda trial: -trial.rung))

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was chosen, by name."""
        return next(trial.settings for trial in self.trials if trial.number == self.chosen)

    @property
    def headline(self) -> str:
        """What was chosen, beside the default recipe, in one line."""
        chosen = "the default recipe" if self.chosen == 0 else settings_words(self.settings)
        told = f"chosen: {chosen}; {self.part}: {self.report.headline}"
        return told if self.chosen == 0 else f"{told}; the default recipe: {self.default_report.headline}"

    def figures(self, number: int) -> list[float]:
        """Return the figure of a configuration in each rung that it was in."""
        return [trial.figure for trial in self.trials if trial.number == number]

    def table(self) -> list[list[str]]:
        """Return the configurations as text: a row of headings, then those that came furthest first."""
        head = ["configuration", *self.settings, *("1 epoch" if n == 1 else f"{n} epochs" for n in self.budgets)]
        rows = []
        for trial in self.last:
            figures = [f"{value:.4g}" for value in self.figures(trial.number)]
            figures += [""] * (len(self.budgets) - len(figures))
            rows.append([self.name(trial.number), *map(setting_text, trial.settings.values()), *figures])
        return [head, *rows]

    def name(self, number: int) -> str:
        """Say which configuration it is."""
        kinds = [kind for kind, holds in (("chosen", number == self.chosen), ("default", number == 0)) if holds]
        return f"{number} ({', '.join(kinds)})" if kinds else str(number)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return {
            "title": self.title,
            "metric": self.metric,
            "maximize": self.maximize,
            "chosen": self.chosen,
            "settings": plain(dict(self.settings)),
            "part": self.part,
            "scores": {
                name: {key: value for key, value in report.to_dict().items() if key not in ("history", "health")}
                for name, report in (("chosen", self.report), ("default", self.default_report))
            },
            "trials": plain([trial.row() for trial in self.trials]),
            "about": plain(self.about),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the search to one file: a page that works offline, or `to_dict`.

        Args:
            path: ends in ``.html`` or ``.json``; its folder must exist.

        Raises:
            InputError: the name has another ending, or the file can't be written.
        """
        from jaxlisten.evaluate.page.tuning import render_tuning

        save_as(path, lambda: render_tuning(self), self.to_dict)

    def __repr__(self) -> str:
        return f"Tuning({self.headline})"

    def __str__(self) -> str:
        return "\n".join([*aligned(self.table()), "", self.headline])


def settings_words(settings: Mapping[str, Any]) -> str:
    """Say settings in a few words: "model cnn, batch size 32"."""
    return ", ".join(f"{name.replace('_', ' ')} {setting_text(value)}" for name, value in settings.items())


def setting_text(value: Any) -> str:
    """Say a setting; a dash where there is none of it."""
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
