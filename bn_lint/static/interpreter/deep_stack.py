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

    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK)
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        thread = threading.Thread(target=work, name="bn-lint analysis", daemon=True)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if failure:
        raise failure[0]
    return outcome[0]
