"""Trees as bytes, for who wants to read a file without parsing it: that takes a twentieth of the time.

Nodes of one kind that are equally high above the leaves form a group. A tree is the list of its
groups, from the leaves to the root, and of the sources that their fields are taken from, one number for each. A source
is a group before, which gives its next node, or a value that is written only once, such as a name or an operator.

So bytes can be trusted as little as the text of a program: whatever they are, no node comes from them but those below,
none is in two places, or within itself, and none is deeper in the tree than the number of groups. What they cannot
promise is that they were made from a certain text.
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections.abc import Iterator
from itertools import repeat, starmap
from operator import attrgetter
from typing import Any

from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.nodes import CSTNode, Module, fields_of, walk

#: Groups of a tree. Those of people have a few hundred; as deep as this is a chain of thousands of operators.
MOST_GROUPS = 20_000
#: What is neither a node nor written in a text.
_SHARED: tuple[object, ...] = (None, (), False, True, *nodes.OPERATORS.values())
#: Kinds by their numbers.
_KINDS = tuple(kind for kind in nodes.KINDS if not issubclass(kind, nodes.BaseOperator))
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_NAMES = {kind: tuple(each.name for each in fields_of(kind)) for kind in _KINDS}
#: How a number and a string look that `literal_eval` reads without recursion.
_NUMBER = re.compile(r"\.?\d(?:[eE][-+]\d|\w|\.)*")
_STRING = re.compile(
    r"""[a-zA-Z]{0,2}(?:(\"\"\"|''')(?:\\[\s\S]|(?!\1)[^\\])*\1|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*')"""
)
_LITERALS = {
    **{_NUMBERS[kind]: _NUMBER.fullmatch for kind in (nodes.Integer, nodes.Float, nodes.Imaginary)},
    _NUMBERS[nodes.SimpleString]: _STRING.fullmatch,
}


class Damaged(ValueError):
    """Bytes that are no tree."""


def packed(tree: Module) -> bytes | None:
    """A tree as bytes; None if it is nested so deeply that it is not worth the trouble."""
    members = _members(tree)
    if len(members) > MOST_GROUPS:
        return None
    keys = sorted(members)
    sources = {(type(value), value): number for number, value in enumerate(_SHARED)}
    values: list[str | int] = []
    for owned in members.values():
        for _, fields in owned:
            for value in fields:
                if type(value) in (str, int) and (type(value), value) not in sources:
                    sources[type(value), value] = len(_SHARED) + len(values)
                    values.append(value)
    first = len(_SHARED) + len(values)
    group_of = {id(one): first + number for number, key in enumerate(keys) for one, _ in members[key]}
    fields_by_id = {id(one): fields for owned in members.values() for one, fields in owned}
    # From the root on: how the nodes of a group follow each other is how those above take them.
    taken: dict[int, dict[int, list[object]]] = {group_of[id(tree)]: {0: [tree]}}
    written: list[list[int]] = []
    brackets: list[tuple[int, int, int]] = []
    for number in range(first + len(keys) - 1, first - 1, -1):
        row: list[int] = []
        own = [one for _, ones in sorted(taken.pop(number).items()) for one in ones]
        for position, one in enumerate(own):
            for value in fields_by_id[id(one)]:
                source = group_of.get(id(value))
                if source is None:
                    source = sources[type(value), value]
                else:
                    taken.setdefault(source, {}).setdefault(number, []).append(value)
                row.append(source)
            if isinstance(one, nodes.BaseExpression) and one.parentheses:
                brackets.append((number - first, position, one.parentheses))
        written.append(row)
    numbers = array("I", [source for row in reversed(written) for source in row])
    groups = [(code, len(members[height, code])) for height, code in keys]
    head = json.dumps([sys.byteorder, numbers.itemsize, values, groups, brackets], separators=(",", ":"))
    return head.encode() + b"\n" + numbers.tobytes()


def unpacked(data: bytes) -> Module:
    """The tree that bytes were made from.

    Raises:
        Damaged: they are no tree.
    """
    head, _, body = data.partition(b"\n")
    try:
        order, size, values, groups, brackets = json.loads(head)
        if (order, size) != (sys.byteorder, array("I").itemsize) or len(groups) > MOST_GROUPS:
            raise Damaged("another machine, or too deep")
        if any(type(value) is not str and type(value) is not int for value in values):
            raise Damaged("a value is neither a text nor a number")
        return _made(values, groups, brackets, array("I", body))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise Damaged(str(error)) from error


def _made(values: list[Any], groups: list[Any], brackets: list[Any], numbers: array[int]) -> Module:
    sources: list[Iterator[Any]] = [*map(repeat, _SHARED), *map(repeat, values)]
    source_of = sources.__getitem__
    made: list[list[Any]] = []
    start = 0
    left = len(numbers) + 1  # all nodes but the root are taken once, and each takes a number
    for code, count in groups:
        width = len(_NAMES[_KINDS[code]]) if code >= 0 else -code
        left -= count
        if count < 1 or left < 0 or count * width > len(numbers) - start:
            raise Damaged("more nodes than numbers")
        given = map(next, map(source_of, numbers[start : start + count * width]))
        start += count * width
        rows = zip(*[given] * width) if width else repeat((), count)
        group = list(starmap(_KINDS[code], rows) if code >= 0 else rows)
        if len(group) != count:
            raise Damaged("a group has fewer nodes than are taken")
        look = _LITERALS.get(code)
        if look is not None and not all(look(one.value) for one in group):
            raise Damaged("a number or a string that is none")
        made.append(group)
        sources.append(iter(group))
    for group_number, position, count in brackets:
        made[group_number][position].parentheses = count
    (tree,) = made[-1]
    if type(tree) is not Module:
        raise Damaged("no module")
    return tree


def _members(tree: Module) -> dict[tuple[int, int], list[tuple[object, tuple[Any, ...]]]]:
    """The nodes of a tree and the tuples in their fields, with what these hold, by how high they are and their kind.

    Leaves have the height 0. The kind of a tuple is the negative number of its parts.
    """
    heights: dict[int, int] = {}
    found: dict[tuple[int, int], list[tuple[object, tuple[Any, ...]]]] = {}
    for node in reversed([one for one in walk(tree) if type(one) in _NUMBERS]):
        fields = _READ[type(node)](node)
        height = 0
        for value in fields:
            if type(value) is tuple and value:
                above = 1 + max(heights[id(part)] for part in value)
                heights[id(value)] = above
                found.setdefault((above, -len(value)), []).append((value, value))
                height = max(height, above + 1)
            elif isinstance(value, CSTNode) and type(value) in _NUMBERS:
                height = max(height, heights[id(value)] + 1)
        heights[id(node)] = height
        found.setdefault((height, _NUMBERS[type(node)]), []).append((node, fields))
    return found


def _reader(names: tuple[str, ...]) -> Any:
    if len(names) > 1:
        return attrgetter(*names)
    return (lambda node: (getattr(node, names[0]),)) if names else (lambda node: ())


_READ = {kind: _reader(names) for kind, names in _NAMES.items()}
