"""What is kept of a turn, and of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bn_lint.facts import CheckedCall
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.training.drafts import PlainDraft
from bn_lint.static.training.notes import Note
from bn_lint.static.training.programs import Program
from bn_lint.static.turns.encoding import Addresses, Encoder, NotKept, decode


@dataclass
class Entry:
    """What one entry point has done.

    Attributes:
        key: Stands for the entry point.
        steps: How many it took; `imports` are those of modules that it was the first to import.
        share: How many it might take, if it needed more; 0 otherwise.
        branches: How many branches it was the first of its turn to take.
        loaded: The files that it was the first to ask for.
        executed: The files of modules that it was the first to run.
        called: The functions that it was the first of its turn to call; `instantiated` are classes likewise.
        calls: The calls of models, whether each model is made out of view, and whether its mode was checked.
        asked: What it asks of a command line, if it is a program with options.
    """

    key: str
    steps: int = 0
    imports: int = 0
    share: int = 0
    branches: int = 0
    loaded: Sequence[str] = ()
    executed: Sequence[str] = ()
    called: Sequence[NodeRef] = ()
    instantiated: Sequence[NodeRef] = ()
    notes: Sequence[Note] = ()
    calls: Sequence[tuple[NodeRef, bool, CheckedCall]] = ()
    asked: Program | None = None


GivenUp = list[tuple[str, str, int, "bool | None"]]


@dataclass
class Turn:
    """What is known of a turn without looking at what it has shown.

    Attributes:
        entries: The keys of its entry points, in order.
        definitions: Those that it depends on, by file; `modules` are the files of which the top level matters.
        touched: The definitions that places of its facts are in.
        needed: Those of them that had been run when it was over.
        executed: The modules that it was the first to run.
        given_up: Of the functions that it depends on, by file and name, how often calls had taken too long when it
            began, and whether these may concern BatchNorm.
        given_up_then: The same when it was over.
        reached_out: Stands for the modules that had changed what is not their own, when it began.
        call_sites: The names whose call sites it looked at.
        asked: The functions that it asked for, by file and definition, and whether others had called them.
        used: The functions and classes of its file that had been called or made objects of when it began.
        body: What it has shown, as JSON.
    """

    entries: list[str]
    definitions: Mapping[str, list[str]]
    modules: list[str]
    needed: list[str]
    touched: list[tuple[str, str]]
    executed: list[str]
    given_up: GivenUp
    given_up_then: GivenUp
    reached_out: str
    call_sites: list[str]
    asked: list[tuple[str, str, bool]]
    used: list[str]
    body: Mapping[str, Any] = field(default_factory=dict)

    def concerning(self, given_up: GivenUp) -> GivenUp:
        """Those of some functions that it depends on."""
        return concerning(given_up, self.definitions)

    @property
    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @staticmethod
    def of_json(data: Mapping[str, Any]) -> Turn:
        """What `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is none of these.
        """
        return Turn(
            entries=[str(one) for one in data["entries"]],
            definitions={str(path): [str(one) for one in names] for path, names in data["definitions"].items()},
            modules=[str(one) for one in data["modules"]],
            needed=[str(one) for one in data["needed"]],
            touched=[(str(path), str(name)) for path, name in data["touched"]],
            executed=[str(one) for one in data["executed"]],
            given_up=_given_up(data["given_up"]),
            given_up_then=_given_up(data["given_up_then"]),
            reached_out=str(data["reached_out"]),
            call_sites=[str(one) for one in data["call_sites"]],
            asked=[(str(path), str(name), bool(answer)) for path, name, answer in data["asked"]],
            used=[str(one) for one in data["used"]],
            body=dict(data["body"]),
        )


def concerning(given_up: GivenUp, definitions: Mapping[str, list[str]]) -> GivenUp:
    """Those of some functions that are among definitions, by file."""
    return [one for one in given_up if one[1] in definitions.get(one[0], ())]


def _given_up(data: Iterable[Sequence[Any]]) -> GivenUp:
    return [
        (str(path), str(name), int(count), None if known is None else bool(known)) for path, name, count, known in data
    ]


def encoded(
    entries: Sequence[Entry], addresses: Addresses, drafts: Mapping[int, PlainDraft]
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """What the entry points of a turn have shown, as JSON, and the definitions in which its places are.

    Args:
        drafts: Those of reported facts, by their numbers.

    Raises:
        NotKept: something of it cannot be written.
    """
    encoder = Encoder(addresses, drafts)
    made = [
        [
            one.key,
            one.steps,
            one.imports,
            one.share,
            one.branches,
            list(one.loaded),
            list(one.executed),
            *(encoder.add(tuple(each)) for each in (one.called, one.instantiated, one.notes, one.calls)),
            encoder.add(one.asked),
        ]
        for one in entries
    ]
    return {"rows": encoder.rows, "entries": made}, encoder.touched


def outlined(body: Mapping[str, Any]) -> list[Entry]:
    """The entry points of a turn, without what they have shown.

    Raises:
        NotKept: it is none.
    """
    try:
        return [
            Entry(
                str(key),
                int(steps),
                int(imports),
                int(share),
                int(branches),
                [str(path) for path in loaded],
                [str(path) for path in executed],
            )
            for key, steps, imports, share, branches, loaded, executed, *_ in body["entries"]
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise NotKept("no turn") from error


def filled(
    entries: Sequence[Entry],
    body: Mapping[str, Any],
    addresses: Addresses,
    number_of: Callable[[PlainDraft], int],
) -> None:
    """Give the last entry points of a turn what they have shown.

    The modules that they were the first to run must have been run.

    Args:
        number_of: Gives drafts their numbers.

    Raises:
        NotKept: it is none.
    """
    try:
        values = decode(body["rows"], addresses, number_of)
        kept = body["entries"][-len(entries) :]
        for entry, (*_, called, instantiated, notes, calls, asked) in zip(entries, kept):
            entry.called, entry.instantiated = values[called], values[instantiated]
            entry.notes, entry.calls = values[notes], values[calls]
            entry.asked = program if isinstance(program := values[asked], Program) else None
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise NotKept("no turn") from error
