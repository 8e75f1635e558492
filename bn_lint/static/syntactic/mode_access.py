"""Statements that name a mode switch without working it: `model.eval`, `model.training = False`, `model.train(0)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bn_lint.facts import UNKNOWN as UNKNOWN_VALUE
from bn_lint.facts import Constant, ModeAccess, Place
from bn_lint.libraries import LIBRARIES
from bn_lint.static.syntactic.receivers import Receiver, Receivers, parameters
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope, inside
from bn_lint.static.syntax.tree import walk
from bn_lint.static.syntax.written import code_of

SWITCHES = frozenset({"eval", "train"})
#: Calls that mean `eval()` or `train()` and that `nn.Module` does not have.
MISSPELLED = frozenset(
    "evaluate evaluation evaluating eval_mode val validate train_mode test testing training inference_mode".split()
)
#: Libraries whose objects have an `eval` or `train` of another meaning.
_FOREIGN = frozenset(package for library in LIBRARIES if library.own_modes for package in library.packages)

Locate = Callable[[cst.CSTNode], Place]


def mode_accesses(located: Located, receivers: Receivers, place: Locate) -> Iterator[ModeAccess]:
    """The mode accesses of one statement."""
    if located.guarded:
        return
    match located.statement:
        case cst.Expr(value=value):
            yield from _bare(value, located.scope, receivers, place)
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute() as target)], value=value):
            if target.attr.value in SWITCHES or target.attr.value == "training":
                yield from _assignment(located, target, value, receivers, place)
        case cst.Assign(
            targets=[cst.AssignTarget(target=target)],
            value=cst.Attribute(attr=cst.Name(value="eval" | "train")) as value,
        ):
            # `model = model.eval` can only have meant the call; `switch = model.eval` is an ordinary reference.
            if dotted_name(target) is not None and dotted_name(target) == dotted_name(_start_of_chain(value.value)):
                yield from _bare(value, located.scope, receivers, place)
    match located.statement:
        case (
            cst.Expr(value=cst.Call() as call)
            | cst.Assign(value=cst.Call() as call)
            | cst.Return(value=cst.Call() as call)
        ):
            yield from _calls(call, located.scope, receivers, place)


def _bare(expression: cst.BaseExpression, scope: Scope, receivers: Receivers, place: Locate) -> Iterator[ModeAccess]:
    match expression:
        case cst.Attribute(value=value, attr=cst.Name(value="eval" | "train" as name)):
            known = receivers.of(value, scope)
            if known.is_module is not False and not _means_something_else(known, name, receivers):
                yield _access("statement", value, name, scope, place(expression), known, known.is_module)
        case cst.IfExp(body=body, orelse=orelse):
            yield from _bare(body, scope, receivers, place)
            yield from _bare(orelse, scope, receivers, place)


def _means_something_else(known: Receiver, name: str, receivers: Receivers) -> bool:
    """Whether reading the attribute may have a purpose: a property, or a name of another library."""
    if known.definition is not None:
        return _is_property(known.definition, name) or (
            known.is_module is None and receivers.classes.has(known.definition, name)
        )
    packages = receivers.imports.packages() if known.is_module is None else set()
    return bool(packages & _FOREIGN) and not any("torch" in package for package in packages)


def _is_property(definition: cst.ClassDef, name: str) -> bool:
    for member in definition.body.body:
        if isinstance(member, cst.FunctionDef) and member.name.value == name:
            return bool(member.decorators)
    return False


def _assignment(
    located: Located, target: cst.Attribute, value: cst.BaseExpression, receivers: Receivers, place: Locate
) -> Iterator[ModeAccess]:
    scope = located.scope
    name = target.attr.value
    constant = _constant(value, scope)
    if constant is UNKNOWN_VALUE:
        return
    known = receivers.of(target.value, scope)
    if known.is_module is not True and not (
        name == "training" and known.is_module is None and _used_as_module(target, scope)
    ):
        return
    if name == "training":
        # On a layer without children the flag is all there is. Beside a real switch it is set intentionally.
        if known.leaf or not isinstance(constant, bool) or _switches(target.value, scope):
            return
        method = scope.method()
        if constant is True and method is not None and method[0].name.value == "__init__":
            return  # what is being built is in training mode
    elif known.definition is not None and (
        _is_property(known.definition, name) or _only_holds_settings(known, scope, receivers)
    ):
        return
    yield _access("assignment", target.value, name, scope, place(located.statement), known, True, constant)


def _only_holds_settings(known: Receiver, scope: Scope, receivers: Receivers) -> bool:
    """Whether a class is a module for no reason: it computes nothing, and has no part that could be switched."""
    if known.definition is None or not known.closed or receivers.classes.has(known.definition, "forward"):
        return False
    assigned = receivers.assigned(known.definition, scope).values()
    return not any(receivers.may_be_module(value, where) for values in assigned for value, where in values)


def _used_as_module(flag: cst.Attribute, scope: Scope) -> bool:
    """Whether the code around calls something on the receiver that only a network with a `training` flag has.

    Plain objects may have `parameters()` too; those of a network are handed to an optimizer.
    """
    name = dotted_name(flag.value)
    method = scope.method()
    if name is None:
        return False
    around = method[1] if method is not None and name.startswith("self.") else scope.node
    return any(_is_of_network(node, name) for one in _while_bound(flag, around) for node in walk(one))


def _is_of_network(node: cst.CSTNode, name: str) -> bool:
    """Whether a node is a call of something that networks have, of what has this name: `net.named_modules()`."""
    match node:
        case cst.Call(
            func=cst.Attribute(
                value=receiver, attr=cst.Name(value="named_parameters" | "named_modules" | "load_state_dict")
            )
        ):
            return dotted_name(receiver) == name
        case cst.Call(
            func=cst.Attribute(value=module),
            args=[
                cst.Arg(
                    keyword=None, value=cst.Call(func=cst.Attribute(value=given, attr=cst.Name(value="parameters")))
                ),
                *_,
            ],
        ):
            return (dotted_name(module) or "").rpartition(".")[2] == "optim" and dotted_name(given) == name
    return False


def _while_bound(flag: cst.Attribute, around: cst.CSTNode) -> Iterable[cst.CSTNode]:
    """The calls around in which a name that is given values again and again means what it means at the flag.

    All that stands around, for what is no plain name, or is given a value once.
    """
    if not isinstance(flag.value, cst.Name):
        return (around,)
    name, here = flag.value.value, 0
    found: list[list[cst.CSTNode]] = [[]]
    for node in walk(around):
        match node:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=bound))], value=value) if bound == name:
                if not any(isinstance(part, cst.Name) and part.value == name for part in walk(value)):
                    found.append([])
            case cst.For(target=cst.Name(value=bound)) if bound == name:
                found.append([])
            case cst.Call():
                found[-1].append(node)
        here = len(found) - 1 if node is flag else here
    return found[here] if len(found) > 1 else (around,)


def _switches(receiver: cst.BaseExpression, scope: Scope) -> bool:
    """Whether `receiver.eval(...)` or `receiver.train(...)` is called as a statement of the same scope."""
    text = dotted_name(receiver)
    for located in inside(scope):
        match located.statement:
            case cst.Expr(value=cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value="eval" | "train")))):
                if dotted_name(value) == text:
                    return True
    return False


def _calls(call: cst.Call, scope: Scope, receivers: Receivers, place: Locate) -> Iterator[ModeAccess]:
    """Wrong calls in a chain such as `model.to(device).train("eval")`."""
    function = call.func
    if not isinstance(function, cst.Attribute):
        return
    name = function.attr.value
    value: Constant = UNKNOWN_VALUE
    wrong = name in MISSPELLED and not call.args
    if name == "train" and len(call.args) == 1 and not call.args[0].star:
        keyword = call.args[0].keyword
        value = _constant(call.args[0].value, scope, defaults=False)
        wrong = value is not UNKNOWN_VALUE and not isinstance(value, bool)
        wrong = wrong and (keyword is None or keyword.value == "mode")
    elif name == "eval" and len(call.args) == 1 and not call.args[0].star:
        value = _constant(call.args[0].value, scope, defaults=False)
        wrong = value is not UNKNOWN_VALUE
    if wrong:
        known = receivers.of(function.value, scope)
        own = known.definition is not None and receivers.classes.has(known.definition, name)
        if known.is_module and known.closed and not own:
            yield _access("call", function.value, name, scope, place(call), known, True, value)
    elif isinstance(function.value, cst.Call):
        yield from _calls(function.value, scope, receivers, place)


def _access(
    kind: str,
    receiver: cst.BaseExpression,
    name: str,
    scope: Scope,
    place: Place,
    known: Receiver,
    is_module: bool | None,
    value: Constant = UNKNOWN_VALUE,
) -> ModeAccess:
    text = code_of(receiver)
    method = scope.method()
    of_self = method is not None and known.definition is method[1] and isinstance(receiver, cst.Name)
    return ModeAccess(kind, text, name, place, value, is_module, of_self)


def _start_of_chain(expression: cst.BaseExpression) -> cst.BaseExpression:
    while isinstance(expression, cst.Call) and isinstance(expression.func, cst.Attribute):
        expression = expression.func.value
    return expression


def _constant(expression: cst.BaseExpression, scope: Scope, *, defaults: bool = True) -> Constant:
    """The constant that an expression is, or that a parameter defaults to; else UNKNOWN."""
    match expression:
        case cst.Name(value="True"):
            return True
        case cst.Name(value="False"):
            return False
        case cst.Name(value="None"):
            return None
        case cst.Integer() | cst.SimpleString() | cst.Float():
            return expression.evaluated_value
        case cst.Name(value=name) if defaults and isinstance(scope.node, cst.FunctionDef):
            for parameter in parameters(scope.node):
                if parameter.name.value == name and parameter.default is not None:
                    default = _constant(parameter.default, scope, defaults=False)
                    return default if isinstance(default, bool) else UNKNOWN_VALUE
    return UNKNOWN_VALUE
