"""What names of tensors stand for, what modules are given and what they return: for those who look at one file.

Nobody judges this. It is noted only while an editor waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from bn_lint.facts import Flow, Mode, ModuleUse, Place, Sizes, TensorShape
from bn_lint.facts.inventory import size_of
from bn_lint.static.interpreter.values import Arguments, Class, Function, Instance, List, Tensor, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.operations.sizes import size_of as size_in
from bn_lint.static.training.layer_inputs import add, most_specific, says_less, sizes_of

#: Of one place: so many ways of shapes are told apart, and so many names of modules.
_MOST_FLOWS, _MOST_NAMES = 5, 4
_UNKNOWN = Sizes(ranked=False)


class _Seen:
    """What was seen of the modules that one place builds, or calls."""

    def __init__(self, ref: NodeRef) -> None:
        self.ref = ref
        self.classes: dict[str, None] = {}
        self.flows: dict[Flow, None] = {}
        #: The class of a model, and the name in it.
        self.names: dict[tuple[str, str], None] = {}
        self.modes: set[Mode] = set()
        #: Where the BatchNorm layers inside are built.
        self.inside: dict[Place, None] = {}
        #: Of a call, where the modules are built.
        self.built: set[cst.CSTNode] = set()

    def note(self, module: Instance, flow: Flow) -> None:
        self.classes[module.cls.name.rpartition(".")[2]] = None
        if len(self.flows) < _MOST_FLOWS:
            self.flows[flow] = None


class Flows:
    """Takes note of one file while the interpreter runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        #: By the name that a tensor is assigned to.
        self._names: dict[cst.CSTNode, tuple[NodeRef, dict[Sizes, None]]] = {}
        #: By the call of BatchNorm layers: the shapes, and where the layers are built.
        self._layer_calls: dict[cst.CSTNode, tuple[NodeRef, dict[Sizes, None], dict[Place, None]]] = {}
        #: The calls whose function is a BatchNorm layer, and no container of one.
        self._direct: set[cst.CSTNode] = set()
        #: By what builds modules that are no BatchNorm layers; also those of other files that are called in this one.
        self._built: dict[cst.CSTNode, _Seen] = {}
        self._called: dict[cst.CSTNode, _Seen] = {}

    # -- while an entry point runs --------------------------------------------------------------------------------

    def assigned(self, ref: NodeRef, x: Tensor) -> None:
        if ref.file.path == self._path:
            add(self._names.setdefault(ref.node, (ref, {}))[1], sizes_of(x))

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
        direct = direct and type(ref.node) is cst.Call and ref.file.path == self._path
        if is_batchnorm:
            if direct:
                self._direct.add(ref.node)
            return
        built = module.built
        if direct or (built is not None and built.file.path == self._path):
            flow = _flow(module, arguments, result)
            if built is not None:
                self._built.setdefault(built.node, _Seen(built)).note(module, flow)
            if direct:
                seen = self._called.setdefault(ref.node, _Seen(ref))
                seen.note(module, flow)
                seen.built.update(() if built is None else (built.node,))
        self._note_parameters(module, arguments)

    def _note_parameters(self, module: Instance, arguments: Arguments) -> None:
        method = module.cls.lookup("forward")[0] if type(module.cls) is Class else None
        if type(method) is not Function or type(method.node) is not cst.FunctionDef or method.file.path != self._path:
            return
        given = method.node.params
        names = [*given.posonly_params, *given.params][1:]
        by_name = [(one, arguments.keywords.get(one.name.value)) for one in (*names, *given.kwonly_params)]
        for parameter, value in (*zip(names, arguments.positional), *by_name):
            if type(value) is Tensor:
                self.assigned(NodeRef(method.file, parameter.name), value)

    # -- when one is over -----------------------------------------------------------------------------------------

    def found_in(self, model: str, path: str, module: Instance, modes: Iterable[Mode]) -> None:
        """A model has a module under a name, and is called in some modes."""
        seen = self._built.get(module.built.node) if module.built is not None else None
        if seen is not None:
            seen.modes.update(modes)
            if path and len(seen.names) < _MOST_NAMES:
                seen.names[model, path] = None
        if batchnorm_class(module) is not None and module.built is not None:
            place, around = module.built.place, module.owner
            while around is not None:
                if around.built is not None and (holder := self._built.get(around.built.node)) is not None:
                    holder.inside[place] = None
                around = around.owner

    # -- in the end ------------------------------------------------------------------------------------------------

    def tensors(self) -> Iterator[TensorShape]:
        for ref, shapes in self._names.values():
            if any(shape.axes for shape in shapes):
                yield TensorShape(ref.place, most_specific(shapes))
        for ref, shapes, built in self._layer_calls.values():
            if ref.node in self._direct and type(ref.node) is cst.Call:
                yield TensorShape(ref.place, most_specific(shapes), tuple(built))

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
        for seen in (*own, *self._called.values()):
            checked = sum(place not in undecided for place in seen.inside)
            flows = tuple(flow for flow in _most_telling(seen.flows) if flow.is_known)
            if flows or seen.modes or seen.inside:
                modes = tuple(sorted(seen.modes, reverse=True))
                names = tuple(seen.names)
                counts = len(seen.inside), checked
                yield ModuleUse(seen.ref.place, bool(seen.built), tuple(seen.classes), flows, modes, names, *counts)


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


def _most_telling(flows: Iterable[Flow]) -> list[Flow]:
    """The flows without those that only say less than another one."""
    known = list(flows)
    return [one for one in known if not any(one is not other and _tells_less(one, other) for other in known)]


def _tells_less(one: Flow, other: Flow) -> bool:
    if len(one.inputs) != len(other.inputs) or len(one.outputs) != len(other.outputs):
        return False
    pairs = zip((*one.inputs, *one.outputs), (*other.inputs, *other.outputs))
    return all(mine == its or says_less(mine, its) for mine, its in pairs)
