"""All rules, found by importing the rule packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from bn_lint.rule import Rule

BUILT_IN = "bn_lint_rules"


@cache
def load_rules(packages: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """Import the built-in rules and those of further packages, in the order of their codes.

    Raises:
        ImportError: a package does not exist.
        ValueError: two rules have the same code or name.
    """
    rules: dict[str, Rule] = {}
    names: set[str] = set()
    for package in (BUILT_IN, *packages):
        for found in _rules_of(package):
            if found.code in rules or found.name in names:
                raise ValueError(f"rule {found.code} ({found.name}) is defined twice")
            rules[found.code] = found
            names.add(found.name)
    return tuple(rules[code] for code in sorted(rules))


def _rules_of(package: str) -> Iterable[Rule]:
    module = importlib.import_module(package)
    modules = [module]
    for info in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{package}."):
        modules.append(importlib.import_module(info.name))
    for loaded in modules:
        for value in vars(loaded).values():
            if isinstance(value, Rule):
                yield value
