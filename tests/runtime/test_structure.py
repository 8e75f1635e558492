"""Mistakes in how a model is put together, told by their names when the program runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.fx import symbolic_trace
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn.utils.fusion import fuse_conv_bn_eval

import bn_lint

from .nets import batch, sgd, small, train


def found(program: Callable[[], object], *, raises: type[Exception] | None = None) -> dict[str, int]:
    """The codes that are reported, and how often."""
    torch.manual_seed(0)
    trace = bn_lint.trace().start()
    error: BaseException | None = None
    try:
        program()
    except Exception as raised:
        error = raised
    trace.stop(error)
    assert type(error) is (type(None) if raises is None else raises)
    assert not trace.recorder.defects, trace.recorder.defects[0]
    codes = [finding.code for finding in trace.findings]
    return {code: codes.count(code) for code in codes}


def trained_and_evaluated(net: nn.Module) -> None:
    for _ in range(3):
        net.train()
        train(net, sgd(net), steps=8)
        net.eval()
        with torch.no_grad():
            net(batch()[0])


class Listed(nn.Module):
    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)
        self.norms = make(nn.BatchNorm2d(8) for _ in range(2))

    def forward(self, x: Any) -> Any:
        x = self.conv(x)
        for norm in self.norms:
            x = norm(x)
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [(list, {"BN501": 1}), (tuple, {"BN501": 1}), (nn.ModuleList, {})],
    ids=["list", "tuple", "ok"],
)
def test_layers_in_a_python_container(make: Callable[[Any], Any], expected: dict[str, int]) -> None:
    assert found(lambda: trained_and_evaluated(Listed(make))) == expected


def test_a_list_that_the_optimizer_knows() -> None:
    def program() -> None:
        net = Listed(list)
        optimizer = torch.optim.SGD([*net.parameters(), *(p for norm in net.norms for p in norm.parameters())], lr=0.1)
        train(net, optimizer, steps=8)

    assert found(program) == {}


def test_a_teacher_that_is_hidden_from_its_student() -> None:
    """A list keeps it out of checkpoints."""

    class Student(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.teacher = small(), [small().eval().requires_grad_(False)]

        def forward(self, x: Any) -> Any:
            return self.net(x) - self.teacher[0](x)

    assert found(lambda: trained_and_evaluated(Student())) == {}


class Rebuilt(nn.Module):
    def __init__(self, *, lazily: bool) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)
        self.lazily, self.norm = lazily, cast(Any, None)

    def forward(self, x: Any) -> Any:
        x = self.conv(x)
        norm = self.norm if self.norm is not None else nn.BatchNorm2d(x.shape[1])
        if self.lazily:
            self.norm = norm
        return self.fc(norm(x).mean((2, 3)))


def test_a_layer_that_each_call_builds() -> None:
    assert found(lambda: trained_and_evaluated(Rebuilt(lazily=False))) == {"BN502": 1}
    assert "BN502" not in found(lambda: trained_and_evaluated(Rebuilt(lazily=True)))


class Overriding(nn.Module):
    def __init__(self, passes: bool) -> None:
        super().__init__()
        self.body, self.passes = small(), passes

    def forward(self, x: Any) -> Any:
        return self.body(x)

    def train(self, mode: bool = True) -> Any:
        return super().train(mode) if self.passes else super().train()


class Forgetful(Overriding):
    def train(self, mode: bool = True) -> Any:
        self.training = mode
        return self


class Adapting(Overriding):
    """Test-time adaptation: its BatchNorm layers always train, which is meant."""

    def train(self, mode: bool = True) -> Any:
        super().train(mode)
        self.body[1].train()
        return self


def test_overrides_that_keep_eval_from_layers() -> None:
    assert found(lambda: trained_and_evaluated(Overriding(False))) == {"BN106": 1}
    assert found(lambda: trained_and_evaluated(Forgetful(False))) == {"BN106": 1}
    assert found(lambda: trained_and_evaluated(Overriding(True))) == {}
    assert "BN106" not in found(lambda: trained_and_evaluated(Adapting(True)))


def test_tracking_switched_off() -> None:
    def program() -> None:
        net: Any = small()
        train(net, sgd(net), steps=8)
        for _ in range(3):
            net.train()
            net[1].track_running_stats = False
            train(net, sgd(net), steps=2)

    assert found(program) == {"BN304": 1}


def test_tracking_switched_off_for_one_pass() -> None:
    """As in virtual adversarial training."""

    def program() -> None:
        net: Any = small()
        optimizer = sgd(net)
        for _ in range(8):
            images, labels = batch()
            net.train()
            loss = nn.functional.cross_entropy(net(images), labels)
            net[1].track_running_stats = False
            loss = loss + sum(net(images + torch.randn_like(images)).square().mean() for _ in range(3))
            net[1].track_running_stats = True
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert found(program) == {}


def test_syncbatchnorm_without_processes() -> None:
    def program() -> None:
        net = nn.SyncBatchNorm.convert_sync_batchnorm(small())
        train(net, sgd(net), steps=8)

    assert found(program) == {"BN603": 1}


def test_layers_that_came_before_eval_are_not_late() -> None:
    """What `eval()` does not reach is no replacement."""

    def program() -> None:
        net, norm = small(), nn.BatchNorm1d(10)
        net.register_forward_hook(lambda module, arguments, output: norm(output))
        train(net, sgd(net), steps=8)
        net.eval()
        with torch.no_grad():
            net(batch()[0])

    assert "BN114" not in found(program)


def test_transforms_of_functions() -> None:
    net = small()
    images = torch.randn(2, 16, 3, 8, 8)
    assert found(lambda: torch.vmap(small())(images), raises=RuntimeError) == {"BN702": 1}
    assert found(lambda: torch.func.jacrev(small())(images[0]), raises=RuntimeError) == {"BN702": 1}
    assert found(lambda: torch.vmap(net.eval())(images)) == {}


def test_a_derivative_after_training() -> None:
    """The call looks like those before it, which were trained on."""

    def program() -> None:
        net = small()
        train(net, sgd(net), steps=8)
        weights = {name: parameter.detach() for name, parameter in net.named_parameters()}
        images, labels = batch()

        def loss(weights: Any) -> Any:
            return nn.functional.cross_entropy(torch.func.functional_call(net, weights, (images,)), labels)

        torch.func.grad(loss)(weights)

    assert found(program, raises=RuntimeError) == {"BN702": 1}


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_features_behind_a_recurrent_layer(layer: Any) -> None:
    """Sequences are as long as their features are wide, so that nothing fails."""

    def program(*, turned: bool) -> None:
        recurrent, norm = layer(4, 8, batch_first=True), nn.BatchNorm1d(8)
        optimizer = torch.optim.SGD([*recurrent.parameters(), *norm.parameters()], lr=0.1)
        for _ in range(4):
            x = recurrent(torch.randn(6, 8, 4))[0]
            norm(x.transpose(1, 2) if turned else x).square().mean().backward()
            optimizer.step()

    assert found(lambda: program(turned=False)) == {"BN004": 1}
    assert found(lambda: program(turned=True)) == {}


def test_a_tool_looks_at_a_new_model() -> None:
    def program(*, is_trained: bool) -> None:
        net = small()
        if is_trained:
            train(net, sgd(net), steps=8)
        ShapeProp(symbolic_trace(net)).propagate(batch(2)[0])

    assert found(lambda: program(is_trained=True)) == {"BN113": 1}
    assert found(lambda: program(is_trained=False)) == {}


def test_fusion_in_training_mode() -> None:
    net: Any = small()
    assert found(lambda: fuse_conv_bn_eval(net[0], net[1]), raises=AssertionError) == {"BN111": 1}
    net.eval()
    assert found(lambda: fuse_conv_bn_eval(net[0], net[1])) == {}
