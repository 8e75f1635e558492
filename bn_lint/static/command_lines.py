"""Command lines of a program other than the one without options: those that take other branches.

Each of them is a way to run the program. What is found there holds for this way alone, and needs no guess about which
options go together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bn_lint.static.interpreter.values import List, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import walk

#: An option and what it is given.
Given = tuple[str, str | int]


class Program(NamedTuple):
    """A file that was run and that reads a command line.

    Attributes:
        options: The default and the choices of each option.
        decided: The conditions that were decided in it.
        used_models: Whether it called models with BatchNorm.
    """

    file: SourceFile
    options: dict[str, tuple[Value, Value]]
    decided: tuple[cst.If, ...]
    used_models: bool


def other_command_lines(program: Program, concerns: Callable[[cst.CSTNode], bool]) -> Iterator[Given]:
    """Yield options that conditions of concern ask about, with values other than the defaults."""
    options = {name: both for name, both in program.options.items() if isinstance(both[0], (str, int))}
    for node in program.decided:
        if concerns(node):
            asked = [given for test in _tests(node) for given in _asked(test, options)]
            others = [(name, value) for name, value in asked if value != options[name][0]]
            yield from others or (other for name, _ in asked[:1] for other in _choices(name, *options[name]))


def _tests(node: cst.If) -> Iterator[cst.BaseExpression]:
    """The conditions of an `if` and of the `elif`s behind it."""
    while True:
        yield node.test
        if not isinstance(node.orelse, cst.If):
            return
        node = node.orelse


def _choices(name: str, default: Value, choices: Value) -> Iterator[Given]:
    """What else an option may be."""
    items = choices.items if isinstance(choices, List) else choices if isinstance(choices, tuple) else ()
    return ((name, one) for one in items if isinstance(one, (str, int)) and one != default)


def _asked(test: cst.BaseExpression, options: dict[str, tuple[Value, Value]]) -> Iterator[Given]:
    """What a test compares options with: constants of their kind."""
    for node in walk(test):
        if type(node) is not cst.Comparison or type(node.comparisons[0].operator) not in (cst.Equal, cst.In):
            continue
        sides = (node.left, node.comparisons[0].comparator)
        for one, other in (sides, sides[::-1]):
            name = one.attr.value if isinstance(one, cst.Attribute) else getattr(one, "value", None)
            if isinstance(name, str) and name in options:
                kind = type(options[name][0])
                yield from ((name, value) for value in _constants(other) if type(value) is kind)


def _constants(node: cst.BaseExpression) -> Iterator[str | int]:
    if isinstance(node, (cst.SimpleString, cst.Integer)):
        value = ast.literal_eval(node.value)
        if isinstance(value, (str, int)):
            yield value
    elif isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        for element in node.elements:
            yield from _constants(element.value)
