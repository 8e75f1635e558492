"""`argparse`: an unknown option has its default, unless the default says nothing."""

from __future__ import annotations

from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Arguments, Builtin, Ghost, Instance, LibraryClass, Unknown, Value
from bn_lint.static.syntax.places import NodeRef

#: The options of a parser.
_OPTIONS: Ghost[Instance] = Ghost("options")


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    _OPTIONS.put(arguments.receiver, Instance(_NAMESPACE, ref))


def _add_argument(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    options, flags = _OPTIONS.of(arguments.receiver), arguments.positional[1:]
    names = [flag for flag in flags if isinstance(flag, str)]
    if not isinstance(options, Instance) or not names:
        return Unknown("action")
    long = next((name for name in names if name.startswith("--")), names[0])
    name = arguments.keywords.get("dest", long.lstrip("-").replace("-", "_"))
    if isinstance(name, str):
        value = _value(name, arguments)
        interpreter.options[name] = value, arguments.keywords.get("choices")
        interpreter.store.set(options, name, interpreter.command_line.get(name, value))
    return Unknown("action")


def _value(name: str, arguments: Arguments) -> Value:
    default = arguments.keywords.get("default")
    # A switch is there to be used: both of its positions are. What an action of the program does is up to it.
    if (
        isinstance(arguments.keywords.get("action"), str)
        or default is None
        or default == ""
        or isinstance(default, bool)
    ):
        return Unknown(name, f"the user decides `{name}`")
    return default


def _parse(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    options = _OPTIONS.of(arguments.receiver)
    return options if isinstance(options, Instance) else Unknown("args")


def _parse_known(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return _parse(interpreter, arguments, ref), Unknown("rest")


def _group(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return arguments.positional[0]


_NAMESPACE = LibraryClass("argparse.Namespace")
COMMAND_LINE: dict[str, Value] = {
    "argparse.ArgumentParser": LibraryClass(
        "argparse.ArgumentParser",
        (),
        (),
        {
            "__init__": Builtin("__init__", _init),
            "add_argument": Builtin("add_argument", _add_argument),
            "add_argument_group": Builtin("add_argument_group", _group),
            "add_mutually_exclusive_group": Builtin("add_mutually_exclusive_group", _group),
            "parse_args": Builtin("parse_args", _parse),
            "parse_known_args": Builtin("parse_known_args", _parse_known),
        },
    )
}
