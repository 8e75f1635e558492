"""What programs that were run ask of their command line, for others to be tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bn_lint.static.interpreter.builtins.argparse import Option
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import (
    Builtin,
    Class,
    Dict,
    External,
    Function,
    Instance,
    LibraryClass,
    List,
    Partial,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.happened import batchnorm_layers
from bn_lint.static.torch_model.symbolic_models import uses_models


class AskedOption(NamedTuple):
    """What is known of an option.

    Attributes:
        value: What the program is believed to get, if that is a constant.
        choices: Those that it lists; None if it lists none.
    """

    value: str | int | None
    choices: tuple[str | int, ...] | None


class Program(NamedTuple):
    """What a program asks of its command line, and what came of it. It is plain, so that it can be kept.

    Attributes:
        named: The options, by their names.
        decided: The conditions that were decided in it.
        found: Where it found something by the text that an option gives it: that text, another one by which something
            is found there, and the names in what that is. Of a program that called no models.
        used_models: Whether it called models with BatchNorm.
        fails: Whether it ended with an error.
    """

    named: tuple[tuple[str, AskedOption], ...]
    decided: tuple[NodeRef, ...]
    found: tuple[tuple[str, str, tuple[str, ...]], ...]
    used_models: bool
    fails: bool

    @property
    def options(self) -> Mapping[str, AskedOption]:
        return dict(self.named)

    @property
    def conditions(self) -> list[cst.If | cst.Match]:
        """The statements that were decided."""
        return [ref.node for ref in self.decided if isinstance(ref.node, (cst.If, cst.Match))]


def asked(interpreter: Interpreter) -> Program:
    """What the entry point that has run has asked of its command line."""
    uses = uses_models(interpreter)
    named = tuple((name, _known(option)) for name, option in interpreter.options.items())
    texts = frozenset[str | int | None]() if uses else {option.value for _, option in named}
    tables = [(text, table) for (text, _), table in interpreter.looked_up.items() if text in texts]
    return Program(
        named=named,
        decided=tuple(NodeRef(file, node) for node, file in interpreter.decided.items()),
        found=tuple(
            (text, key, tuple(sorted(set(_names(interpreter, value)))))
            for text, table in tables
            for key, value in table.entries()
            if type(key) is str and key != text
        ),
        used_models=uses,
        fails=interpreter.fails,
    )


def _known(option: Option) -> AskedOption:
    value = option.value if isinstance(option.value, (str, int)) else None
    return AskedOption(value, None if option.choices is None else _listed(option.choices))


def _listed(choices: Value) -> tuple[str | int, ...]:
    items = choices.items if isinstance(choices, List) else choices if isinstance(choices, tuple) else ()
    return tuple(one for one in items if isinstance(one, (str, int)))


def _names(interpreter: Interpreter, value: Value) -> Iterator[str]:
    """The names in a value that may be a model, or make one."""
    if isinstance(value, Dict):
        for _, one in value.entries():
            yield from _names(interpreter, one)
    elif isinstance(value, Partial):
        yield from _names(interpreter, value.function)
    elif isinstance(value, (Function, Class)):
        interpreter.reads.function(value) if isinstance(value, Function) else interpreter.reads.cls(value)
        yield value.name
        yield from (node.value for node in walk(value.node) if type(node) is cst.Name)
    elif isinstance(value, Instance) and value.is_module:
        yield from (layer.cls.name for layer in batchnorm_layers(value))
    elif isinstance(value, External):
        yield value.dotted.rpartition(".")[2]
    elif isinstance(value, (LibraryClass, Builtin)):
        yield value.name.rpartition(".")[2]
