"""Questions about syntax that do not need evaluation, answered once per node."""

from __future__ import annotations

from functools import lru_cache

import libcst as cst

_SCOPES = (cst.FunctionDef, cst.ClassDef, cst.Lambda)


@lru_cache(maxsize=None)
def is_generator(node: cst.FunctionDef) -> bool:
    """Whether the function's own body contains `yield`."""
    return _contains(node.body, (cst.Yield,))


@lru_cache(maxsize=None)
def leaves_loop(node: cst.For | cst.While) -> bool:
    """Whether the loop's body can end it early, by `break`, `return` or `raise`."""
    return _contains(node.body, (cst.Break, cst.Return, cst.Raise))


def _contains(root: cst.CSTNode, kinds: tuple[type, ...]) -> bool:
    pending = list(root.children)
    while pending:
        node = pending.pop()
        if isinstance(node, kinds):
            return True
        if not isinstance(node, _SCOPES):
            pending.extend(node.children)
    return False
