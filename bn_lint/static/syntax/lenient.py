"""Reading files that are not valid Python: old spellings, and definitions that cannot be read.

What is parsed instead of the text has the same lines, and the same columns wherever something is judged, so that places
in it are places in the file. Nothing else ever sees it: messages and fixes are about the file as it is.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from bn_lint.project.edits import NEWLINE, Span, Text, replaced
from bn_lint.static.syntax.lower import read
from bn_lint.static.syntax.nodes import Module
from bn_lint.static.syntax.parse import ParseError, Parser, TooLarge, parse

# Takes time in proportion to the text, as those of `parse.py` do: a string without end goes on to the end of the text,
# or of the line.
_TOKEN = re.compile(
    r"""(?P<comment>#[^\r\n]*)"""
    r"""|(?P<string>[rRbBuUfF]{0,2}(?:(\"\"\"|''')(?:\\[\s\S]|(?!\3)[^\\])*(?:\3|\\?\Z)"""
    r"""|"(?:\\(?:\r\n|[\s\S])|[^"\\\r\n])*"?|'(?:\\(?:\r\n|[\s\S])|[^'\\\r\n])*'?))"""
    r"""|(?P<newline>\r\n|\n|\r)|(?P<space>[ \t\f]+|\\(?:\r\n|\n|\r))"""
    r"""|(?P<name>[^\W\d]\w*)|(?P<number>\.?\d(?:[eE][-+]\d|[\w.])*)|(?P<marker>^(?:<{7}|\|{7}|={7}|>{7})(?=[\s]|\Z))"""
    r"""|(?P<operator><>|[!=<>]=|[\s\S])""",
    re.MULTILINE,
)
_TABS = re.compile(r"^ *\t[ \t]*", re.MULTILINE)
#: No line of an expression that goes on begins like this: a bracket before it was not closed.
_STATEMENTS = frozenset(
    {"@", "assert", "break", "class", "continue", "def", "del", "elif", "except", "finally", "from", "global"}
    | {"import", "nonlocal", "pass", "raise", "return", "try", "while", "with"}
)
#: Clauses belong to the statement before them.
_CLAUSES = frozenset({"elif", "else", "except", "finally"})
_COMPOUND = _CLAUSES | {"@", "async", "class", "def", "for", "if", "match", "try", "while", "with"}
_OPERATORS = frozenset({"and", "else", "for", "if", "in", "is", "or"})
_OLD_OCTAL = re.compile(r"0+[1-7][0-7]*[lL]?")
_LONG = re.compile(r"(?:\d+|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)[lL]")
_UNICODE_RAW = re.compile("[uU][rR]")
#: What stands for everything that could not be read. No program has a name for it.
_UNREADABLE = "__unreadable__"
_BUILTINS = frozenset(dir(builtins))


class Token(NamedTuple):
    kind: str | None
    text: str
    start: int
    #: How many brackets are open around it.
    depth: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Statement(NamedTuple):
    """A simple statement, or the head of a compound one."""

    tokens: tuple[Token, ...]
    #: Where its line begins, if it is the first in it.
    line_start: int | None

    @property
    def is_indented(self) -> bool:
        return self.line_start is not None and self.tokens[0].start != self.line_start

    @property
    def is_outer(self) -> bool:
        """Whether it begins at the left margin."""
        return self.tokens[0].start == self.line_start

    @property
    def word(self) -> str:
        return self.tokens[0].text


@dataclass(frozen=True)
class Reading:
    """What could be read of a file.

    Attributes:
        tree: Without its layout.
        text: What was parsed: it has the lines and columns of the file.
        error: Why it is not valid Python, if it is not.
        left_out: The lines, from first to last, that were not understood.
        is_python_2: Whether it has spellings that only Python 2 knows.
    """

    tree: Module
    text: str
    error: ParseError | None = None
    left_out: tuple[tuple[int, int], ...] = ()
    is_python_2: bool = False


def read_leniently(text: str, parse: Parser = parse) -> Reading:
    """Parse a file, or as much of it as can be understood.

    Raises:
        ParseError: too little of it is Python.
    """
    try:
        return Reading(read(text, parse), text)
    except TooLarge:
        raise
    except ParseError as error:
        blanks = _with_blanks(text)
        if blanks is not None:
            with suppress(ParseError):
                return Reading(read(blanks, parse), blanks)
        return _understood(text, error, parse)


