"""The page of a comparison of classical models with a network."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.page import about, scores
from jaxlisten.evaluate.page.filters import filters
from jaxlisten.evaluate.page.frame import framed
from jaxlisten.evaluate.page.pictures import on_page, picture
from jaxlisten.evaluate.page.text import Section, cell, count, counted, figure, listing, percent, text
from jaxlisten.evaluate.plot.classical import COLOURS

if TYPE_CHECKING:
    from jaxlisten.evaluate.comparison import Compared, Comparison


def render_comparison(found: Comparison) -> str:
    """Render a comparison as one self-contained HTML page: no script, nothing loaded from elsewhere."""
    top = f"{_summary(found)}{scores.headline(_figures(found))}"
    pictures = [filters(found.filters), _regions(found), _clusters(found)]
    sections = [_table(found), *pictures, _method(found), about.settings(found)]
    return framed(found.title or "Comparison", "Comparison", top, sections)


def _networks(found: Comparison) -> list[Compared]:
    """Return the networks, the best on the validation clips first."""
    return sorted((row for row in found.rows if row.is_network), key=lambda row: -row.validation_accuracy)


def _network(found: Comparison) -> Compared | None:
    return next(iter(_networks(found)), None)


def _classical(found: Comparison) -> Compared:
    """Return the classical model that was best on the validation clips, before any test."""
    others = [row for row in found.rows if not row.is_network and not row.features.startswith("embedding")]
    return max(others, key=lambda row: row.validation_accuracy)


def _summary(found: Comparison) -> str:
    told = " ".join(_sentences(found))
    flattered = (
        '<p class="look">Worth a look:</p><ul><li class="problem">No clips were named for the test, so these are the '
        "validation clips, which settings were chosen by: all accuracies are too good, of the models with most "
        "settings most. A table with a column <i>split</i> names test clips.</li></ul>"
    )
    return f'<section class="summary"><p>{told}</p>{flattered if found.part == "validation" else ""}</section>\n'


def _sentences(found: Comparison) -> Iterator[str]:
    sizes = found.sizes
    once = f", and scored once on {counted(found.n, 'clip')} of the test" if found.part == "test" else ""
    yield (
        f"{counted(len(found.rows), 'model')} learned from the same {counted(sizes['train'], 'clip')}, had their "
        f"settings chosen on {counted(sizes['validation'], 'clip')}{once}."
    )
    network, other = _network(found), _classical(found)
    if network is not None and _alone(found):
        yield (
            f"Of the networks, {text(network.name)} was best on the validation clips, and is right on "
            f"<b>{percent(network.accuracy)}</b>; the most common class alone would be on {percent(other.accuracy)}."
        )
        return
    if network is None:
        yield (
            f"{other.name[0].upper()}{other.name[1:]} on {other.features} was best on the validation clips, and is "
            f"right on <b>{percent(other.accuracy)}</b>."
        )
        return
    yield (
        f"The network is right on <b>{percent(network.accuracy)}</b> of them; of the classical models, {other.name} on "
        f"{other.features} was best on the validation clips, and is right on <b>{percent(other.accuracy)}</b>."
    )
    ours, theirs = (row.predictions == found.targets for row in (network, other))
    alone = [int((a & ~b).sum()) for a, b in ((ours, theirs), (theirs, ours))]
    yield (
        f"{counted(alone[0], 'clip')} {'is' if alone[0] == 1 else 'are'} right by the network alone, and "
        f"{count(alone[1])} by the other one alone."
    )


def _figures(found: Comparison) -> list[scores.Figure]:
    network, other = _network(found), _classical(found)
    if _alone(found):
        rows = [(text(row.name), row) for row in _networks(found)]
    else:
        rows = [("Network", network), (other.name.capitalize() if other.name[:3] != "RBF" else other.name, other)]
    cards = [(name, percent(row.accuracy), scores.interval(row.low, row.high)) for name, row in rows if row is not None]
    return [*cards, ("Clips", count(found.n), f"<p>of the {found.part} in {counted(len(found.classes), 'class')}</p>")]


def _table(found: Comparison) -> Section:
    from jaxlisten.evaluate.comparison import settings_text, size_text

    head = ("Model", found.part.capitalize(), "95 % interval", "Validation", "Training", "A clip", "Size", "Weights")
    rows = []
    for row in found.rows:
        chosen = "" if not row.settings else f"; {settings_text(row.settings)}"
        name = f"{'<b>' if row.is_network else ''}{text(row.name)}{'</b>' if row.is_network else ''}"
        bar = f'<div class="interval" style="--low:{row.low:.4f};--high:{row.high:.4f}"><i></i></div>'
        cells = [
            cell(f"{percent(row.accuracy)}"),
            cell(f"{100 * row.low:.1f} to {percent(row.high)}{bar}", "span"),
            cell(percent(row.validation_accuracy)),
            cell(f"{row.train_seconds:.1f}\u202fs"),
            cell(f"{1000 * row.clip_seconds:.2f}\u202fms"),
            cell(size_text(row.bytes)),
            cell("–" if row.parameters is None else count(row.parameters)),
        ]
        rows.append((f"{name}<p>{text(row.features)}{text(chosen)}</p>", cells))
    return Section("Models", listing(head, rows), "The highest accuracy first.")


def _regions(found: Comparison) -> Section:
    if not found.regions:
        return Section("Regions", "")
    draw = partial(plot.regions, legend=False)
    pictures = "".join(picture(draw, one, name=f"regions {k}", size=(4.1, 3.4)) for k, one in enumerate(found.regions))
    named = zip(found.classes, itertools.cycle(map(on_page, COLOURS)), strict=False)
    keys = "".join(f'<span style="--key:{colour}">{text(name)}</span>' for name, colour in named)
    first, second = found.regions[0].names
    note = (
        "What each classifier answers, with its settings of above, where it is given two features only: "
        f"{text(first)}, which differs most between the classes of the training clips beside what it varies within "
        f"them, and {text(second)}, the next such that is correlated with it by at most 0.7. A dot is a "
        f"{found.part} clip in the colour of its class; in a region of another colour it is answered wrong."
    )
    return Section("Regions", f'<p class="colours">{keys}</p><div class="curves">{pictures}</div>', note)


def _clusters(found: Comparison) -> Section:
    if not found.clusters:
        return Section("Clusters", "")
    pictures, rows = "", []
    for name, one in found.clusters.items():
        for draw in (plot.silhouette, plot.inertia):
            drawing = picture(draw, one, name=f"{draw.__name__} of {name}")
            pictures += drawing.replace("<figcaption><b>", f"<figcaption><b>{text(name)}: ", 1)
        best = one.silhouette.max()
        cells = [count(one.by_silhouette), figure(best), count(one.by_elbow), figure(found.agreement[name])]
        rows.append((text(name), [cell(value) for value in cells]))
    head = ("Hears", "By silhouette", "Highest", "By elbow", "Agreement")
    note = (
        f"k-means on the {found.part} clips, without their classes, of which there are {count(len(found.classes))}: "
        "how many clusters there are by the silhouette, and where the inertia bends most. The agreement "
        "is the adjusted Rand index of as many clusters: 1 where they are the classes, about 0 by chance."
    )
    return Section("Clusters", f'<div class="curves">{pictures}</div>{listing(head, rows)}', note)


def _method(found: Comparison) -> Section:
    classical = (
        " Each classical one was tried with all settings of its grid on the means, deviations and changes over time of "
        "MFCC and of log-mel levels; features and settings that were best on the validation clips are shown. What is "
        "said of an embedding begins with what the network makes of a clip before its last layer. Features are "
        "standardized with the statistics of the training clips."
    )
    spent = (
        "Training takes in the features, all settings and their validation; of the network, its epochs without "
        "compiling; of an embedding, nothing of the network's training. A clip is timed from its samples in memory to "
        "its class, in batches, compiled before. Size is that of the weights, or of the model when it is pickled; of "
        "an embedding, with the weights that make it."
    )
    lines = f"Every model learned from the training clips alone.{'' if _alone(found) else classical}", spent
    return Section("Method", "".join(f"<p>{line}</p>" for line in lines))


def _alone(found: Comparison) -> bool:
    """Whether networks are compared with each other only."""
    return _network(found) is not None and _classical(found).features == "nothing"
