"""Modules are kept as their top levels have left them: after an edit within a function these are not run again."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bn_lint.native import COMPILED
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.syntax.source_files import Project
from bn_lint.static.training.domain import TrainingDomain
from bn_lint.static.training.facts_from_layers import FactCollector
from bn_lint.static.turns.addresses import ProjectAddresses
from bn_lint.static.turns.encoding import NotKept
from bn_lint.static.turns.heap import HeapWriter, read

from .projects import Check, write

pytestmark = pytest.mark.skipif(COMPILED, reason="the compiled build keeps no images")

#: What the top level of a module may leave: each kind of values.
REGISTRY = """import collections
import enum
import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import torch
from torch import nn

REGISTRY = {}
WIDTHS = [8, 16, *range(24, 40, 8)]
NORMS = {nn.BatchNorm2d, nn.BatchNorm1d}
SPECIAL = {}
if unknown_name.is_large:
    SPECIAL["stem"] = 16
BY_NAME = collections.defaultdict(set)
Size = collections.namedtuple("Size", ["width", "depth"])
SIZE = Size(width=8, depth=2)
PATTERN, RATIO, COMPLEX, RAW, REST = re.compile("bn[0-9]"), Fraction(1, 3), 2j, b"raw", ...
EVEN = slice(0, None, 2)
ANY = Any
norm = partial(nn.BatchNorm2d, eps=1e-3)
missing = unknown_name.attribute
lower = lambda text, default={"a": 1}: text.lower()


class Kind(enum.Enum):
    SMALL = 8
    LARGE = 16


@dataclass
class Config:
    width: int = 8
    tags: list = field(default_factory=list)

    @property
    def double(self):
        return 2 * self.width

    @staticmethod
    def default():
        return Config()

    @classmethod
    def of(cls, width):
        return cls(width)


CONFIG = Config.of(SIZE.width)


def register(function):
    REGISTRY[function.__name__] = function
    BY_NAME[function.__module__].add(function.__name__)
    return function


def counted(function):
    calls = [0]

    @torch.no_grad()
    def inner(*arguments):
        calls[0] += 1
        return function(*arguments)

    return inner


@counted
def width_of(config):
    return config.width
"""
NET = """from torch import nn
from registry import *
from registry import CONFIG, EVEN, REGISTRY, SIZE, WIDTHS, Config, Kind, norm, register

LAYER = nn.BatchNorm2d


class Block(nn.Module):
    def __init__(self, width=CONFIG.double, config=Config()):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = norm({width})
        self.config = config

    def forward(self, x):
        return self.bn(self.conv(x))


@register
def {name}():
    assert len(REGISTRY) > 1
    last = norm(SPECIAL.get("stem", 8)), norm(SIZE.width + {more})
    return nn.Sequential(Block(), nn.Conv2d(16, WIDTHS[EVEN][0], 3), norm(Kind.SMALL.value), *last)
"""


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of which the top level is run."""
    import bn_lint.static.interpreter.imports as imports

    found: list[str] = []
    original = imports._execute

    def execute(interpreter: Interpreter, scope: Any, *arguments: Any) -> None:
        found.append(scope.path.name)
        original(interpreter, scope, *arguments)

    monkeypatch.setattr(imports, "_execute", execute)
    return found


def net(name: str, width: str = "width", more: int = 0) -> None:
    write(f"{name}.py", NET.format(name=name, width=width, more=more))


@pytest.fixture
def run(check: Check, executed: list[str]) -> Callable[[], tuple[list[str], set[str]]]:
    """What a run finds, which is what it finds without a cache, and the files of which it runs the top level."""

    def checked() -> tuple[list[str], set[str]]:
        executed.clear()
        found, needed = check(), set(executed)
        assert found == check("--no-cache")
        return found, needed

    write("registry.py", REGISTRY)
    net("one")
    net("two")
    assert checked() == ([], {"registry.py", "one.py", "two.py"})
    return checked


Run = Callable[[], tuple[list[str], set[str]]]


def test_an_edit_within_a_function_runs_no_top_level(run: Run) -> None:
    net("one", more=1)
    assert run() == (["one.py:22 BN002"], set())
    net("one")
    assert run() == ([], set())


def test_an_edit_around_what_a_top_level_has_made_runs_all(run: Run) -> None:
    """The object that is the default of a parameter was made in the function that is edited."""
    net("one", width="width + 1")
    assert run() == (["one.py:12 BN002"], {"registry.py", "one.py", "two.py"})


def test_an_edit_of_a_top_level_runs_all(run: Run) -> None:
    write("registry.py", REGISTRY.replace("SMALL = 8", "SMALL = 9"))
    found, executed = run()
    assert found == ["one.py:23 BN002", "two.py:23 BN002"]
    assert executed == {"registry.py", "one.py", "two.py"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("REGISTRY[function.__name__] = function", "pass"),  # a decorator
        ("return cls(width)", "return cls(9)"),  # a method
        ("return 2 * self.width", "return self.width"),  # what a default is taken from
        ("calls[0] += 1", "calls[0] += 2"),  # a function within another one
    ],
)
def test_an_edit_of_what_a_top_level_calls_runs_all(run: Run, old: str, new: str) -> None:
    write("registry.py", REGISTRY.replace(old, new))
    assert run()[1] == {"registry.py", "one.py", "two.py"}


