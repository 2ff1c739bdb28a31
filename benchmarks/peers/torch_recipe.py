"""What a good torch user would write for these data sets: the bar for the default recipe, in accuracy and in time.

``python -m benchmarks.peers.torch_recipe CLIPS.csv [--seed 0]`` reads the table that ``jaxlisten train`` takes (path,
label and split: train, validation, test), trains, and prints the accuracy on the test clips as one line of JSON.

The recipe is the usual one: the logarithm of 64 mel bands, 25 ms windows every 10 ms; a residual network of 3 x 3
convolutions with 175 thousand parameters; noise, time shift and SpecAugment; AdamW over one cycle with label smoothing;
40 epochs, the best of them by validation. It needs torch: ``pip install -e '.[bench]'``.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator

import librosa
import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor, nn
from torch.nn import functional

EPOCHS, BATCH, PEAK_RATE, WEIGHT_DECAY = 40, 64, 3e-3, 1e-2
BANDS, LONGEST_RATE = 64, 16_000


def read(table: str) -> tuple[dict[str, tuple[Tensor, Tensor]], int, int]:
    """Return ``(samples [clip, time], target [clip])`` of each split, the sample rate, and the number of classes."""
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classes = sorted({row["label"] for row in rows})
    sr = min(soundfile.info(rows[0]["path"]).samplerate, LONGEST_RATE)
    sounds = []
    for row in rows:
        x, rate = soundfile.read(row["path"], dtype="float32", always_2d=True)
        sounds.append(soxr.resample(x.mean(1), rate, sr) if rate != sr else x.mean(1))
    samples = np.zeros((len(rows), max(map(len, sounds))), np.float32)
    for index, x in enumerate(sounds):
        samples[index, : len(x)] = x
    targets = np.array([classes.index(row["label"]) for row in rows])
    split = np.array([row["split"] for row in rows])
    parts = {
        part: (torch.from_numpy(samples[split == part]), torch.from_numpy(targets[split == part]))
        for part in ("train", "validation", "test")
    }
    return parts, sr, len(classes)


class LogMel(nn.Module):
    """From ``[clip, time]`` to ``[clip, 1, band, frame]`` in units of its own deviation over the clip."""

    def __init__(self, sr: int):
        super().__init__()
        self.window, self.hop = round(0.025 * sr), round(0.010 * sr)
        self.n_fft = 2 ** (self.window - 1).bit_length()
        filters = librosa.filters.mel(sr=sr, n_fft=self.n_fft, n_mels=BANDS)
        self.register_buffer("filters", torch.from_numpy(filters))
        self.register_buffer("taper", torch.hann_window(self.window))

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(x, self.n_fft, self.hop, self.window, self.taper, return_complex=True)
        bands = torch.log(self.filters @ spectrum.abs().square() + 1e-6)
        mean, deviation = bands.mean((1, 2), keepdim=True), bands.std((1, 2), keepdim=True)
        return ((bands - mean) / (deviation + 1e-3)).unsqueeze(1)


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.shortcut(x))


class Network(nn.Module):
    """A small residual network over time and frequency."""

    def __init__(self, classes: int):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 24, 3, (2, 1), 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.blocks = nn.Sequential(Block(24, 24, 2), Block(24, 48, 2), Block(48, 96, 2))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(96, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def vary(x: Tensor) -> Tensor:
    """Shift each clip by up to a tenth of it, and add noise 5 to 40 dB below its level to half of them."""
    n, time_ = x.shape
    shift = int(0.1 * time_)
    places = torch.arange(time_) + torch.randint(-shift, shift + 1, (n, 1))
    x = torch.where((places >= 0) & (places < time_), x.gather(1, places.clamp(0, time_ - 1)), 0.0)
    level = x.square().mean(1, keepdim=True).sqrt() * 10 ** (-torch.empty(n, 1).uniform_(5, 40) / 20)
    return x + torch.randn_like(x) * level * (torch.rand(n, 1) < 0.5)


def mask(bands: Tensor) -> Tensor:
    """Put two masks over the bands and two over time of each clip (SpecAugment)."""
    n = len(bands)
    for axis, share in ((2, 0.15), (2, 0.15), (3, 0.2), (3, 0.2)):
        size = bands.shape[axis]
        width = torch.rand(n, 1) * share * size
        begin = torch.rand(n, 1) * (size - width)
        place = torch.arange(size)
        covered = (place >= begin) & (place < begin + width)
        bands = bands.masked_fill(covered[:, None, :, None] if axis == 2 else covered[:, None, None, :], 0.0)
    return bands


def batches(n: int, *, shuffled: bool) -> Iterator[Tensor]:
    """Yield the indices of each batch; in training a last batch of one clip is left out, as BatchNorm needs two."""
    order = torch.randperm(n) if shuffled else torch.arange(n)
    return (part for part in order.split(BATCH) if len(part) > 1 or not shuffled)


@torch.no_grad()
def accuracy(network: nn.Module, front_end: nn.Module, x: Tensor, y: Tensor) -> float:
    """Compute the share of clips whose largest logit is that of their class."""
    network.eval()
    right = sum(
        int((network(front_end(x[part])).argmax(1) == y[part]).sum()) for part in batches(len(x), shuffled=False)
    )
    return right / len(x)


def train(parts: dict[str, tuple[Tensor, Tensor]], sr: int, classes: int, *, half: bool) -> tuple[nn.Module, nn.Module]:
    """Train, and return the network of the epoch that did best on the validation clips, and its front end."""
    x, y = parts["train"]
    front_end, network = LogMel(sr), Network(classes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = sum(1 for _ in batches(len(x), shuffled=True))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=EPOCHS * steps)
    best, kept = -1.0, {}
    for _ in range(EPOCHS):
        network.train()
        for part in batches(len(x), shuffled=True):
            with torch.no_grad():
                bands = mask(front_end(vary(x[part])))
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss = functional.cross_entropy(network(bands).float(), y[part], label_smoothing=0.1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        now = accuracy(network, front_end, *parts["validation"])
        if now >= best:
            best, kept = now, {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(kept)
    return network, front_end


def main() -> None:
    """Train once and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a CSV with path, label and split")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half", action="store_true", help="compute in bfloat16 (autocast)")
    options = parser.parse_args()
    parts, sr, classes = read(options.table)
    torch.manual_seed(options.seed)
    begin = time.perf_counter()
    network, front_end = train(parts, sr, classes, half=options.half)
    seconds = time.perf_counter() - begin
    figures = {"accuracy": accuracy(network, front_end, *parts["test"]), "n": len(parts["test"][0]), "seconds": seconds}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
