"""Turns that are run ahead of their time, in processes of their own.

A process has the modules and the marks as they are when it begins, and what its turn shows is taken as if an earlier
analysis had kept it (`turns/past.py`): where something decides that was otherwise by then, the turn is run once more.

Some modules change objects of others when they are executed, and all turns that follow find them so. A process tells of
that at once. Then the turns that come after its own are begun again, with these modules executed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bn_lint.facts import Fact, Outdated
from bn_lint.static.entry_points import EntryPoint, PlannedTurn
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.schedule import Schedule
from bn_lint.static.turns.forks import Forks, Tell
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
        #: What turns have shown, and the modules that they have executed up to the last one that all turns depend on.
        self._shown: dict[PlannedTurn, dict[str, Any]] = {}
        self._executed: dict[PlannedTurn, list[str]] = {}
        #: Turns of which it is known that they are not run in other processes.
        self._left_out: set[PlannedTurn] = set()

    def prepare(self) -> None:
        """A turn is about to begin: what its process has found out is taken, and the next ones are begun.

        Raises:
            Outdated: modules were executed for a turn that cannot be shown.
        """
        turn = self._schedule.planned
        if turn is None:
            return
        self._execute(turn)
        self._forks.wait(turn, self._to_run)
        if turn in self._shown:
            self._take(self._shown.pop(turn))
        if self._keeper.early and not self._holds(turn):
            raise Outdated("modules were executed too early")

    def close(self) -> None:
        """No more turns are wanted."""
        self._forks.end()

    def _to_run(self) -> Iterator[PlannedTurn]:
        """The turns to begin next, up to one that has executed modules that those behind it depend on."""
        for turn in tuple(self._schedule.coming):
            if not self._forks.is_begun(turn) and turn not in self._left_out:
                if turn.first is None or self._holds(turn):
                    self._left_out.add(turn)
                else:
                    yield turn
            if turn in self._executed:
                return

    def _holds(self, turn: PlannedTurn) -> bool:
        first = turn.first
        return first is not None and self._keeper.holds(self._key(first), turn.file, turn.definitions)

    def _hear(self, turn: PlannedTurn, line: bytes) -> None:
        told = json.loads(line)
        if "turns" in told:
            self._shown[turn] = told
            return
        self._executed[turn] = told["executed"]
        coming = list(self._schedule.coming)
        if turn not in coming:
            return
        behind = set(coming[coming.index(turn) + 1 :])
        self._forks.end(behind.__contains__)
        for known in (self._shown, self._executed):
            for one in behind.intersection(known):
                del known[one]
        if turn is coming[0]:
            self._execute(turn)

    def _execute(self, turn: PlannedTurn) -> None:
        """Execute the modules that the current turn has executed, and that the others depend on."""
        executed = self._executed.pop(turn, None)
        if executed is not None:
            self._keeper.execute_early(executed)

    def _take(self, shown: dict[str, Any]) -> None:
        for kind, path in shown["asked"]:
            self._filesystem.ask(kind, path)
        self._filesystem.parsed.update(map(Path, shown["parsed"]))
        for one in shown["turns"]:
            self._keeper.add(Turn.of_json(one))

    def _show(self, turn: PlannedTurn, tell: Tell) -> None:
        """Run a turn, in the process that is its own."""
        reads = self._interpreter.reads
        asked, parsed, executed = len(self._filesystem.asked), set(self._filesystem.parsed), len(reads.executed)

        def reached_out() -> None:
            tell(_line({"executed": list(map(str, reads.executed[executed:]))}))

        reads.told = reached_out
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
