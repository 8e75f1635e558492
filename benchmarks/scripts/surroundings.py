"""What a script of the benchmark finds: what is not there is made up, and what it computes is taken down.

Data sets are random, of the sizes that the real ones have; `.cuda()` stays on the processor. Nothing here differs
between a run with the tracer and one without.
"""

import atexit
import gc
import hashlib
import importlib
import io
import json
import os
import random
import sys
import types
import weakref

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook


class _Record:
    """What the program computes: each loss, and each model with its gradients after each step."""

    def __init__(self, path: str, most_steps: int) -> None:
        self.path, self.most_steps, self.owner = path, most_steps, os.getpid()
        self.losses, self.weights = hashlib.sha256(), hashlib.sha256()
        self.backwards = self.steps = 0
        self.models: dict[int, list[weakref.ref[nn.Module]]] = {}

    def loss(self, value: torch.Tensor) -> None:
        self.backwards += 1
        _add(self.losses, value)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        self.steps += 1
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        for each in parameters:
            _add(self.weights, each)
            if each.grad is not None:
                _add(self.weights, each.grad)
        if id(optimizer) not in self.models:
            self.models[id(optimizer)] = _layers_with_buffers(parameters)
        for reference in self.models[id(optimizer)]:
            for buffer in getattr(reference(), "_buffers", {}).values():
                if buffer is not None:
                    _add(self.weights, buffer)
        if self.steps == self.most_steps:
            sys.exit(0)

    def save(self) -> None:
        if os.getpid() != self.owner:
            return
        state = repr((torch.random.get_rng_state().tolist(), np.random.random(), random.random()))
        found = {"steps": self.steps, "backwards": self.backwards, "random": hashlib.sha256(state.encode()).hexdigest()}
        found |= {"losses": self.losses.hexdigest(), "weights": self.weights.hexdigest()}
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(found, file)


def _layers_with_buffers(parameters: list[torch.Tensor]) -> list["weakref.ref[nn.Module]"]:
    """The layers of the models whose parameters are given, in the order in which the models name them."""
    ids = {id(each) for each in parameters}
    models = [each for each in gc.get_objects() if isinstance(each, nn.Module) and "_parameters" in each.__dict__]
    inner = {id(child) for each in models for child in each.children()}
    roots = [each for each in models if id(each) not in inner and any(id(one) in ids for one in each.parameters())]
    found = [
        layer for root in roots for layer in root.modules() if any(one is not None for one in layer._buffers.values())
    ]
    return [weakref.ref(layer) for layer in dict.fromkeys(found)]


def _add(digest: "hashlib._Hash", value: torch.Tensor) -> None:
    digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy())


def _watch(record: _Record) -> None:
    backward = torch.Tensor.backward

    def watched(self: torch.Tensor, *arguments: object, **options: object) -> None:
        record.loss(self)
        return backward(self, *arguments, **options)

    torch.Tensor.backward = watched
    register_optimizer_step_post_hook(lambda optimizer, *_: record.step(optimizer))
    atexit.register(record.save)


def _stay_on_the_processor(*, told_otherwise: bool) -> None:
    torch.Tensor.cuda = lambda self, *_, **__: self
    nn.Module.cuda = lambda self, *_, **__: self
    torch.cuda.set_device = lambda _: None
    torch.cuda.current_device = lambda: 0
    torch.cuda.synchronize = lambda _=None: None
    torch.cuda.FloatTensor = torch.FloatTensor
    if told_otherwise:
        torch.cuda.is_available = lambda: True
    parallel = nn.DataParallel.__init__

    def alone(self: nn.DataParallel, module: nn.Module, *_: object, **__: object) -> None:
        available, torch.cuda.is_available = torch.cuda.is_available, lambda: False
        parallel(self, module)
        torch.cuda.is_available = available

    nn.DataParallel.__init__ = alone


