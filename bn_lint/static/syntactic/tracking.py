"""Statements that switch off the running statistics of a finished layer: `m.track_running_stats = False`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bn_lint.facts import Evidence, Place, TrackingSwitched
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located, Scope
from bn_lint.static.syntax.tree import walk

_STATISTICS = frozenset({"running_mean", "running_var"})


def tracking_switched(
    located: Located, module: cst.Module, place: Callable[[cst.CSTNode], Place]
) -> Iterator[TrackingSwitched]:
    """The switch that a statement is, when it is part of freezing a layer, or of an evaluation."""
    match located.statement:
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Attribute(attr=cst.Name(value="track_running_stats")) as target)],
            value=cst.Name(value="False"),
        ):
            receiver = dotted_name(target.value)
            if receiver is None or receiver == "self":
                return
            outermost = _outermost(located.scope)
            freezes = _freezing(located.scope, outermost, receiver)
            if freezes is not None and not _evaluates(outermost, module, receiver):
                message, node = freezes
                step = Evidence(message, place(node))
                yield TrackingSwitched(receiver, place(located.statement), step, False)
                return
            switched = _evaluation(located.statement, outermost, module)
            if switched is not None:
                step = Evidence("the model is evaluated from here", place(switched))
                yield TrackingSwitched(receiver, place(located.statement), evaluation=step)


def _outermost(scope: Scope) -> cst.CSTNode:
    """The function or method that a statement belongs to, at any depth; at the top level, the module."""
    node = scope.node
    while scope.parent is not None and isinstance(scope.node, cst.FunctionDef):
        node = scope.node
        scope = scope.parent
    return node


def _freezing(scope: Scope, outermost: cst.CSTNode, receiver: str) -> tuple[str, cst.CSTNode] | None:
    """What shows that the purpose is to freeze: parameters that are frozen beside it."""
    if any(_thaws(node, receiver) for node in walk(outermost)):
        return None
    for node in walk(outermost):
        match node:
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Attribute(value=frozen, attr=cst.Name(value="requires_grad")))],
                value=cst.Name(value="False"),
            ):
                if not scope.is_top or (dotted_name(frozen) or "").startswith(receiver):
                    return f"`{dotted_name(frozen) or 'a parameter'}` is frozen here", node
            case cst.Call(func=cst.Attribute(value=frozen, attr=cst.Name(value="requires_grad_")), args=[argument]):
                is_false = isinstance(argument.value, cst.Name) and argument.value.value == "False"
                if is_false and (not scope.is_top or dotted_name(frozen) == receiver):
                    return f"`{dotted_name(frozen) or 'a parameter'}` is frozen here", node
    return None


def _thaws(node: cst.CSTNode, receiver: str) -> bool:
    """Whether the layer's own parameters are to be trained, as when a model is adapted by them alone."""
    match node:
        case cst.Call(func=cst.Attribute(value=thawed, attr=cst.Name(value="requires_grad_")), args=arguments):
            given = [argument.value for argument in arguments]
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Attribute(value=thawed, attr=cst.Name(value="requires_grad")))],
            value=value,
        ):
            given = [value]
        case _:
            return False
    # `m.requires_grad_()` for the layer `m`, `m.weight.requires_grad = True` for a part of it.
    means_true = all(isinstance(one, cst.Name) and one.value == "True" for one in given)
    return means_true and f"{dotted_name(thawed)}.".startswith(f"{receiver}.")


def _evaluation(statement: cst.CSTNode, outermost: cst.CSTNode, module: cst.Module) -> cst.CSTNode | None:
    """The `model.eval()` before the loop over `model.modules()` that a statement stands in, of a model that is trained.

    None where the file says anything else of the switch or of the statistics.
    """
    models: set[str] = set()
    evals: dict[str, cst.CSTNode] = {}
    for node in walk(outermost):
        if type(node) is cst.For and any(one is statement for one in walk(node)):
            models |= {name for method in ("modules", "named_modules") if (name := _asked(node.iter, method))}
        if name := _asked(node, "eval"):
            evals[name] = node
        if _asked(node, "backward") is not None or isinstance(node, cst.Yield) or _is_about_gradients(node):
            return None
    done = set[str]()
    for node in walk(module):
        done.update(method for method in ("train", "backward") if _asked(node, method) is not None)
        match node:
            case cst.AssignTarget(target=cst.Attribute(attr=cst.Name(value=name))) if name in _STATISTICS:
                return None
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute(attr=cst.Name(value=name)))], value=value):
                if name == "track_running_stats" and not (isinstance(value, cst.Name) and value.value == "False"):
                    return None
    return next((evals[name] for name in sorted(models) if name in evals), None) if len(done) == 2 else None


def _is_about_gradients(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value in ("requires_grad", "requires_grad_")


def _asked(node: cst.CSTNode, method: str) -> str | None:
    """What a method is called of, where a node is such a call: `model` for `model.eval()`; empty for a computed one."""
    match node:
        case cst.Call(func=cst.Attribute(value=owner, attr=cst.Name(value=name))) if name == method:
            return dotted_name(owner) or ""
    return None


def _evaluates(outermost: cst.CSTNode, module: cst.Module, receiver: str) -> bool:
    """Whether the layer may be put in evaluation mode too, lose its statistics, or be switched back."""
    for node in walk(outermost):
        match node:
            case cst.Attribute(attr=cst.Name(value="eval" | "train")) | cst.Yield():
                return True
            case cst.AssignTarget(target=cst.Attribute(attr=cst.Name(value=name))) if name in _STATISTICS:
                return True
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute(attr=cst.Name(value=name)))], value=value):
                # Restored, or given by the caller as well.
                if name == "track_running_stats" and not (isinstance(value, cst.Name) and value.value == "False"):
                    return True
    # Another function of the file may do what is missing here.
    called = f"{receiver}.eval"
    return any(isinstance(node, cst.Attribute) and dotted_name(node) == called for node in walk(module))
