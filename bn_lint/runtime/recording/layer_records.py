"""What is remembered of each BatchNorm layer while a program runs. Bounded: nothing here grows with the steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bn_lint.runtime.recording.sites import Site, Trail

if TYPE_CHECKING:
    from bn_lint.runtime.recording.structure import Hidden, Override

#: Signatures of one layer that are told apart; more shapes than this share entries by their number of values.
MOST_SIGNATURES = 32
#: Calls that are counted before they are added up, when nothing else asks for it.
MOST_COUNTED = 1 << 16
#: Calls of a signature that are looked at closely, before they are only counted.
CLOSE_LOOKS = 3
#: Trails of one signature that are kept.
MOST_TRAILS = 8
#: Steps of the timeline; when a run is longer, each covers twice as many optimizer steps.
TIMELINE = 128

#: What a call of a layer is. Calls of the kinds after RECOMPUTED move statistics, or not, intentionally.
TRAINING, TRAINING_WITHOUT_GRAD, EVALUATION_WITH_GRAD, EVALUATION, RECOMPUTED, RECALIBRATION, INSPECTION, OTHER = range(
    8
)
KINDS = (
    "training",
    "training-without-grad",
    "evaluation-with-grad",
    "evaluation",
    "recomputed",
    "recalibration",
    "inspection",
    "other",
)

#: Bits of the timeline: how the layer was used.
TRAINED, EVALUATED, UNUSUAL, RECALIBRATED = 1, 2, 4, 8
_BITS = (TRAINED, UNUSUAL, EVALUATED, EVALUATED, 0, RECALIBRATED, 0, 0)


CountCall = Callable[[], object]


class Entry:
    """The calls of one layer with one signature: the same shape, mode and gradient mode."""

    __slots__ = (
        "autocast",
        "count",
        "device",
        "dtype",
        "failed",
        "features_from",
        "first_step",
        "grad",
        "kind",
        "last_step",
        "last_trail",
        "root_training",
        "seen",
        "shape",
        "statistics",
        "tool",
        "trails",
        "training",
    )

    def __init__(self, shape: tuple[int, ...], training: bool, grad: bool, kind: int) -> None:
        self.shape = shape
        self.training = training
        self.grad = grad
        self.kind = kind
        #: The calls that were looked at or added up.
        self.count = 0
        #: How many of the calls belong to steps that are over.
        self.seen = 0
        #: The first and the last optimizer step that they came before; -1 as long as there is none.
        self.first_step = -1
        self.last_step = -1
        self.dtype = ""
        self.device = ""
        self.autocast = False
        #: The dtype of the running statistics.
        self.statistics: str | None = None
        #: What made the last axis carry features, when that is known.
        self.features_from: str | None = None
        self.root_training: bool | None = None
        self.tool: str | None = None
        self.failed: str | None = None
        self.trails: dict[Trail, int] = {}
        self.last_trail: Trail | None = None

    def seen_in(self, step: int) -> None:
        """Some of the calls came before this optimizer step."""
        if self.first_step < 0:
            self.first_step = step
        self.last_step = step

    def reached_by(self, trail: Trail) -> None:
        self.last_trail = trail
        if trail in self.trails or len(self.trails) < MOST_TRAILS:
            self.trails[trail] = self.trails.get(trail, 0) + 1


class Passage:
    """A line that runs a model in training mode, with gradients.

    Attributes:
        looked: Results that were watched.
        backed: A gradient came back to one of them.
        alive: Results that may still get one.
        steps: How many optimizer steps on the layer followed it, by the number of training calls in the step.
        before: It was followed by the first optimizer step on the layer.
        others: Optimizer steps that followed it, and left the layer alone.
        tail: It ran after the last optimizer step.
        adapted: It ran with weights that had been computed.
    """

    __slots__ = ("adapted", "alive", "backed", "before", "looked", "others", "steps", "tail")

    def __init__(self) -> None:
        self.adapted = False
        self.looked = 0
        self.backed = False
        self.alive = 0
        self.steps: dict[int, int] = {}
        self.before = False
        self.others = 0
        self.tail = False


class Tally:
    """How often, and in how many optimizer steps, something was seen."""

    __slots__ = ("calls", "first", "last", "steps", "tail")

    def __init__(self) -> None:
        self.calls = 0
        self.steps = 0
        self.first = -1
        self.last = -1
        #: Calls after the last optimizer step.
        self.tail = 0

    def add(self, calls: int, step: int, *, tail: bool = False) -> None:
        self.calls += calls
        if tail:
            self.tail += calls
            return
        self.steps += 1
        if self.first < 0:
            self.first = step
        self.last = step

    def include(self, other: Tally) -> None:
        self.calls += other.calls
        self.steps += other.steps
        self.tail += other.tail
        self.first = min(self.first, other.first) if self.first >= 0 <= other.first else max(self.first, other.first)
        self.last = max(self.last, other.last)

    def as_json(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


class Run:
    """Optimizer steps on other models, one after the other, in all of which something was seen.

    Attributes:
        steps: Of the run that is going on.
        longest: Of the longest one.
    """

    __slots__ = ("longest", "since", "steps")

    def __init__(self) -> None:
        self.since = -1
        self.steps = 0
        self.longest = 0

    def add(self, step: int, last_owned: int) -> None:
        """It was seen in a step; `last_owned` is the last step on the layer itself, which ends a run."""
        if last_owned >= self.since:
            self.since, self.steps = step, 0
        self.steps += 1
        self.longest = max(self.longest, self.steps)

    def since_step(self, last_owned: int) -> int:
        """How many steps the run has that is going on; 0 when a step on the layer itself has ended it."""
        return self.steps if self.since > last_owned else 0


class Layer:
    """One BatchNorm layer, or one place that calls `F.batch_norm`."""

    def __init__(self, *, name: str, variant: str, class_name: str, num_features: int | None) -> None:
        self.name = name
        self.model = ""
        self.variant = variant
        self.class_name = class_name
        self.num_features = num_features
        self.eps: float | None = None
        self.momentum: float | None = 0.1
        self.affine = True
        self.track_running_stats = True
        self.lazy = False
        self.built: Site | None = None
        #: The constructor call is in an installed package, whose code the user does not change.
        self.built_in_library = False
        #: The user's lines that led to the constructor call, innermost first.
        self.built_path: tuple[Site, ...] = ()
        self.named = False
        self.order = -1
        #: When it was built, in events of the recorder; and during a call of a model.
        self.birth = 0
        self.built_in_call = False
        #: What keeps it out of sight of the model that calls it.
        self.hidden: Hidden | None = None
        #: The `train` that kept `eval()` from it.
        self.override: Override | None = None
        #: It was called in training mode with running statistics whose tracking had been switched off.
        self.untracked: Site | None = None
        #: The optimizer step in which it was last called with statistics that are tracked.
        self.tracked_in = -1
        #: A SyncBatchNorm layer that was trained without a process group.
        self.alone = False
        #: The module, weakly.
        self.reference: Any = None
        #: The outermost module it was called in, weakly, and the `id` of its weight.
        self.root: Any = None
        self.parameter: int | None = None

        #: The fast path: signature -> what counts a call, for what need not be looked at any more.
        self.fast: dict[Any, CountCall] = {}
        self.entries: dict[tuple[Any, int], Entry] = {}
        #: Calls that are looked at before the fast path is taken again.
        self.looks_left = 0
        #: The first training calls: (step, trail), to tell a layer that is used twice from one whose model runs twice.
        self.early: list[tuple[int, Trail, Site | None, bool]] = []
        #: What runs the model in training mode, and which of these lines ran since the last optimizer step.
        self.passages: dict[Site | None, Passage] = {}
        self.waiting: list[Passage] = []

        self.mode = True
        self.mode_site: Site | None = None
        self.mode_step = -1
        self.mode_root = 0
        self.evaluations_before_mode = 0
        self.frozen_at: Site | None = None
        self.apart = False
        self.frozen_grad: bool | None = None
        self.recalibrating = False
        #: It was built after the model it is part of had been put in evaluation mode.
        self.replaced = False
        #: The last close look showed training mode without gradients; and which kinds of calls came next.
        self.last_without_grad = False
        self.after_without_grad: set[int] = set()
        #: Before any optimizer has made a step: how many training calls came before a call without gradients, since the
        #: one before it.
        self.trained_between: list[int] = []
        self.reenabled: tuple[Site | None, Site | None, bool] | None = None

        self.requires_grad_seen = False
        self.trained_steps = 0
        self.calls_per_step: dict[int, int] = {}
        self.last_trained_in: bool | None = None
        self.flips = 0
        self.without_grad = Tally()
        self.without_grad_beside_training = 0
        self.without_grad_for_others = 0
        #: How many of these steps were followed by a step on the layer itself.
        self.without_grad_between = 0
        self.eval_training = Tally()
        self.eval_training_local = 0
        #: The lines that called the model last before steps in evaluation mode.
        self.eval_training_at: dict[Site, int] = {}
        self.first_trained = -1
        self.frozen_training = Tally()
        #: So far none of these steps trained any part of its model.
        self.frozen_apart = False
        self.recomputed = Tally()
        self.eval_mode_site: Site | None = None
        self.without_grad_mode: tuple[Site | None, bool] = (None, False)
        self.owned = False
        #: The last optimizer step on the layer.
        self.last_owned = -1
        #: Steps on other models: it ran for them without gradients; it ran in training mode with frozen parameters.
        self.reference_run = Run()
        self.frozen_run = Run()
        #: The weight, a copy of what it was after the last optimizer step on it, its version and the step of then.
        self.weight_then: tuple[Any, Any, int, int] | None = None
        #: A device tensor that says whether the weight is another one now; None when that is not known.
        self.weight_changed: Any = None
        self.timeline = bytearray(TIMELINE)

        self.loaded_at: Site | None = None
        self.missing_at: Site | None = None
        self.missing_evaluated: Site | None = None
        self.missing_from: Site | None = None
        self.averaged_at: Site | None = None
        self.stale_evaluated: Site | None = None
        self.stale_from: Site | None = None
        self.evaluated_early: tuple[Site | None, int] | None = None
        self.broadcast: bool | None = None
        self.fresh: bool | None = None
        #: A tool looked at the model after its weights had been trained or loaded.
        self.inspected = False
        #: Device tensors that say whether the statistics held their initial values at the first evaluation.
        self.untouched: Any = None
        #: What `weights.learned` said of weight and bias then; None for layers without them.
        self.learned: Any = None
        #: The running statistics in the end, on their device: finite, smallest variance, collapsed channels.
        self.last_words: Any = None

        #: What `--stats` found in training and in evaluation.
        self.drift: dict[str, Any] | None = None
        self.evaluation_drift: dict[str, Any] | None = None

    def look_again(self) -> None:
        """Let the next calls be looked at closely once more."""
        self.fast.clear()
        self.looks_left = CLOSE_LOOKS - 1

    def absorb(self, other: Layer) -> None:
        """Take over what is known of a layer that looks the same."""
        for key, entry in other.entries.items():
            mine = self.entries.setdefault(key, entry)
            if mine is not entry:
                mine.count += entry.count
                mine.seen += entry.seen
                for step in (entry.first_step, entry.last_step):
                    if step >= 0:
                        mine.first_step = min(mine.first_step, step) if mine.first_step >= 0 else step
                        mine.last_step = max(mine.last_step, step)
        for name in ("without_grad", "eval_training", "frozen_training", "recomputed"):
            getattr(self, name).include(getattr(other, name))
        for name in ("trained_steps", "without_grad_beside_training", "without_grad_for_others", "eval_training_local"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.owned = self.owned or other.owned
        self.weight_changed = other.weight_changed if self.weight_changed is None else self.weight_changed
        self.requires_grad_seen = self.requires_grad_seen or other.requires_grad_seen
        self.reenabled = self.reenabled or other.reenabled
        for site, passage in other.passages.items():
            self.passages.setdefault(site, passage)

    def updates_seen(self) -> int:
        """How many calls updated the running statistics."""
        return sum(entry.count for entry in self.entries.values() if entry.training and entry.kind != OTHER)

    def trainings(self) -> int:
        return sum(entry.count for entry in self.entries.values() if entry.kind == TRAINING)

    def evaluations(self) -> int:
        return sum(entry.count for entry in self.entries.values() if entry.kind == EVALUATION)

    @property
    def called(self) -> bool:
        return any(entry.count for entry in self.entries.values())


def bits_of(kind: int) -> int:
    return _BITS[kind]
