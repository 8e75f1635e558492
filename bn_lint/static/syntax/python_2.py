"""Which version of Python a project is written for: `/` of whole numbers is a whole number in Python 2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import ParseError
from bn_lint.static.syntax.tree import asked_once, binds, walk

if TYPE_CHECKING:
    from bn_lint.static.syntax.source_files import Project, SourceFile

#: Built-in functions that Python 3 has under other names, or not at all.
_MISSING = ("xrange", "raw_input", "unicode", "unichr", "execfile")
#: Methods that give lists in Python 2, and views in Python 3, which have no first element.
_VIEWS = frozenset({"keys", "values", "items"})
_SIGN = re.compile(
    rf"^[ \t]*print[ \t]+[^\s(=]|\b(?:{'|'.join(_MISSING)})\b|\.(?:{'|'.join(_VIEWS)})\(\)\[", re.MULTILINE
)


@asked_once
def is_for_python_2(file: SourceFile) -> bool:
    """Whether Python 2 runs a file, too, with a `/` of its own.

    It asks the future for others and not for division, is spelled as Python 3 refuses, or needs what Python 3 has not.
    """
    asked = _asked_of_the_future(file)
    return not {"division", "annotations"}.intersection(asked) if asked else needs_python_2(file)


@asked_once
def needs_python_2(file: SourceFile) -> bool:
    """Whether Python 3 cannot run a file, for it is spelled as Python 3 refuses or needs what Python 3 has not."""
    if file.reading.is_python_2:
        return True
    functions = {node.func.value for node in walk(file.tree) if type(node) is cst.Call and type(node.func) is cst.Name}
    needed = [name for name in _MISSING if name in functions]
    return not all(any(binds(one, name) for one in walk(file.tree)) for name in needed) or any(
        map(_indexes_view, walk(file.tree))
    )


def is_of_python_2(file: SourceFile, project: Project) -> bool:
    """Whether Python 2 runs a file: it says so itself, or a file beside it that Python 3 cannot run.

    Nothing beside it counts where the file itself has what only Python 3 knows.
    """
    if is_for_python_2(file):
        return True
    return not _asked_of_the_future(file) and not _needs_python_3(file) and _has_file_of_python_2(project)


@asked_once
def _needs_python_3(file: SourceFile) -> bool:
    """Whether a file has formatted strings, annotations, or `super()` without arguments."""
    return any(
        type(node) in (cst.FormattedString, cst.Annotation)
        or (type(node) is cst.Call and not node.args and type(node.func) is cst.Name and node.func.value == "super")
        for node in walk(file.tree)
    )


@asked_once
def _has_file_of_python_2(project: Project) -> bool:
    """Whether Python 3 cannot run one of the files to judge. The question is asked at each division."""
    return any(
        needs_python_2(one)
        for one in project.files.values()
        if one is not None and not one.is_context and _SIGN.search(one.source.text) is not None and _is_read(one)
    )


def _is_read(file: SourceFile) -> bool:
    try:
        return file.tree is not None
    except ParseError:
        return False


@asked_once
def _asked_of_the_future(file: SourceFile) -> list[str]:
    return [
        alias.name.value
        for line in file.tree.body
        if type(line) is cst.SimpleStatementLine
        for one in line.body
        if type(one) is cst.ImportFrom and getattr(one.module, "value", "") == "__future__"
        for alias in (one.names if isinstance(one.names, tuple) else ())
        if isinstance(alias.name, cst.Name)
    ]


def _indexes_view(node: cst.CSTNode) -> bool:
    """Whether something is `table.keys()[0]`."""
    if type(node) is not cst.Subscript or type(node.value) is not cst.Call or node.value.args:
        return False
    called = node.value.func
    return type(called) is cst.Attribute and called.attr.value in _VIEWS
