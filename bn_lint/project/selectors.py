"""Which rules are on.

A selector is a code (`BN401`), a name (`keras-momentum`), the beginning of a code (`BN4`), or `ALL`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from bn_lint.errors import BnLintError
from bn_lint.project.tool_codes import TOOL_CODES, UNUSED_SUPPRESSION

ALL = "ALL"
#: The beginning of a code. Rule packages of others have prefixes of their own.
_CODE = r"(?i:[A-Z]{2,5}\d{0,3})"


class Named(Protocol):
    """Anything with a code and a name: a rule or a finding."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...


def covers(selector: str, named: Named) -> bool:
    """Whether the selector means this rule."""
    if selector in (ALL, named.name):
        return True
    return re.fullmatch(_CODE, selector) is not None and named.code.startswith(selector.upper())


def specificity(selector: str) -> int:
    """How narrow a selector is; the narrower one wins over the wider."""
    if selector == ALL:
        return 0
    return len(selector) if re.fullmatch(_CODE, selector) else len("BN000")


class SelectorSet(NamedTuple):
    """The selection of one origin: a configuration file, or the command line.

    Attributes:
        select: Replaces what earlier selections chose; None keeps it.
        extend: Adds to it.
        ignore: Takes away from it.
    """

    select: tuple[str, ...] | None = None
    extend: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @property
    def selectors(self) -> tuple[str, ...]:
        return (*(self.select or ()), *self.extend, *self.ignore)

    def decide(self, named: Named) -> bool | None:
        """True or False when this selection turns the rule on or off, None when it leaves it."""
        chosen = _narrowest((*(self.select or ()), *self.extend), named)
        ignored = _narrowest(self.ignore, named)
        if ignored is not None and (chosen is None or ignored >= chosen):
            return False
        if chosen is not None:
            return True
        return None if self.select is None else False


def _narrowest(selectors: Iterable[str], named: Named) -> int | None:
    return max((specificity(selector) for selector in selectors if covers(selector, named)), default=None)


def is_on(selections: Sequence[SelectorSet], named: Named) -> bool | None:
    """True when the rule was asked for, False when it is off, None if nothing was said about it."""
    decision = None
    for selection in selections:
        decided = selection.decide(named)
        decision = decision if decided is None else decided
    return decision


def unknown_selector(selector: str, rules: Sequence[Named]) -> str | None:
    """What is wrong with a selector, as the end of a sentence; None when it means at least one rule."""
    if any(covers(selector, rule) for rule in (*rules, UNUSED_SUPPRESSION)) or selector == ALL:
        return None
    for code, tool in TOOL_CODES.items():
        if selector.upper() == code or selector == tool.name:
            return f"{code} ({tool.name}) is always on and cannot be selected or ignored"
    known = [rule.code for rule in rules] + [rule.name for rule in rules]
    candidate = selector.lower() if "-" in selector else selector.upper()
    return f'unknown rule "{selector}"{did_you_mean(candidate, known)}'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "..."?` for the closest known word, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def require_known(selectors: Iterable[str], rules: Sequence[Named], error: type[BnLintError], origin: str) -> None:
    """Check selectors.

    Raises:
        BnLintError: of the given class, when a selector means no rule.
    """
    for selector in selectors:
        problem = unknown_selector(selector, rules)
        if problem is not None:
            raise error(f"{origin}: {problem}{'' if problem.endswith('?') else '.'}")
