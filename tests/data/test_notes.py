"""Melodies as numbers, as batches and as MIDI files."""

import numpy as np
import pytest

from jaxlisten.data import HOLD, REST, melodies, midi, next_notes, notes, write_midi
from jaxlisten.errors import InputError

MELODY = [60, HOLD, 62, REST, HOLD, 62, 62, HOLD, 55, HOLD]


def test_notes_have_times_in_seconds():
    found = notes(MELODY, tempo=60)
    np.testing.assert_allclose(found, [[0, 0.5, 60], [0.5, 0.75, 62], [1.25, 1.5, 62], [1.5, 2, 62], [2, 2.5, 55]])
    assert notes([HOLD, REST, HOLD]).shape == (0, 3)


def test_batches_teach_the_next_number_and_leave_absent_items_out():
    first, second = next_notes([[60, 62, 64, 65, 67], [60, 67], [70]], 2, longest=3)
    assert first.x.values.tolist() == [[60, 62], [65, 0]]
    assert first.x.length.tolist() == [2, 1]
    assert first.y.tolist() == [[62, 64], [67, -1]]
    assert (first.weight.tolist(), second.weight.tolist()) == ([1, 1], [1, 0])
    assert second.y.tolist() == [[67, -1], [-1, -1]]


@pytest.mark.parametrize("melody", [[60, 62, 130], [[60, 62]], [60.0, 62.0]])
def test_what_is_no_melody_is_refused(melody):
    with pytest.raises(InputError, match=r"expected a melody, integers \[steps\] from 0 to 129"):
        notes(melody)


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match="tempo above 0"):
        notes(MELODY, tempo=0)
    with pytest.raises(InputError, match="one melody of two steps"):
        next_notes([[60]])
    with pytest.raises(InputError, match="longest from 2"):
        next_notes([MELODY], longest=1)


class TestMidi:
    @pytest.fixture(autouse=True)
    def mido(self):
        self.mido = pytest.importorskip("mido", reason="pip install 'jaxlisten[midi]' brings mido")

    def test_what_is_written_is_read(self, tmp_path):
        made = melodies(3)
        for i, melody in enumerate(made):
            write_midi(tmp_path / f"{i}.mid", melody, tempo=90)
        np.testing.assert_array_equal(midi(tmp_path), made)
        write_midi(tmp_path / "a.midi", MELODY)
        assert midi(tmp_path / "a.midi")[0].tolist() == MELODY

    def test_of_chords_the_highest_note_counts_and_drums_do_not(self, tmp_path):
        def message(kind, note, time, channel=0, velocity=64):
            return self.mido.Message(kind, note=note, time=time, channel=channel, velocity=velocity)

        first = [message("note_on", 48, 480), message("note_on", 60, 0), message("note_on", 60, 240, velocity=0)]
        first += [message("note_on", 64, 0), message("note_off", 64, 120), message("note_off", 48, 120)]
        drums = [message("note_on", 90, 0, channel=9), message("note_off", 90, 480, channel=9)]
        file = self.mido.MidiFile(ticks_per_beat=480, tracks=[self.mido.MidiTrack(t) for t in (first, drums)])
        file.save(tmp_path / "chords.mid")
        assert midi(tmp_path / "chords.mid")[0].tolist() == [60, HOLD, 64, 48]

    def test_what_is_no_file_of_notes_is_refused(self, tmp_path):
        with pytest.raises(InputError, match="there is no file"):
            midi(tmp_path / "none.mid")
        with pytest.raises(InputError, match="holds no MIDI files"):
            midi(tmp_path)
        (tmp_path / "bad.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0")
        with pytest.raises(InputError, match="can't be read as a MIDI file"):
            midi(tmp_path)
        self.mido.MidiFile(tracks=[self.mido.MidiTrack()]).save(tmp_path / "bad.mid")
        with pytest.raises(InputError, match="has no note in it"):
            midi(tmp_path)
        long = [self.mido.Message("note_on", note=60), self.mido.Message("note_off", note=60, time=2**27)]
        self.mido.MidiFile(tracks=[self.mido.MidiTrack(long)], ticks_per_beat=96).save(tmp_path / "bad.mid")
        with pytest.raises(InputError, match="sixteenths long"):
            midi(tmp_path)
        with pytest.raises(InputError, match="from 4 beats"):
            write_midi(tmp_path / "slow.mid", MELODY, tempo=1)
