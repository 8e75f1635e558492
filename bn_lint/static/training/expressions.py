"""What the expressions of one file stand for: tensors, modules, and what functions make of tensors.

Nobody judges this. It is noted only while an editor waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from bn_lint.facts import Flow, ModuleUse, Place, Sizes, TensorShape
from bn_lint.static.interpreter.dispatch import EVALUATORS, Evaluator
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import ABSENT, Instance, List, Tensor, Union, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.training.layer_inputs import add, most_specific, sizes_of
from bn_lint.static.training.module_uses import Seen, most_telling

#: Of more tensors that a function is given, only what it makes of them is told.
_MOST_INPUTS = 4
_UNKNOWN = Sizes(ranked=False)
_NOTED = (
    cst.Name, cst.Attribute, cst.Subscript, cst.BinaryOperation, cst.UnaryOperation, cst.IfExp, cst.Tuple,
    cst.List, cst.ListComp,
)  # fmt: skip


class _Module:
    """A module that has been the value of expressions."""

    def __init__(self, module: Instance, number: int) -> None:
        self.number = number
        self.module = module  # held, so that its identity stays its own
        self.flows: dict[Flow, None] = {}
        self.uses: dict[cst.CSTNode, Seen] = {}


class Expressions:
    """Takes note of one file while the interpreter runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: SourceFile | None = None
        #: What expressions stand for that are tensors at times; and those that are something else at times.
        self._tensors: dict[cst.CSTNode, dict[Sizes, None]] = {}
        self._others: set[cst.CSTNode] = set()
        #: What calls are given and return.
        self._calls: dict[cst.Call, Seen] = {}
        self._uses: dict[cst.CSTNode, Seen] = {}
        #: Calls that have made the modules that they return.
        self._factories: set[cst.CSTNode] = set()
        #: Of the entry point that runs: modules, and what expressions stand for just now.
        self._modules: dict[int, _Module] = {}
        self._values: dict[cst.CSTNode, Value] = {}

    # -- while an entry point runs --------------------------------------------------------------------------------

    def watch(self, interpreter: Interpreter) -> None:
        """Be told of the values of expressions."""
        noting: dict[type, Evaluator] = {kind: self._noting(EVALUATORS[kind]) for kind in _NOTED}
        interpreter.evaluators = {**EVALUATORS, **noting, cst.Call: self._noting_calls(EVALUATORS[cst.Call])}

    def _noting(self, evaluator: Evaluator) -> Evaluator:
        def noting(interpreter: Interpreter, node: Any, frame: Frame) -> Value:
            value = evaluator(interpreter, node, frame)
            # Who points at `self` means what is read from it.
            is_self = value is frame.receiver and type(node) is cst.Name and _is_method(frame)
            if not is_self and (frame.file is self._file or self.is_own(frame.file)):
                self.note(node, value)
            return value

        return noting

    def _noting_calls(self, evaluator: Evaluator) -> Evaluator:
        def noting(interpreter: Interpreter, node: Any, frame: Frame) -> Value:
            before = len(self._modules), len(interpreter.created)
            value = evaluator(interpreter, node, frame)
            if not self.is_own(frame.file):
                return value
            if type(value) is not Instance or not value.is_module:
                self.note(node, value)
                self._note_call(node, tensors_in(value))
            elif value.built is None or value.built.node is not node:  # what builds a module is known by that
                self.note(node, value)
                if self._is_new(interpreter, value, *before):
                    self._factories.add(node)
            return value

        return noting

    def _is_new(self, interpreter: Interpreter, module: Instance, known: int, created: int) -> bool:
        """Whether a module, or that of which it is a copy, was made while so many became known and were created."""
        own = self._modules.get(id(module))
        return (
            own is not None and own.number >= known and all(one is not module for one in interpreter.created[:created])
        )

    def is_own(self, file: SourceFile) -> bool:
        """Whether a file is the one that is noted."""
        if self._file is None and file.path == self._path:
            self._file = file
        return file is self._file

    def note(self, node: cst.CSTNode, value: Value) -> None:
        """An expression of the file, or a name that is assigned to, has a value."""
        if self._values.get(node, ABSENT) is value:
            return
        self._values[node] = value
        for one in value.values if type(value) is Union else (value,):
            if type(one) is Tensor:
                add(self._tensors.setdefault(node, {}), sizes_of(one))
            elif type(one) is Instance and one.is_module:
                self._note_module(node, one)
            elif not isinstance(one, Unknown):
                self._others.add(node)

    def _note_call(self, node: cst.Call, returned: tuple[Sizes, ...]) -> None:
        if not any(sizes.axes for sizes in returned):
            return
        function = node.func
        owner = (function.value,) if type(function) is cst.Attribute else ()
        shapes = [self._shapes(one) for one in (*owner, *(arg.value for arg in node.args))]
        # What is not known may be a tensor. Only of what stands first this is likely.
        first, *others = [own for own in shapes if own] or [()]
        given = (*first, *(sizes for own in others for sizes in own if sizes != _UNKNOWN))
        if 0 < len(given) <= _MOST_INPUTS:
            name = function.attr if type(function) is cst.Attribute else function
            assert self._file is not None
            seen = self._calls.setdefault(node, Seen(NodeRef(self._file, node)))
            seen.classes[name.value if type(name) is cst.Name else "call"] = None
            seen.note_flow(Flow(given, returned))

    def _shapes(self, node: cst.CSTNode) -> tuple[Sizes, ...]:
        """The tensors that an expression stands for just now, alone or in a list; an unknown one if it may be one."""
        value = self._values.get(node)
        return (_UNKNOWN,) if isinstance(value, (Union, Unknown)) else tensors_in(value)

    def _note_module(self, node: cst.CSTNode, module: Instance) -> None:
        known = self._modules.get(id(module))
        if known is None:
            known = self._modules[id(module)] = _Module(module, len(self._modules))
        if node not in known.uses:
            assert self._file is not None
            seen = self._uses.setdefault(node, Seen(NodeRef(self._file, node)))
            seen.note_module(module)
            known.uses[node] = seen

    def wants(self, module: Instance) -> bool:
        """Whether it matters what a module is given and returns."""
        return id(module) in self._modules

    def module_returned(self, module: Instance, flow: Flow) -> None:
        if (known := self._modules.get(id(module))) is not None:
            known.flows[flow] = None

    # -- when one is over -----------------------------------------------------------------------------------------

    def settle(self) -> None:
        """An expression may have stood for a module before it was called, or after."""
        for known in self._modules.values():
            for seen in known.uses.values():
                for flow in most_telling(known.flows):
                    seen.note_flow(flow)

    def uses(self, module: Instance) -> Iterable[Seen]:
        """The expressions that have stood for a module in the entry point."""
        known = self._modules.get(id(module))
        return known.uses.values() if known is not None else ()

    def start(self) -> None:
        """Another entry point begins, and makes modules of its own."""
        self._modules.clear()
        self._values.clear()

    # -- in the end ------------------------------------------------------------------------------------------------

    def tensors(self, known: Collection[cst.CSTNode]) -> Iterator[TensorShape]:
        """The expressions that are always tensors, without those of which more is known."""
        for node, shapes in self._tensors.items():
            if node not in known and node not in self._calls and node not in self._others and node not in self._uses:
                assert self._file is not None
                if any(shape.axes for shape in shapes):
                    yield TensorShape(self._file.open_place(node), most_specific(shapes), is_use=True)

    def modules(self, known: Collection[cst.CSTNode], undecided: Collection[Place]) -> Iterator[ModuleUse]:
        """What is known of calls, and of the modules that expressions stand for.

        Args:
            known: Calls of which more is known.
            undecided: Where BatchNorm layers are built that were not checked.
        """
        called = {node.func for node in known if type(node) is cst.Call}
        for node, seen in self._uses.items():
            if node not in called and node not in self._others and node not in self._tensors:
                yield from filter(None, [seen.use(undecided, is_name=node not in self._factories)])
        for node, seen in self._calls.items():
            if node not in known and node not in self._others:
                yield from filter(None, [seen.use(undecided, is_call=True)])


def _is_method(frame: Frame) -> bool:
    return frame.function is not None and frame.function.owner is not None


def tensors_in(value: Value) -> tuple[Sizes, ...]:
    """The shapes of a tensor, or of a list of tensors; empty if it is none, or another one at times."""
    if type(value) is Tensor:
        return (sizes_of(value),)
    parts: tuple[Value, ...] = value.items if type(value) is List and not value.rest else ()
    parts = value if type(value) is tuple else parts
    return tuple(sizes_of(one) for one in parts) if all(type(one) is Tensor for one in parts) else ()  # type: ignore[arg-type]
