"""What one file shows by itself, kept as long as its text is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bn_lint.facts import Fact, Place
from bn_lint.static.syntactic.classes import Elsewhere
from bn_lint.static.syntactic.survey import Survey, survey
from bn_lint.static.syntax.nodes import CSTNode
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.turns.encoding import Addresses, Encoder, NotKept, decode


class KeptByFile:
    """What files show by themselves: what an earlier analysis has kept of it, and what this one finds out."""

    def __init__(self, addresses: Addresses, past: Mapping[str, Any] | None = None) -> None:
        """Set up.

        Args:
            past: What was kept of files that still have the same texts, by their paths.
        """
        self._addresses = addresses
        self._past = past or {}
        self._surveys: dict[SourceFile, Survey] = {}
        self._facts: dict[SourceFile, tuple[dict[str, bool | None], list[Fact]]] = {}
        #: What was reported of nodes, by their addresses: where they stand, and how expressions are written.
        self._places: dict[SourceFile, dict[str, list[int]]] = {}
        self._texts: dict[SourceFile, dict[str, str]] = {}

    def survey(self, file: SourceFile) -> Survey:
        """What is asked of a file as a whole."""
        found = self._surveys.get(file)
        if found is None:
            found = self._surveys[file] = self._recalled_survey(file) or survey(file)
        return found

    def _recalled_survey(self, file: SourceFile) -> Survey | None:
        try:
            names, layers = self._past[str(file.path)]["survey"]
            return Survey([[str(name) for name in each] for each in names], int(layers))
        except (KeyError, IndexError, TypeError, ValueError):
            return None

    def facts(
        self, file: SourceFile, elsewhere: Elsewhere, find: Callable[[SourceFile, Elsewhere], Iterable[Fact]]
    ) -> list[Fact]:
        """The facts that a file shows without being interpreted.

        Args:
            elsewhere: Which of the classes that the file imports are modules.
            find: Derives the facts, from the file and that alone.
        """
        asked: dict[str, bool | None] = {}

        def noted(origin: str) -> bool | None:
            asked[origin] = elsewhere(origin)
            return asked[origin]

        found = self._recalled_facts(file, noted)
        if found is None:
            asked.clear()
            found = list(find(file, noted))
        self._facts[file] = asked, found
        return found

    def _recalled_facts(self, file: SourceFile, elsewhere: Elsewhere) -> list[Fact] | None:
        try:
            asked, rows, numbers = self._past[str(file.path)]["facts"]
            if any(elsewhere(str(origin)) is not answer for origin, answer in asked.items()):
                return None
            values = decode(rows, self._addresses) if rows else []
            return [values[number] for number in numbers]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, NotKept):
            return None

    def place(self, file: SourceFile, node: CSTNode) -> Place:
        """Where a node stands. A file of which nothing else is reported than before is not parsed for that."""
        name, position = self._name(file, node), None
        if name is not None:
            position = self._recalled(file, "places", name)
            if not (type(position) is list and len(position) == 4 and all(type(one) is int for one in position)):
                position = None
        if position is None:
            place = file.place(node)
            position = [place.line, place.column, place.end_line, place.end_column]
        if name is not None:
            self._places.setdefault(file, {})[name] = position
        return Place(file.display, *position)

    def text(self, file: SourceFile, node: CSTNode) -> str:
        """The text of an expression, likewise."""
        name = self._name(file, node)
        text = None if name is None else self._recalled(file, "texts", name)
        if type(text) is not str:
            text = file.text(node)
        if name is not None:
            self._texts.setdefault(file, {})[name] = text
        return text

    def _name(self, file: SourceFile, node: CSTNode) -> str | None:
        try:
            _, definition, number = self._addresses.address(NodeRef(file, node))
        except KeyError:
            return None
        return f"{definition} {number}"

    def _recalled(self, file: SourceFile, what: str, name: str) -> Any:
        try:
            return self._past[str(file.path)][what][name]
        except (KeyError, TypeError, IndexError):
            return None

    @property
    def as_json(self) -> dict[str, Any]:
        """All of it, to be kept."""
        made: dict[str, dict[str, Any]] = {}
        for file, one in self._surveys.items():
            made.setdefault(str(file.path), {})["survey"] = [one.names, one.layers]
        for file, (asked, facts) in self._facts.items():
            # Positions hold, for the text is the same.
            encoder = Encoder(self._addresses, positions=True)
            try:
                numbers = [encoder.add(fact) for fact in facts]
            except NotKept:
                continue
            made.setdefault(str(file.path), {})["facts"] = [asked, encoder.rows, numbers]
        for what, shown in (("places", self._places), ("texts", self._texts)):
            for file, known in shown.items():
                made.setdefault(str(file.path), {})[what] = known
        return made
