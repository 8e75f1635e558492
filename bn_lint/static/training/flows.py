"""What names of tensors stand for, what modules are given and what they return: for those who look at one file.

Nobody judges this. It is noted only while an editor waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bn_lint.facts import Flow, Mode, ModuleUse, Place, Sizes, TensorShape
from bn_lint.facts.inventory import size_of
from bn_lint.static.interpreter.values import Arguments, Function, Instance, List, Tensor, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.operations.sizes import size_of as size_in
from bn_lint.static.training.expressions import Expressions
from bn_lint.static.training.layer_inputs import add, most_specific, sizes_of
from bn_lint.static.training.module_uses import Seen

_UNKNOWN = Sizes(ranked=False)


class Flows:
    """Takes note of one file while the interpreter runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.expressions = Expressions(path)
        #: By the name that a tensor is assigned to.
        self._names: dict[cst.CSTNode, tuple[NodeRef, dict[Sizes, None]]] = {}
        #: By the call of BatchNorm layers: the shapes, and where the layers are built.
        self._layer_calls: dict[cst.CSTNode, tuple[NodeRef, dict[Sizes, None], dict[Place, None]]] = {}
        #: The calls whose function is a BatchNorm layer, and no container of one.
        self._direct: set[cst.CSTNode] = set()
        #: By what builds modules that are no BatchNorm layers; also those of other files that are called in this one.
        self._built: dict[cst.CSTNode, Seen] = {}
        self._called: dict[cst.CSTNode, Seen] = {}

    # -- while an entry point runs --------------------------------------------------------------------------------

    def assigned(self, ref: NodeRef, value: Tensor | Instance) -> None:
        if not self.expressions.is_own(ref.file):
            return
        if type(value) is Tensor:
            add(self._names.setdefault(ref.node, (ref, {}))[1], sizes_of(value))
        else:
            self.expressions.note(ref.node, value)

    def function_entered(self, function: Function, cells: Mapping[Any, Value]) -> None:
        """A function is given tensors or modules."""
        if not self.expressions.is_own(function.file) or type(function.node) is not cst.FunctionDef:
            return
        given = function.node.params
        for parameter in (*given.posonly_params, *given.params, *given.kwonly_params):
            value = cells.get(parameter.name.value)
            if type(value) is Tensor or type(value) is Instance:
                self.assigned(NodeRef(function.file, parameter.name), value)

    def layer_called(self, layer: Instance, x: Tensor, ref: NodeRef, *, functional: bool) -> None:
        """A BatchNorm layer is called, or something that has it inside."""
        if ref.file.path != self._path:
            return
        _, shapes, built = self._layer_calls.setdefault(ref.node, (ref, {}, {}))
        add(shapes, sizes_of(x))
        if layer.built is not None:
            built[layer.built.place] = None
        if functional:
            self._direct.add(ref.node)

    def module_returned(
        self, module: Instance, arguments: Arguments, result: Value, ref: NodeRef, *, direct: bool
    ) -> None:
        """A module was called; `direct`: by this expression, and not by a container that the expression calls."""
        is_batchnorm = batchnorm_class(module) is not None
        if self.expressions.wants(module):
            self.expressions.module_returned(module, _flow(module, arguments, result))
        direct = direct and type(ref.node) is cst.Call and ref.file.path == self._path
        if is_batchnorm:
            if direct:
                self._direct.add(ref.node)
            return
        built = module.built
        if direct or (built is not None and built.file.path == self._path):
            flow = _flow(module, arguments, result)
            if built is not None:
                seen = self._built.setdefault(built.node, Seen(built))
                seen.note_module(module)
                seen.note_flow(flow)
            if direct:
                seen = self._called.setdefault(ref.node, Seen(ref))
                seen.note_module(module)
                seen.note_flow(flow)
                seen.built.update(() if built is None else (built.node,))

    # -- when one is over -----------------------------------------------------------------------------------------

    def settle(self) -> None:
        self.expressions.settle()

    def found_in(self, model: str, path: str, module: Instance, modes: Iterable[Mode]) -> None:
        """A model has a module under a name, and is called in some modes."""
        for seen in self._places_of(module):
            seen.note_name(model, path, modes)
        if batchnorm_class(module) is not None and module.built is not None:
            place, around = module.built.place, module.owner
            while around is not None:
                for holder in self._places_of(around):
                    holder.inside[place] = None
                around = around.owner

    def _places_of(self, module: Instance) -> Iterator[Seen]:
        seen = self._built.get(module.built.node) if module.built is not None else None
        if seen is not None:
            yield seen
        yield from self.expressions.uses(module)

    def start(self) -> None:
        """Another entry point begins."""
        self.expressions.start()

    # -- in the end ------------------------------------------------------------------------------------------------

    def tensors(self) -> Iterator[TensorShape]:
        for ref, shapes in self._names.values():
            if any(shape.axes for shape in shapes):
                yield TensorShape(ref.place, most_specific(shapes))
        for ref, shapes, built in self._layer_calls.values():
            if ref.node in self._direct and type(ref.node) is cst.Call:
                yield TensorShape(ref.place, most_specific(shapes), tuple(built))
        yield from self.expressions.tensors({*self._names, *self._modules_called()})

    def modules(self, undecided: Collection[Place]) -> Iterator[ModuleUse]:
        """What is known of the modules that the file builds and calls.

        Args:
            undecided: Where BatchNorm layers are built that were not checked.
        """
        for seen in self._called.values():
            for node in seen.built:
                if (built := self._built.get(node)) is not None:
                    seen.modes |= built.modes
                    seen.inside |= built.inside
        own = [seen for seen in self._built.values() if seen.ref.file.path == self._path]
        places = [(seen, False) for seen in own] + [(seen, True) for seen in self._called.values()]
        yield from filter(None, (seen.use(undecided, is_call=is_call) for seen, is_call in places))
        yield from self.expressions.modules(self._modules_called(), undecided)

    def _modules_called(self) -> set[cst.CSTNode]:
        """The calls of modules of which something is told."""
        return {*self._called, *self._direct}


def _flow(module: Instance, arguments: Arguments, result: Value) -> Flow:
    given = [value for value in (*arguments.positional, *arguments.keywords.values()) if type(value) is Tensor]
    returned = _tensors(result)
    taken = tuple(map(sizes_of, given)) or (_UNKNOWN,)
    if taken == (_UNKNOWN,):
        taken = (_expected(module, returned[0]),)
    return Flow(taken, returned)


def _tensors(value: Value) -> tuple[Sizes, ...]:
    """The shapes of what a module returns; what is no tensor has none."""
    parts: tuple[Value, ...] = (value,)
    if type(value) is tuple:
        parts = value
    elif type(value) is List and not value.rest:
        parts = value.items
    shapes = tuple(sizes_of(one) if type(one) is Tensor else _UNKNOWN for one in parts)
    return shapes or (_UNKNOWN,)


def _expected(module: Instance, returned: Sizes) -> Sizes:
    """What a layer takes that is given something unknown, as far as its own settings tell."""
    channels = size_of(size_in(module.cells.get("in_channels")))
    if channels is not None and returned.ranked and len(returned.axes) > 2:
        return Sizes((None, channels, *(None for _ in returned.axes[2:])))
    features = size_of(size_in(module.cells.get("in_features")))
    return _UNKNOWN if features is None else Sizes((features,), ranked=False)
