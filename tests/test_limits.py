"""What takes too long to evaluate is noted where something of BatchNorm may be missing, and nowhere else."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bn_lint.facts import Analysis, BatchNormCall, ModelCall
from bn_lint.native import COMPILED
from bn_lint.project.source import load
from bn_lint.static import analyze as analyze_module
from bn_lint.static.analyze import analyze
from bn_lint.static.entry_points import Ending, Run
from bn_lint.static.interpreter import calls
from bn_lint.static.interpreter.deep_stack import with_deep_stack
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Function, Instance, Value

pytestmark = pytest.mark.slow

#: `{inside}` runs a million times, which is more than any entry point is given.
PROGRAM = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(self.conv(x))

class Reader:
    def __init__(self, paths):
        self.paths = paths

    def length(self, path):
        return len(path)

def search(model=None):
    total = 0
    reader = Reader(["a", "b"])
    row = 0
    while row < 1000:
        column = 0
        while column < 1000:
            total += {inside}
            column += 1
        row += 1
    return total

def main(x):
    count = search()
    net = Net(16)
    return net(x), count
"""


def judged(folder: Path, inside: str) -> Analysis:
    path = folder / "program.py"
    path.write_text(PROGRAM.replace("{inside}", inside))
    return analyze([load(path)])


@pytest.mark.parametrize("inside", ["1", "len(reader.paths[0])", "reader.length(reader.paths[0])"])
def test_what_has_nothing_to_do_with_batchnorm_is_given_up_without_a_note(tmp_path: Path, inside: str) -> None:
    result = judged(tmp_path, inside)
    assert not result.problems
    calls = [fact for fact in result.facts if isinstance(fact, BatchNormCall)]
    assert [call.channels and call.channels.size for call in calls] == [16]


@pytest.mark.parametrize("inside", ["Net(row).conv.in_channels", "isinstance(model, Net)"])
def test_what_may_use_batchnorm_is_noted(tmp_path: Path, inside: str) -> None:
    result = judged(tmp_path, inside)
    assert [(problem.code, problem.internal) for problem in result.problems] == [("BN903", False)]


LONG = """
import torch
from torchvision import models

for _ in range(100):
    for _ in range(100):
        for _ in range(100):
            print(models.resnet18()(torch.rand(2, 3, 32, 32)).shape)
"""
LOOKING_UP = """
import sys
import long
import torch
from torchvision import models

WIDTHS = {"narrow": 8, "wide": 16}
print(WIDTHS[sys.argv[1]])
model = models.resnet18(pretrained=True)
with torch.no_grad():
    print(model(torch.load("images.pt")))
"""


def test_nothing_is_executed_for_a_table_of_the_program_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports the program gets another module of it. A table of another module may be filled by any."""
    monkeypatch.setenv("BN_LINT_ENGINE", "steps")
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "__init__.py").write_text(LONG)
    (tmp_path / "widths.py").write_text('WIDTHS = {"narrow": 8, "wide": 16}')
    own = LOOKING_UP
    other = LOOKING_UP.replace('WIDTHS = {"narrow": 8, "wide": 16}', "from widths import WIDTHS")
    steps = []
    for name, program in (("own", own), ("other", other)):
        (tmp_path / f"{name}.py").write_text(program)
        steps.append(sum(one.steps for one in analyze([load(tmp_path / f"{name}.py")]).coverage.steps))
    assert steps[0] < 100 < steps[1]


PLOTS = """
import torch
from torchvision import models

def plot(values, title):
    row = 0
    while row < 12:
        column = 0
        while column < 12:
            column += 1
        row += 1

def main(data):
    model = models.resnet18(pretrained=True)
    {plots}
    with torch.no_grad():
        print(model(data))

