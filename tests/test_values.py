"""The kinds of abstract values: what is surely true, what a module may hold, and what identifies a call."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from bn_lint.static.interpreter.lattice.equality import same
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.lattice.keys import Keys
from bn_lint.static.interpreter.lattice.truth import truth
from bn_lint.static.interpreter.store import Store
from bn_lint.static.interpreter.values import (
    REST,
    BoundMethod,
    Dict,
    DomainValue,
    External,
    Ghost,
    Instance,
    LibraryClass,
    List,
    Slice,
    Union,
    Unknown,
    Value,
    ValueIterator,
)
from bn_lint.static.torch_model.operations.layer_table import MODULE

_LAYER = LibraryClass("layer", (MODULE,))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Dict({"width": 1}), True),
        (Dict, False),
        (lambda: Dict(is_open=True), None),
        (lambda: Dict({"width": 1}, is_open=True), True),
        (lambda: List((None,)), True),
        (List, False),
        (lambda: List((), (1,)), None),
        (lambda: Union((1, "one")), True),
        (lambda: Union((0, "one")), None),
        (lambda: ValueIterator(()), True),
        (lambda: Slice(None, 3), True),
        (lambda: Fraction(1, 2), True),
        (lambda: Unknown("flag"), None),
        (lambda: External("library.flag"), None),
        (lambda: Instance(_LAYER, None), True),
        (DomainValue, True),
    ],
)
def test_truth(make: Callable[[], Value], expected: bool | None) -> None:
    assert truth(make()) is expected


def test_all_alternatives_of_a_child_and_all_samples_are_possible_children() -> None:
    first, second, third, fourth, fifth = (Instance(_LAYER, None) for _ in range(5))
    model = Instance(MODULE, None)
    model.cells["stem"] = first
    model.cells["head"] = Union((second, None, third))
    model.cells["width"] = Union((1, 2))
    REST.put(model, (Unknown("layers"), Union((fourth, fifth))))
    found = list(model.possible_children())
    assert {id(one) for one in found} == {id(one) for one in (first, second, third, fourth, fifth)}
    assert [name for name, _ in model.children()] == ["stem", "head"]


def test_a_ghost_cell_is_undone_and_joined_like_any_other() -> None:
    note: Ghost[int | str] = Ghost("note")
    store, owner = Store(), List()
    outer = store.fork()
    store.note(owner, note, 1)
    assert note.of(owner) == 1
    changes = store.rollback(outer)
    assert note.of(owner) is None
    assert [value for _, key, value in changes.values() if key is note] == [1]


def test_values_that_nothing_simple_determines_have_no_key() -> None:
    keys = Keys()
    values: list[Value] = [ValueIterator(()), Slice(), DomainValue(), List((), (1,))]
    assert [keys.of(value) for value in values] == [None] * len(values)
    assert keys.of(List((1, "a"))) == keys.of(List((1, "a"))) is not None
    assert keys.of(BoundMethod(Unknown("f"), 1)) != keys.of(BoundMethod(Unknown("f"), 1))


def test_modules_that_were_changed_alike_have_one_key() -> None:
    keys = Keys()
    inert: Ghost[int] = Ghost("mode", decides=False)
    first, second = Instance(_LAYER, None), Instance(_LAYER, None)
    store = Store()
    for module in (first, second):
        store.set(module, "width", 8)
    store.note(first, inert, 1)
    assert keys.of(first) == keys.of(second) is not None
    store.set(second, "width", 9)
    assert keys.of(first) != keys.of(second)
    store.set(
        first, "child", second
    )  # the child itself was changed: to compare whole trees at each call costs too much
    assert keys.of(first) is None
    second.template = object()
    assert keys.of(first) is not None


def test_join_keeps_what_all_branches_agree_on() -> None:
    joined = join([List((1, 2)), List((1, 2, 3))])
    assert isinstance(joined, List)
    assert (joined.items, joined.rest) == ((1, 2), (3,))
    assert same(join([(1, None), (1, None)]), (1, None))
    assert not same(True, 1)
