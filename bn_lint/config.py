"""Settings: `[tool.bn-lint]` in the nearest pyproject.toml that has the table, or `bn-lint.toml`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bn_lint.errors import ConfigError, UsageError
from bn_lint.patterns import Pattern
from bn_lint.select import Layer, Named, covers, did_you_mean, is_on, require_known, specificity
from bn_lint.source import display_path

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Settings:
    """The settings for one file, the command line included.

    Attributes:
        origin: The file they come from, as messages call it.
        layers: The selections, in rising precedence.
        severity: Selector and severity (`error`, `warning`, `info`) pairs that replace a rule's own severity.
        min_batch_size: The smallest batch that is not reported as tiny.
    """

    origin: str = "the defaults"
    layers: tuple[Layer, ...] = ()
    per_file_ignores: tuple[tuple[Pattern, tuple[str, ...]], ...] = ()
    exclude: tuple[Pattern, ...] = ()
    severity: tuple[tuple[str, str], ...] = ()
    min_batch_size: int = 2

    def excludes(self, path: Path) -> bool:
        """Whether the path is not to be checked."""
        return any(pattern.matches(path) for pattern in self.exclude)

    def severity_of(self, named: Named, own: str) -> str | None:
        """The severity to report for a finding in any file; None when its rule is off."""
        on = is_on(self.layers, named)
        overrides = [pair for pair in self.severity if covers(pair[0], named)]
        severity = max(overrides, key=lambda pair: specificity(pair[0]))[1] if overrides else own
        if on is False or (on is None and severity == "info"):
            return None
        return severity

    def ignored_in(self, path: Path) -> tuple[str, ...]:
        """The selectors that `per-file-ignores` turns off in this file."""
        return tuple(s for pattern, selectors in self.per_file_ignores if pattern.matches(path) for s in selectors)

    @property
    def has_selectors(self) -> bool:
        return bool(self.severity or self.per_file_ignores or any(layer.selectors for layer in self.layers))

    def check_selectors(self, rules: Sequence[Named]) -> None:
        """Check that every selector means a rule.

        Raises:
            ConfigError: one of them does not.
        """
        for layer in self.layers:
            require_known(layer.selectors, rules, ConfigError, self.origin)
        for _, selectors in self.per_file_ignores:
            require_known(selectors, rules, ConfigError, self.origin)
        require_known([selector for selector, _ in self.severity], rules, ConfigError, self.origin)


class Configuration:
    """Finds the settings of each file and puts the command line on top of them."""

    def __init__(
        self,
        *,
        command_line: Layer | None = None,
        exclude: Sequence[str] = (),
        config: Sequence[str] = (),
        isolated: bool = False,
    ) -> None:
        """Read what `--config PATH|KEY=VALUE` names.

        Raises:
            ConfigError: a named file or setting is wrong.
            UsageError: the options contradict each other.
        """
        here = Path.cwd()
        self.command_line = command_line or Layer()
        self._excluded = tuple(Pattern(text, here) for text in exclude)
        self._fixed: dict[str, Any] | None = {} if isolated else None
        self._fixed_root, self._fixed_origin = here, "the command line"
        self._overrides: dict[str, Any] = {}
        self._found: dict[Path, Settings] = {}
        for item in config:
            if os.path.isfile(item):
                if isolated or self._fixed is not None:
                    other = "--isolated" if isolated else "another configuration file"
                    raise UsageError(f"--config {item} cannot be combined with {other}.")
                self._fixed = _read(Path(item), required=True)
                self._fixed_root, self._fixed_origin = Path(item).absolute().parent, item
            else:
                self._overrides.update(_parse_override(item))
        self._set = _settings(self._overrides, here, "--config", ())

    def settings_for(self, path: Path) -> Settings:
        """The settings for a file or directory, given as an absolute path.

        Raises:
            ConfigError: the nearest configuration file is wrong.
        """
        return self._in_directory(path.parent)

    def _in_directory(self, directory: Path) -> Settings:
        found = self._found.get(directory)
        if found is None:
            found = self._found[directory] = self._settings_in(directory)
        return found

    def _settings_in(self, directory: Path) -> Settings:
        if self._fixed is not None:
            return self._finish(self._fixed, self._fixed_root, self._fixed_origin)
        for name in ("bn-lint.toml", "pyproject.toml"):
            file = directory / name
            if os.path.isfile(file):
                table = _read(file)
                if table is not None:
                    return self._finish(table, directory, display_path(file))
        if directory.parent != directory:
            return self._in_directory(directory.parent)
        return self._finish({}, Path.cwd(), "the command line")

    def _finish(self, table: Mapping[str, Any], root: Path, origin: str) -> Settings:
        _settings(table, root, origin, ())
        return _settings({**table, **self._overrides}, root, origin, self._excluded, self.command_line)

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
        layer = self.command_line
        for option, selectors in (
            ("--select", layer.select or ()),
            ("--extend-select", layer.extend),
            ("--ignore", layer.ignore),
        ):
            require_known(selectors, rules, UsageError, option)
        self._set.check_selectors(rules)


def _read(file: Path, *, required: bool = False) -> dict[str, Any] | None:
    """The table of one configuration file; None when a pyproject.toml has none."""
    shown = display_path(file.absolute())
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{shown} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    if file.name == "pyproject.toml":
        if b"bn-lint" not in data and not required:
            return None  # spares the import of a TOML parser
        tool = _toml(data, shown).get("tool")
        table = tool.get("bn-lint") if isinstance(tool, dict) else None
        if table is None and required:
            raise ConfigError(f"{shown} has no [tool.bn-lint] table.")
    else:
        table = _toml(data, shown)
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{shown}: tool.bn-lint must be a table.")
    return table


def _toml(data: bytes, origin: str) -> dict[str, Any]:
    parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        table: dict[str, Any] = parser.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"{origin} is not valid TOML: {str(error)[:1].lower()}{str(error)[1:]}.") from error
    return table


def _parse_override(item: str) -> dict[str, Any]:
    if "=" not in item or os.sep in item.partition("=")[0]:
        raise ConfigError(f"--config {item}: there is no such file, and a setting is written KEY=VALUE.")
    try:
        return _toml(item.encode(), f"--config {item}")
    except ConfigError as error:
        raise ConfigError(f"{error.message} (Texts need quotes: --config 'select=[\"BN4\"]'.)") from error


def _settings(
    table: Mapping[str, Any], root: Path, origin: str, exclude: tuple[Pattern, ...], *layers: Layer
) -> Settings:
    known = ("select", "extend-select", "ignore", "per-file-ignores", "exclude", "severity", "min-batch-size")
    for key in table:
        if key not in known:
            suggestion = did_you_mean(key.replace("_", "-"), known) or f"; known keys are {', '.join(known)}."
            raise ConfigError(f'{origin}: unknown key "{key}"{suggestion}')
    select = _strings(table, "select", origin) if "select" in table else None
    own = Layer(select, _strings(table, "extend-select", origin), _strings(table, "ignore", origin))
    ignores = _table(table, "per-file-ignores", origin)
    severities = _table(table, "severity", origin)
    for selector, severity in severities.items():
        if severity not in SEVERITIES:
            raise ConfigError(f'{origin}: severity of "{selector}" must be "error", "warning" or "info".')
    settings = Settings(
        origin=origin,
        layers=(own, *layers),
        per_file_ignores=tuple(
            (Pattern(text, root), _strings(ignores, text, f"{origin}: per-file-ignores")) for text in ignores
        ),
        exclude=(*(Pattern(text, root) for text in _strings(table, "exclude", origin)), *exclude),
        severity=tuple(severities.items()),
    )
    smallest = table.get("min-batch-size", settings.min_batch_size)
    if not isinstance(smallest, int) or isinstance(smallest, bool) or smallest < 1:
        raise ConfigError(f'{origin}: "min-batch-size" must be a whole number of at least 1.')
    return replace(settings, min_batch_size=smallest)


def _strings(table: Mapping[str, Any], key: str, origin: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f'{origin}: "{key}" must be a list of texts, such as ["BN4"].')
    return tuple(value)


def _table(table: Mapping[str, Any], key: str, origin: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ConfigError(f'{origin}: "{key}" must be a table.')
    return value


def split_selectors(texts: Iterable[str]) -> tuple[str, ...]:
    """The selectors of an option that may be repeated and may hold several, separated by commas."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
