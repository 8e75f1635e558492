"""What an expression in front of `.eval` or `.train` is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bn_lint.libraries import LIBRARIES
from bn_lint.static.syntactic.classes import Classes, torch_class
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import ImportTable, dotted_name
from bn_lint.static.syntax.scopes import Scope, inside

#: Methods of `nn.Module` that return the module.
_CHAIN = frozenset(
    {"to", "cuda", "cpu", "float", "half", "double", "bfloat16", "eval", "train", "requires_grad_", "apply", "type"}
)
#: Functions that return their first argument, wrapped or copied.
_SAME = frozenset({"torch.compile", "copy.deepcopy", "copy.copy"})
_WRAPPERS = ("torch.nn.DataParallel", "torch.nn.parallel.DataParallel", "torch.nn.parallel.DistributedDataParallel")
_CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})
_PLAIN_MODULES = tuple(name for library in LIBRARIES for name in library.plain_modules)
_NO_MODULES = (
    *("argparse.", "types.SimpleNamespace", "numpy."),
    *(name for library in LIBRARIES for name in library.no_modules),
)


@dataclass(frozen=True)
class Receiver:
    """What is known of an expression.

    Attributes:
        is_module: Whether it is an `nn.Module`.
        closed: All its classes are known, so that a method that is not defined does not exist.
        leaf: It is a layer of torch without children.
        definition: Its class, when this file defines it.
    """

    is_module: bool | None = None
    closed: bool = False
    leaf: bool = False
    definition: cst.ClassDef | None = None


UNKNOWN = Receiver()
NO_MODULE = Receiver(False)


class Receivers:
    """Looks expressions up in one file, without following the flow of the program.

    A name is known when everything that is ever bound to it in its scope is.
    """

    def __init__(self, module: cst.Module) -> None:
        self._module = module
        self._bound: dict[cst.CSTNode, dict[str, list[cst.BaseExpression | None]]] = {}
        self._attributes: dict[cst.CSTNode, dict[str, list[tuple[cst.BaseExpression | None, Scope]]]] = {}
        self._pending: set[tuple[cst.CSTNode, str]] = set()

    @cached_property
    def imports(self) -> ImportTable:
        return ImportTable.of(self._module)

    @cached_property
    def classes(self) -> Classes:
        return Classes(self._module, self.imports)

    def of(self, expression: cst.BaseExpression, scope: Scope) -> Receiver:
        """What an expression that stands in `scope` is."""
        return self._of(expression, scope) or UNKNOWN

    def may_be_module(self, value: cst.BaseExpression | None, scope: Scope) -> bool:
        """Whether what an attribute is given is a module, or the result of a call that may be one."""
        return isinstance(value, cst.Call) and self.of(value, scope).is_module is not False

    def _of(self, expression: cst.BaseExpression | None, scope: Scope) -> Receiver | None:
        """None means: what it is depends on itself (`model = model.cuda()`), so it adds nothing."""
        match expression:
            case cst.Name(value=name):
                return self._name(name, scope)
            case cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value=name)):
                method = scope.method()
                if method is not None and owner == first_parameter(method[0]):
                    return self._attribute(method[1], name, method[2])
            case cst.Call():
                return self._call(expression, scope)
            case cst.IfExp(body=body, orelse=orelse):
                return _agree([self._of(body, scope), self._of(orelse, scope)])
            case cst.Dict() | cst.List() | cst.Tuple() | cst.Set() | cst.SimpleString() | cst.Integer() | cst.Float():
                return NO_MODULE
        return UNKNOWN

    def _name(self, name: str, scope: Scope) -> Receiver | None:
        method = scope.method()
        if method is not None and name == first_parameter(method[0]):
            return self._instance(method[1])
        for frame in scope.functions():
            bound = self._bindings(frame).get(name)
            if bound is not None:
                if (frame.node, name) in self._pending:
                    return None
                self._pending.add((frame.node, name))
                try:
                    return _agree([self._of(value, frame) for value in bound])
                finally:
                    self._pending.discard((frame.node, name))
        if self.imports.imports(name):
            origin = self.imports.qualified(cst.Name(name)) or ""
            return NO_MODULE if origin == name or origin.startswith("torch.") else UNKNOWN
        return UNKNOWN

    def _attribute(self, definition: cst.ClassDef, name: str, scope: Scope) -> Receiver | None:
        """`self.name`, from everything that the methods of the class assign to it."""
        assigned = self.assigned(definition, scope).get(name)
        if assigned is None or (definition, name) in self._pending:
            return None if assigned else UNKNOWN
        self._pending.add((definition, name))
        try:
            return _agree([self._of(value, where) for value, where in assigned])
        finally:
            self._pending.discard((definition, name))

    def _call(self, call: cst.Call, scope: Scope) -> Receiver | None:
        function = call.func
        if isinstance(function, cst.Attribute) and function.attr.value in _CHAIN:
            return self._of(function.value, scope)
        if isinstance(function, cst.Attribute) and function.attr.value == "parse_args":
            return NO_MODULE
        definition = self.classes.named(function)
        if definition is not None:
            return self._instance(definition)
        origin = self.imports.qualified(function)
        if origin is None:
            return UNKNOWN
        if origin in _SAME and call.args:
            return self._of(call.args[0].value, scope)
        return _built_by(origin)

    def _instance(self, definition: cst.ClassDef) -> Receiver:
        is_module = self.classes.is_module(definition)
        if is_module is not True:
            return Receiver(is_module, definition=definition)
        return Receiver(True, self.classes.closed(definition), False, definition)

    def _bindings(self, frame: Scope) -> dict[str, list[cst.BaseExpression | None]]:
        """Every value bound to every name of a function or module; None stands for a value that is no expression."""
        bound = self._bound.get(frame.node)
        if bound is None:
            bound = self._bound[frame.node] = {}
            if isinstance(frame.node, cst.FunctionDef):
                for parameter in parameters(frame.node):
                    bound[parameter.name.value] = [_annotated(parameter.annotation)]
            for located in inside(frame):
                for name, value in _bound_by(located.statement):
                    bound.setdefault(name, []).append(value)
        return bound

    def assigned(
        self, definition: cst.ClassDef, scope: Scope
    ) -> dict[str, list[tuple[cst.BaseExpression | None, Scope]]]:
        assigned = self._attributes.get(definition)
        if assigned is None:
            assigned = self._attributes[definition] = {}
            for method in definition.body.body:
                if not isinstance(method, cst.FunctionDef):
                    continue
                inner = Scope(method, scope)
                prefix = f"{first_parameter(method)}."
                for located in inside(inner):
                    for target, value in _bound_by(located.statement, prefix):
                        assigned.setdefault(target, []).append((value, inner))
        return assigned


def _agree(answers: list[Receiver | None]) -> Receiver | None:
    known = [answer for answer in answers if answer is not None]
    if not known:
        return None
    first = known[0]
    if all(answer == first for answer in known):
        return first
    if all(answer.is_module for answer in known):
        return Receiver(True, all(a.closed and a.definition is None for a in known), any(a.leaf for a in known))
    return NO_MODULE if all(answer.is_module is False for answer in known) else UNKNOWN


def _built_by(origin: str) -> Receiver:
    if origin in _WRAPPERS:
        return Receiver(True, True)
    if origin == "torch.nn.Module":
        # An annotation: any class may stand behind it, a layer without children too.
        return Receiver(True, False, True)
    if torch_class(origin):
        return Receiver(True, True, origin.rpartition(".")[2] not in _CONTAINERS)
    if origin.startswith(_PLAIN_MODULES) and origin.rpartition(".")[2][:1].islower():
        return Receiver(True, True)
    return NO_MODULE if origin.startswith(_NO_MODULES) else UNKNOWN


def parameters(function: cst.FunctionDef) -> list[cst.Param]:
    """All named parameters of a function, `self` included."""
    every = function.params
    starred = [p for p in (every.star_arg, every.star_kwarg) if isinstance(p, cst.Param)]
    return [*every.posonly_params, *every.params, *every.kwonly_params, *starred]


def first_parameter(method: cst.FunctionDef) -> str | None:
    for decorator in method.decorators:
        if dotted_name(decorator.decorator) in ("staticmethod", "classmethod"):
            return None
    positional = [*method.params.posonly_params, *method.params.params]
    return positional[0].name.value if positional else None


def _annotated(annotation: cst.Annotation | None) -> cst.BaseExpression | None:
    """An annotated parameter is as good as one built by its class."""
    return cst.Call(annotation.annotation) if annotation is not None else None


def _bound_by(statement: cst.CSTNode, prefix: str = "") -> Iterator[tuple[str, cst.BaseExpression | None]]:
    """The names that a statement binds; with a prefix such as `self.`, the attributes."""
    match statement:
        case cst.Assign(targets=targets, value=value):
            for target in targets:
                yield from _targets(target.target, value, prefix)
        case cst.AnnAssign(target=target, value=value, annotation=annotation):
            yield from _targets(target, value or _annotated(annotation), prefix)
        case cst.AugAssign(target=target) | cst.For(target=target):
            yield from _targets(target, None, prefix)
        case cst.With(items=items):
            for item in items:
                if item.asname is not None:
                    yield from _targets(item.asname.name, None, prefix)
        case cst.Global(names=names) | cst.Nonlocal(names=names) if not prefix:
            for listed in names:
                yield listed.name.value, None


def _targets(
    target: cst.BaseExpression, value: cst.BaseExpression | None, prefix: str
) -> Iterator[tuple[str, cst.BaseExpression | None]]:
    match target:
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            values: list[cst.BaseExpression | None] = [None] * len(elements)
            if isinstance(value, cst.Tuple) and len(value.elements) == len(elements):
                values = [element.value for element in value.elements]
            for element, one in zip(elements, values, strict=True):
                yield from _targets(element.value, one, prefix)
        case _:
            name = dotted_name(target)
            if name is not None and name.startswith(prefix) and "." not in name[len(prefix) :]:
                yield name[len(prefix) :], value
