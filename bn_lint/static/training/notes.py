"""What entry points show, note by note.

Entry points that follow each other in one file are one *turn*. Its notes do not depend on what other turns have shown:
a turn notes what is new to itself, and here the notes of all turns come together. So the notes of an earlier analysis
can stand for a turn that would give the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Union

from bn_lint.facts import ModelCall, Place, PooledBatchNorm
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.training.sites import Site

if TYPE_CHECKING:
    from bn_lint.facts import Fact
    from bn_lint.static.syntax import nodes as cst


@dataclass(frozen=True)
class FactNote:
    """A fact.

    Attributes:
        key: Of facts with the same key one is enough.
    """

    key: object
    fact: Fact


@dataclass(frozen=True)
class DoubtNote:
    """It is doubtful whether what some calls tell ever meets.

    Attributes:
        facts: Which of the facts of the turn tell it, counted from 0.
    """

    facts: tuple[int, ...]


@dataclass(frozen=True)
class SiteNote:
    """What became of the layers that a place builds."""

    ref: NodeRef
    called: bool
    judged: bool
    settled: bool
    reason: str


@dataclass(frozen=True)
class MissingNote:
    """A place builds a layer that `torch.nn` does not have."""

    ref: NodeRef


@dataclass(frozen=True)
class ModelNote:
    """A function is given a model that the project makes."""

    function: NodeRef


@dataclass(frozen=True)
class PooledNote:
    """A layer is called where pooling may have left one value of each map; `key` is as with facts."""

    key: object
    fact: PooledBatchNorm


@dataclass(frozen=True)
class TrainedNote:
    """The layer that a place builds is trained.

    Attributes:
        size: The size of the batches, if it is known.
        by_default: The same, if only the default of an option tells it.
    """

    place: Place
    size: int | None
    by_default: int | None


@dataclass(frozen=True)
class SyncNote:
    """The layer that a place builds becomes a SyncBatchNorm, which has the batches of all processes."""

    place: Place


@dataclass(frozen=True)
class IncompleteNote:
    """Something in a file took too long; `display` is its name in reports."""

    display: str
    message: str


Note = Union[FactNote, DoubtNote, SiteNote, MissingNote, ModelNote, PooledNote, TrainedNote, SyncNote, IncompleteNote]
NOTES: tuple[type[Note], ...] = (
    FactNote,
    DoubtNote,
    SiteNote,
    MissingNote,
    ModelNote,
    PooledNote,
    TrainedNote,
    SyncNote,
    IncompleteNote,
)


class Notes:
    """The notes of all turns.

    Attributes:
        facts: Each once.
        sites: What became of the places that build BatchNorm layers.
        missing: The places that build layers that PyTorch does not have.
        models_called: Functions from which, directly or not, models are called that the project makes.
        incomplete: What took too long, each once.
        turn: How many turns have begun.
        written: The notes of the one that is running.
        novel: How many of them are facts.
        branches: How many branches those entry points of the turn took that were not run again.
    """

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.sites: dict[cst.CSTNode, Site] = {}
        self.missing: set[cst.CSTNode] = set()
        self.models_called: set[cst.CSTNode] = set()
        self.incomplete: dict[IncompleteNote, None] = {}
        self.written: list[Note] = []
        self.turn = self.novel = self.branches = 0
        self._known: set[object] = set()
        self._doubtful: list[Fact] = []
        self._pooled: dict[PooledBatchNorm, None] = {}
        #: How the layer built at a place is trained.
        self._trained: dict[Place, list[TrainedNote]] = {}
        self._synchronized: set[Place] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no turn has noted anything."""
        noted = (self.facts, self.sites, self.missing, self.models_called, self.incomplete, self._known, self._trained)
        return not any((*noted, self._doubtful, self._pooled, self._synchronized, self.written))

    def begin(self) -> None:
        """A turn begins."""
        self.turn += 1
        self.written, self.novel, self.branches = [], 0, 0

    def write(self, note: Note) -> None:
        """Take in one note of the turn that is running."""
        self.written.append(note)
        match note:
            case FactNote(key, fact):
                self.novel += 1
                if self._is_new(key):
                    self.facts.append(fact)
            case DoubtNote(numbers):
                facts = [one.fact for one in self.written if isinstance(one, FactNote)]
                self._doubtful += [facts[number] for number in numbers]
            case SiteNote():
                self.sites.setdefault(note.ref.node, Site(note.ref)).take(
                    called=note.called, judged=note.judged, settled=note.settled, reason=note.reason
                )
            case MissingNote(ref):
                self.missing.add(ref.node)
            case ModelNote(function):
                self.models_called.add(function.node)
            case PooledNote(key, fact):
                if self._is_new(key):
                    self._pooled[fact] = None
            case TrainedNote(place):
                self._trained.setdefault(place, []).append(note)
            case SyncNote(place):
                self._synchronized.add(place)
            case IncompleteNote():
                self.incomplete[note] = None

    def doubt(self, facts: Sequence[Fact]) -> None:
        """Some facts of the turn that is running are doubtful."""
        doubtful = {id(fact) for fact in facts}
        shown = [note.fact for note in self.written if isinstance(note, FactNote)] if doubtful else []
        numbers = tuple(number for number, fact in enumerate(shown) if id(fact) in doubtful)
        if numbers:
            self.write(DoubtNote(numbers))

    @contextmanager
    def only(self, *kinds: type[Fact]) -> Iterator[None]:
        """Keep no other facts of those that are written meanwhile."""
        since = len(self.facts)
        try:
            yield
        finally:
            self.facts[since:] = [fact for fact in self.facts[since:] if isinstance(fact, kinds)]

    def _is_new(self, key: object) -> bool:
        if key in self._known:
            return False
        self._known.add(key)
        return True

    def believed(self) -> list[Fact]:
        """All facts but those of which it is doubtful whether what they tell ever meets."""
        doubtful = {id(fact) for fact in self._doubtful}
        facts = (fact for fact in self.facts if id(fact) not in doubtful)
        return [*(fact for fact in facts if not self._fits_its_training(fact)), *self._pooled_facts()]

    def _fits_its_training(self, fact: Fact) -> bool:
        """Whether a model is called on one sample, and all programs in view train it on batches of one.

        Each sample is normalized by itself in both, and nothing was learned for the running statistics. BN203 says so
        of the training.
        """
        if not isinstance(fact, ModelCall) or not fact.single:
            return False
        return all({note.by_default for note in self._trained.get(place, ())} == {1} for place in fact.single)

    def _pooled_facts(self) -> Iterator[PooledBatchNorm]:
        """Calls behind pooling, with the size of the batches where the program gives it.

        One entry point may show the call, and another the batches.
        """
        for fact in self._pooled:
            place = fact.layer.built
            if place in self._synchronized:
                continue
            sizes = [note.size for note in self._trained.get(place, ()) if note.size is not None]
            if sizes:
                batch = fact.batch if isinstance(fact.batch, int) else min(sizes)
                yield replace(fact, batch=batch, trained=batch == min(sizes))
            else:
                yield fact
