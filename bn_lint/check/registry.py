"""All rules, found by importing the rule packages."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from bn_lint.errors import ConfigError

if TYPE_CHECKING:
    from bn_lint.project.config import Configuration, Settings
    from bn_lint.rule import Rule

BUILT_IN = "bn_lint_rules"

#: Codes that begin so belong to the built-in rules, now and later.
PREFIX = "BN"
_CODE = r"[A-Z]{2,5}\d{3}"
_NAME = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+"


class RuleSet(NamedTuple):
    """The built-in rules, and those of further packages. Nothing is imported before somebody asks for the rules.

    Attributes:
        packages: The packages besides the built-in one.
    """

    packages: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Iterable[Settings]) -> RuleSet:
        """The rules that some of these settings name."""
        return cls(tuple(dict.fromkeys(name for each in settings for name in each.plugins)))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order of their codes.

        Raises:
            ConfigError: a package cannot be imported or has no rules, or one of its rules cannot be told from another.
        """
        return load_rules(self.packages)

    def check_selectors(self, configuration: Configuration, settings: Iterable[Settings]) -> None:
        """Check that all selectors, those of the command line and those of the settings, name rules of the set.

        Raises:
            UsageError, ConfigError: one names a rule that does not exist.
        """
        configuration.check_command_line(self.rules)
        for each in settings:
            each.check_selectors(self.rules)


BUILT_IN_RULES = RuleSet()


@cache
def load_rules(packages: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """Import the built-in rules and those of further packages, in the order of their codes.

    Raises:
        ConfigError: a package cannot be imported or has no rules, or one of its rules cannot be told from another.
    """
    rules: dict[str, Rule] = {}
    names: dict[str, Rule] = {}
    for package in (BUILT_IN, *packages):
        found = list(dict.fromkeys(_rules_of(package)))
        if not found:
            raise ConfigError(f'The rule package "{package}" has no rules.')
        for rule in found:
            _check(rule, package)
            other = rules.get(rule.code) or names.get(rule.name)
            if other is not None:
                raise ConfigError(
                    f'The rule package "{package}" defines {rule.code} ({rule.name}), but there is {other.code} '
                    f"({other.name}) already."
                )
            rules[rule.code] = names[rule.name] = rule
    return tuple(rules[code] for code in sorted(rules))


def _check(rule: Rule, package: str) -> None:
    if not re.fullmatch(_CODE, rule.code) or (package != BUILT_IN and rule.code.startswith(PREFIX)):
        raise ConfigError(
            f'The rule package "{package}" has a rule with the code "{rule.code}": a code is two to five capitals, '
            f"not {PREFIX}, and three digits."
        )
    if not re.fullmatch(_NAME, rule.name):
        raise ConfigError(
            f'The rule package "{package}" has a rule called "{rule.name}": a name is two or more words in '
            "small letters, joined by hyphens."
        )


def _rules_of(package: str) -> Iterable[Rule]:
    import pkgutil

    from bn_lint.rule import Rule

    try:
        module = importlib.import_module(package)
        modules = [module]
        for info in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{package}."):
            modules.append(importlib.import_module(info.name))
    except (Exception, SystemExit) as error:  # whatever the code of a package does when it is imported
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f'The rule package "{package}" cannot be imported ({reason}).') from error
    for loaded in modules:
        for value in vars(loaded).values():
            if isinstance(value, Rule):
                yield value
