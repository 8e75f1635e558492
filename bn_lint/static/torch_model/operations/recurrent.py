"""Recurrent and attention layers."""

from __future__ import annotations

from bn_lint.facts.dims import Dim
from bn_lint.static.interpreter.values import Axis, Tensor, Value
from bn_lint.static.torch_model.operations.layer_table import layer
from bn_lint.static.torch_model.operations.sizes import as_tensor, scaled, size_of, unknown
from bn_lint.static.torch_model.operations.table import OpSite, Rule
from bn_lint.static.torch_model.operations.vectors import with_last


def _recurrent(*, cell: bool) -> Rule:
    """The outputs at every step, and the last state of every layer; an LSTM has a cell state too."""

    def rule(
        at: OpSite,
        x: Tensor,
        hidden_size: Value,
        num_layers: Value,
        batch_first: Value,
        bidirectional: Value,
        proj_size: Value,
    ) -> Value:
        directions = {True: 2, False: 1}.get(bidirectional) if isinstance(bidirectional, bool) else None
        hidden = size_of(hidden_size)
        projected = hidden if proj_size == 0 else size_of(proj_size)
        output = _sequence(at, x, scaled(projected, directions))
        layers = scaled(size_of(num_layers), directions)
        states = tuple(_state(at, x, layers, size, batch_first) for size in (projected, hidden))
        return (output, states if cell else states[0])

    return rule


def _state(at: OpSite, x: Tensor, layers: Dim, size: Dim, batch_first: Value) -> Tensor:
    """`(layers, batch, features)`, without the batch where the input has none."""
    batch: tuple[Axis, ...] = (x.first,) if batch_first is True else (Axis(),)
    if x.ranked and isinstance(batch_first, bool):
        batch = (x.axes[0 if batch_first else 1],) if len(x.axes) == 3 else ()
    return Tensor((Axis(layers, at.origin), *batch, Axis(size, at.origin, features=True)), origin=at.origin)


def _sequence(at: OpSite, x: Tensor, size: Dim) -> Tensor:
    """One vector for each step. A sequence of unknown rank is taken for one of batches, but may be a packed one."""
    if x.ranked:
        return with_last(at, x, size)
    around = (Axis(), Axis(), *x.axes[:-1])[-2:]
    return Tensor((*around, Axis(size, at.origin)), origin=at.origin)


def _cell(at: OpSite, x: Tensor, hidden_size: Value) -> Value:
    return with_last(at, x, size_of(hidden_size))


def _lstm_cell(at: OpSite, x: Tensor, hidden_size: Value) -> Value:
    state = _cell(at, x, hidden_size)
    return (state, state)


_SETTINGS = "num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False, proj_size=0"
layer("LSTM", f"input_size, hidden_size, {_SETTINGS}", _recurrent(cell=True), inputs="input, hx=None")
layer("GRU", f"input_size, hidden_size, {_SETTINGS}", _recurrent(cell=False), inputs="input, hx=None")
_RNN = _SETTINGS.replace("bias=True", "nonlinearity='tanh', bias=True")
layer("RNN", f"input_size, hidden_size, {_RNN}", _recurrent(cell=False), inputs="input, hx=None")
layer("LSTMCell", "input_size, hidden_size, bias=True", _lstm_cell, inputs="input, hx=None")
layer("GRUCell", "input_size, hidden_size, bias=True", _cell, inputs="input, hx=None")
layer("RNNCell", "input_size, hidden_size, bias=True, nonlinearity='tanh'", _cell, inputs="input, hx=None")


def _attention(
    at: OpSite,
    x: Tensor,
    key: Value,
    embed_dim: Value,
    batch_first: Value,
    need_weights: Value,
    average_attn_weights: Value,
) -> Value:
    output, keys = _sequence(at, x, size_of(embed_dim)), as_tensor(key)
    if need_weights is False:
        return (output, None)
    known = need_weights is True and average_attn_weights is True and isinstance(batch_first, bool)
    if not known or x.rank != 3 or keys.rank != 3:
        return (output, unknown("attention weights"))
    batch, length = (0, 1) if batch_first else (1, 0)
    return (output, Tensor((x.axes[batch], x.axes[length], keys.axes[length]), origin=at.origin))


layer(
    "MultiheadAttention",
    "embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None, vdim=None, "
    "batch_first=False",
    _attention,
    inputs="input, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True, "
    "is_causal=False",
)


def _same_features(at: OpSite, x: Tensor, d_model: Value) -> Tensor:
    return x if x.axes and x.axes[-1].size is not None else with_last(at, x, size_of(d_model))


def _encoder(at: OpSite, x: Tensor) -> Tensor:
    return x


def _transformer(at: OpSite, tgt: Value, d_model: Value) -> Tensor:
    return _same_features(at, as_tensor(tgt), d_model)


_LAYER, _STACK = "d_model, nhead, dim_feedforward=2048", "encoder_layer, num_layers, norm=None"
_ENCODED = "input, mask=None, src_key_padding_mask=None, is_causal=None"
_DECODED = (
    "input, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None, memory_key_padding_mask=None, "
    "tgt_is_causal=None, memory_is_causal=False"
)
_BOTH = (
    "src, tgt, src_mask=None, tgt_mask=None, memory_mask=None, src_key_padding_mask=None, tgt_key_padding_mask=None, "
    "memory_key_padding_mask=None, src_is_causal=None, tgt_is_causal=None, memory_is_causal=False"
)
layer("TransformerEncoderLayer", _LAYER, _same_features, inputs=_ENCODED)
layer("TransformerDecoderLayer", _LAYER, _same_features, inputs=_DECODED)
layer("TransformerEncoder", _STACK, _encoder, inputs=_ENCODED)
layer("TransformerDecoder", _STACK, _encoder, inputs=_DECODED)
layer("Transformer", "d_model=512, nhead=8", _transformer, inputs=_BOTH)
