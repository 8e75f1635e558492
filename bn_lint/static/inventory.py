"""Lists the models that a program makes, with their BatchNorm layers (`bn_lint/facts/inventory.py`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bn_lint.facts import BatchNormBuilt, Coverage, Fact, Inventory, Mode, Model, ModelLayer, Sizes
from bn_lint.facts.inventory import size_of
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import ABSENT, REST, Instance, LibraryClass, Unknown, Value, alternatives
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.containers import in_order
from bn_lint.static.torch_model.describing import built_at
from bn_lint.static.torch_model.mode import FROZEN, agreed
from bn_lint.static.torch_model.operations import sizes
from bn_lint.static.torch_model.symbolic_models import is_symbolic
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.training.flows import Flows
from bn_lint.static.training.layer_inputs import LayerInputs, most_specific

#: Of one class, so many different models are listed; and so many layers of one model.
_MOST_MODELS = 12
_MOST_LAYERS = 2_000
_MODES = {True: Mode.TRAINING, False: Mode.EVALUATION}


@dataclass
class _Listed:
    """A model as one or more entry points made it."""

    model: Model
    #: Whether the program calls it.
    called: bool


class InventoryKeeper:
    """Lists what each entry point leaves, before its state is given up."""

    def __init__(self, shown: Path | None = None) -> None:
        """Set up.

        Args:
            shown: The file of which tensors and modules are listed, too.
        """
        self.inputs = LayerInputs()
        self.flows = None if shown is None else Flows(shown)
        #: By class, layers and their widths.
        self._listed: dict[object, _Listed] = {}
        self._loose: dict[cst.CSTNode, ModelLayer] = {}
        self._seen: set[cst.CSTNode] = set()

    def note(self, interpreter: Interpreter, within: str | None) -> None:
        """List the models of an entry point, which is over.

        Args:
            within: The name of the definition that was run; None for the top level of a file.
        """
        modes = self._modes(interpreter)
        if self.flows is not None:
            self.flows.settle()
        roots = [one for one in interpreter.created if one.owner is None or not one.owner.is_module]
        # What is kept under a name that is not known has no owner.
        inside = {id(part) for root in roots for part in root.possible_descendants() if part is not root}
        for root in roots:
            if root.built is None or id(root) in inside or is_symbolic(root):
                continue
            if batchnorm_class(root) is not None:
                self._note_loose(root, modes)
            else:
                self._note_model(root, interpreter.created_at.get(id(root), root.built), within, modes)
        self.inputs.start()
        if self.flows is not None:
            self.flows.start()

    def inventory(self, given: Collection[SourceFile], facts: Iterable[Fact], coverage: Coverage) -> Inventory:
        """All that was listed and has to do with the given files."""
        files = {file.display for file in given}
        counts: dict[str, int] = {}
        models, left_out = [], 0
        # Of many models of one class, those that the program uses are shown first.
        for listed in sorted(self._listed.values(), key=lambda one: not one.called):
            model = listed.model
            if model.place.path not in files and not any(layer.built.path in files for layer in model.layers):
                continue
            counts[model.class_name] = counts.get(model.class_name, 0) + 1
            if counts[model.class_name] > _MOST_MODELS:
                left_out += 1
            else:
                models.append(model)
        shown = {layer.built for model in models for layer in model.layers}
        loose = {layer.built: layer for layer in self._loose.values() if layer.built not in shown}
        for fact in facts:
            if isinstance(fact, BatchNormBuilt) and fact.layer.built not in shown:
                own = fact.layer
                width = size_of(own.num_features)
                loose.setdefault(own.built, ModelLayer("", own.class_name, own.built, width, frozen=None))
        kept = tuple(layer for built, layer in loose.items() if built.path in files)
        if self.flows is None:
            return Inventory(tuple(models), kept, left_out=left_out)
        undecided = {each.place for each in coverage.undecided}
        modules = tuple(self.flows.modules(undecided))
        return Inventory(tuple(models), kept, tuple(self.flows.tensors()), left_out, modules)

    def _modes(self, interpreter: Interpreter) -> dict[int, set[Mode]]:
        """By BatchNorm layer, the modes in which the program calls the models that it is in."""
        found: dict[int, set[Mode]] = {}
        for call in events_of(interpreter).calls:
            for layer, modes in zip(call.layers, call.modes):
                mode = _MODES.get(agreed(modes))  # type: ignore[arg-type]  # of None there is none
                if mode is not None:
                    found.setdefault(id(layer), set()).add(mode)
            if self.flows is not None and len(call.states) == 1 and None not in call.states:
                # Where its BatchNorm layers agree, the rest of the model is in the same mode.
                for part in call.model.possible_descendants():
                    found.setdefault(id(part), set()).add(_MODES[True in call.states])
        return found

    def _note_loose(self, layer: Instance, modes: dict[int, set[Mode]]) -> None:
        built = built_at(layer)
        row = self._row("", layer, modes)
        known = self._loose.get(built.node)
        self._loose[built.node] = row if known is None else _joined(known, row)

    def _note_model(self, root: Instance, ref: NodeRef, within: str | None, modes: dict[int, set[Mode]]) -> None:
        found = list(_layers(root))
        if not found:
            return
        if self.flows is not None:
            for path, module in _named(root):
                self.flows.found_in(root.cls.name.rpartition(".")[2], path, module, modes.get(id(module), ()))
        layers = tuple(self._row(path, layer, modes) for path, layer, _ in found)
        children = dict(child for _, _, above in found for child in above)
        key = root.cls, tuple((layer.path, layer.built, layer.num_features) for layer in layers)
        name = root.cls.name.rpartition(".")[2]
        complete = all(map(_is_known, root.possible_descendants()))
        model = Model(root.variable, name, ref.place, within, layers, tuple(children.items()), complete)
        called = any(layer.modes for layer in layers)
        known = self._listed.get(key)
        if known is None:
            self._listed[key] = _Listed(model, called)
            return
        if called and known.called:
            joined = tuple(map(_joined, known.model.layers, layers))
            self._listed[key] = _Listed(replace(known.model, layers=joined), called)
        elif called:  # what the program does tells more than what bn-lint tried, and has a name for it
            self._listed[key] = _Listed(model, called)

    def _row(self, path: str, layer: Instance, modes: dict[int, set[Mode]]) -> ModelLayer:
        frozen = FROZEN.of(layer)
        return ModelLayer(
            path,
            layer.cls.name.rpartition(".")[2],
            built_at(layer).place,
            size_of(sizes.size_of(layer.cells.get("num_features", ABSENT))),
            self.inputs.of(layer),
            tuple(sorted(modes.get(id(layer), ()), reverse=True)),
            frozen=None if frozen is not None and not isinstance(frozen, NodeRef) else frozen is not None,
        )


def _joined(one: ModelLayer, other: ModelLayer) -> ModelLayer:
    """One layer as two entry points know it."""
    inputs = most_specific((*one.inputs, *other.inputs))
    modes = tuple(sorted({*one.modes, *other.modes}, reverse=True))
    return replace(one, inputs=inputs, modes=modes, frozen=one.frozen if one.frozen == other.frozen else None)


_Above = tuple[tuple[str, str], ...]


def _layers(root: Instance) -> Iterator[tuple[str, Instance, _Above]]:
    """The BatchNorm layers of a model: path, layer, and path and class of each module between the two."""
    seen: set[int] = set()
    count = 0
    pending: list[tuple[str, Instance, _Above]] = [("", root, ())]
    while pending and count < _MOST_LAYERS:
        path, module, above = pending.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        if batchnorm_class(module) is not None:
            if module.built is not None:
                count += 1
                yield path, module, above
            continue
        inner = (*above, (path, module.cls.name.rpartition(".")[2])) if path else above
        below = [(f"{path}.{name}" if path else name, child, inner) for name, child in _children(module)]
        pending.extend(reversed(below))


def _named(root: Instance) -> Iterator[tuple[str, Instance]]:
    """A model and all modules in it, with their names."""
    seen: set[int] = set()
    pending = [("", root)]
    while pending:
        path, module = pending.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield path, module
            below = [(f"{path}.{name}" if path else name, child) for name, child in _children(module)]
            pending.extend(reversed(below))


def _is_known(module: Instance) -> bool:
    """Whether all that a container holds is known; what else is unknown of a module need not be one."""
    if not isinstance(module.cls, LibraryClass):
        return not REST.of(module)
    known, rest, last = in_order(module)
    return not rest and not any(isinstance(value, Unknown) for _, value in (*known, *last))


def _children(module: Instance) -> Iterator[tuple[str, Instance]]:
    for name, value in module.children():
        for one in alternatives(value):
            if isinstance(one, Instance) and one.is_module:
                yield str(name), one
    rest: tuple[Value, ...] = REST.of(module) or ()
    for value in rest:
        for one in alternatives(value):
            if isinstance(one, Instance) and one.is_module:
                yield "*", one


__all__ = ["InventoryKeeper", "Sizes"]
