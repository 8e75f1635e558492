"""A trace as a value: what is saved, merged between processes, judged and shown. `docs/trace.md` describes the JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from bn_lint.errors import BnLintError
from bn_lint.facts import Place

#: Fields may be added within a version; none changes its meaning or goes away.
VERSION = 1
#: Tools that make a program of a model, which keeps the mode it was made in.
EXPORTS = ("torch.jit.trace", "torch.export", "torch.onnx.export")
FORMAT = "bn-lint trace"
_LEAVES = frozenset({type(None), bool, int, float, str})


class TraceError(BnLintError):
    """A file that is no trace, or one of a version that this bn-lint does not know."""


@dataclass
class Reached:
    """One way to a layer: the line that applies it, and the line that calls the model."""

    call: Place | None
    model: Place | None
    count: int = 0


@dataclass
class Calls:
    """The calls of one layer with the same shape and mode.

    Attributes:
        kind: `training`, `training-without-grad`, `evaluation-with-grad`, `evaluation`, `recomputed` (by activation
            checkpointing), `recalibration`, `inspection` (by a tool), `other` (tracing, warm-up), `compiled`.
        shape: -1 where a size was not known.
        failed: The message of the error that ended the program here.
    """

    kind: str
    shape: list[int]
    training: bool
    grad: bool
    count: int
    dtype: str = ""
    device: str = ""
    autocast: bool = False
    statistics: str | None = None
    features_from: str | None = None
    tool: str | None = None
    failed: str | None = None
    reached: list[Reached] = field(default_factory=list)
    #: The line that called the model last.
    last: Place | None = None
    #: The first and the last optimizer step that they came before; those after the last one count as one more.
    first_step: int = -1
    last_step: int = -1

    @property
    def values_per_channel(self) -> int | None:
        """How many numbers each mean and variance is computed from."""
        if len(self.shape) < 2 or min(self.shape) < 0:
            return None
        values = 1
        for index, size in enumerate(self.shape):
            values *= size if index != 1 else 1
        return values


@dataclass
class Tally:
    """How often something was seen: calls, optimizer steps, first and last of these, and calls after the last step."""

    calls: int = 0
    steps: int = 0
    first: int = -1
    last: int = -1
    tail: int = 0


@dataclass
class Statistics:
    """Running statistics at the end of a run.

    Of all channels, `variances` and `means` are the least value, the quartiles, and the greatest value.
    """

    finite: bool = True
    smallest_variance: float = 1.0
    collapsed: int = 0
    not_finite_since: int | None = None
    variances: list[float] = field(default_factory=list)
    means: list[float] = field(default_factory=list)


@dataclass
class Drift:
    """How far batches were from the running statistics, in running standard deviations; a mean over `batches`."""

    shift: float
    batches: int
    spread: float | None = None
    history: list[float] = field(default_factory=list)


@dataclass
class Hidden:
    """A plain Python container, an attribute of a module, that keeps layers out of PyTorch's sight."""

    class_name: str
    attribute: str
    container: str
    layers: int


@dataclass
class Override:
    """A `train` of the program that kept `eval()` from layers of these children; `called` is the call of `eval()`."""

    class_name: str
    place: Place
    left_out: list[str]
    called: Place | None


