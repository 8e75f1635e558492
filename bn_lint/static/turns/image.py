"""The modules of a project as their top levels have left them, so that the next analysis need not run these.

An image is taken when the top levels of all files have run that are run for their own sake, and before anything else
is. It holds as long as an edit changes no top level, and no definition that one of them has read. A program that shows
something at its top level has none: what it shows is no part of the modules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bn_lint.native import COMPILED
from bn_lint.static.interpreter.reads import Read
from bn_lint.static.interpreter.values import Class, Function, ModuleScope
from bn_lint.static.interpreter.values.cells import birth
from bn_lint.static.syntax.nodes import CSTNode
from bn_lint.static.turns.encoding import NotKept
from bn_lint.static.turns.heap import HeapWriter, is_untouched, latest_birth, read

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.training.facts_from_layers import FactCollector
    from bn_lint.static.turns.addresses import ProjectAddresses
    from bn_lint.static.turns.changes import Changes

#: The steps that the top level of a file took, and those of the modules that it was the first to import.
Effort = tuple[int, int]


@dataclass(frozen=True)
class Image:
    """What is known of an image without looking at it.

    Attributes:
        name: What it is kept under.
        definitions: Those that top levels have read, by file.
        touched: The definitions that hold nodes which are meant by their numbers.
        executed: The files of the modules that were run; `run` are those of them that were run for their own sake.
    """

    name: str
    run: list[str]
    definitions: Mapping[str, list[str]]
    touched: list[tuple[str, str]]
    executed: list[str]

    def holds(self, changed: Mapping[str, Changes]) -> bool:
        """Whether edits have changed nothing of what it was made from."""
        return not (
            any(path in changed and changed[path].is_top_changed for path in self.executed)
            or any(path in changed and name in changed[path].own for path, name in self.touched)
            or any(
                path in changed and not changed[path].within.isdisjoint(names)
                for path, names in self.definitions.items()
            )
        )

    @property
    def as_json(self) -> list[Any]:
        return [self.name, self.run, self.definitions, self.touched, self.executed]

    @staticmethod
    def of_json(data: Sequence[Any]) -> Image:
        """What `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is none of these.
        """
        name, run, definitions, touched, executed = data
        return Image(
            str(name),
            [str(path) for path in run],
            {str(path): [str(one) for one in names] for path, names in definitions.items()},
            [(str(path), str(one)) for path, one in touched],
            [str(path) for path in executed],
        )


def take(
    interpreter: Interpreter,
    collector: FactCollector,
    addresses: ProjectAddresses,
    efforts: Mapping[str, Effort],
) -> tuple[Image, str] | None:
    """An image of all modules, without its name, and what is to be kept under that; None if there can be none.

    In the compiled build there is none: objects of its classes cannot be made without their constructors.

    Args:
        efforts: What the top levels took that were run, by their files.
    """
    if COMPILED:
        return None
    reads = interpreter.reads
    left = (interpreter.unparsed, interpreter.aborted, interpreter.concerned, reads.given_up_in)
    if any(left) or not collector.notes.is_empty or collector.drafts or collector.reveals:
        return None
    begun = interpreter.begun.values()
    if not all(one.has_only_events and is_untouched(one.events, interpreter) for one in begun):
        return None
    writer = HeapWriter(interpreter, addresses)
    files = list(filter(None, interpreter.project.files.values()))
    generators = [(file, node) for file in files for node in interpreter.generators if addresses.has(file, node)]
    if len(generators) != len(interpreter.generators):
        return None
    try:
        by_modules = {
            str(path): [
                [[writer.add(node, file), writer.add(file)] for node, file in one.definitions.items()],
                sorted(map(str, one.modules)),
            ]
            for path, one in reads.by_modules.items()
        }
        data = {
            "files": [[str(path), file is not None] for path, file in interpreter.project.files.items()],
            "modules": [writer.add(scope) for scope in interpreter.modules.values()],
            "functions": [writer.add(one) for one in collector.functions],
            "classes": [writer.add(one) for one in collector.classes],
            "generators": [writer.add(node, file) for file, node in generators],
            "by modules": by_modules,
            "by all": sorted(map(str, reads.by_all.modules)),
            "executed": list(map(str, reads.executed)),
            "reached out": list(map(str, reads.reached_out)),
            "efforts": efforts,
            "rows": writer.rows,
        }
        text = json.dumps(data, separators=(",", ":"))
    except (NotKept, ValueError, RecursionError):
        return None
    every = Read()
    for one in reads.by_modules.values():
        every.definitions |= one.definitions
    definitions = addresses.names(every.definitions)
    executed = [str(path) for path in reads.executed]
    return Image("", list(efforts), definitions, sorted(writer.touched), executed), text


def restore(
    text: str, interpreter: Interpreter, collector: FactCollector, addresses: ProjectAddresses
) -> dict[str, Effort]:
    """Put modules back as they were; returns what their top levels took.

    Raises:
        NotKept: the text is no image of the modules of this project.
    """
    try:
        data = json.loads(text)
        for path, is_there in data["files"]:
            if (interpreter.project.file(Path(path)) is not None) is not is_there:
                raise NotKept("other files")
        objects = read(data["rows"], interpreter, addresses)
        modules = [_of(ModuleScope, objects[number]) for number in data["modules"]]
        functions = [_of(Function, objects[number]) for number in data["functions"]]
        classes = [_of(Class, objects[number]) for number in data["classes"]]
        generators = {_of(CSTNode, objects[number]) for number in data["generators"]}
        by_modules = {}
        for path, (definitions, asked) in data["by modules"].items():
            one = by_modules[Path(path)] = Read()
            one.definitions = {objects[node]: objects[file] for node, file in definitions}
            one.modules = set(map(Path, asked))
        efforts = {str(path): (int(steps), int(imports)) for path, (steps, imports) in data["efforts"].items()}
        reads = interpreter.reads
        reads.restore(
            by_modules, *([Path(path) for path in data[key]] for key in ("by all", "executed", "reached out"))
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise NotKept("no image") from error
    interpreter.modules = {scope.path: scope for scope in modules}
    interpreter.generators |= generators
    for scope in modules:
        if scope.file is not None and scope.state == ModuleScope.DONE:
            scope.file.tree  # noqa: B018 - its code was looked at
    collector.functions[:], collector.classes[:] = functions, classes
    latest = latest_birth(objects)
    while birth() < latest:
        pass
    interpreter.start()  # an entry point that began before would take all of this for its own
    return efforts


def _of(kind: type[Any], value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    return value
