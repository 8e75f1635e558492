"""What a program does with its models: it calls them, records gradients, steps, loads weights, evaluates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.static.modes.optimizers import owned_by
from bn_lint.static.modes.state import FROZEN, Mode, agreed, alternatives, forget, modes_of
from bn_lint.static.modes.transforms import note_vmapped
from bn_lint.static.syntax import unread_calls
from bn_lint.static.values import Arguments, Function, Instance, Spot, Value

if TYPE_CHECKING:
    from bn_lint.static.frames import Frame
    from bn_lint.static.modes.loaders import Batches
    from bn_lint.static.run import Run

#: How programs call what steps on gradients; anything else does so when gradients were computed by it, too.
_OPTIMIZER = re.compile(r"optim|\bopts?\b|_opts?\b|\bopt_|scaler|adam|sgd", re.IGNORECASE)
#: What loads weights, by its name: `load`, `load_state_dict`, `load_checkpoint`, `reload_weights`, but no loader.
_LOADING = re.compile(
    r"(?:^|_)(?:re)?load(?:$|_?\w*(?:weight|state|dict|check|ckpt|pre_?train|param|model|net|snapshot|backbone|pth|from))",
    re.IGNORECASE,
)
#: What code out of sight is called when it may switch the mode of a model that it is handed.
_SWITCHING = re.compile(
    r"eval|valid|test|train|fit|predict|infer|run|loop|epoch|score|mode|freeze|bench", re.IGNORECASE
)
#: What code out of sight is called when it may replace the BatchNorm layers of a model that it is handed.
_REPLACING = re.compile(r"norm|bn|replace|convert|patch|swap|surgery", re.IGNORECASE)
#: What code out of sight is called when it may compute the weights of a model from those of another.
_AVERAGING = re.compile(r"(?<![a-z])ema(?![a-z])|moment|averag|polyak|soft_?(?:update|copy)|target", re.IGNORECASE)
#: Code out of sight that gets a model and leaves its mode as it is.
_HARMLESS = re.compile(
    r"^(?:torch|copy|logging|warnings|json|os|math|numpy|tqdm|wandb\.(?:watch|log)|print|len|str|repr|type|id)(?:\.|$)"
)


#: Tools that run a model as it is, and what for.
_TOOLS = (
    (re.compile(r"^torch\.(?:jit\.trace(?:_module)?|export\.export)$"), "export"),
    (re.compile(r"^torch\.(?:ao\.)?quantization\.(?:fuse_modules\.)?fuse_modules$"), "fusion"),
    (re.compile(r"^torch\.nn\.utils\.(?:fusion\.)?fuse_conv_bn_eval$"), "fusion"),
    # Not thop, ptflops and torchinfo: they call `eval()` themselves, and switch back afterwards.
    (re.compile(r"^(?:torchsummary\.summary|fvcore\.nn\.(?:\w+\.)?FlopCountAnalysis)$"), "inspection"),
)


#: Cells of layers that have weights.
_WEIGHTY = frozenset({"in_features", "in_channels", "num_features", "num_embeddings", "track_running_stats"})


class Call:
    """One call of a model by code that is not part of a model."""

    def __init__(self, model: Instance, spot: Spot, frame: Frame) -> None:
        self.model = model
        self.spot = spot
        self.frame = frame
        self.order = 0
        self.loops: tuple[int, ...] = ()
        self.grad: bool | None = True
        #: The modes that each BatchNorm layer of the model may be in.
        self.modes: list[tuple[Mode, ...]] = []
        self.uncertain = False
        self.dropped = False
        #: Whether it is given a tensor that was made up for the call.
        self.made_up = False
        self.backward = False
        #: Whether the gradients of it were computed and then set to zero.
        self.discarded = False
        self.step: Step | None = None
        self.purpose: str | None = None
        self.because: Spot | None = None
        self.why = ""
        #: Whether the weights were trained or loaded before, and where.
        self.prepared: Spot | None = None
        self.batches: Batches | None = None
        self.frozen: Spot | None = None
        #: The layers that run in training mode with frozen parameters, and where those were frozen.
        self.frozen_layers: list[tuple[Instance, Spot]] = []
        #: Parts of the model that it calls itself without recording gradients.
        self.inside: list[Call] = []
        self.caller: list[Frame] = []

    @property
    def states(self) -> set[bool | None]:
        return {agreed(modes) for modes in self.modes}


class Step:
    """One step of an optimizer: when, in which passes of loops, and in which function."""

    def __init__(
        self,
        order: int,
        loops: tuple[int, ...],
        frame: Frame | None,
        optimizer: Value,
        owned: tuple[Instance, ...] | None,
        spot: Spot,
    ) -> None:
        self.order = order
        self.spot = spot
        self.loops = loops
        self.frame = frame
        self.optimizer = optimizer
        #: The modules whose parameters it changes, when they are known.
        self.owned = owned


class Switch:
    """One call of `train()` or `eval()`."""

    def __init__(self, model: Instance, mode: Mode, frame: Frame | None) -> None:
        self.model = model
        self.mode = mode
        self.frame = frame
        #: The modes before, of the BatchNorm layers inside.
        self.before: list[tuple[Instance, tuple[Mode, ...]]] = []


class Program:
    """The record of one entry point."""

    def __init__(self) -> None:
        self.clock = 0
        #: How many modules are being called right now, one within the other.
        self.depth = 0
        self.grad: bool | None = True
        #: The passes of the loops that are running, by serial number.
        self.loops: list[int] = []
        #: How many of the running loops may also have no pass at all.
        self.open_loops = 0
        self.calls: list[Call] = []
        self.switches: list[Switch] = []
        self.steps: list[Step] = []
        #: Modules whose weights are written by the program itself, as averages are.
        self.averaged: set[int] = set()
        #: Modules whose weights are computed from others, with the first time and place.
        self.written: dict[int, tuple[Instance, int, Spot]] = {}
        #: Modules whose running statistics something may have read or written: when, and where.
        self.statistics_seen: list[tuple[Instance, int, Spot]] = []
        #: BatchNorm layers whose parameters are to be trained, as the program says.
        self.thawed: set[int] = set()
        self.prepared: dict[int, Spot] = {}
        self._kept: list[Instance] = []
        #: Functions within functions, which code out of sight may call.
        self.nested: list[Function] = []
        #: Models that nobody in sight made.
        self.strangers: list[Instance] = []
        #: Nothing is executed any more, so modules keep their parts: by the `id` of a module, those of its parts.
        self.is_over = False
        self._parts: dict[int, frozenset[int]] = {}
        self._in_evaluation: dict[Call, frozenset[int]] = {}
        self.dropped: cst.CSTNode | None = None
        #: The call of a model that is running, and how deep in it gradients were switched off.
        self.outermost: Call | None = None
        self.depth_without_gradients = 0
        #: The calls of `vmap` whose functions are running.
        self.vmapped: list[Spot] = []
        #: What `DistributedDataParallel` wraps, and the wrappers.
        self.distributed: dict[int, Spot] = {}
        #: Modules whose parameters optimizers were given.
        self.optimized: list[tuple[Instance, Spot]] = []
        #: Models whose layers code out of sight may have replaced.
        self.replaced: set[int] = set()
        #: Whether some of it was not run, for it takes too long.
        self.is_cut_short = False
        #: What the program calls whose `backward` it calls: `engine` in `engine.backward(loss)`.
        self.propagated_by: set[str] = set()
        #: What switched gradients off last.
        self.gradients_off_by: tuple[Spot, str] | None = None

    @property
    def events(self) -> int:
        """How much has happened to models."""
        return len(self.calls) + len(self.switches) + len(self.steps)

    def now(self) -> int:
        self.clock += 1
        return self.clock

    def weights_written(self, run: Run, module: Instance, spot: Spot) -> None:
        """The weights of a module are computed from others."""
        _disturb(run)
        self.averaged.add(id(module))
        self.written.setdefault(id(module), (module, self.now(), spot))

    def statistics_known(self, module: Value, spot: Spot) -> None:
        """Something may read or write the running statistics of a module."""
        if isinstance(module, Instance):
            self.statistics_seen.append((module, self.now(), spot))

    def statistics_read(self, run: Run, module: Value, spot: Spot) -> None:
        """The buffers of a module are read, by code that is not part of a model: its own layers normalise with them."""
        if self.depth == 0:
            _disturb(run)
            self.statistics_known(module, spot)

    # -- told by the interpreter ------------------------------------------------------------------------------------

    def switched(self, run: Run, module: Instance, mode: Mode) -> None:
        """`train()` or `eval()` is called on a module."""
        if self.depth or run.frame is None:
            return
        _disturb(run)
        note = Switch(module, mode, run.frame)
        note.before = [(layer, modes_of(layer, self)) for layer in batchnorm_layers(module)]
        self.switches.append(note)

    def called(self, run: Run, model: Instance, arguments: Arguments, spot: Spot, frame: Frame) -> None:
        """A module is called."""
        self.outermost = None
        if _belongs_to_a_model(frame):
            return
        layers = batchnorm_layers(model)
        if not layers or not isinstance(spot.node, cst.Call):
            return
        _disturb(run)
        if self.vmapped:
            note_vmapped(run, model, spot)
            return
        call = Call(model, spot, frame)
        call.order, call.loops, call.grad = self.now(), tuple(self.loops), self.grad
        call.modes = [modes_of(layer, self) for layer in layers]
        call.uncertain = run.uncertain > self.open_loops
        scope = frame.function.node if frame.function is not None else frame.file.tree
        call.dropped = spot.node is self.dropped or (self.grad is True and spot.node in unread_calls(scope))
        call.made_up = any(_is_made_up(arg.value) for arg in spot.node.args)
        call.prepared = self._preparation(model)
        call.frozen_layers = _frozen(layers, call.modes)
        call.frozen = call.frozen_layers[0][1] if call.frozen_layers else None
        self.outermost, self.depth_without_gradients = call, 0
        from bn_lint.static.modes.loaders import batches_of

        for value in (*arguments.positional, *arguments.keywords.values()):
            call.batches = call.batches or batches_of(value)
        inner: Frame | None = frame
        while inner is not None:
            call.caller.append(inner)
            inner = inner.caller
        if self.grad is False and self.gradients_off_by is not None:
            call.because, name = self.gradients_off_by
            call.why = f"`{name}` switches gradients off here"
        self.calls.append(call)
        if model not in self.strangers:
            run.observer.models_called.update(one.function.node for one in call.caller if one.function is not None)

    def called_out_of_sight(self, model: Instance, spot: Spot, frame: Frame | None) -> None:
        """A framework calls a model in a mode that it chose itself."""
        if frame is not None and not self.depth:
            call = Call(model, spot, frame)
            call.order, call.loops, call.grad = self.now(), tuple(self.loops), None
            self.calls.append(call)

    def called_inside(self, run: Run, part: Instance, spot: Spot, frame: Frame) -> None:
        """A model calls a part of itself, and gradients are not recorded."""
        outer = self.outermost
        if outer is None or 0 < self.depth_without_gradients < self.depth:
            return
        layers = batchnorm_layers(part)
        if not layers or part is outer.model or not isinstance(spot.node, cst.Call):
            return
        if outer.grad is False:
            if any(isinstance(layer.cells.get(FROZEN), Spot) for layer in layers):
                _disturb(run)  # in training it has to be seen again
            return
        _disturb(run)
        self.depth_without_gradients = self.depth
        call = Call(part, spot, frame)
        call.order, call.loops, call.grad = self.now(), outer.loops, False
        call.modes = [modes_of(layer, self) for layer in layers]
        call.frozen_layers = _frozen(layers, call.modes)
        if len(call.frozen_layers) == len(layers):
            call.frozen = call.frozen_layers[0][1]
        outer.inside.append(call)

    def unseen_call(self, run: Run, function: Value, arguments: Arguments, spot: Spot) -> None:
        """Code outside the project is called: it may be `backward`, `step`, or anything that is handed a model."""
        name = _method(spot.node)
        if self.depth == 0:
            if name in ("backward", "manual_backward"):
                self.propagated_by.add(_receiver(spot.node))
                self._backward(run)
                return
            if name == "step" and self._steps_on_gradients(_receiver(spot.node)):
                given = arguments.positional[0] if arguments.positional else None  # `scaler.step(optimizer)`
                self.stepped(run, spot, given, owned_by(given))
                return
            if name == "zero_grad":
                self.gradients_dropped(run)
                return
            if getattr(function, "dotted", "") == "torch.autograd.grad":
                self._gradients_taken(run, arguments)
                return
        if name in ("load_state_dict", "step", "zero_grad", "append", "add", "info", "debug", "log", "save"):
            return
        dotted = getattr(function, "dotted", "")
        tool = next((purpose for pattern, purpose in _TOOLS if pattern.match(dotted)), None)
        if tool is not None or name == "add_graph":
            self._looked_at(run, tool or "inspection", arguments, spot)
            return
        if dotted and _HARMLESS.match(dotted) and not _REPLACING.search(name):
            return
        if loads_weights(name or dotted.rpartition(".")[2]):
            for value in (*arguments.positional, *arguments.keywords.values()):
                self.loaded(value, spot)
        called = name or dotted.rpartition(".")[2] or getattr(function, "name", "")
        for value in arguments.values():
            self.statistics_known(value, spot)
        if _AVERAGING.search(called) is not None:
            for value in arguments.values():
                if isinstance(value, Instance):
                    self._kept.append(value)
                    self.averaged.add(id(value))
        if _REPLACING.search(called) is not None:
            self.replaced.update(id(value) for value in arguments.values() if isinstance(value, Instance))
        if _SWITCHING.search(called) is None:
            return
        for value in (*arguments.positional, *arguments.keywords.values()):
            for one in alternatives(value):
                if isinstance(one, Instance) and one.is_module:
                    _disturb(run)
                    forget(run, one)

    def _steps_on_gradients(self, receiver: str) -> bool:
        return _OPTIMIZER.search(receiver) is not None or receiver in self.propagated_by

    def _looked_at(self, run: Run, purpose: str, arguments: Arguments, spot: Spot) -> None:
        """A tool runs a model in its own way, in the mode it finds it in."""
        # `fuse_conv_bn_eval(conv, bn)` is given the layers, other tools the model.
        given = arguments.positional[: 2 if purpose == "fusion" else 1]
        modules = [one for one in given if isinstance(one, Instance) and one.is_module]
        model = next((one for one in modules if batchnorm_layers(one)), None)
        if model is None or run.frame is None or self.depth:
            return
        layers = batchnorm_layers(model)
        if layers:
            _disturb(run)
            call = Call(model, spot, run.frame)
            call.order, call.purpose = self.now(), purpose
            call.modes = [modes_of(layer, self) for layer in layers]
            call.prepared = self._preparation(model)
            self.calls.append(call)

    def _backward(self, run: Run) -> None:
        _disturb(run)
        for call in self._region(run):
            call.backward = not call.discarded

    def stepped(self, run: Run, spot: Spot, optimizer: Value = None, owned: tuple[Instance, ...] | None = None) -> None:
        """An optimizer takes a step: what was called and propagated before it is being trained."""
        _disturb(run)
        step = Step(self.now(), tuple(self.loops), run.frame, optimizer, owned, spot)
        self.steps.append(step)
        for call in self._region(run):
            if not call.backward or (owned is not None and not any(self.related(call.model, one) for one in owned)):
                continue
            if call.purpose is None:
                call.purpose, call.because, call.why = "training", spot, "an optimizer steps on the result here"
                call.step = step
                self.prepare(call.model, spot)

    def gradients_dropped(self, run: Run) -> None:
        """Gradients are set to zero: what was propagated so far trains nothing."""
        for call in self._region(run):
            if call.backward and call.purpose is None:
                call.backward, call.discarded = False, True

    def cut_short(self) -> None:
        """The program is not run to its end: what would have been done with the latest results is not known."""
        self.is_cut_short = True
        for call in self.calls:
            if call.purpose is None and (call.grad is not False or set(call.loops) & set(self.loops)):
                call.backward, call.discarded = False, True

    def _gradients_taken(self, run: Run, arguments: Arguments) -> None:
        """Gradients are computed for the program to look at; unless the graph is kept, nothing else comes of them."""
        if any(arguments.keywords.get(name, False) is not False for name in ("create_graph", "retain_graph")):
            return
        _disturb(run)
        for call in self._region(run):
            if call.purpose is None:
                call.backward, call.discarded = False, True

    def prepare(self, model: Instance, spot: Spot) -> None:
        """The weights of a model are trained or loaded."""
        self._kept.append(model)  # so that its identity stays its own
        self.prepared.setdefault(id(model), spot)
        for child in model.possible_children():
            if id(child) not in self.prepared:
                self.prepare(child, spot)

    def _preparation(self, model: Instance) -> Spot | None:
        """Where the weights of a model were trained or loaded; of one that is put together, those of all its layers."""
        found = self.prepared.get(id(model))
        if found is None and model.cls.name == "torch.nn.Sequential":
            parts = [
                one for one in model.possible_children() if any(one.children()) or not _WEIGHTY.isdisjoint(one.cells)
            ]
            places = [self._preparation(one) for one in parts]
            found = places[0] if places and None not in places else None
        return found

    def loaded(self, model: Value, spot: Spot) -> None:
        """A model is handed to something that is named as what loads weights, or has such a method called."""
        for one in alternatives(model):
            if isinstance(one, Instance) and one.is_module and id(one) not in self.prepared:
                self.prepare(one, spot)

    def is_part_of(self, module: Instance, whole: Instance) -> bool:
        """Whether a module is another one, or may be below it."""
        from bn_lint.static.torch.module_methods import possible_descendants

        if module is whole:
            return True
        parts = self._parts.get(id(whole))
        if parts is None:
            parts = frozenset(map(id, possible_descendants(whole)))
            if self.is_over:
                self._parts[id(whole)] = parts
        return id(module) in parts

    def in_evaluation(self, call: Call) -> frozenset[int]:
        """The `id` of each BatchNorm layer that was in evaluation mode at a call; asked when the program is over."""
        known = self._in_evaluation.get(call)
        if known is None:
            layers = zip(batchnorm_layers(call.model), call.modes)
            known = self._in_evaluation[call] = frozenset(id(one) for one, modes in layers if agreed(modes) is False)
        return known

    def related(self, one: Instance, other: Instance) -> bool:
        """Whether one module is the other, or part of it."""
        return self.is_part_of(one, other) or self.is_part_of(other, one)

    def _region(self, run: Run) -> list[Call]:
        """The calls that the running function, or what it called, made in this pass of its loop."""
        loops = tuple(self.loops)
        return [
            call
            for call in self.calls
            if call.grad is not False and call.loops[: len(loops)] == loops and run.frame in call.caller
        ]


def loads_weights(name: str) -> bool:
    """Whether a function is named as what loads weights."""
    return _LOADING.search(name) is not None


def batchnorm_layers(model: Instance) -> list[Instance]:
    """The BatchNorm layers of a model that keep running statistics."""
    from bn_lint.static.torch.batchnorm import batchnorm_class
    from bn_lint.static.torch.module_methods import possible_descendants

    return [
        layer
        for layer in possible_descendants(model)
        if batchnorm_class(layer) is not None and layer.cells.get("track_running_stats", True) is True
    ]


def _frozen(layers: list[Instance], modes: list[tuple[Mode, ...]]) -> list[tuple[Instance, Spot]]:
    """The layers that run in training mode with frozen parameters, and where those were frozen."""
    return [
        (layer, layer.cells[FROZEN])
        for layer, own in zip(layers, modes)
        if agreed(own) is True and isinstance(layer.cells.get(FROZEN), Spot)
    ]


def _disturb(run: Run) -> None:
    """What happens now must be seen again should the same function be called again."""
    for purity in run.heap.purity:
        purity.pure = False


def _belongs_to_a_model(frame: Frame | None) -> bool:
    while frame is not None:
        receiver = frame.receiver
        if frame.owner is not None and isinstance(receiver, Instance) and receiver.is_module:
            return True
        frame = frame.caller
    return False


def _method(node: cst.CSTNode) -> str:
    """The name of the called method; empty for what is no method."""
    return node.func.attr.value if type(node) is cst.Call and type(node.func) is cst.Attribute else ""


def _receiver(node: cst.CSTNode) -> str:
    """What stands before the name of the called method."""
    if type(node) is cst.Call and type(node.func) is cst.Attribute:
        return cst.Module([]).code_for_node(node.func.value)
    return ""


def _is_made_up(node: cst.BaseExpression) -> bool:
    """`torch.zeros(...)` and its like, and names that say so."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        if node.func.attr.value in ("zeros", "ones", "rand", "randn", "empty", "full"):
            return True
        node = node.func.value
    return isinstance(node, cst.Name) and node.value.startswith(("dummy", "fake_", "example_input"))
