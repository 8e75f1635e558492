"""BatchNorm layers that a class builds and never mentions again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property

from bn_lint.facts import BatchNormLayer, Evidence, Place, UncalledBatchNorm
from bn_lint.project.mentions import INDIRECT
from bn_lint.static.syntactic.batchnorm_attributes import builds_batchnorm
from bn_lint.static.syntactic.receivers import Receivers
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope
from bn_lint.static.syntax.tree import walk
from bn_lint.static.syntax.written import code_of


class Mentions:
    """How often the names of a file are written, in all and as attributes of `self` in each class."""

    def __init__(self, module: cst.Module, receivers: Receivers) -> None:
        self._module = module
        self._receivers = receivers
        #: The attributes of `self` that a top-level class mentions.
        self._own: dict[cst.ClassDef, Counter[str]] = {}
        #: The top-level classes that inherit from a class, itself included.
        self._heirs: dict[cst.ClassDef, list[cst.ClassDef]] = {}

    @cached_property
    def _all(self) -> Counter[str]:
        return _names(self._module)

    @cached_property
    def _in_classes(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for statement in self._module.body:
            if isinstance(statement, cst.ClassDef):
                own = self._own[statement] = Counter(
                    node.attr.value
                    for node in walk(statement)
                    if isinstance(node, cst.Attribute)
                    and isinstance(node.value, cst.Name)
                    and node.value.value == "self"
                )
                total.update(own)
                for ancestor in self._receivers.classes.family(statement):
                    self._heirs.setdefault(ancestor, []).append(statement)
        return total

    def of(self, definition: cst.ClassDef, name: str) -> int:
        """How often a name occurs that may mean the attribute of a class.

        `self.bn1` in a class that does not inherit from this one means something else.
        """
        others = self._in_classes[name] - sum(self._own[heir][name] for heir in self._heirs.get(definition, ()))
        return self._all[name] - others


def unused_layers(
    located: Located, mentions: Mentions, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
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
        if len(values) == 1 and builds_batchnorm(values[0][0], receivers)
    }
    if forward is None or not built:
        return
    own = _names(definition)
    # A layer that is applied twice, or built on the spot, may stand where this one belongs.
    replaced = any(own[name] > 2 for name in built) or any(
        builds_batchnorm(node, receivers) for node in _calls(forward)
    )
    twice = {name: code_of(call) for name, call in built.items() if call is not None and own[name] > 2}
    built = {name: call for name, call in built.items() if own[name] == 1}
    if not built or not INDIRECT.isdisjoint(own):
        return  # the whole file is looked through only for what the class itself does not mention again
    for name, call in built.items():
        if mentions.of(definition, name) == 1 and isinstance(call, cst.Call):
            class_name = (dotted_name(call.func) or "").rpartition(".")[2]
            variant = "sync" if class_name.startswith("Sync") else class_name[-2:]
            where = place(call)
            layer = BatchNormLayer(name, variant, class_name, None, where)
            step = Evidence(f"`{definition.name.value}.forward` does not apply it", place(forward.name))
            lines = None if replaced else _lines_of(definition, call, place)
            # One of another width raises, and BN002 says so.
            alike = (other for other, written in twice.items() if written == code_of(call))
            instead = next(filter(None, (_by_copied_name(forward, name, other) for other in alike)), None)
            shown = (
                Evidence(f"`{dotted_name(instead.func)}` is applied once more here", place(instead))
                if instead
                else None
            )
            yield UncalledBatchNorm((layer,), where, definition.name.value, step, lines, shown)


def _by_copied_name(forward: cst.FunctionDef, unused: str, other: str) -> cst.Call | None:
    """Where a method normalizes what `conv2` gives with `bn1`, as it does what `conv1` gives, instead of with `bn2`."""
    stem, number = _numbered(unused)
    other_stem, other_number = _numbered(other)
    if stem != other_stem or not number or not other_number:
        return None
    inputs: dict[str, cst.Call] = {}
    for call in _calls(forward):
        match call:
            case cst.Call(func=func, args=[cst.Arg(value=cst.Call(func=inner))]) if (
                dotted_name(func) == f"self.{other}"
            ):
                before = dotted_name(inner) or ""
                inputs.setdefault(_numbered(before)[1] if before.startswith("self.") else "", call)
    return inputs.get(number) if other_number in inputs else None


def _numbered(name: str) -> tuple[str, str]:
    """A name without the number at its end, and that number."""
    stem = name.rstrip("0123456789")
    return stem, name[len(stem) :]


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


def _calls(method: cst.FunctionDef) -> Iterator[cst.Call]:
    return (node for node in walk(method) if isinstance(node, cst.Call))


def _names(root: cst.CSTNode) -> Counter[str]:
    """How often each name occurs, as a name or in a string."""
    found: Counter[str] = Counter()
    for node in walk(root):
        if type(node) is cst.Name:
            found[node.value] += 1
        elif type(node) is cst.SimpleString and isinstance(node.evaluated_value, str):
            found.update(set(node.evaluated_value.replace(".", " ").split()))
    return found
