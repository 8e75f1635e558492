"""The calls of models, and whether the mode of each was checked."""

from __future__ import annotations

from collections.abc import Iterable

from bn_lint.facts import CheckedCall
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.torch_model.happened import Call
from bn_lint.static.torch_model.symbolic_models import is_symbolic


class CheckedCalls:
    """What became of the calls of models in all entry points: one that was checked in any was checked."""

    def __init__(self) -> None:
        self._known: dict[cst.CSTNode, tuple[Call, CheckedCall]] = {}

    def add(self, calls: Iterable[Call]) -> None:
        """Take in the calls of an entry point that is over. What bn-lint itself calls is no call of the program."""
        for call in calls:
            node, checked = call.ref.node, call.checked
            if checked is None or type(node) is not cst.Call:
                continue
            known = self._known.get(node)
            if known is None or (known[1].purpose is None and checked.purpose is not None):
                self._known[node] = call, checked

    def within(self, files: set[SourceFile], *, has_batchnorm: bool) -> list[CheckedCall]:
        """The calls in some of the files.

        Args:
            has_batchnorm: Whether the project builds BatchNorm: if not, models that are made out of view have none.
        """
        return [
            checked
            for call, checked in self._known.values()
            if call.ref.file in files and (has_batchnorm or not is_symbolic(call.model))
        ]
