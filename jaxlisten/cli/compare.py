"""``jaxlisten compare``."""

from __future__ import annotations

import argparse

from jaxlisten import data, models, runs
from jaxlisten.classical.families import check_scikit_learn
from jaxlisten.cli import say
from jaxlisten.cli.again import usual
from jaxlisten.cli.checks import check_classes
from jaxlisten.cli.train import train_default
from jaxlisten.errors import InputError
from jaxlisten.evaluate import compare as compare_all
from jaxlisten.runs import Fitted


def compare(options: argparse.Namespace) -> int:
    """Train classical models and a network, or a network behind each front end, on one partition, and score them."""
    if not 0 <= options.seed < 2**32:
        raise InputError(f"--seed: expected a number from 0 to {2**32 - 1}, got {options.seed}")
    front_ends = [] if options.front_ends is None else _named(options.front_ends)
    if not front_ends:
        check_scikit_learn()
    network = None if options.network is None else runs.read(options.network)
    if network is not None and network.task.kind != "class":
        raise InputError(f"--run: expected a run of classes, got one of {network.task.target}")
    out = runs.create(options.out)
    known = {} if network is None else {"sr": network.sr, "classes": network.classes}
    clips = data.load(options.data, group_by=options.group_by, **known)
    say.skipped(clips)
    if clips.kind != "class":
        given = "several labels" if clips.kind == "labels" else clips.kind
        raise InputError(
            f"'{options.data}' gives clips {given}: compare is for clips of one class each; give a folder with a "
            "sub-folder a class, or a table with the column label"
        )
    check_classes(clips, options.data)
    parts = data.partition(clips, seed=options.seed)
    check_classes(parts.train, options.data, " for training")
    say.note(f"{len(clips.classes)} classes at {clips.sr} Hz, clips: {say.sizes(parts)}")
    if parts.test is None:
        say.note(
            "no clips are named for the test, so all is scored on the validation clips that settings are chosen by: "
            "accuracies are too good, of the models with most settings most. A table with a column split names them"
        )

    def trained(folder: str, **given: str) -> Fitted:
        asked = usual(data=options.data, out=str(out / folder), seed=options.seed, group_by=options.group_by, **given)
        return train_default(clips, parts, asked)

    networks = {} if network is None else {"network": network}
    for name in front_ends:
        # What hears samples has to be a model that strides.
        given = {"model": "crnn"} if name == "raw" else {}
        networks[name] = trained(name, front_end=name, **given)
    if not networks and not options.no_network:
        networks["network"] = trained("network")
    run = options.network or (str(out / "network") if "network" in networks else None)
    comparison = compare_all(
        *parts,
        networks=networks,
        families=() if front_ends else None,
        seed=options.seed,
        title=out.name,
        about={"data": options.data, "run": run, "group_by": options.group_by},
    )
    for name in ("compare.html", "compare.json"):
        comparison.save(out / name)
    if options.json:
        say.json_result(comparison.to_dict())
    else:
        say.result(comparison)
    say.note(f"see {out / 'compare.html'}")
    return 0


def _named(names: str) -> list[str]:
    """Read the names of front ends."""
    found = list(dict.fromkeys(name.strip() for name in names.split(",")))
    unknown = [name for name in found if name not in models.FRONT_ENDS]
    if unknown:
        raise InputError(f"--front-ends: expected some of {', '.join(models.FRONT_ENDS)}, got {unknown[0]!r}")
    return found
