"""The calls of models, and whether the mode of each was checked."""

from __future__ import annotations

from collections.abc import Iterable

from bn_lint.facts import CheckedCall
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import Project, SourceFile
from bn_lint.static.torch_model.happened import Call
from bn_lint.static.torch_model.symbolic_models import is_symbolic
from bn_lint.static.training.symbolic_models import may_have_batchnorm


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

    def within(self, files: set[SourceFile], project: Project) -> list[CheckedCall]:
        """The calls in some of the files. Where a project builds no BatchNorm, models out of view have none."""
        known = [(call, checked) for call, checked in self._known.values() if call.ref.file in files]
        if any(is_symbolic(call.model) for call, _ in known) and not may_have_batchnorm(project):
            known = [(call, checked) for call, checked in known if not is_symbolic(call.model)]
        return [checked for _, checked in known]
