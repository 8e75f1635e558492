"""Turns that are run ahead of their time, in processes of their own.

A process has the modules and the marks as they are when it begins, and what its turn shows is taken as if an earlier
analysis had kept it (`turns/past.py`): where something decides that was otherwise by then, the turn is run once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from bn_lint.facts import Fact
from bn_lint.static.entry_points import EntryPoint, PlannedTurn
from bn_lint.static.schedule import Schedule
from bn_lint.static.turns.forks import Forks
from bn_lint.static.turns.keeper import Keeper
from bn_lint.static.turns.record import Turn


class TurnsAhead:
    """The turns that come next, each in a process of its own."""

    def __init__(
        self,
        processes: int,
        schedule: Schedule,
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
        self._keeper = keeper
        self._filesystem = schedule.project.filesystem
        self._key = key
        self._run = run
        self._reported = reported
        self._forks: Forks[PlannedTurn] = Forks(processes, self._shown)

    def prepare(self) -> None:
        """A turn is about to begin: what others have found out about it is taken, and the next ones are begun."""
        coming = self._schedule.coming
        if not coming or all(turn.first is None for turn in islice(coming, 1, None)):
            return  # of the last one nobody knows where it ends: what follows may go on in the same file
        if answer := self._forks.answer(coming[0], self._to_run()):
            shown = json.loads(answer)
            for kind, path in shown["asked"]:
                self._filesystem.ask(kind, path)
            self._filesystem.parsed.update(map(Path, shown["parsed"]))
            for turn in shown["turns"]:
                self._keeper.add(Turn.of_json(turn))

    def end(self) -> None:
        """No more turns are wanted."""
        self._forks.end()

    def _to_run(self) -> Iterator[PlannedTurn]:
        for turn in tuple(self._schedule.coming):
            first = turn.first
            if first is not None and not self._keeper.holds(self._key(first), turn.file):
                yield turn

    def _shown(self, turn: PlannedTurn) -> bytes:
        """What a turn shows, in the process that is its own."""
        asked, parsed = len(self._filesystem.asked), set(self._filesystem.parsed)
        self._keeper.forget()
        self._run(turn)
        shown = {
            "turns": [made.as_json for made in self._keeper.made(self._reported)],
            "asked": list(islice(self._filesystem.asked, asked, None)),
            "parsed": list(map(str, self._filesystem.parsed - parsed)),
        }
        return json.dumps(shown, separators=(",", ":")).encode()
