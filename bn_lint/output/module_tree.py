"""Layers as the tree of modules that their names spell, in which equal neighbors are folded into one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

Leaf = TypeVar("Leaf")


@dataclass
class Node(Generic[Leaf]):
    """A module.

    Attributes:
        name: Within the module around it; of several equal ones a range, such as `0-2`.
        kind: Its class, if that is known.
        leaves: The layer that it is, or the equal ones that it stands for.
        count: How many equal modules it stands for.
    """

    name: str
    kind: str = ""
    leaves: list[Leaf] = field(default_factory=list)
    children: list[Node[Leaf]] = field(default_factory=list)
    count: int = 1

    def all_leaves(self) -> Iterator[Leaf]:
        """The layers below it, those that were folded away included."""
        yield from self.leaves
        for child in self.children:
            yield from child.all_leaves()


def module_tree(
    rows: Sequence[tuple[str, Leaf]], same: Callable[[Leaf], Hashable], kinds: Mapping[str, str] | None = None
) -> Node[Leaf]:
    """The tree of layers, given with their dotted names, in their order.

    Args:
        same: What two layers must share so that they may be shown as one.
        kinds: The classes of modules, by their dotted names.
    """
    root: Node[Leaf] = Node("")
    known = {"": root}
    for path, leaf in rows:
        above, dotted = root, ""
        for part in path.split(".") if path else ():
            dotted = f"{dotted}.{part}" if dotted else part
            if dotted not in known:
                known[dotted] = Node(part, (kinds or {}).get(dotted, ""))
                above.children.append(known[dotted])
            above = known[dotted]
        above.leaves.append(leaf)
    return _folded(root, same)


def _folded(node: Node[Leaf], same: Callable[[Leaf], Hashable]) -> Node[Leaf]:
    children: list[Node[Leaf]] = []
    signature: Hashable = None
    for child in (_folded(one, same) for one in node.children):
        own = _signature(child, same)
        if children and own == signature and _follows(children[-1].name, child.name):
            last = children[-1]
            first = last.name.partition("-")[0]
            children[-1] = replace(_merged(last, child), name=f"{first}-{child.name}")
        else:
            children.append(child)
        signature = own
    return replace(node, children=children)


def _follows(one: str, other: str) -> bool:
    """Whether one name is the number after another one, or after a range."""
    last = one.rpartition("-")[2]
    return last.isdecimal() and other.isdecimal() and int(other) == int(last) + 1


def _signature(node: Node[Leaf], same: Callable[[Leaf], Hashable]) -> Hashable:
    below = tuple((child.name, _signature(child, same)) for child in node.children)
    return node.kind, tuple(map(same, node.leaves[:1])), below


def _merged(one: Node[Leaf], other: Node[Leaf]) -> Node[Leaf]:
    children = [_merged(mine, its) for mine, its in zip(one.children, other.children)]
    return replace(one, leaves=[*one.leaves, *other.leaves], children=children, count=one.count + other.count)


def folded_rows(node: Node[Leaf], prefix: str = "") -> Iterator[tuple[str, Node[Leaf]]]:
    """The modules of a folded tree that are layers, with their dotted names, in order."""
    path = f"{prefix}.{node.name}" if prefix else node.name
    if node.leaves:
        yield path, node
    for child in node.children:
        yield from folded_rows(child, path)
