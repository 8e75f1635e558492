"""Programs that do everything right: the tracer has nothing to say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.checkpoint import checkpoint

import bn_lint

from .nets import batch, sgd, small, train


class Block(nn.Module):
    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x: Any) -> Any:
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(out + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.layers = nn.Sequential(Block(8, 8), Block(8, 16, 2))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))

    def forward(self, x: Any) -> Any:
        return self.head(self.layers(self.stem(x)))


def two_passes_of_which_one_learns() -> None:
    """Self-distillation: the first result is a target, and gets no gradient."""
    net = small()
    optimizer = sgd(net)
    for _ in range(12):
        target = net(batch()[0]).detach()
        optimizer.zero_grad()
        (net(batch()[0]) - target).square().mean().backward()
        optimizer.step()


def gan_with_previews() -> None:
    """The generator runs for the discriminator, and to be looked at, with gradients that nobody asks for."""
    generator = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 6))
    discriminator = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.LeakyReLU(), nn.Linear(8, 1))
    of_generator, of_discriminator = sgd(generator), sgd(discriminator)
    for step in range(12):
        for _ in range(2):
            of_discriminator.zero_grad()
            fake = generator(torch.randn(16, 4)).detach()
            (discriminator(fake) - discriminator(torch.randn(16, 6))).mean().backward()
            of_discriminator.step()
        of_generator.zero_grad()
        discriminator(generator(torch.randn(16, 4))).mean().backward()
        of_generator.step()
        if step % 4 == 3:
            assert generator(torch.randn(16, 4)).detach().numpy().shape == (16, 6)


def weights_changed_by_hand() -> None:
    net = small()
    net.load_state_dict({name: value.clone() for name, value in small().state_dict().items()})
    for _ in range(6):
        images, labels = batch()
        nn.functional.cross_entropy(net(images), labels).backward()
        with torch.no_grad():
            for parameter in net.parameters():
                assert parameter.grad is not None
                parameter.sub_(0.1 * parameter.grad)
                parameter.grad = None


def a_dummy_input() -> None:
    net = small()
    assert net(batch(2)[0]).shape == (2, 10)
    with torch.no_grad():
        assert net(batch(2)[0]).shape == (2, 10)
    train(net, sgd(net), steps=8)


def cross_validation() -> None:
    for _ in range(6):
        net = small()
        train(net, sgd(net), steps=4)
        net.eval()
        with torch.no_grad():
            net(batch()[0])


def settings_changed_before_training() -> None:
    """Models that were written with the convention of another library, and put right by whoever uses them."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, momentum=0.99), nn.Flatten(), nn.Linear(8 * 36, 10))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    train(net, sgd(net))


def only_built() -> None:
    with torch.no_grad():
        small()(batch(1)[0])
    small()(batch(1)[0])


def resnet() -> None:
    net = ResNet()
    optimizer = sgd(net)
    for _ in range(3):
        net.train()
        train(net, optimizer, steps=8)
        train(net, optimizer, steps=1, size=5)
        net.eval()
        with torch.no_grad():
            net(batch()[0])
            net(batch(1)[0])


def gan() -> None:
    generator = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))
    critic = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
    of_generator, of_critic = sgd(generator), sgd(critic)
    fixed = torch.randn(16, 4)
    for _ in range(6):
        of_critic.zero_grad()
        nn.functional.softplus(-critic(torch.randn(16, 8))).mean().backward()
        fake = generator(torch.randn(16, 4))
        nn.functional.softplus(critic(fake.detach())).mean().backward()
        of_critic.step()
        of_generator.zero_grad()
        nn.functional.softplus(-critic(fake)).mean().backward()
        of_generator.step()
        with torch.no_grad():
            generator(fixed)


def gan_whose_critic_is_frozen_for_the_generator() -> None:
    generator = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Linear(16, 8))
    critic = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 1))
    of_generator, of_critic = sgd(generator), sgd(critic)
    for step in range(10):
        with torch.no_grad():
            fake = generator(torch.randn(16, 4))
        of_critic.zero_grad()
        (critic(fake) - critic(torch.randn(16, 8))).mean().backward()
        of_critic.step()
        if step % 3 == 0:
            critic.requires_grad_(False)
            of_generator.zero_grad()
            critic(generator(torch.randn(16, 4))).mean().backward()
            of_generator.step()
            critic.requires_grad_(True)


def fine_tuning() -> None:
    net = ResNet()
    train(net, sgd(net), steps=40)
    state = copy.deepcopy(net.state_dict())
    net = ResNet()
    net.load_state_dict(state)
    for part in (net.stem, net.layers):
        part.requires_grad_(False)
    optimizer = sgd(net.head)
    for _ in range(3):
        net.train()
        net.stem.eval()
        net.layers.eval()
        train(net, optimizer)
        net.eval()
        with torch.inference_mode():
            net(batch()[0])


