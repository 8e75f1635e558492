"""The keys of a configuration file: read in `config.py`, explained in `docs/settings.md`, shown as a JSON Schema."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

SEVERITIES = ("error", "warning", "info")

_LINK = r"\[([^\[\]]+)\]\([^()]+\)"
_STRING = {"type": "string", "minLength": 1}
_STRINGS = {"type": "array", "items": {"type": "string"}}


class Key(NamedTuple):
    """A key.

    Attributes:
        meaning: One sentence for people, in Markdown.
        schema: What its value may be, in JSON Schema.
    """

    name: str
    meaning: str
    schema: dict[str, Any]


TABLE = (
    Key(
        "extend",
        "another configuration file to build on: keys in this file replace its keys, "
        "and selections add to its selections",
        _STRING,
    ),
    Key("select", "turn on only these rules", _STRINGS),
    Key(
        "extend-select",
        "turn on these rules as well; `ALL` selects every rule, including those that are off by default",
        _STRINGS,
    ),
    Key("ignore", "turn off these rules", _STRINGS),
    Key(
        "per-file-ignores",
        "turn off rules in files that match a pattern",
        {"type": "object", "additionalProperties": _STRINGS},
    ),
    Key("exclude", "skip files and directories that match a pattern", _STRINGS),
    Key("extend-exclude", "skip these as well", _STRINGS),
    Key(
        "force-exclude",
        "skip excluded files even when they are named on the command line, as pre-commit does",
        {"type": "boolean", "default": False},
    ),
    Key(
        "severity",
        "`error`, `warning` or `info` instead of a rule's own; `info` turns it off unless it is selected",
        {"type": "object", "additionalProperties": {"enum": list(SEVERITIES)}},
    ),
    Key(
        "min-batch-size",
        "the smallest batch that is not reported as tiny, in samples per device",
        {"type": "integer", "minimum": 1, "default": 2},
    ),
    Key(
        "plugins",
        "[rule packages](rule-packages.md) to load; the user must allow them (`--allow-plugins`)",
        _STRINGS,
    ),
    Key("baseline", "the file of [known findings](adoption.md)", _STRING),
    Key("cache-dir", "where [results are kept](speed.md)", _STRING),
)

#: In the order in which they are listed.
KEYS = tuple(key.name for key in TABLE)


def schema() -> dict[str, Any]:
    """The JSON Schema of `bn-lint.toml`, and of the table `tool.bn-lint` in `pyproject.toml`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of bn-lint",
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: {"description": re.sub(_LINK, r"\1", key.meaning), **key.schema} for key in TABLE},
    }
