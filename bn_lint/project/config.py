"""Settings: `[tool.bn-lint]` in the nearest pyproject.toml that has the table, or `bn-lint.toml`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bn_lint.errors import ConfigError, UsageError
from bn_lint.project.globs import Pattern
from bn_lint.project.keys import KEYS, SEVERITIES
from bn_lint.project.paths import absolute, display_path, folders_above
from bn_lint.project.selectors import Named, SelectorSet, covers, did_you_mean, is_on, require_known, specificity
from bn_lint.project.source import read_regular

if TYPE_CHECKING:
    from pathlib import Path

#: The variable with the rule packages that the user allows configuration files to name, separated by commas.
ALLOW_PLUGINS = "BN_LINT_ALLOW_PLUGINS"


class Settings(NamedTuple):
    """The settings for one file, the command line included.

    Attributes:
        origin: The file they come from, as messages call it.
        selections: The selections, in rising precedence.
        severity: Selector and severity (`error`, `warning`, `info`) pairs that replace a rule's own severity.
        min_batch_size: The smallest batch that is not reported as tiny.
        force_exclude: Leave out excluded files even if they are given by name.
        plugins: Rule packages besides the built-in one.
        baseline: The file of findings that are known and not to be reported; an absolute path.
        cache_dir: Where results are kept; an absolute path.
    """

    origin: str = "the defaults"
    selections: tuple[SelectorSet, ...] = ()
    per_file_ignores: tuple[tuple[Pattern, tuple[str, ...]], ...] = ()
    exclude: tuple[Pattern, ...] = ()
    severity: tuple[tuple[str, str], ...] = ()
    min_batch_size: int = 2
    force_exclude: bool = False
    plugins: tuple[str, ...] = ()
    baseline: Path | None = None
    cache_dir: Path | None = None

    def excludes(self, path: str | Path) -> bool:
        """Whether the path is not to be checked."""
        return any(pattern.matches(path) for pattern in self.exclude)

    def severity_in(self, path: str | Path, named: Named, own: str) -> str | None:
        """The severity to report for a finding in this file; None when its rule is off there."""
        on = is_on(self.selections, named)
        overrides = [pair for pair in self.severity if covers(pair[0], named)]
        severity = max(overrides, key=lambda pair: specificity(pair[0]))[1] if overrides else own
        if on is False or (on is None and severity == "info"):
            return None
        return None if any(covers(selector, named) for selector in self._ignored_in(path)) else severity

    def _ignored_in(self, path: str | Path) -> tuple[str, ...]:
        return tuple(s for pattern, selectors in self.per_file_ignores if pattern.matches(path) for s in selectors)

    @property
    def has_selectors(self) -> bool:
        return bool(self.severity or self.per_file_ignores or any(selection.selectors for selection in self.selections))

    def check_selectors(self, rules: Sequence[Named]) -> None:
        """Check that every selector means a rule.

        Raises:
            ConfigError: one of them does not.
        """
        for selection in self.selections:
            require_known(selection.selectors, rules, ConfigError, self.origin)
        for _, selectors in self.per_file_ignores:
            require_known(selectors, rules, ConfigError, self.origin)
        require_known([selector for selector, _ in self.severity], rules, ConfigError, self.origin)


class Configuration:
    """Finds the settings of each file and puts the command line on top of them."""

    def __init__(
        self,
        *,
        command_line: SelectorSet | None = None,
        exclude: Sequence[str] = (),
        config: Sequence[str] = (),
        isolated: bool = False,
        allow_plugins: Sequence[str] = (),
    ) -> None:
        """Read what `--config PATH|KEY=VALUE` names.

        Args:
            allow_plugins: Rule packages that configuration files may name, besides those that the environment allows.

        Raises:
            ConfigError: a named file or setting is wrong.
            UsageError: the options contradict each other.
        """
        try:
            here = os.getcwd()
        except OSError as error:
            raise UsageError("The working directory does not exist any more.") from error
        self.command_line = command_line or SelectorSet()
        self._excluded = tuple(_pattern(text, here, "--exclude") for text in exclude)
        self._fixed: Settings | None = None
        self._overrides: dict[str, Any] = {}
        self._found: dict[str, Settings] = {}
        fixed: str | None = None
        for item in config:
            if os.path.isfile(item):
                if isolated or fixed is not None:
                    other = "--isolated" if isolated else "another configuration file"
                    raise UsageError(f"--config {item} cannot be combined with {other}.")
                fixed = os.path.abspath(item)
            else:
                _merge(self._overrides, _parse_override(item))
        if "extend" in self._overrides:
            raise ConfigError("--config extend=...: name the file itself, as in --config FILE.")
        self._set = _settings(self._overrides, here, "--config", Settings())
        allowed = split_selectors([os.environ.get(ALLOW_PLUGINS, ""), *allow_plugins])
        self._allowed_plugins = {*allowed, *self._set.plugins}
        if fixed is not None:
            self._fixed = self._finish(_from_file(fixed, self._overrides, required=True))
        elif isolated:
            self._fixed = self._finish(None)

    def settings_for(self, path: str | Path) -> Settings:
        """The settings for a file or directory, given as an absolute path.

        Raises:
            ConfigError: the nearest configuration file is wrong.
        """
        return self._in_directory(os.path.dirname(path))

    def _in_directory(self, directory: str) -> Settings:
        found = self._found.get(directory)
        if found is None:
            found = self._found[directory] = self._settings_in(directory)
        return found

    def _settings_in(self, directory: str) -> Settings:
        if self._fixed is not None:
            return self._fixed
        for name in ("bn-lint.toml", "pyproject.toml"):
            file = os.path.join(directory, name)
            if os.path.isfile(file):
                settings = _from_file(file, self._overrides)
                if settings is not None:
                    return self._finish(settings)
        outer = os.path.dirname(directory)
        if outer != directory:
            return self._in_directory(outer)
        return self._finish(None)

    def _finish(self, settings: Settings | None) -> Settings:
        """Put the command line on top of the settings of a file, if there is one."""
        if settings is None:
            settings = _settings(self._overrides, os.getcwd(), "the command line", Settings())
        self._check_plugins(settings)
        return settings._replace(
            selections=(*settings.selections, self.command_line), exclude=(*settings.exclude, *self._excluded)
        )

    def _check_plugins(self, settings: Settings) -> None:
        """Refuse to import what only a configuration file names: it may come from anyone, and importing runs code."""
        refused = [name for name in settings.plugins if name not in self._allowed_plugins]
        if refused:
            names = ",".join(refused)
            raise ConfigError(
                f'{settings.origin}: "plugins" names code that bn-lint would run. If you trust it, say so with '
                f"--allow-plugins {names}, or in the environment with {ALLOW_PLUGINS}={names}."
            )

    @property
    def has_selectors(self) -> bool:
        """Whether the command line names rules."""
        return bool(self.command_line.selectors) or self._set.has_selectors

    def check_command_line(self, rules: Sequence[Named]) -> None:
        """Check the selectors of the command line.

        Raises:
            UsageError: an option names a rule that does not exist.
            ConfigError: a `--config KEY=VALUE` does.
        """
        selection = self.command_line
        for option, selectors in (
            ("--select", selection.select or ()),
            ("--extend-select", selection.extend),
            ("--ignore", selection.ignore),
        ):
            require_known(selectors, rules, UsageError, option)
        self._set.check_selectors(rules)


def _from_file(
    file: str, overrides: Mapping[str, Any], extending: tuple[str, ...] = (), *, required: bool = False
) -> Settings | None:
    """The settings of a file, on top of those that it extends; None when a pyproject.toml has none."""
    table = _read(file, required=required or bool(extending))
    if table is None:
        return None
    origin, root, base = display_path(file), os.path.dirname(file), Settings()
    extended = table.pop("extend", None)
    if extended is not None:
        if not isinstance(extended, str):
            raise ConfigError(f'{origin}: "extend" must be the path of a configuration file.')
        target = os.path.abspath(os.path.join(root, extended))
        if target in (file, *extending):
            raise ConfigError(f"{origin} extends {extended}, which leads back to it.")
        base = _from_file(target, {}, (file, *extending)) or base
    own = _settings(table, root, origin, base)  # so that a mistake is reported where it is
    return _settings({**table, **overrides}, root, origin, base) if overrides else own


def _read(file: str, *, required: bool = False) -> dict[str, Any] | None:
    """The table of one configuration file; None when a pyproject.toml has none."""
    shown = display_path(file)
    try:
        data = read_regular(file)
    except OSError as error:
        raise ConfigError(f"{shown} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    if os.path.basename(file) == "pyproject.toml":
        if b"bn-lint" not in data and b"bn_lint" not in data and not required:
            return None  # spares the import of a TOML parser
        tool = _toml(data, shown).get("tool")
        table = tool.get("bn-lint") if isinstance(tool, dict) else None
        if table is None and isinstance(tool, dict) and "bn_lint" in tool:
            raise ConfigError(f"{shown}: the table [tool.bn_lint] has no effect; its name is [tool.bn-lint].")
        if table is None and required:
            raise ConfigError(f"{shown} has no [tool.bn-lint] table.")
    else:
        table = _toml(data, shown)
        if set(table) == {"tool"}:
            raise ConfigError(f"{shown}: its keys stand alone, without the [tool.bn-lint] of a pyproject.toml.")
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{shown}: tool.bn-lint must be a table.")
    return table


def _toml(data: bytes, origin: str) -> dict[str, Any]:
    parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        table: dict[str, Any] = parser.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"{origin} is not valid TOML: {str(error)[:1].lower()}{str(error)[1:]}.") from error
    except RecursionError as error:
        raise ConfigError(f"{origin} cannot be read: its values are nested too deeply.") from error
    return table


def _parse_override(item: str) -> dict[str, Any]:
    if "=" not in item or os.sep in item.partition("=")[0]:
        raise ConfigError(f"--config {item}: there is no such file, and a setting is written KEY=VALUE.")
    try:
        return _toml(item.encode(), f"--config {item}")
    except ConfigError as error:
        raise ConfigError(f"{error.message} (Strings need quotes: --config 'select=[\"BN4\"]'.)") from error


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    """Add settings; those of one inner table, which may be given one by one, add up."""
    for key, value in table.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            into[key] = {**into[key], **value}
        else:
            into[key] = value


def _settings(table: Mapping[str, Any], root: str, origin: str, base: Settings) -> Settings:
    """The settings of one origin on top of others: a key replaces what it had been, selections are put on top."""
    for key in table:
        if key not in KEYS:
            suggestion = did_you_mean(key.replace("_", "-"), KEYS) or f"; known keys are {', '.join(KEYS)}."
            raise ConfigError(f'{origin}: unknown key "{key}"{suggestion}')
    settings = base._replace(origin=origin)
    select = _strings(table, "select", origin) if "select" in table else None
    own = SelectorSet(select, _strings(table, "extend-select", origin), _strings(table, "ignore", origin))
    if select is not None or own.selectors:
        settings = settings._replace(selections=(*base.selections, own))
    if "per-file-ignores" in table:
        ignores = _table(table, "per-file-ignores", origin)
        pairs = ((text, _strings(ignores, text, f"{origin}: per-file-ignores")) for text in ignores)
        patterns = tuple((_pattern(text, root, f"{origin}: per-file-ignores"), found) for text, found in pairs)
        settings = settings._replace(per_file_ignores=patterns)
    excluded = settings.exclude if "exclude" not in table else _patterns(table, "exclude", root, origin)
    settings = settings._replace(exclude=(*excluded, *_patterns(table, "extend-exclude", root, origin)))
    if "severity" in table:
        severities = _table(table, "severity", origin)
        for selector, severity in severities.items():
            if severity not in SEVERITIES:
                raise ConfigError(f'{origin}: severity of "{selector}" must be "error", "warning" or "info".')
        settings = settings._replace(severity=tuple(severities.items()))
    if "plugins" in table:
        settings = settings._replace(plugins=tuple(dict.fromkeys(_strings(table, "plugins", origin))))
    for key in ("baseline", "cache-dir"):
        if key in table:
            if not isinstance(table[key], str) or not table[key]:
                raise ConfigError(f'{origin}: "{key}" must be a path.')
            path = absolute(os.path.join(root, table[key]))
            if key == "cache-dir":
                _check_inside(path, root, origin)
            settings = settings._replace(baseline=path) if key == "baseline" else settings._replace(cache_dir=path)
    force = table.get("force-exclude", settings.force_exclude)
    if not isinstance(force, bool):
        raise ConfigError(f'{origin}: "force-exclude" must be true or false.')
    smallest = table.get("min-batch-size", settings.min_batch_size)
    if not isinstance(smallest, int) or isinstance(smallest, bool) or smallest < 1:
        raise ConfigError(f'{origin}: "min-batch-size" must be a positive integer.')
    return settings._replace(force_exclude=force, min_batch_size=smallest)


def _check_inside(path: Path, root: str, origin: str) -> None:
    """Refuse a folder that a repository names outside of itself: whoever checks it need not trust it."""
    folders = (root, *folders_above(root))
    top = next((folder for folder in folders if os.path.lexists(os.path.join(folder, ".git"))), root)
    if not path.resolve().is_relative_to(absolute(top).resolve()):
        raise ConfigError(
            f'{origin}: "cache-dir" must be a folder of the project. '
            "For one outside, use --cache-dir or BN_LINT_CACHE_DIR."
        )


def _patterns(table: Mapping[str, Any], key: str, root: str, origin: str) -> tuple[Pattern, ...]:
    return tuple(_pattern(text, root, f"{origin}: {key}") for text in _strings(table, key, origin))


def _pattern(text: str, root: str, origin: str) -> Pattern:
    pattern = Pattern(text, root)
    try:
        pattern.regex  # noqa: B018
    except ValueError as error:
        raise ConfigError(f'{origin}: "{text}" is no pattern: {error}.') from error
    return pattern


def _strings(table: Mapping[str, Any], key: str, origin: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f'{origin}: "{key}" must be a list of strings, such as ["BN4"].')
    return tuple(value)


def _table(table: Mapping[str, Any], key: str, origin: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ConfigError(f'{origin}: "{key}" must be a table.')
    return value


def split_selectors(texts: Iterable[str]) -> tuple[str, ...]:
    """The selectors of an option that may be repeated and may hold several, separated by commas."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
