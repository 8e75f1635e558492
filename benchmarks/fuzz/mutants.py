"""Mutants of texts, of JSON documents, and of syntax trees. All choices are those of the random numbers given."""

from __future__ import annotations

import ast
import copy
import json
import re
import warnings
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

#: What is put in where it does not belong: parts of the syntax and of the formats, and characters that are special.
_ODD = (
    *("(", ")", "[", "]", "{", "}", '"', "'", '"""', "\\", "\n", "\r", "\t", "\f", "\0", "#", ":", ","),
    *("@", ":=", "*", "**"),
    *("=", "==", "->", "...", "async ", "await ", "lambda: ", "yield ", "match x:", "case _:", "def f():", "class C:"),
    *("%", "!"),
    *("%%", "?", "\ufeff", "\u2028", "\x85", "\x1b", "\u202e", "\U0001f600", "\ud800", "e\u0301", "1_0"),
    *("0x", "1e999", "-1"),
    *("null", "true", "NaN", "1" * 5000, "nn.BatchNorm2d(", "self.", "import ", "from . import *", "if 1:\n"),
    *("x.eval()", "[a-"),
    *('"\\ud800"', "\\u0000", "[[", "]]", "# bn-lint: ignore[", "# noqa"),
    *("# type: ignore", "-*- coding: ", "utf-16", "**/" * 9),
)  # fmt: skip
_PART = re.compile(r"\w+|[^\S\n]+|\n|.", re.DOTALL)
#: Values of every kind that JSON has, and sizes that nobody expects.
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**40, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "batchnorm", "nn.BatchNorm2d(", "code", "\0", "\ud800", "\n", "\r\n\f", "%%", "!", "../../x"),
    *("/dev/zero", "x" * 9999),
    *([], [[]], {}, {"": None}, [None], [1, "batchnorm"], ["a", ["b"]], {"cells": []}, [{}], {"path": 1, "line": "x"}),
)  # fmt: skip

#: What stands where the length of a message belongs, and where the name of that header does.
_LENGTHS = ("", "x", "-1", "9" * 9, "9" * 12, "9" * 5000, "1e3", "0x10", "\u0663", "\ud800", "1 2", "5, 5")
_NAMES = ("", "Content-Type", "Content_Length", "C\u00f6ntent-Length", "\0Content-Length", "Content-\r\nLength")
_EXTRA = b"Content-Type: application/vscode-jsonrpc; charset=utf-8"


