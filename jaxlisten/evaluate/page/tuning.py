"""The page of a search for settings."""

from __future__ import annotations

from collections.abc import Iterator

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.page import about, figures, scores
from jaxlisten.evaluate.page.frame import framed
from jaxlisten.evaluate.page.pictures import picture
from jaxlisten.evaluate.page.text import Section, cell, count, counted, listing, significant, text
from jaxlisten.evaluate.tuning import Tuning, setting_text, settings_words


def render_tuning(found: Tuning) -> str:
    """Render a search as one self-contained HTML page: no script, nothing loaded from elsewhere."""
    top = f"{_summary(found)}{scores.headline(_figures(found))}"
    sections = [_tried(found), _configurations(found), _method(found), about.settings(found), about.model(found.report)]
    return framed(found.title or "Search", "Search for settings", top, sections)


def _summary(found: Tuning) -> str:
    told = " ".join(_sentences(found))
    flattered = (
        '<p class="look">Worth a look:</p><ul><li class="problem">These are the validation clips, which were chosen '
        "by: what is said of them is too good. A table with a column <i>split</i> names test clips.</li></ul>"
    )
    return f'<section class="summary"><p>{told}</p>{flattered if found.part == "validation" else ""}</section>\n'


def _sentences(found: Tuning) -> Iterator[str]:
    n = len(found.last)
    once = f", and scored once on {counted(found.report.n, 'clip')} of the test" if found.part == "test" else ""
    yield f"Of {counted(n, 'configuration')} one was chosen on the validation clips{once}."
    if found.chosen == 0:
        yield "It is the <b>default recipe</b>: nothing that was tried was better, and it needs no tuning here."
    else:
        yield f"It is <b>{text(settings_words(found.settings))}</b>."


def _figures(found: Tuning) -> list[scores.Figure]:
    cards = []
    for what, report in (("chosen", found.report), ("default recipe", found.default_report)):
        name, value, note = figures(report)[0]
        cards.append((f"{name}, {what}", value, note))
    seconds = sum(trial.seconds for trial in found.trials)
    spent = f"{seconds:.0f}\u202fs" if seconds < 600 else f"{seconds / 60:.0f}\u202fmin"
    return [
        *(cards if found.chosen else cards[:1]),
        ("Clips", count(found.report.n), f"<p>of the {found.part}</p>"),
        ("Training", spent, f"<p>of {counted(len(found.trials), 'training')}</p>"),
    ]


def _tried(found: Tuning) -> Section:
    drawing = picture(plot.parallel_coordinates, found, name="parallel coordinates", size=(10.5, 3.9))
    note = (
        "A line for each configuration through its settings, to its figure on the validation clips when it was last "
        "trained; figures behind few and behind many epochs stand beside each other, so compare lines of one shade. "
        "The further a configuration came, the stronger its line."
    )
    return Section("What was tried", f'<div class="scroll wide">{drawing}</div>', note)


def _configurations(found: Tuning) -> Section:
    names = tuple(found.settings)
    head = (
        "Configuration",
        *(name.replace("_", " ").capitalize() for name in names),
        *(counted(n, "epoch") for n in found.budgets),
    )
    rows = []
    for trial in found.last:
        figures = [significant(value) for value in found.figures(trial.number)]
        figures += [""] * (len(found.budgets) - len(figures))
        settings = [cell(text(setting_text(trial.settings[name]))) for name in names]
        name = text(found.name(trial.number))
        rows.append((f"<b>{name}</b>" if trial.number == found.chosen else name, [*settings, *map(cell, figures)]))
    metric = found.metric.removeprefix("val_").replace("_", " ")
    note = (
        f"Those that came furthest first; below the epochs is the {metric} on the validation clips. All of it is in "
        "<i>tune.csv</i>."
    )
    return Section("Configurations", listing(head, rows), note)


def _method(found: Tuning) -> Section:
    lines = (
        "Successive halving: configurations were drawn at random, those that were best on the validation clips were "
        "trained again for longer, and again. Each training began anew and had a whole cycle of the learning rate. The "
        "default recipe came along to the end whatever its rank, so what was chosen is not worse than it on the "
        "validation clips. Among equal figures the lower validation loss is better.",
        "Whoever looks at many configurations finds one that suits the validation clips by chance: the figures in the "
        "table are too good, those above, on clips that nothing was chosen by, are not.",
    )
    return Section("Method", "".join(f"<p>{line}</p>" for line in lines[: 2 if found.part == "test" else 1]))
