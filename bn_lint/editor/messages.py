"""Reads the messages of a client: headers that are understood, and bodies of a bounded size.

pygls skips all lines until one is a length as it expects it. It would not answer a client with a damaged header any
more, and would take as much memory as the header says.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from bn_lint.errors import BnLintError

#: In bytes. A file of a million lines is smaller than the largest message.
_LONGEST_LINE, _LARGEST_BODY = 8 << 10, 32 << 20
_FIELD = re.compile(rb"([A-Za-z0-9_-]{1,200}):([^\r\n]*)\r?\n")
_LENGTH = re.compile(rb"[0-9]{1,10}")


class ProtocolError(BnLintError):
    """What a client sends cannot be divided into messages."""


class Messages:
    """A binary stream for pygls. It ends where a header is damaged; `error` says how."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        #: What is known of the header that is being read.
        self._has_begun = False
        self._length: bytes | None = None
        self.error: ProtocolError | None = None

    def readline(self) -> bytes:
        """The next line of a header, in the spelling that pygls knows; nothing at the end."""
        line = self._stream.readline(_LONGEST_LINE)
        if not line.strip():
            return self._end_of_header() if line else b""
        self._has_begun = True
        field = _FIELD.fullmatch(line)
        if field is None:
            return self._refuse("a header has a line without a name and a value")
        if field[1].lower() != b"content-length":
            return line
        length = field[2].strip()
        if not _LENGTH.fullmatch(length) or self._length not in (None, length):
            return self._refuse("the Content-Length of a message is not one number")
        if int(length) > _LARGEST_BODY:
            return self._refuse(f"a message is larger than {_LARGEST_BODY >> 20} MB")
        self._length = length
        return b"Content-Length: %s\r\n" % self._length

    def read(self, size: int) -> bytes:
        return self._stream.read(size)

    def _end_of_header(self) -> bytes:
        if self._has_begun and self._length is None:
            return self._refuse("a header has no Content-Length")
        self._has_begun, self._length = False, None
        return b"\r\n"

    def _refuse(self, reason: str) -> bytes:
        self.error = ProtocolError(f"The client does not speak the Language Server Protocol: {reason}.")
        return b""
