"""Source files as text, decoded the way Python decodes them."""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import stat
import tokenize
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from bn_lint.errors import SourceError
from bn_lint.project.paths import absolute, display_path

if TYPE_CHECKING:
    # Imported where it is needed: files that are only read are never edited.
    from pathlib import Path

    from bn_lint.facts import Place
    from bn_lint.project.edits import Span, Text


class Source:
    """One source file.

    Attributes:
        path: Where the file is, absolute.
        display: How reports call it: relative to the working directory with forward slashes, absolute when outside.
        text: The decoded text, without a byte order mark, with the newlines of the file.
        encoding: What its bytes mean; `utf-8-sig` stands for a byte order mark.
    """

    def __init__(self, path: Path, display: str, text: str, encoding: str = "utf-8") -> None:
        self.path = path
        self.display = display
        self.text = text
        self.encoding = encoding

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their newlines; `lines[0]` is line 1."""
        from bn_lint.project.edits import NEWLINE

        return NEWLINE.split(self.text)

    @cached_property
    def places(self) -> Text:
        """The text, in which places are found."""
        from bn_lint.project.edits import Text

        return Text(self.text)

    def line(self, number: int) -> str | None:
        """The text of one 1-based line, None outside the file."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else None

    @property
    def parts(self) -> Mapping[int | None, str]:
        """What people know as one text: of a notebook each cell, by its number; of a Python file all of it."""
        return {None: self.text}

    def line_in(self, cell: int | None, number: int) -> int:
        """The line of the text that is a line of a cell."""
        return number

    def located(self, place: Place) -> Place:
        """A place in the text as people know it: in a notebook, by cell."""
        return place

    def edited(self, spans: Iterable[Span]) -> Source:
        """The file after edits of its text that do not touch each other."""
        from bn_lint.project.edits import replaced

        return Source(self.path, self.display, replaced(self.text, spans), self.encoding)

    @property
    def data(self) -> bytes:
        """The bytes of the file.

        Raises:
            UnicodeEncodeError: the encoding has no bytes for some character.
        """
        return self.text.encode(self.encoding)


def load(path: str | Path, *, display: str | None = None) -> Source:
    """Read and decode one file.

    Raises:
        SourceError: the file cannot be read or decoded.
    """
    path = absolute(path)
    display = display_path(path) if display is None else display
    return from_bytes(read(path, display), path, display)


def read_regular(path: str | Path) -> bytes:
    """The bytes of a file that ends: no pipe that nobody writes to, and no device.

    Raises:
        OSError: it cannot be read, or is of another kind.
    """

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # to open a pipe would wait for its other end

    with open(path, "rb", opener=opened) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return file.read()


def read(path: str | Path, display: str) -> bytes:
    """The bytes of one file, or of what this process has open, as a shell writes it (`<(command)`).

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        name = os.fspath(path)  # below, of what this process has open
        if name != "/dev/stdin" and not name.startswith(("/dev/fd/", "/proc/")):
            return read_regular(path)
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise SourceError(f"{display} cannot be read: {_reason(error)}.") from error


def from_bytes(data: bytes, path: str | Path, display: str) -> Source:
    """Decode the bytes of one file by its byte order mark, its encoding declaration (PEP 263), or as UTF-8.

    Raises:
        SourceError: the declared encoding does not exist or does not fit.
    """
    path = absolute(path)
    is_notebook = path.suffix == ".ipynb"
    encoding = _utf8(data) if is_notebook else encoding_of(data, display)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        from bn_lint.project.edits import NEWLINE

        before = data[: error.start].decode(encoding, errors="replace")
        lines = NEWLINE.split(before)
        name = "UTF-8" if encoding.startswith("utf-8") else encoding
        message = f"{display} is not valid {name}: byte 0x{data[error.start]:02x} on line {len(lines)}."
        raise SourceError(message, len(lines), len(lines[-1]) + 1) from error
    except (LookupError, UnicodeError) as error:
        raise SourceError(f"{display} declares the encoding {encoding}, which does not fit its text.") from error
    if is_notebook:
        from bn_lint.project.notebook import notebook

        return notebook(text, path, display, encoding)
    return Source(path, display, text, encoding)


def encoding_of(data: bytes, display: str) -> str:
    """The name of the encoding that the bytes of a file are in, as far as they say so themselves.

    Raises:
        SourceError: they name one that does not exist.
    """
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError as error:
        if not re.search(rb"coding[:=]", b"\n".join(data.split(b"\n", 2)[:2])):
            # detect_encoding decodes the first two lines itself; let the caller find the byte and its line.
            return _utf8(data)
        raise SourceError(f"{display} cannot be decoded: {error.msg or error}.") from error


def encoded(text: str, display: str) -> bytes:
    """The bytes of a text that was decoded elsewhere, in the encoding that it declares: `from_bytes` gives it back.

    A text that does not fit its declaration becomes bytes that do not either, and is refused as its file would be.
    """
    data = text.encode("utf-8", "replace")
    try:
        return text.encode(encoding_of(data, display))
    except (SourceError, LookupError, UnicodeError):
        return data


def _utf8(data: bytes) -> str:
    return "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8"


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


class Sources:
    """The text of files by their displayed path; files that were not judged are read when asked for."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._known: dict[str, Source | None] = {source.display: source for source in sources}
        self._data: dict[str, tuple[str, bytes]] = {}
        self._given = set(self._known)

    def add(self, display: str, path: str, data: bytes, *, is_context: bool = False) -> None:
        """Hold a file that is decoded when asked for; one that is context is not among those to be checked."""
        self._data[display] = (path, data)
        if not is_context:
            self._given.add(display)

    def with_text(self, display: str, path: str, data: bytes) -> Sources:
        """These files, with another content of one that is to be checked."""
        changed = Sources()
        changed._known = {name: source for name, source in self._known.items() if name != display}
        changed._data, changed._given = {**self._data}, {*self._given}
        changed.add(display, path, data)
        return changed

    def given(self, path: str) -> Source | None:
        """The file with this displayed path, if it is one of those that were to be checked."""
        return self.get(path) if path in self._given else None

    def line(self, path: str, number: int, cell: int | None = None) -> str | None:
        """One line of source text, in a notebook of a cell; None where there is no such line."""
        source = self.get(path)
        return None if source is None else source.line(source.line_in(cell, number))

    def get(self, path: str) -> Source | None:
        """The file with this displayed path; None when it cannot be read."""
        if path not in self._known:
            try:
                held = self._data.get(path)
                self._known[path] = load(path, display=path) if held is None else from_bytes(held[1], held[0], path)
            except SourceError:
                self._known[path] = None
        return self._known[path]
