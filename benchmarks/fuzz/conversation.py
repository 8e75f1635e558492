"""Holds conversations with a language server: what a client says is a list of messages, however mad, or a stream."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

#: Seconds after which an answer is not waited for any longer: a mad request may get none.
_ANSWER = 5.0
#: Seconds after which the server hangs.
_NEVER = 120.0
#: In bytes: more than any message has.
_MUCH = 1 << 26
_LAST = "last"
_ENDING = ("exit", "shutdown")


class Broken(Exception):
    """The server did not survive a conversation."""


def hold(messages: Sequence[Any], folder: Path) -> None:
    """Greet a server, say something to it, and see that it still answers.

    Raises:
        Broken: it gives no answer.
        Exception: what was raised in bn-lint.
    """
    from bn_lint.editor.server import server
    from bn_lint.editor.session import Server

    raised: list[Exception] = []

    class Watched(Server):
        def report_server_error(self, error: Exception, source: type[Exception]) -> None:
            cause = sys.exc_info()[1]  # the error is what is to be said about it
            raised.append(cause if isinstance(cause, Exception) else error)

        def _complain(self, message: str) -> None:
            if message.startswith("Internal error"):
                raised.append(Broken(message))
            super()._complain(message)

    with _silence(), _pipe() as (requests, saying), _pipe() as (hearing, answers):
        made = server(Watched(delay=0))
        client = _Client(made, saying, hearing, [message for message in messages if not _is_ending(message)], folder)
        client.start()
        made.start_io(requests, answers)
        client.end(answers)
    own = next((error for error in raised if _is_ours(error)), None)
    if own is not None:
        raise own
    if not client.has_answer:
        raise Broken("the server gives no answer any more")


def send(data: bytes, folder: Path) -> None:
    """Greet a server, send it what may be no messages, and hang up.

    Raises:
        Broken: it does not end, or asks for more at a time than any message has.
        Exception: what was raised in bn-lint.
    """
    from bn_lint.editor.messages import ProtocolError
    from bn_lint.editor.server import server, talk
    from bn_lint.editor.session import Server

    def give_up(number: int, frame: object) -> None:
        raise Broken("the server does not end")

    with _silence(), _pipe() as (requests, saying), _pipe() as (hearing, answers):
        made = server(Server(delay=0))
        client = _Sender(made, saying, hearing, data, folder)
        client.start()
        before = signal.signal(signal.SIGALRM, give_up)
        signal.setitimer(signal.ITIMER_REAL, _NEVER)
        try:
            talk(made, cast("BinaryIO", _Bounded(requests)), answers)
        except ProtocolError:
            pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        requests.close()  # or the client never finds out
        client.end(answers)
    if not client.has_answer:
        raise Broken("the greeting has no answer")


class _Bounded:
    """A stream that may not be asked for more than the largest message."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(_bounded(size))

    def readline(self, size: int = -1) -> bytes:
        return self._stream.readline(_bounded(size))


def _bounded(size: int) -> int:
    if not 0 <= size <= _MUCH:
        raise Broken(f"{size} bytes are asked for")
    return size


class _Client(threading.Thread):
    """Says one thing after the other, and waits for what is answered and judged."""

    def __init__(
        self, server: Any, saying: IO[bytes], hearing: IO[bytes], messages: Sequence[Any], folder: Path
    ) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._saying, self._hearing = saying, hearing
        self._messages = messages
        self._folder = folder
        self._answered: set[object] = set()
        self._news = threading.Condition()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self.has_answer = False

    def run(self) -> None:
        self._listening.start()
        try:
            self._ask("first", "initialize", self._greeting, _NEVER)
            for number, message in enumerate(self._messages):
                self._say(message)
                self._ask(f"ping {number}", "$/nothing", None, _ANSWER)  # what came before has been read then
                self._let_judge()
            self.has_answer = self._ask(_LAST, "shutdown", None, _NEVER)
            self._say({"jsonrpc": "2.0", "method": "exit"})
        except OSError:
            return  # the server has gone

    @property
    def _greeting(self) -> object:
        capabilities = {"notebookDocument": {"synchronization": {}}}
        return {"processId": None, "rootUri": self._folder.as_uri(), "capabilities": capabilities}

    def end(self, answers: IO[bytes]) -> None:
        """Wait until all is said and heard; the client must not listen to a stream that is closed."""
        self.join(_NEVER)
        answers.close()
        if self._listening.ident is not None:
            self._listening.join(_NEVER)

    def _ask(self, name: str, method: str, params: object, patience: float) -> bool:
        self._say({"jsonrpc": "2.0", "id": name, "method": method, "params": params})
        with self._news:
            return self._news.wait_for(lambda: name in self._answered, patience)

    def _say(self, message: object) -> None:
        body = json.dumps(message).encode()
        self._saying.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._saying.flush()

    def _let_judge(self) -> None:
        begin = time.monotonic()
        while time.monotonic() - begin < _ANSWER and not all(
            task.done() for task in list(self._server.waiting.values())
        ):
            time.sleep(0.001)

    def _listen(self) -> None:
        while line := self._hearing.readline():
            if line.startswith(b"Content-Length:"):
                size = int(line.partition(b":")[2])
                while self._hearing.readline().strip():
                    pass
                message = json.loads(self._hearing.read(size))
                with self._news:
                    self._answered.add(message.get("id") if isinstance(message.get("id"), str) else None)
                    self._news.notify_all()


class _Sender(_Client):
    """Sends bytes, and hangs up."""

    def __init__(self, server: Any, saying: IO[bytes], hearing: IO[bytes], data: bytes, folder: Path) -> None:
        super().__init__(server, saying, hearing, [], folder)
        self._data = data

    def run(self) -> None:
        self._listening.start()
        with suppress(OSError):  # the server has gone
            self.has_answer = self._ask("first", "initialize", self._greeting, _NEVER)
            self._saying.write(self._data)
            self._saying.close()


def _is_ending(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") in _ENDING


def _is_ours(error: BaseException) -> bool:
    """Whether an error comes from bn-lint, and not from a message that means nothing."""
    trace = error.__traceback__
    while trace is not None:
        if f"{os.sep}bn_lint{os.sep}" in trace.tb_frame.f_code.co_filename:
            return True
        trace = trace.tb_next
    return isinstance(error, Broken)


@contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    first, second = os.pipe()
    with os.fdopen(first, "rb") as reading, os.fdopen(second, "wb") as writing:
        yield reading, writing


@contextmanager
def _silence() -> Iterator[None]:
    """The server logs whatever it does not understand."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
