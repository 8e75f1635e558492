"""Sizes of tensor dimensions: known, symbolic, or unknown.

A dimension is an `int`, an `Expression` over the user's own names (`planes * 4`), or `None` when nothing is known.
Expressions are kept in one normal form, a polynomial, so that two widths which are written differently but mean the
same compare equal without a solver: `2 * (planes + planes)` is `4 * planes`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import ClassVar, Union
from weakref import WeakValueDictionary

from bn_lint.native import interpreted

Coefficient = Union[int, Fraction]
Number = Union[int, float, Fraction]


@interpreted
class Symbol:
    """One indivisible unknown number.

    `free` says that the name is a parameter of the code under judgment: its author may pass any value, so two
    different free symbols must be expected to differ. Everything else (a result that could not be computed) is opaque:
    two opaque symbols may well be equal, and no finding may rest on their difference. `owner` is where the class is
    defined whose parameter it is. `exact` is, for the floor of a quotient, the quotient itself: the two are equal
    where it divides evenly. Where the divisor has symbols of its own, `quotient` is the dividend with the divisor's
    symbols and factor.
    `counts` says that it is a counter or an index rather than a size: in the first pass of a loop it is zero. `least`
    is the least value it may have, for a counter whose first passes are over; it is not negative. `computed` says of a
    quotient how it comes about: the operator and both sides. `is_field` says that it was read from another parameter,
    such as a setting from a configuration: whoever wrote that makes its fields fit each other.
    """

    __slots__ = (
        *("__weakref__", "computed", "counts", "exact", "free", "is_field", "least", "name", "owner", "quotient"),
        "serial",
    )
    _count: ClassVar = 0

    def __init__(self, name: str, *, free: bool = False, owner: object = None, counts: bool = False) -> None:
        self.name = shortened(name)
        self.free = free
        self.owner = owner
        self.counts = counts
        self.is_field = False
        self.least: int | None = None
        self.exact: Expression | None = None
        self.quotient: tuple[Expression | Coefficient, Monomial, Coefficient] | None = None
        self.computed: tuple[str, Number | Expression, Number | Expression] | None = None
        Symbol._count += 1
        self.serial = Symbol._count

    def __repr__(self) -> str:
        return self.name


Monomial = tuple[Symbol, ...]
#: Symbols that are in use: what they stand for is gone with them, or a server would keep all it has ever read. Hence
#: no key leads to the state of an analysis, in which the symbol would stay in use.
_structural: WeakValueDictionary[tuple[object, ...], Symbol] = WeakValueDictionary()


def structural_symbol(name: str, key: tuple[object, ...], *, free: bool, owner: object = None) -> Symbol:
    """Return the one symbol for a computation, so that the same computation gives the same symbol again."""
    found = _structural.get(key)
    if found is None:
        found = _structural[key] = Symbol(name, free=free, owner=owner)
    return found


def parameter_symbol(name: str, owner: Hashable) -> Symbol:
    """Return the one symbol for a parameter of a class: `owner` is where that is defined."""
    return structural_symbol(name, ("parameter", owner, name), free=True, owner=owner)


#: Polynomials beyond these limits are symbols of their own.
_MAX_TERMS = 32
_MAX_DEGREE = 16
_MAX_BITS = 1024
#: Letters of a symbol's name, and of a size in a message.
_MAX_NAME = 80


class Expression:
    """A polynomial over symbols with rational coefficients, in normal form."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Monomial, Coefficient]) -> None:
        self.terms = terms
        self._hash: int | None = None

    @staticmethod
    def of(symbol: Symbol) -> Expression:
        return Expression({(symbol,): 1})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __reduce__(self) -> tuple[type[Expression], tuple[dict[Monomial, Coefficient]]]:
        # The compiled build needs to be told.
        return Expression, (self.terms,)

    @property
    def symbols(self) -> set[Symbol]:
        return {symbol for monomial in self.terms for symbol in monomial}

    @property
    def is_free(self) -> bool:
        """Whether every symbol is a parameter of the judged code."""
        return all(symbol.free for symbol in self.symbols)

    @property
    def single_symbol(self) -> Symbol | None:
        """The symbol, when the expression is nothing but one symbol."""
        if len(self.terms) == 1:
            ((monomial, coefficient),) = self.terms.items()
            if coefficient == 1 and len(monomial) == 1:
                return monomial[0]
        return None

    def __str__(self) -> str:
        parts = []
        for monomial, coefficient in sorted(self.terms.items(), key=lambda t: [s.serial for s in t[0]] or [1 << 60]):
            factors = [symbol.name for symbol in monomial]
            if len(self.terms) > 1:
                factors = [f"({name})" if " + " in name else name for name in factors]
            # `a // 2 * b` reads as it is meant, `b * a // 2` does not.
            factors[1:] = [f"({name})" if " / " in name or " // " in name else name for name in factors[1:]]
            if coefficient != 1 or not factors:
                factors.append(str(coefficient))
            parts.append(" * ".join(factors))
        return " + ".join(parts).replace("+ -", "- ") or "0"

    def __repr__(self) -> str:
        return str(self)


