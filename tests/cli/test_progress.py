"""What a person sees who waits."""

from __future__ import annotations

import io
import sys
import time

import pytest

from bn_lint.cli.progress import Waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def seen(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, quiet: bool = False, units: int = 3) -> str:
    """What is written to standard error by a run that takes a while."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("bn_lint.cli.progress._PATIENCE", 0.0)
    with Waiting(quiet=quiet) as progress:
        progress(0, units)
        progress(1, units)
        end = time.monotonic() + 300  # a thread of a busy machine may get its turn late
        awaited = "1 of" if units > 1 else "Checking"
        while awaited not in stream.getvalue() and stream.isatty() and not quiet and time.monotonic() < end:
            time.sleep(0.01)
    return stream.getvalue()


def test_a_long_run_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = seen(monkeypatch, Terminal())
    assert "Checking ... 1 of 3 units" in text
    assert text.endswith("\x1b[2K")  # and leaves nothing behind


def test_a_project_that_is_one_unit_has_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Checking ..." in (text := seen(monkeypatch, Terminal(), units=1))
    assert "of 1" not in text


def test_nobody_else_sees_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(monkeypatch, io.StringIO()) == ""
    assert seen(monkeypatch, Terminal(), quiet=True) == ""


def test_a_short_run_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("bn_lint.cli.progress._PATIENCE", 300.0)
    with Waiting(quiet=False) as progress:
        progress(0, 2)
        progress(2, 2)
    assert stream.getvalue() == ""