def text(random: Random, seed: bytes) -> bytes:
    """A file with a few parts missing, doubled, exchanged or odd; sometimes with bytes that are no text."""
    data = bytearray(_text(random, seed.decode("utf-8")).encode("utf-8", "surrogatepass"))
    if data and random.random() < 0.1:
        for _ in range(random.randrange(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


def _text(random: Random, seed: str) -> str:
    parts = _PART.findall(seed)
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        if not parts:
            break
        at, other = random.randrange(len(parts)), random.randrange(len(parts))
        match random.randrange(7):
            case 0:
                del parts[at]
            case 1:
                parts[at:at] = parts[at : at + random.randrange(1, 30)]
            case 2:
                parts[at], parts[other] = parts[other], parts[at]
            case 3:
                parts[at] = random.choice(_ODD)
            case 4:
                parts.insert(at, random.choice(_ODD) * random.choice((1, 1, 1, 2, 50)))
            case 5:
                del parts[min(at, other) : min(at, other) + random.randrange(1, 40)]
            case _:
                del parts[at:]
    return "".join(parts)


def document(random: Random, seed: bytes) -> bytes:
    """A JSON document with a few values replaced, moved, doubled or missing; sometimes a mutant of its text."""
    if random.random() < 0.2:
        return text(random, seed)
    root = json.loads(seed)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        places = list(_places(root))
        if not places:
            break
        holder, key = random.choice(places)
        match random.randrange(6):
            case 0:
                del holder[key]
            case 1 | 2:
                holder[key] = copy.deepcopy(random.choice(_VALUES))
            case 3:
                other, source = random.choice(places)
                holder[key] = copy.deepcopy(other[source])
            case 4:
                holder[key] = random.choice(
                    [[holder[key]], {"source": holder[key]}, str(holder[key]), [holder[key]] * 3]
                )
            case _ if isinstance(holder[key], str):
                holder[key] = _text(random, holder[key])
            case _:
                holder[key] = copy.deepcopy(random.choice(_VALUES))
    return json.dumps(root, indent=random.choice((None, 1)), ensure_ascii=random.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every element of every list and object: what holds it, and under which key."""
    if isinstance(value, (list, dict)):
        for key in range(len(value)) if isinstance(value, list) else list(value):
            yield value, key
            yield from _places(value[key])


def program(random: Random, seed: bytes) -> bytes:
    """A valid Python file whose expressions and statements are exchanged, dropped, doubled and wrapped."""
    for _ in range(20):
        tree = ast.parse(seed)
        for _ in range(random.choice((1, 2, 4, 8))):
            random.choice(_CHANGES)(random, tree)
        try:
            changed = ast.unparse(ast.fix_missing_locations(tree))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                compile(changed, "mutant", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            continue
        return changed.encode("utf-8", "surrogatepass")
    return seed


def _replace_expression(random: Random, tree: ast.Module) -> None:
    holders = [
        (node, name, index)
        for node in ast.walk(tree)
        for name, value in ast.iter_fields(node)
        for index, child in (enumerate(value) if isinstance(value, list) else [(None, value)])
        if isinstance(child, ast.expr) and isinstance(getattr(child, "ctx", ast.Load()), ast.Load)
    ]
    if not holders:
        return
    node, name, index = random.choice(holders)
    giver, other, place = random.choice(holders)
    found = getattr(giver, other) if place is None else getattr(giver, other)[place]
    made = copy.deepcopy(found) if random.random() < 0.7 else random.choice(_EXPRESSIONS)(copy.deepcopy(found))
    if index is None:
        setattr(node, name, made)
    else:
        getattr(node, name)[index] = made


def _change_statements(random: Random, tree: ast.Module) -> None:
    blocks = [value for node in ast.walk(tree) for _, value in ast.iter_fields(node) if value and _is_block(value)]
    block, other = random.choice(blocks), random.choice(blocks)
    at = random.randrange(len(block))
    match random.randrange(4):
        case 0 if len(block) > 1:
            del block[at]
        case 1:
            other.insert(random.randrange(len(other) + 1), copy.deepcopy(block[at]))
        case 2:
            random.shuffle(block)
        case _:
            (wrapped,) = ast.parse(random.choice(_WRAPPERS)).body
            inner = wrapped.body[0] if isinstance(wrapped, ast.ClassDef) else wrapped
            inner.body = [block[at]]  # type: ignore[attr-defined]
            block[at] = wrapped


def _is_block(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, ast.stmt) for one in value)


_CHANGES: tuple[Callable[[Random, ast.Module], None], ...] = (_replace_expression, _change_statements)
_EXPRESSIONS: tuple[Callable[[ast.expr], ast.expr], ...] = (
    lambda one: ast.Tuple([one, one], ast.Load()),
    lambda one: ast.Call(one, [], []),
    lambda one: ast.Call(one, [ast.Starred(one, ast.Load())], [ast.keyword(None, one)]),
    lambda one: ast.Subscript(one, ast.Slice(None, one, None), ast.Load()),
    lambda one: ast.UnaryOp(ast.USub(), one),
    lambda one: ast.BinOp(one, ast.Mult(), ast.Constant(2**70)),
    lambda one: ast.Attribute(one, "eval", ast.Load()),
    lambda one: ast.Constant(None),
    lambda one: ast.Constant(-(10**20)),
    lambda one: ast.Constant(1e400),
    lambda one: ast.JoinedStr([ast.FormattedValue(one, -1, None)]),
    lambda one: ast.Lambda(ast.arguments([], [], None, [], [], None, []), one),
    lambda one: ast.ListComp(one, [ast.comprehension(ast.Name("x", ast.Store()), one, [one], 0)]),
    lambda one: ast.IfExp(one, one, one),
    lambda one: ast.NamedExpr(ast.Name("x", ast.Store()), one),
)
_WRAPPERS = (
    "while True: pass",
    "for x in range(10 ** 9): pass",
    "try: pass\nexcept* ValueError: pass" if hasattr(ast, "TryStar") else "try: pass\nfinally: pass",
    "with torch.no_grad() as y, z: pass",
    "def forward(self, *x, y=1, **z): pass",
    "async def step(x): pass",
    "class Net(nn.Module):\n    def __init__(self): pass",
    "if x: pass\nelse: raise",
)


def stream(random: Random, seed: bytes) -> bytes:
    """The messages of a conversation as they are sent, a few of them with headers that are damaged or odd."""
    return b"".join(_sent(random, json.dumps(message).encode()) for message in json.loads(seed))


def _sent(random: Random, body: bytes) -> bytes:
    if random.random() < 0.7:
        return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    length = random.choice((len(body), len(body) - 1, len(body) + 1, random.randrange(4 * len(body)), 0, -1))
    number = random.choice((str(length), str(length), f"+{length}", f"{length}.0", f"0{length}", *_LENGTHS))
    name = random.choice(("Content-Length", "Content-Length", "content-length", "Content-Length ", *_NAMES))
    line = f"{name}{random.choice((': ', ':', ':  ', ' '))}{number}".encode("utf-8", "surrogatepass")
    lines = random.choice(([line], [line, line], [line, _EXTRA], [_EXTRA, line], [_EXTRA], [line, b"X" * 100_000], []))
    end = random.choice((b"\r\n", b"\r\n", b"\n", b"\r", b""))
    header = end.join((*lines, b"", b""))
    if random.random() < 0.2:
        header = text(random, header.decode("latin-1").encode())
    return header + body
