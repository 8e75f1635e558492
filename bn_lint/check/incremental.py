"""Judging files, except those whose results are known from an earlier run.

The entry of a *run* names the units into which the given files fall, that of a *unit* holds its outcome. Each is found
by the contents of the given files that it is about, and holds what was asked of the disk besides: files that were read
for context, and files that were looked for, whether or not they were there.

Where no run had these contents, the last one over the same files may tell as much (`past_run.py`): it is found by the
paths alone, and the texts that it was about are entries, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bn_lint.check.cache import Cache
from bn_lint.check.outcome import Outcome, decode, encode
from bn_lint.check.past_run import PastRun, modules_named, moved
from bn_lint.check.registry import RuleSet
from bn_lint.errors import SourceError
from bn_lint.project.config import Settings
from bn_lint.project.discovery import File
from bn_lint.project.filesystem import Answer, FileSystem, Question, RecordingFileSystem, digest
from bn_lint.project.partition import Unit, divide
from bn_lint.project.paths import absolute, display_path
from bn_lint.project.revision import Revision
from bn_lint.project.source import Source, from_bytes
from bn_lint.rule import Thresholds

#: Told how many of the units that must be judged are judged.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Edited:
    """What is known of the last run over the same files, some of which were edited since.

    Attributes:
        asked: What was asked of the disk to find the units.
        digests: Of all files, as they are now, by their stored paths.
        given: The files of the units in which something has changed.
        texts: Of the edited files: the old and the new one.
    """

    last: PastRun
    asked: Mapping[Question, Answer]
    digests: Mapping[str, str]
    given: Mapping[str, Source]
    texts: Mapping[str, tuple[str, str]]


class IncrementalChecker:
    """Brings the outcomes for the files of one run."""

    def __init__(
        self,
        settings: Mapping[str, Settings],
        rules: RuleSet,
        cache: Cache | None = None,
        jobs: int | None = 0,
        progress: Progress | None = None,
        *,
        coverage: bool = False,
        texts: Mapping[str, bytes] | None = None,
        copies: bool = False,
    ) -> None:
        """Set up.

        Args:
            settings: Of each given file, by its displayed path.
            texts: What stands for the contents of files on the disk: by their absolute paths.
            cache: Where outcomes are kept; None judges everything.
            jobs: How many processes to use; None lets the amount of work decide, and 0 is this one, without limits.
            coverage: Whether the outcomes are to say which layers were not judged.
            copies: Whether processes may be copies of this one.
        """
        self._thresholds = {path: Thresholds(each.min_batch_size) for path, each in settings.items()}
        self._rules = rules
        self._cache = cache
        self._jobs = jobs
        self._coverage = coverage
        self._copies = copies
        self._progress = progress or (lambda done, total: None)
        self._texts = texts or {}
        self._disk = FileSystem(texts)

    def outcomes(
        self, sources: Sequence[Source], others: Sequence[tuple[File, bytes]], wanted: Collection[Path] | None = None
    ) -> list[Outcome]:
        """The outcomes of all units, in the order of the first file of each.

        Args:
            sources: The files that deserve judging.
            others: The other given files, as bytes.
            wanted: Units without one of these files are left out; None wants all.
        """
        known = self._recall_run(sources, others, wanted)
        edited = None if known is not None else self._edited(sources, others, wanted)
        if edited is not None:
            known = self._recall_revised(edited, sources, others, wanted)
        if known is not None:
            return known
        units, asked = self._units(edited, sources, others, wanted)
        found: dict[int, Outcome] = {}
        keys = {}
        for index, unit in enumerate(units):
            if self._cache is not None:
                keys[index] = self._unit_key(self._cache, unit)
                outcome = self._recall_unit(self._cache, keys[index])
                if outcome is not None:
                    found[index] = outcome
        judged = {index: unit for index, unit in enumerate(units) if index not in found}
        self._judge(judged, keys, found)
        if self._cache is not None:
            cache = self._cache

            def paths(files: Sequence[Source]) -> list[str]:
                return [cache.stored_path(str(each.path)) for each in files]

            members = [(keys[index], paths(unit.sources), paths(unit.context)) for index, unit in enumerate(units)]
            run = PastRun(self._digests(cache, sources, others), members, modules_named(asked))
            texts = [source for index, unit in enumerate(units) if index in judged for source in unit.files]
            self._store_run(cache, run, texts, sources, others, wanted, asked)
        return [found[index] for index in range(len(units))]

    def _judge(self, units: Mapping[int, Unit], keys: Mapping[int, str], found: dict[int, Outcome]) -> None:
        if not units:
            return
        from bn_lint.check.tasks import Task
        from bn_lint.check.workers import judge_all, processes, readers, spread

        numbers = list(units)
        kept = None if self._cache is None else self._cache.kept_work()
        tasks = [
            Task(unit, self._thresholds_of(unit), self._rules, self._coverage, self._texts, kept)
            for unit in units.values()
        ]
        tasks = spread(tasks, self._jobs)
        self._progress(0, len(tasks))
        jobs, reading = processes(tasks, self._jobs), readers(tasks, self._jobs)
        answers = judge_all(tasks, jobs, self._disk, reading, copies=self._copies)
        for done, (number, judged) in enumerate(answers, 1):
            index = numbers[number]
            outcome = found[index] = judged.outcome
            # A defect is judged again each time, so that whoever looks for it meets it.
            if self._cache is not None and not any(problem.internal for problem in outcome.problems):
                parsed = sorted(self._cache.stored_path(str(path)) for path in judged.parsed)
                self._cache.store(keys[index], {**encode(outcome, self._stored), "parsed": parsed}, judged.asked)
            self._progress(done, len(tasks))

    def _thresholds_of(self, unit: Unit) -> dict[str, Thresholds]:
        return {source.display: self._thresholds[source.display] for source in unit.files}

    # -- entries ----------------------------------------------------------------------------------------------------

    def _recall_run(
        self, sources: Sequence[Source], others: Sequence[tuple[File, bytes]], wanted: Collection[Path] | None
    ) -> list[Outcome] | None:
        cache = self._cache
        if cache is None or not cache.folder.is_dir():
            return None
        key = self._run_key(cache, sources, others, wanted)
        run = _past_run(cache.recall(key, self._disk))
        if run is None:
            return None
        found = []
        for unit, _, _ in run.units:
            outcome = self._recall_unit(cache, unit)
            if outcome is None:
                return None
            found.append(outcome)
        self._note_last(cache, key, self._files_key(cache, sources, others, wanted))
        return found

    def _recall_unit(self, cache: Cache, key: str) -> Outcome | None:
        entry = cache.recall(key, self._disk)
        try:
            return None if entry is None else decode(entry, lambda path: self._displayed(cache, path))
        except (KeyError, IndexError, TypeError, ValueError):
            return None

    def _edited(
        self, sources: Sequence[Source], others: Sequence[tuple[File, bytes]], wanted: Collection[Path] | None
    ) -> _Edited | None:
        """What has changed since the last run over these files, if files fall into the same units."""
        cache = self._cache
        if cache is None or not cache.folder.is_dir():
            return None
        pointer = cache.recall(self._files_key(cache, sources, others, wanted), self._disk)
        entry = None if pointer is None else cache.recall(str(pointer.get("run")), self._disk)
        last = _past_run(entry)
        if entry is None or last is None:
            return None
        digests = self._digests(cache, sources, others)
        changed = {path for path in digests if digests[path] != last.digests.get(path)}
        in_units = changed.union(
            *([*own, *context] for _, own, context in last.units if not changed.isdisjoint((*own, *context)))
        )
        needed = [(file, data) for file, data in others if cache.stored_path(file.name) in in_units]
        given = {cache.stored_path(str(each.path)): each for each in (*sources, *_decoded(needed))}
        before = {path: self._text(cache, last.digests.get(path, "")) for path in changed}
        if any(before[path] is None or path not in given or path.endswith(".ipynb") for path in changed):
            return None
        texts = {path: (str(before[path]), given[path].text) for path in changed}
        if not last.connects_alike(texts):
            return None
        return _Edited(last, self._asked_again(cache, entry), digests, given, texts)

    def _units(
        self,
        edited: _Edited | None,
        sources: Sequence[Source],
        others: Sequence[tuple[File, bytes]],
        wanted: Collection[Path] | None,
    ) -> tuple[list[Unit], Mapping[Question, Answer]]:
        """The units into which the files fall, and what was asked of the disk to find that out."""
        decoded = list(_decoded(others))
        if edited is not None and self._cache is not None:
            given = {self._cache.stored_path(str(each.path)): each for each in (*sources, *decoded)}
            if all(given.keys() >= {*own, *context} for _, own, context in edited.last.units):
                members = [
                    (map(given.__getitem__, own), map(given.__getitem__, context))
                    for _, own, context in edited.last.units
                ]
                return [Unit(tuple(own), tuple(context)) for own, context in members], edited.asked
        filesystem = RecordingFileSystem(self._disk)
        units = divide(sources, decoded, filesystem)
        if wanted is not None:
            units = [unit for unit in units if any(source.path in wanted for source in unit.files)]
        return units, filesystem.asked

    def _recall_revised(
        self,
        edited: _Edited,
        sources: Sequence[Source],
        others: Sequence[tuple[File, bytes]],
        wanted: Collection[Path] | None,
    ) -> list[Outcome] | None:
        """The outcomes of the last run, if the code of all files is the same; they are kept under the new contents."""
        cache, last, given, changed = self._cache, edited.last, edited.given, edited.texts.keys()
        assert cache is not None
        revisions = last.revisions(edited.texts, [source.text for source in sources])
        if revisions is None:
            return None
        found, units = [], []
        for key_before, own, context in last.units:
            key = key_before
            if changed.isdisjoint((*own, *context)):
                outcome = self._recall_unit(cache, key)
            elif given.keys() >= {*own, *context}:
                key = self._unit_key(
                    cache, Unit(tuple(map(given.__getitem__, own)), tuple(map(given.__getitem__, context)))
                )
                outcome = self._revise(cache, key_before, key, last, revisions)
            else:
                outcome = None
            if outcome is None:
                return None
            found.append(outcome)
            units.append((key, own, context))
        run = PastRun(edited.digests, units, last.modules)
        changes = [given[path] for path in changed]
        self._store_run(cache, run, changes, sources, others, wanted, edited.asked)
        return found

    def _revise(
        self, cache: Cache, before: str, key: str, last: PastRun, revisions: Mapping[str, Revision | None]
    ) -> Outcome | None:
        """The outcome that a unit had, as it is after edits; it is kept under another key."""
        entry = cache.recall(before, self._disk, {cache.full_path(path): last.digests[path] for path in revisions})
        if entry is None:
            return None
        try:
            outcome = decode(entry, lambda path: self._displayed(cache, path))
            parsed = [str(path) for path in entry["parsed"]]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
        if any(revisions.get(path, outcome) is None for path in parsed):
            return None
        revised = moved(outcome, {self._displayed(cache, path): each for path, each in revisions.items() if each})
        if revised is not None:
            entry_now = {**encode(revised, self._stored), "parsed": parsed}
            cache.store(key, entry_now, self._asked_again(cache, entry))
        return revised

    def _store_run(
        self,
        cache: Cache,
        run: PastRun,
        texts: Iterable[Source],
        sources: Sequence[Source],
        others: Sequence[tuple[File, bytes]],
        wanted: Collection[Path] | None,
        asked: Mapping[Question, Answer],
    ) -> None:
        """Keep what is known of a run, and the texts of files that the next one may compare with its own."""
        for source in texts:
            digested = run.digests[cache.stored_path(str(source.path))]
            if self._text(cache, digested) is None:
                cache.store(cache.key("text", digested), {"text": source.text}, {})
        key = self._run_key(cache, sources, others, wanted)
        cache.store(key, run.entry, asked)
        self._note_last(cache, key, self._files_key(cache, sources, others, wanted))

    def _note_last(self, cache: Cache, key: str, pointer: str) -> None:
        """Note which was the last run over some files."""
        if (cache.recall(pointer, self._disk) or {}).get("run") != key:
            cache.store(pointer, {"run": key}, {})

    def _text(self, cache: Cache, digested: str) -> str | None:
        entry = cache.recall(cache.key("text", digested), self._disk)
        text = None if entry is None else entry.get("text")
        return text if isinstance(text, str) else None

    def _asked_again(self, cache: Cache, entry: Mapping[str, Any]) -> dict[Question, Answer]:
        return {question: self._disk.answer(question) for question in cache.questions(entry)}

    def _displayed(self, cache: Cache, path: str) -> str:
        return display_path(absolute(cache.full_path(path)))

    def _stored(self, display: str) -> str:
        assert self._cache is not None
        return self._cache.stored_path(str(absolute(display)))

    def _run_key(
        self,
        cache: Cache,
        sources: Sequence[Source],
        others: Sequence[tuple[File, bytes]],
        wanted: Collection[Path] | None,
    ) -> str:
        judged = [self._identity(cache, source) for source in sources]
        rest = [[cache.stored_path(file.name), digest(data), self._least(file.display)] for file, data in others]
        return cache.key("run", self._coverage, judged, rest, _wanted(cache, wanted))

    def _files_key(
        self,
        cache: Cache,
        sources: Sequence[Source],
        others: Sequence[tuple[File, bytes]],
        wanted: Collection[Path] | None,
    ) -> str:
        """The key of a run over these files, whatever is in them."""
        judged = [(cache.stored_path(str(each.path)), self._least(each.display)) for each in sources]
        rest = [(cache.stored_path(file.name), self._least(file.display)) for file, _ in others]
        return cache.key("last", self._coverage, judged, rest, _wanted(cache, wanted))

    def _digests(self, cache: Cache, sources: Sequence[Source], others: Sequence[tuple[File, bytes]]) -> dict[str, str]:
        found = {cache.stored_path(str(each.path)): _digest(each) for each in sources}
        found.update((cache.stored_path(file.name), digest(data)) for file, data in others)
        return found

    def _least(self, display: str) -> int:
        return self._thresholds[display].min_batch_size

    def _unit_key(self, cache: Cache, unit: Unit) -> str:
        own = [self._identity(cache, source) for source in unit.sources]
        context = [self._identity(cache, source) for source in unit.context]
        return cache.key("unit", self._coverage, own, context)

    def _identity(self, cache: Cache, source: Source) -> list[Any]:
        """What an outcome depends on, of one of its files."""
        return [cache.stored_path(str(source.path)), _digest(source), self._least(source.display)]


def _digest(source: Source) -> str:
    return digest(source.text.encode("utf-8", "surrogatepass"))


def _decoded(files: Sequence[tuple[File, bytes]]) -> list[Source]:
    found = []
    for file, data in files:
        try:
            found.append(from_bytes(data, file.name, file.display))
        except SourceError:
            continue  # it does not deserve judging, and says nothing about the files that do
    return found


def _wanted(cache: Cache, paths: Collection[Path] | None) -> list[str] | None:
    return None if paths is None else sorted(cache.stored_path(str(path)) for path in paths)


def _past_run(entry: Mapping[str, Any] | None) -> PastRun | None:
    """What an entry says of a run; None without one, or if it is damaged."""
    try:
        return None if entry is None else PastRun.of(entry)
    except (KeyError, TypeError, ValueError):
        return None