def _with_blanks(text: str) -> str | None:
    """The text with a blank for each tab before a line, if Python reads the same in it, and at the same places.

    libcst does not always find the blocks of lines that are indented by both.
    """
    blanks = _TABS.sub(lambda match: " " * len(match.group()), text)
    if blanks == text:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the program, which nobody asked for
            is_same = _dumped(blanks) == _dumped(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return blanks if is_same else None


def _dumped(text: str) -> str:
    return ast.dump(ast.parse(text), include_attributes=True)


def _understood(text: str, error: ParseError, parse: Parser) -> Reading:
    spans = list(_old_spellings(text))
    spelled = replaced(text, spans)
    is_python_2 = any(text[span.start : span.end] not in ("async", "await") for span in spans)
    if spans:
        try:
            return Reading(read(spelled, parse), spelled, error, is_python_2=is_python_2)
        except ParseError:
            pass
    blocks = _blocks(spelled)
    unread = _unread(blocks, spelled)
    lost = _lost(blocks, unread)
    kept = [block for index, block in enumerate(blocks) if index not in lost]
    if not kept:
        raise error
    imported = frozenset(name for block in kept for name in block.imports)
    edits = []
    for index in lost:
        block = blocks[index]
        bound = block.defines if block.is_definition and index not in unread else block.names - _BUILTINS - imported
        edits.append(Span(block.start, block.end, _stand_in(block, bound, spelled)))
    try:
        made = replaced(spelled, edits)
        tree = read(made, parse)
    except ParseError:
        raise error from None
    lines = Text(text)
    left_out = (blocks[index].extent for index in sorted(unread))
    numbers = tuple((lines.position(first)[0], lines.position(last)[0]) for first, last in left_out)
    return Reading(tree, made, error, numbers, is_python_2)


# -- tokens ---------------------------------------------------------------------------------------------------------


def _tokens(text: str) -> Iterator[Token]:
    """The tokens of any text, with line ends where statements may end, and without comments and white space."""
    depth = 0
    line_start = 0
    is_first = True
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup, match.group()
        if kind in ("comment", "space"):
            continue
        if is_first and (found in _STATEMENTS or kind == "marker"):
            if depth:  # the line end before it was taken for one in brackets
                yield Token("newline", "", line_start, 0)
            depth = 0
        is_first = kind == "newline"
        if kind == "newline":
            line_start = match.end()
            if not depth:
                yield Token(kind, found, match.start(), 0)
            continue
        if kind == "operator" and found in ")]}":
            depth = max(depth - 1, 0)
        yield Token(kind, found, match.start(), depth)
        if kind == "operator" and found in "([{":
            depth += 1


def _statements(text: str) -> Iterator[Statement]:
    tokens: list[Token] = []
    line_start: int | None = 0
    for token in _tokens(text):
        is_end = token.depth == 0 and (token.kind == "newline" or token.text in (";", ":"))
        if token.kind != "newline" and token.text != ";":
            tokens.append(token)
        if is_end:
            if tokens:
                yield Statement(tuple(tokens), line_start)
                tokens, line_start = [], None
            if token.kind == "newline":
                line_start = token.end
    if tokens:
        yield Statement(tuple(tokens), line_start)


# -- old spellings --------------------------------------------------------------------------------------------------


def respelled(text: str) -> str:
    """The text with what is spelled as in Python 2, or before Python 3.7, spelled as today, in as many characters.

    None of these spellings is valid now, so valid code stays as it is.
    """
    return replaced(text, _old_spellings(text))


def _old_spellings(text: str) -> Iterator[Span]:
    return (span for statement in _statements(text) for span in _respelled(statement))


def _respelled(statement: Statement) -> Iterator[Span]:
    tokens = statement.tokens
    first = tokens[0]
    if first.text in ("print", "exec") and len(tokens) > 1 and _begins_value(tokens[1]):
        # A tuple: what is printed is evaluated.
        yield Span(first.start, first.end, "None," if first.text == "print" else "any,")
    if first.text == "raise":
        comma = next((token for token in tokens if token.text == "," and token.depth == 0), None)
        if comma is not None:
            for token in tokens[tokens.index(comma) :]:
                yield Span(token.start, token.end, re.sub(r"[^\r\n]", " ", token.text))
            tokens = tokens[: tokens.index(comma)]
    is_quoted = False
    nothing = Token(None, "", 0, 0)
    for before, token, after in zip((nothing, *tokens), tokens, (*tokens[1:], nothing)):
        content = None
        if token.text == "async" and after.text not in ("def", "for", "with"):
            content = "asyn_"
        elif token.text == "await" and (before.text == "." or not _begins_operand(after)):
            content = "awai_"
        elif token.text == "<>":
            content = "!="
        elif token.text == "`":
            content = ")" if is_quoted else "("
            is_quoted = not is_quoted
        elif token.kind == "number" and _OLD_OCTAL.fullmatch(token.text):
            content = f"_{token.text[1:]}"  # some number
        elif token.kind == "number" and _LONG.fullmatch(token.text):
            content = f"{token.text[:-1]} "
        elif token.kind == "string" and _UNICODE_RAW.match(token.text):
            content = f" {token.text[1:]}"
        if content is not None:
            yield Span(token.start, token.end, content)


def _begins_value(token: Token) -> bool:
    """Whether a token can follow a statement's keyword, and cannot follow a name."""
    return token.kind in ("number", "string") or token.text in ("{", "`") or _is_word(token)


def _begins_operand(token: Token) -> bool:
    """Whether a token can follow `await`."""
    return token.kind in ("number", "string") or token.text in ("(", "[", "{") or _is_word(token)


def _is_word(token: Token) -> bool:
    return token.kind == "name" and token.text not in _OPERATORS


# -- what cannot be read --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """A statement at the left margin with all that belongs to it."""

    start: int
    end: int
    statements: Sequence[Statement]

    @property
    def extent(self) -> tuple[int, int]:
        """Where its first and its last token begin."""
        return self.statements[0].tokens[0].start, self.statements[-1].tokens[-1].start

    @property
    def is_definition(self) -> bool:
        return self.statements[0].word in ("@", "async", "class", "def")

    @property
    def defines(self) -> list[str]:
        """The functions and classes in it; of a definition only itself."""
        names = [
            name.text
            for statement in self.statements
            for word, name in pairwise(statement.tokens)
            if word.text in ("class", "def") and name.kind == "name"
        ]
        return names[:1] if self.is_definition else names

    @property
    def imports(self) -> set[str]:
        imports = [statement for statement in self.statements if statement.word in ("from", "import")]
        return {token.text for statement in imports for token in statement.tokens if token.kind == "name"}

    @property
    def names(self) -> set[str]:
        return {name for name, is_attribute in self.words() if not is_attribute}

    def words(self) -> Iterator[tuple[str, bool]]:
        """The names in it, and whether they are those of attributes."""
        for statement in self.statements:
            before = ""
            for token in statement.tokens:
                if token.text.isidentifier() and not keyword.iskeyword(token.text):
                    yield token.text, before == "."
                before = token.text

    @property
    def interrupts(self) -> bool:
        """Whether it stands in the middle of the statement before it."""
        return self.statements[0].word not in _COMPOUND and any(one.is_indented for one in self.statements[1:])


def _blocks(text: str) -> list[_Block]:
    """The statements at the left margin. A clause belongs to the one before it, a decorator to the one behind it."""
    groups: list[list[Statement]] = []
    is_decorated = False
    for statement in _statements(text):
        goes_on = statement.word in _CLAUSES or statement.word in ")]}" or statement.tokens[0].kind == "marker"
        if groups and (not statement.is_outer or goes_on or is_decorated):
            groups[-1].append(statement)
        else:
            groups.append([statement])
        if statement.is_outer:
            is_decorated = statement.word == "@"
    starts = [0, *(group[0].line_start or 0 for group in groups[1:])]
    return [_Block(*each) for each in zip(starts, [*starts[1:], len(text)], groups)]


def _unread(blocks: Sequence[_Block], text: str) -> set[int]:
    """Those that are not valid Python, and those that such a one interrupts."""
    unread: set[int] = set()
    for index in reversed(range(len(blocks))):
        block = blocks[index]
        try:
            parse(text[block.start : block.end])
        except ParseError:
            unread.add(index)
        if index and index in unread and block.interrupts:
            unread.add(index - 1)
    return unread


def _lost(blocks: Sequence[_Block], unread: Iterable[int]) -> set[int]:
    """Those that cannot be read, and the definitions that they use: who knows how."""
    defining: dict[str, list[int]] = {}
    for index, block in enumerate(blocks):
        for name in block.defines:
            defining.setdefault(name, []).append(index)
    lost: set[int] = set()
    pending = list(unread)
    while pending:
        index = pending.pop()
        if index not in lost:
            lost.add(index)
            for name in blocks[index].names:
                pending.extend(defining.pop(name, ()))
    return lost


def _stand_in(block: _Block, bound: Iterable[str], text: str) -> str:
    """As many lines of code that make names unknown, and that mention the attributes that the block mentions."""
    attributes = sorted({name for name, is_attribute in block.words() if is_attribute})
    mentioned = ", ".join(f"{_UNREADABLE}.{name}" for name in attributes)
    code = " = ".join([*sorted(bound), f"{_UNREADABLE}({mentioned})"])
    return code + "".join(NEWLINE.findall(text[block.start : block.end]))
