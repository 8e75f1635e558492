"""What can be said of a library without a line of code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class HandsBack(Enum):
    """What comes out of a function that is given models, optimizers and loaders. Their modes and layers stay."""

    FIRST = "its first argument"
    ALL = "all that it is given, in this order"


@dataclass(frozen=True)
class ModelClass:
    """A class of models with BatchNorm, whose code is not visible.

    Attributes:
        encoder: The position and the name of the argument that names the architecture, where one decides.
        normalization: The argument that names the normalization, and whether that is BatchNorm if it is not given.
        takes_weights: Whether the arguments of the constructor may ask for weights, as those of functions do.
        constructors: Methods that build a model as well, and whether they load weights.
        parts: The attributes that are parts with BatchNorm layers.
    """

    encoder: tuple[int, str] | None = None
    normalization: tuple[str, bool] | None = None
    takes_weights: bool = False
    constructors: Mapping[str, bool] = field(default_factory=dict)
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Library:
    """What is known of a library, or of a family of libraries. Dotted names are those that programs import.

    Attributes:
        packages: The names under which it is imported.
        second_names: Other dotted names of what the tables below speak of.

        mentions: Regular expressions for files that may take models from it. They begin with letters, which are found
            fast; what must not stand before these is said behind them.
        names: Names in programs that may stand for it, or for a function that builds its models.

        functions: The module with a function for each architecture that `architectures.py` knows.
        by_name: Functions that build the model of a name, with the position and the name of this argument.
        classes: Classes of models.
        chosen_from: Whether programs let their users choose among its functions: `models.__dict__[args.arch]`.
        repositories: Where `torch.hub.load` finds its models, and whether it loads weights unless they are refused.
        takes_one: Whether each model of its functions and classes takes one input.
        loads_weights: Whether its functions load weights unless they are refused.
        loads_into: Functions that load weights into a model that they are given.
        ten_children: Whether its ResNets have ten children: conv1, bn1, an activation, a pooling, four stages, a
            pooling and the classifier.
        plain_modules: How the names of functions begin that give modules without methods such as `test()`.
        modules: Classes that inherit from `nn.Module`.

        hands_back: Functions that give back what they are given.
        wrappers: Classes with methods that do.
        several_processes: Words of programs that it may start in several processes, in small letters, with `|` between
            them and `\\b` where a word stands alone.
        converters: Functions that replace BatchNorm by SyncBatchNorm with parameters of their own.
        leaves_modes: What gets a model and leaves its mode as it is, whatever else it is called.

        transforms: Modules with classes that change images one by one.
        other_transforms: How the names of their classes begin that do not.
        sequences: Those of their classes that apply others.
        datasets: The numbers of samples of data sets, for training and for tests.
        counted_datasets: Data sets that make up as many samples as their first argument says: its name and default.

        looks_at_models: Whether all that it runs a model for is to describe it.
        runs_as_is: Functions of that kind which leave the model in its mode, and do not call `eval()` themselves.

        iterates: Functions that give the items of their first argument.
        attribute_dictionaries: Classes of dictionaries whose entries are attributes, too.
        leaves: Functions that do not return.
        expects_failure: Context managers whose block is there to fail.
        no_modules: How the names begin of what gives anything but modules.
        own_modes: Whether its objects have an `eval` or `train` of another meaning.
        known_modules: Modules that are better known by what they promise than by their code, if that is visible.
    """

    packages: tuple[str, ...]
    second_names: Mapping[str, str] = field(default_factory=dict)

    mentions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    functions: str = ""
    by_name: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    classes: Mapping[str, ModelClass] = field(default_factory=dict)
    chosen_from: bool = False
    repositories: Mapping[str, bool] = field(default_factory=dict)
    takes_one: bool = False
    loads_weights: bool = False
    loads_into: tuple[str, ...] = ()
    ten_children: bool = False
    plain_modules: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    hands_back: Mapping[str, HandsBack] = field(default_factory=dict)
    wrappers: Mapping[str, Mapping[str, HandsBack]] = field(default_factory=dict)
    several_processes: str = ""
    converters: tuple[str, ...] = ()
    leaves_modes: tuple[str, ...] = ()

    transforms: tuple[str, ...] = ()
    other_transforms: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    datasets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    counted_datasets: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    looks_at_models: bool = False
    runs_as_is: tuple[str, ...] = ()

    iterates: tuple[str, ...] = ()
    attribute_dictionaries: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    expects_failure: tuple[str, ...] = ()
    no_modules: tuple[str, ...] = ()
    own_modes: bool = False
    known_modules: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its models are called after."""
        return self.functions or self.packages[0]