main(open("data").read())
"""


@pytest.mark.parametrize("steps", [0, 1_000])
def test_a_unit_that_has_had_its_steps_executes_no_module_for_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(analyze_module, "STEPS_PER_UNIT", steps)
    texts = {
        "models.py": "from torch import nn\nimport plain, table\ntable.models['norm'] = nn.BatchNorm2d\n",
        "plain.py": "import table\ntable.models['plain'] = print\n",
        "table.py": "models = {}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    runs: list[Run] = []
    analyze([load(tmp_path / name) for name in texts], watch=runs.append)
    endings = [run.ending for run in runs if run.entry.file.path.name == "plain.py"]
    assert endings == [Ending.FINISHED if steps else Ending.NOT_RUN]


def test_hundreds_of_short_calls_that_have_nothing_to_do_with_batchnorm_get_less_and_less(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PLOTS.replace("{plots}", "\n    ".join(f"plot(data[{number}], 'red')" for number in range(1000))))
    result = analyze([load(path)])
    assert not result.problems
    assert any(isinstance(fact, ModelCall) for fact in result.facts)


ENDLESS = """
from torch import nn

def train(epochs):
    net = nn.BatchNorm1d(64)
    for epoch in range(epochs):
        net.train()
        train(epochs)

train(10)
"""


def test_a_function_that_starts_itself_as_it_was_started_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(ENDLESS)
    assert not analyze([load(path)]).problems


@pytest.mark.skipif(COMPILED, reason="constants of compiled code cannot be replaced")
def test_copies_of_a_program_that_takes_too_long_get_less_and_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BN_LINT_ENGINE", "steps")
    monkeypatch.setattr(analyze_module, "MAX_STEPS", 3200)
    for number in range(12):
        program = PROGRAM.replace("{inside}", "Net(row).conv.in_channels").replace("1000", "100000")
        (tmp_path / f"program{number:02}.py").write_text(program)
    coverage = analyze([load(path) for path in sorted(tmp_path.iterdir())]).coverage
    taken = [one.steps // 100 for one in coverage.steps if one.name == "search"]
    assert taken == [32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 2, 2]


CHOICE = """
import torch
from torch import nn

{nets}

def train(name, loader):
    net = Net0()
    {choices}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for epoch in range(10):
        net.train()
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images).flatten(1), labels).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            for images, labels in loader:
                print((net(images).argmax(1) == labels).sum())