def _be_as_it_was() -> None:
    """What scripts of these years do, and newer releases refuse."""
    for name, meaning in (("int", int), ("float", float), ("bool", bool), ("object", object)):
        if name not in np.__dict__:
            setattr(np, name, meaning)
    total = np.sum

    def total_of_any(values: object, *arguments: object, **options: object) -> object:
        return sum(values) if isinstance(values, types.GeneratorType) else total(values, *arguments, **options)

    np.sum = total_of_any
    view = torch.Tensor.view

    def view_or_copy(self: torch.Tensor, *shape: object, **options: object) -> torch.Tensor:
        try:
            return view(self, *shape, **options)
        except RuntimeError:
            return self.reshape(*shape)

    torch.Tensor.view = view_or_copy
    item = torch.Tensor.__getitem__

    def item_or_self(self: torch.Tensor, index: object) -> torch.Tensor:
        return self if type(index) is int and index == 0 and self.dim() == 0 else item(self, index)

    torch.Tensor.__getitem__ = item_or_self
    full = torch.full

    def full_of_floats(size: object, value: object, **options: object) -> torch.Tensor:
        if type(value) is int and options.get("dtype") is None:
            options["dtype"] = torch.get_default_dtype()
        return full(size, value, **options)

    torch.full = full_of_floats


def _be_a_terminal() -> None:
    """Tell the size of a terminal to scripts that ask for it when they are imported."""
    popen = os.popen

    def popen_or_size(command: str, *arguments: object, **options: object) -> object:
        return io.StringIO("24 80\n") if command == "stty size" else popen(command, *arguments, **options)

    os.popen = popen_or_size


def _make_up_data(samples: int) -> None:
    from PIL import Image
    from torchvision import datasets

    def pictures(count: int, side: int, channels: int, seed: int) -> np.ndarray:
        shape = (count, side, side, channels) if channels > 1 else (count, side, side)
        return np.random.RandomState(seed).randint(0, 256, shape, dtype=np.uint8)

    class MadeUp(torch.utils.data.Dataset):
        side, channels, many = 32, 3, 10

        def __init__(self, root="", train=True, transform=None, target_transform=None, download=False, split=None, **_):
            self.root, self.train, self.transform, self.target_transform = root, train, transform, target_transform
            test = not train or split == "test"
            count = samples // 2 if test else samples
            self.data = pictures(count, self.side, self.channels, int(test))
            labels = np.arange(count) % self.many
            np.random.RandomState(2).shuffle(labels)
            self.targets = labels.tolist()
            self.labels = np.array(self.targets)
            self.classes = [str(number) for number in range(self.many)]
            if self.channels == 1:
                self.data, self.targets = torch.from_numpy(self.data), torch.tensor(self.targets)
            self.train_data = self.test_data = self.data
            self.train_labels = self.test_labels = self.targets

        def __len__(self):
            return len(self.data)

        def __getitem__(self, index):
            picture, label = Image.fromarray(np.asarray(self.data[index])), int(self.targets[index])
            if self.transform is not None:
                picture = self.transform(picture)
            if self.target_transform is not None:
                label = self.target_transform(label)
            return picture, label

    class Folder(MadeUp):
        side = 96

        def __init__(self, root="", transform=None, **options):
            super().__init__(root, transform=transform, **options)
            self.imgs = self.samples = [(f"{number}.png", label) for number, label in enumerate(self.targets)]
            self.class_to_idx = {name: number for number, name in enumerate(self.classes)}

    for name, kind, options in (
        ("CIFAR10", MadeUp, {}),
        ("CIFAR100", MadeUp, {"many": 100}),
        ("MNIST", MadeUp, {"side": 28, "channels": 1}),
        ("FashionMNIST", MadeUp, {"side": 28, "channels": 1}),
        ("SVHN", MadeUp, {}),
        ("STL10", MadeUp, {"side": 96}),
        ("ImageFolder", Folder, {}),
    ):
        made_up = type(name, (kind,), {**options, "__module__": "torchvision.datasets"})
        setattr(datasets, name, made_up)
        for module in tuple(sys.modules.values()):
            if getattr(module, "__name__", "").startswith("torchvision.datasets.") and hasattr(module, name):
                setattr(module, name, made_up)


def load() -> None:
    """Import what takes long to import."""
    # What torchvision says of its compiled operators, which are not here.
    sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
    importlib.import_module("torchvision")


def begin(record: str, samples: int, steps: int, *, gpu: bool = False) -> None:
    """Change this process into one for a script, which ends after so many optimizer steps.

    Args:
        record: The file for what the script computes.
        samples: How many training samples its data set has.
        steps: The optimizer steps after which it is ended.
        gpu: Whether it is told that there is a GPU, without which it refuses to start.
    """
    torch.set_num_threads(1)
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(0)
    _be_as_it_was()
    _stay_on_the_processor(told_otherwise=gpu)
    _be_a_terminal()
    _make_up_data(samples)
    _watch(_Record(record, steps))
