"""The race of `benchmarks.race` as a torch user would run it: padded batches, packed for the recurrence."""

from __future__ import annotations

import argparse
from pathlib import Path

import librosa
import soundfile
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from benchmarks.race import BANDS, BATCH, DROPOUT, ENOUGH, EPOCHS, HOP, N_FFT, PEAK_RATE, SR, UNITS, WEIGHT_DECAY

Clips = list[tuple[Tensor, int]]


def read(root: str) -> tuple[Clips, Clips]:
    """Return the training and the test clips; files are named digit_speaker_index.wav, and 0 to 4 are for testing."""
    train, test = [], []
    for path in sorted(Path(root).glob("*.wav")):
        digit, _, index = path.stem.split("_")
        clip = torch.from_numpy(soundfile.read(path, dtype="float32")[0]), int(digit)
        (test if int(index) < 5 else train).append(clip)
    return train, test


class Network(nn.Module):
    """Log-mel bands, batch normalisation, dropout, a GRU, and a dense layer on its last state."""

    def __init__(self, classes: int):
        super().__init__()
        filters = librosa.filters.mel(sr=SR, n_fft=N_FFT, n_mels=BANDS)
        self.register_buffer("filters", torch.from_numpy(filters))
        self.register_buffer("taper", torch.hann_window(N_FFT))
        self.entry = nn.Sequential(nn.BatchNorm1d(BANDS), nn.Dropout(DROPOUT))
        self.recurrent = nn.GRU(BANDS, UNITS, batch_first=True)
        self.head = nn.Linear(UNITS, classes)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        spectrum = torch.stft(x, N_FFT, HOP, window=self.taper, pad_mode="constant", return_complex=True)
        bands = 10 * torch.log10(torch.clamp(self.filters @ spectrum.abs().square(), min=1e-10))
        frames = 1 + length // HOP
        bands = self.entry(bands).transpose(1, 2)
        packed = pack_padded_sequence(bands, frames, batch_first=True, enforce_sorted=False)
        return self.head(self.recurrent(packed)[1][-1])


def batch(clips: Clips, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pad some clips to the longest of them; return samples, lengths and targets."""
    sounds, targets = zip(*[clips[i] for i in places.tolist()], strict=True)
    lengths = torch.tensor([len(sound) for sound in sounds])
    return pad_sequence(list(sounds), batch_first=True), lengths, torch.tensor(targets)


@torch.inference_mode()
def accuracy(network: nn.Module, clips: Clips) -> float:
    """Compute the share of clips whose largest logit is that of their class."""
    network.eval()
    right = 0
    for places in torch.arange(len(clips)).split(64):
        x, length, y = batch(clips, places)
        right += int((network(x, length).argmax(1) == y).sum())
    return right / len(clips)


def main() -> None:
    """Train until it is enough, and print the epochs that it took and the accuracy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--alone", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.alone)
    train, test = read(options.root)
    network = Network(10)
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for epoch in range(1, EPOCHS + 1):
        network.train()
        for places in torch.randperm(len(train)).split(BATCH):
            x, length, y = batch(train, places)
            loss = nn.functional.cross_entropy(network(x, length), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        now = accuracy(network, test)
        if now >= ENOUGH or epoch == EPOCHS:
            print(epoch, now)
            break


if __name__ == "__main__":
    main()
