from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from bn_lint.errors import SourceError
from bn_lint.project.source import Sources, from_bytes, load


def text_of(data: bytes) -> str:
    return from_bytes(data, Path("a.py"), "a.py").text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x = 1\r\ny = 2\r", "x = 1\r\ny = 2\r"),
        ("s = 'é'\n".encode(), "s = 'é'\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\ns = '\xe9'\n", None),
        (b"# vim: set fileencoding=cp1251 :\ns = '\xe9'\n", None),
        (b"x = '" + "é".encode() * 5000 + b"'\n", "x = '" + "é" * 5000 + "'\n"),
    ],
)
def test_decodes_as_python_does(data: bytes, text: str | None) -> None:
    if text is None:
        namespace: dict[str, str] = {}
        exec(compile(data, "a.py", "exec"), namespace)
        assert namespace["s"] in text_of(data)
    else:
        assert text_of(data) == text


@pytest.mark.parametrize(
    ("data", "message", "line", "column"),
    [
        (b"a = 1\nb = 2\nxx = '\xe9'", "a.py is not valid UTF-8: byte 0xe9 on line 3.", 3, 7),
        (b"x = '\xe9'", "a.py is not valid UTF-8: byte 0xe9 on line 1.", 1, 6),
        (b"\xff\xfex\x00", "a.py is not valid UTF-8: byte 0xff on line 1.", 1, 1),
        (b"# coding: klingon\n", "a.py cannot be decoded: unknown encoding: klingon.", 1, 1),
        (b"# coding: rot13\n", "a.py declares the encoding rot13, which does not fit its text.", 1, 1),
    ],
)
def test_says_what_cannot_be_decoded(data: bytes, message: str, line: int, column: int) -> None:
    with pytest.raises(SourceError) as caught:
        text_of(data)
    assert (str(caught.value), caught.value.line, caught.value.column) == (message, line, column)


def test_lines_end_where_python_ends_them() -> None:
    source = from_bytes("a\x0c\r\nb\u2028c\rd\n".encode(), Path("a.py"), "a.py")
    assert source.lines == ["a\x0c", "b\u2028c", "d", ""]
    assert source.line(3) == "d"
    assert source.line(0) is source.line(9) is None


def test_display_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here" / "sub").mkdir(parents=True)
    inside, outside = tmp_path / "here" / "sub" / "a.py", tmp_path / "b.py"
    inside.write_text("")
    outside.write_text("")
    monkeypatch.chdir(tmp_path / "here")
    assert load(Path("sub/../sub/a.py")).display == "sub/a.py"
    assert load(Path("sub/a.py")).path == inside
    assert load(outside).display == outside.as_posix()


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^gone\.py cannot be read: no such file or directory\.$"):
        load(tmp_path / "gone.py", display="gone.py")


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(SourceError("a.py is odd.", 3, 4)))
    assert (type(error), error.message, error.line, error.column) == (SourceError, "a.py is odd.", 3, 4)


def test_sources_read_other_files_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.py").write_text("first\nsecond\n")
    sources = Sources([from_bytes(b"known\n", Path("known.py"), "known.py")])
    assert sources.line("known.py", 1) == "known"
    assert sources.line("other.py", 2) == "second"
    assert sources.line("gone.py", 1) is None