@interpreted
class TracedInt(int):
    """A known integer that remembers how it was computed from the constructor's parameters.

    It behaves as a plain `int` everywhere; arithmetic through `add`, `subtract`, `multiply` and `floor_divide` keeps
    the origin. The origin lets a rule tell the literal `64` from the parameter whose value happens to be 64.
    """

    origin: Expression

    def __new__(cls, value: int, origin: Expression) -> TracedInt:
        self = int.__new__(cls, value)
        self.origin = origin
        return self

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        return int, (int(self),)


Dim = Union[int, Expression, None]


def _terms(value: Number | Expression) -> dict[Monomial, Coefficient]:
    if isinstance(value, Expression):
        return value.terms
    if isinstance(value, int):
        return {(): int(value)} if value else {}
    if isinstance(value, float):
        value = Fraction(value).limit_denominator(10**6)
    return {(): _whole(value)} if value else {}


def _origin_terms(value: Number | Expression) -> dict[Monomial, Coefficient]:
    return value.origin.terms if isinstance(value, TracedInt) else _terms(value)


def _whole(value: Number) -> Coefficient:
    if isinstance(value, int):
        return int(value)
    fraction = Fraction(value)
    return fraction.numerator if fraction.denominator == 1 else fraction


def _simplify(terms: dict[Monomial, Coefficient]) -> Expression | Coefficient:
    kept = {monomial: c if type(c) is int else _whole(c) for monomial, c in terms.items() if c}
    if not kept:
        return 0
    if len(kept) == 1 and () in kept:
        return kept[()]
    if (
        len(kept) > _MAX_TERMS
        or any(len(monomial) > _MAX_DEGREE for monomial in kept)
        or any(max(c.numerator.bit_length(), c.denominator.bit_length()) > _MAX_BITS for c in kept.values())
    ):
        # What a loop has piled up is no width of a layer: it is a number, and the same one when computed again.
        return Expression.of(structural_symbol("?", ("sum", frozenset(kept.items())), free=False))
    return Expression(kept)


def _combine(
    a: Number | Expression, b: Number | Expression, symbolic: Callable[..., Expression | Coefficient], value: int | None
) -> Expression | Coefficient:
    if value is None:
        # A known value counts as that value among symbols: its origin would hide that it is known.
        return symbolic(_terms(a), _terms(b))
    if not isinstance(a, TracedInt) and not isinstance(b, TracedInt):
        return value
    result = symbolic(_origin_terms(a), _origin_terms(b))
    if isinstance(result, Expression):
        return TracedInt(value, result)
    return value


def _concrete(a: object, b: object, compute: Callable[[int, int], int]) -> int | None:
    if isinstance(a, int) and isinstance(b, int):
        return compute(int(a), int(b))
    return None


def _sum(a: dict[Monomial, Coefficient], b: dict[Monomial, Coefficient]) -> Expression | Coefficient:
    terms = dict(a)
    for monomial, coefficient in b.items():
        terms[monomial] = terms.get(monomial, 0) + coefficient
    return _simplify(terms)


def _product(a: dict[Monomial, Coefficient], b: dict[Monomial, Coefficient]) -> Expression | Coefficient:
    terms: dict[Monomial, Coefficient] = {}
    for left, x in a.items():
        for right, y in b.items():
            monomial = tuple(sorted(left + right, key=_serial)) if left and right else left + right
            terms[monomial] = terms.get(monomial, 0) + x * y
    return _simplify(terms)


def _serial(symbol: Symbol) -> int:
    return symbol.serial


def add(a: Number | Expression, b: Number | Expression) -> Expression | Coefficient:
    return _combine(a, b, _sum, _concrete(a, b, int.__add__))


def subtract(a: Number | Expression, b: Number | Expression) -> Expression | Coefficient:
    def symbolic(x: dict[Monomial, Coefficient], y: dict[Monomial, Coefficient]) -> Expression | Coefficient:
        return _sum(x, {monomial: -c for monomial, c in y.items()})

    return _combine(a, b, symbolic, _concrete(a, b, int.__sub__))


