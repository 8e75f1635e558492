"""Parsing: what libcst would not survive is refused, in a time that is in proportion to the text. Positions."""

from __future__ import annotations

import contextlib
import time

import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from bn_lint.project.edits import NEWLINE
from bn_lint.static.syntax import parse
from bn_lint.static.syntax.positions import Positions

#: A text of about this many characters, and one of eight times as many.
SMALL, LARGE = 12_000, 96_000

#: Each repeats its second text as often as it takes.
GROWING = {
    "numbers on one line": ("W = [", "0.123456, ", "]\n"),
    "operators on one line": ("x = 1", " + 1", "\n"),
    "operators on many lines": ("x = (1", "\n + 1", ")\n"),
    "an open docstring with backslashes": ('def f():\n    """', "\\alpha + \\beta ", ""),
    "an open docstring, backslashes alone": ('"""', "\\", ""),
    "an open docstring with quotation marks in it": ('"""', '\\"""', "\\"),
    "an open string": ("x = '", "\\'", "\\"),
    "quotation marks": ("", '"', ""),
    "strings that are not closed": ("", "'\n", ""),
    "comments": ("", "#'\n", ""),
    "brackets": ("x = 1\n", "f(a)[0]\n", ""),
}


def grown(text: tuple[str, str, str], size: int) -> str:
    begin, middle, end = text
    return begin + middle * (size // len(middle)) + end


def seconds(text: str) -> float:
    began = time.process_time()
    with contextlib.suppress(parse.ParseError):
        parse.refuse_extremes(text)
    return time.process_time() - began


@pytest.mark.parametrize("text", GROWING.values(), ids=GROWING)
def test_the_first_look_takes_time_in_proportion_to_the_text(text: tuple[str, str, str]) -> None:
    short, long = grown(text, SMALL), grown(text, LARGE)
    # The sixty-four of a quadratic expression are far from the eight of a linear one, on any machine.
    limit = 24 * max(min(seconds(short) for _ in range(3)), 1e-4)
    assert any(seconds(long) < limit for _ in range(3))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("x = (1" + "\n + 1" * 3_000 + ")\n", "an expression of more than 2500 operators", 2_502),
        ("x = 1" + " + \\\n 1" * 3_000, "an expression of more than 2500 operators", 2_501),
        ("x = a" + ".b()" * 3_000, "an expression of more than 2500 operators", 1),
        ("x = (" + '"a"\n' * 3_000 + ")", "an expression of more than 2500 operators", 2_501),
        ("x = " + "-" * 12_000 + "1", "an expression of more than 2500 operators", 1),
        ("\n" * 9 + "(" * 300, "more than 200 nested brackets", 10),
    ],
)
def test_what_is_refused(text: str, message: str, line: int) -> None:
    with pytest.raises(parse.ParseError, match=message) as refused:
        parse.parse(text)
    assert refused.value.line == line


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "W = [" + "-0.5 * 2, " * 1_500 + "]\n",
        "W = {" + "'a': f(1).g + [2],\n" * 700 + "}\n",
        'x = """' + "((((" * 100 + "a + b " * 3_000 + '"""\n',
        "# " + "(" * 300 + " + " * 5_000 + "\n",
        "x = f(a).b + c[0]\n" * 1_300,
        "x = '\\\n" + "+" * 12_000 + "'\n",
    ],
)
def test_what_is_long_and_plain_is_parsed(text: str) -> None:
    assert parse.parse(text).code == text


SYNTAX = """\
# A comment, and two empty lines.


@decorated(1)
class A( B, metaclass = C ) : # behind
    '''Several
    lines.'''
    x: int = ( 1,
               2, )   ; y = [ *a ,] [ 1 : 2 ]

    async def f ( self , / , a = 1 , * , b : int = 2 , ** c ) -> None :
        if a : pass
        elif ( not b ) :
            return lambda x , * y : ( yield )
        else :

            # deep
            await g ( a , * b , k = f" { a !r: >{ b } } " ) . h
        # less deep
    # least deep
for i in range ( 3 ) :
\tprint ( i )   ;
while x : break
try :
    with ( a as b , c ) : del d
except ( E , F ) as e : raise G from e
finally :
    import a . b as c , d ; from . e import ( f , g as h , )
match x :
    case { "a" : [ 1 , * _ ] } if ( y := 1 ) : pass
{ a : b , ** c } ; { x for x in y if z } ; a @ b // - c ; a < b is not c ; "a" 'b'
# the end"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("text", [SYNTAX, SYNTAX + "\n", SYNTAX + "\n\n  \n", "", "\n", "# only\n"])
def test_positions_are_those_of_libcst(text: str, line_end: str) -> None:
    tree = parse.parse(text.replace("\n", line_end))
    positions = Positions(tree)
    for node, where in MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider).items():
        start, end = where.start, where.end
        assert positions.of(node) == (start.line, start.column + 1, end.line, end.column + 1), node
    lines = NEWLINE.split(tree.code)
    assert positions.lines[: len(lines)] == lines
