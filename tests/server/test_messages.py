"""Headers of the language server's protocol: what is understood, and where reading ends."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from bn_lint.editor.messages import Messages

LENGTH = b"Content-Length: 2\r\n"
NO_FIELD = "a header has a line without a name and a value"
NO_LENGTH = "a header has no Content-Length"
NO_NUMBER = "the Content-Length of a message is not one number"
TOO_LARGE = "a message is larger than 32 MB"


def bodies(data: bytes) -> tuple[list[bytes], str]:
    """The messages as pygls divides them, and why reading ends before the data does."""
    messages, found, length = Messages(io.BytesIO(data)), [], 0
    while line := messages.readline():
        if line.strip():
            length = int(line.removeprefix(LENGTH[:16])) if line.startswith(LENGTH[:16]) else length
        elif length:
            found.append(messages.read(length))
            length = 0
    return found, "" if messages.error is None else messages.error.message.partition(": ")[2].rstrip(".")


@pytest.mark.parametrize(
    "header",
    [
        LENGTH,
        b"content-length:2\r\n",
        b"CONTENT-LENGTH: \t 2 \r\n",
        b"Content-Length: 02\n",
        LENGTH + b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n",
        b"X-Name: \xff\xfe\0\x1b[2J\r\nX-Empty:\r\n" + LENGTH,
        LENGTH + LENGTH,
        b"\r\n\r\n" + LENGTH,
        b"Content-Length: 0\r\n\r\n" + LENGTH,
    ],
)
def test_what_is_understood(header: bytes) -> None:
    assert bodies((header + b"\r\n{}") * 2) == ([b"{}", b"{}"], "")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"Content-Length: -1\r\n", NO_NUMBER),
        (b"Content-Length: two\r\n", NO_NUMBER),
        (b"Content-Length:\r\n", NO_NUMBER),
        (b"Content-Length: \xd9\xa3\r\n", NO_NUMBER),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n", NO_NUMBER),
        (LENGTH + b"Content-Length: 3\r\n", NO_NUMBER),
        (b"Content-Length: 33554433\r\n", TOO_LARGE),
        (b"Content-Length: 9999999999\r\n", TOO_LARGE),
        (b"Content-Type: text\r\n", NO_LENGTH),
        (b"Content-\r\nLength: 2\r\n", NO_FIELD),
        (b"Content\xc3\xb6: 2\r\n", NO_FIELD),
        (b"X: " + b"y" * 100_000 + b"\r\n", NO_FIELD),
        (b'{"jsonrpc": "2.0"}' + LENGTH, NO_FIELD),
    ],
)
def test_where_reading_ends(header: bytes, told: str) -> None:
    good = LENGTH + b"\r\n{}"
    assert bodies(good + header + b"\r\n{}" + good) == ([b"{}"], told)


def test_a_length_that_is_too_small_is_noticed() -> None:
    assert bodies(b'Content-Length: 2\r\n\r\n{"id": 1}' + LENGTH) == ([b'{"'], NO_FIELD)


def test_what_is_promised_is_not_waited_for_at_the_end() -> None:
    assert bodies(b"Content-Length: 1000\r\n\r\n{}") == ([b"{}"], "")
    assert bodies(LENGTH) == ([], "")


@pytest.mark.slow
def test_the_command_says_why_it_ends() -> None:
    pytest.importorskip("pygls")
    command = [sys.executable, "-m", "bn_lint", "server"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, input=b"Content-Length: -1\r\n\r\n{}", env=environment, capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
    message = f"error: The client does not speak the Language Server Protocol: {NO_NUMBER}."
    assert done.stderr.decode().splitlines()[-1] == message
