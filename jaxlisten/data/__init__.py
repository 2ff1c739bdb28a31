"""Sound on the host: reading, checking, splitting and batching, named data sets and the built-in one."""

from jaxlisten.data.audio import AudioInfo, blocks, info, read
from jaxlisten.data.balance import class_weights, resample
from jaxlisten.data.batch import batches, bucket_lengths, collate, plan
from jaxlisten.data.birds import birdsong
from jaxlisten.data.connected import connected
from jaxlisten.data.dataset import Dataset, Skipped, union
from jaxlisten.data.events import BACKGROUND, events, is_background, is_negative
from jaxlisten.data.files import Files
from jaxlisten.data.health import ClassHealth, Health, health
from jaxlisten.data.leak import Leak, Measured, leak
from jaxlisten.data.limits import Limits, reading
from jaxlisten.data.live import microphone, pcm, resampled
from jaxlisten.data.named import esc10, esc50, fsdd
from jaxlisten.data.scene import Scene, scene
from jaxlisten.data.sources import arrays, folder, load, recordings, unlabelled
from jaxlisten.data.speech_commands import KEYWORDS, speech_commands
from jaxlisten.data.split import Partition, folds, partition, split
from jaxlisten.data.strong import strong, windows
from jaxlisten.data.synthetic import synthetic
from jaxlisten.data.table import csv, transcripts
from jaxlisten.data.timed import Event
from jaxlisten.data.transcripts import Transcript, said_in, text_of, transcript_of
from jaxlisten.data.trim import sounds, trim

__all__ = [
    "BACKGROUND",
    "KEYWORDS",
    "AudioInfo",
    "ClassHealth",
    "Dataset",
    "Event",
    "Files",
    "Health",
    "Leak",
    "Limits",
    "Measured",
    "Partition",
    "Scene",
    "Skipped",
    "Transcript",
    "arrays",
    "batches",
    "birdsong",
    "blocks",
    "bucket_lengths",
    "class_weights",
    "collate",
    "connected",
    "csv",
    "esc10",
    "esc50",
    "events",
    "folder",
    "folds",
    "fsdd",
    "health",
    "info",
    "is_background",
    "is_negative",
    "leak",
    "load",
    "microphone",
    "partition",
    "pcm",
    "plan",
    "read",
    "reading",
    "recordings",
    "resample",
    "resampled",
    "said_in",
    "scene",
    "sounds",
    "speech_commands",
    "split",
    "strong",
    "synthetic",
    "text_of",
    "transcript_of",
    "transcripts",
    "trim",
    "union",
    "unlabelled",
    "windows",
]