"""
NET = """
class Net{number}(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn(self.conv(x))
"""


def test_a_model_that_may_be_any_of_a_few_is_searched_for_its_parts_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = 0
    search = Instance.possible_descendants

    def counting(module: Instance) -> Iterator[Instance]:
        nonlocal searched
        searched += 1
        return search(module)

    monkeypatch.setattr(Instance, "possible_descendants", counting)
    path = tmp_path / "program.py"
    nets = "".join(NET.replace("{number}", str(number)) for number in range(4))
    choices = "\n    ".join(f"if name == '{number}':\n        net = Net{number}()" for number in range(1, 4))
    path.write_text(CHOICE.replace("{nets}", nets).replace("{choices}", choices))
    result = analyze([load(path)])
    assert not result.problems
    assert any(isinstance(fact, ModelCall) for fact in result.facts)
    assert 0 < searched < 1000  # once for each call and switch of each of them; for each pair of these it was 35,000


CHANGED = """
import torch
from torch import nn

class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
        self.deterministic = False

    def forward(self, x):
        return x if self.deterministic is None else self.bn(x)

def changed():
    layer = Layer()
    layer.deterministic = True
    return layer

model = nn.Sequential({layers})
model(torch.zeros(2, 8, 4, 4))
"""


@pytest.mark.skipif(COMPILED, reason="calls from one compiled function to another cannot be counted")
def test_layers_that_were_changed_alike_are_called_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    execute = calls.execute_function

    def counting(interpreter: Interpreter, function: Function, *rest: Any) -> Value:
        called.append(function.name)
        return execute(interpreter, function, *rest)

    monkeypatch.setattr(calls, "execute_function", counting)
    path = tmp_path / "program.py"
    path.write_text(CHANGED.replace("{layers}", ", ".join(["changed()"] * 20)))
    result = analyze([load(path)])
    assert not result.problems
    assert 0 < called.count("forward") < 4


def test_the_limit_of_recursion_is_put_back_whoever_ends_first() -> None:
    """A language server analyzes in several threads, which share the limit."""
    before = sys.getrecursionlimit()
    running: list[tuple[threading.Thread, threading.Event]] = []
    for _ in range(2):
        begun, end = threading.Event(), threading.Event()

        def work(begun: threading.Event = begun, end: threading.Event = end) -> None:
            def wait() -> bool:
                begun.set()
                return end.wait(60)

            with_deep_stack(wait)

        running.append((threading.Thread(target=work), end))
        running[-1][0].start()
        assert begun.wait(60)
        assert sys.getrecursionlimit() > before
    for thread, end in running:
        end.set()
        thread.join()
    assert sys.getrecursionlimit() == before


#: What would be run again and again if nothing were noticed, and the most steps that it may take.
WITHOUT_END = {
    "a branch may leave it": (
        100,
        """
    for step in range(2000):
        threshold = highest - step * delta
        mask = np.zeros_like(scores)
        mask[scores <= threshold] = 0
        mask[scores > threshold] = 1
        rate = mask.sum() / mask.size
        if rate >= expected:
            break
""",
    ),
    "nothing ends it": (
        1000,
        """
    while True:
        threshold = highest - delta
        mask = np.zeros_like(scores)
        mask[scores <= threshold] = 0
        mask[scores > threshold] = 1
        for key in range(100):
            mask[key] = 1
        try:
            highest = next(scores)
        except StopIteration:
            break
""",
    ),
    "it calls itself": (
        300,
        """
    def unpack(data):
        if isinstance(data, tuple):
            return tuple(unpack(one) for one in data)
        if isinstance(data, list):
            return [unpack(one) for one in data]
        if isinstance(data, dict):
            return {key: unpack(one) for key, one in data.items()}
        if isinstance(data, slice):
            return slice(unpack(data.start), unpack(data.stop), unpack(data.step))
        return data

    threshold = unpack(scores)
""",
    ),
}


@pytest.mark.parametrize("how", WITHOUT_END)
def test_what_cannot_be_known_is_not_followed_for_long(tmp_path: Path, how: str) -> None:
    most, code = WITHOUT_END[how]
    path = tmp_path / "program.py"
    path.write_text(
        "import numpy as np\nfrom torch import nn\n\n\ndef search(scores, highest, delta, expected):\n"
        f"    {code.strip()}\n    return threshold, nn.BatchNorm1d(8)\n",
        encoding="utf-8",
    )
    runs: list[Run] = []
    analyze_module.Analyzer([load(path)], watch=runs.append).analyze()
    assert [run.entry.name for run in runs] == ["<module>", "search"]
    assert 10 < runs[-1].steps < most


def test_how_many_factories_of_a_file_are_called_does_not_depend_on_other_files(tmp_path: Path) -> None:
    """Three in a row show nothing new; the file before has shown more than this one ever does."""
    norms = ", ".join(["nn.BatchNorm2d(3)"] * 8)
    many = tmp_path / "many.py"
    many.write_text(f"from torch import nn\n\n\ndef many():\n    return nn.Sequential({norms})\n", encoding="utf-8")
    few = tmp_path / "few.py"
    factories = "".join(f"\n\ndef net_{depth}():\n    return net({depth})\n" for depth in range(1, 7))
    few.write_text(
        "from torch import nn\n\nimport many\n\n\ndef net(depth):\n"
        "    convs = nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(depth)))\n"
        f"    return nn.Sequential(convs, nn.BatchNorm2d(3))\n{factories}",
        encoding="utf-8",
    )
    runs: list[Run] = []
    analyze_module.Analyzer([load(many), load(few)], watch=runs.append).analyze()
    assert [run.entry.name for run in runs] == ["<module>", "<module>", "many", "net_1", "net_2", "net_3", "net_4"]
