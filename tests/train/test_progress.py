"""Progress: a line an epoch with what is left, or a bar on a terminal."""

import io
import sys

import pytest

from jaxlisten.train.progress import duration, progress

ROW = {"train_loss": 0.51234, "val_loss": 0.4, "val_accuracy": 0.875, "val_macro_f1": 0.8, "clips_per_second": 1234.5}


def test_a_line_an_epoch_says_how_long_the_rest_takes(capsys):
    now = [100.0]
    with progress(12, 0, shown=True, clock=lambda: now[0]) as tell:
        for epoch, seconds in enumerate([60, *[10] * 11], start=1):
            now[0] += seconds
            tell({"epoch": epoch, **ROW})
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == (
        "epoch 1/12  train loss 0.5123  validation loss 0.4000  accuracy 87.5%  macro_f1 0.800  1,234 clips/s  "
        "11:00 left"
    )
    # The mean of two, 35 s, for ten more; then of the last five.
    assert [line.split("  ")[-1] for line in (lines[1], lines[5], lines[10])] == ["5:50 left", "1:00 left", "0:10 left"]
    assert lines[11].startswith("epoch 12/12")
    assert lines[11].endswith("clips/s")


def test_a_run_that_goes_on_counts_what_it_does_itself(capsys):
    now = [0.0]
    with progress(10, 7, shown=True, clock=lambda: now[0]) as tell:
        now[0] = 3.0
        tell({"epoch": 8, "train_loss": 1.0, "clips_per_second": 5.0})
    assert capsys.readouterr().err == "epoch 8/10  train loss 1.0000  5 clips/s  0:06 left\n"


def test_a_terminal_gets_a_bar_with_rate_and_rest(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress(4, 1, shown=True) as tell:
        for epoch in (2, 3, 4):
            tell({"epoch": epoch, **ROW})
    last = terminal.getvalue().split("\r")[-1]
    assert "4/4" in last
    assert "accuracy 87.5%" in last
    assert "epoch/s" in last or "s/epoch" in last


def test_nothing_is_said_where_nothing_is_to_be_shown(capsys):
    with progress(3, 0, shown=False) as tell:
        tell({"epoch": 1, **ROW})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0:00"), (59.6, "1:00"), (754, "12:34"), (3753, "1:02:33")])
def test_a_time_is_written_as_clocks_do(seconds, told):
    assert duration(seconds) == told
