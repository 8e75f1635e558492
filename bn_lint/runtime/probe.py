"""Runs a model on fake tensors: shapes and modes are real, data and memory are not."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch._subclasses import FakeTensorMode
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

from bn_lint.errors import UsageError
from bn_lint.runtime.document.document import Document
from bn_lint.runtime.tracer import Trace


@dataclass(frozen=True)
class Input:
    """One argument of the model: its sizes, batch first, its dtype, and its name when it is passed by name."""

    sizes: tuple[int, ...]
    dtype: torch.dtype
    name: str | None = None

    @staticmethod
    def parse(text: str) -> Input:
        """Read `2,3,224,224`, `8,50:int64` or `mask=2,1,224,224`.

        Raises:
            UsageError: the text is neither.
        """
        before, equals, after = text.partition("=")
        argument = before.strip() if equals else None
        sizes, _, name = (after if equals else text).partition(":")
        dtype = getattr(torch, name or "float32", None)
        try:
            numbers = tuple(int(size) for size in sizes.split(","))
        except ValueError:
            numbers = ()
        named = argument is None or argument.isidentifier()
        if not numbers or min(numbers) < 1 or not isinstance(dtype, torch.dtype) or not named:
            raise UsageError(f'--input "{text}" is no shape: write sizes such as 2,3,224,224, or 8,50:int64.')
        return Input(numbers, dtype, argument)

    def with_batch(self, batch: int) -> Input:
        return replace(self, sizes=(batch, *self.sizes[1:]))


@dataclass
class Probed:
    """What a probe found.

    Attributes:
        remarks: Sentences about batches that were tried besides the one that was asked for.
        error: Why the model could not be run; None when it ran, or failed in a BatchNorm layer.
    """

    document: Document
    remarks: list[str] = field(default_factory=list)
    error: str | None = None


def probe(target: str, inputs: Sequence[Input], *, evaluation: bool = False, samples: int | None = None) -> Probed:
    """Build a model and run it on fake tensors of the given shapes, then with the last batch of an epoch.

    Raises:
        UsageError: the target cannot be imported, or gives no model.
    """
    trace = Trace(probing=True, command=["probe", target])
    trace.start()
    error: BaseException | None = None
    remarks: list[str] = []
    try:
        model = load(target)
        modes = {name: module.training for name, module in model.named_modules()}
        model.train(not evaluation)
        try:
            error = _attempt(model, inputs)
            if error is None:
                remarks, error = _last_batch(model, inputs, evaluation, samples)
        finally:
            for name, module in model.named_modules():
                module.training = modes.get(name, module.training)
    finally:
        document = trace.stop(error)
    problem = None
    if error is not None and document.failure is None:
        problem = f"The model cannot be run: {_reason(error)}"
    return Probed(document, remarks, problem)


def _reason(error: BaseException) -> str:
    if isinstance(error, (DataDependentOutputException, DynamicOutputShapeException)):
        return f"what it does depends on the values of tensors ({error}); bn-lint trace can watch a run with real ones."
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"


def load(target: str) -> torch.nn.Module:
    """Import `module:factory` or `file.py:factory`, and call the factory unless it is a model already.

    `module:factory("resnet18", num_classes=10)` calls it with these arguments, which must be literals.

    Raises:
        UsageError: the target cannot be imported, or gives no model.
    """
    name, _, attribute = target.partition(":")
    if not name or not attribute:
        raise UsageError(f'"{target}" names no factory: write pkg.module:factory or file.py:factory.')
    attribute, positional, named = _call_of(attribute)
    sys.path[0:0] = [os.getcwd()]
    try:
        found: Any = _import_file(name) if name.endswith(".py") else importlib.import_module(name)
        for part in attribute.split("."):
            found = getattr(found, part)
        model = found if isinstance(found, torch.nn.Module) else found(*positional, **named)
    except Exception as error:
        raise UsageError(f"{target} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(model, torch.nn.Module):
        raise UsageError(f"{target} gives {type(model).__name__}, not a torch.nn.Module.")
    inner = getattr(model, "_orig_mod", None)  # of torch.compile
    return inner if isinstance(inner, torch.nn.Module) else model


def _call_of(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Read `factory` or `factory("resnet18", num_classes=10)`.

    Raises:
        UsageError: it is neither, or an argument is no literal.
    """
    try:
        tree = ast.parse(text, mode="eval").body
        if not isinstance(tree, ast.Call):
            return text, [], {}
        positional = [ast.literal_eval(each) for each in tree.args]
        named = {each.arg or "": ast.literal_eval(each.value) for each in tree.keywords}
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            f'"{text}" is no factory: write its name, with literals as arguments: build("resnet18", num_classes=10).'
        ) from error
    return ast.unparse(tree.func), positional, named


