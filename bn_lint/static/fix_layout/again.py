"""How layers that `train()` puts back in training mode can be frozen again after it. Worked out only for fixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from bn_lint.facts import Replacement
from bn_lint.static.fix_layout.lines import end_of_lines, last_of
from bn_lint.static.fix_layout.spelling import binds
from bn_lint.static.interpreter.values import Class, Function, Instance
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import walk, ways_to
from bn_lint.static.training.drafts import Refreezing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.syntax.source_files import SourceFile
    from bn_lint.static.torch_model.happened import Switch

#: Longer statements are not repeated.
_MOST_LINES = 5


def again(draft: Refreezing) -> Replacement | None:
    """What freezes layers again: an override of `train` in the class that does it, or the same statements once more."""
    if not draft.freezing:
        return None
    built = [step for switch in draft.freezing if (step := _in_constructor(switch)) is not None]
    if len(built) == len(draft.freezing):
        return _override(built)
    found = [one for switch in draft.freezing if (one := _repeated(switch, draft.undoing)) is not None]
    if len(found) < len(draft.freezing):
        return None
    return Replacement(found[0].place, "".join(dict.fromkeys(one.text for one in found)))


class _Step(NamedTuple):
    """A function that was running when a model was switched, and the call that it was at."""

    frame: Frame
    node: cst.CSTNode

    @property
    def function(self) -> cst.FunctionDef | None:
        node = self.frame.function.node if self.frame.function is not None else None
        return node if isinstance(node, cst.FunctionDef) else None


def _steps_to(switch: Switch) -> Iterator[_Step]:
    """The functions that were running when a model was switched, innermost first."""
    frame: Frame | None = switch.frame
    ref = switch.mode.ref
    while frame is not None and ref is not None:
        yield _Step(frame, ref.node)
        ref, frame = frame.site, frame.caller


# -- an override --------------------------------------------------------------------------------------------------


def _in_constructor(switch: Switch) -> _Step | None:
    """The constructor of a module that froze its own layers."""
    for step in _steps_to(switch):
        receiver = step.frame.receiver
        if step.function is not None and step.function.name.value == "__init__":
            return step if isinstance(receiver, Instance) and receiver.is_module else None
    return None


def _override(steps: Sequence[_Step]) -> Replacement | None:
    """An override of `train` behind the constructor."""
    frame, function = steps[0].frame, steps[0].function
    owner, file = frame.owner, frame.file
    own = _self(function) if function is not None else None
    if function is None or own is None or any(step.function is not function for step in steps):
        return None
    if not isinstance(owner, Class) or isinstance(owner.lookup("train")[0], Function):
        return None
    body = function.body
    outer, inner = _indent(file, function), _indent(file, body.body[0])
    if not isinstance(body, cst.IndentedBlock) or outer is None or inner is None:
        return None
    again: dict[str, None] = {}
    for step in steps:
        statement = next(one for one in body.body if any(node is step.node for node in walk(one)))
        text = _freezing_text(file, statement, step.node, inner)
        if text is None or not _names_of(statement) - {own} <= _free_names(statement, function):
            return None
        again[text] = None
    # Written like the constructor: with annotations, or without.
    annotated = function.returns is not None
    signature = f'({own}, mode: bool = True) -> "{owner.name}"' if annotated else f"({own}, mode=True)"
    lines = (
        f"{outer}def train{signature}:",
        *(f"{inner}{line}" for line in ("super().train(mode)", *again, f"return {own}")),
    )
    return Replacement(end_of_lines(file, function), "\n\n" + "\n".join(lines))


def _freezing_text(file: SourceFile, statement: cst.CSTNode, node: cst.CSTNode, indent: str) -> str | None:
    """What a statement does to freeze, without what else it does."""
    match statement:
        case cst.SimpleStatementLine(
            body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute() as target)], value=value)]
        ) if value is node:
            return f"{file.text(target)}.eval()"
    return _text(file, statement, indent)


# -- the same once more -------------------------------------------------------------------------------------------


def _repeated(switch: Switch, undoing: Switch) -> Replacement | None:
    """The statement that froze, behind the one that undoes it."""
    return next(filter(None, (_once_more(step, undoing) for step in _steps_to(switch))), None)


def _once_more(step: _Step, undoing: Switch) -> Replacement | None:
    ref, there, frame = undoing.mode.ref, undoing.frame, step.frame
    if ref is None or there is None or ref.file is not frame.file:
        return None
    file = frame.file
    ways = ways_to([step.node, ref.node], file.tree)
    statement, undone = _statement(ways.get(step.node, ())), _statement(ways.get(ref.node, ()))
    if statement is None or not isinstance(undone, cst.SimpleStatementLine) or statement is undone:
        return None
    names = _names_of(statement)
    here = there.function.node if there.function is not None else None
    own = _self(here) if isinstance(here, cst.FunctionDef) and there.receiver is not None else None
    if frame is not there and step.function is not None:
        # Another method of the same object sees nothing but that, and what all functions see.
        same = frame.receiver is not None and frame.receiver is there.receiver
        if not same or own is None or not names - {own} <= _free_names(statement, step.function):
            return None
    if isinstance(here, cst.FunctionDef):
        steady = _steady_names(statement, here, same=frame is there)
        if not names - ({own} if own is not None else set()) <= steady:
            return None
    indent = _indent(file, undone)
    text = _text(file, statement, indent)
    return None if text is None else Replacement(end_of_lines(file, undone), f"\n{indent}{text}")


def _statement(way: tuple[cst.CSTNode, ...]) -> cst.CSTNode | None:
    """The innermost whole statement on the way to a node; of a loop over modules the loop."""
    found: cst.CSTNode | None = None
    for around, node in zip(way[-2::-1], way[:0:-1]):
        if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            break
        if isinstance(around, (cst.Module, cst.IndentedBlock)) and (
            found is None or (isinstance(node, cst.For) and _goes_over_modules(node))
        ):
            found = node
    return found


def _goes_over_modules(loop: cst.For) -> bool:
    match loop.iter:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))):
            return name in ("modules", "named_modules", "children", "named_children")
    return False


# -- names and text -----------------------------------------------------------------------------------------------


def _names_of(statement: cst.CSTNode) -> set[str]:
    """The names that a statement reads or writes, those of its own loops left out."""
    own = {name for node in walk(statement) if isinstance(node, cst.For) for name in binds(node)}
    targets = {node for one in walk(statement) if isinstance(one, cst.Attribute) for node in (one.attr,)}
    targets |= {one.keyword for one in walk(statement) if isinstance(one, cst.Arg) and one.keyword is not None}
    return {node.value for node in walk(statement) if isinstance(node, cst.Name) and node not in targets} - own


def _bound_in(function: cst.CSTNode, statement: cst.CSTNode) -> Counter[str]:
    """How often each name is bound in a function, outside of a statement."""
    inside = set(walk(statement))
    found = Counter(name for node in walk(function) if node not in inside for name in binds(node))
    if isinstance(function, cst.FunctionDef):
        found.update(param.name.value for param in walk(function.params) if isinstance(param, cst.Param))
    return found


def _free_names(statement: cst.CSTNode, function: cst.CSTNode) -> set[str]:
    """The names of a statement that mean the same outside of the function."""
    return _names_of(statement) - set(_bound_in(function, statement))


def _steady_names(statement: cst.CSTNode, function: cst.CSTNode, *, same: bool) -> set[str]:
    """The names of a statement that mean the same everywhere in the function."""
    bound = _bound_in(function, statement)
    return {name for name in _names_of(statement) if bound[name] <= (1 if same else 0)}


def _self(function: cst.FunctionDef) -> str | None:
    first = next(iter((*function.params.posonly_params, *function.params.params)), None)
    return first.name.value if first is not None else None


def _indent(file: SourceFile, statement: cst.CSTNode) -> str | None:
    place = file.place(statement)
    begins = file.lines[place.line - 1][: place.column - 1]
    return begins if not begins.strip() else None


def _text(file: SourceFile, statement: cst.CSTNode, indent: str | None) -> str | None:
    """A statement that calls something for its effect, or a short loop, as it is written behind another indentation."""
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call())]) | cst.For():
            pass
        case _:
            return None
    place, end, before = file.place(statement), file.place(last_of(statement)), _indent(file, statement)
    lines = file.lines[place.line - 1 : end.end_line]
    if before is None or indent is None or len(lines) > _MOST_LINES:
        return None
    if any(line.strip() and not line.startswith(before) for line in lines):
        return None
    lines[-1] = lines[-1][: end.end_column - 1]
    return f"\n{indent}".join(line.removeprefix(before) for line in lines)
