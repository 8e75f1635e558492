"""The changes: what is taken out of a script, and the same places rewritten so that nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from benchmarks.mutation.mutants import CONTROL, Mutant

MUTATIONS = {
    "no-eval": "`.eval()` is deleted",
    "no-parentheses": "`model.eval()` becomes `model.eval`",
    "no-train": "`.train()` is deleted",
    "no-freeze": "a call that freezes BatchNorm again is deleted",
    "no-drop-last": "`drop_last=True` becomes the default, `False`",
    "batch-of-one": "`batch_size` of a loader becomes 1",
}
#: Calls that put the BatchNorm layers of a model into evaluation mode.
_FREEZES = re.compile(r"[\w.]+\.(freeze_?bn\(\)|apply\((set|fix|freeze)_\w*(bn|batch_?norm)\w*\))", re.IGNORECASE)
#: Loaders that take `batch_size`, by the last part of their names.
_LOADERS = ("DataLoader",)


def mutations(path: str, source: bytes) -> list[Mutant]:
    """Returns all changes of one file, in the order of its lines; that each has an effect is not said."""
    return sorted(_Finder.run(path, source, controls=False), key=lambda one: (one.line, one.span, one.operator))


def controls(path: str, source: bytes) -> list[Mutant]:
    """Returns equivalent spellings of what `mutations` changes."""
    return sorted(_Finder.run(path, source, controls=True), key=lambda one: (one.line, one.span))


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider, ParentNodeProvider)

    def __init__(self, path: str, source: bytes, controls: bool) -> None:
        super().__init__()
        self.path = path
        self.lines = source.decode().splitlines()
        self.controls = controls
        self.found: list[Mutant] = []

    @classmethod
    def run(cls, path: str, source: bytes, *, controls: bool) -> list[Mutant]:
        finder = cls(path, source, controls)
        MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True).visit(finder)
        return finder.found

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        for operator, place, after in self._changes(node):
            span = self.get_metadata(PositionProvider, place)
            start, end = span.start, span.end
            if start.line != end.line:
                continue
            line = self.lines[start.line - 1]
            before = line[start.column : end.column]
            columns = (len(line[: start.column].encode()), len(line[: end.column].encode()))
            where = (start.line, columns[0], end.line, columns[1])
            self.found.append(Mutant(operator, self.path, start.line, before, after, where, ()))

    def _changes(self, node: cst.Call) -> Iterator[tuple[str, cst.CSTNode, str]]:
        function = node.func
        if isinstance(function, cst.Attribute) and function.attr.value in ("eval", "train") and not node.args:
            name, receiver = function.attr.value, _text(function.value)
            if self.controls:
                yield CONTROL, node, f"{receiver}.train({name == 'train'})"
            else:
                statement = isinstance(self.get_metadata(ParentNodeProvider, node), cst.Expr)
                yield f"no-{name}", node, "pass" if statement else receiver
                if statement and name == "eval":
                    yield "no-parentheses", node, f"{receiver}.eval"
        if not self.controls and _FREEZES.fullmatch(_text(node)):
            yield "no-freeze", node, "pass"
        for argument in node.args:
            keyword = argument.keyword.value if argument.keyword else ""
            if keyword == "drop_last" and isinstance(argument.value, cst.Name) and argument.value.value == "True":
                yield (
                    (CONTROL, argument.value, "bool(1)") if self.controls else ("no-drop-last", argument.value, "False")
                )
            elif keyword == "batch_size" and _text(function).split(".")[-1] in _LOADERS:
                text = _text(argument.value)
                if self.controls:
                    yield CONTROL, argument.value, f"1 * ({text})"
                elif text != "1":
                    yield "batch-of-one", argument.value, "1"


def _text(node: cst.CSTNode) -> str:
    return cst.Module(body=[]).code_for_node(node)