def _import_file(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    sys.path[0:0] = [os.path.dirname(os.path.abspath(path))]
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    return module


def _attempt(model: torch.nn.Module, inputs: Sequence[Input]) -> Exception | None:
    """Run the model; returns the error of the way that fits its code best."""
    first: Exception | None = None
    for way in (_on_fake, _on_meta):
        try:
            way(model, inputs)
        except Exception as error:  # whatever the model raises is the result
            if _is_of_batchnorm(error):
                return error
            first = first or error
        else:
            return None
    return first


def _is_of_batchnorm(error: BaseException) -> bool:
    frames = error.__traceback__
    names = set()
    while frames is not None:
        names.add(os.path.basename(frames.tb_frame.f_code.co_filename))
        frames = frames.tb_next
    return "batchnorm.py" in names


def _on_fake(model: torch.nn.Module, inputs: Sequence[Input]) -> None:
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    _call(model, inputs, mode.from_tensor, lambda each: mode.from_tensor(_empty(each)), mode)


def _on_meta(model: torch.nn.Module, inputs: Sequence[Input]) -> None:
    def to_meta(tensor: torch.Tensor) -> torch.Tensor:
        return torch.empty_like(tensor, device="meta")

    _call(model, inputs, to_meta, lambda each: torch.empty(each.sizes, dtype=each.dtype, device="meta"), None)


def _empty(each: Input) -> torch.Tensor:
    # One element, whatever the size: strides of 0 need no memory.
    return torch.zeros((), dtype=each.dtype).expand(each.sizes)


def _call(
    model: torch.nn.Module,
    inputs: Sequence[Input],
    convert: Callable[[torch.Tensor], torch.Tensor],
    make: Callable[[Input], torch.Tensor],
    mode: Any,
) -> None:
    state = {
        name: tensor if torch.nn.parameter.is_lazy(tensor) else convert(tensor.detach())
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    arguments = tuple(make(each) for each in inputs if each.name is None)
    named = {each.name: make(each) for each in inputs if each.name is not None}
    with mode or contextlib.nullcontext(), _uncompiled():
        torch.func.functional_call(model, state, arguments, named)


def _uncompiled() -> Any:
    """A context in which compiled code runs as it was written: compiled kernels would read memory that is not there."""
    set_stance = getattr(torch.compiler, "set_stance", None)  # since PyTorch 2.6
    if set_stance is None or "torch._dynamo" not in sys.modules:
        return contextlib.nullcontext()
    return set_stance("force_eager")


def _last_batch(
    model: torch.nn.Module, inputs: Sequence[Input], evaluation: bool, samples: int | None
) -> tuple[list[str], Exception | None]:
    """Try the batch that an epoch ends with; the error counts when it is known that there is such a batch."""
    batch = inputs[0].sizes[0]
    if samples is None:
        if evaluation or batch == 1:
            return [], None
        with _unseen():
            error = _attempt(model, [each.with_batch(1) for each in inputs])
        if error is None or not _is_of_batchnorm(error) or "more than 1 value" not in str(error):
            return [], None
        text = (
            f"A batch of one would fail in training mode ({str(error).splitlines()[0]}). Give --samples to know "
            "whether an epoch ends with one, or set drop_last=True."
        )
        return [text], None
    last = samples % batch
    if last == 0:
        return [f"{samples} samples in batches of {batch}: every batch is full."], None
    error = _attempt(model, [each.with_batch(last) for each in inputs])
    outcome = "fails" if error is not None else "fits"
    return [f"{samples} samples in batches of {batch}: the last batch has {last}, and {outcome}."], error


def _unseen() -> Any:
    from bn_lint.runtime.tracer import active

    trace = active()
    assert trace is not None
    return trace.ignoring()
