"""Programs that change what they have made: what bn-lint knows of it is held against what Python makes of it.

Functions read names of the module, tables, attributes of objects and classes, and change them; between calls of these
the program does the same. There is nothing to decide in most of them, so that whatever is known must be true. In some,
a command line decides that nobody knows: what is known then must be true of either way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from sys import _getframe
from typing import NamedTuple

from bn_lint.project.source import load
from bn_lint.static.analyze import analyze
from bn_lint.static.interpreter.deep_stack import with_deep_stack


class Language(NamedTuple):
    """What programs consist of; `$n` stands for a value of kind `n`.

    Attributes:
        values: The expressions of each kind.
        changes: Statements that change something.
        changes_outside: Those that stand outside of functions.
        shown: What is shown at the end, which everything before may have changed.
    """

    values: dict[str, tuple[str, ...]]
    changes: tuple[str, ...]
    changes_outside: tuple[str, ...]
    shown: tuple[str, ...]


#: Numbers, lists, objects and dictionaries.
STATE = Language(
    {
        "n": (
            *("1", "2", "7", "N", "M", "Box.kind", "len($l)", "$l[0]", "$l[-1]", "sum($l)", "$o.v", "$o.get()"),
            *("$o.first()", "$o.kind", "$d['a']", "$d.get('c', 9)", "len($d)", "$n + $n"),
        ),
        "l": ("L", "[1]", "[2, 3]", "T['l']", "Box.items", "[$n]", "[*$l, $n]", "list($l)"),
        "o": ("O", "Box(3)", "T['o']", "Box($n)", "$o.put($n)"),
        "d": ("D", "{'a': 4}", "dict($d)", "{'a': $n}"),
    },
    (
        *("N = $n", "M = $n", "$l.append($n)", "$l[0] = $n", "$l.extend(list($l))", "$o.v = $n", "$o.put($n)"),
        *("$o.kind = $n", "Box.kind = $n", "Box.items = $l", "T['l'] = $l", "T['o'] = $o", "$d['a'] = $n"),
        *("$d['c'] = $n", "$d.update(a=$n)", "$d.setdefault('c', $n)", "$d.pop('c', None)"),
    ),
    ("L = $l", "O = $o", "D = $d"),
    (
        *("N", "M", "sum(D.values())", "len(D)", "len(L)", "L[-1]", "O.v", "O.kind", "Box.kind", "len(Box.items)"),
        *("sum(T['l'])", "T['o'].v", "T['o'].kind"),
    ),
)

#: Numbers and modules.
MODELS = Language(
    {
        "n": (
            *("1", "2", "4", "N", "Part.kind", "D['n']", "len(S)", "$o.v", "$o.get()", "$o.kind", "$o.options['w']"),
            *("$o(X).shape[1]", "$c.width"),
        ),
        "c": ("C", "Settings(3)", "Settings(1)"),
        "o": (
            "O",
            "P",
            "H",
            "D['o']",
            "Held($c)",
            "Part(3)",
            "Cut(3)",
            "S[0]",
            "S[1]",
            "Part($n)",
            "Cut(2, $o)",
            "$o.put(2)",
        ),
    },
    (
        *("N = $n", "$o.v = 1", "$o.v = 3", "$o.put(2)", "$o.kind = $n", "Part.kind = $n", "$o.options['w'] = 2"),
        *("D['n'] = $n", "D['o'] = $o", "S.append($o)", "S[0] = $o", "setattr($o, 'v', 2)", "$o.part = Part(2)"),
        *("$o.part = None", "$o.options = {'w': 1}", "$c.width = 1", "$c.width = 3"),
    ),
    ("O = $o", "P = $o"),
    (
        *("N", "O.v", "P.v", "O.kind", "P.kind", "D['n']", "D['o'].v", "len(S)", "S[0].v", "O(X).shape[1]"),
        *("P(X).shape[1]", "S(X).shape[1]", "P.options['w']", "D['o'](X).shape[1]"),
        *("C.width", "H(X).shape[1]"),
    ),
)

#: The same with what is followed through conditions that are not known. Not in it: a name that means another object on
#: one branch (it means a copy behind it), an attribute of the class that an object has of its own on one branch, and
#: changes behind a `return` on one branch.
BRANCHES = STATE._replace(
    changes=tuple(one for one in STATE.changes if not re.fullmatch(r"\S+ = \$[ldo]|\S+\.kind = .*", one)),
    changes_outside=(),
)

_PLACE = re.compile(r"\$(\w)")
#: Expressions within expressions.
_DEEPEST = 2
#: Digits of a number that says something; longer ones come of programs that double again and again.
_LONGEST = 6


class _Function(NamedTuple):
    name: str
    parameters: tuple[tuple[str, str], ...]
    kind: str


class _Writer:
    """Writes one program; with `branches`, one with conditions that are not known."""

    def __init__(self, random: Random, language: Language, *, branches: bool = False) -> None:
        self._random, self._language, self._branches = random, language, branches
        self._functions: list[_Function] = []

    def program(self) -> str:
        random = self._random
        lines = [line for number in range(random.randrange(2, 6)) for line in self._function(number)]
        names: list[tuple[str, str]] = []
        for _ in range(random.randrange(5, 13)):
            chance = random.random()
            if chance < 0.4:
                lines.append(self._change(names, outside=True))
            elif chance < 0.6:
                function = random.choice(self._functions)
                names.append((f"v{len(names)}", function.kind))
                lines.append(f"{names[-1][0]} = {self._call(function, names[:-1], 0)}")
            elif chance < 0.7:
                lines.append(f"for i in range({random.randrange(1, 4)}):")
                within = [*names, ("i", "n")]
                lines += [f"    {self._change(within, outside=True)}" for _ in range(random.randrange(1, 3))]
            elif chance < 0.85 and self._branches:
                for test in random.choice((["if LATER:"], ["if not LATER:"], ["if LATER:", "else:"])):
                    lines.append(test)
                    lines += [f"    {self._change(names, outside=True)}" for _ in range(random.randrange(1, 3))]
            else:
                lines.append(f"reveal({self._value('n', names, 0)})")
        lines += [f"reveal({shown})" for shown in self._language.shown]
        return "\n".join((*lines, ""))

    def _function(self, number: int) -> list[str]:
        random, kinds = self._random, "".join(self._language.values)
        parameters = tuple((name, random.choice(kinds)) for name in "ab"[: random.randrange(3)])
        kind = random.choice(kinds)
        body = []
        if random.random() < 0.4:
            body.append("global N, M")
            body += [self._change(parameters, outside=False) for _ in range(random.randrange(1, 3))]
        if not self._branches and random.random() < 0.2:
            test = f"if {self._value('n', parameters, 0)} > {random.randrange(5)}:"
            body += (test, f"    return {self._value(kind, parameters, 0)}")
        body.append(f"return {self._value(kind, parameters, 0)}")
        self._functions.append(_Function(f"f{number}", parameters, kind))
        head = f"def f{number}({', '.join(name for name, _ in parameters)}):"
        return ["", "", head, *(f"    {line}" for line in body), "", ""]

    def _change(self, names: Sequence[tuple[str, str]], *, outside: bool) -> str:
        language = self._language
        changes = (*language.changes, *language.changes_outside) if outside else language.changes
        return self._filled(self._random.choice(changes), names, 0)

    def _value(self, kind: str, names: Sequence[tuple[str, str]], depth: int) -> str:
        random, values = self._random, self._language.values[kind]
        own = [name for name, one in names if one == kind]
        if own and random.random() < 0.4:
            return random.choice(own)
        functions = [one for one in self._functions if one.kind == kind]
        if functions and depth < _DEEPEST and random.random() < 0.35:
            return self._call(random.choice(functions), names, depth)
        if depth >= _DEEPEST:
            values = tuple(one for one in values if "$" not in one)
        return self._filled(random.choice(values), names, depth)

    def _call(self, function: _Function, names: Sequence[tuple[str, str]], depth: int) -> str:
        given = (self._value(kind, names, depth + 1) for _, kind in function.parameters)
        return f"{function.name}({', '.join(given)})"

    def _filled(self, template: str, names: Sequence[tuple[str, str]], depth: int) -> str:
        return _PLACE.sub(lambda found: self._value(found[1], names, depth + 1), template)


def state(random: Random, seed: bytes) -> bytes:
    """A program about numbers, lists, objects and dictionaries."""
    return _program(random, seed, STATE)


def model(random: Random, seed: bytes) -> bytes:
    """A program about modules."""
    return _program(random, seed, MODELS)


def branching(random: Random, seed: bytes) -> bytes:
    """A program about numbers, lists, objects and dictionaries, with conditions that are not known."""
    return _program(random, b"import sys\n\nLATER = len(sys.argv) > 99\n" + seed, BRANCHES, branches=True)


def _program(random: Random, seed: bytes, language: Language, *, branches: bool = False) -> bytes:
    """A program that runs to its end, with numbers that one can read."""
    while True:
        data = seed + _Writer(random, language, branches=branches).program().encode()
        try:
            shown = _run(data.decode())
        except (LookupError, TypeError, RuntimeError, RecursionError):
            continue
        if all(len(str(number)) <= _LONGEST for numbers in shown.values() for number in numbers):
            return data


def _run(text: str) -> dict[int, list[int]]:
    """Run a program; returns what it has shown, by line."""
    shown: dict[int, list[int]] = {}

    def reveal(value: int) -> None:
        shown.setdefault(_getframe(1).f_lineno, []).append(value)

    names = {"reveal": reveal, "__name__": __name__}
    with _without_gradients(text):
        exec(compile(text, "program.py", "exec"), names)
    return shown


def _without_gradients(text: str) -> AbstractContextManager[object]:
    if "import torch" not in text:
        return nullcontext()
    import torch

    return torch.no_grad()


def compare_states(path: Path) -> None:
    """Follow a program, and see that it shows what it shows when it runs.

    Raises:
        AssertionError: something is known that is not so.
    """
    shown = _run(path.read_text(encoding="utf-8"))
    analysis = with_deep_stack(lambda: analyze([load(path, display=path.name)]))
    for one in analysis.revealed:
        numbers = known(one.message)
        real = shown[one.place.line]
        assert not numbers or set(real) & numbers, f"line {one.place.line} shows {real[0]}, and not {one.message}"


def known(revealed: str) -> set[int]:
    """The numbers of which one is shown; empty if that is not known."""
    parts = revealed.split(" or ")
    return set(map(int, parts)) if all(part.isdecimal() for part in parts) else set()