@dataclass
class LayerTrace:
    """One BatchNorm layer. Places of events that were not seen are None; `docs/trace.md` explains the fields."""

    name: str
    model: str
    variant: str
    class_name: str
    num_features: int | None
    eps: float | None = None
    momentum: float | None = None
    affine: bool = True
    track_running_stats: bool = True
    lazy: bool = False
    built: Place | None = None
    built_in_library: bool = False
    #: The user's lines that led to the constructor call, innermost first.
    built_path: list[Place] = field(default_factory=list)
    #: How many layers its line built during calls of models, for one call each.
    rebuilt: int = 0
    hidden: Hidden | None = None
    override: Override | None = None
    #: The call in training mode with running statistics whose tracking had been switched off.
    untracked: Place | None = None
    #: SyncBatchNorm, trained without a process group.
    unsynchronized: bool = False
    calls: list[Calls] = field(default_factory=list)
    steps: int = 0
    calls_per_step: dict[str, int] = field(default_factory=dict)
    owned: bool = False
    requires_grad: bool = False
    #: The first training calls: optimizer step, line that applies the layer, line of the model, line inside the
    #: model, and whether the first of these applies the layer itself.
    early: list[tuple[int, Place | None, Place | None, Place | None, bool]] = field(default_factory=list)
    timeline: str = ""
    flips: int = 0
    without_grad: Tally = field(default_factory=Tally)
    without_grad_beside_training: int = 0
    without_grad_for_others: int = 0
    without_grad_between: int = 0
    #: Since the last optimizer step on it: steps on other models that it ran for without gradients, and the first.
    reference_steps: int = 0
    reference_since: int = -1
    without_grad_then_evaluated: bool = False
    without_grad_mode: Place | None = None
    without_grad_mode_is_local: bool = False
    eval_training: Tally = field(default_factory=Tally)
    eval_training_local: int = 0
    eval_training_mode: Place | None = None
    eval_training_at: list[Place] = field(default_factory=list)
    frozen_training: Tally = field(default_factory=Tally)
    #: The most such steps without one on the layer itself between them.
    frozen_run: int = 0
    #: None of them trained any part of its model.
    frozen_apart: bool = False
    recomputed: Tally = field(default_factory=Tally)
    reenabled_by: Place | None = None
    reenabled_after: Place | None = None
    #: Lines that ran the model in training mode with gradients, and whose results never got one.
    no_gradient: list[Place] = field(default_factory=list)
    #: Lines that ran it for gradients on which nothing was trained.
    gradient_only: list[Place] = field(default_factory=list)
    #: Trained without an optimizer of torch: gradients came, and its weight changed.
    trained_by_hand: bool = False
    #: Of such a layer: calls without gradients come after runs of many training calls, or directly after each other.
    without_grad_apart: bool = False
    #: A tool ran it when its weights had been trained or loaded.
    inspected: bool = False
    fresh: bool = False
    replaced: bool = False
    first_trained: int = -1
    untouched: bool = False
    unlearned: bool = False
    learned: bool = False
    initial_share: float | None = None
    evaluated: Place | None = None
    loaded: Place | None = None
    missing_loaded: Place | None = None
    missing_evaluated: Place | None = None
    averaged: Place | None = None
    stale_evaluated: Place | None = None
    broadcast: bool | None = None
    #: Whether the weight became another one since the last optimizer step on it; neither where that is not known.
    weights_changed: bool = False
    weights_fixed: bool = False
    running: Statistics | None = None
    drift: Drift | None = None
    evaluation_drift: Drift | None = None

    def calls_of(self, *names: str) -> list[Calls]:
        return [calls for calls in self.calls if calls.kind in names]

    @property
    def called(self) -> bool:
        return bool(self.calls)

    @property
    def is_hidden(self) -> bool:
        """Whether a container keeps it from being trained."""
        return self.hidden is not None and not self.owned and (self.requires_grad or not self.affine)

    @property
    def is_rebuilt(self) -> bool:
        """Whether each call of the model builds it anew."""
        return self.rebuilt > 1


@dataclass
class ModeSwitch:
    """A line that calls `train` or `eval`, how often it ran, and how many BatchNorm layers it reaches.

    `steps` are the optimizer steps before which it ran; of very many, only some.
    """

    place: Place | None
    training: bool
    count: int
    layers: int
    steps: list[int] = field(default_factory=list)


@dataclass
class Failure:
    """The BatchNorm call whose error ended the program."""

    message: str
    layer: str
    class_name: str
    num_features: int | None
    shape: list[int]
    training: bool
    built: Place | None
    call: Place | None
    model: Place | None


