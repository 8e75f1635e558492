"""Classes that override `nn.Module.train`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bn_lint.facts import InheritedTrain, Place, TrainOverride
from bn_lint.static.syntactic.classes import Elsewhere
from bn_lint.static.syntactic.exits import Exits
from bn_lint.static.syntactic.receivers import Receivers
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import children
from bn_lint.static.syntax.written import code_of

#: A method that does these trains the network; it is no mode switch, whatever its name.
_TRAINING = frozenset({"backward", "step", "zero_grad", "fit", "next", "manual_backward", "item", "detach"})
_TRAVERSALS = frozenset({"modules", "children", "parameters", "named_modules", "named_children", "named_parameters"})


def train_overrides(
    located: Located, receivers: Receivers, file: SourceFile, elsewhere: Elsewhere
) -> Iterator[TrainOverride]:
    """The override that a method named `train` is, when it is one."""
    function, scope, place = located.statement, located.scope, file.place
    if not isinstance(function, cst.FunctionDef) or not isinstance(scope.node, cst.ClassDef):
        return
    definition = scope.node
    override = _Override(function)
    if _is_plain_or_stub(function) or not override.is_switch:
        return
    exits = Exits(function)
    # A class that replaces `eval` too need not understand `train(False)`.
    accepts = override.accepts_mode or any(
        isinstance(member, cst.FunctionDef) and member.name.value == "eval" for member in definition.body.body
    )
    passes = override.passes_mode()
    if accepts and passes is not False and exits.returns_value is not False:
        return
    # Trainers and data modules have a `train` as well.
    if receivers.classes.is_module(definition, elsewhere) is not True:
        return
    ending = exits.ending if _indented_by_spaces(function) else None
    call = override.super_calls[0] if len(override.super_calls) == 1 else None
    yield TrainOverride(
        definition.name.value,
        place(function.name),
        accepts,
        passes,
        exits.returns_value,
        mode=override.mode,
        only_self=_behind(place(override.only_self)) if override.only_self is not None else None,
        super_call=_inherited(call, place) if call else None,
        switches_once=override.switches_once,
        ending=_to_end_of_line(place(ending), file) if ending is not None else None,
    )


def _inherited(call: cst.Call, place: Callable[[cst.CSTNode], Place]) -> InheritedTrain:
    through_super = isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call)
    return InheritedTrain(code_of(call.func), place(call), takes_self=not through_super)


def _behind(place: Place) -> Place:
    return replace(place, line=place.end_line, column=place.end_column)


def _to_end_of_line(place: Place, file: SourceFile) -> Place:
    """The place with the rest of its last line: a comment."""
    return replace(place, end_column=len(file.lines[place.end_line - 1].rstrip()) + 1)


class _Override:
    """A method named `train`, read for what it does with the mode."""

    def __init__(self, function: cst.FunctionDef) -> None:
        every = function.params
        self._function = function
        self._parameters = [*every.posonly_params, *every.params][1:]
        self._forwards = isinstance(every.star_arg, cst.Param) or every.star_kwarg is not None
        self.accepts_mode = bool(self._parameters) or isinstance(every.star_arg, cst.Param)
        self.mode = self._parameters[0].name.value if self._parameters else None
        #: The parameter `self`, when there is no other.
        self.only_self = every.params[0] if every.params and not (self._parameters or every.posonly_params) else None
        if every.kwonly_params or every.star_arg is not None or every.star_kwarg is not None:
            self.only_self = None
        self.super_calls: list[cst.Call] = []
        self._names: set[str] = set()
        self._reads = 0
        self._called: set[str] = set()
        self._loops: list[cst.For] = []
        self._read(function.body)

    def _read(self, node: cst.CSTNode) -> None:
        match node:
            case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="train"))) if self._is_super(node, value):
                self.super_calls.append(node)
            case cst.Call(func=cst.Attribute(attr=cst.Name(value=name)) | cst.Name(value=name)):
                self._called.add(name)
            case cst.Name(value=name) if name == self.mode:
                self._reads += 1
            case cst.For():
                self._loops.append(node)
        for child in children(node):
            self._read(child)

    @staticmethod
    def _is_super(call: cst.Call, value: cst.BaseExpression) -> bool:
        """`super().train(...)`, or `Base.train(self, ...)`."""
        if isinstance(value, cst.Call):
            return isinstance(value.func, cst.Name) and value.func.value == "super"
        first = call.args[0].value if call.args else None
        return dotted_name(value) is not None and isinstance(first, cst.Name) and first.value == "self"

    @property
    def switches_once(self) -> bool:
        """Whether nothing but one call of the inherited `train` may switch to training mode."""
        given = [_mode_argument(call) for call in self.super_calls]
        return len(given) == 1 and "train" not in self._called and (given[0] is None or _is_true(given[0]))

    @property
    def is_switch(self) -> bool:
        """Whether the method switches modes, rather than running a training loop that happens to be named `train`."""
        if self._called & _TRAINING or any(not _is_traversal(loop) for loop in self._loops):
            return False
        if self._parameters and not self._takes_a_mode(self._parameters[0]):
            return False
        required = [parameter for parameter in self._parameters[1:] if parameter.default is None]
        if required:
            return False
        return bool(self.super_calls) or bool(self._called & {"train", "eval"} and (self._parameters or self._loops))

    def _takes_a_mode(self, parameter: cst.Param) -> bool:
        match parameter:
            case cst.Param(default=cst.Name(value="True" | "False")):
                return True
            case cst.Param(annotation=cst.Annotation(annotation=cst.Name(value="bool"))):
                return True
        return parameter.name.value == "mode"  # as `nn.Module` calls it

    def passes_mode(self) -> bool | None:
        """Whether the mode reaches `super().train`; False when it is dropped, None when that cannot be told."""
        if not self.super_calls or not (self.mode or self._forwards):
            return None
        given = [_mode_argument(call) for call in self.super_calls]
        if any(isinstance(argument, cst.Arg) and not _is_true(argument) for argument in given):
            # The mode, or a constant that is intentionally pinned.
            return None if all(argument is None or _is_constant(argument) for argument in given) else True
        return False if self._always_switches_on() else None

    def _always_switches_on(self) -> bool:
        """Whether `super().train()` runs in every mode and nothing takes it back for `mode=False`."""
        top = self._function.body.body
        unconditional = any(
            any(call is node for node in _expressions(line) for call in self.super_calls) for line in top
        )
        if not unconditional:
            return False
        guards = [line for line in top if isinstance(line, cst.If) and line.orelse is None and self._tests_mode(line)]
        return self._reads == len(guards)

    def _tests_mode(self, branch: cst.If) -> bool:
        test = branch.test
        while isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
            test = test.left
        return isinstance(test, cst.Name) and test.value == self.mode


def _expressions(line: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """What the simple statements of a line evaluate."""
    for small in line.body if isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite)) else (line,):
        if isinstance(small, (cst.Expr, cst.Return, cst.Assign)) and small.value is not None:
            yield small.value


def _mode_argument(call: cst.Call) -> cst.Arg | None:
    """The argument for the mode, the explicit `self` of `Base.train(self, mode)` left out."""
    arguments: Sequence[cst.Arg] = call.args
    if isinstance(call.func, cst.Attribute) and not isinstance(call.func.value, cst.Call):
        arguments = arguments[1:]
    return arguments[0] if arguments else None


def _is_true(argument: cst.Arg) -> bool:
    return isinstance(argument.value, cst.Name) and argument.value.value == "True"


def _is_constant(argument: cst.Arg) -> bool:
    """Whether True or False is pinned, rather than the mode passed on."""
    return isinstance(argument.value, cst.Name) and argument.value.value in ("True", "False")


def _is_traversal(loop: cst.For) -> bool:
    """Whether a loop goes over parts of the module, not over batches."""
    match loop.iter:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))):
            return name in _TRAVERSALS or name in ("items", "values")
        case cst.Call(func=cst.Name(value="enumerate" | "zip" | "range" | "reversed" | "getattr")):
            return True
        case cst.Attribute() | cst.List() | cst.Tuple() | cst.Subscript() | cst.Name():
            return True
    return False


def _is_plain_or_stub(function: cst.FunctionDef) -> bool:
    """Static and class methods, properties, overloads; bodies of `...` alone, or that only raise."""
    for decorator in function.decorators:
        name = (dotted_name(decorator.decorator) or "").rpartition(".")[2]
        if name in ("staticmethod", "classmethod", "property", "overload", "abstractmethod", "setter"):
            return True
    for line in function.body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else (line,):
            match small:
                case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString() | cst.Ellipsis()) | cst.Raise():
                    continue
            return False
    return True


def _indented_by_spaces(function: cst.FunctionDef) -> bool:
    return isinstance(function.body, cst.IndentedBlock) and "\t" not in (function.body.indent or "")
