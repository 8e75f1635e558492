"""Augmentations of whole batches: what comes out has the batch that went in as its first axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.values import Arguments, Builtin, Ghost, Instance, LibraryClass, List, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batches import Batch

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

#: Modules of operations on tensors of shape (..., C, H, W).
_BY_MODULE = {module: library for library in LIBRARIES for module in library.transforms}
#: The cell that says whether each of the operations is known.
_KEEPS: Ghost[bool] = Ghost("keeps")


def augmentation(dotted: str) -> Value:
    """The class of a library that changes images one by one, or None."""
    module, _, name = dotted.rpartition(".")
    library = _BY_MODULE.get(module)
    if library is None or not name[:1].isupper() or name.startswith(library.other_transforms):
        return None
    cls = _classes.get(dotted)
    if cls is None:
        from bn_lint.static.torch_model.operations.layer_table import MODULE

        members: dict[str, Value] = {"forward": Builtin(name, _forward)}
        if name in library.sequences:
            members["__init__"] = Builtin("__init__", _init)
        cls = _classes[dotted] = LibraryClass(dotted, (MODULE,), (), members)
    return cls


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    given = arguments.positional[1:]
    parts: list[Value] = []
    for value in (*given, arguments.keywords.get("transforms")):
        if isinstance(value, List):
            parts += [*value.items, *value.rest]
        elif isinstance(value, tuple):
            parts += value
        elif value is not None:
            parts.append(value)
    _KEEPS.put(arguments.receiver, not arguments.more and all(_keeps_batch(part) for part in parts))


def _keeps_batch(value: Value) -> bool:
    return isinstance(value, Instance) and value.cls in _classes.values() and _KEEPS.of(value) is not False


def _forward(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    own, image = arguments.positional[0], arguments.get(1, "input", arguments.keywords.get("img"))
    if isinstance(image, Batch) and _keeps_batch(own):
        return Batch(image.batches, f"{image.name}*"[:60])
    return Unknown("image", "what a transform gives is not known")


#: By dotted name, for all of the process: classes of libraries are never written to.
_classes: dict[str, LibraryClass] = {}
