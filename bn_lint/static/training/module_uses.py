"""What was seen of the modules that one place builds, calls or names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bn_lint.facts import Flow, Mode, ModuleUse, Place
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.training.layer_inputs import says_less

#: Of one place: so many ways of shapes are told apart, and so many names of modules.
_MOST_FLOWS, _MOST_NAMES = 12, 4


class Seen:
    """The modules of one place."""

    def __init__(self, ref: NodeRef) -> None:
        self.ref = ref
        self.classes: dict[str, None] = {}
        self.flows: dict[Flow, None] = {}
        #: The class of a model, and the name in it.
        self.names: dict[tuple[str, str], None] = {}
        self.modes: set[Mode] = set()
        #: Where the BatchNorm layers inside are built.
        self.inside: dict[Place, None] = {}
        #: Where the modules are built that are BatchNorm layers.
        self.layers: dict[Place, None] = {}
        #: Of a call, where the modules are built.
        self.built: set[cst.CSTNode] = set()

    def note_module(self, module: Instance) -> None:
        self.classes[module.cls.name.rpartition(".")[2]] = None
        if module.built is not None and batchnorm_class(module) is not None:
            self.layers[module.built.place] = None

    def note_flow(self, flow: Flow) -> None:
        if len(self.flows) < _MOST_FLOWS:
            self.flows[flow] = None

    def note_name(self, model: str, path: str, modes: Iterable[Mode]) -> None:
        """A model has one of the modules under a name, and is called in some modes."""
        self.modes.update(modes)
        if path and len(self.names) < _MOST_NAMES:
            self.names[model, path] = None

    def use(self, undecided: Collection[Place], *, is_call: bool = False, is_name: bool = False) -> ModuleUse | None:
        """What is known of them; None if that is nothing.

        Args:
            undecided: Where BatchNorm layers are built that were not checked.
            is_call: The place calls them.
            is_name: It only names what is built elsewhere.
        """
        checked = sum(place not in undecided for place in self.inside)
        flows = tuple(flow for flow in most_telling(self.flows) if flow.is_known)
        if not (flows or self.modes or self.inside or self.layers):
            return None
        modes, names = tuple(sorted(self.modes, reverse=True)), tuple(self.names)
        counts = len(self.inside), checked
        layers = tuple(self.layers)
        return ModuleUse(self.ref.place, is_call, tuple(self.classes), flows, modes, names, *counts, is_name, layers)


def most_telling(flows: Iterable[Flow]) -> list[Flow]:
    """The flows without those that only say less than another one."""
    known = list(flows)
    return [one for one in known if not any(one is not other and _tells_less(one, other) for other in known)]


def _tells_less(one: Flow, other: Flow) -> bool:
    if len(one.inputs) != len(other.inputs) or len(one.outputs) != len(other.outputs):
        return False
    pairs = zip((*one.inputs, *one.outputs), (*other.inputs, *other.outputs))
    return all(mine == its or says_less(mine, its) for mine, its in pairs)
