"""One change in one constructor call: the operators, and the order in which their mutants are tried."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

from benchmarks.mutation.sites import Site, Span

OPERATORS = {
    "literal": "a written width becomes another number",
    "scaled": "a computed width is doubled (or halved, or grows by eight)",
    "swapped": "the width becomes another parameter of the same function",
    "dropped": "a factor or term of the width goes away",
    "variant": "`BatchNorm1d`, `2d` or `3d` becomes another of them",
}
#: The change that changes nothing. A finding about it is a false alarm.
CONTROL = "control"
#: Mutants of one call by one operator.
PER_CALL = 3

_WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024, 2048)


@dataclass(frozen=True)
class Mutant:
    """A change of one file.

    Attributes:
        path: The file, relative to the folder that holds the package.
        line: The line that changes; lines never move.
        before: The text that is replaced.
        after: What replaces it.
        span: Where `before` stands.
        stack: Files of the package whose functions were active at the constructor call, the innermost first.
    """

    operator: str
    path: str
    line: int
    before: str
    after: str
    span: Span
    stack: tuple[str, ...]

    def apply(self, source: bytes) -> str:
        """The text of the changed file."""
        lines = source.splitlines(keepends=True)
        line, column, _, end = self.span
        changed = lines[line - 1]
        lines[line - 1] = changed[:column] + self.after.encode() + changed[end:]
        return b"".join(lines).decode()


def mutants(site: Site, source: bytes, rng: random.Random) -> list[list[Mutant]]:
    """The mutants of a site, one list for each operator that applies to it."""
    found: dict[str, list[Mutant]] = {}
    for operator, span, after in _changes(site, source, rng):
        mutant = _mutant(site, source, operator, span, after)
        if mutant is not None and mutant.before != after:
            found.setdefault(operator, []).append(mutant)
    return [each[:PER_CALL] for each in found.values()]


def control(site: Site, source: bytes) -> Mutant | None:
    """The same program, written differently."""
    width = _expression(source, site.width)
    return None if width is None else _mutant(site, source, CONTROL, site.width, f"{_operand(width, source)} * 1")


def plan(groups: Iterable[list[Mutant]], rng: random.Random) -> list[Mutant]:
    """All mutants in the order in which they are tried: operators take turns, and each call comes once before twice."""
    by_operator: dict[str, list[list[Mutant]]] = {name: [] for name in OPERATORS}
    for group in groups:
        by_operator[group[0].operator].append(group)
    queues = []
    for lists in by_operator.values():
        rng.shuffle(lists)
        queues.append([mutant for turn in zip_longest(*lists) for mutant in turn if mutant is not None])
    return [mutant for turn in zip_longest(*queues) for mutant in turn if mutant is not None]


def _changes(site: Site, source: bytes, rng: random.Random) -> Iterator[tuple[str, Span, str]]:
    width = _expression(source, site.width)
    if width is not None:
        if isinstance(width, ast.Constant):
            others = [each for each in _WIDTHS if each != width.value]
            for number in rng.sample(others, PER_CALL):
                yield "literal", site.width, str(number)
        else:
            operand = _operand(width, source)
            for change in ("* 2", "// 2", "+ 8"):
                yield "scaled", site.width, f"{operand} {change}"
        text = _text(source, site.width)
        names = {node.id for node in ast.walk(width) if isinstance(node, ast.Name)}
        for name in rng.sample(site.parameters, len(site.parameters)):
            if name not in names and name != text:
                yield "swapped", site.width, name
        yield from (("dropped", *change) for change in islice(_dropped(width, site.width, source), PER_CALL))
    for name in site.variants:
        span = _name_span(site, source)
        if span is not None:
            yield "variant", span, name


def _dropped(width: ast.expr, where: Span, source: bytes) -> Iterator[tuple[Span, str]]:
    """Each operation of the width, replaced by one of its operands."""
    for node in ast.walk(width):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.FloorDiv, ast.Div, ast.Add, ast.Sub)):
            left, right = (_text(source, _moved(each, where)) for each in (node.left, node.right))
            commutes = isinstance(node.op, (ast.Mult, ast.Add))
            kept = [left, right] if commutes else [left]
            if commutes and isinstance(node.left, (ast.Constant, ast.Attribute)):
                kept.reverse()
            yield _moved(node, where), kept[0]


def _expression(source: bytes, span: Span) -> ast.expr | None:
    if span[0] != span[2]:
        return None
    return ast.parse(_text(source, span), mode="eval").body


def _moved(node: ast.expr, where: Span) -> Span:
    """The place in the file of a part of a one-line expression that was parsed on its own."""
    assert node.end_col_offset is not None
    return where[0], where[1] + node.col_offset, where[0], where[1] + node.end_col_offset


def _operand(width: ast.expr, source: bytes) -> str:
    text = ast.unparse(width)
    simple = isinstance(width, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant))
    return text if simple else f"({text})"


def _text(source: bytes, span: Span) -> str:
    line = source.splitlines()[span[0] - 1]
    return line[span[1] : span[3]].decode()


def _name_span(site: Site, source: bytes) -> Span | None:
    line, column, _, _ = site.span
    text = source.splitlines()[line - 1]
    start = text.find(b"BatchNorm", column)
    return None if start < 0 else (line, start, line, start + len(b"BatchNorm2d"))


def _mutant(site: Site, source: bytes, operator: str, span: Span, after: str) -> Mutant | None:
    if span[0] != span[2]:
        return None
    return Mutant(operator, site.path, span[0], _text(source, span), after, span, tuple(site.stack))
