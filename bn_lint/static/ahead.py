"""Turns that are run ahead of their time, in processes of their own.

A process has the modules and the marks as they are when it begins, and what its turn shows is taken as if an earlier
analysis had kept it (`turns/past.py`): where something decides that was otherwise by then, the turn is run once more.

Some modules change objects of others when they are executed, and all turns that follow find them so. A process tells of
that at once. Then its turn is left to be run where it counts, and those behind it are begun when that is over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bn_lint.facts import Fact
from bn_lint.forks import Forks, Tell
from bn_lint.static.entry_points import EntryPoint, PlannedTurn
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.schedule import Schedule
from bn_lint.static.turns.keeper import Keeper
from bn_lint.static.turns.record import Turn


class TurnsAhead:
    """The turns that come next, each in a process of its own."""

    def __init__(
        self,
        processes: int,
        schedule: Schedule,
        interpreter: Interpreter,
        keeper: Keeper,
        key: Callable[[EntryPoint], str],
        run: Callable[[PlannedTurn], None],
        reported: Callable[[Fact], bool],
    ) -> None:
        """Set up.

        Args:
            processes: How many turns are run at a time.
            key: What stands for an entry point where turns are kept.
            run: Runs the entry points of a turn.
            reported: Whether a rule reports a fact: what shows it is run here, where the fact is completed.
        """
        self._schedule = schedule
        self._interpreter = interpreter
        self._keeper = keeper
        self._key = key
        self._run = run
        self._reported = reported
        self._filesystem = schedule.project.filesystem
        self._forks: Forks[PlannedTurn] = Forks(processes, self._show, self._hear)
        #: What turns have shown.
        self._shown: dict[PlannedTurn, dict[str, Any]] = {}
        #: Turns that need not be run in other processes, and those that execute modules which all turns depend on.
        self._left_out: set[PlannedTurn] = set()
        self._reaching_out: set[PlannedTurn] = set()

    def prepare(self) -> None:
        """A turn is about to begin: what its process has found out is taken, and the next ones are begun."""
        turn = self._schedule.planned
        if turn is None:
            return
        self._forks.wait(turn, self._to_run)
        if turn in self._shown:
            self._take(self._shown.pop(turn))

    def close(self) -> None:
        """No more turns are wanted."""
        self._forks.end()

    def _to_run(self) -> Iterator[PlannedTurn]:
        """The turns to begin next, up to one that executes modules which those behind it depend on."""
        for turn in tuple(self._schedule.coming):
            if turn in self._reaching_out:
                return
            if not self._forks.is_begun(turn) and turn not in self._left_out:
                if turn.first is None or self._holds(turn):
                    self._left_out.add(turn)
                else:
                    yield turn

    def _holds(self, turn: PlannedTurn) -> bool:
        first = turn.first
        return first is not None and self._keeper.holds(self._key(first), turn.file, turn.definitions)

    def _hear(self, turn: PlannedTurn, line: bytes) -> None:
        told = json.loads(line)
        if "turns" in told:
            self._shown[turn] = told
            return
        self._reaching_out.add(turn)
        coming = list(self._schedule.coming)
        late = {turn, *(coming[coming.index(turn) :] if turn in coming else ())}
        self._forks.end(late.__contains__)
        self._shown = {one: shown for one, shown in self._shown.items() if one not in late}

    def _take(self, shown: dict[str, Any]) -> None:
        for kind, path in shown["asked"]:
            self._filesystem.ask(kind, path)
        self._filesystem.parsed.update(map(Path, shown["parsed"]))
        for one in shown["turns"]:
            self._keeper.add(Turn.of_json(one))

    def _show(self, turn: PlannedTurn, tell: Tell) -> None:
        """Run a turn, in the process that is its own."""
        reads = self._interpreter.reads
        asked, parsed = len(self._filesystem.asked), set(self._filesystem.parsed)
        reads.told = lambda: tell(_line({"reaches out": True}))
        self._keeper.forget()
        self._run(turn)
        shown = {
            "turns": [made.as_json for made in self._keeper.made(self._reported)],
            "asked": list(islice(self._filesystem.asked, asked, None)),
            "parsed": list(map(str, self._filesystem.parsed - parsed)),
        }
        tell(_line(shown))


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()