def fine_tuning_with_frozen_statistics() -> None:
    net = ResNet()
    train(net, sgd(net), steps=40)
    optimizer = sgd(net)
    for _ in range(3):
        net.train()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        train(net, optimizer)
        net.eval()
        with torch.no_grad():
            net(batch()[0])


class Lightning(nn.Module):
    """A module with steps, as in Lightning: the trainer calls these, and they call the module."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ResNet()

    def forward(self, x: Any) -> Any:
        return self.net(x)

    def training_step(self, data: Any) -> Any:
        images, labels = data
        return nn.functional.cross_entropy(self(images), labels)

    def validation_step(self, data: Any) -> None:
        self(data[0])


def lightning_style() -> None:
    """A check of the validation before training, then epochs; modes are put back as they were, module by module."""
    module = Lightning()
    optimizer = sgd(module)

    def validate() -> None:
        modes = {each: each.training for each in module.modules()}
        module.eval()
        with torch.inference_mode():
            for _ in range(2):
                module.validation_step(batch())
        for each, mode in modes.items():
            each.training = mode

    validate()
    for _ in range(3):
        for _ in range(10):

            def closure() -> Any:
                optimizer.zero_grad()
                loss = module.training_step(batch())
                loss.backward()
                return loss

            optimizer.step(closure)
        validate()


def stochastic_weight_averaging() -> None:
    net = small()
    averaged = AveragedModel(net)
    optimizer = sgd(net)
    for _ in range(5):
        train(net, optimizer)
        averaged.update_parameters(net)
    update_bn([batch() for _ in range(3)], averaged)
    averaged.eval()
    with torch.no_grad():
        averaged(batch()[0])


def precise_batchnorm() -> None:
    """Statistics are averaged over batches with a momentum that is set for it."""
    net = small()
    train(net, sgd(net), steps=40)
    layer = net[1]
    assert isinstance(layer, nn.BatchNorm2d)
    momentum, layer.momentum = layer.momentum, 1.0
    means = []
    with torch.no_grad():
        for _ in range(5):
            net(batch()[0])
            assert layer.running_mean is not None
            means.append(layer.running_mean.clone())
    layer.momentum = momentum
    assert layer.running_mean is not None
    layer.running_mean.copy_(torch.stack(means).mean(0))
    net.eval()
    with torch.no_grad():
        net(batch()[0])


def reentrant_checkpointing() -> None:
    net, head = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), nn.Conv2d(8, 8, 3)
    optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        images = batch()[0].requires_grad_()
        head(checkpoint(net, images, use_reentrant=True)).square().mean().backward()
        optimizer.step()


def encoder_and_decoder_with_an_optimizer_each() -> None:
    encoder, decoder = (
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)),
        nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 4)),
    )
    optimizers = [sgd(encoder), sgd(decoder)]
    for _ in range(40):
        for optimizer in optimizers:
            optimizer.zero_grad()
        decoder(encoder(torch.randn(16, 4))).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
    encoder.eval()
    decoder.eval()
    with torch.no_grad():
        decoder(encoder(torch.randn(16, 4)))


def pretrained_inference() -> None:
    net = small()
    state = {**net.state_dict(), "1.running_mean": torch.full((8,), 0.2), "1.num_batches_tracked": torch.tensor(500)}
    net = small()
    net.load_state_dict(state)
    net.eval()
    with torch.inference_mode():
        for size in (1, 2, 4):
            net(batch(size)[0])


HEALTHY = (
    resnet,
    two_passes_of_which_one_learns,
    a_dummy_input,
    gan_with_previews,
    weights_changed_by_hand,
    cross_validation,
    settings_changed_before_training,
    only_built,
    gan,
    gan_whose_critic_is_frozen_for_the_generator,
    fine_tuning,
    fine_tuning_with_frozen_statistics,
    lightning_style,
    stochastic_weight_averaging,
    precise_batchnorm,
    reentrant_checkpointing,
    encoder_and_decoder_with_an_optimizer_each,
    pretrained_inference,
)


@pytest.mark.parametrize("stats", [False, True], ids=["", "stats"])
@pytest.mark.parametrize("program", HEALTHY, ids=lambda program: program.__name__)
def test_nothing_is_found(program: Callable[[], None], stats: bool) -> None:
    torch.manual_seed(0)
    with bn_lint.trace(stats=stats) as trace:
        program()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    assert trace.document.layers
    assert [f"{one.place.line}: {one.code} {one.message}" for one in trace.findings] == []
