"""Symbolic sizes against sympy, which knows algebra, and against numbers, which know everything."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import Expression, Symbol, add, floor_divide, multiply, subtract

sympy = pytest.importorskip("sympy")
pytestmark = pytest.mark.slow

#: The scheduled job tries more.
EXAMPLES = settings(max_examples=int(os.environ.get("BN_LINT_TEST_EXAMPLES", "200")), deadline=None)
NAMES = ("a", "b", "c")
SYMBOLS = {name: Symbol(name, free=True) for name in NAMES}
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "//": floor_divide,
}

#: A formula: a name, a number, or an operator between two formulas.
Formula = Any
leaves = st.sampled_from(NAMES) | st.integers(0, 6)


def formulas(operators: str) -> st.SearchStrategy[Formula]:
    names = operators.split()
    return st.recursive(leaves, lambda inner: st.tuples(st.sampled_from(names), inner, inner), max_leaves=8)


def size(formula: Formula) -> Any:
    """What bn-lint makes of a formula."""
    if isinstance(formula, str):
        return Expression.of(SYMBOLS[formula])
    if isinstance(formula, int):
        return formula
    operator, left, right = formula
    return _OPERATIONS[operator](size(left), size(right))


def algebra(formula: Formula) -> Any:
    """What sympy makes of it."""
    if isinstance(formula, str):
        return sympy.Symbol(formula, integer=True, positive=True)
    if isinstance(formula, int):
        return sympy.Integer(formula)
    operator, left, right = formula
    one, other = algebra(left), algebra(right)
    return {"+": lambda: one + other, "-": lambda: one - other, "*": lambda: one * other}[operator]()


def number(formula: Formula, values: dict[str, int]) -> int:
    """What Python computes when the names have values.

    Raises:
        ZeroDivisionError: a quotient is no size, which are at least one.
    """
    if isinstance(formula, str):
        return values[formula]
    if isinstance(formula, int):
        return formula
    operator, left, right = formula
    one, other = number(left, values), number(right, values)
    if operator == "//" and one // other < 1:
        raise ZeroDivisionError
    return {"+": one.__add__, "-": one.__sub__, "*": one.__mul__, "//": one.__floordiv__}[operator](other)


@EXAMPLES
@given(formulas("+ - *"), formulas("+ - *"))
def test_equal_polynomials_are_the_same(one: Formula, other: Formula) -> None:
    is_zero = sympy.expand(algebra(one) - algebra(other)) == 0
    assert (compare(size(one), size(other)) is Comparison.SAME) is is_zero


@EXAMPLES
@given(formulas("+ - *"))
def test_a_formula_equals_its_expansion(formula: Formula) -> None:
    expanded = sympy.Poly(algebra(formula), *(sympy.Symbol(name, integer=True, positive=True) for name in NAMES))
    total: Any = 0
    for powers, coefficient in expanded.terms():
        term: Any = int(coefficient)
        for name, power in zip(NAMES, powers):
            for _ in range(power):
                term = multiply(term, Expression.of(SYMBOLS[name]))
        total = add(total, term)
    assert compare(size(formula), total) is Comparison.SAME


@EXAMPLES
@given(formulas("+ - * //"), formulas("+ - * //"))
def test_what_is_proven_holds_for_every_size(one: Formula, other: Formula) -> None:
    try:
        said = compare(size(one), size(other))
    except ZeroDivisionError:
        return
    for values in itertools.product((1, 2, 3, 7), repeat=len(NAMES)):
        named = dict(zip(NAMES, values))
        try:
            left, right = number(one, named), number(other, named)
        except ZeroDivisionError:
            continue
        if said is Comparison.SAME:
            assert left == right
        elif said is Comparison.DIFFERENT:
            assert left != right
