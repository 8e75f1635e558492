"""What holds for the operations on abstract values, whatever kind they are of."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest

from bn_lint.facts.dims import Expression, Symbol, TracedInt
from bn_lint.native import COMPILED
from bn_lint.project.source import Source
from bn_lint.static.interpreter import values
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.lattice.copying import clone
from bn_lint.static.interpreter.lattice.equality import equal, identical, same
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.lattice.keys import Keys, is_key
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.values import (
    ABSENT,
    Axis,
    BoundMethod,
    Builtin,
    Class,
    ClassMethod,
    Dict,
    DomainValue,
    External,
    Field,
    Function,
    Imported,
    Instance,
    LibraryClass,
    List,
    ModuleScope,
    Parameters,
    Partial,
    Property,
    Slice,
    StaticMethod,
    Super,
    Tensor,
    Union,
    Unknown,
    Value,
    ValueIterator,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile

_FILE = SourceFile(Source(Path("model.py"), "model.py", ""))
_MODULE = ModuleScope("model", Path("model.py"), _FILE)
_FRAME = Frame(_MODULE, _FILE, _MODULE.cells)
_FUNCTION = Function(
    "f",
    cst.FunctionDef(cst.Name("f"), cst.Parameters(), cst.IndentedBlock(())),
    Parameters((), 0, (), None, None, {}),
    {},
    _FRAME,
    _FILE,
)
_CLASS = Class("C", cst.ClassDef(cst.Name("C"), cst.IndentedBlock(())), (), _FRAME, _FILE)
_PATTERN = re.compile("a")
_UNKNOWN = Unknown("width")

#: Of each kind one or two.
SAMPLES: tuple[Value, ...] = (
    *(True, 0, 64, 0.5, 1j, Fraction(1, 2), "a", b"a", ..., None, range(3), _PATTERN, _PATTERN.match("a")),
    *(Expression.of(Symbol("n", free=True)), Tensor((Axis(64),)), Tensor(ranked=False), (), (64, "a")),
    *(List(), List((1, 2)), List((1,), (2,)), Dict(), Dict({"a": 1}), Dict(is_set=True), ValueIterator((1,))),
    *(Instance(_CLASS, None), _CLASS, LibraryClass("layer"), External("library.layer"), _FUNCTION),
    *(Builtin("len", lambda interpreter, arguments, ref: None), _MODULE, Imported(_MODULE, "f"), Field()),
    *(BoundMethod(_FUNCTION, 1), Partial(_FUNCTION, (1,), ()), Property(_FUNCTION), StaticMethod(_FUNCTION)),
    *(ClassMethod(_FUNCTION), Super(_CLASS, 1), Slice(None, 3), NodeRef(_FILE, _FUNCTION.node)),
    *(_UNKNOWN, Union((1, "one")), ABSENT, DomainValue()),
)


@pytest.mark.skipif(COMPILED, reason="to mypyc a value is anything")
def test_there_is_a_sample_of_each_kind() -> None:
    union: str = vars(values)["Value"]
    kinds = {kind.partition("[")[0].rpartition(".")[2] for kind in union.split(" | ")} - {"EllipsisType", "None"}
    assert {type(value).__name__ for value in SAMPLES} - {type(...).__name__, "NoneType"} == kinds


@pytest.mark.parametrize("value", SAMPLES, ids=lambda value: type(value).__name__)
def test_each_operation_knows_each_kind(value: Value) -> None:
    assert same(value, value)
    assert equal(value, value) is not False
    assert identical(value, value) is not False
    assert truth(value) in (True, False, None)
    Keys().of(value)
    assert is_key(value) in (True, False)
    assert truth(clone(value)) is truth(value)
    joined = join([value, value])
    assert joined.values == value.values if isinstance(joined, Union) and isinstance(value, Union) else joined is value


@pytest.mark.parametrize("a", SAMPLES, ids=lambda value: type(value).__name__)
def test_each_operation_knows_each_pair_of_kinds(a: Value) -> None:
    for b in SAMPLES:
        assert same(a, b) is same(b, a)
        assert equal(a, b) is equal(b, a)
        assert not same(a, b) or equal(a, b) is not False
        there = join([a, b]), join([b, a])
        assert type(there[0]) is type(there[1])
        if isinstance(a, Unknown) and b is not ABSENT:
            assert isinstance(there[0], Unknown if not isinstance(b, Tensor) else Tensor)


def test_branches_that_agree_lose_nothing() -> None:
    makers = [lambda: (64, "a"), lambda: Slice(0, 3), lambda: BoundMethod(_FUNCTION, 1), lambda: range(3)]
    for make in cast("list[Any]", makers):
        assert same(join([make(), make()]), make())


def test_what_python_calls_equal_is_known_of_constants() -> None:
    constants = [value for value in SAMPLES if isinstance(value, values.CONSTANTS)]
    for a, b in product(constants, constants):
        assert equal(a, b) is (a == b)
    assert equal(Fraction(1, 2), 0.5) is True
    assert equal(range(3), range(3)) is True


def test_places_that_branches_noted_are_kept_apart() -> None:
    other = cst.Name("other")
    first, second = NodeRef(_FILE, _FUNCTION.node), NodeRef(_FILE, other)
    assert join([first, NodeRef(_FILE, _FUNCTION.node)]) == first
    joined = join([first, second])
    assert isinstance(joined, Union)
    assert joined.values == (first, second)


def test_traced_numbers_are_the_same_by_value_and_origin() -> None:
    planes, width = (Expression.of(Symbol(name)) for name in ("planes", "width"))
    assert same(TracedInt(64, planes), TracedInt(64, planes))
    assert not same(TracedInt(64, planes), TracedInt(32, planes))
    assert not same(TracedInt(64, planes), TracedInt(64, width))
