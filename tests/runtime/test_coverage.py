"""Every way to reach a BatchNorm layer that research has listed, and whether the tracer sees it."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

import bn_lint
import bn_lint.errors
from bn_lint.runtime.document.document import Document

from .nets import batch, sgd, small, train


class Activated(nn.BatchNorm2d):
    """A subclass with a `forward` of its own that calls the function, as timm's BatchNormAct2d does."""

    def forward(self, x: Any) -> Any:
        x = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training)
        return x.relu()


def traced(run: Callable[[], object]) -> Document:
    with bn_lint.trace() as trace:
        run()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    return trace.document


def calls(document: Document, *kinds: str) -> int:
    return sum(each.count for layer in document.layers for each in layer.calls if not kinds or each.kind in kinds)


IMAGES = (4, 3, 6, 6)


def forward(module: nn.Module, *sizes: int) -> Callable[[], object]:
    return lambda: module(torch.randn(*sizes))


def without_grad(module: nn.Module, context: Callable[[], Any]) -> Callable[[], object]:
    def run() -> None:
        with context():
            module(torch.randn(IMAGES))

    return run


def functional() -> None:
    F.batch_norm(torch.randn(IMAGES), torch.zeros(3), torch.ones(3), training=True)


def in_a_thread() -> None:
    layer = nn.BatchNorm2d(3)
    thread = threading.Thread(target=layer, args=(torch.randn(IMAGES),))
    thread.start()
    thread.join()


def functional_call() -> None:
    layer = nn.BatchNorm2d(3)
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    torch.func.functional_call(layer, state, (torch.randn(IMAGES),))


def functional_gradient() -> None:
    layer = nn.BatchNorm2d(3).eval()
    parameters = dict(layer.named_parameters())
    torch.func.grad(lambda p: torch.func.functional_call(layer, p, (torch.randn(IMAGES),)).sum())(parameters)


def vmap_in_evaluation() -> None:
    torch.vmap(nn.BatchNorm2d(3).eval())(torch.randn(2, *IMAGES))


def averaged() -> None:
    AveragedModel(nn.Sequential(nn.BatchNorm2d(3)))(torch.randn(IMAGES))


def fx_traced() -> None:
    torch.fx.symbolic_trace(nn.Sequential(nn.BatchNorm2d(3)))(torch.randn(IMAGES))


def data_parallel() -> None:
    nn.DataParallel(nn.Sequential(nn.BatchNorm2d(3)))(torch.randn(IMAGES))


SEEN: dict[str, Callable[[], object]] = {
    "1d on vectors": forward(nn.BatchNorm1d(3), 4, 3),
    "1d on sequences": forward(nn.BatchNorm1d(3), 4, 3, 6),
    "2d": forward(nn.BatchNorm2d(3), *IMAGES),
    "3d": forward(nn.BatchNorm3d(3), 4, 3, 2, 2, 2),
    "SyncBatchNorm in one process": forward(nn.SyncBatchNorm(3).eval(), *IMAGES),
    "lazy": lambda: nn.LazyBatchNorm2d()(torch.randn(IMAGES)),
    "in a Sequential": forward(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)), *IMAGES),
    "no_grad": without_grad(nn.BatchNorm2d(3), torch.no_grad),
    "inference_mode": without_grad(nn.BatchNorm2d(3), torch.inference_mode),
    "autocast": without_grad(nn.BatchNorm2d(3), lambda: torch.autocast("cpu", dtype=torch.bfloat16)),
    "a subclass that overrides forward": forward(Activated(3), *IMAGES),
    "forward called by itself": lambda: nn.BatchNorm2d(3).forward(torch.randn(IMAGES)),
    "F.batch_norm": functional,
    "another thread": in_a_thread,
    "a copy": lambda: copy.deepcopy(nn.BatchNorm2d(3))(torch.randn(IMAGES)),
    "AveragedModel": averaged,
    "DataParallel": data_parallel,
    "functional_call": functional_call,
    "func.grad": functional_gradient,
    "vmap in evaluation mode": vmap_in_evaluation,
    "fx": fx_traced,
    "meta tensors": lambda: nn.BatchNorm2d(3, device="meta")(torch.randn(IMAGES, device="meta")),
    "convert_sync_batchnorm": lambda: nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3))).eval()(
        torch.randn(IMAGES)
    ),
}


