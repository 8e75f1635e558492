"""BatchNorm layers that are built, and names of BatchNorm classes that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from bn_lint.facts import BatchNormBuilt, Evidence, UnknownBatchNorm
from bn_lint.static.interpreter.values import BUILDER, LAZY, Arguments, Class, Instance, Tensor
from bn_lint.static.syntax.source_text import class_node
from bn_lint.static.torch_model.describing import built_at, built_fact, path_to, place_of
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import Project


class Constructions:
    """What was built since the facts were last taken.

    What becomes of a layer, and who owns it, is known only when the entry point is over.
    """

    def __init__(self) -> None:
        #: Layers with their arguments, the `forward` around them, and whether no other class may be meant.
        #: And whether PyTorch has refused a layer before, and the calls that lead into that `forward` and on.
        self._built: list[tuple[Project, Instance, Arguments, str, bool, bool, tuple[Evidence, ...]]] = []
        #: Those that the `train` of their model puts in evaluation mode, and those of models made for evaluation.
        self._evaluating: set[int] = set()
        self._missing: dict[int, tuple[Instance, str, int | None]] = {}

    def built(self, interpreter: Interpreter, layer: Instance, arguments: Arguments, *, meant: bool) -> None:
        frame = interpreter.frame
        while frame is not None and frame.owner is None:
            frame = frame.caller
        builder = frame.owner if frame is not None else None
        if isinstance(layer.cls, Class) and builder in layer.cls.mro and frame is not None:
            outer = frame.caller
            while outer is not None and (outer.owner is None or outer.owner in layer.cls.mro):
                outer = outer.caller
            builder = outer.owner if outer is not None else None
        BUILDER.put(layer, builder)
        refused = events_of(interpreter).has_refused
        within = _forward_around(interpreter)
        path = path_to(interpreter.frame) if within else ()
        self._built.append((interpreter.project, layer, arguments, within, meant, refused, path))

    def stays_in_eval(self, layer: Instance) -> None:
        """Note that a layer is in evaluation mode even if its model is told to train, or that nothing trains it."""
        self._evaluating.add(id(layer))

    def missing(self, name: str, layer: Instance) -> None:
        """Note that a class without this name in PyTorch is instantiated."""
        if layer.built is not None:
            self._missing.setdefault(id(layer.built.node), (layer, name, None))

    def missing_called(self, layer: Instance, x: Tensor) -> None:
        if layer.built is not None and x.ranked:
            _, name, _ = self._missing[id(layer.built.node)]
            self._missing[id(layer.built.node)] = (layer, name, len(x.axes))

    def take(self, *, is_tried: bool) -> Iterator[tuple[object, BatchNormBuilt | UnknownBatchNorm]]:
        """The facts, each with a key that is the same for layers of which one fact is enough.

        `is_tried`: it is bn-lint that makes the models.
        """
        for project, layer, arguments, within, meant, refused, path in self._built:
            # Built under a condition and kept, a layer is created lazily: once.
            per_call = (within == "forward" and not _is_lazy(layer)) or (within == "guarded" and layer.owner is None)
            fact = replace(built_fact(project, layer, arguments, per_call=per_call), follows_error=refused)
            fact = replace(fact, stays_in_eval=id(layer) in self._evaluating, is_tried=is_tried)
            if per_call:
                fact = replace(fact, path=path)
            if not meant:
                fact = replace(fact, unexpected=())
            own = fact.layer
            odd = own.num_features if isinstance(own.num_features, int) and own.num_features <= 0 else None
            use = fact.per_call, fact.stays_in_eval, is_tried
            yield ("built", own.built, str(own.eps), str(own.momentum), odd, use), fact
        self._built.clear()
        self._evaluating.clear()
        for layer, name, rank in self._missing.values():
            ref = built_at(layer)
            unknown = UnknownBatchNorm(name, ref.place, rank, place_of(ref, class_node(ref.node, name)))
            yield unknown, unknown
        self._missing.clear()


def _forward_around(interpreter: Interpreter) -> str:
    """Whether a `forward` is running: "forward", "guarded" when an `if` inside it surrounds what happens now, or ""."""
    frame = interpreter.frame
    while frame is not None:
        function = frame.function
        if (
            function is not None
            and function.name == "forward"
            and function.owner is not None
            and function.owner.is_module
        ):
            return (
                "guarded"
                if interpreter.path.guards > frame.guards or interpreter.path.uncertain > frame.uncertain
                else "forward"
            )
        frame = frame.caller
    return ""


def _is_lazy(layer: Instance) -> bool:
    """Whether a layer is part of what took the place of None in a module."""
    owner: Instance | None = layer
    while owner is not None and LAZY not in owner.cells:
        owner = owner.owner
    return owner is not None
