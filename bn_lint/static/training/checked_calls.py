"""The calls of models, and whether the mode of each was checked."""

from __future__ import annotations

from collections.abc import Iterable

from bn_lint.facts import CheckedCall
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import Project, SourceFile
from bn_lint.static.torch_model.happened import Call
from bn_lint.static.torch_model.symbolic_models import are_supposed
from bn_lint.static.training.symbolic_models import may_have_batchnorm

#: Where a model is called, whether it is made out of view, and whether its mode was checked.
CallOfModel = tuple[NodeRef, bool, CheckedCall]


class CheckedCalls:
    """What became of the calls of models in all entry points: one that was checked in any was checked."""

    def __init__(self) -> None:
        self._known: dict[cst.CSTNode, CallOfModel] = {}

    @property
    def is_empty(self) -> bool:
        return not self._known

    def add(self, calls: Iterable[CallOfModel]) -> None:
        """Take in the calls of an entry point that is over."""
        for call in calls:
            known = self._known.get(call[0].node)
            if known is None or (known[2].purpose is None and call[2].purpose is not None):
                self._known[call[0].node] = call

    def within(self, files: set[SourceFile], project: Project) -> list[CheckedCall]:
        """The calls in some of the files. Where a project builds no BatchNorm, models out of view have none."""
        known = [call for call in self._known.values() if call[0].file in files]
        if any(is_symbolic for _, is_symbolic, _ in known) and not may_have_batchnorm(project):
            known = [call for call in known if not call[1]]
        return [checked for _, _, checked in known]


def calls_of_models(calls: Iterable[Call]) -> list[CallOfModel]:
    """The calls of an entry point. What bn-lint itself calls is no call of the program."""
    return [
        (call.ref, are_supposed(call.layers), call.checked)
        for call in calls
        if call.checked is not None and type(call.ref.node) is cst.Call
    ]
