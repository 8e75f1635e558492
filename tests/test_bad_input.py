"""Input that a linter must survive: each file gets a clear result in bounded time, and the others are still judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .project import command_line

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

GOOD = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(4))\n"

HOSTILE = {
    "a forward that calls itself": """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
    def forward(self, x):
        return self.forward(self.norm(x))
""",
    "classes that build themselves": """
from torch import nn
class Tree(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.left, self.right = Tree(n + 1), Tree(n - 1)
        self.norm = nn.BatchNorm2d(n)
    def forward(self, x):
        return self.left(x) + self.right(x)
""",
    "a module that contains itself": """
from torch import nn
class Knot(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
        self.me = self
        self.add_module("again", self)
    def forward(self, x):
        return self.me(x)
""",
    "functions that recurse in two directions": """
from torch.nn import BatchNorm2d
def norm(n):
    return norm(n + 1) or norm(n - 1) or BatchNorm2d(n)
norm(3)
""",
    "endless loops": """
from torch import nn
while True:
    nn.BatchNorm2d(3)
    while True:
        for i in range(10**9):
            for j in range(10**9):
                i *= 3
""",
    "containers in themselves": """
from torch import nn
a = [nn.BatchNorm2d(3)]
a.append(a)
d = {}
d["d"] = d
nn.Sequential(*a)
print(a, d)
""",
    "huge values": """
from torch.nn import BatchNorm2d
a = "x" * 10**9 * 10**9
b = [0] * 10**9
c = 10 ** 10 ** 10
d = list(range(10**10))
BatchNorm2d(c)
""",
    "a class that inherits from itself": """
from torch import nn
class Net(nn.Module):
    norm = nn.BatchNorm2d(3)
class Net(Net):
    pass
class Net(Net, Net):
    pass
Net()
""",
    "a module that imports itself": """
from hostile import BatchNorm
import hostile
hostile.hostile.hostile.x(BatchNorm)
""",
    "infinite widths": """
from torch import nn
def norm(width):
    best = float("inf")
    return nn.BatchNorm2d(width + best if width < best else int(best))
""",
    "star imports under a condition": """
import os
from torch.nn import BatchNorm2d
if os.environ.get("FAST"):
    from good import *
else:
    from hostile import *
    from good import *
print(missing, net, BatchNorm2d)
""",
    "variables that are called items and rest": """
from torch import nn
def stack(widths, flag):
    items = []
    rest = []
    if flag:
        items = [nn.BatchNorm2d(widths)]
        rest = [1]
    return nn.Sequential(*items, *rest)
""",
    "many branches of an if": "from torch.nn import BatchNorm2d\nx = BatchNorm2d\nif x == 0:\n    pass\n"
    + "".join(f"elif x == {i}:\n    pass\n" for i in range(1500)),
    "deeply nested lists": "from torch.nn import BatchNorm2d\nx = " + "[" * 150 + "BatchNorm2d(1)" + "]" * 150 + "\n",
    "a long sum": "from torch.nn import BatchNorm2d\na = 1\nx = BatchNorm2d(" + " + ".join(["a"] * 1500) + ")\n",
}


BLOCK = """
class Block{0}(nn.Module):
    def __init__(self, inplanes=8, planes=16):
        super().__init__()
        self.conv = nn.Conv2d(inplanes, planes, 3)
        self.norm = nn.BatchNorm2d({1})

    def forward(self, x):
        return self.norm(self.conv(x))

"""
SIX_THOUSAND_LINES = "from torch import nn\n" + "".join(
    BLOCK.format(number, "inplanes" if number == 599 else "planes") for number in range(600)
)

#: Files about which something is said, or nothing.
ODD = {
    "a statement that is no Python": ("from torch import nn\nnn.BatchNorm2d(3\nx = 3\n", ["BN902"]),
    "nesting that no parser survives": ("# BatchNorm\nx = " + "(" * 5000 + "1" + ")" * 5000 + "\n", ["BN902"]),
    "a chain that no parser survives": ("# BatchNorm\nx = a" + ".b" * 20_000 + "\n", ["BN903"]),
    "a pattern that is none": ('import re\nfrom torch import nn\n\nnn.BatchNorm2d(len(re.sub("(", "", "c")))\n', []),
    "six thousand lines": (SIX_THOUSAND_LINES, ["BN002"]),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is said about all of them, each in a folder of its own, beside a good file.

    They are judged in one run, in a process of its own, because what is tested here could kill it.
    """
    root = tmp_path_factory.mktemp("hostile")
    for name, text in [*HOSTILE.items(), *((name, text) for name, (text, _) in ODD.items())]:
        (root / name).mkdir()
        (root / name / "hostile.py").write_text(text, encoding="utf-8")
        (root / name / "good.py").write_text(GOOD, encoding="utf-8")
    command = [sys.executable, "-m", "bn_lint", "check", "--isolated", "-j1", "--output-format", "json", "."]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    assert done.returncode == 1
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def codes(report: dict[str, Any], path: str) -> list[str]:
    return [entry["code"] for entry in (*report["findings"], *report["errors"]) if entry["path"] == path]


@pytest.mark.parametrize("name", HOSTILE)
def test_programs_that_never_end_do_not_stop_the_others(name: str, report: dict[str, Any]) -> None:
    assert codes(report, f"{name}/good.py") == ["BN002"]
    errors = [error for error in report["errors"] if error["path"].startswith(f"{name}/")]
    assert {error["code"] for error in errors} <= {"BN903"}
    assert "internal" not in json.dumps(errors)


@pytest.mark.parametrize(("name", "expected"), [(name, expected) for name, (_, expected) in ODD.items()])
def test_odd_files_are_judged_for_themselves(name: str, expected: list[str], report: dict[str, Any]) -> None:
    assert codes(report, f"{name}/hostile.py") == expected
    assert codes(report, f"{name}/good.py") == ["BN002"]


def test_an_undecodable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# BatchNorm\nx = '\xff\xfe'\n")
    (tmp_path / "binary.py").write_bytes(bytes(range(256)) + b"BatchNorm")
    (tmp_path / "empty.py").write_bytes(b"")
    (tmp_path / "good.py").write_text(GOOD, encoding="utf-8")
    done = command_line(tmp_path, "check", "--isolated", "--output-format", "json", ".")
    report = json.loads(done.stdout)
    assert done.returncode == 2
    assert codes(report, "latin.py") == ["BN901"]
    assert codes(report, "binary.py") == ["BN901"]
    assert codes(report, "empty.py") == []
    assert codes(report, "good.py") == ["BN002"]


def test_a_folder_without_python_files_is_clean(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("BatchNorm", encoding="utf-8")
    done = command_line(tmp_path, "check", "--isolated", "--output-format", "json", ".")
    report = json.loads(done.stdout)
    assert (done.returncode, report["findings"], report["errors"]) == (0, [], [])
