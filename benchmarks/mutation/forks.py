"""Runs functions in forks of this process, a few at a time, each with a time limit."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

T = TypeVar("T")


def forked(tasks: Sequence[Callable[[], T]], *, jobs: int, limit: float) -> Iterator[T | None]:
    """Yields the results in the order of the tasks; None for one that died or took longer than `limit` seconds.

    Later tasks run while the caller looks at a result; those are ended when the caller stops listening.
    """
    context = multiprocessing.get_context("fork")
    done: dict[int, T | None] = {}
    running: dict[Connection, tuple[int, Any, float]] = {}
    started = 0
    try:
        for wanted in range(len(tasks)):
            while wanted not in done:
                while len(running) < jobs and started < len(tasks):
                    receiver, sender = context.Pipe(duplex=False)
                    process = context.Process(target=_work, args=(tasks[started], sender))
                    process.start()
                    sender.close()
                    running[receiver] = (started, process, time.monotonic() + limit)
                    started += 1
                _collect(running, done)
            yield done.pop(wanted)
    finally:
        for receiver in list(running):
            _end(running, receiver)


def _collect(running: dict[Connection, tuple[int, Any, float]], done: dict[int, Any]) -> None:
    first = min(deadline for _, _, deadline in running.values())
    ready = wait(list(running), timeout=max(0.0, first - time.monotonic()))
    for receiver in list(running):
        number, _, deadline = running[receiver]
        if receiver in ready:
            try:
                done[number] = receiver.recv()
            except EOFError:
                done[number] = None
            _end(running, receiver)
        elif deadline <= time.monotonic():
            done[number] = None
            _end(running, receiver)


def _end(running: dict[Connection, tuple[int, Any, float]], receiver: Connection) -> None:
    _, process, _ = running.pop(receiver)
    receiver.close()
    process.kill()
    process.join()


def _work(task: Callable[[], Any], sender: Connection) -> None:
    # What a library prints is no part of the result.
    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    sender.send(task())
    sender.close()