@pytest.mark.parametrize("run", SEEN.values(), ids=SEEN)
def test_one_call_is_seen_once(run: Callable[[], object]) -> None:
    assert calls(traced(run)) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 50])
def test_calls_are_counted_after_the_first_looks_too(count: int) -> None:
    layer = nn.BatchNorm2d(3)
    x = torch.randn(IMAGES)
    assert calls(traced(lambda: [layer(x) for _ in range(count)])) == count


def test_more_shapes_than_are_told_apart() -> None:
    layer = nn.BatchNorm1d(3)
    document = traced(lambda: [layer(torch.randn(size, 3)) for size in range(2, 300)])
    assert calls(document) == 298
    assert len(document.layers[0].calls) < 64


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_runs_twice(reentrant: bool) -> None:
    layer = nn.BatchNorm2d(3)

    def run() -> None:
        for _ in range(2):
            x = torch.randn(IMAGES, requires_grad=True)
            checkpoint(layer, x, use_reentrant=reentrant).sum().backward()

    document = traced(run)
    assert calls(document) == 4
    assert calls(document, "recomputed") == 2


def test_functional_calls_of_other_code_are_named_after_it() -> None:
    (layer,) = traced(functional).layers
    assert (layer.variant, layer.num_features, layer.name) == ("functional", 3, "functional.batch_norm")


def test_instance_norm_is_none_of_our_business() -> None:
    layer = nn.InstanceNorm2d(3, affine=True, track_running_stats=True)
    assert not traced(lambda: layer(torch.randn(IMAGES))).layers


def test_layers_are_known_by_name_and_by_the_line_that_built_them() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))

        def forward(self, x: Any) -> Any:
            return self.body(x)

    line = Net.__init__.__code__.co_firstlineno + 2
    document = traced(lambda: Net()(torch.randn(IMAGES)))
    (layer,) = document.layers
    assert layer.built is not None
    assert (layer.name, layer.model, layer.built.line) == ("body.1", "Net", line)
    assert layer.built.path == "tests/runtime/test_coverage.py"


def test_a_copy_was_built_where_the_original_was() -> None:
    def run() -> None:
        averaged_model = AveragedModel(nn.Sequential(nn.Sequential(nn.BatchNorm2d(3))))
        averaged_model.module(torch.randn(IMAGES))
        nn.Sequential(averaged_model.module)(torch.randn(IMAGES))

    assert all(layer.built is None or layer.built.line for layer in traced(run).layers)


def test_a_model_from_before_the_trace() -> None:
    net = nn.Sequential(nn.BatchNorm2d(3))
    (layer,) = traced(lambda: net(torch.randn(IMAGES))).layers
    assert (layer.name, layer.built, layer.num_features) == ("0", None, 3)


def doubled(x: int) -> int:
    return 2 * x


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_torchscript_finds_the_names_that_a_class_uses() -> None:
    """They are looked up in the frame that scripts it."""

    def run() -> Any:
        @torch.jit.script
        class Box:
            def __init__(self, size: int):
                self.size = doubled(size)

        assert Box(3).size == 6
        nn.BatchNorm2d(3)(torch.randn(IMAGES))

    assert calls(traced(run)) == 1


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_torchscript_still_compiles() -> None:
    def run() -> Any:
        scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
        scripted(torch.randn(IMAGES))
        nn.BatchNorm2d(3)(torch.randn(IMAGES))

    assert calls(traced(run)) == 1  # the scripted calls are out of sight, and the patches are back afterward


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_export_works() -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)).eval()
    traced(lambda: torch.export.export(net, (torch.randn(IMAGES),)).module()(torch.randn(IMAGES)))


@pytest.mark.filterwarnings("ignore")  # torch.jit.trace warns of itself
def test_a_traced_graph_has_no_operation_of_the_tracer() -> None:
    """Not even where a model goes while another one is traced."""

    def graph() -> str:
        gone = small()
        train(gone, sgd(gone))
        first, last = (small().eval().requires_grad_(False) for _ in range(2))

        def forward(x: torch.Tensor) -> torch.Tensor:
            nonlocal gone
            y = first(x)
            gone = nn.Sequential()
            return y + last(x)

        return str(torch.jit.trace(forward, batch(2)[0], check_trace=False).graph)

    alone = graph()
    with bn_lint.trace() as trace:
        traced = graph()
    assert not trace.document.notes
    assert traced.count("aten::") == alone.count("aten::")


