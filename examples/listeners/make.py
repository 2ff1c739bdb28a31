"""Make the listeners of this folder: train, measure on clips that nothing was chosen by, and write a card for each.

    python examples/listeners/make.py digits --data fsdd/
    python examples/listeners/make.py keywords --data speech_commands_v2_testset/ --background esc10/
    python examples/listeners/make.py sounds --data esc10/

Each is a run folder: `jl.load("examples/listeners/digits")`. The recordings are not part of this repository.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jaxlisten import data
from jaxlisten.cli.main import main as jaxlisten

HERE = Path(__file__).parent
KEPT = ("weights.safetensors", "metrics.csv")


@dataclass(frozen=True)
class Kind:
    """What a listener is made of.

    Attributes:
        title: what it hears.
        source: the data, its licence and where it is.
        split: what trains and what tests.
        limits: what it should not be trusted with.
        options: of ``jaxlisten train``.
    """

    title: str
    source: str
    split: str
    limits: str
    options: tuple[str, ...] = ()


KINDS = {
    "digits": Kind(
        "Ten spoken English digits",
        "Free Spoken Digit Dataset, Z. Jackson and others, CC BY-SA 4.0, "
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        "official: recordings 0 to 4 of each digit and speaker test; the speakers are those of the training",
        "Six speakers at 8 kHz, close to the microphone. A new voice is heard worse: nine digits in ten on average "
        "where one of the six is left out of the training.",
    ),
    "keywords": Kind(
        "Ten English words in a stream: yes, no, up, down, left, right, on, off, stop, go",
        "Speech Commands v0.02, its test set, P. Warden / Google, CC BY 4.0, https://arxiv.org/abs/1804.03209; "
        "background: folds 1 to 4 of ESC-10, K. J. Piczak, CC BY 3.0, https://github.com/karolpiczak/ESC-50",
        "by speaker, by the first digit of the speaker's id: 0 to 9 train, a and b validate, c to f test",
        "Trained on 2,295 words only. Other words are often taken for these; count false alarms on sound of your own "
        "with jaxlisten evaluate --stream.",
        ("--streaming",),
    ),
    "sounds": Kind(
        "Ten environmental sounds",
        "ESC-10, K. J. Piczak, CC BY 3.0, https://github.com/karolpiczak/ESC-50",
        "folds 1 to 3 train, 4 validates, 5 tests",
        "Forty clips a class. It always names one of the ten, also where it hears none of them.",
    ),
}


def table(name: str, root: str) -> list[tuple[str, str, str]]:
    """Return path, label and split of every clip."""
    if name == "digits":
        clips = data.fsdd(root)
    elif name == "keywords":
        clips = data.speech_commands(root, split="speaker")
    else:
        clips = data.esc10(root, test_fold=5)
    labels = [clips.classes[target] for target in clips.targets]
    return list(zip((str(Path(path).resolve()) for path in clips.paths), labels, clips.splits or (), strict=True))


def link_background(root: str, folder: Path) -> None:
    """Gather the recordings of four folds of ESC-10; the fifth is for scenes to measure on."""
    folder.mkdir()
    heard = data.esc10(root, test_fold=5)
    for path, fold in zip(heard.paths, heard.folds or (), strict=True):
        if fold != "5":
            (folder / Path(path).name).symlink_to(Path(path).resolve())


def card(name: str, kind: Kind, run: Path, command: str) -> str:
    """Write what a listener is, where it comes from, how good it is, and what it should not be trusted with."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    low, high = report["accuracy_interval"]
    return f"""# {kind.title}

Made by `{command}`.

| | |
|---|---|
| data | {kind.source} |
| split | {kind.split} |
| accuracy | {report["accuracy"]:.1%} of {report["n"]} test clips (95 % interval {low:.1%} to {high:.1%}) |
| macro F1 | {report["macro_f1"]:.3f} |
| limits | {kind.limits} |

```python
import jaxlisten as jl

listener = jl.load("examples/listeners/{name}")
listener.predict("some.wav")
```
"""


def main() -> int:
    """Train one listener, and keep what it needs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=KINDS)
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--background", metavar="DIR")
    options = parser.parse_args()
    kind, out = KINDS[options.name], HERE / options.name
    places = ["--data DIR", *(["--background DIR"] if options.background else [])]
    command = " ".join(["python examples/listeners/make.py", options.name, *places])
    with tempfile.TemporaryDirectory() as folder:
        clips = Path(folder) / "clips.csv"
        with clips.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "label", "split"), *table(options.name, options.data)])
        words = list(kind.options)
        if options.background:
            link_background(options.background, Path(folder) / "background")
            words += ["--background", str(Path(folder) / "background")]
        run = Path(folder) / "run"
        if code := jaxlisten(["train", str(clips), "--out", str(run), *words]):
            return code
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for kept in KEPT:
            shutil.copy(run / kept, out / kept)
        # The command, and the validation clips that an export would be compared on, name files of this machine.
        config = json.loads((run / "config.json").read_text(encoding="utf-8")) | {"examples": []}
        del config["command"]
        (out / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        (out / "README.md").write_text(card(options.name, kind, run, command), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
