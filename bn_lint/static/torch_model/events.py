"""What a program does with its models: it calls them, records gradients, steps, loads weights, evaluates."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from bn_lint.facts import Evidence, Purpose, Shows, Unclear
from bn_lint.static.interpreter.limits import MAX_EVENTS
from bn_lint.static.interpreter.paths import excludes
from bn_lint.static.interpreter.signatures import rejects
from bn_lint.static.interpreter.values import Arguments, Function, Instance, Union, Unknown, Value, is_module
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.lost_results import is_lost
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import switches_or_trains, unread_calls, walk
from bn_lint.static.torch_model.callers import is_being_built, method_of_model
from bn_lint.static.torch_model.following import Following
from bn_lint.static.torch_model.gradients import volatile_argument
from bn_lint.static.torch_model.happened import (
    Call,
    Step,
    Switch,
    batchnorm_layers,
    frozen_layers,
    loaded_before,
    need_batch_statistics,
    relation_to,
)
from bn_lint.static.torch_model.mode import FROZEN, MODE, UNSEEN, Mode, agreed, modes_of, possible
from bn_lint.static.torch_model.out_of_sight import (
    asks_models,
    calls_what_trains,
    has_known_sizes,
    is_made_up,
    reads_weights,
)
from bn_lint.static.torch_model.parts_run import layers_run
from bn_lint.static.torch_model.supposed_parts import may_hide_layers, possible_layers
from bn_lint.static.torch_model.transforms import Transform, note_transformed
from bn_lint.static.torch_model.watchers import collector_of
from bn_lint.static.torch_model.weights_log import WeightsLog, preparation

if TYPE_CHECKING:
    from bn_lint.facts import UnsynchronizedBatchNorm
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter


class EventLog(WeightsLog):
    """The record of one entry point."""

    def __init__(self) -> None:
        super().__init__()
        #: Whether gradients are recorded.
        self.grad: bool | None = True
        self.calls: list[Call] = []
        self.switches: list[Switch] = []
        self.steps: list[Step] = []
        #: Whether PyTorch has refused the sizes of a layer, or what one was given: nothing behind that happens.
        self.has_refused = False
        #: Models that are prepared for quantization: the calls that follow show the ranges of what is computed.
        self.observed: set[int] = set()
        #: Models whose training is aware of quantization.
        self.quantized: list[Instance] = []
        #: BatchNorm layers whose parameters are to be trained, as the program says.
        self.thawed: set[int] = set()
        #: Where results go and where arguments come from.
        self.following = Following()
        #: The method of a model whose run was counted as a call of the model.
        self.method: Frame | None = None
        #: Which calls computed gradients, each time, and in which passes of loops.
        self.propagated: list[cst.CSTNode] = []
        self._propagating: set[int] = set()
        #: Where modules without BatchNorm are called.
        self.others_called: set[cst.CSTNode] = set()
        #: Functions within functions, which foreign code may call.
        self.nested: list[Function] = []
        #: Those that only ask a model, such as what a server answers with; whether one of either runs, in the place of
        #: code that is not visible.
        self.asking: list[Function] = []
        self.is_asking = False
        #: The names of what the project switches, in so many of its files (`symbolic_models.py`).
        self.switched_names: set[str] = set()
        self.files_searched = 0
        #: Nothing is executed any more, so modules keep their parts: by the `id` of a module, those of its parts.
        self.is_over = False
        self._parts: dict[int, frozenset[int]] = {}
        self._in_evaluation: dict[Call, frozenset[int]] = {}
        #: What is asked when it is over, each once.
        self.answers: dict[Hashable, Any] = {}
        #: What calls turned out to be for, of which this was not seen when they were made.
        self.purposes: dict[Call, Purpose | Unclear] = {}
        #: What froze the layers that a change of mode put back, as far as it was asked for (`training/reenabled.py`).
        self.reenabled: dict[Switch, dict[Mode, Switch | None] | None] = {}
        #: The call of a model that is running, and how deep in it gradients were switched off.
        self.outermost: Call | None = None
        self.depth_without_gradients = 0
        #: The transforms of `torch.func` whose functions are running, outermost first.
        self.transforms: list[Transform] = []
        #: What `DistributedDataParallel` wraps, and the wrappers.
        self.distributed: dict[int, NodeRef] = {}
        #: The SyncBatchNorm layers that `DataParallel` wraps, and the fact that they are not synchronized.
        self.in_data_parallel: list[tuple[list[Instance], UnsynchronizedBatchNorm]] = []
        #: Modules whose parameters optimizers were given.
        self.optimized: list[tuple[Instance, NodeRef]] = []
        #: What each optimizer holds that was built; None where that is not known.
        self.optimizers: list[tuple[Instance, ...] | None] = []
        #: Models whose layers foreign code may have replaced; those that handlers out of view were given.
        self.replaced, self.handled = set[int](), set[int]()
        #: BatchNorm layers that their model switches when it is called.
        self.switched_inside: set[int] = set()
        #: Objects of code out of view that were made of models, with these.
        self.held_by: list[tuple[Unknown, list[Instance]]] = []
        #: Of each `train` of the program whose result is used: its name, and where that is.
        self.results_used: dict[object, tuple[NodeRef, Evidence]] = {}
        #: Whether some of it was not run, for it takes too long.
        self.is_cut_short = False
        #: What the program calls whose `backward` it calls: `engine` in `engine.backward(loss)`.
        self.propagated_by: set[str] = set()
        #: The modes that modules had before a call out of view got hold of them.
        self.forgotten: dict[cst.CSTNode, list[tuple[Instance, Mode | Union]]] = {}
        #: What switched gradients off last.
        self.gradients_off_by: tuple[NodeRef, str] | None = None

    @property
    def count(self) -> int:
        """How much has happened to models."""
        return len(self.calls) + len(self.switches) + len(self.steps)

    @property
    def ambient(self) -> object:
        return self.grad

    @ambient.setter
    def ambient(self, before: object) -> None:
        assert before is None or isinstance(before, bool)
        self.grad = before

    def taken_back(self, interpreter: Interpreter, manager: cst.CSTNode) -> None:
        for module, mode in self.forgotten.get(manager, ()):
            interpreter.store.note(module, MODE, mode)

    # -- told by the interpreter ------------------------------------------------------------------------------------

    def module_called(
        self, interpreter: Interpreter, module: Instance, arguments: Arguments, ref: NodeRef, frame: Frame
    ) -> None:
        if self.depth == 0:
            self.called(interpreter, module, arguments, ref, frame)
        elif self.grad is False:
            self.called_inside(interpreter, module, ref, frame)

    def method_called(self, interpreter: Interpreter, module: Instance, function: Function, ref: NodeRef) -> None:
        if reads_weights(function.node):
            self.loaded(interpreter, module, ref)
        if function.name == "train":
            self.result_used(function, ref)

    def result_used(self, override: Function, ref: NodeRef) -> None:
        """Note that the program uses what a `train` of it returns, unless the call is a statement."""
        if self.dropped is not ref.node and isinstance(override.node, cst.FunctionDef):
            used = Evidence("what it returns is used here", ref.place)
            self.results_used.setdefault(override.node, (NodeRef(override.file, override.node.name), used))

    def function_defined(self, function: Function, frame: Frame) -> None:
        if switches_or_trains(function.node) or calls_what_trains(function.node, frame):
            self.nested.append(function)
        elif asks_models(function.node, frame):
            self.asking.append(function)

    def switched(self, interpreter: Interpreter, module: Instance, mode: Mode) -> None:
        """`train()` or `eval()` is called on a module."""
        if interpreter.frame is None:
            return
        interpreter.store.disturb()
        if self.depth:
            self._switched_inside(module)
            return
        note = Switch(module, mode, interpreter.frame)
        note.before = [(layer, modes_of(layer, self)) for layer in possible_layers(module)]
        self.switches.append(note)
        if not note.before and not any(map(may_hide_layers, module.possible_descendants())):
            self._models_arrive(interpreter, interpreter.frame)
        self._count(interpreter)

    def _switched_inside(self, module: Instance) -> None:
        """A model switches itself, or a part, when it is called: whoever calls it need not care for that mode."""
        own = {id(layer) for layer in possible_layers(module)}
        self.switched_inside |= own
        call = self.outermost
        if call is not None and own:
            call.modes = [(UNSEEN,) if id(one) in own else modes for one, modes in zip(call.layers, call.modes)]
            call.frozen_layers = [(layer, ref) for layer, ref in call.frozen_layers if id(layer) not in own]
            call.frozen = call.frozen_layers[0][1] if call.frozen_layers else None

    def called(
        self, interpreter: Interpreter, model: Instance, arguments: Arguments, ref: NodeRef, frame: Frame
    ) -> None:
        """A module is called."""
        self.outermost = None
        if is_being_built(frame) or not (layers := possible_layers(model)) or rejects(model, arguments):
            self.others_called.add(ref.node)
            return
        given = (*arguments.positional, *arguments.keywords.values())
        if (outer := method_of_model(model, frame)) is not None:
            # `model.features(images)` is a call of the model as well, by who calls the method.
            if outer is self.method or not is_module(outer.receiver) or outer.site is None or outer.caller is None:
                return
            self.method, model, ref, frame = outer, outer.receiver, outer.site, outer.caller
            layers, given = batchnorm_layers(model), tuple(outer.cells.values())
        method = model.cls.lookup("forward")[0] if outer is None else outer.function
        layers = layers_run(layers, model, method, arguments if outer is None else None)
        if not layers or not isinstance(ref.node, cst.Call):
            return
        interpreter.store.disturb()
        if self.transforms:
            note_transformed(interpreter, model, ref)
            return
        frame = frame.running
        call = Call(model, layers, ref, frame)
        call.is_method = outer is not None
        call.order, call.loops, call.grad = self.now(), tuple(self.loops), self.grad
        call.ways = interpreter.path.chosen
        call.modes = [possible(modes_of(layer, self), call.ways) for layer in layers]
        call.uncertain = interpreter.path.uncertain > self.open_loops
        scope = frame.function.node if frame.function is not None else frame.file.tree
        call.is_asked = self.is_asking
        call.made_up = any(is_made_up(arg.value, scope) for arg in ref.node.args)
        # Of made-up inputs, a program that tries out a model looks at the result as well.
        made_up = call.made_up or any(map(has_known_sizes, given))
        call.dropped = ref.node is self.dropped or (
            self.grad is True and ref.node in unread_calls(scope, printed=made_up)
        )
        call.is_unread = ref.node in unread_calls(scope) or is_lost(scope, ref.node)
        call.asserted = self.asserted is not None and any(node is ref.node for node in walk(self.asserted))
        call.prepared, call.loaded_before = preparation(self, model), loaded_before(model)
        call.frozen_layers = frozen_layers(layers, call.modes)
        call.frozen = call.frozen_layers[0][1] if call.frozen_layers else None
        call.needs_batch_statistics = need_batch_statistics(layers)
        call.is_frozen = all(isinstance(FROZEN.of(layer), NodeRef) for layer in layers)
        self.outermost, self.depth_without_gradients = call, 0
        from bn_lint.static.torch_model.batches import batches_among, samples_among

        call.batches, call.samples = batches_among(given), samples_among(given)
        call.caller += frame.with_callers()
        if self.grad is False and self.gradients_off_by is not None:
            where, name = self.gradients_off_by
            call.because = Evidence.of(Shows.GRADIENTS_OFF, where.place, name)
        elif self.grad is True and (volatile := volatile_argument(ref.node, scope)) is not None:
            call.grad = False
            call.because = Evidence.of(Shows.VOLATILE, NodeRef(ref.file, volatile).place)
        self.calls.append(call)
        self._models_arrive(interpreter, frame)
        self._count(interpreter)

    def _models_arrive(self, interpreter: Interpreter, frame: Frame) -> None:
        """Note that what runs now was given models that are known: it is not asked what others would do in it."""
        functions = (one.function for one in frame.with_callers())
        collector_of(interpreter).models_arrive(filter(None, functions))

    def _count(self, interpreter: Interpreter) -> None:
        """Give up the entry point when too much has happened: all of it is compared with all of it in the end."""
        if self.count > MAX_EVENTS:
            interpreter.budget.give_up()

    def called_out_of_sight(self, model: Instance, ref: NodeRef, frame: Frame | None) -> None:
        """A framework calls a model in a mode that it chose itself."""
        if frame is not None and not self.depth:
            call = Call(model, batchnorm_layers(model), ref, frame)
            call.order, call.loops, call.grad = self.now(), tuple(self.loops), None
            self.calls.append(call)

    def called_inside(self, interpreter: Interpreter, part: Instance, ref: NodeRef, frame: Frame) -> None:
        """A model calls a part of itself, and gradients are not recorded."""
        outer = self.outermost
        if outer is None or 0 < self.depth_without_gradients < self.depth:
            return
        layers = batchnorm_layers(part)
        if not layers or part is outer.model or not isinstance(ref.node, cst.Call):
            return
        if outer.grad is False:
            if any(isinstance(FROZEN.of(layer), NodeRef) for layer in layers):
                interpreter.store.disturb()  # in training it has to be seen again
            return
        interpreter.store.disturb()
        self.depth_without_gradients = self.depth
        call = Call(part, layers, ref, frame)
        call.order, call.loops, call.grad = self.now(), outer.loops, False
        call.modes = [modes_of(layer, self) for layer in layers]
        call.frozen_layers = frozen_layers(layers, call.modes)
        if len(call.frozen_layers) == len(layers):
            call.frozen = call.frozen_layers[0][1]
        outer.inside.append(call)

    def backward(self, interpreter: Interpreter, ref: NodeRef) -> None:
        interpreter.store.disturb()
        self.propagated.append(ref.node)
        self._propagating.update(self.loops)
        ways = interpreter.path.chosen
        for call in self._region(interpreter, tuple(self.loops)):
            # What was set to zero came from another loss, if nothing else was computed with the model since.
            settled = call.is_propagated(ways) or (call.is_discarded(ways) and not call.is_latest(self.calls, ways))
            if not (settled or self.following.is_looked_at(call.ref.node, call.frame, interpreter.frame)):
                call.backward, call.backward_on, call.discarded = True, ways, False

    def stepped(
        self, interpreter: Interpreter, ref: NodeRef, optimizer: Value = None, owned: tuple[Instance, ...] | None = None
    ) -> None:
        """An optimizer takes a step: what was called and propagated before it is being trained.

        One that is unknown may be a known one that a library wraps: where the program shows what all its optimizers
        hold, this one holds no more.
        """
        interpreter.store.disturb()
        if owned is None and self.optimizers and None not in self.optimizers:
            owned = tuple(one for held in self.optimizers if held is not None for one in held)
        loops = self._passes_with_gradients()
        step = Step(self.now(), loops, interpreter.frame, optimizer, owned, ref, len(self.propagated))
        self.steps.append(step)
        ways = interpreter.path.chosen
        region = self._region(interpreter, loops)
        is_related = relation_to(owned) if region and owned is not None else None
        for call in region:
            if (is_related is None or is_related(call.model)) and call.is_propagated(ways) and call.purpose is None:
                call.purpose, call.step = Purpose.TRAINING, step
                call.modes = [possible(modes, ways) for modes in call.modes]
                call.because = Evidence.of(Shows.OPTIMIZER_STEP, ref.place)
                self.prepare(call.model, ref)

    def gradients_dropped(self, interpreter: Interpreter, module: Instance | None = None) -> None:
        """Gradients are set to zero, those of one module or all: what was propagated so far does not train it."""
        for call in self._region(interpreter, self._passes_with_gradients()):
            is_meant = call.purpose is None and (module is None or self.is_part_of(call.model, module))
            if is_meant and call.is_propagated(interpreter.path.chosen):
                call.discard(interpreter.path.chosen)

    def never_happened(self, since: int) -> None:
        self.calls[:] = [call for call in self.calls if call.order <= since]

    def cut_short(self) -> None:
        """The program is not run to its end: what would have been done with the latest results is not known."""
        self.is_cut_short = True
        for call in self.calls:
            if call.purpose is None and (call.grad is not False or set(call.loops) & set(self.loops)):
                call.discard()

    def gradients_taken(self, interpreter: Interpreter, arguments: Arguments) -> None:
        """Gradients are computed for the program to look at; unless the graph is kept, nothing else comes of them."""
        if any(arguments.keywords.get(name, False) is not False for name in ("create_graph", "retain_graph")):
            return
        interpreter.store.disturb()
        for call in self._region(interpreter, tuple(self.loops)):
            if call.purpose is None:
                call.discard(interpreter.path.chosen)

    def is_part_of(self, module: Instance, whole: Instance) -> bool:
        """Whether a module is another one, or may be below it."""
        if module is whole:
            return True
        parts = self._parts.get(id(whole))
        if parts is None:
            parts = frozenset(map(id, whole.possible_descendants()))
            if self.is_over:
                self._parts[id(whole)] = parts
        return id(module) in parts

    def in_evaluation(self, call: Call) -> frozenset[int]:
        """The `id` of each BatchNorm layer that was in evaluation mode at a call; asked when the program is over."""
        known = self._in_evaluation.get(call)
        if known is None:
            layers = zip(call.layers, call.modes)
            known = self._in_evaluation[call] = frozenset(id(one) for one, modes in layers if agreed(modes) is False)
        return known

    def related(self, one: Instance, other: Instance) -> bool:
        """Whether one module is the other, or part of it."""
        return self.is_part_of(one, other) or self.is_part_of(other, one)

    def _passes_with_gradients(self) -> tuple[int, ...]:
        """The running passes down to the last in which gradients were computed: a loop over optimizers uses these."""
        loops = self.loops
        while loops and loops[-1] not in self._propagating:
            loops = loops[:-1]
        return tuple(loops)

    def _region(self, interpreter: Interpreter, loops: tuple[int, ...]) -> list[Call]:
        """The calls that the running function, or what it called, made in these passes of its loops, on this way.

        Where there are none, those of its caller: it is given the loss, or finds it in an object.
        """
        calls = [one for one in self.calls if one.grad is not False and one.loops[: len(loops)] == loops]
        calls = [one for one in calls if not excludes(one.ways, interpreter.path.chosen)]
        frame = interpreter.frame
        while calls and frame is not None:
            found = [call for call in calls if frame in call.caller]
            if found:
                return found
            frame = frame.caller
        return []
