"""Recurrent and attention layers."""

from __future__ import annotations

from collections.abc import Callable

from bn_lint.dims import Dim
from bn_lint.static.run import Run
from bn_lint.static.torch.reshaping import with_last
from bn_lint.static.torch.sizes import scaled, size_of
from bn_lint.static.values import MISSING, Axis, Instance, Origin, Tensor, Unknown, Value

Effect = Callable[[Run, Instance, Tensor, Origin], Value]


def _setting(layer: Instance, name: str) -> Value:
    return layer.cells.get(name, MISSING)


def _recurrent(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    hidden = size_of(_setting(layer, "hidden_size"))
    projected = _setting(layer, "proj_size")
    width: Dim = size_of(projected) if isinstance(projected, int) and projected > 0 else hidden
    if _setting(layer, "bidirectional") is True:
        width = scaled(width, 2)
    elif _setting(layer, "bidirectional") is not False:
        width = None
    last = Axis(width, origin, True)
    output = with_last(x, last, origin) if x.ranked else Tensor((last,), ranked=False, why=x.why, origin=origin)
    state = Tensor((Axis(), Axis(), Axis(hidden, origin, True)), origin=origin)
    return (output, (state, state)) if layer.cls.lookup("forward")[1].short_name == "LSTM" else (output, state)


def _cell(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    state = with_last(x, Axis(size_of(_setting(layer, "hidden_size")), origin, True), origin)
    return (state, state) if layer.cls.lookup("forward")[1].short_name == "LSTMCell" else state


def _attention(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    output = with_last(x, Axis(size_of(_setting(layer, "embed_dim")), origin, True), origin)
    return (output, Unknown("attention weights"))


def _same_features(run: Run, layer: Instance, x: Tensor, origin: Origin) -> Value:
    if x.axes and x.axes[-1].size is not None:
        return x
    return with_last(x, Axis(size_of(_setting(layer, "d_model")), origin, True), origin)


_RECURRENT = "input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False, proj_size=0"
_ATTENTION = (
    "embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None, vdim=None, batch_first=False"
)
RECURRENT: dict[str, tuple[str, Effect]] = {
    "LSTM": (_RECURRENT, _recurrent),
    "GRU": (_RECURRENT, _recurrent),
    "RNN": (_RECURRENT.replace("bias=True", "nonlinearity='tanh', bias=True"), _recurrent),
    "LSTMCell": ("input_size, hidden_size, bias=True", _cell),
    "GRUCell": ("input_size, hidden_size, bias=True", _cell),
    "RNNCell": ("input_size, hidden_size, bias=True, nonlinearity='tanh'", _cell),
    "MultiheadAttention": (_ATTENTION, _attention),
    "TransformerEncoderLayer": ("d_model, nhead, dim_feedforward=2048, dropout=0.1", _same_features),
    "TransformerEncoder": ("encoder_layer, num_layers, norm=None", lambda run, layer, x, origin: x),
    "TransformerDecoderLayer": ("d_model, nhead, dim_feedforward=2048, dropout=0.1", _same_features),
}
