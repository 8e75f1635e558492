"""What `bn-lint check --show-settings` shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bn_lint.check.registry import RuleSet
from bn_lint.output.text import counted, printable
from bn_lint.project.config import Configuration, Settings
from bn_lint.project.discovery import File
from bn_lint.project.paths import display_path


def shown(files: Sequence[File], configuration: Configuration) -> str:
    """The settings of all files, those that several share once, in the form of a configuration file.

    Raises:
        ConfigError: a configuration file that applies to one of the files, or a setting, is wrong.
    """
    groups: dict[int, tuple[Settings, list[File]]] = {}
    for file in files:
        settings = configuration.settings_for(file.path)
        groups.setdefault(id(settings), (settings, []))[1].append(file)
    return "\n".join(_block(settings, own) for settings, own in groups.values())


def _block(settings: Settings, files: Sequence[File]) -> str:
    rules = RuleSet(settings.plugins).rules
    settings.check_selectors(rules)
    more = f" and {counted(len(files) - 1, 'other file')}" if len(files) > 1 else ""
    lines = [f"# {files[0].display}{more}: {settings.origin}"]
    lines += [f"exclude = {_texts(pattern.text for pattern in settings.exclude)}"]
    lines += [f"force-exclude = {str(settings.force_exclude).lower()}", f"min-batch-size = {settings.min_batch_size}"]
    lines += [f"plugins = {_texts(settings.plugins)}"]
    lines += [f"baseline = {_text(display_path(settings.baseline))}"] if settings.baseline else []
    lines += [f"cache-dir = {_text(display_path(settings.cache_dir))}"] if settings.cache_dir else []
    if settings.per_file_ignores:
        lines += ["", "[per-file-ignores]"]
        lines += [f"{_text(pattern.text)} = {_texts(ignored)}" for pattern, ignored in settings.per_file_ignores]
    lines += ["", "[severity]  # of the rules that are on, before per-file-ignores"]
    everywhere = Path()  # matched by no pattern
    for rule in rules:
        severity = settings.severity_in(everywhere, rule, rule.severity.value)
        if severity is not None:
            lines.append(f'{rule.code} = "{severity}"  # {rule.name}')
    return "\n".join(map(printable, lines)) + "\n"


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _texts(texts: Iterable[str]) -> str:
    return f"[{', '.join(_text(text) for text in texts)}]"
