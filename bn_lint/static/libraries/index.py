"""What is known of code outside the project: the standard library and PyTorch, by dotted name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.builtins.argparse import COMMAND_LINE
from bn_lint.static.interpreter.builtins.functions import BUILTINS
from bn_lint.static.interpreter.builtins.importlib import IMPORTLIB
from bn_lint.static.interpreter.builtins.stdlib import STDLIB
from bn_lint.static.interpreter.values import Arguments, Builtin, External, Unknown, Value
from bn_lint.static.libraries.attribute_dictionaries import ATTRIBUTE_DICTIONARIES
from bn_lint.static.libraries.augmentations import augmentation
from bn_lint.static.libraries.deepspeed import INITIALIZE
from bn_lint.static.libraries.ignite import ENGINES
from bn_lint.static.libraries.launchers import WRAPPERS
from bn_lint.static.libraries.lightning import MODULES
from bn_lint.static.libraries.opacus import PRIVATE
from bn_lint.static.libraries.progress_bars import PROGRESS
from bn_lint.static.libraries.zoo import any_model, zoo_member
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.averages import AVERAGES
from bn_lint.static.torch_model.batchnorm import missing_batchnorm
from bn_lint.static.torch_model.data import LOADERS
from bn_lint.static.torch_model.gradients import GRADIENTS
from bn_lint.static.torch_model.operations.arrays import ARRAYS
from bn_lint.static.torch_model.operations.functional import FUNCTIONS
from bn_lint.static.torch_model.operations.layers import LAYERS
from bn_lint.static.torch_model.optimizers import OPTIMIZERS
from bn_lint.static.torch_model.parallel import CONVERTERS
from bn_lint.static.torch_model.transforms import TRANSFORMS

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter


def _spawn(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`torch.multiprocessing.spawn` calls a function in each process, with its number first."""
    from bn_lint.static.interpreter.calls import call

    function, given = arguments.get(0, "fn"), arguments.get(1, "args", ())
    if function is not None:
        rank = Unknown("rank", "each process has a number of its own")
        passed = Arguments([rank, *given] if isinstance(given, tuple) else [rank], more=not isinstance(given, tuple))
        call(interpreter, function, passed, ref, interpreter.frame)
    return Unknown("processes")


KNOWN: dict[str, Value] = {
    **STDLIB,
    **COMMAND_LINE,
    **IMPORTLIB,
    **FUNCTIONS,
    **ARRAYS,
    **LAYERS,
    **GRADIENTS,
    **LOADERS,
    **AVERAGES,
    **OPTIMIZERS,
    "torch.multiprocessing.spawn": Builtin("spawn", _spawn),
    **CONVERTERS,
    **PRIVATE,
    **TRANSFORMS,
    **PROGRESS,
    **ATTRIBUTE_DICTIONARIES,
    **WRAPPERS,
    **INITIALIZE,
    **ENGINES,
    **MODULES,
    "bn_lint.reveal": BUILTINS["reveal"],
}
KNOWN |= {second: KNOWN[name] for one in LIBRARIES for second, name in one.second_names.items() if name in KNOWN}

#: Where PyTorch defines what it offers as `torch.nn.X`, and other second names.
_SECOND_NAMES = (
    (re.compile(r"^torch\.nn\.modules\.(?:\w+\.)?([A-Za-z]\w*)$"), r"torch.nn.\1"),
    (re.compile(r"^torch\.nn\.parameter\.(\w+)$"), r"torch.nn.\1"),
    (re.compile(r"^torch\.optim\.\w+\.([A-Z]\w*)$"), r"torch.optim.\1"),
    (re.compile(r"^torch\.functional\.(\w+)$"), r"torch.\1"),
    (re.compile(r"^torch\.nn\.functional\.(relu_?|sigmoid|tanh)$"), r"torch.nn.functional.\1"),
    (re.compile(r"^torch\._C\._nn\.(\w+)$"), r"torch.nn.functional.\1"),
)
_SUBMODULES = frozenset(
    "activation adaptive batchnorm container conv distance dropout embedding flatten fold instancenorm lazy linear "
    "loss module normalization padding pixelshuffle pooling rnn sparse transformer upsampling utils".split()
)


def library_member(dotted: str, name: str) -> Value:
    """Return the member of an external module or class."""
    full = f"{dotted}.{name}"
    value = KNOWN.get(full)
    if value is not None:
        return value
    if full.startswith("torch."):
        for pattern, replacement in _SECOND_NAMES:
            if pattern.match(full) and name not in _SUBMODULES:
                canonical = pattern.sub(replacement, full)
                if canonical in KNOWN:
                    return KNOWN[canonical]
        if dotted == "torch.nn":
            missing = missing_batchnorm(name)
            if missing is not None:
                return missing
    known = zoo_member(full) or augmentation(full)
    return known if known is not None else External(full)


def library_name(dotted: str, name: Value) -> Value:
    """Return what stands under a name, known or not, in an external module: `models.__dict__[arch]`."""
    return library_member(dotted, name) if isinstance(name, str) else any_member(dotted)


def library_module(dotted: str) -> Value:
    """Return an external module."""
    return External(dotted)


def star_names(module: Value) -> Iterator[tuple[str, Value]]:
    """Return what `from module import *` brings in, as far as the engine knows the module."""
    if isinstance(module, External):
        prefix = module.dotted + "."
        for dotted, value in KNOWN.items():
            if dotted.startswith(prefix) and "." not in dotted[len(prefix) :]:
                yield dotted[len(prefix) :], value


__all__ = ["KNOWN", "library_member", "library_module", "library_name", "star_names"]


def any_member(dotted: str) -> Value:
    """What a library has under a name that is not known: `getattr(torch.optim, name)` is some optimizer."""
    return KNOWN["torch.optim.Optimizer"] if dotted == "torch.optim" else any_model(dotted)
