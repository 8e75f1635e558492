"""Options that several commands have, typed: click hands them over by name, once, and nothing looks a name up later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bn_lint.cli.commands import completion

if TYPE_CHECKING:
    from bn_lint.project.config import Configuration

_Function = TypeVar("_Function", bound=Callable[..., Any])


class RuleOptions:
    """Which rules are on, and where settings come from.

    Each attribute, here and in derived classes, is what click found for the option of its name; one that a command does
    not have is what the class says. Not a dataclass, for each start of the command would wait for these to be made.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    isolated: bool = False
    allow_plugins: tuple[str, ...] = ()

    def __init__(self, **chosen: Any) -> None:
        vars(self).update(chosen)

    def configuration(self, exclude: Sequence[str] = ()) -> Configuration:
        """The settings that the options ask for."""
        from bn_lint.project.config import Configuration, split_selectors
        from bn_lint.project.selectors import SelectorSet

        layer = SelectorSet(
            split_selectors(self.select) if self.select else None,
            split_selectors(self.extend_select),
            split_selectors(self.ignore),
        )
        return Configuration(
            command_line=layer,
            exclude=exclude,
            config=self.config,
            isolated=self.isolated,
            allow_plugins=self.allow_plugins,
        )


def rule_options(function: _Function) -> _Function:
    """Add the options of `RuleOptions`."""
    return added(
        function,
        _selectors("--select", "Turn on only these rules: codes, names, prefixes, ALL."),
        _selectors("--extend-select", "Turn on these rules as well."),
        _selectors("--ignore", "Turn off these rules."),
        click.option(
            "--config",
            multiple=True,
            metavar="PATH|KEY=VALUE",
            help="Use this configuration file, or set one option (TOML).",
        ),
        click.option("--isolated", is_flag=True, help="Ignore configuration files."),
        click.option(
            "--allow-plugins",
            multiple=True,
            metavar="PACKAGES",
            help="Rule packages that configuration files may name (also BN_LINT_ALLOW_PLUGINS).",
        ),
    )


#: The same option of all commands that report findings.
fail_on = click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="info",
    show_default=True,
    help="Lowest severity that makes the exit code 1.",
)

#: How files are judged, for all commands that do.
judging_options = (
    click.option("-j", "--jobs", type=click.IntRange(min=1), help="Number of worker processes (default: automatic)."),
    click.option(
        "--no-cache", is_flag=True, envvar="BN_LINT_NO_CACHE", help="Ignore cached results (also BN_LINT_NO_CACHE)."
    ),
    click.option(
        "--cache-dir",
        metavar="DIRECTORY",
        type=click.Path(),
        envvar="BN_LINT_CACHE_DIR",
        help="Directory for cached results (also BN_LINT_CACHE_DIR).",
    ),
)


def added(function: _Function, *options: Callable[[_Function], _Function]) -> _Function:
    """A command with further options, which its help shows in this order."""
    for option in reversed(options):
        function = option(function)
    return function


def _selectors(name: str, help_: str) -> Callable[[_Function], _Function]:
    return click.option(name, multiple=True, metavar="RULES", shell_complete=completion.rules, help=help_)
