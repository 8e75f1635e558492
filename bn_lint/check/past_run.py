"""What is known of a run over the same files, and what edits that leave the code alone have not changed since.

The texts that were judged are kept, too. If an edited text differs from them in comments, docstrings or empty lines
only, the outcomes of the units are those of before, and their places move along.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bn_lint.check.outcome import Outcome
from bn_lint.facts import Place
from bn_lint.project.filesystem import Answer, Question
from bn_lint.project.mentions import answers_unparsed, calls_in
from bn_lint.project.module_finder import computed_imports, folders_of_loaded, imports, imports_anything, names_folders
from bn_lint.project.partition import words_in
from bn_lint.project.prefilter import deserves_judging
from bn_lint.project.revision import Revision, revision
from bn_lint.rule import Edit, Fix

_DEFINED = re.compile(r"\b(?:class|def)\s+(\w+)")


@dataclass(frozen=True)
class PastRun:
    """How files fell into units.

    Attributes:
        digests: Of the contents of all given files, by their stored paths.
        units: For each the key of its entry, the files that were judged in it, and the others.
        modules: The names of modules that imports may lead to through packages.
    """

    digests: Mapping[str, str]
    units: list[tuple[str, list[str], list[str]]]
    modules: frozenset[str]

    @property
    def entry(self) -> dict[str, Any]:
        """As it is kept."""
        return {"files": self.digests, "units": self.units, "modules": sorted(self.modules)}

    @staticmethod
    def of(entry: Mapping[str, Any]) -> PastRun:
        """What an entry holds.

        Raises:
            KeyError, TypeError, ValueError: it is none of these.
        """
        units = [(str(key), list(sources), list(context)) for key, sources, context in entry["units"]]
        return PastRun(dict(entry["files"]), units, frozenset(entry["modules"]))

    def connects_alike(self, texts: Mapping[str, tuple[str, str]]) -> bool:
        """Whether edited texts let files fall into the same units as those of this run.

        Args:
            texts: By the paths of the files: the old and the new one.
        """
        # A word that is the name of a module may connect files.
        return all(
            (words_in(old) ^ words_in(new)).isdisjoint(self.modules) and _connecting(old) == _connecting(new)
            for old, new in texts.values()
        )

    def revisions(
        self, texts: Mapping[str, tuple[str, str]], judged: Iterable[str]
    ) -> dict[str, Revision | None] | None:
        """How edited texts come from those of this run; None if one may say more than before.

        They connect files as before. A file without a revision has other code, but its text says the same to who does
        not look at that.

        Args:
            texts: By the paths of the files: the old and the new one.
            judged: The texts that may define what others use.
        """
        found: dict[str, Revision | None] = {}
        # It only matters whether those names are defined whose calls have come or gone.
        called = {name for old, new in texts.values() for _, name in calls_in(old) ^ calls_in(new)}
        every = (*judged, *(text for both in texts.values() for text in both)) if called else ()
        defined = called.intersection(name for text in every for name in _DEFINED.findall(text))
        for path, (old, new) in texts.items():
            found[path] = revision(old, new, defined)
            if found[path] is None and answers_unparsed(old, defined) != answers_unparsed(new, defined):
                return None
        return found


def _connecting(text: str) -> Hashable:
    """What decides which files a text connects, besides its words."""
    judged = deserves_judging(text.encode("utf-8", "surrogatepass"))
    imported = frozenset(imports(text)), computed_imports(text), folders_of_loaded(text), imports_anything(text)
    return judged, *imported, names_folders(text)


def modules_named(asked: Mapping[Question, Answer]) -> frozenset[str]:
    """The names of all modules in the folders that were listed."""
    return frozenset(name for (kind, _), answer in asked.items() if kind == "modules" for name in str(answer).split())


def moved(outcome: Outcome, revisions: Mapping[str, Revision]) -> Outcome | None:
    """An outcome with the places that it has now; None where only judging tells.

    Args:
        revisions: By the displayed paths of the files.
    """
    if any(problem.place.path in revisions for problem in outcome.problems):
        return None  # how far what is not understood reaches depends on all of the text

    def place(old: Place) -> Place:
        change = revisions.get(old.path)
        new = old if change is None else change.moved(old)
        if new is None:
            raise _Lost
        return new

    def fix(old: Fix | None) -> Fix | None:
        return old if old is None else replace(old, edits=tuple(map(edit, old.edits)))

    def edit(old: Edit) -> Edit:
        change = revisions.get(old.place.path)
        if change is None:
            return old
        # What is written in the place of whole lines depends on the comments among them.
        new = None if "\n" in old.content or "#" in old.content else change.moved_with_lines(old.place)
        if new is None:
            raise _Lost
        return replace(old, place=new)

    try:
        findings = [
            replace(
                one,
                place=place(one.place),
                fix=fix(one.fix),
                evidence=tuple(step._replace(place=place(step.place)) for step in one.evidence),
            )
            for one in outcome.findings
        ]
        undecided = [replace(one, place=place(one.place)) for one in outcome.coverage.undecided]
        steps = [replace(one, place=place(one.place)) for one in outcome.coverage.steps]
        coverage = replace(
            outcome.coverage,
            undecided=undecided,
            steps=steps,
            inventory=outcome.coverage.inventory.moved(place),
            calls=[replace(one, place=place(one.place)) for one in outcome.coverage.calls],
        )
    except _Lost:
        return None
    return replace(outcome, findings=findings, coverage=coverage)


class _Lost(Exception):
    """A place is no longer found."""
