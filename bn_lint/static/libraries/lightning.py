"""Lightning: its modules are modules like others, until a trainer is handed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.libraries.lightning import LIBRARY
from bn_lint.static.interpreter.values import Arguments, Builtin, ClassMethod, Instance, LibraryClass, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import switch
from bn_lint.static.torch_model.operations.layer_table import MODULE
from bn_lint.static.torch_model.parameters import freeze
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _load(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`Net.load_from_checkpoint(path, **arguments)` builds a module with the arguments that the checkpoint holds."""
    from bn_lint.static.interpreter.calls import call

    given = Arguments(keywords=dict(arguments.keywords), more=True)
    module = call(interpreter, arguments.positional[0], given, ref, interpreter.frame)
    events_of(interpreter).loaded(interpreter, module, ref)
    return module


def _freezing(trained: bool) -> Builtin:
    """`freeze` and `unfreeze` of a module."""

    def change(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        module = arguments.positional[0]
        if isinstance(module, Instance):
            freeze(interpreter, module, trained, ref)
            switch(interpreter, module, trained, ref)
        return None

    return Builtin("unfreeze" if trained else "freeze", change)


_METHODS: dict[str, Value] = {
    "load_from_checkpoint": ClassMethod(Builtin("load_from_checkpoint", _load)),
    "freeze": _freezing(False),
    "unfreeze": _freezing(True),
}
MODULES: dict[str, Value] = {name: LibraryClass(name, (MODULE,), (), _METHODS) for name in LIBRARY.modules}
