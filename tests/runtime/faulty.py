"""Small programs, each with one fault that only shows when it runs."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from .nets import batch, sgd, small, train


def training_forward_without_grad() -> None:
    net = small()
    train(net, sgd(net))
    with torch.no_grad():
        net(batch()[0])


def training_forward_in_inference_mode() -> None:
    net = small()
    train(net, sgd(net))
    with torch.inference_mode():
        net(batch()[0])


def evaluation_with_gradients() -> None:
    net = small()
    train(net, sgd(net), steps=20)
    for _ in range(3):
        assert net(batch()[0]).argmax(1).shape == (16,)


def evaluation_with_gradients_each_epoch() -> None:
    """Its batches are like those of training, so that only their number tells."""
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        train(net, optimizer, steps=10)
        for _ in range(4):
            net(batch()[0]).argmax(1)
    train(net, optimizer, steps=10)


def training_in_evaluation_mode() -> None:
    net = small().eval()
    train(net, sgd(net))


def training_after_an_evaluation() -> None:
    net = small()
    for _ in range(3):
        train(net, sgd(net))
        net.eval()
        with torch.no_grad():
            net(batch()[0])


def untrained_statistics() -> None:
    net = small()
    net.load_state_dict({**small().state_dict(), "1.weight": torch.rand(8)})
    net.eval()
    with torch.no_grad():
        net(batch()[0])


def nan_in_the_statistics() -> None:
    net = small()
    net(torch.full((4, 3, 8, 8), float("nan")))


def infinity_in_the_statistics() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4))
    net(torch.full((4, 4), 3e38) * torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]))


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.bn = nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.first(x))
        return self.bn(self.second(x))  # type: ignore[no-any-return]


def one_layer_twice_in_a_forward() -> None:
    net = Twice()
    optimizer = sgd(net)
    for _ in range(3):
        net(torch.randn(8, 4)).sum().backward()
        optimizer.step()


def whole_model_twice_in_a_step() -> None:
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        first = net(batch()[0]).sum()
        second = net(batch()[0] + 5).sum()
        (first + second).backward()
        optimizer.step()


def batch_of_one() -> None:
    net = small()
    train(net, sgd(net), size=1)


def checkpointed() -> None:
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        checkpoint(net, batch()[0], use_reentrant=False).sum().backward()
        optimizer.step()


def frozen_layers_back_in_training_mode() -> None:
    net = small()
    net[1].eval()
    net[1].requires_grad_(False)
    for _ in range(3):
        net.train()
        train(net, sgd(net))


def half_precision_statistics() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).to(torch.bfloat16)
    net(torch.randn(8, 4, dtype=torch.bfloat16))


def collapsed_variance() -> None:
    net = nn.Sequential(nn.BatchNorm2d(4))
    for _ in range(200):
        net(torch.ones(2, 4, 3, 3))


def two_values_per_channel() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    optimizer = sgd(net)
    for _ in range(3):
        for _ in range(4):
            net(torch.randn(2, 4)).sum().backward()
        optimizer.step()


def keras_momentum() -> None:
    nn.BatchNorm2d(4, momentum=0.99)(torch.randn(2, 4, 3, 3))


def zero_momentum() -> None:
    nn.BatchNorm2d(4, momentum=0.0)(torch.randn(2, 4, 3, 3))


def momentum_none() -> None:
    nn.BatchNorm2d(4, momentum=None)(torch.randn(2, 4, 3, 3))


def shifted_evaluation() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4))
    for _ in range(60):
        net(torch.randn(32, 4))
    net.eval()
    with torch.no_grad():
        for _ in range(4):
            net(3 * torch.randn(32, 4) + 2)


def averaged_without_update() -> None:
    net = small()
    averaged = AveragedModel(net)
    train(net, sgd(net), steps=20)
    averaged.update_parameters(net)
    averaged.eval()
    with torch.no_grad():
        averaged(batch()[0])


def silent_width_mismatch() -> None:
    nn.BatchNorm2d(8, affine=False, track_running_stats=False)(torch.randn(2, 4, 3, 3))


def features_on_the_last_axis() -> None:
    nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))(torch.randn(2, 6, 4))


def evaluated_with_batch_statistics() -> None:
    nn.BatchNorm2d(4, track_running_stats=False).eval()(torch.randn(2, 4, 3, 3))


def half_frozen() -> None:
    net = small()
    net[1].requires_grad_(False)
    train(net, sgd(net[4]))


def accumulated() -> None:
    net = small()
    optimizer = sgd(net)
    for _ in range(3):
        for _ in range(4):
            net(batch(4)[0]).sum().backward()
        optimizer.step()


def teacher() -> None:
    student, frozen = small(), small().requires_grad_(False)
    optimizer = sgd(student)
    for _ in range(4):
        images, _ = batch()
        with torch.no_grad():
            target = frozen(images)
        nn.functional.mse_loss(student(images), target).backward()
        optimizer.step()


def target_network() -> None:
    student = small()
    target = copy.deepcopy(student).requires_grad_(False)
    optimizer = sgd(student)
    for _ in range(4):
        images, _ = batch()
        with torch.no_grad():
            wanted = target(images)
        nn.functional.mse_loss(student(images), wanted).backward()
        optimizer.step()
        with torch.no_grad():
            for mine, other in zip(target.parameters(), student.parameters(), strict=True):
                mine.lerp_(other, 0.1)


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.bn, self.other = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.linear(x))  # type: ignore[no-any-return]


def never_called() -> None:
    Unused()(torch.randn(8, 4))


def recalibration_in_evaluation_mode() -> None:
    """It does nothing, and the averaged model keeps the statistics of other weights."""

    def precise_bn(model: nn.Module) -> None:
        with torch.no_grad():
            for _ in range(3):
                model(batch()[0])

    net = small()
    average = AveragedModel(net)
    train(net, sgd(net))
    average.update_parameters(net)
    average.eval()
    precise_bn(average)
    average(batch()[0])


def checkpoint_without_statistics() -> None:
    net = small()
    net.load_state_dict({k: v for k, v in net.state_dict().items() if "running" not in k}, strict=False)
    net.eval()
    net(batch()[0])


def evaluated_too_early() -> None:
    net = small()
    train(net, sgd(net))
    net.eval()
    with torch.no_grad():
        net(batch()[0])


def looked_at_by_a_tool() -> None:
    net = small()
    train(net, sgd(net))
    ShapeProp(torch.fx.symbolic_trace(net)).propagate(batch(2)[0])


def exported() -> None:
    torch.jit.trace(small(), batch(2)[0], check_trace=False)


def mode_by_turns() -> None:
    net = small()
    for step in range(12):
        net.train(step % 2 == 0)
        train(net, sgd(net), steps=1)


def sorted_batches() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4))
    optimizer = sgd(net)
    for step in range(100):
        net(torch.randn(16, 4) + 6 * (step // 8 % 2)).sum().backward()
        optimizer.step()
