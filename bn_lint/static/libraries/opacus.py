"""Opacus: training with differential privacy, which needs a gradient of each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, PrivateBatchNorm, Shows
from bn_lint.static.interpreter.values import Arguments, Builtin, Instance, LibraryClass, Unknown, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.happened import has_batchnorm_for_sure
from bn_lint.static.torch_model.mode import FROZEN
from bn_lint.static.torch_model.watchers import collector_of, events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _make_private(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    module = arguments.keywords.get("module", Unknown("module"))
    _note(interpreter, module, ref)
    return tuple(arguments.keywords.get(name, Unknown(name)) for name in ("module", "optimizer", "data_loader"))


def _nothing(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    return None


def _note(interpreter: Interpreter, model: Value, ref: NodeRef) -> None:
    """Note a model that Opacus is given with BatchNorm layers whose parameters are trained: it refuses those."""
    from bn_lint.static.torch_model.batchnorm import batchnorm_class
    from bn_lint.static.torch_model.describing import label_of, path_to
    from bn_lint.static.torch_model.module_methods import descendants

    if not isinstance(model, Instance) or not model.is_module or id(model) in events_of(interpreter).replaced:
        return
    if not has_batchnorm_for_sure(model):
        return  # the option that leads here may put another normalization into it
    for _, layer in descendants(model):
        trained = layer.cells.get("affine", True) is True and FROZEN.of(layer) is None
        if batchnorm_class(layer) is not None and trained:
            built = layer.built or model.built
            if built is None:
                return
            fact = PrivateBatchNorm(
                _text(ref),
                ref.place,
                Evidence.of(Shows.CONSTRUCTION, built.place, label_of(layer)),
                path_to(interpreter.frame),
            )
            collector_of(interpreter).programmed([fact])
            return


def _text(ref: NodeRef) -> str:
    """The model as the call gives it."""
    for argument in getattr(ref.node, "args", ()):
        if argument.keyword is not None and argument.keyword.value == "module":
            return code_of(argument.value)
    return "the model"


_ENGINE = LibraryClass(
    "opacus.PrivacyEngine",
    (),
    (),
    {
        "__init__": Builtin("__init__", _nothing),
        "make_private": Builtin("make_private", _make_private),
        "make_private_with_epsilon": Builtin("make_private_with_epsilon", _make_private),
    },
)
PRIVATE: dict[str, Value] = {"opacus.PrivacyEngine": _ENGINE}
