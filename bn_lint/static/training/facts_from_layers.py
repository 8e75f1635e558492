"""What a run sees of BatchNorm, turned into facts."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bn_lint.facts import (
    BatchNormCall,
    BatchNormFollowed,
    Coverage,
    Evidence,
    Mode,
    ModelCall,
    Place,
    PooledBatchNorm,
    Problem,
    UnknownBatchNorm,
)
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.facts.dims import Dim, origin_of
from bn_lint.static.interpreter.values import (
    ABSENT,
    BUILDER,
    Arguments,
    Axis,
    Class,
    Function,
    Instance,
    Provenance,
    Tensor,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.describing import (
    ArrivingChannels,
    arriving_at,
    call_fact,
    label_of,
    layer_fact,
    own_size,
    path_to,
    reason_of,
)
from bn_lint.static.torch_model.happened import Call
from bn_lint.static.torch_model.mode import agreed, modes_of
from bn_lint.static.torch_model.operations.sizes import size_of
from bn_lint.static.torch_model.symbolic_models import is_symbolic
from bn_lint.static.torch_model.watchers import LayerCollector, events_of
from bn_lint.static.training.alternatives import widths_differ, without_channels
from bn_lint.static.training.choices import Choices
from bn_lint.static.training.constructions import Constructions
from bn_lint.static.training.drafts import Draft
from bn_lint.static.training.flows import Flows
from bn_lint.static.training.given_samples import GivenSamples
from bn_lint.static.training.hidden_modules import hidden_batchnorm
from bn_lint.static.training.layer_inputs import LayerInputs
from bn_lint.static.training.notes import FactNote, IncompleteNote, MissingNote, ModelNote, Notes, SiteNote
from bn_lint.static.training.pooled import PooledCalls
from bn_lint.static.training.sites import Site, coverage
from bn_lint.static.training.weight_decay import decay_fact

if TYPE_CHECKING:
    from bn_lint.facts import Fact
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import SourceFile


class FactCollector(LayerCollector):
    """Collects facts while the interpreter runs."""

    def __init__(self) -> None:
        super().__init__()
        #: What all turns have shown.
        self.notes = Notes()
        #: What facts are completed from, with the numbers that they have in facts.
        self.drafts: dict[Draft, int] = {}
        self.problems: list[Problem] = []
        self.tracebacks: list[str] = []
        self.reveals: list[Evidence] = []
        self._constructions = Constructions()
        self._arrived: dict[int, tuple[Instance, list[Dim]]] = {}
        self.pooled_calls = PooledCalls(self.notes.write)
        #: What layers are called on, if somebody wants to see it.
        self.inputs: LayerInputs | None = None
        #: What else a file shows to those who look at it, if somebody does.
        self.flows: Flows | None = None
        #: What became of the places that build layers, and which of them this entry point had to do with.
        self._sites: dict[cst.CSTNode, Site] = {}
        self._touched: dict[cst.CSTNode, Site] = {}
        #: What this turn has noted.
        self._seen: set[object] = set()
        #: Whether only what programs do with models is noted.
        self._programs_only = False
        self._quiet = 0
        self._only: set[cst.CSTNode] | None = None
        #: Layers that are called as one of several.
        self._choices = Choices()
        #: The last call of a model that PyTorch refuses.
        self._refused: Call | None = None
        #: By the place that builds a layer: its latest call.
        self.last_calls: dict[cst.CSTNode, BatchNormCall] = {}
        self.given_samples = GivenSamples()

    # -- told by the interpreter ----------------------------------------------------------------------------------

    @property
    def is_quiet(self) -> bool:
        """Whether not all calls are noted at present."""
        return self._quiet > 0 or self._only is not None

    @property
    def noted(self) -> int:
        return len(self._seen) + len(self._touched) + len(self.notes.written) + len(self.problems)

    @contextmanager
    def quiet(self, condition: bool) -> Iterator[None]:
        """Note no calls meanwhile, if the condition holds."""
        self._quiet += condition
        try:
            yield
        finally:
            self._quiet -= condition

    @contextmanager
    def choosing(self, interpreter: Interpreter, alternatives: list[Value], ref: NodeRef) -> Iterator[None]:
        """Note that calls meanwhile are of one of several modules."""
        with self._choices.choosing(interpreter, alternatives, ref), self.quiet(widths_differ(alternatives)):
            yield

    def believed(self) -> list[Fact]:
        """Return the facts without those that may never meet."""
        return self.notes.believed()

    def turn_over(self) -> None:
        """Note of the turn that is over what may never meet."""
        self.notes.doubt(self._choices.doubtful())

    def _note(self, fact: Fact, key: object = None) -> bool:
        """Note a fact, if the turn has not noted it, or one with the same key; whether it is so."""
        key = fact if key is None else key
        if is_new := key not in self._seen:
            self._seen.add(key)
            self.notes.write(FactNote(key, fact))
        return is_new

    def draft(self, draft: Draft) -> int:
        """The number of what a fact is completed from."""
        return self.drafts.setdefault(draft, len(self.drafts))

    def incomplete(self, file: SourceFile, message: str) -> None:
        note = IncompleteNote(file.display, message)
        if note not in self._seen and not self._programs_only:
            self._seen.add(note)
            self.notes.write(note)

    @property
    def all_problems(self) -> list[Problem]:
        """Files that could not be read, defects of the engine, and what took too long."""
        # No position in the file, which would take a parse to work out.
        late = (Problem("BN903", one.message, Place(one.display, 1, 1, 1, 1)) for one in self.notes.incomplete)
        return [*self.problems, *late]

    def defect(self, file: SourceFile, error: Exception) -> None:
        """Note that the engine itself failed in a file."""
        text = f"internal error while analyzing it: {type(error).__name__}: {error}"
        self.problems.append(Problem("BN903", text, NodeRef(file, file.tree).place, internal=True))
        self.tracebacks.append("".join(traceback.format_exception(error)))

    def revealed(self, ref: NodeRef, value: Value) -> None:
        self.reveals.append(Evidence(repr(value), ref.place))

    def assigned(self, ref: NodeRef, value: Tensor | Instance) -> None:
        if self.flows is not None:
            self.flows.assigned(ref, value)

    def function_entered(self, function: Function, cells: Mapping[Any, Value]) -> None:
        if self.flows is not None:
            self.flows.function_entered(function, cells)

    def module_returned(
        self, module: Instance, arguments: Arguments, result: Value, ref: NodeRef, *, direct: bool
    ) -> None:
        if self.inputs is not None:
            self.inputs.module_returned(module, arguments)
        if self.flows is not None:
            self.flows.module_returned(module, arguments, result, ref, direct=direct)

    def batchnorm_built(self, interpreter: Interpreter, layer: Instance, arguments: Arguments, ref: NodeRef) -> None:
        if layer.built is None:
            return
        self._site(layer.built)
        # Where other classes may be meant, arguments that BatchNorm does not take are theirs.
        meant = not self._choices.may_mean_others(ref)
        self._constructions.built(interpreter, layer, arguments, meant=meant)

    def arrived(self, layer: Instance) -> list[Dim]:
        """All numbers of channels that a layer gets, known when `forget` is called."""
        return self._arrived.setdefault(id(layer), (layer, []))[1]

    def _arriving(self, call: BatchNormCall, layer: Instance, x: Tensor) -> ArrivingChannels | None:
        """What the width can be written from, where that may be asked: it does not fit, or is a number in the code.

        It holds the whole model, and most layers fit.
        """
        size = call.channels.size if call.channels is not None else None
        fits = compare(size, call.layer.num_features)
        if fits is Comparison.UNKNOWN or (fits is Comparison.SAME and not call.layer.literal_width):
            return None
        return arriving_at(layer, x, self.arrived(layer))

    def _site(self, built: NodeRef) -> Site:
        """The place that builds a layer, in this turn."""
        return self._touched.setdefault(built.node, self._sites.setdefault(built.node, Site(built)))

    def begin_turn(self) -> None:
        """Let go of the layers of the turn before: those of this one are others."""
        self.notes.begin()
        self.pooled_calls.begin()
        for held in (self._arrived, self._sites, self._seen, self._choices, self.last_calls, self.given_samples):
            held.clear()

    def batchnorm_called(
        self, interpreter: Interpreter, layer: Instance, x: Tensor, ref: NodeRef, *, functional: bool = False
    ) -> None:
        """Note a call of a layer, or of `F.batch_norm` with its statistics, which takes any number of dimensions."""
        if layer.built is None or (layer.built.node not in self._sites and layer.built.node not in self.notes.sites):
            return
        site = self._site(layer.built)
        site.called = True
        self._choices.called(layer)
        if self.inputs is not None:
            self.inputs.layer_called(layer, x)
        if self.flows is not None:
            self.flows.layer_called(layer, x, ref, functional=functional)
        if x.ranked and len(x.axes) > 1 and x.axes[1].size not in (None, *self.arrived(layer)):
            self.arrived(layer).append(x.axes[1].size)
        call = call_fact(interpreter, layer, x, ref)
        if (arriving := self._arriving(call, layer, x)) is not None:
            call = replace(call, draft=self.draft(arriving))
        if functional:
            call = replace(call, layer=replace(call.layer, variant="functional"))
        events = events_of(interpreter)
        sure = interpreter.path.uncertain <= events.open_loops  # no undecided condition leads here
        if call.values_per_channel == 1 and sure and not (events.calls and events.calls[-1].batches is not None):
            training = agreed(modes_of(layer, events))
            # The first layer that refuses its input ends the call of the model: what follows in it never runs.
            if self._refused is None or self._refused is not events.outermost:
                call = replace(call, mode=Mode.of(training), grad=events.grad)
            if training:
                self._refused = events.outermost
        width, channels = call.layer.num_features, call.channels
        if self._quiet and not site.judged:
            site.reason = "it is called only where a failure is expected, or where several layers may be meant"
        elif channels is not None and channels.size is not None and (width is not None or call.layer.lazy):
            site.judged = True
            site.settled = site.settled or compare(channels.size, width) is not Comparison.UNKNOWN
        elif not site.judged:
            site.reason = reason_of(layer, x, width)
        if events.has_refused:
            return
        self.last_calls[layer.built.node] = without_channels(call) if self._quiet else call
        self.given_samples.note(interpreter, layer, x)
        if self._quiet or (self._only is not None and site.ref.node not in self._only):
            return
        key = ("called", call.layer.built, call.place, x.key(), width, origin_of(width))
        if self._note(call, key):
            self._choices.note(layer, call)

    def pooled(self, interpreter: Interpreter, layer: Instance, x: Tensor, ref: NodeRef) -> PooledBatchNorm | None:
        return self.pooled_calls.call(interpreter, layer, x, ref, quiet=self.is_quiet)

    def followed(self, interpreter: Interpreter, x: Tensor, takes: Dim, origin: Provenance, rank: int) -> None:
        """Note what a layer takes, where a BatchNorm layer is what fixes the channels that arrive."""
        channels = x.axes[1] if x.ranked and len(x.axes) > 1 else Axis()
        if channels.origin is None or takes is None or self._quiet or not isinstance(origin.maker, Instance):
            return
        if events_of(interpreter).has_refused:
            return
        layer = channels.origin.maker
        if not isinstance(layer, Instance) or layer.built is None or batchnorm_class(layer) is None:
            return
        if self._only is not None and layer.built.node not in self._only:
            return
        if self._choices.has(layer):  # what is behind it may depend on the same condition
            return
        builder = BUILDER.of(layer)
        size = channels.size
        key = ("followed", layer.built.place, origin.ref.place, size, origin_of(size), takes, len(x.axes))
        if key not in self._seen and size_of(layer.cells.get("num_features", ABSENT)) == size:
            self._site(layer.built).judged = True
            followed = BatchNormFollowed(
                layer_fact(layer),
                label_of(origin.maker),
                origin.ref.place,
                own_size(takes, builder) if len(x.axes) == rank else None,
                rank if x.origin is not None and x.origin.maker is layer else None,
                path_to(interpreter.frame),
            )
            self._note(followed, key)

    def enlarged(self, x: Tensor, origin: Provenance) -> None:
        if x.pooled is not None and not self.is_quiet:
            self.pooled_calls.enlarged(x.pooled, origin)

    def synchronized(self, layer: Instance) -> None:
        self.pooled_calls.synchronized(layer)

    def stays_in_eval(self, layer: Instance) -> None:
        self._constructions.stays_in_eval(layer)

    def missing_built(self, interpreter: Interpreter, name: str, layer: Instance) -> None:
        if layer.built is not None:
            self.notes.write(MissingNote(layer.built))
            self._constructions.missing(name, layer)

    def missing_imported(self, name: str, ref: NodeRef) -> None:
        self._note(UnknownBatchNorm(name, ref.place))

    def missing_called(self, interpreter: Interpreter, layer: Instance, x: Tensor) -> None:
        self._constructions.missing_called(layer, x)

    def optimizer_built(
        self, interpreter: Interpreter, optimizer: Instance, arguments: Arguments, model: Instance, ref: NodeRef
    ) -> None:
        fact = None if is_symbolic(model) else decay_fact(optimizer, arguments, model, ref)
        if fact is not None:
            self._note(fact)

    def module_built(self, interpreter: Interpreter, module: Instance) -> None:
        for fact, draft in hidden_batchnorm(module):
            cls = module.cls
            key = ("container", cls.file.open_place(cls.node) if isinstance(cls, Class) else cls.name, fact.attribute)
            if key not in self._seen:
                self._note(fact if draft is None else replace(fact, draft=self.draft(draft)), key)

    @contextmanager
    def modes_only(self) -> Iterator[None]:
        """Note nothing meanwhile but in which modes models are used."""
        with self.notes.only(ModelCall), self.programs_only():
            yield

    @contextmanager
    def programs_only(self) -> Iterator[None]:
        """Note nothing meanwhile but what programs do with models."""
        outer, self._programs_only = self._programs_only, True
        try:
            with self.quiet(True):
                yield
        finally:
            self._programs_only = outer

    @contextmanager
    def calls_only(self, built: set[cst.CSTNode]) -> Iterator[None]:
        """Note nothing meanwhile but calls of the layers that are built at these nodes."""
        self._only = built
        try:
            with self.notes.only(BatchNormCall, BatchNormFollowed):
                yield
        finally:
            self._only = None

    # -- facts ----------------------------------------------------------------------------------------------------

    def settle(self, *, is_tried: bool = False) -> None:
        """Note what was built since the last time, now that it is known what became of it.

        `is_tried`: it is bn-lint that made the models.
        """
        for key, fact in self._constructions.take(is_tried=is_tried):
            self._note(fact, key)
        for site in self._touched.values():
            self.notes.write(SiteNote(site.ref, site.called, site.judged, site.settled, site.reason))
        self._touched.clear()

    def programmed(self, facts: Iterable[Fact]) -> None:
        """Take in what an entry point showed of modes, each fact once."""
        for fact in facts:
            self._note(fact)

    def models_arrive(self, functions: Iterable[Function]) -> None:
        for function in functions:
            if function.node not in self._seen:
                self._seen.add(function.node)
                self.notes.write(ModelNote(NodeRef(function.file, function.node)))

    def coverage(self, unreached: list[NodeRef], judged_files: set[SourceFile]) -> Coverage:
        """How many of the places in the judged files were judged."""
        return coverage(self.notes.sites.values(), unreached, judged_files)
