"""Sound on the host: reading, checking, splitting and batching, named data sets and the built-in one."""

from jaxlisten.data.audio import AudioInfo, blocks, info, read
from jaxlisten.data.batch import bucket_lengths, collate, plan
from jaxlisten.data.dataset import Dataset, Skipped
from jaxlisten.data.sources import arrays, csv, folder, fsdd, load
from jaxlisten.data.split import Partition, partition, split
from jaxlisten.data.synthetic import synthetic

__all__ = [
    "AudioInfo",
    "Dataset",
    "Partition",
    "Skipped",
    "arrays",
    "blocks",
    "bucket_lengths",
    "collate",
    "csv",
    "folder",
    "fsdd",
    "info",
    "load",
    "partition",
    "plan",
    "read",
    "split",
    "synthetic",
]
