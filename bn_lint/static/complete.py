"""Completes facts that a rule reports: positions, and what only fixes need.

The engine finds far more facts than rules report. Positions of a file take another parse and more, and to find how a
fix is written takes walks through syntax trees.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from bn_lint.facts import (
    Argument,
    BatchNormCall,
    BatchNormLayer,
    Evidence,
    LastBatch,
    ModeChange,
    ModelCall,
    Outdated,
    Place,
)
from bn_lint.facts import PlainContainer as Container
from bn_lint.static.fix_layout.again import again
from bn_lint.static.fix_layout.drop_last import drop_last
from bn_lint.static.fix_layout.fitting import fitting_argument
from bn_lint.static.fix_layout.lines import call_lines
from bn_lint.static.fix_layout.registration import container_place
from bn_lint.static.fix_layout.spelling import arriving_channels, torch_nn
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.torch_model.describing import ArrivingChannels
from bn_lint.static.training.drafts import CallLines, Draft, HiddenModules, LoaderOption, Refreezing
from bn_lint.static.turns.by_file import KeptByFile

AnyValue = TypeVar("AnyValue")

_PLAIN = frozenset({type(None), bool, int, float, str, type})


@cache
def _fields(kind: type[object]) -> tuple[str, ...]:
    """The names of a dataclass's fields; none for what is no dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


class Completer:
    """Makes complete facts of drafts; of other values it closes the places.

    Args:
        files: All files in which a place may be.
        drafts: What facts are completed from, in the order of their numbers.
        kept: Knows where nodes stand, and how they are written, of which an earlier analysis reported something.
    """

    def __init__(self, files: Iterable[SourceFile], drafts: Iterable[Draft], kept: KeptByFile | None = None) -> None:
        self._files = {file.display: file for file in files}
        self._kept = kept
        self._drafts = list(drafts)
        #: The numbers of those that were used.
        self.used: set[int] = set()

    def __call__(self, value: AnyValue, /) -> AnyValue:
        completed: AnyValue = self._closed(self._filled(value))
        return completed

    def _filled(self, fact: Any) -> Any:
        """A fact with what its draft tells.

        Raises:
            Outdated: the fact was kept, and its draft was not.
        """
        number: int | None = getattr(fact, "draft", None)
        if number is None:
            return fact
        if number < 0:
            raise Outdated("a fact of an earlier analysis is reported now")
        self.used.add(number)
        draft = self._drafts[number]
        if isinstance(fact, BatchNormCall) and isinstance(draft, ArrivingChannels):
            arriving = arriving_channels(draft)
            return replace(fact, arriving=arriving, fitting=fitting_argument(draft), draft=None)
        if isinstance(fact, ModelCall) and isinstance(draft, CallLines):
            return replace(fact, lines=call_lines(draft), draft=None)
        if isinstance(fact, LastBatch) and isinstance(draft, LoaderOption):
            return replace(fact, left_out=drop_last(draft), draft=None)
        if isinstance(fact, ModeChange) and isinstance(draft, Refreezing):
            return replace(fact, again=again(draft), draft=None)
        if isinstance(fact, Container) and isinstance(draft, HiddenModules):
            value = container_place(draft.target, draft.attribute, draft.container)
            return replace(fact, value=value, torch_nn=torch_nn(draft.target.file), draft=None)
        raise AssertionError(f"a {type(fact).__name__} with a {type(draft).__name__}")

    def _closed(self, value: Any) -> Any:
        """A value with all places in it closed."""
        kind: type[object] = type(value)
        if kind in _PLAIN:
            return value
        if isinstance(value, Place):
            return self._place(value) if value.is_open else value
        if isinstance(value, Evidence):
            return value._replace(place=self._closed(value.place))
        if isinstance(value, tuple):
            return tuple(map(self._closed, value))
        if isinstance(value, Argument) and value.place.is_open:
            value = replace(value, text=self._text(value.place))
        if isinstance(value, BatchNormLayer):
            value = replace(value, class_prefix=self._class_prefix(value))
        changed = {}
        for name in _fields(kind):  # type: ignore[arg-type]  # mypy takes classes for unhashable here
            old = getattr(value, name)
            new = self._closed(old)
            if new is not old:
                changed[name] = new
        return replace(value, **changed) if changed else value

    def _place(self, place: Place) -> Place:
        """An open place with its position."""
        file = self._files[place.path]
        node = file.node_at(place)
        return file.place(node) if self._kept is None else self._kept.place(file, node)

    def _text(self, place: Place) -> str:
        """The value of an argument, as it is written in the file."""
        file = self._files[place.path]
        node = file.node_at(place)
        value = node.value if isinstance(node, cst.Arg) else node
        return file.text(value) if self._kept is None else self._kept.text(file, value)

    def _class_prefix(self, layer: BatchNormLayer) -> str | None:
        """What another class needs before its name where a layer is built."""
        if not layer.built.is_open:
            return layer.class_prefix
        file = self._files[layer.built.path]
        node = file.node_at(layer.built)
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
            return ""
        module = torch_nn(file)
        return None if module is None else f"{module}."
