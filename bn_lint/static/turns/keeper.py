"""Keeps what turns have shown, and shows it again as long as nothing has changed that they have read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.facts import Fact, Outdated
from bn_lint.project.source import Source
from bn_lint.static.interpreter.budget import BudgetExhausted
from bn_lint.static.interpreter.imports import import_module, module_at
from bn_lint.static.interpreter.values import Class, Function
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.turns.addresses import ProjectAddresses
from bn_lint.static.turns.by_file import KeptByFile
from bn_lint.static.turns.encoding import NotKept
from bn_lint.static.turns.image import Effort, Image, restore, take
from bn_lint.static.turns.kept import KeptTurns, digest, said
from bn_lint.static.turns.live import LiveTurn
from bn_lint.static.turns.past import Past, given_up, paths, reached_out
from bn_lint.static.turns.record import Entry, GivenUp, Turn, filled, outlined

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import SourceFile
    from bn_lint.static.training.facts_from_layers import FactCollector


@dataclass
class _Marks:
    """How much there was when an entry point began."""

    branches: int
    files: int
    executed: int
    called: set[Function]
    instantiated: set[Class]


class Keeper:
    """The turns of one analysis: those of an earlier one that hold, and those that are run."""

    def __init__(
        self,
        kept: KeptTurns | None,
        interpreter: Interpreter,
        collector: FactCollector,
        sources: Sequence[Source],
        *,
        repeats: bool = True,
    ) -> None:
        """Set up.

        Args:
            kept: Where turns are kept for the next analysis; None keeps them for this one alone.
            sources: The files of the analysis, judged or not.
            repeats: Use what an earlier analysis has kept.
        """
        self._kept = kept
        self._interpreter = interpreter
        self._collector = collector
        self._project = interpreter.project
        self._sources = sources
        self._addresses = ProjectAddresses(self._project, collector)
        self._past = Past(kept, interpreter, self._addresses, sources) if repeats else None
        #: What files show by themselves.
        self.by_file = KeptByFile(self._addresses, self._past.by_file if self._past is not None else None)
        #: The image of the modules of this analysis, and what their top levels took.
        self._image: Image | None = None
        self._efforts: dict[str, Effort] = {}
        #: The turns so far: those that were shown again, and those that were run.
        self._turns: list[Turn | LiveTurn] = []
        self._live: LiveTurn | None = None
        self._before = _Marks(0, 0, 0, set(), set())
        #: How many notes of the turn are those of entry points that are over.
        self._noted = 0
        #: Of the turn that is shown again: the entry points to come.
        self._ahead: list[Entry] | None = None
        self._filled = False
        #: Entry points that were shown again.
        self.repeated = 0

    # -- the top levels of modules --------------------------------------------------------------------------------

    def restore(self, run: Sequence[SourceFile]) -> list[SourceFile] | None:
        """Put modules back as their top levels left them in an earlier analysis; None if that could not be done.

        Args:
            run: The files of which the top levels are run before anything else is, in order.

        Returns:
            The files of which the top levels were run behind these.

        Raises:
            Outdated: it was begun, and failed.
        """
        image = None if self._past is None else self._past.image
        count = len(run)
        if self._kept is None or image is None or image.run[:count] != [str(file.path) for file in run]:
            return None
        text = self._kept.image(image.name)
        if text is None:
            return None
        try:
            self._efforts = restore(text, self._interpreter, self._collector, self._addresses)
            if self._efforts.keys() != set(image.run):
                raise NotKept("other files")
        except NotKept as error:
            raise Outdated("modules cannot be put back") from error
        self._image = image
        return list(filter(None, (self._project.file(Path(path)) for path in image.run[count:])))

    def effort(self, file: SourceFile) -> Effort:
        """What the top level of a file took, where modules were put back."""
        return self._efforts[str(file.path)]

    def modules_are_run(self, efforts: Mapping[str, Effort]) -> None:
        """The top levels have run of all files that are run for their own sake, without showing anything.

        Args:
            efforts: What they took.
        """
        if self._image is None and self._kept is not None:
            taken = take(self._interpreter, self._collector, self._addresses, efforts)
            if taken is not None:
                image, text = taken
                self._image = replace(image, name=self._kept.keep_image(text))

    # -- while entry points run -----------------------------------------------------------------------------------

    def begin(self, key: str, file: SourceFile, definitions: Iterable[Class | Function] | None = None) -> bool:
        """A turn begins with an entry point of a file; whether what is kept of it holds.

        Args:
            definitions: Of which functions and classes it may have entry points; None for all of the file.
        """
        self.end()
        used = self._used(file, definitions)
        turn = None if self._past is None else self._past.take(key, used)
        if turn is not None:
            try:
                self._ahead = outlined(turn.body)
                self._filled = False
                self._turns.append(turn)
                return True
            except NotKept:
                self._ahead = None
        self._noted = 0
        reads = self._interpreter.reads
        before = given_up(self._interpreter, self._addresses)
        self._live = LiveTurn(reads.own, reached_out(self._interpreter), before, used)
        self._turns.append(self._live)
        return False

    def _used(self, file: SourceFile, definitions: Iterable[Class | Function] | None) -> list[str]:
        """The functions and classes of a file that have been called or made objects of: they are no entry points."""
        if definitions is None:
            functions = (one for one in self._collector.functions if one.file is file)
            definitions = [*functions, *(one for one in self._collector.classes if one.file is file)]
        used = {one.node for one in definitions if (one.called if isinstance(one, Function) else one.instantiated)}
        return sorted(filter(None, (self._addresses.name(file, node) for node in used)))

    # -- turns that are run elsewhere -------------------------------------------------------------------------------

    def holds(self, key: str, file: SourceFile, definitions: Iterable[Class | Function] | None) -> bool:
        """Whether the turn that begins with an entry point, of some definitions of a file, would hold now."""
        return self._past is not None and self._past.has(key, self._used(file, definitions))

    def forget(self) -> None:
        """Let all turns be run from here on."""
        self._past, self._turns = None, []

    def made(self, reported: Callable[[Fact], bool]) -> list[Turn]:
        """The turns that were run and can be kept.

        Args:
            reported: Whether a rule reports a fact, which is completed from a draft.
        """
        turns = [
            turn.kept(self._interpreter, self._addresses, dict(enumerate(self._collector.drafts)), reported)
            for turn in self._turns
            if isinstance(turn, LiveTurn)
        ]
        return [turn for turn in turns if turn is not None]

    def add(self, turn: Turn) -> None:
        """What was run elsewhere stands for a turn that is to come, if it holds then."""
        if self._past is not None:
            self._past.add(turn)

    # -- while entry points run -------------------------------------------------------------------------------------

    def key(self, file: SourceFile, node: cst.CSTNode | None, manner: str) -> str:
        """What stands for an entry point, in this analysis and in others."""
        name = "" if node is None else self._addresses.outline(file).name(node)
        return f"{file.display} {name} {manner}"

    def end(self) -> None:
        """The turn is over, and what all of its entry points have shown together is noted.

        Raises:
            Outdated: there are fewer entry points than were kept.
        """
        if self._ahead:
            raise Outdated("fewer entry points than before")
        if self._live is not None and self._live.entries:
            last = self._live.entries[-1]
            last.notes = [*last.notes, *self._collector.notes.written[self._noted :]]
            self._live.given_up_then = given_up(self._interpreter, self._addresses)
        elif self._ahead is not None and self._filled:
            turn = self._turns[-1]
            assert isinstance(turn, Turn)
            self._give_up(turn.given_up_then)
        self._live, self._ahead = None, None

    def given_up(self) -> None:
        """Too much is left out for anything to be kept.

        Raises:
            Outdated: something was shown again, and would perhaps not be.
        """
        if self.repeated:
            raise Outdated("not everything is run")

    def next(self, key: str, *, is_run: bool) -> Entry | None:
        """What is kept of an entry point; None if the turn is run.

        Args:
            is_run: It is run in any case.

        Raises:
            Outdated: what was kept is of another one.
        """
        if self._ahead is None:
            return None
        if not self._ahead or self._ahead[0].key != key:
            raise Outdated("other entry points than before")
        if not is_run and not self._filled:
            self._fill(self._ahead)
        entry = self._ahead.pop(0)
        self.repeated += not is_run
        return None if is_run else entry

    def _fill(self, entries: Sequence[Entry]) -> None:
        """Read what is kept of a turn, once the modules are there that it was the first to run."""
        turn = self._turns[-1]
        assert isinstance(turn, Turn)
        self._interpreter.start()  # modules are run on the state that an entry point finds
        try:
            for entry in entries:
                for path in entry.loaded:
                    self._project.file(Path(path))
                for path in entry.executed:
                    scope = module_at(self._interpreter, Path(path))
                    if scope is not None:
                        import_module(self._interpreter, scope)
            filled(entries, turn.body, self._addresses, self._collector.draft)
        except (NotKept, BudgetExhausted) as error:
            raise Outdated("what is kept cannot be used") from error
        self._filled = True

    def repeat(self, entry: Entry) -> None:
        """Leave behind what an entry point has left behind."""
        interpreter, notes = self._interpreter, self._collector.notes
        notes.branches += entry.branches
        for note in entry.notes:
            notes.write(note)
        self._collector.settle()
        for ref in (*entry.called, *entry.instantiated):
            found = self._addresses.definition(ref.node)
            if isinstance(found, Function):
                interpreter.reads.calls(found)
            elif isinstance(found, Class):
                interpreter.reads.makes(found)

    def entry_begins(self) -> None:
        """An entry point is about to be run."""
        reads = self._interpreter.reads
        self._before = _Marks(
            len(self._interpreter.branches),
            len(self._project.files),
            len(reads.executed),
            set(reads.own.called),
            set(reads.own.instantiated),
        )

    def note(self, entry: Entry, *, is_whole: bool, defines: bool, is_apart: bool) -> None:
        """Note what an entry point has done that was run.

        Args:
            entry: How long it took, the calls of models, and what it asks of a command line.
            is_whole: It was not ended by a defect, and nothing about it must be told each time.
            defines: It is run each time.
            is_apart: Nobody else has called its functions, or made objects of its classes.
        """
        live, before = self._live, self._before
        if live is None:
            return
        interpreter, written = self._interpreter, self._collector.notes.written
        read = interpreter.reads.own
        if not defines:
            entry.branches = len(interpreter.branches) - before.branches
            entry.loaded = list(map(str, islice(self._project.files, before.files, None)))
            entry.called = () if is_apart else self._refs(read.called - before.called)
            entry.instantiated = () if is_apart else self._refs(read.instantiated - before.instantiated)
            entry.notes = written[self._noted :]
            entry.executed = list(map(str, interpreter.reads.executed[before.executed :]))
            live.shows_something = True
        live.executed += map(str, interpreter.reads.executed[before.executed :])
        self._noted = len(written)
        live.executed_by_then = len(interpreter.reads.executed)
        live.entries.append(entry)
        live.can_be_kept &= is_whole

    def _give_up(self, given_up: GivenUp) -> None:
        """Let calls have taken too long."""
        for path, name, count, concerned in given_up:
            file = self._project.file(Path(path))
            node = None if file is None else self._addresses.outline(file).definitions.get(name)
            if file is None or node is None:
                raise Outdated("what is kept is of another file")
            self._interpreter.aborted[node] = count
            self._interpreter.reads.given_up_in[node] = file
            if concerned is not None:
                self._interpreter.concerned[node] = concerned

    def _refs(self, definitions: Iterable[Class | Function]) -> list[NodeRef]:
        """Where functions and classes are defined, in the order of their files."""
        named = (one for one in definitions if self._addresses.outline(one.file).name(one.node) is not None)
        return sorted((NodeRef(one.file, one.node) for one in named), key=lambda ref: str(ref.file.path))

    # -- what is kept -----------------------------------------------------------------------------------------------

    def keep(self, drafts: Iterable[int]) -> None:
        """Keep all turns that can be kept for the next analysis.

        Args:
            drafts: The numbers of what facts were completed from.
        """
        every = list(self._collector.drafts)
        used = {number: every[number] for number in drafts}
        if self._kept is None:
            return
        turns = [
            turn if isinstance(turn, Turn) else turn.kept(self._interpreter, self._addresses, used, lambda fact: True)
            for turn in self._turns
        ]
        parsed = self._project.filesystem.parsed
        files = {
            str(source.path): [
                digested := digest(source.text),
                (self._past.said.get(digested) if self._past else None) or said(source.text),
                self._kept.name(source.text) if source.path in parsed else "",
            ]
            for source in self._sources
        }
        # What has changed in a given file is told from its code, also in context that was read from the disk.
        answers = self._project.filesystem.asked.items()
        asked = [[kind, path, answer] for (kind, path), answer in answers if kind != "content" or path not in files]
        data = {
            "files": files,
            "asked": asked,
            "turns": [turn.as_json for turn in turns if turn is not None],
            "by file": self.by_file.as_json,
            "image": None if self._image is None else self._image.as_json,
        }
        self._kept.keep_turns(paths(self._sources), json.dumps(data, separators=(",", ":")))