def multiply(a: Number | Expression, b: Number | Expression) -> Expression | Coefficient:
    return _combine(a, b, _product, _concrete(a, b, int.__mul__))


def divide(a: Number | Expression, b: Number | Expression) -> Expression | Coefficient:
    """True division. A quotient of expressions that is no polynomial becomes one structural symbol."""
    divisor = _fraction(b)
    if divisor:
        factor = 1 / divisor
        return _product(_terms(a), {(): factor}) if isinstance(a, Expression) else _whole(Fraction(a) * factor)
    exact = _exact_quotient(_terms(a), _terms(b))
    if exact is not None:
        return exact
    return quotient_symbol("/", a, b)


def _fraction(value: Number | Expression) -> Fraction | None:
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    return Fraction(value).limit_denominator(10**6) if isinstance(value, float) and math.isfinite(value) else None


def floor_divide(a: Number | Expression, b: Number | Expression) -> Expression | Coefficient:
    """Floor division, exact where every coefficient divides evenly, one structural symbol otherwise."""
    value = _concrete(a, b, int.__floordiv__) if b else None

    def symbolic(x: dict[Monomial, Coefficient], y: dict[Monomial, Coefficient]) -> Expression | Coefficient:
        exact = _exact_quotient(x, y)
        if exact is not None and _is_integral(exact):
            return exact
        return quotient_symbol("//", a, b)

    return _combine(a, b, symbolic, value)


def truncate(a: Number | Expression) -> Expression | Coefficient:
    """`int(a)` for a size, which is never negative."""
    if not isinstance(a, Expression):
        if isinstance(a, TracedInt):
            return a
        return int(a)
    if _is_integral(a):
        return a
    denominator = math.lcm(*(Fraction(c).denominator for c in a.terms.values()))
    return floor_divide(multiply(a, denominator), denominator)


def _is_integral(value: Expression | Coefficient) -> bool:
    if isinstance(value, Expression):
        return all(isinstance(c, int) for c in value.terms.values())
    return isinstance(value, int)


def _exact_quotient(a: dict[Monomial, Coefficient], b: dict[Monomial, Coefficient]) -> Expression | Coefficient | None:
    if len(b) != 1:
        return 1 if a == b and b else None
    ((divisor, factor),) = b.items()
    terms: dict[Monomial, Coefficient] = {}
    for monomial, coefficient in a.items():
        rest = list(monomial)
        for symbol in divisor:
            if symbol not in rest:
                return None
            rest.remove(symbol)
        terms[tuple(rest)] = _ratio(coefficient, factor)
    return _simplify(terms)


def _ratio(a: Coefficient, b: Coefficient) -> Coefficient:
    if type(a) is int and type(b) is int and a % b == 0:
        return a // b
    return Fraction(a) / Fraction(b)


def quotient_symbol(operator: str, a: Number | Expression, b: Number | Expression) -> Expression:
    """The one symbol for a quotient that is no polynomial."""
    key = (operator, frozenset(_terms(a).items()), frozenset(_terms(b).items()))
    symbol = _structural.get(key)
    if symbol is None:
        left, right = (_parenthesized(_simplify(_terms(x))) for x in (a, b))
        free = all(symbol.free for x in (a, b) for monomial in _terms(x) for symbol in monomial)
        symbol = structural_symbol(f"{left} {operator} {right}", key, free=free)
        symbol.counts = any(one.counts for monomial in _terms(a) for one in monomial)
        symbol.computed = operator, a, b
    if operator == "//" and isinstance(b, int) and b and symbol.exact is None:
        quotient = _product(_terms(a), {(): Fraction(1, int(b))})
        symbol.exact = quotient if isinstance(quotient, Expression) else None
    elif isinstance(b, Expression) and len(b.terms) == 1:
        symbol.quotient = (_simplify(_terms(a)), *next(iter(b.terms.items())))
    return Expression.of(symbol)


def _parenthesized(value: object) -> str:
    text = str(value)
    return f"({text})" if " " in text else text


def origin_of(dim: Dim) -> Expression | None:
    """The expression a size was computed from, when it has one."""
    if isinstance(dim, TracedInt):
        return dim.origin
    return dim if isinstance(dim, Expression) else None


def describe(dim: Dim) -> str:
    """The size as a reader would write it: `64`, `planes * 4`, or `?`."""
    return "?" if dim is None else shortened(str(int(dim) if isinstance(dim, int) else dim))


def shortened(name: str) -> str:
    """A name or a size without its middle, if it is longer than anybody would read."""
    half = (_MAX_NAME - 5) // 2
    return name if len(name) <= _MAX_NAME else f"{name[:half]} ... {name[-half:]}"
