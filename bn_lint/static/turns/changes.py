"""What an edit of a file has changed, definition by definition."""

from __future__ import annotations

from dataclasses import dataclass

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.nodes import KINDS, PART_NAMES, fields_of
from bn_lint.static.syntax.tree import children
from bn_lint.static.turns.outline import TOP, Definition, Outline

#: The fields of each kind of node that hold no nodes.
_PLAIN = {
    kind: [each.name for each in fields_of(kind) if each.name not in PART_NAMES[kind]]
    + (["parentheses"] if issubclass(kind, cst.BaseExpression) else [])
    for kind in KINDS
}


@dataclass(frozen=True)
class Changes:
    """What two texts of a file do not share.

    Attributes:
        own: The definitions of which nodes of their own differ, and those that only one text has.
        within: These, and all that they are in.
        is_top_changed: Whether importing the file does something else: of functions the signatures count.
        called: The names of what calls in the changed definitions call.
    """

    own: frozenset[str]
    within: frozenset[str]
    is_top_changed: bool
    called: frozenset[str]


def changes(old: Outline, new: Outline) -> Changes:
    """Compare two texts of a file."""
    own = set(old.definitions.keys() ^ new.definitions.keys())
    own.update(
        name
        for name in old.definitions.keys() & new.definitions.keys()
        if not _same(old.definitions[name], new.definitions[name])
    )
    within = {"" if number < 0 else name[:number] for name in own for number in _ends(name)}
    called = {
        name
        for outline in (old, new)
        for each in own
        if each in outline.definitions
        for node in outline.own(each)
        if type(node) is cst.Call and (name := _last_name(node.func)) is not None
    }
    return Changes(frozenset(own), frozenset(within), _is_top_changed(old, new, own), frozenset(called))


def _ends(name: str) -> list[int]:
    """Where the names of a definition, and of all that it is in, end in its name."""
    return [-1, *(number for number, sign in enumerate(name) if sign == "."), len(name)]


def _is_top_changed(old: Outline, new: Outline, own: set[str]) -> bool:
    pending = [TOP]
    while pending:
        name = pending.pop()
        before, after = old.definitions.get(name), new.definitions.get(name)
        if before is None or after is None:
            return True
        if isinstance(before, cst.FunctionDef) and isinstance(after, cst.FunctionDef):
            if name in own and not _same(before, after, signature=True):
                return True
        elif name in own:
            return True
        else:
            prefix = f"{name}." if name else ""
            for outline in (old, new):
                pending += [prefix + inner for inner in _inner(outline, name, prefix)]
    return False


def _inner(outline: Outline, name: str, prefix: str) -> list[str]:
    """The names, without those before, of the definitions right within one."""
    found = []
    for node in outline.own(name):
        for child in children(node):
            full = outline.name(child) if isinstance(child, Definition) else None
            if full is not None:
                found.append(full[len(prefix) :])
    return found


def _same(old: cst.CSTNode, new: cst.CSTNode, *, signature: bool = False) -> bool:
    """Whether two definitions have the same nodes of their own; of others within them the names count."""
    pending: list[tuple[object, object]] = [(old, new)]
    while pending:
        a, b = pending.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return False
            pending += zip(a, b)
        elif isinstance(a, cst.CSTNode) and isinstance(b, cst.CSTNode):
            kind = type(a)
            if any(getattr(a, name) != getattr(b, name) for name in _PLAIN[kind]):
                return False
            if isinstance(a, Definition) and isinstance(b, Definition) and a is not old:
                if a.name.value != b.name.value:
                    return False
                continue
            names = [name for name in PART_NAMES[kind] if not (signature and a is old and name == "body")]
            pending += [(getattr(a, name), getattr(b, name)) for name in names]
        elif a != b:
            return False
    return True


def _last_name(node: cst.CSTNode) -> str | None:
    name = node.attr if isinstance(node, cst.Attribute) else node
    return name.value if isinstance(name, cst.Name) else None
