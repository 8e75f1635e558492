"""What is known about two sizes: the same, different, or neither."""

from __future__ import annotations

import enum
from collections import Counter

from bn_lint.facts.dims import Coefficient, Dim, Expression, Monomial, add, divide, multiply, subtract


class Comparison(enum.Enum):
    """What is known about two sizes."""

    SAME = "same"
    #: Proven to differ, whatever values the symbols take (sizes are at least 1).
    DIFFERENT = "different"
    #: Different parameters: they differ unless every caller happens to pass fitting values. Not fields of one.
    INDEPENDENT = "independent"
    UNKNOWN = "unknown"


def compare(a: Dim, b: Dim) -> Comparison:
    """Compare two sizes by normal form. `None` (unknown) compares UNKNOWN with everything."""
    if a is None or b is None:
        return Comparison.UNKNOWN
    if isinstance(a, int) and isinstance(b, int):
        return Comparison.SAME if a == b else Comparison.DIFFERENT
    if a is b or a == b:
        return Comparison.SAME
    difference = subtract(a, b)
    if difference == 0:
        return Comparison.SAME
    if not isinstance(difference, Expression):
        return Comparison.DIFFERENT
    if any(symbol.exact is not None or symbol.quotient is not None for symbol in difference.symbols):
        # `c // 2 * 2` is `c` for every even `c`: what only rounding tells apart may be the same.
        return _compare_rounded(difference)
    if len({c > 0 for c in difference.terms.values()}) == 1:
        counted = all(any(symbol.counts for symbol in monomial) for monomial in difference.terms)
        return Comparison.UNKNOWN if counted else Comparison.DIFFERENT
    return Comparison.INDEPENDENT if _is_independent(difference) else Comparison.UNKNOWN


def _is_independent(difference: Expression) -> bool:
    fields = sum(symbol.is_field for symbol in difference.symbols)
    return difference.is_free and fields < 2


def _compare_rounded(difference: Expression) -> Comparison:
    """Compare by what remains of a difference when no quotient is rounded."""
    total: Expression | Coefficient = 0
    for monomial, coefficient in difference.terms.items():
        total = add(total, multiply(_unrounded(monomial), coefficient))
    if not isinstance(total, Expression):
        return Comparison.UNKNOWN
    if any(symbol.counts for symbol in difference.symbols):
        return Comparison.UNKNOWN
    signs = {c > 0 for c in total.terms.values()}
    rounded = {c > 0 for monomial, c in difference.terms.items() if any(s.exact or s.quotient for s in monomial)}
    if len(signs) == 1 and rounded == {not signs.pop()}:
        # Rounding down makes a quotient that is taken away smaller: `c - c // 2` is at least `c / 2`.
        return Comparison.DIFFERENT
    return Comparison.INDEPENDENT if _is_independent(total) else Comparison.UNKNOWN


def _unrounded(monomial: Monomial) -> Expression | Coefficient:
    """A product with its quotients unrounded: by a number, and by something that is also a factor."""
    factors = list(monomial)
    product: Expression | Coefficient = 1
    for symbol in monomial:
        if symbol.exact is not None:
            factors.remove(symbol)
            product = multiply(product, symbol.exact)
        elif symbol.quotient is not None:
            dividend, divisor, coefficient = symbol.quotient
            if Counter(divisor) <= Counter(factors):
                for one in (symbol, *divisor):
                    factors.remove(one)
                product = multiply(product, divide(dividend, coefficient))
    for symbol in factors:
        product = multiply(product, Expression.of(symbol))
    return product


def half_line(value: Expression) -> tuple[Coefficient, int] | None:
    """Where the values of a sum of counters begin, and whether they go up from there (1) or down (-1)."""
    end: Coefficient = 0
    signs = set()
    for monomial, coefficient in value.terms.items():
        least = 1
        for symbol in monomial:
            if symbol.least is None:
                return None
            least *= symbol.least
        end += coefficient * least
        signs |= {1 if coefficient > 0 else -1} if monomial else set()
    return (end, signs.pop()) if len(signs) == 1 else None
