"""Models that run for the training of others: a teacher that somebody trained is another thing than an average."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import bn_lint

from .nets import batch, sgd, small, train


def pretrained() -> nn.Sequential:
    net = small()
    net.load_state_dict(
        {**net.state_dict(), **{f"1.{name}": torch.rand(8) for name in ("weight", "bias", "running_mean")}}
    )
    return net


def distil(teacher: nn.Module, *, steps: int = 6, average: Callable[[nn.Module], None] | None = None) -> None:
    student = small()
    optimizer = sgd(student)
    for _ in range(steps):
        images, _ = batch()
        with torch.no_grad():
            target = teacher(images)
        optimizer.zero_grad()
        nn.functional.mse_loss(student(images), target).backward()
        optimizer.step()
        if average is not None:
            average(student)


def trained() -> nn.Sequential:
    net = small()
    train(net, sgd(net), steps=8)
    return net


def found(program: Callable[[], object], *, select: list[str] | None = None) -> set[str]:
    torch.manual_seed(0)
    with bn_lint.trace(select=select) as trace:
        program()
    assert not trace.recorder.defects, trace.recorder.defects[0]
    return {finding.code for finding in trace.findings}


@pytest.mark.parametrize("make", [pretrained, trained, lambda: copy.deepcopy(trained())], ids=["loaded", "own", "copy"])
def test_a_teacher_in_training_mode(make: Callable[[], nn.Module]) -> None:
    """Its parameters still need gradients, which nobody computes."""
    assert found(lambda: distil(make())) == {"BN112"}
    assert found(lambda: distil(make().eval())) == set()


def test_a_new_network_may_be_a_reference() -> None:
    """Random network distillation has one that nobody trained."""
    assert found(lambda: distil(small())) == set()


def test_a_teacher_that_is_trained_and_frozen() -> None:
    """Gradients pass through it, and end there."""

    def program() -> None:
        teacher = trained().requires_grad_(False)
        student = nn.Conv2d(3, 3, 3, padding=1)
        optimizer = sgd(student)
        for _ in range(6):
            images, _ = batch()
            optimizer.zero_grad()
            nn.functional.mse_loss(teacher(student(images)), teacher(images)).backward()
            optimizer.step()

    assert found(program) == {"BN301"}


@pytest.mark.parametrize("way", ["data", "lerp", "assignment"])
@pytest.mark.parametrize("frozen", [True, False])
def test_an_average_in_training_mode(way: str, frozen: bool) -> None:
    """DINO, MoCo, BYOL, mean teacher: what is written through `.data` leaves no version behind."""

    def program() -> None:
        target = small().requires_grad_(not frozen)
        target.load_state_dict(pretrained().state_dict())

        def average(student: nn.Module) -> None:
            for mine, other in zip(target.parameters(), student.parameters(), strict=True):
                if way == "data":
                    mine.data.mul_(0.9).add_(other.data, alpha=0.1)
                elif way == "lerp":
                    mine.data.lerp_(other.data, 0.1)
                else:
                    mine.data = mine.data * 0.9 + other.data * 0.1

        distil(target, average=average)

    assert found(program) == set()


def test_dino() -> None:
    """The teacher runs with gradients switched on, which its parameters do not need."""

    def program() -> None:
        student = small()
        teacher = copy.deepcopy(student).requires_grad_(False)
        optimizer = sgd(student)
        for _ in range(6):
            images, _ = batch()
            optimizer.zero_grad()
            nn.functional.mse_loss(student(images), teacher(images + torch.randn_like(images))).backward()
            optimizer.step()
            for mine, other in zip(teacher.parameters(), student.parameters(), strict=True):
                mine.data.mul_(0.9).add_(other.data, alpha=0.1)

    assert found(program) == set()


def fine_tuned(*, frozen_in_evaluation: bool) -> None:
    """All parameters are in the optimizer, frozen or not."""
    net = pretrained()
    optimizer = sgd(net)
    for name, parameter in net.named_parameters():
        parameter.requires_grad = name.startswith("4")
    if frozen_in_evaluation:
        net.eval()
    train(net, optimizer, steps=20)


def test_frozen_parameters_in_the_optimizer() -> None:
    assert found(lambda: fine_tuned(frozen_in_evaluation=False)) == {"BN301"}


def test_a_linear_probe_in_evaluation_mode() -> None:
    assert found(lambda: fine_tuned(frozen_in_evaluation=True)) == set()


def test_frozen_after_training() -> None:
    def program() -> None:
        net = trained()
        net[0].requires_grad_(False)
        net[1].requires_grad_(False)
        train(net, sgd(net), steps=8)

    assert found(program) == {"BN301"}


def update_subnet(net: nn.Module) -> None:
    with torch.no_grad():
        net(batch()[0]).argmax(1)


def test_names_of_functions_prove_nothing() -> None:
    assert found(lambda: update_subnet(trained())) == {"BN101"}


def test_adabn() -> None:
    """Statistics of other data: nothing reads the results."""

    def program() -> None:
        net = trained()
        net.train()
        with torch.no_grad():
            for _ in range(3):
                _ = net(batch()[0])
        net.eval()
        with torch.no_grad():
            net(batch()[0])

    assert found(program) == set()


def test_what_reads_the_result_of_one_call_on_a_line() -> None:
    def program() -> None:
        net = trained()
        net.train()
        with torch.no_grad():
            print(net(batch()[0]).argmax(1))  # noqa: T201
        net.eval()
        with torch.no_grad():
            net(batch()[0])

    assert found(program) == {"BN104"}


def test_a_round_trip_of_new_models() -> None:
    """Weights that nobody learned are loaded and compared."""

    def program() -> None:
        first, second = small(), small()
        second.load_state_dict(first.state_dict())
        images, _ = batch()
        with torch.no_grad():
            assert torch.equal(first(images), second(images))

    assert found(program) == set()


def test_a_model_that_is_unpickled(tmp_path: object) -> None:
    """Nothing loads its weights, and nothing builds it."""
    path = f"{tmp_path}/net.pt"
    torch.save(trained(), path)

    def program() -> None:
        net = torch.load(path, weights_only=False)
        for _ in range(3):
            assert net(batch()[0]).argmax(1).shape == (16,)

    assert found(program) == {"BN101"}


def averaged(*, buffers: bool) -> None:
    net = small()
    average = copy.deepcopy(net).eval()
    optimizer = sgd(net)
    for _ in range(8):
        train(net, optimizer, steps=1)
        with torch.no_grad():
            for mine, other in zip(average.parameters(), net.parameters(), strict=True):
                mine.lerp_(other, 0.5)
            for statistic, current in zip(average.buffers(), net.buffers(), strict=True):
                if buffers:
                    statistic.copy_(current)
    with torch.no_grad():
        average(batch()[0])


def test_an_average_whose_statistics_nobody_learned() -> None:
    assert found(lambda: averaged(buffers=False)) == {"BN801"}
    assert found(lambda: averaged(buffers=True)) == set()


def by_hand(net: nn.Module, *, evaluate_in_each_step: bool = False) -> None:
    for _ in range(3):
        for _ in range(6):
            images, labels = batch()
            if evaluate_in_each_step:
                with torch.no_grad():
                    net(images).argmax(1)
            nn.functional.cross_entropy(net(images), labels).backward()
            for parameter in net.parameters():
                assert parameter.grad is not None
                parameter.data.add_(parameter.grad, alpha=-0.1)
                parameter.grad = None
        if not evaluate_in_each_step:
            with torch.no_grad():
                for _ in range(2):
                    net(batch()[0]).argmax(1)


def test_training_without_an_optimizer() -> None:
    assert found(lambda: by_hand(small())) == {"BN101"}
    assert found(lambda: by_hand(small(), evaluate_in_each_step=True)) == set()


def test_gradients_that_train_nothing() -> None:
    """A saliency map of a model that was trained in the same program."""

    def program(*, mode: bool) -> None:
        net = trained().train(mode)
        images = batch()[0].requires_grad_()
        net(images)[:, 3].sum().backward()

    assert found(lambda: program(mode=True)) == {"BN113"}
    assert found(lambda: program(mode=False)) == set()


def test_adaptation_to_a_task() -> None:
    """The inner loop of meta-learning computes weights, with gradients that no optimizer sees."""

    def program() -> None:
        net = trained()
        images, labels = batch()
        weights: dict[str, torch.Tensor] = dict(net.named_parameters())
        for _ in range(2):
            loss = nn.functional.cross_entropy(torch.func.functional_call(net, weights, (images,)), labels)
            gradients = torch.autograd.grad(loss, list(weights.values()))
            weights = {name: w - 0.1 * g for (name, w), g in zip(weights.items(), gradients, strict=True)}

    assert found(program) == set()


def test_an_average_in_a_short_run() -> None:
    """Most of its statistics are the initial ones, as its weights are."""

    def program() -> None:
        net = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))
        average = copy.deepcopy(net).eval()
        optimizer = sgd(net)
        for _ in range(60):
            images, labels = 5 * torch.randn(32, 4) + 9, torch.randint(3, (32,))
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images), labels).backward()
            optimizer.step()
            with torch.no_grad():
                for mine, other in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                    mine.copy_(torch.lerp(mine, other, 0.001) if mine.is_floating_point() else other)
                average(images)

    torch.manual_seed(0)
    with bn_lint.trace(stats=True) as trace:
        program()
    assert [finding.code for finding in trace.findings] == []


def test_own_initial_weights_are_not_learned() -> None:
    """As in DCGAN: a weight that is drawn, a bias of 0."""

    def program() -> None:
        net = small().eval()
        nn.init.normal_(net[1].weight, 1, 0.02)  # type: ignore[arg-type]
        with torch.no_grad():
            net(batch()[0])

    assert found(program) == set()
