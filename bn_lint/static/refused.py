"""Files of which the parser takes only a part, or nothing."""

from __future__ import annotations

from bn_lint.facts import Evidence, Place, Problem
from bn_lint.static.syntax.parse import ParseError, TooLarge
from bn_lint.static.syntax.source_files import SourceFile


def problem_of(file: SourceFile) -> tuple[list[Problem], bool]:
    """What is wrong with a file, if anything, and whether some of it can be read."""
    try:
        reading = file.reading
    except TooLarge as error:
        place = Place(file.display, 1, 1, 1, 1)
        return [Problem("BN903", f"it was not checked: {error.message}", place)], False
    except ParseError as error:
        return [_syntax_error(file, error)], False
    if reading.error is None:
        return [], True
    left_out = tuple(_left_out(file, first, last) for first, last in reading.left_out)
    return [_syntax_error(file, reading.error, left_out)], True


def _syntax_error(file: SourceFile, error: ParseError, left_out: tuple[Evidence, ...] | None = None) -> Problem:
    place = Place(file.display, error.line, error.column, error.line, error.column)
    return Problem("BN902", error.message, place, left_out=left_out)


def _left_out(file: SourceFile, first: int, last: int) -> Evidence:
    lines = (
        f"these {last - first + 1} lines, and what they use, are" if last > first else "this line, and what it uses, is"
    )
    return Evidence(f"{lines} not checked", Place(file.display, first, 1, first, 1))
