"""libcst's parser, used with care."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from typing import TypeAlias

import libcst as cst

#: CPython refuses deeper bracket nesting too; libcst would exhaust the stack.
MAX_NESTING = 200
#: Longer operator or attribute chains take libcst quadratic time.
MAX_CHAIN = 2500
#: Words and signs of a file. libcst takes seconds for so many, and half a gigabyte; those that people write have fewer.
MAX_TOKENS = 80_000
#: Characters of a file, most of which may be in texts and comments.
MAX_CHARACTERS = 4_000_000
#: Characters of a project of which all trees are remembered.
_MOST_REMEMBERED = 300_000

# Both take time in proportion to the text, whatever it is: no two branches begin alike, and a string without end goes
# on to the end of the text, or of the line, instead of being tried again from the next character.
_STRINGS_AND_COMMENTS = re.compile(
    r"""#[^\n]*|(\"\"\"|''')(?:\\[\s\S]|(?!\1)[^\\])*(?:\1|\\?\Z)"""
    r"""|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?"""
)
_WORD_OR_SIGN = re.compile(r"\w+|[^\s\w]")
_BRACKETS_AND_LINKS = re.compile(
    r"""\\\r?\n|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>[,;\n\r])"""
    r"""|(?P<link>[-+*/%@.|&^~]|["']|\b(?:and|or|not|if|else|lambda|await)\b)"""
)


Parser: TypeAlias = Callable[[str], cst.Module]


class ParseError(Exception):
    """The text is not Python. `line` and `column` are 1-based."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class TooLarge(ParseError):
    """The text may be Python, but takes too long to parse and to judge."""


def parse(text: str) -> cst.Module:
    """Parse a module.

    Raises:
        ParseError: the text is not valid Python, or nested too deeply to be parsed.
        TooLarge: it is too large.
    """
    refuse_extremes(text)
    # Parsing allocates many small objects that all survive: collecting garbage meanwhile is wasted work.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise ParseError(_first_line(error.message), error.editor_line, error.editor_column) from None
    except (RecursionError, MemoryError, ValueError, UnicodeError) as error:
        raise ParseError(f"the file cannot be parsed ({error})") from None
    finally:
        if collecting:
            gc.enable()


def parse_expression(text: str) -> cst.BaseExpression:
    """Parse an expression.

    Raises:
        ParseError: the text is none.
    """
    try:
        return cst.parse_expression(text)
    except cst.ParserSyntaxError as error:
        raise ParseError(_first_line(error.message), error.editor_line, error.editor_column) from None


def remembering() -> Parser:
    """`parse` for who asks twice: it has the trees of the texts that it parsed, unless these are many.

    They take some 100 bytes a character, and up to ten times as much where every line is short.
    """
    trees: dict[str, cst.Module] = {}
    characters = 0

    def parsed(text: str) -> cst.Module:
        nonlocal characters
        found = trees.get(text)
        if found is None:
            found = parse(text)
            characters += len(text)
            if characters <= _MOST_REMEMBERED:
                trees[text] = found
            else:
                trees.clear()
        return found

    return parsed


def refuse_extremes(text: str) -> None:
    """Raise ParseError for nesting and chains that a person does not write and that libcst does not survive.

    A chain is what becomes nested in the tree without brackets: operators, attributes and calls one after the other,
    adjacent strings.
    """
    if text.count("(") + text.count("[") + text.count("{") <= MAX_NESTING and len(text) < MAX_CHAIN:
        return
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(f"it has more than {MAX_CHARACTERS:,} characters")
    stripped = _STRINGS_AND_COMMENTS.sub(_without_content, text)
    if len(stripped) > MAX_TOKENS and len(_WORD_OR_SIGN.findall(stripped)) > MAX_TOKENS:
        raise TooLarge(f"it has more than {MAX_TOKENS:,} words and signs")
    chain, chains = 0, []  # the links so far between these brackets, and between those around them
    for match in _BRACKETS_AND_LINKS.finditer(stripped):
        kind = match.lastgroup
        if kind == "open":
            chains.append(chain + 1)
            chain = 0
            if len(chains) > MAX_NESTING:
                raise ParseError(f"more than {MAX_NESTING} nested brackets", _line_at(stripped, match))
        elif kind == "close":
            chain = chains.pop() if chains else 0
        elif kind == "link":
            chain += 1
        elif kind == "end" and (not chains or match.group() == ","):
            chain = 0
        if chain > MAX_CHAIN:
            raise ParseError(f"an expression of more than {MAX_CHAIN} operators", _line_at(stripped, match))


def _without_content(match: re.Match[str]) -> str:
    """What stands for a string or a comment: one quotation mark or none, and its line breaks."""
    found = match.group()
    return ("" if found[0] == "#" else found[0]) + "\n" * found.count("\n")


def _line_at(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _first_line(message: str) -> str:
    return message.strip().split("\n", 1)[0]
