"""What the call sites of a definition have in common, as they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress

from bn_lint.static.interpreter.values import Function
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import ParseError, SourceFile
from bn_lint.static.syntax.tree import asked_once, walk
from bn_lint.static.syntax.written import code_of


def given_alike(name: str, function: Function, files: Iterable[SourceFile | None]) -> dict[str, str]:
    """The parameters that get the same as an earlier one wherever the files call a function, each with that one.

    `Block(width, width)` in each place makes one symbol of two parameters: a caller that nobody has seen does so, too.

    Args:
        name: What the calls name: the function, or the class that it constructs.
    """
    positional = [one for one in function.params.positional if one != "self"]
    sites = [dict(_given(call, positional)) for call in _calls_of(name, files)]
    found: dict[str, str] = {}
    if not sites or any("*" in site for site in sites):
        return found
    names = [one for one in sites[0] if all(one in site for site in sites)]
    for number, one in enumerate(names):
        first = next((other for other in names[:number] if all(site[one] == site[other] for site in sites)), None)
        if first is not None:
            found[one] = found.get(first, first)
    return found


def has_calls(name: str, files: Iterable[SourceFile | None]) -> bool:
    """Whether the files call anything by a name."""
    return next(_calls_of(name, files), None) is not None


def _calls_of(name: str, files: Iterable[SourceFile | None]) -> Iterator[cst.Call]:
    for file in files:
        if file is not None and f"{name}(" in file.source.text:
            with suppress(ParseError):
                yield from _calls_in(file).get(name, ())


@asked_once
def _calls_in(file: SourceFile) -> dict[str, list[cst.Call]]:
    """The calls in a file, by the last name of what they call."""
    found: defaultdict[str, list[cst.Call]] = defaultdict(list)
    for node in walk(file.tree):
        if type(node) is cst.Call:
            called = node.func.attr if type(node.func) is cst.Attribute else node.func
            if type(called) is cst.Name:
                found[called.value].append(node)
    return found


def _given(call: cst.Call, positional: list[str]) -> Iterator[tuple[str, str]]:
    """The parameters that a call names, or reaches by position, and what is written for them; `*`: it hides some."""
    for number, argument in enumerate(call.args):
        if argument.star or (argument.keyword is None and number >= len(positional)):
            yield "*", ""
        elif argument.keyword is not None:
            yield argument.keyword.value, code_of(argument.value)
        else:
            yield positional[number], code_of(argument.value)
