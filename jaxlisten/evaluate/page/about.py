"""The sections on what a listener was made of: data, settings, model."""

from __future__ import annotations

from html import escape
from typing import Any

from jaxlisten.evaluate.page.text import Section, cell, count, counted, figure, listing, percent, text

_FAULTS = ("skipped", "silent", "clipped", "short", "duplicates")
_NAMED = 10
"""Files that are named for one fault at most."""


def health(found: dict[str, Any] | None) -> Section:
    """Tell what was found wrong with the data, and list its classes."""
    if found is None:
        return Section("Data health", "")
    problems = "".join(f'<li class="problem">{text(sentence)}</li>' for sentence in found.get("problems", ()))
    remarks = "".join(f"<li>{text(sentence)}</li>" for sentence in found.get("remarks", ()))
    told = f"<ul>{problems}{remarks}</ul>\n" if problems or remarks else ""
    length = found["seconds"]
    note = (
        f"{counted(found['clips'], 'clip')}, {length['total'] / 60:.1f} minutes at {count(found['sr'])} Hz, "
        f"from {length['min']:.2f} to {length['max']:.2f} s. {'' if problems else 'No problems.'}"
    )
    return Section("Data health", told + _leak(found.get("leak")) + _by_class(found["classes"]), note)


def _leak(found: dict[str, Any] | None) -> str:
    """Set what a random split would have promised beside what a split by groups gets."""
    if found is None:
        return ""
    torn = [
        f"{count(found[f'torn_{kind}'])} of {count(found[kind])} {what}"
        for kind, what in (("groups", "groups"), ("copies", "sounds that are there more than once"))
        if found[kind]
    ]
    told = f"<p>A random split would have had {' and '.join(torn)} on both sides.</p>\n"
    if found["random"] is None:
        return told
    rows = [
        (
            f"{split} split",
            [cell(percent(share["accuracy"])), cell(f"{percent(share['low'])} to {percent(share['high'])}")],
        )
        for split, share in (("Random", found["random"]), ("Grouped", found["grouped"]))
    ]
    quick = f"A quick classifier on {counted(found['clips'], 'clip')}, for comparison"
    return told + listing((quick, "Accuracy", "95 % interval"), rows)


def _by_class(classes: dict[str, dict[str, Any]]) -> str:
    """List the classes with the faults that occur at all."""
    if not classes:
        return ""
    faults = [fault for fault in _FAULTS if any(row.get(fault) for row in classes.values())]
    head = ("Class", "Clips", "Shortest (s)", "Median (s)", "Longest (s)", *(fault.capitalize() for fault in faults))
    rows = [
        (
            text(name),
            [
                cell(count(row["clips"])),
                *(cell(figure(row["seconds"][key], 2)) for key in ("min", "median", "max")),
                *(cell(count(row.get(fault, 0)) if row.get(fault) else "·") for fault in faults),
            ],
        )
        for name, row in classes.items()
    ]
    return listing(head, rows)


def settings(report: Any) -> Section:
    """List what is known about the run, one level of it with headings of its own."""
    plain = {key: value for key, value in report.about.items() if not isinstance(value, dict)}
    rows = "".join(map(_setting, plain.items()))
    for key, value in report.about.items():
        if isinstance(value, dict):
            rows += f'<tr class="group"><th scope="rowgroup" colspan="2">{_key(key)}</th></tr>\n'
            rows += "".join(map(_setting, value.items()))
    if not rows:
        return Section("Settings", "")
    return Section(
        "Settings", f'<div class="scroll"><table class="list about">\n<tbody>\n{rows}</tbody>\n</table></div>'
    )


def _setting(item: tuple[Any, Any]) -> str:
    key, value = item
    return f'<tr><th scope="row">{_key(key)}</th><td class="name">{text(_words(value))}</td></tr>\n'


def _key(key: Any) -> str:
    return text(str(key).replace("_", " "))


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value))
    return str(value)


def model(report: Any) -> Section:
    """Show the layers of the model."""
    if not report.model:
        return Section("Model", "")
    return Section("Model", f'<div class="scroll"><pre>{escape(report.model)}</pre></div>')
