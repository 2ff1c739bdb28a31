"""The command ``jaxlisten``: what it takes, and how it ends."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from jaxlisten.cli.unseen import UNSEEN
from jaxlisten.errors import InputError, LayerError, ListenError, ListenWarning
from jaxlisten.version import __version__

_ENDS = "exit codes: 0 done; 1 it ran and found a problem that it names; 2 wrong usage or unreadable input"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Errors are a sentence or two on standard error.

    Args:
        arguments: the words of the command; None: those of the process.
    """
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", ListenWarning)
            warnings.showwarning = _told(warnings.showwarning)
            return _run(options)
    except (InputError, LayerError) as error:
        return _end(2, str(error))
    except ListenError as error:
        return _end(1, str(error))
    except KeyboardInterrupt:
        return _end(1, "interrupted")
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("JAXLISTEN_TRACEBACK"):
            raise
        message = str(error).splitlines()[0] if str(error) else "no message"
        return _end(1, f"{type(error).__name__}: {message}. Set JAXLISTEN_TRACEBACK=1 to see where it comes from")


def _run(options: argparse.Namespace) -> int:
    if not getattr(options, "safe_decode", False):
        return options.run(options)
    from jaxlisten.data import reading

    with reading(isolated=True):
        return options.run(options)


def _told(show: Callable[..., None]) -> Callable[..., None]:
    """Return what tells of our own warnings in a line, and shows all others as before."""

    def tell(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if issubclass(category, ListenWarning):
            print(f"warning: {message}", file=sys.stderr, flush=True)
        else:
            show(message, category, *where)

    return tell


def _end(code: int, message: str) -> int:
    print(f"jaxlisten: {message.translate(UNSEEN)}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jaxlisten", description="Machine listening in JAX.", epilog=_ENDS)
    parser.add_argument("--version", action="version", version=f"jaxlisten {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="train on built-in synthetic sounds: the first thing to run")
    demo.add_argument("--out", metavar="RUN", help="the run folder to make (default: a new jaxlisten-demo folder)")
    demo.set_defaults(run=_demo)

    check = commands.add_parser("check", help="look recordings over before training: bad clips, copies, balance")
    check.add_argument("data", metavar="DATA", help="a folder with a sub-folder a class, or a CSV with path,label")
    check.add_argument("--group-by", metavar="REGEX", help="clips whose paths share the first group belong together")
    check.add_argument("--json", action="store_true", help="one JSON object on standard output")
    check.set_defaults(run=_check)

    train = commands.add_parser("train", help="train a listener on your own recordings")
    train.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        help="a folder with a sub-folder a class, or a CSV with path,label (or path,transcript)",
    )
    train.add_argument("--out", metavar="RUN", required=True, help="the run folder to make")
    train.add_argument(
        "--config", metavar="FILE", help="repeat the run of this config.json; DATA and options given besides take over"
    )
    train.add_argument(
        "--task",
        metavar="NAME",
        help="events: DATA lists what is heard when, path,label,start,end, a row an event; contours: numbers over "
        "time, path,time,target, a row a moment; anomaly: learn normal sound, to tell what is not; contrast: learn "
        "from clips without labels, for --from",
    )
    train.add_argument(
        "--normal",
        metavar="CLASS,...",
        help="with --task anomaly: the classes of DATA that are normal (default: normal; without classes all are)",
    )
    train.add_argument(
        "--from", metavar="RUN", dest="start", help="begin with what this run has learned, but a new end"
    )
    train.add_argument(
        "--freeze", action="store_const", const=True, help="with --from: train the new end alone (a linear probe)"
    )
    train.add_argument(
        "--model",
        metavar="NAME",
        help="resnet (default; with --streaming and --task contrast cnn), cnn, cnn1d, ds_cnn, lstm, gru, crnn, mlp or "
        "linear; of events and contours crnn (default) or linear; of transcripts ctc (default) or attention",
    )
    train.add_argument(
        "--units",
        choices=["words", "characters"],
        help="of a column 'transcript': the symbols are words between spaces (default), or characters",
    )
    train.add_argument(
        "--loss",
        choices=["squared", "concordance"],
        help="of numbers: the squared error (default), or 1 less the concordance correlation of a batch",
    )
    train.add_argument(
        "--front-end",
        metavar="NAME",
        help="log_mel, voice (log_mel, for words of many speakers), mfcc, pcen_mel, filter_bank or raw "
        "(default: log_mel; with --streaming pcen_mel; crnn: raw)",
    )
    train.add_argument(
        "--epochs",
        metavar="N",
        type=int,
        help="passes over the clips (default: 10 to 100, the fewer the more clips there are)",
    )
    train.add_argument("--seed", metavar="N", type=int, help="decides everything random (default: 0)")
    train.add_argument("--group-by", metavar="REGEX", help="clips whose paths share the first group are kept together")
    train.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        help="of the network in training (default: float32; bfloat16 is for GPUs and TPUs)",
    )
    train.add_argument("--batch-size", metavar="N", type=int, help="clips a step (default: 32)")
    train.add_argument("--learning-rate", metavar="R", type=float, help="at the peak of its cycle (default: 0.003)")
    train.add_argument("--weight-decay", metavar="R", type=float, help="of kernels and matrices (default: 0.01)")
    train.add_argument(
        "--test",
        metavar="SHARE",
        type=float,
        help="of the clips for the test, where none are named (default: 0)",
    )
    train.add_argument("--folds", metavar="K", type=int, help="cross-validate: K runs, each clip is tested on once")
    train.add_argument("--seeds", metavar="N", type=int, help="N runs, of the seeds from --seed on")
    train.add_argument(
        "--streaming", action="store_const", const=True, help="train a detector for streams: see jaxlisten listen"
    )
    train.add_argument("--background", metavar="DIR", help="with --streaming: recordings of what is heard otherwise")
    train.add_argument("--tensorboard", action="store_true", help="also write RUN/tensorboard, to watch the training")
    train.add_argument(
        "--from-files",
        action=argparse.BooleanOptionalAction,
        help="read clips batch by batch, or keep them in memory (default: in memory, up to a quarter of what is free)",
    )
    train.add_argument("--cache", action="store_true", help="keep compiled programs for the next command")
    train.add_argument("--resume", action="store_true", help="go on with the run in RUN")
    train.add_argument(
        "--distributed", action="store_true", help="this is one of several processes, on one host or many, that train"
    )
    train.add_argument("--coordinator-address", metavar="HOST:PORT", help="with --distributed: where process 0 runs")
    train.add_argument("--num-processes", metavar="N", type=int, help="with --distributed: how many there are")
    train.add_argument("--process-id", metavar="I", type=int, help="with --distributed: which one this is, from 0 on")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="score a trained listener on labelled recordings")
    evaluate.add_argument("folder", metavar="RUN", help="a run folder")
    evaluate.add_argument("data", metavar="DATA", help="a folder with a sub-folder a class, or a CSV with path,label")
    evaluate.add_argument("--split", metavar="NAME", help="only these clips: train, validation or test")
    evaluate.add_argument(
        "--stream", action="store_true", help="DATA lists sounds in long recordings: path,label,start,end"
    )
    evaluate.add_argument("--threshold", metavar="P", action="append", help="with --stream: as in listen")
    evaluate.add_argument(
        "--choose",
        metavar="RATE",
        type=float,
        help="with --stream: find and keep the threshold for RATE alarms an hour",
    )
    evaluate.add_argument("--beam", metavar="N", type=int, default=1, help="of transcripts: search with N beams")
    evaluate.add_argument("--json", action="store_true", help="one JSON object on standard output")
    evaluate.add_argument("--report", metavar="FILE", help="also write a page, FILE.html")
    evaluate.add_argument(
        "--map", choices=["pca", "tsne"], help="with --report: a map of the clips, each of which plays where it lies"
    )
    evaluate.set_defaults(run=_evaluate)

    compare = commands.add_parser("compare", help="classical models beside a network, or front ends beside each other")
    compare.add_argument("data", metavar="DATA", help="a folder with a sub-folder a class, or a CSV with path,label")
    compare.add_argument("--out", metavar="OUT", required=True, help="the folder to make: compare.html, compare.json")
    which = compare.add_mutually_exclusive_group()
    which.add_argument(
        "--run", metavar="RUN", dest="network", help="a run of the same clips (default: train one, into OUT/network)"
    )
    which.add_argument(
        "--front-ends", metavar="NAMES", help="networks alone, one behind each of these, such as raw,log_mel,mfcc"
    )
    which.add_argument("--no-network", action="store_true", help="classical models on pooled features alone")
    compare.add_argument("--seed", metavar="N", type=int, default=0, help="decides everything random (default: 0)")
    compare.add_argument("--group-by", metavar="REGEX", help="clips whose paths share the first group stay together")
    compare.add_argument("--json", action="store_true", help="one JSON object on standard output, as in compare.json")
    compare.set_defaults(run=_compare)

    tune = commands.add_parser("tune", help="search for a model, a front end and the numbers of their training")
    tune.add_argument("data", metavar="DATA", help="a folder with a sub-folder a class, or a CSV with path,label")
    tune.add_argument("--out", metavar="RUN", required=True, help="the run folder to make, of what is chosen")
    tune.add_argument(
        "--configurations", metavar="N", type=int, default=27, help="how many to begin with (default: 27)"
    )
    tune.add_argument(
        "--factor",
        metavar="N",
        type=int,
        default=3,
        help="one in N goes on, for N times as long (default: 3)",
    )
    tune.add_argument("--epochs", metavar="N", type=int, help="of those that come to the end (default: as in train)")
    tune.add_argument("--space", metavar="FILE", help="what to draw from, FILE.json (default: see the documentation)")
    tune.add_argument("--seed", metavar="N", type=int, default=0, help="decides everything random (default: 0)")
    tune.add_argument("--group-by", metavar="REGEX", help="clips whose paths share the first group stay together")
    tune.add_argument("--json", action="store_true", help="one JSON object on standard output, as in tune.json")
    tune.add_argument("--resume", action="store_true", help="go on with the search in RUN")
    tune.set_defaults(run=_tune)

    predict = commands.add_parser("predict", help="say what recordings are")
    predict.add_argument("folder", metavar="RUN", help="a run folder")
    predict.add_argument(
        "files", metavar="FILE", nargs="+", help="recordings (wav, flac, ogg, mp3, ...), or folders with some"
    )
    predict.add_argument("--top", metavar="K", type=int, default=3, help="classes to name (default: %(default)s)")
    predict.add_argument("--beam", metavar="N", type=int, default=1, help="of transcripts: search with N beams")
    predict.add_argument(
        "--windows", action="store_true", help="a line for each window of a long recording, with its start and end"
    )
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a JSON object a line on standard output")
    form.add_argument("--csv", action="store_true", help="a table: path,label,probability,error and more columns")
    predict.set_defaults(run=_predict)

    scene = commands.add_parser("scene", help="lay sounds over background: long recordings with known events")
    scene.add_argument("data", metavar="DATA", help="a folder with a sub-folder a class, or a CSV with path,label")
    scene.add_argument("--background", metavar="DIR", required=True, help="recordings without any of these sounds")
    scene.add_argument("--out", metavar="DIR", required=True, help="the folder to make: recordings and events.csv")
    scene.add_argument("--split", metavar="NAME", help="only these clips: train, validation or test")
    scene.add_argument("--minutes", metavar="N", type=float, default=10.0, help="how long (default: 10)")
    scene.add_argument(
        "--gap",
        metavar="S",
        type=float,
        nargs=2,
        default=(2.0, 20.0),
        help="pauses (default: 2 20; below 0 sounds overlap)",
    )
    scene.add_argument(
        "--snr", metavar="DB", type=float, nargs=2, default=(5.0, 25.0), help="levels above background (default: 5 25)"
    )
    scene.add_argument("--seed", metavar="N", type=int, default=0, help="decides everything random (default: 0)")
    scene.set_defaults(run=_scene)

    listen = commands.add_parser("listen", help="find sounds in a stream: a long file, a pipe or the microphone")
    listen.add_argument("folder", metavar="RUN", help="a run folder")
    listen.add_argument("file", metavar="FILE", nargs="?", help="a recording, or - for raw samples on standard input")
    listen.add_argument(
        "--microphone", metavar="NAME", nargs="?", const="", help="listen to a microphone, by name or number"
    )
    listen.add_argument(
        "--threshold",
        metavar="P",
        action="append",
        help="the probability from which a sound is found, or CLASS=P (default: that of the run, or 0.8)",
    )
    listen.add_argument("--smooth", metavar="SECONDS", type=float, help="average over so long (default: 0.25)")
    listen.add_argument("--refractory", metavar="SECONDS", type=float, help="rest after a find (default: 0.75)")
    listen.add_argument("--window", metavar="SECONDS", type=float, help="what counts (default: as in training)")
    listen.add_argument("--rate", metavar="HZ", type=int, help="of standard input (default: that of the run)")
    listen.add_argument("--channels", metavar="N", type=int, default=1, help="of standard input (default: 1)")
    listen.add_argument(
        "--format", metavar="NAME", default="s16", help="of standard input: s16 (default), s32, f32 or u8"
    )
    listen.add_argument("--json", action="store_true", help="a JSON object a line on standard output")
    listen.set_defaults(run=_listen)

    export = commands.add_parser("export", help="write one file from waveform to probabilities")
    export.add_argument("folder", metavar="RUN", help="a run folder")
    export.add_argument("out", metavar="OUT", help="FILE.onnx or FILE.stablehlo")
    export.add_argument("--streaming", action="store_true", help="one step of a stream, its memory as in- and outputs")
    export.add_argument("--int8", action="store_true", help="large kernels as 8-bit integers: a quarter of the size")
    export.add_argument("--clips", metavar="FILE", nargs="+", default=[], help="recordings to check the file on")
    export.add_argument("--data", metavar="DATA", help="labelled recordings to check and score the file on")
    export.add_argument("--split", metavar="NAME", help="only these clips of DATA: train, validation or test")
    export.set_defaults(run=_export)

    for command in (check, train, evaluate, compare, tune, predict, scene, listen, export):
        command.add_argument(
            "--safe-decode",
            action="store_true",
            help="decode sound files in other processes: one that crashes the decoder is a bad file, not the end",
        )

    doctor = commands.add_parser("doctor", help="versions, devices and optional packages")
    doctor.set_defaults(run=_doctor)
    return parser


