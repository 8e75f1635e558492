"""BatchNorm layers that a class builds and never mentions again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import libcst as cst

from bn_lint.facts import BatchNormLayer, Evidence, Place, UncalledBatchNorm
from bn_lint.static.imports import dotted_name
from bn_lint.static.scopes import Located, Scope, statements
from bn_lint.static.survey.layers import BATCHNORM
from bn_lint.static.survey.receivers import Receivers
from bn_lint.static.syntax import walk

#: What reaches layers without naming them.
_INDIRECT = frozenset(
    "getattr children named_children modules named_modules get_submodule _modules __dict__ __getattr__ vars".split()
)


def unused_layers(
    located: Located, module: cst.Module, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
) -> Iterator[UncalledBatchNorm]:
    """The BatchNorm layers of one class that nothing in the file mentions but the constructor."""
    definition = located.statement
    if not isinstance(definition, cst.ClassDef) or not receivers.classes.is_module(definition):
        return
    if not receivers.classes.closed(definition) or receivers.classes.torch_bases(definition) != {"torch.nn.Module"}:
        return
    forward = next(
        (m for m in definition.body.body if isinstance(m, cst.FunctionDef) and m.name.value == "forward"), None
    )
    built = {
        name: values[0][0]
        for name, values in receivers.assigned(definition, Scope(definition, located.scope)).items()
        if len(values) == 1 and _is_batchnorm(values[0][0], receivers)
    }
    if forward is None or not built:
        return
    own = _names(definition)
    built = {name: call for name, call in built.items() if own[name] == 1}
    if not built or not _INDIRECT.isdisjoint(own):
        return  # the whole file is looked through only for what the class itself does not mention again
    mentions = _names(module) - _own_names(module, definition, receivers)
    for name, call in built.items():
        if mentions[name] == 1 and isinstance(call, cst.Call):
            class_name = (dotted_name(call.func) or "").rpartition(".")[2]
            variant = "sync" if class_name.startswith("Sync") else class_name[-2:]
            where = place(call)
            layer = BatchNormLayer(name, variant, class_name, None, where)
            step = Evidence(f"`{definition.name.value}.forward` does not apply it", place(forward.name))
            lines = _lines_of(definition, call, place)
            yield UncalledBatchNorm((layer,), where, definition.name.value, step, lines)


def _lines_of(definition: cst.ClassDef, call: cst.Call, place: Callable[[cst.CSTNode], Place]) -> Place | None:
    """The whole lines of the statement that a layer is built by, when a method still has others without it."""
    for method in definition.body.body:
        if isinstance(method, cst.FunctionDef) and len(method.body.body) > 1:
            for line in method.body.body:
                match line:
                    case cst.SimpleStatementLine(body=[cst.Assign(targets=[_], value=value)]) if value is call:
                        text = place(line)
                        return Place(text.path, text.line, 1, text.end_line + 1, 1)
    return None


def _is_batchnorm(value: cst.BaseExpression | None, receivers: Receivers) -> bool:
    return isinstance(value, cst.Call) and BATCHNORM.match(receivers.imports.qualified(value.func) or "") is not None


@cache
def _names(root: cst.CSTNode) -> Counter[str]:
    """How often each name occurs, as a name or in a string."""
    found: Counter[str] = Counter()
    for node in walk(root):
        if type(node) is cst.Name:
            found[node.value] += 1
        elif type(node) is cst.SimpleString and isinstance(node.evaluated_value, str):
            found.update(set(node.evaluated_value.replace(".", " ").split()))
    return found


def _own_names(module: cst.Module, definition: cst.ClassDef, receivers: Receivers) -> Counter[str]:
    """How often names of a file speak of something else: `self.bn1` in a class without relation to this one."""
    found: Counter[str] = Counter()
    for located in statements(module):
        other = located.statement
        if (
            isinstance(other, cst.ClassDef)
            and located.scope.is_top
            and definition not in receivers.classes.family(other)
        ):
            for node in walk(other):
                match node:
                    case cst.Attribute(value=cst.Name(value="self"), attr=cst.Name(value=name)):
                        found[name] += 1
    return found
