"""What differs between two snapshots, in lines for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
#: What is single in a snapshot.
_SINGLE = ("crash", "exit", "files", "judged", "total")
#: The lists of a snapshot, and the fields by which an item is known again.
_LISTS = {
    "findings": ("path", "cell", "line", "column", "code"),
    "errors": ("path", "cell", "line", "column", "code"),
    "undecided": ("path", "cell", "line", "column"),
    "steps": ("path", "line", "name"),
}


def differences(base: Document, new: Document) -> list[str]:
    """Returns one line a difference; none when the snapshots are equal."""
    lines = [f"{name}: {base.get(name)} -> {new.get(name)}" for name in _SINGLE if base.get(name) != new.get(name)]
    for name, fields in _LISTS.items():
        lines += _in_list(name, fields, base.get(name, []), new.get(name, []))
    if not lines and base != new:
        lines.append("the entry points have another order")
    return lines


def _in_list(name: str, fields: tuple[str, ...], base: list[Document], new: list[Document]) -> Iterator[str]:
    before, after = _by(fields, base), _by(fields, new)
    for key in sorted({*before, *after}, key=str):
        old, now = before[key], after[key]
        where = ":".join(str(part) for part in key if part is not None)
        for one, other in zip(old, now):
            for field in sorted(one.keys() | other.keys()):
                if one.get(field) != other.get(field):
                    yield f"~ {name} {where} {field}: {one.get(field)} -> {other.get(field)}"
        yield from (f"- {name} {where} {_said(one)}" for one in old[len(now) :])
        yield from (f"+ {name} {where} {_said(one)}" for one in now[len(old) :])


def _by(fields: tuple[str, ...], items: list[Document]) -> defaultdict[tuple[object, ...], list[Document]]:
    found: defaultdict[tuple[object, ...], list[Document]] = defaultdict(list)
    for item in items:
        found[tuple(item.get(field) for field in fields)].append(item)
    return found


def _said(item: Document) -> object:
    return next(item[field] for field in ("message", "reason", "steps") if field in item)
