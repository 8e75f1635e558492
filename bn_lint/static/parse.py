"""libcst, used with care: parsing, and positions."""

from __future__ import annotations

import gc
import re

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

#: CPython refuses deeper bracket nesting too; libcst would exhaust the stack.
MAX_NESTING = 200
#: Longer operator or attribute chains take libcst quadratic time.
MAX_CHAIN = 2500

_STRINGS_AND_COMMENTS = re.compile(
    r"""#[^\n]*|(\"\"\"|''')(?:\\.|(?!\1)[\s\S])*\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
)
_BRACKETS = re.compile(r"[()\[\]{}]")
_LONG_CHAIN = re.compile(rf"^(?:[^\n]*?(?:[-+*/%.|&]|\band\b|\bor\b|\()){{{MAX_CHAIN}}}", re.MULTILINE)


class ParseError(Exception):
    """The text is not Python. `line` and `column` are 1-based."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def parse(text: str) -> cst.Module:
    """Parse a module.

    Raises:
        ParseError: the text is not valid Python, or nested too deeply to be parsed.
    """
    _refuse_extremes(text)
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


def _refuse_extremes(text: str) -> None:
    """Raise ParseError for nesting and chains that a person does not write and that libcst does not survive."""
    if text.count("(") + text.count("[") + text.count("{") <= MAX_NESTING and len(text) < 4 * MAX_CHAIN:
        return
    stripped = _STRINGS_AND_COMMENTS.sub(lambda match: "\n" * match.group().count("\n"), text)
    depth = 0
    for match in _BRACKETS.finditer(stripped):
        depth += 1 if match.group() in "([{" else -1
        if depth > MAX_NESTING:
            line = stripped.count("\n", 0, match.start()) + 1
            raise ParseError(f"more than {MAX_NESTING} nested brackets", line)
    for number, line_text in enumerate(stripped.split("\n"), 1):
        if len(line_text) > 2 * MAX_CHAIN and _LONG_CHAIN.match(line_text) and line_text.count(",") < MAX_CHAIN // 4:
            raise ParseError(f"an expression of more than {MAX_CHAIN} operators", number)


def _first_line(message: str) -> str:
    return message.strip().split("\n", 1)[0]


def positions(module: cst.Module) -> dict[cst.CSTNode, tuple[int, int, int, int]]:
    """Return (line, column, end line, end column) of every node, 1-based."""
    resolved = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    return {
        node: (where.start.line, where.start.column + 1, where.end.line, where.end.column + 1)
        for node, where in resolved.items()
    }
