"""What facts are completed from when a rule reports them: the values behind what only their fixes need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Union

from bn_lint.static.torch_model.describing import ArrivingChannels

if TYPE_CHECKING:
    from bn_lint.static.interpreter.values import Value
    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.places import NodeRef
    from bn_lint.static.torch_model.happened import Switch


@dataclass(frozen=True)
class CallLines:
    """For a `ModelCall`: the largest loops and blocks around a call in which nothing else is done.

    Attributes:
        model: The model as it is written there. Lines that give the name a value do not belong to the call.
        others: Calls and statements that are made for another purpose.
        peers: Calls for the same purpose; lines that follow each other are taken together.
        prepared: What leads up to a call in the body of a loop or function belongs to it as well.
    """

    call: NodeRef
    model: str
    others: tuple[NodeRef, ...] = ()
    peers: tuple[NodeRef, ...] = ()
    prepared: bool = False

    @cached_property
    def other_nodes(self) -> frozenset[cst.CSTNode]:
        return frozenset(one.node for one in self.others)


@dataclass(frozen=True)
class LoaderOption:
    """For a `LastBatch`: the argument `drop_last` in a call of `DataLoader`.

    Attributes:
        shared: Loaders that are not trained on are made here too.
        hidden: The argument is given in a dictionary.
    """

    call: NodeRef
    shared: bool
    hidden: bool


@dataclass(frozen=True)
class Refreezing:
    """For a `ModeChange`: what freezes layers again.

    Attributes:
        freezing: The calls of `eval()` that froze the layers.
        undoing: The call of `train()` after them.
    """

    freezing: tuple[Switch, ...]
    undoing: Switch


@dataclass(frozen=True, eq=False)
class HiddenModules:
    """For a `PlainContainer`: the assignment of an attribute, and the container that it is given."""

    target: NodeRef
    attribute: str
    container: Value


Draft = Union[ArrivingChannels, CallLines, LoaderOption, Refreezing, HiddenModules]
#: Those that hold nothing but places, and can be kept for another analysis.
PlainDraft = Union[CallLines, LoaderOption]
PLAIN_DRAFTS: tuple[type[PlainDraft], ...] = (CallLines, LoaderOption)
