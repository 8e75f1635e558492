"""Trees as bytes: they come back as they were, and nothing that could harm comes from other bytes."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bn_lint.static.interpreter.deep_stack import with_deep_stack
from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.lower import read
from bn_lint.static.syntax.packed import MOST_GROUPS, Damaged, packed, unpacked

from .test_nodes import MORE, dump
from .test_parse import SYNTAX

ROOT = Path(__file__).parent.parent
TEXT = "def f(a, b=1):\n    return (a + b, 'x' * 2)\n"


def pack(text: str) -> bytes:
    data = packed(read(text))
    assert data is not None
    return data


@pytest.mark.parametrize("text", [SYNTAX, MORE, TEXT, "", "\n", "x", "'\\ud800'\n", "((((x))))\n"])
def test_a_tree_comes_back(text: str) -> None:
    assert dump(unpacked(pack(text))) == dump(read(text))


@pytest.mark.parametrize("folder", ["bn_lint/static/syntax", "tests/corpus"])
def test_the_trees_of_programs_come_back(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert dump(unpacked(pack(text))) == dump(read(text)), path


def test_operators_are_the_same_objects() -> None:
    found = [node for node in nodes.walk(unpacked(pack("a + b - c\n"))) if isinstance(node, nodes.BaseOperator)]
    assert {id(one) for one in found} == {id(nodes.OPERATORS[kind]) for kind in (nodes.Add, nodes.Subtract)}


def test_nodes_are_objects_of_their_own() -> None:
    tree = unpacked(pack("pass\npass\nx\nx\n"))
    assert len({id(node) for node in nodes.walk(tree)}) == len(list(nodes.walk(tree))) == 11


def test_what_is_nested_too_deeply_is_left_alone() -> None:
    tree: nodes.BaseExpression = nodes.Name("x")
    for _ in range(MOST_GROUPS):
        tree = nodes.Attribute(tree, nodes.Name("y"))
    line = nodes.SimpleStatementLine((nodes.Expr(tree),))
    assert packed(nodes.Module((line,))) is None


def test_long_chains_come_back() -> None:
    text = f"x = {' + '.join('abc' * 800)}\n"
    assert with_deep_stack(lambda: dump(unpacked(pack(text))) == dump(read(text)))


def changed(data: bytes, change: Callable[[list[Any], list[int]], None]) -> bytes:
    """Bytes with other groups, values or numbers."""
    head, _, body = data.partition(b"\n")
    numbers = array("I", body)
    parts, values = json.loads(head), list(numbers)
    change(parts, values)
    return json.dumps(parts).encode() + b"\n" + array("I", values).tobytes()


def group(parts: list[Any], kind: type[nodes.CSTNode]) -> list[int]:
    """The group of a kind of node."""
    from bn_lint.static.syntax.packed import _NUMBERS

    found: list[int] = next(each for each in parts[3] if each[0] == _NUMBERS[kind])
    return found


def take_twice(parts: list[Any], numbers: list[int]) -> None:
    """Both elements of the pair are the sum: more nodes are taken from a group than it has."""
    last = max(numbers)
    numbers[-2] = numbers[-1] = last


def no_end(parts: list[Any], numbers: list[int]) -> None:
    """A node that is its own part."""
    numbers[-1] = max(numbers) + 1


def very_many(parts: list[Any], numbers: list[int]) -> None:
    group(parts, nodes.Integer)[1] = 10**12


def very_wide(parts: list[Any], numbers: list[int]) -> None:
    parts[3][0][0] = -(10**9)


def none_at_all(parts: list[Any], numbers: list[int]) -> None:
    parts[3][0][1] = 0


def negative(parts: list[Any], numbers: list[int]) -> None:
    parts[3][0][1] = -1


def leaves_without_end(parts: list[Any], numbers: list[int]) -> None:
    from bn_lint.static.syntax.packed import _NUMBERS

    parts[3].insert(0, [_NUMBERS[nodes.Pass], 10**12])


def nested_literal(parts: list[Any], numbers: list[int]) -> None:
    parts[2][parts[2].index("2")] = "-" * 100_000 + "1"


def nested_string(parts: list[Any], numbers: list[int]) -> None:
    parts[2][parts[2].index("'x'")] = f"'' + {'-' * 100_000}''"


def nothing_named(parts: list[Any], numbers: list[int]) -> None:
    parts[2][0] = None


def no_kind(parts: list[Any], numbers: list[int]) -> None:
    parts[3][0][0] = 10_000


def too_deep(parts: list[Any], numbers: list[int]) -> None:
    parts[3] *= MOST_GROUPS


def brackets_of_nothing(parts: list[Any], numbers: list[int]) -> None:
    parts[4].append([10_000, 0, 1])


def another_machine(parts: list[Any], numbers: list[int]) -> None:
    parts[0] = "middle"


def no_module(parts: list[Any], numbers: list[int]) -> None:
    parts[3].pop()


@pytest.mark.parametrize(
    "change",
    [
        *(take_twice, no_end, very_many, very_wide, none_at_all, negative, leaves_without_end, nested_literal),
        *(nested_string, nothing_named, no_kind, too_deep, brackets_of_nothing, another_machine, no_module),
    ],
    ids=lambda change: change.__name__,
)
def test_what_is_no_tree_is_refused(change: Callable[[list[Any], list[int]], None]) -> None:
    data = changed(pack(TEXT), change)
    with pytest.raises(Damaged):
        unpacked(data)


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"[]\n", b"[1,2,3,4,5]\n", b"[" * 100_000, pack(TEXT)[:-1], b"\x80\x04.\n"]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Damaged):
        unpacked(data)


def test_whatever_the_bytes_are_each_node_is_in_one_place() -> None:
    random, data = Random(0), pack(TEXT)
    for _ in range(2000):
        other = bytearray(data)
        for _ in range(random.randint(1, 3)):
            other[random.randrange(len(other))] = random.choice((random.randrange(256), random.randrange(48, 58)))
        try:
            tree = unpacked(bytes(other))
        except Damaged:
            continue
        found = [id(node) for node in nodes.walk(tree) if not isinstance(node, nodes.BaseOperator)]
        assert len(found) == len(set(found))