# Each command is imported when it runs, so that help and usage errors come at once.


def _demo(options: argparse.Namespace) -> int:
    from jaxlisten.cli.train import demo

    return demo(options.out)


def _check(options: argparse.Namespace) -> int:
    from jaxlisten.cli.check import check

    return check(options.data, group_by=options.group_by, json=options.json)


def _train(options: argparse.Namespace) -> int:
    from jaxlisten.cli import distributed
    from jaxlisten.cli.train import train

    return distributed.run(train, options)


def _evaluate(options: argparse.Namespace) -> int:
    from jaxlisten.cli.use import evaluate

    return evaluate(options)


def _compare(options: argparse.Namespace) -> int:
    from jaxlisten.cli.compare import compare

    return compare(options)


def _tune(options: argparse.Namespace) -> int:
    from jaxlisten.cli.tune import tune

    return tune(options)


def _predict(options: argparse.Namespace) -> int:
    from jaxlisten.cli.predict import predict

    return predict(options)


def _scene(options: argparse.Namespace) -> int:
    from jaxlisten.cli.scene import scene

    return scene(options)


def _listen(options: argparse.Namespace) -> int:
    from jaxlisten.cli.listen import listen

    return listen(options)


def _export(options: argparse.Namespace) -> int:
    from jaxlisten.cli.export import export

    return export(options)


def _doctor(options: argparse.Namespace) -> int:
    from jaxlisten.cli.doctor import doctor

    return doctor()
