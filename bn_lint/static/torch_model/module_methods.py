"""The methods of `nn.Module`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bn_lint.static.interpreter.alike import AlikePasses
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.limits import LOOP_STEPS
from bn_lint.static.interpreter.values import (
    Arguments,
    BoundMethod,
    Builtin,
    Function,
    Instance,
    List,
    Partial,
    Union,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import switch
from bn_lint.static.torch_model.overrides import call_train
from bn_lint.static.torch_model.parameters import State, Weights, freeze
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.torch_model.events import EventLog


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    return None


def _itself(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return arguments.positional[0]


def _add_module(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    from bn_lint.static.torch_model.containers import register_child, register_unnamed

    owner, name, module = arguments.receiver, arguments.get(1, "name"), arguments.get(2, "module")
    if isinstance(name, str):
        register_child(interpreter, owner, name, module)
    else:
        register_unnamed(interpreter, owner, module)


def _register_value(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    owner, name = arguments.positional[0], arguments.get(1, "name")
    if isinstance(owner, Instance) and isinstance(name, str):
        interpreter.store.set(owner, name, arguments.get(2, "tensor"))


def _named_children(instance: Instance) -> tuple[list[tuple[str, Value]], list[tuple[Value, Value]]]:
    """The first children of a module, and samples of those that may follow, each with its name."""
    from bn_lint.static.torch_model.containers import in_order

    known, rest, last = in_order(instance)
    kinds = (Instance, Union, Unknown)
    samples: list[tuple[Value, Value]] = [(Unknown("name"), child) for child in rest]
    samples.extend((name, child) for name, child in last if isinstance(child, kinds))
    return [(name, child) for name, child in known if isinstance(child, kinds)], samples


def _children(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    known, rest = _named_children(arguments.receiver)
    return List(tuple(child for _, child in known), tuple(child for _, child in rest))


def _children_by_name(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    known, rest = _named_children(arguments.receiver)
    return List(tuple(known), tuple(rest))


def descendants(instance: Instance, prefix: str = "", seen: set[int] | None = None) -> list[tuple[str, Instance]]:
    """Return a module and everything below it, with dotted names, in the order of `named_modules`."""
    seen = set() if seen is None else seen
    if id(instance) in seen:
        return []
    seen.add(id(instance))
    found = [(prefix, instance)]
    known, samples = _named_children(instance)
    for name, child in (*known, *samples):
        if not isinstance(name, str):
            continue
        for one in child.values if isinstance(child, Union) else (child,):
            if isinstance(one, Instance):
                found.extend(descendants(one, f"{prefix}.{name}" if prefix else name, seen))
    return found


def _modules(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    known = tuple(module for _, module in descendants(arguments.receiver))
    return List(known, _further(known, arguments.receiver))


def _modules_by_name(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    known = descendants(arguments.receiver)
    further = _further([module for _, module in known], arguments.receiver)
    return List(tuple(known), tuple((Unknown("name"), module) for module in further))


def _further(known: Sequence[Instance], module: Instance) -> tuple[Instance, ...]:
    """Those that may be below a module, besides the ones that are."""
    named = {id(one) for one in known}
    return tuple(one for one in module.possible_descendants() if id(one) not in named)


def _get_submodule(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    owner, path = arguments.positional[0], arguments.get(1, "target")
    if not isinstance(path, str):
        return Unknown("submodule")
    for name in path.split(".") if path else ():
        owner = owner.cells.get(name, Unknown(name)) if isinstance(owner, Instance) else Unknown(name)
    return owner


#: Models with more parameters than this are not followed name by name.
_MANY_PARAMETERS = 800


def _weights(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return List((Weights(arguments.receiver),))


def _weights_by_name(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    from bn_lint.static.torch_model.symbolic_models import is_symbolic

    named: list[Value] = []
    if is_symbolic(arguments.receiver):
        return List(((Unknown("name"), Weights(arguments.receiver)),))
    for path, module in descendants(arguments.receiver):
        if not any(module.children()):
            named.extend((f"{path}.{kind}".lstrip("."), Weights(module)) for kind in ("weight", "bias"))
    if not named or len(named) > _MANY_PARAMETERS:
        return List(((Unknown("name"), Weights(arguments.receiver)),))
    return List(tuple(named))


def _parameters(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return Unknown("parameters", "parameters are not followed")


def _buffers(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    events_of(interpreter).statistics_read(interpreter, arguments.receiver, ref)
    return Unknown("buffers", "buffers are not followed")


def _state(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    events_of(interpreter).statistics_read(interpreter, arguments.receiver, ref)
    return State((arguments.receiver,), "state_dict()")


def _apply(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`model.apply(fn)`: the children first, as PyTorch has it.

    A function that goes through the children by itself does so again for each module above them. It may take as long as
    a loop; what it does to the modules that are left is not known then.
    """
    module, function = arguments.receiver, arguments.get(1, "fn")

    def apply_to_all() -> None:
        alike, end = AlikePasses(interpreter, None), interpreter.budget.steps + LOOP_STEPS
        for _, one in reversed(descendants(module)):
            if interpreter.budget.steps > end:
                interpreter.domain.forget(interpreter, module)
                break

            def apply(one: Instance = one) -> None:
                call(interpreter, function, Arguments([one]), ref, interpreter.frame)

            alike.run([one], apply)

    if isinstance(function, (BoundMethod, Function, Partial)):
        interpreter.events.dropped = None
        interpreter.idle_calls.run(interpreter, "apply", arguments, interpreter.frame, apply_to_all)
    return module