def test_modules_that_only_register_something_are_put_back_as_well(run: Run) -> None:
    """A branch that nobody decides about moves the clock of a module on; that nothing has happened in it remains so."""
    plain = "import registry\nif registry.missing:\n    pass\n\n\n@registry.register\ndef {}():\n    assert {}\n"
    write("plain.py", plain.format("plain", 1))
    write("models.py", "import one, plain, two\n")
    write("one.py", f"import plain\n{Path('one.py').read_text()}")
    everything = {"registry.py", "one.py", "two.py", "plain.py"}
    assert run() == ([], everything)
    write("two.py", Path("two.py").read_text().replace("SIZE.width + 0", "SIZE.width + 1"))
    assert run() == (["two.py:22 BN002"], set())
    write("plain.py", plain.format("plain", 2))
    assert run() == (["two.py:22 BN002"], set())
    write("plain.py", plain.format("simple", 2))
    assert run() == (["two.py:22 BN002"], everything)


def test_a_file_that_builds_layers_from_now_on_is_run(run: Run) -> None:
    write("three.py", "from one import Block\n\n\ndef three():\n    return Block(8)\n")
    run()
    write("three.py", "from one import Block\n\n\ndef three():\n    return Block(8), BatchNorm2d\n")
    assert "three.py" in run()[1]


def test_a_program_is_run_each_time(check: Check, executed: list[str]) -> None:
    """What it shows at its top level is no part of its module."""
    write("one.py", "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(9))\n")
    write("two.py", "import one\nfrom torch import nn\n\n\ndef two():\n    return nn.BatchNorm2d(8)\n")
    assert check() == ["one.py:2 BN002"]
    executed.clear()
    write("two.py", "import one\nfrom torch import nn\n\n\ndef two():\n    return nn.BatchNorm2d(9)\n")
    assert check() == ["one.py:2 BN002"]
    assert "one.py" in executed


def _image() -> Path:
    (path,) = Path(".bn_lint_cache/bn-lint").glob("??/*.image")
    return path


def _rewrite(edit: Callable[[dict[str, Any]], None]) -> None:
    path = _image()
    data = json.loads(zlib.decompress(path.read_bytes().partition(b"\n")[2]))
    edit(data)
    body = zlib.compress(json.dumps(data).encode())
    path.write_bytes(sha256(body).hexdigest().encode() + b"\n" + body)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("rows"),
        lambda data: data["rows"].pop(),
        lambda data: data["rows"].__setitem__(0, ["eval", "1"]),
        lambda data: data["rows"].__setitem__(0, ["tuple", 0]),
        lambda data: data["rows"].append(["pattern", "(", 0]),
        lambda data: data["rows"].append(["node", "one.py", "one", -1]),
        lambda data: data["modules"].append(10**9),
        lambda data: data["functions"].append(data["classes"][0]),
        lambda data: data["files"].append(["/nowhere.py", True]),
        lambda data: data["by modules"].update(a=3),
        lambda data: data["efforts"].clear(),
        lambda data: data["rows"].append(["log", "late"]),
    ],
)
def test_a_damaged_image_counts_as_none(run: Run, damage: Callable[[dict[str, Any]], None]) -> None:
    _rewrite(damage)
    net("one", more=1)
    assert run() == (["one.py:22 BN002"], {"registry.py", "one.py", "two.py"})


def test_an_image_that_is_gone_counts_as_none(run: Run) -> None:
    _image().unlink()
    net("one", more=1)
    assert run() == (["one.py:22 BN002"], {"registry.py", "one.py", "two.py"})


@pytest.mark.parametrize("kind", ["Unknown", "Instance"])
def test_chains_have_an_end(kind: str, tmp_path: Path) -> None:
    """No bytes let the engine go in a circle."""
    interpreter = Interpreter(Project([]), TrainingDomain(), FactCollector())
    addresses = ProjectAddresses(interpreter.project, FactCollector())
    writer = HeapWriter(interpreter, addresses)
    from bn_lint.static.interpreter.values import External, Instance, Unknown

    made: Any = Unknown("x") if kind == "Unknown" else Instance(External("a.B"), None)  # type: ignore[arg-type]
    number = writer.add(made)
    assert type(read(writer.rows, interpreter, addresses)[number]) is type(made)
    if kind == "Unknown":
        made._twin_of = made
    else:
        made.owner = made
    writer = HeapWriter(interpreter, addresses)
    writer.add(made)
    with pytest.raises(NotKept):
        read(writer.rows, interpreter, addresses)
