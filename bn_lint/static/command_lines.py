"""Command lines of a program other than the one without options: those that take other branches.

Each of them is a way to run the program. What is found there holds for this way alone, and needs no guess about which
options go together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain, islice, zip_longest

from bn_lint.project.prefilter import is_batchnorm_name, is_zoo_name
from bn_lint.static.interpreter.limits import MAX_COMMAND_LINES, MAX_MODELS_TRIED
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import walk
from bn_lint.static.training.programs import AskedOption, Program

#: An option and what it is given.
Given = tuple[str, str | int]
Options = Mapping[str, AskedOption]

#: What a branch does that matters for modes and batches: methods, and names.
_SWITCHES = frozenset({"train", "eval", "load_state_dict"})
_DIRECT = frozenset({"DataLoader", "drop_last", "requires_grad", "requires_grad_", "no_grad"})


def command_lines(
    file: SourceFile, program: Program, models: AbstractSet[str], last: Callable[[], Program | None]
) -> Iterator[tuple[tuple[str, str | int | None], ...]]:
    """Yield options to run a program with, each with what it is given; None stands for any value.

    Args:
        program: What it asked when it was run without options.
        models: The names of the project's own definitions that lead to BatchNorm.
        last: What it asked when it was last run with those that were yielded.
    """
    if program.fails and not program.used_models:
        # Nobody runs it without options: what it does whatever they are is worth more than single values.
        yield any_values(program.options)
    concerns = concern_of(file, None if program.used_models else models)
    others = () if program.used_models else other_models(program, models)
    tried: set[tuple[Given, ...]] = set()
    # Options so far, and what the conditions ask that they have led to: which model it is may depend on two of them,
    # and the second is only asked about with the first.
    known = dict.fromkeys(program.conditions)
    pending: list[tuple[tuple[Given, ...], Iterator[Given]]] = [
        ((), other_command_lines(program.options, known, concerns, others))
    ]
    while pending and len(tried) < MAX_COMMAND_LINES:
        chosen, more = pending[-1]
        given = next(more, None)
        if given is None:
            pending.pop()
            continue
        options = (*chosen, given)
        if options in tried or given[0] in dict(chosen):
            continue
        tried.add(options)
        yield options
        asked = last()
        if asked is None:
            continue
        decided = [node for node in asked.conditions if node not in known]
        known.update(dict.fromkeys(decided))
        if not program.used_models and not asked.used_models:
            others = other_models(asked, models)
            pending.append((options, other_command_lines(asked.options, decided, concerns, others)))


def any_values(options: Options) -> tuple[tuple[str, None], ...]:
    """A command line with any value for each option that takes one."""
    return tuple((name, None) for name, option in options.items() if type(option.value) is not bool)


def concern_of(program: SourceFile, models: AbstractSet[str] | None) -> Callable[[cst.CSTNode], bool]:
    """Whether code decides about modes or data, or about the model.

    A function of the program that does is as good as what it does.

    Args:
        models: The names of the project's own definitions that lead to BatchNorm; None if the model is settled.
    """
    wanted = _DIRECT if models is None else _DIRECT | models
    concerns = partial(_mentions, with_models=models is not None)
    functions = [node for node in walk(program.tree) if type(node) is cst.FunctionDef]
    wanted |= {one.name.value for one in functions if concerns(one.body, wanted=wanted)}
    return partial(concerns, wanted=wanted)


def other_models(program: Program, models: AbstractSet[str]) -> Iterator[Given]:
    """Yield options by whose default a program finds a model, with values by which it finds one that has BatchNorm.

    Nobody asks for the option then: `MODELS[args.model]()`. Names tell what is a model.
    """
    for name, option in program.options.items():
        allowed = None if option.choices is None else {one for _, one in _choices(name, option)}
        found = (
            (name, key)
            for asked, key, names in program.found
            if asked == option.value and (allowed is None or key in allowed)
            if any(_names_model(one, models) for one in names)
        )
        yield from islice(found, MAX_MODELS_TRIED)


def _names_model(name: str, models: AbstractSet[str]) -> bool:
    return name in models or is_batchnorm_name(name) or is_zoo_name(name)


def _mentions(code: cst.CSTNode, wanted: AbstractSet[str], *, with_models: bool) -> bool:
    return any(
        node.value in wanted or (with_models and _names_model(node.value, wanted))
        if type(node) is cst.Name
        else type(node) is cst.Attribute and node.attr.value in _SWITCHES
        for node in walk(code)
    )


def other_command_lines(
    options: Options,
    decided: Iterable[cst.If | cst.Match],
    concerns: Callable[[cst.CSTNode], bool],
    models: Iterable[Given] = (),
) -> Iterator[Given]:
    """Yield options that choose models, and those that conditions of concern ask about, with other values.

    Values that lead to a branch of concern come before those that lead away from one, and another value of each option
    before a third one of any.
    """
    by_option: dict[str, list[Given]] = {}
    for given in chain(models, _others(options, decided, concerns)):
        by_option.setdefault(given[0], []).append(given)
    for turn in zip_longest(*by_option.values()):
        yield from filter(None, turn)


def _others(
    options: Options, decided: Iterable[cst.If | cst.Match], concerns: Callable[[cst.CSTNode], bool]
) -> Iterator[Given]:
    plain = {name: option for name, option in options.items() if isinstance(option.value, (str, int))}
    for node in decided:
        if not concerns(node):
            continue
        branches = list(_branches(node, plain))
        toward = [given for asked, body in branches if concerns(body) for given in asked]
        away = [given for asked, _ in branches for given in asked]
        for asked in (toward, away):
            others = [(name, value) for name, value in asked if value != plain[name].value]
            if others:
                yield from others
                break
        else:
            yield from (other for name, _ in away[:1] for other in _choices(name, plain[name]))


def _branches(node: cst.If | cst.Match, options: Options) -> Iterator[tuple[list[Given], cst.CSTNode]]:
    """What each branch of a statement asks of options, and its code."""
    if isinstance(node, cst.If):
        branches = [(list(_compared(one.test)), one.body) for one in _chain(node)]
    else:
        name = _last_name(node.subject)
        branches = [([(name, value) for value in _matched(case)], case.body) for case in node.cases]
    handed = _handed_on([asked for compared, _ in branches for asked in compared], options)
    for compared, body in branches:
        asked = ((name if name in options else handed, value) for name, value in compared)
        yield [one for one in asked if one[0] in options and type(one[1]) is type(options[one[0]].value)], body


def _handed_on(compared: Sequence[Given], options: Options) -> str:
    """The option that a function is asked about which has another name for it: `get_model(args.arch)`.

    One branch is for its default, and if the choices are listed, all of them are for a choice.
    """
    values = {value for name, value in compared if name not in options and isinstance(value, str)}
    found = [name for name, option in options.items() if option.value in values and _may_be_all(option, values)]
    return found[0] if len(found) == 1 else ""


def _may_be_all(option: AskedOption, values: AbstractSet[str]) -> bool:
    return option.choices is None or values <= {option.value, *(value for _, value in _choices("", option))}


def _matched(case: cst.MatchCase) -> Iterator[str | int]:
    for one in walk(case.pattern):
        if type(one) is cst.MatchValue:
            yield from _constants(one.value)


def _last_name(node: cst.BaseExpression) -> str:
    """The name of an expression: of `args.model` the last one."""
    name = node.attr.value if isinstance(node, cst.Attribute) else getattr(node, "value", "")
    return name if isinstance(name, str) else ""


def _chain(node: cst.If) -> Iterator[cst.If]:
    """An `if` and the `elif`s behind it."""
    yield node
    while isinstance(node.orelse, cst.If):
        node = node.orelse
        yield node


def _choices(name: str, option: AskedOption) -> Iterator[Given]:
    """What else an option may be. A number that is 0 or 1 by default, and is asked which of them, is a yes or a no."""
    default, choices = option.value, option.choices or ()
    if option.choices is None and type(default) is int and default in (0, 1):
        choices = (0, 1)
    return ((name, one) for one in choices if one != default)


def _compared(test: cst.BaseExpression) -> Iterator[Given]:
    """The names that a test compares with constants, each with what it is compared with."""
    for node in walk(test):
        if type(node) is not cst.Comparison or type(node.comparisons[0].operator) not in (cst.Equal, cst.In):
            continue
        sides = (node.left, node.comparisons[0].comparator)
        for one, other in (sides, sides[::-1]):
            if not isinstance(one, (cst.SimpleString, cst.Integer)) and (name := _last_name(one)):
                yield from ((name, value) for value in _constants(other))


def _constants(node: cst.BaseExpression) -> Iterator[str | int]:
    if isinstance(node, (cst.SimpleString, cst.Integer)):
        value = ast.literal_eval(node.value)
        if isinstance(value, (str, int)):
            yield value
    elif isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        for element in node.elements:
            yield from _constants(element.value)
