"""How a data loader can be told to leave out its last batch. Worked out only for fixes."""

from __future__ import annotations

from bn_lint.facts import Place, Replacement
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.training.drafts import LoaderOption

#: Where `DataLoader` takes it without a name.
_POSITION = 8


def drop_last(draft: LoaderOption) -> Replacement | None:
    """The argument `drop_last`, where it can be given or changed."""
    call, file = draft.call.node, draft.call.file
    if not isinstance(call, cst.Call) or (dotted_name(call.func) or "").rpartition(".")[2] != "DataLoader":
        return None
    value = _value(draft, call)
    if value is None or not call.args or any(arg.star == "*" for arg in call.args):
        return None
    given = _given(call)
    if given is not None:
        literal = isinstance(given.value, cst.Name) and given.value.value == "False"
        return Replacement(file.place(given.value), value) if literal else None
    if draft.hidden:
        return None
    where, separator = file.place(call.args[-1]), _separator(file, call)
    between = f",{separator or ' '}"
    if _comes_first(file, call, separator):
        return Replacement(
            Place(where.path, where.line, where.column, where.line, where.column), f"drop_last={value}{between}"
        )
    end = Place(where.path, where.end_line, where.end_column, where.end_line, where.end_column)
    return Replacement(end, f"{between}drop_last={value}")


def _given(call: cst.Call) -> cst.Arg | None:
    named = [arg for arg in call.args if arg.keyword is not None and arg.keyword.value == "drop_last"]
    placed = [arg for arg in call.args if arg.keyword is None and not arg.star]
    return named[0] if named else placed[_POSITION] if len(placed) > _POSITION else None


def _value(draft: LoaderOption, call: cst.Call) -> str | None:
    """What makes the loader drop its last batch in training: True, or what makes it shuffle."""
    shuffle = next((arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value == "shuffle"), None)
    if isinstance(shuffle, (cst.Name, cst.Attribute)) and dotted_name(shuffle) not in ("True", "False", "None"):
        return draft.call.file.text(shuffle)
    return None if draft.shared else "True"


def _comes_first(file: SourceFile, call: cst.Call, separator: str | None) -> bool:
    """Whether the argument comes before the last one: a dictionary, or one with a comment behind it."""
    last = call.args[-1]
    if last.star:
        return True
    line = file.lines[file.place(last).end_line - 1]
    return last.keyword is not None and separator is not None and "#" in line


def _separator(file: SourceFile, call: cst.Call) -> str | None:
    """The line break between two arguments, where each has a line of its own."""
    places = [file.place(arg) for arg in call.args]
    rows = [place.line for place in places]
    last = places[-1]
    begins = file.lines[last.line - 1][: last.column - 1]
    return f"\n{begins}" if len(set(rows)) == len(rows) and not begins.strip() else None
