"""Judging files, except those whose results are known from an earlier run.

Two kinds of entries are kept. That of a *run* names the units into which the given files fall; that of a *unit* holds
its outcome. Each is found by the contents of the given files that it is about, and holds what was asked of the disk
besides: files that were read for context, and files that were looked for, whether or not they were there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from bn_lint.check.cache import Cache
from bn_lint.check.outcome import Outcome, decode, encode
from bn_lint.check.registry import RuleSet
from bn_lint.errors import SourceError
from bn_lint.project.config import Settings
from bn_lint.project.discovery import File
from bn_lint.project.filesystem import FileSystem, RecordingFileSystem, digest
from bn_lint.project.partition import Unit, divide
from bn_lint.project.source import Source, absolute, display_path, from_bytes
from bn_lint.rule import Thresholds

#: Told how many of the units that must be judged are judged.
Progress = Callable[[int, int], None]


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
    ) -> None:
        """Set up.

        Args:
            settings: Of each given file, by its displayed path.
            texts: What stands for the contents of files on the disk: by their absolute paths.
            cache: Where outcomes are kept; None judges everything.
            jobs: How many processes to use; None lets the amount of work decide, and 0 is this one, without limits.
            coverage: Whether the outcomes are to say which layers were not judged.
        """
        self._thresholds = {path: Thresholds(each.min_batch_size) for path, each in settings.items()}
        self._rules = rules
        self._cache = cache
        self._jobs = jobs
        self._coverage = coverage
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
        run = None if self._cache is None else self._run_key(self._cache, sources, others, wanted)
        known = self._recall_run(run)
        if known is not None:
            return known
        filesystem = RecordingFileSystem(self._disk)
        units = divide(sources, list(_decoded(others)), filesystem)
        if wanted is not None:
            units = [unit for unit in units if any(source.path in wanted for source in unit.files)]
        found: dict[int, Outcome] = {}
        keys = {}
        for index, unit in enumerate(units):
            if self._cache is not None:
                keys[index] = self._unit_key(self._cache, unit)
                outcome = self._recall_unit(self._cache, keys[index])
                if outcome is not None:
                    found[index] = outcome
        self._judge({index: unit for index, unit in enumerate(units) if index not in found}, keys, found)
        if self._cache is not None and run is not None:
            self._cache.store(run, {"units": [keys[index] for index in range(len(units))]}, filesystem.asked)
        return [found[index] for index in range(len(units))]

    def _judge(self, units: Mapping[int, Unit], keys: Mapping[int, str], found: dict[int, Outcome]) -> None:
        if not units:
            return
        from bn_lint.check.workers import Task, judge_all, processes

        numbers = list(units)
        tasks = [
            Task(unit, self._thresholds_of(unit), self._rules, self._coverage, self._texts) for unit in units.values()
        ]
        self._progress(0, len(tasks))
        for done, (number, judged) in enumerate(judge_all(tasks, processes(tasks, self._jobs), self._disk), 1):
            index = numbers[number]
            outcome = found[index] = judged.outcome
            # A defect is judged again each time, so that whoever looks for it meets it.
            if self._cache is not None and not any(problem.internal for problem in outcome.problems):
                self._cache.store(keys[index], encode(outcome, self._stored), judged.asked)
            self._progress(done, len(tasks))

    def _thresholds_of(self, unit: Unit) -> dict[str, Thresholds]:
        return {source.display: self._thresholds[source.display] for source in unit.files}

    # -- entries ----------------------------------------------------------------------------------------------------

    def _recall_run(self, key: str | None) -> list[Outcome] | None:
        if self._cache is None or key is None or not self._cache.folder.is_dir():
            return None
        entry = self._cache.recall(key, self._disk)
        if entry is None or not isinstance(entry.get("units"), list):
            return None
        found = []
        for key in entry["units"]:
            outcome = self._recall_unit(self._cache, str(key))
            if outcome is None:
                return None
            found.append(outcome)
        return found

    def _recall_unit(self, cache: Cache, key: str) -> Outcome | None:
        entry = cache.recall(key, self._disk)
        try:
            return None if entry is None else decode(entry, lambda path: display_path(absolute(cache.full_path(path))))
        except (KeyError, IndexError, TypeError, ValueError):
            return None

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
        rest = [
            [cache.stored_path(str(file.path)), digest(data), self._thresholds[file.display].min_batch_size]
            for file, data in others
        ]
        paths = None if wanted is None else sorted(cache.stored_path(str(path)) for path in wanted)
        return cache.key("run", self._coverage, judged, rest, paths)

    def _unit_key(self, cache: Cache, unit: Unit) -> str:
        own = [self._identity(cache, source) for source in unit.sources]
        context = [self._identity(cache, source) for source in unit.context]
        return cache.key("unit", self._coverage, own, context)

    def _identity(self, cache: Cache, source: Source) -> list[Any]:
        """What an outcome depends on, of one of its files."""
        path = cache.stored_path(str(source.path))
        return [
            path,
            digest(source.text.encode("utf-8", "surrogatepass")),
            self._thresholds[source.display].min_batch_size,
        ]


def _decoded(files: Sequence[tuple[File, bytes]]) -> list[Source]:
    found = []
    for file, data in files:
        try:
            found.append(from_bytes(data, file.path, file.display))
        except SourceError:
            continue  # it does not deserve judging, and says nothing about the files that do
    return found