@pytest.mark.filterwarnings("ignore")  # torch.jit.trace warns of itself
@pytest.mark.parametrize("functional", [False, True], ids=["layer", "functional"])
def test_a_model_whose_calls_are_only_counted_is_traced(functional: bool) -> None:
    """While torch traces a program, the sizes of tensors are tensors."""
    mean, variance = torch.zeros(3), torch.ones(3)

    def normalized(x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, mean, variance, training=True)

    model: Any = normalized if functional else nn.Sequential(nn.BatchNorm2d(3))
    with bn_lint.trace() as trace:
        for _ in range(8):
            model(batch()[0])
        torch.jit.trace(model, batch()[0], check_trace=False)
    assert not trace.document.notes
    assert calls(trace.document) == 9


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("functional", [False, True], ids=["layer", "functional"])
def test_sizes_that_are_symbols(functional: bool) -> None:
    """Of a model whose calls are only counted; symbols have no hash."""
    from torch.fx.experimental.proxy_tensor import make_fx

    mean, variance = torch.zeros(3), torch.ones(3)

    def normalized(x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, mean, variance)

    model: Any = normalized if functional else nn.BatchNorm2d(3).eval()
    with bn_lint.trace() as trace:
        for _ in range(8):
            model(batch()[0])
        for _ in range(4):
            make_fx(torch.vmap(model), tracing_mode="symbolic", _allow_non_fake_inputs=True)(torch.randn(5, *IMAGES))
    assert not trace.document.notes
    assert calls(trace.document) >= 9


def test_a_width_that_is_a_shape() -> None:
    """The layer is built, with statistics of several axes; only its call fails."""
    with bn_lint.trace() as trace:
        layer = nn.BatchNorm2d((3, 8, 8))  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="has 3"):
            layer.eval()(batch()[0].view(16, 192, 1, 1))
    assert not trace.document.notes


def test_models_pickle_as_before() -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    before = pickle.dumps(net)
    keys = list(net.state_dict())
    traced(lambda: [net(torch.randn(IMAGES)) for _ in range(5)])
    assert b"bn_lint" not in pickle.dumps(net)
    assert len(pickle.dumps(net)) == len(before)
    assert list(net.state_dict()) == keys
    buffer = io.BytesIO()
    torch.save(net, buffer)
    assert b"bn_lint" not in buffer.getvalue()


@contextlib.contextmanager
def nothing_changes() -> Iterator[None]:
    before = (nn.BatchNorm2d.forward, nn.SyncBatchNorm.forward, F.batch_norm, nn.Module.train, nn.BatchNorm2d.__init__)
    yield
    assert before == (
        nn.BatchNorm2d.forward,
        nn.SyncBatchNorm.forward,
        F.batch_norm,
        nn.Module.train,
        nn.BatchNorm2d.__init__,
    )


def test_everything_is_put_back() -> None:
    with nothing_changes():
        traced(forward(nn.BatchNorm2d(3), *IMAGES))


def test_everything_is_put_back_after_an_error() -> None:
    with nothing_changes(), pytest.raises(RuntimeError, match="running_mean"):
        traced(forward(nn.BatchNorm2d(4), *IMAGES))


def test_two_traces_at_once_are_refused() -> None:
    with bn_lint.trace(), pytest.raises(bn_lint.errors.UsageError, match="already running"):
        bn_lint.trace().start()


def test_results_are_the_same_as_without() -> None:
    def run() -> Any:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        for _ in range(5):
            net(torch.randn(4, 3, 8, 8))
        return net.eval()(torch.ones(1, 3, 8, 8))

    plain = run()
    with bn_lint.trace(stats=True):
        watched = run()
    assert torch.equal(plain, watched)


def test_first_steps_only() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with bn_lint.trace(steps=2) as trace:
        for _ in range(10):
            net(torch.randn(8, 4)).sum().backward()
            optimizer.step()
    assert trace.document.steps == 2
    assert calls(trace.document) == 2


def test_ignoring_records_nothing() -> None:
    layer = nn.BatchNorm2d(3)
    with bn_lint.trace() as trace:
        with trace.ignoring():
            layer(torch.randn(IMAGES))
        layer(torch.randn(IMAGES))
    assert calls(trace.document) == 1


def test_warnings_of_the_program_are_its_own() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        traced(forward(nn.BatchNorm2d(3), *IMAGES))
    assert not caught
