"""`argparse`: an unknown option has its default, unless the default says nothing.

`parse_args([])`, as notebooks write it, gives every option its default, and `parse_args(["--epochs", "9"])` all others.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from bn_lint.static.interpreter.builtins.namespaces import namespace_class
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.equality import equal
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    Builtin,
    Ghost,
    Instance,
    LibraryClass,
    List,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef

#: The options of a parser.
_OPTIONS: Ghost[Instance] = Ghost("options")
#: What they are if none is given.
_DEFAULTS: Ghost[Instance] = Ghost("defaults")
#: The option that a flag is for, and what a switch makes it: for "--epochs", "epochs" and None.
_FLAGS: Ghost[Instance] = Ghost("flags")
#: What a switch is if it is not given.
_OFF = {"store_true": False, "store_false": True}


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    _OPTIONS.put(arguments.receiver, Instance(_NAMESPACE, ref))
    _DEFAULTS.put(arguments.receiver, Instance(_NAMESPACE, ref))
    _FLAGS.put(arguments.receiver, Instance(_NAMESPACE, ref))


class Option(NamedTuple):
    """An option of a command line.

    Attributes:
        value: What the program is believed to get.
        choices: What it may be, as the program lists it.
        default: What it is if nobody gives it, which is also known where it is there to be given.
    """

    value: Value
    choices: Value
    default: Value


def default_of(interpreter: Interpreter, value: Value) -> Value:
    """What a value is by default, if it is that of an option which is there to be given."""
    option = interpreter.options.get(value.name) if type(value) is Unknown else None
    return option.default if option is not None and option.value is value else ABSENT


def _add_argument(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    options, flags = _OPTIONS.of(arguments.receiver), arguments.positional[1:]
    names = [flag for flag in flags if isinstance(flag, str)]
    if not isinstance(options, Instance) or not names:
        return Unknown("action")
    long = next((name for name in names if name.startswith("--")), names[0])
    name = arguments.keywords.get("dest", long.lstrip("-").replace("-", "_"))
    if isinstance(name, str):
        value = _value(name, arguments)
        keywords = arguments.keywords
        interpreter.options[name] = Option(value, keywords.get("choices"), keywords.get("default"))
        interpreter.store.set(options, name, interpreter.command_line.get(name, value))
        _note_default(interpreter, arguments, name, names)
    return Unknown("action")


def _note_default(interpreter: Interpreter, arguments: Arguments, name: str, flags: list[str]) -> None:
    defaults, known = _DEFAULTS.of(arguments.receiver), _FLAGS.of(arguments.receiver)
    if isinstance(defaults, Instance) and isinstance(known, Instance):
        action = arguments.keywords.get("action")
        off = _OFF.get(action) if isinstance(action, str) else None
        interpreter.store.set(defaults, name, arguments.keywords.get("default", off))
        for flag in flags:
            interpreter.store.set(known, flag, (name, None if off is None else not off))


def _value(name: str, arguments: Arguments) -> Value:
    default = arguments.keywords.get("default")
    allowed = _known_choices(arguments.keywords.get("choices"))
    if allowed and all(equal(default, one) is False for one in allowed):
        # Nobody can give the default, so it is there to be replaced: by the only choice, if there is one.
        default = allowed[0] if len(allowed) == 1 else None
    action = arguments.keywords.get("action")
    if isinstance(action, str) and isinstance(default, bool) and _OFF.get(action) is (not default):
        return default  # the switch makes of it what it is already
    if default is True and action is None and _is_true_of_text(arguments.keywords.get("type")):
        return default  # "False" is a text like any other, and what is not empty is true
    # A switch is there to be used: both of its positions are. What an action of the program does is up to it.
    # A single one (epoch, sample, process) is the least that runs: such options are there to be given.
    if (
        isinstance(action, str)
        or default is None
        or default == ""
        or isinstance(default, bool)
        or (isinstance(default, int) and default == 1)
    ):
        return Unknown(name, f"the user decides `{name}`")
    return default


def _is_true_of_text(convert: Value) -> bool:
    """Whether an option is true whatever text it is given: as the text, or as what `bool` says of one."""
    return convert is None or (isinstance(convert, Builtin) and convert.name == "bool")


def _known_choices(choices: Value) -> tuple[Value, ...]:
    """What an option may be, if that is written out."""
    if isinstance(choices, List):
        return () if choices.rest else choices.items
    return choices if isinstance(choices, tuple) else ()


def _parse(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    given = arguments.positional[1] if len(arguments.positional) > 1 else arguments.keywords.get("args")
    words = given.items if isinstance(given, List) and not given.rest else () if given in ((), "") else given
    options, flags = _OPTIONS.of(arguments.receiver), _FLAGS.of(arguments.receiver)
    if isinstance(words, tuple) and isinstance(flags, Instance):
        return _parsed(interpreter, arguments.receiver, words, flags, ref)
    return options if isinstance(options, Instance) else Unknown("args")


def _parsed(
    interpreter: Interpreter, parser: Instance, words: tuple[Value, ...], flags: Instance, ref: NodeRef
) -> Value:
    """The options after words that the program itself gives: no command line changes them."""
    defaults = _DEFAULTS.of(parser)
    if not isinstance(defaults, Instance):
        return Unknown("args")
    options = Instance(_NAMESPACE, ref)
    for name, default in defaults.cells.items():
        interpreter.options.pop(name, None)
        interpreter.store.set(options, name, default)
    is_value = False
    for word in words:
        known = flags.cells.get(word.partition("=")[0]) if isinstance(word, str) else None
        if isinstance(known, tuple):
            name, on = cast("tuple[str, bool | None]", known)
            is_value = on is None
            value = Unknown(name, f"`{name}` is given as a text") if on is None else on
            interpreter.store.set(options, name, value)
        elif isinstance(word, Unknown) and not is_value:
            return Unknown("args")  # it may be the name of any option
    return options


def _parse_known(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return _parse(interpreter, arguments, ref), Unknown("rest")


def _group(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return arguments.positional[0]


_NAMESPACE = namespace_class("argparse.Namespace")
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
