"""A turn while it is run, and what is kept of it then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from bn_lint.facts import Fact
from bn_lint.static.interpreter.reads import Read
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.training.drafts import PLAIN_DRAFTS, Draft
from bn_lint.static.turns.addresses import ProjectAddresses
from bn_lint.static.turns.encoding import NotKept
from bn_lint.static.turns.record import Entry, GivenUp, Turn, concerning, encoded

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


@dataclass
class LiveTurn:
    """A turn that is run, and what is known of it by now; `record.Turn` says what the fields are."""

    read: Read
    reached_out: str
    given_up: GivenUp
    used: list[str]
    given_up_then: GivenUp = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    executed_by_then: int = 0
    can_be_kept: bool = True
    shows_something: bool = False

    def kept(
        self,
        interpreter: Interpreter,
        addresses: ProjectAddresses,
        drafts: Mapping[int, Draft],
        reported: Callable[[Fact], bool],
    ) -> Turn | None:
        """The turn, if it can be kept.

        Args:
            drafts: What the facts were completed from that were reported, or may be, by numbers.
            reported: Whether a rule reports a fact of a draft.
        """
        notes = [note for entry in self.entries for note in entry.notes]
        needed = {number: drafts[number] for fact, number in _drafts(notes) if number in drafts and reported(fact)}
        plain = {number: draft for number, draft in needed.items() if isinstance(draft, PLAIN_DRAFTS)}
        if len(plain) < len(needed):
            return None  # of values that nobody has but this analysis
        if any(type(node) is cst.Lambda for node in interpreter.reads.given_up_in):
            return None  # it has no name
        if not self.can_be_kept or not self.shows_something:
            return None
        try:
            body, touched = encoded(self.entries, addresses, plain)
        except NotKept:
            return None
        every = interpreter.reads.all_of(self.read)
        asked = [
            (str(function.file.path), addresses.name(function.file, function.node) or "", answer)
            for function, answer in self.read.asked.items()
        ]
        definitions = addresses.names(every.definitions)
        return Turn(
            entries=[entry.key for entry in self.entries],
            definitions=definitions,
            modules=sorted(map(str, every.modules)),
            needed=sorted(map(str, every.modules.intersection(interpreter.reads.executed[: self.executed_by_then]))),
            touched=sorted(touched),
            executed=self.executed,
            given_up=concerning(self.given_up, definitions),
            given_up_then=concerning(self.given_up_then, definitions),
            reached_out=self.reached_out,
            call_sites=sorted(self.read.call_sites),
            asked=asked,
            used=self.used,
            body=body,
        )


def _drafts(notes: Iterable[object]) -> Iterator[tuple[Fact, int]]:
    """The facts that would be completed from drafts, with the numbers of these."""
    for fact in (getattr(note, "fact", None) for note in notes):
        if isinstance(number := getattr(fact, "draft", None), int):
            yield cast("Fact", fact), number