@dataclass
class RefusedTransform:
    """A transform of `torch.func` that refused a layer in training mode, and with that ended the program."""

    transform: str
    layer: str
    built: Place | None
    applied: Place
    call: Place


@dataclass
class Document:
    """A whole run. `ranks` holds the documents of the other processes of a distributed run."""

    bn_lint: str
    torch: str
    python: str
    command: list[str]
    started: str
    seconds: float
    steps: int = 0
    steps_per_position: int = 1
    #: The optimizer steps with which passes over the training data begin.
    epochs: list[int] = field(default_factory=list)
    adversarial: bool = False
    stats: bool = False
    #: Made by `bn-lint probe`: nothing was trained, and no program ran.
    probed: bool = False
    #: Where the paths begin, and what the files were: path -> digest, empty where a file was written during the run.
    directory: str = ""
    files: dict[str, str] = field(default_factory=dict)
    rank: int = 0
    world_size: int = 1
    layers: list[LayerTrace] = field(default_factory=list)
    modes: list[ModeSwitch] = field(default_factory=list)
    failure: Failure | None = None
    #: The line whose fusion of layers PyTorch refused because they were in training mode.
    refused_fusion: Place | None = None
    refused_transform: RefusedTransform | None = None
    notes: list[str] = field(default_factory=list)
    #: Layer name -> by how many running standard deviations the running means of the processes differ.
    divergence: dict[str, float] = field(default_factory=dict)
    ranks: list[Document] = field(default_factory=list)

    @property
    def everywhere(self) -> list[Document]:
        """This process and the others."""
        return [self, *self.ranks]

    @property
    def processes(self) -> int:
        """How many processes ran the program, as far as is known."""
        return max(self.world_size, len(self.everywhere))


def to_json(document: Document) -> dict[str, Any]:
    """The document as JSON values."""
    return {"format": FORMAT, "version": VERSION, **_plain(document)}


def _plain(value: Any) -> Any:
    """What `dataclasses.asdict` makes of a value, without the copies of what cannot change."""
    kind = type(value)
    if kind in _LEAVES:
        return value
    if dataclasses.is_dataclass(kind):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(kind)}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def dumps(document: Document) -> str:
    return json.dumps(to_json(document), separators=(",", ":"), allow_nan=False, default=str) + "\n"


def load(name: str) -> Document:
    """Read a saved trace; its paths are those that the working directory of now gives to its files.

    Raises:
        TraceError: the file cannot be read, is no trace, or is of a newer version.
    """
    from bn_lint.runtime.document.limits import MOST_BYTES

    try:
        with open(name, "rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise TraceError(f"{name} is damaged: it has more than {MOST_BYTES:,} bytes.")
        data = json.loads(text)
    except OSError as error:
        raise TraceError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except RecursionError as error:
        raise TraceError(f"{name} is damaged: it is nested too deeply.") from error
    except ValueError as error:
        raise TraceError(f"{name} is no trace of bn-lint: it is not valid JSON.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise TraceError(f"{name} is no trace of bn-lint; `bn-lint trace --output {name} script.py` writes one.")
    if data.get("version") != VERSION:
        raise TraceError(f"{name} has version {data.get('version')} of the format; this bn-lint reads {VERSION}.")
    from bn_lint.runtime.document.moved import from_here

    try:
        return from_json(from_here(data))
    except RecursionError as error:
        raise TraceError(f"{name} is damaged: it is nested too deeply.") from error
    except (ValueError, OverflowError) as error:
        raise TraceError(f"{name} is damaged: {error}.") from error


def from_json(data: Any) -> Document:
    """The document of JSON values; fields that are not known are left out.

    Raises:
        ValueError: it is not of the form that `to_json` gives it.
    """
    from bn_lint.runtime.document.decode import decode
    from bn_lint.runtime.document.limits import wrong

    document: Document = decode(Document, data, wrong)
    return document
