"""The turns of an earlier analysis, and which of them hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bn_lint.project.source import Source
from bn_lint.static.interpreter.values import Function
from bn_lint.static.syntax.parse import ParseError
from bn_lint.static.turns.addresses import ProjectAddresses
from bn_lint.static.turns.changes import Changes, changes
from bn_lint.static.turns.image import Image
from bn_lint.static.turns.kept import KeptTurns, digest, said
from bn_lint.static.turns.outline import Outline
from bn_lint.static.turns.record import GivenUp, Turn

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import SourceFile


class Past:
    """What is kept of an analysis of the same files."""

    def __init__(
        self, kept: KeptTurns | None, interpreter: Interpreter, addresses: ProjectAddresses, sources: Sequence[Source]
    ) -> None:
        self._kept = kept
        self._interpreter = interpreter
        self._project = interpreter.project
        self._addresses = addresses
        self._sources = sources
        self._changes: dict[str, Changes] = {}
        self._known_executed: set[str] = set()
        self._count_executed = 0
        #: What texts say to who does not look at their code, by the digests of the texts.
        self.said: dict[str, str] = {}
        #: The image of the modules, if it holds.
        self.image: Image | None = None
        #: What was kept of single files whose texts are the same.
        self.by_file: dict[str, Any] = {}
        self._turns = self._recall()

    def take(self, key: str, used: Sequence[str]) -> Turn | None:
        """The next turn that begins with an entry point, if it holds.

        Args:
            used: The functions and classes of its file that have been called or made objects of.
        """
        turn = self._next(key, used)
        if key in self._turns:
            del self._turns[key][:1]
        return turn

    def has(self, key: str, used: Sequence[str]) -> bool:
        """Whether there is such a turn, as far as can be told now."""
        return self._next(key, used) is not None

    def add(self, turn: Turn) -> None:
        """A turn that was run meanwhile is the next that begins with its first entry point."""
        self._turns.setdefault(turn.entries[0], []).insert(0, turn)

    def _next(self, key: str, used: Sequence[str]) -> Turn | None:
        turn = next(iter(self._turns.get(key, ())), None)
        return turn if turn is not None and turn.used == used and self._holds(turn) else None

    def _recall(self) -> dict[str, list[Turn]]:
        """What is kept of these files, by the first entry point of each turn; nothing where it may not hold."""
        text = None if self._kept is None else self._kept.turns(paths(self._sources))
        try:
            data = {} if text is None else json.loads(text)
            past: dict[str, list[Turn]] = {}
            if data:
                texts = {str(source.path): digest(source.text) for source in self._sources}
                own = {path: digested for path, (digested, *_) in data["files"].items()}
                by_file = data["by file"].items()
                self.by_file = {path: one for path, one in by_file if texts.get(path, "") == own.get(path)}
            if not data or not self._is_comparable(data["files"]) or not self._same_answers(data["asked"]):
                return {}
            if data["image"] is not None:
                image = Image.of_json(data["image"])
                self.image = image if image.holds(self._changes) else None
            for one in data["turns"]:
                turn = Turn.of_json(one)
                past.setdefault(turn.entries[0], []).append(turn)
            return past
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
            return {}

    def _is_comparable(self, files: dict[str, list[str]]) -> bool:
        """Work out what has changed in the files; whether that tells what holds."""
        if files.keys() != set(paths(self._sources)):
            return False
        self.said = {digested: known for digested, known, _ in files.values()}
        for source in self._sources:
            digested, known, name = files[str(source.path)]
            if digested == digest(source.text):
                continue
            if known != said(source.text):
                return False
            if not name:
                continue  # nobody has looked at its code
            old = None if self._kept is None else self._kept.named(name)
            new = self._tree(source.path)
            if old is None or new is None:
                return False
            self._changes[str(source.path)] = changes(Outline(old), self._addresses.outline(new))
        return True

    def _tree(self, path: Path) -> SourceFile | None:
        file = self._project.file(path)
        try:
            return file if file is not None and file.reading.error is None else None
        except ParseError:
            return None

    def _same_answers(self, asked: Iterable[Sequence[Any]]) -> bool:
        return all(self._project.filesystem.ask(str(kind), str(path)) == answer for kind, path, answer in asked)

    def _holds(self, turn: Turn) -> bool:
        """Whether nothing has changed that a turn has read."""
        for path, changed in self._changes.items():
            if not changed.within.isdisjoint(turn.definitions.get(path, ())):
                return False
            if changed.is_top_changed and path in turn.modules:
                return False
            if any(where == path and name in changed.own for where, name in turn.touched):
                return False
            if not changed.called.isdisjoint(turn.call_sites):
                return False
        if turn.reached_out != reached_out(self._interpreter):
            return False
        if not set(turn.needed) <= {*turn.executed, *self._executed()}:
            return False
        if turn.concerning(given_up(self._interpreter, self._addresses)) != turn.given_up:
            return False
        return all(self._is_called(path, name) is answer for path, name, answer in turn.asked)

    def _executed(self) -> set[str]:
        """The files of the modules that have been executed so far."""
        every = self._interpreter.reads.executed
        self._known_executed.update(map(str, every[self._count_executed :]))
        self._count_executed = len(every)
        return self._known_executed

    def _is_called(self, path: str, name: str) -> bool | None:
        file = self._project.file(Path(path))
        node = None if file is None else self._addresses.outline(file).definitions.get(name)
        found = None if node is None else self._addresses.definition(node)
        return found.called if isinstance(found, Function) else None


def given_up(interpreter: Interpreter, addresses: ProjectAddresses) -> GivenUp:
    """How often calls of functions took too long, and whether they may concern BatchNorm."""
    reads, count, concerned = interpreter.reads, interpreter.aborted, interpreter.concerned
    found = (
        (str(file.path), addresses.name(file, node) or "", count[node], concerned.get(node))
        for node, file in reads.given_up_in.items()
    )
    return sorted(found, key=lambda one: one[:2])


def reached_out(interpreter: Interpreter) -> str:
    """Stands for the modules that have changed what is not their own, in order."""
    return digest("\n".join(map(str, interpreter.reads.reached_out)))


def paths(sources: Iterable[Source]) -> list[str]:
    """The files that an analysis is about."""
    return sorted(str(source.path) for source in sources)
