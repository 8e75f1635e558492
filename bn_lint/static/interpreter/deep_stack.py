"""Room for deep recursion: deeply nested code recurses deeply in the engine, in the rules' places, and in libcst."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Bytes, which are only reserved.
_STACK = 512 * 1024 * 1024
_RECURSION = 60_000
#: Slots of eight bytes, of which those are touched that are used.
_FRAME_SLOTS = 1_000_000


_LOCK = threading.Lock()


class _Limit:
    """The limit of recursion, which all threads share: it is put back when the last one needs it no more."""

    def __init__(self) -> None:
        self._users = self._before = 0

    def __enter__(self) -> None:
        with _LOCK:
            if not self._users:
                self._before = sys.getrecursionlimit()
                sys.setrecursionlimit(max(self._before, _RECURSION))
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with _LOCK:
            self._users -= 1
            if not self._users:
                sys.setrecursionlimit(self._before)


_LIMIT = _Limit()


def with_deep_stack(compute: Callable[[], T]) -> T:
    """Compute something on a stack of its own.

    Raises:
        Exception: whatever the computation raises.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def roomy(compute: Callable[[], T]) -> T:
        return compute()

    # CPython 3.11 and later keep the frames of Python functions in chunks of 16 KB, and map and unmap one each time the
    # depth of calls crosses its border (`push_chunk` in Python/pystate.c). A frame that claims a large stack is given a
    # chunk that holds all those above it, too.
    roomy.__code__ = roomy.__code__.replace(co_stacksize=_FRAME_SLOTS)

    def work() -> None:
        try:
            outcome.append(roomy(compute))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, name="bn-lint analysis", daemon=True)
    with _LIMIT:
        with _LOCK:
            size = threading.stack_size(_STACK)
            try:
                thread.start()
            finally:
                threading.stack_size(size)
        thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