def _train(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    switch(interpreter, arguments.receiver, arguments.get(1, "mode", True), ref)
    return arguments.positional[0]


def _eval(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    module = arguments.receiver
    override = module.cls.lookup("train")[0]
    if isinstance(override, Function):
        events_of(interpreter).result_used(override, ref)
        return call_train(interpreter, override, module, False, ref)
    switch(interpreter, module, False, ref)
    return module


def _requires_grad(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    freeze(interpreter, arguments.receiver, arguments.get(1, "requires_grad", True), ref)
    return arguments.positional[0]


def _load(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    interpreter.store.disturb()
    events, state = events_of(interpreter), arguments.get(1, "state_dict")
    if not isinstance(state, State) or arguments.receiver in state.modules or _is_learned(events, state):
        events.made_ready(interpreter, arguments.receiver, ref)
    events.statistics_read(interpreter, arguments.receiver, ref)
    if isinstance(state, State) and arguments.receiver in state.modules:
        events.follows(arguments.receiver, read_back=True)
    elif events.loops and isinstance(state, State):
        events.copies.append(arguments.receiver)
    return Unknown("keys", "what a checkpoint lacks is not known")


def _is_learned(events: EventLog, state: State) -> bool:
    """Whether a state may be what was trained or loaded: that of a layer which was just built is none."""
    from bn_lint.static.torch_model.batchnorm import batchnorm_class

    return any(id(one) in events.prepared or batchnorm_class(one) is None for one in state.modules)


def _zero_grad(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    if isinstance(arguments.receiver, Instance):
        events_of(interpreter).gradients_dropped(interpreter, arguments.receiver)
    return None


def _nothing(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    return None


MODULE_METHODS: dict[str, Value] = {"__init__": Builtin("__init__", _init)}
for _name in "to cuda cpu float double half bfloat16 type share_memory to_empty xpu".split():
    MODULE_METHODS[_name] = Builtin(_name, _itself)
for _name in ("add_module", "register_module"):
    MODULE_METHODS[_name] = Builtin(_name, _add_module)
for _name in ("register_buffer", "register_parameter"):
    MODULE_METHODS[_name] = Builtin(_name, _register_value)
for _name in ("compile", "set_extra_state"):
    MODULE_METHODS[_name] = Builtin(_name, _nothing)
for _name in ("buffers", "named_buffers"):
    MODULE_METHODS[_name] = Builtin(_name, _buffers)
for _name in ("register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"):
    MODULE_METHODS[_name] = Builtin(_name, _parameters)
MODULE_METHODS.update(
    apply=Builtin("apply", _apply),
    train=Builtin("train", _train),
    eval=Builtin("eval", _eval),
    requires_grad_=Builtin("requires_grad_", _requires_grad),
    state_dict=Builtin("state_dict", _state),
    load_state_dict=Builtin("load_state_dict", _load),
    zero_grad=Builtin("zero_grad", _zero_grad),
    parameters=Builtin("parameters", _weights),
    named_parameters=Builtin("named_parameters", _weights_by_name),
    children=Builtin("children", _children),
    named_children=Builtin("named_children", _children_by_name),
    modules=Builtin("modules", _modules),
    named_modules=Builtin("named_modules", _modules_by_name),
    get_submodule=Builtin("get_submodule", _get_submodule),
)

#: What each module has by these names: the methods above, and what the engine says nothing about.
MODULE_NAMES: Final = frozenset(MODULE_METHODS).union(
    "T_destination call_super_init dump_patches extra_repr forward get_buffer get_extra_state get_parameter ipu mtia "
    "register_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook "
    "register_load_state_dict_pre_hook register_state_dict_post_hook register_state_dict_pre_hook "
    "set_extra_state set_submodule training".split()
)

__all__ = ["MODULE_METHODS", "MODULE_NAMES", "descendants"]
