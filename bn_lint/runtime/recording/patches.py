"""The patches that make BatchNorm calls visible. All are on classes and modules of torch; none is on a user's object.

What runs under `torch.compile` must stay what Dynamo can trace: the patched functions branch on `is_dynamo_compiling`
first, which is a constant there, and what they do before that is no change of Python state.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from threading import get_ident, local
from types import FunctionType, ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.modules import batchnorm
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm, _NormBase
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from bn_lint.runtime.recording.layer_records import MOST_COUNTED
from bn_lint.runtime.recording.recognize import signature_of
from bn_lint.runtime.recording.recorder import Recorder, as_plain_tensors, graph_task, is_grad_enabled

# `torch.compiler` has it since PyTorch 2.2; importing `torch._dynamo` costs seconds.
if hasattr(torch.compiler, "is_dynamo_compiling"):
    is_dynamo_compiling: Callable[[], bool] = torch.compiler.is_dynamo_compiling
else:
    is_dynamo_compiling = torch._dynamo.is_compiling


class Patches:
    """Installs the patches for one recorder, and takes them away again."""

    def __init__(self, recorder: Recorder, stepped: Callable[[torch.optim.Optimizer], None]) -> None:
        self.recorder = recorder
        self._stepped = stepped
        self._saved: list[tuple[Any, str, Any, Any]] = []
        self._hook: Any = None
        self._switching = local()
        #: The threads in which a call on a subclass of tensors is under way: it calls `F.batch_norm` again.
        self._dispatching: set[int] = set()

    def install(self) -> None:
        if self._saved:
            return
        self._patch(F, "batch_norm", self._batch_norm)
        self._patch(_BatchNorm, "forward", self._forward)
        self._patch(SyncBatchNorm, "forward", self._forward)
        self._patch(_NormBase, "__init__", self._init)
        self._patch(_NormBase, "reset_running_stats", self._reset)
        self._patch(_NormBase, "_load_from_state_dict", self._load)
        self._patch(torch.nn.Module, "train", self._train)
        self._patch(torch.nn.Module, "eval", self._eval)
        self._patch(AveragedModel, "update_parameters", self._average)
        self._patch(DataLoader, "__iter__", self._iterate)
        script = sys.modules.get("torch.jit._script")
        if hasattr(script, "_script_impl"):
            self._patch(script, "_script_impl", self._script)
        else:
            self._patch(torch.jit, "script", self._script)
        self._hook = register_optimizer_step_post_hook(self._after_step)

    def remove(self) -> None:
        """Put everything back; a patch that somebody else put on top stays."""
        for owner, name, original, mine in reversed(self._saved):
            if owner.__dict__.get(name) is mine:
                setattr(owner, name, original)
        self._saved.clear()
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = owner.__dict__[name]
        mine = functools.wraps(original)(make(original))
        self._saved.append((owner, name, original, mine))
        setattr(owner, name, mine)

    def _original_of(self, owner: Any, name: str) -> Any:
        return next(saved[2] for saved in self._saved if saved[:2] == (owner, name))

    def _after_step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        if not is_dynamo_compiling():
            self._stepped(optimizer)

    def _forward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder, tables, plain = self.recorder, self.recorder.tables, torch.Tensor
        counted = recorder.counted
        note, known_call, fast_types = _traced_note(recorder), recorder.known_call, recorder.fast_types
        straight = _straight(original, self._original_of(F, "batch_norm"))
        dispatched, dispatched_straight = self._dispatched(original), self._dispatched(straight)
        functions, names, patched = vars(F), vars(batchnorm), F.batch_norm

        def forward(self: Any, input: Any) -> Any:
            if is_dynamo_compiling():
                note(type(self).__name__, self.num_features, input.ndim, self.training, torch.is_grad_enabled())
                return original(self, input)
            table = tables.get(id(self))
            if type(input) is plain:
                if table is not None:
                    training = self.training
                    # What nearly every call is, told apart as `signature_of` does: all that is done for it counts.
                    try:
                        if training and is_grad_enabled() and graph_task() == -1:
                            count = table.get(input.shape)
                        else:
                            key = (input.shape, training, is_grad_enabled(), training and graph_task() != -1)
                            count = table.get(key)
                    except TypeError:  # a size is a symbol, which has no hash
                        count = None
                    if count is not None:
                        count()
                        if len(counted) > MOST_COUNTED:
                            recorder.before_change()
                        if functions["batch_norm"] is patched and names["F"] is F:
                            return straight(self, input)
                        return original(self, input)
                run = original
            else:
                run = dispatched
                if table is not None and type(input) in fast_types:
                    training = self.training
                    with as_plain_tensors():
                        shape = input.shape
                    try:
                        if training and is_grad_enabled() and graph_task() == -1:
                            count = table.get(shape)
                        else:
                            count = table.get((shape, training, is_grad_enabled(), training and graph_task() != -1))
                    except TypeError:
                        count = None
                    if count is not None:
                        count()
                        if len(counted) > MOST_COUNTED:
                            recorder.before_change()
                        if functions["batch_norm"] is patched and names["F"] is F:
                            run = dispatched_straight
                        return run(self, input)
            if table:
                training = self.training
                count = known_call(table, input, training, is_grad_enabled(), training and graph_task() != -1)
                if count is not None:
                    count()
                    if len(counted) > MOST_COUNTED:
                        recorder.before_change()
                    return run(self, input)
            passage = recorder.look(self, input)
            try:
                result = run(self, input)
            except Exception as error:
                recorder.failed(self, input, error)
                raise
            if passage is not None:
                recorder.watch(passage, result)
            return result

        return forward

    def _batch_norm(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder, tables, plain = self.recorder, self.recorder.functional, torch.Tensor
        own, own_sync = (_original(cls).__code__ for cls in (_BatchNorm, SyncBatchNorm))
        frame_of, known_call, dispatching = sys._getframe, recorder.known_call, self._dispatching
        counted = recorder.counted
        dispatched = self._dispatched(original)

        def batch_norm(
            input: Any,
            running_mean: Any,
            running_var: Any,
            weight: Any = None,
            bias: Any = None,
            training: bool = False,
            momentum: float = 0.1,
            eps: float = 1e-5,
        ) -> Any:
            if not is_dynamo_compiling():
                frame = frame_of(1)
                code = frame.f_code
                if (
                    code is not own
                    and code is not own_sync
                    and code.co_name != "__torch_function__"  # such as that of `set_default_device`: the call goes on
                    and not (dispatching and get_ident() in dispatching)
                ):
                    table = tables.get((id(code), id(running_mean)))
                    count = None
                    if table:
                        grad, in_backward = is_grad_enabled(), training and graph_task() != -1
                        if type(input) is plain:
                            try:
                                count = table.get(signature_of(input.shape, training, grad, in_backward))
                            except TypeError:
                                count = None
                        if count is None:
                            count = known_call(table, input, training, grad, in_backward)
                    if count is not None:
                        count()
                        if len(counted) > MOST_COUNTED:
                            recorder.before_change()
                    else:
                        recorder.look_functional(frame, input, running_mean, weight, bool(training))
                    if type(input) is not plain:
                        return dispatched(input, running_mean, running_var, weight, bias, training, momentum, eps)
            return original(input, running_mean, running_var, weight, bias, training, momentum, eps)

        return batch_norm

    def _dispatched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which may call `F.batch_norm` once more: these calls are parts of this one."""
        dispatching = self._dispatching

        def dispatched(*args: Any) -> Any:
            thread = get_ident()
            if thread in dispatching:
                return original(*args)
            dispatching.add(thread)
            try:
                return original(*args)
            finally:
                dispatching.discard(thread)

        return dispatched

    def _init(self, original: Callable[..., None]) -> Callable[..., None]:
        recorder = self.recorder

        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if not is_dynamo_compiling() and isinstance(self, _BatchNorm) and not recorder.paused:
                try:
                    recorder.built(self, sys._getframe(1))
                except Exception:
                    recorder.defect()

        return init

    def _reset(self, original: Callable[..., None]) -> Callable[..., None]:
        recorder = self.recorder

        def reset_running_stats(self: Any) -> None:
            original(self)
            if not is_dynamo_compiling():
                try:
                    recorder.reset(self)
                except Exception:
                    recorder.defect()

        return reset_running_stats

    def _load(self, original: Callable[..., None]) -> Callable[..., None]:
        recorder = self.recorder

        def _load_from_state_dict(self: Any, state_dict: Any, prefix: str, *args: Any, **kwargs: Any) -> None:
            if isinstance(self, _BatchNorm) and not recorder.paused:
                try:
                    recorder.loaded(self, prefix, state_dict, sys._getframe(1))
                except Exception:
                    recorder.defect()
            original(self, state_dict, prefix, *args, **kwargs)

        return _load_from_state_dict

    def _train(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder, switching = self.recorder, self._switching

        def train(self: Any, mode: bool = True) -> Any:
            if is_dynamo_compiling():
                return original(self, mode)
            switched = getattr(switching, "switched", None)
            if switched is not None:
                switched.add(id(self))
            if getattr(switching, "active", False):
                return original(self, mode)
            before = self.training
            switching.active = True
            try:
                result = original(self, mode)
            finally:
                switching.active = False
            recorder.mode_changed(self, bool(mode), before, sys._getframe(1))
            return result

        return train

    def _eval(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder, switching = self.recorder, self._switching

        def put_in_evaluation(self: Any) -> Any:
            if is_dynamo_compiling() or getattr(switching, "switched", None) is not None:
                return original(self)
            switched: set[int] = set()
            switching.switched = switched
            try:
                result = original(self)
            finally:
                switching.switched = None
            recorder.evaluation_asked(self, switched, sys._getframe(1))
            return result

        return put_in_evaluation

    def _average(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder = self.recorder

        def update_parameters(self: Any, model: Any) -> Any:
            result = original(self, model)
            try:
                recorder.averaged(self, sys._getframe(1))
            except Exception:
                recorder.defect()
            return result

        return update_parameters

    def _iterate(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder = self.recorder

        def iterate(self: Any) -> Any:
            if not recorder.paused:
                try:
                    recorder.epochs.begun(self, recorder.step)
                except Exception:
                    recorder.defect()
            return original(self)

        return iterate

    def _script(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """TorchScript compiles the source of what it finds, and must find what torch put there."""
        patches = self

        def script(*args: Any, **kwargs: Any) -> Any:
            # Names in a scripted class are looked up in the frame that called `script`: it is one further out.
            kwargs["_frames_up"] = kwargs.get("_frames_up", 0) + 1
            removed = [saved for saved in patches._saved if saved[0].__dict__.get(saved[1]) is saved[3]]
            for owner, name, before, _ in removed:
                setattr(owner, name, before)
            try:
                return original(*args, **kwargs)
            finally:
                for owner, name, _, mine in removed:
                    setattr(owner, name, mine)

        return script


def _original(cls: type) -> Any:
    """The `forward` of a class as torch wrote it, whoever patched it since."""
    function = cls.__dict__["forward"]
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def _straight(forward: Any, batch_norm: Callable[..., Any]) -> Any:
    """The `forward` of a layer that calls what `F.batch_norm` was, not the patch, which has nothing to do there.

    It is torch's code, run on the names that it had. Where that needs other names than `F.batch_norm`, as another
    version may, and where somebody else has patched `forward`, it is `forward` itself.
    """
    if not isinstance(forward, FunctionType) or forward.__globals__ is not vars(batchnorm):
        return forward
    used = set(forward.__code__.co_names)
    if used & forward.__globals__.keys() != {"F"} or used & vars(F).keys() != {"batch_norm"}:
        return forward
    functions = ModuleType(F.__name__)
    vars(functions).update(batch_norm=batch_norm)
    names = {"F": functions, "__builtins__": forward.__globals__["__builtins__"], "__name__": forward.__module__}
    # A code of its own: what Python notes in it about the names would not hold for both functions.
    return FunctionType(forward.__code__.replace(), names, forward.__name__, forward.__defaults__)


def _traced_note(recorder: Recorder) -> Callable[..., Any]:
    """A function that Dynamo runs while it traces, and of which nothing remains in the graph."""

    def note(class_name: str, width: int, rank: int, training: bool, grad: bool) -> int:
        recorder.compiled_call(class_name, width, rank, training, grad)
        return 0

    # All that `torch.compiler.assume_constant_result` does, but that imports Dynamo first: it takes as long as torch.
    note._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return note
