"""Real speech, read aloud: CTC in characters learns its own utterances by heart."""

import csv

import jax
import optax
import pytest

import jaxlisten as jl


@pytest.mark.slow
def test_read_sentences_are_learnt_by_heart_in_characters(real, tmp_path):
    root = real / "ljspeech32"
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE) if row]
    with (tmp_path / "said.csv").open("w", encoding="utf-8", newline="") as file:
        said = [(root / "wavs" / f"{name}.wav", text.lower()) for name, _, text in rows]
        csv.writer(file).writerows([("path", "transcript"), *said])
    data = jl.data.transcripts(tmp_path / "said.csv", units="characters", sr=8000)
    # One block: a frame every 20 ms, because speech has some 15 characters a second. Learning by heart wants no noise.
    network = jl.models.ctc(len(data.classes), channels=(96,), units=128, bidirectional=True, dropout=0.0)
    kept = [
        (name, part) for name, part in zip(network.names, network.layers, strict=True) if name not in ("warp", "mask")
    ]
    model = jl.serial(jl.models.log_mel(data.sr), jl.serial(**dict(kept)))
    fitted = jl.fit(model, data, epochs=120, batch_size=8, optimizer=optax.adam(2e-3), key=jax.random.key(0))
    report = jl.evaluate(fitted, data)
    assert report.label_error_rate < 0.05, report.headline
