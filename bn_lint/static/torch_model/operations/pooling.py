"""Pooling, as layers and as functions."""

from __future__ import annotations

from bn_lint.static.interpreter.values import Axis, Tensor, Value
from bn_lint.static.torch_model.operations.layer_table import layer
from bn_lint.static.torch_model.operations.sizes import integers, pair, spatial, unknown, window
from bn_lint.static.torch_model.operations.table import FUNCTIONAL, TORCH, OpSite, Rule, operation


def _pooling(count: int) -> Rule:
    def rule(
        at: OpSite,
        x: Tensor,
        kernel_size: Value,
        stride: Value,
        padding: Value = 0,
        dilation: Value = 1,
        ceil_mode: Value = False,
        return_indices: Value = False,
    ) -> Value:
        """The same channels, smaller spatial axes."""
        result = Tensor(ranked=False, why=x.why or "pooling of an input of another rank", batched=x.batched)
        if x.rank in (count + 1, count + 2):
            leading, space = spatial(x, count)
            values = (kernel_size, kernel_size if stride is None else stride, padding, dilation)
            settings = zip(*(integers(at.interpreter, value, count) for value in values))
            sizes = [window(a.size, *setting, ceil=ceil_mode is True) for a, setting in zip(space, settings)]
            result = Tensor((*leading, *map(Axis, sizes)), origin=x.origin)
        return pair(result, return_indices)

    return rule


def _adaptive(count: int) -> Rule:
    def rule(at: OpSite, x: Tensor, output_size: Value, return_indices: Value = False) -> Value:
        """The same channels, spatial axes of the given size; None keeps an axis."""
        wanted = output_size if isinstance(output_size, tuple) else (output_size,) * count
        sizes = integers(at.interpreter, output_size, count)
        space = tuple(Axis(size, at.origin) for size in sizes)
        if x.rank not in (count + 1, count + 2):
            why = x.why or "the input's rank is not known"
            return pair(Tensor(space, ranked=False, why=why, batched=x.batched), return_indices)
        space = tuple(old if w is None else new for w, old, new in zip(wanted, x.axes[-count:], space))
        return pair(Tensor((*x.axes[:-count], *space), origin=x.origin), return_indices)

    return rule


def _unpooling(count: int) -> Rule:
    def rule(
        at: OpSite, x: Tensor, kernel_size: Value, stride: Value, padding: Value, output_size: Value = None
    ) -> Value:
        """What pooling with the same settings came from, unless a size is given."""
        if x.rank not in (count + 1, count + 2) or output_size is not None:
            return unknown(x.why or "unpooling to a given size")
        leading, space = spatial(x, count)
        values = (kernel_size, kernel_size if stride is None else stride, padding)
        settings = zip(*(integers(at.interpreter, value, count) for value in values))
        sizes = [
            (a.size - 1) * s - 2 * p + k if isinstance(a.size, int) and None not in (k, s, p) else None
            for a, (k, s, p) in zip(space, settings)
        ]
        return Tensor((*leading, *map(Axis, sizes)), origin=x.origin)

    return rule


_MAX = "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False"
_AVERAGE = "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True"
_POWER = "norm_type, kernel_size, stride=None, ceil_mode=False"
_UNPOOL = "kernel_size, stride=None, padding=0"
for _count in (1, 2, 3):
    _rule, _other = _pooling(_count), _adaptive(_count)
    layer(f"MaxPool{_count}d", _MAX, _rule)
    layer(f"AvgPool{_count}d", _AVERAGE, _rule)
    layer(f"LPPool{_count}d", _POWER, _rule)
    layer(f"MaxUnpool{_count}d", _UNPOOL, _unpooling(_count), inputs="input, indices, output_size=None")
    layer(f"AdaptiveAvgPool{_count}d", "output_size", _other)
    layer(f"AdaptiveMaxPool{_count}d", "output_size, return_indices=False", _other)
    _function = "input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False"
    operation(f"max_pool{_count}d", _function, TORCH, FUNCTIONAL)(_rule)
    operation(f"avg_pool{_count}d", f"input, {_AVERAGE}", TORCH, FUNCTIONAL)(_rule)
    operation(f"lp_pool{_count}d", f"input, {_POWER}", FUNCTIONAL)(_rule)
    operation(f"max_unpool{_count}d", f"input, indices, {_UNPOOL}, output_size=None", FUNCTIONAL)(_unpooling(_count))
    operation(f"adaptive_avg_pool{_count}d", "input, output_size", TORCH, FUNCTIONAL)(_other)
    operation(f"adaptive_max_pool{_count}d", "input, output_size, return_indices=False", TORCH, FUNCTIONAL)(_other)
