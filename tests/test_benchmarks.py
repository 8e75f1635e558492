"""The mutation benchmark judges linters; here it judges some of which it is known what they are worth."""

from __future__ import annotations

import ast
import random
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.mutation.mutants import OPERATORS, Mutant, control, mutants, plan
from benchmarks.mutation.score import Command, Found, Report, Verdict, judge, verdicts
from benchmarks.mutation.sites import Recorder, Site
from benchmarks.mutation.table import Score, by_library
from benchmarks.mutation.truth import Case, Truth

pytestmark = pytest.mark.slow

MODEL = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, planes):
        super().__init__()
        self.conv = nn.Conv2d(inputs, planes * 4, 1)
        self.bn = nn.BatchNorm2d(planes * 4)
        self.stem = nn.BatchNorm2d(16)

    def forward(self, x):
        return self.bn(self.conv(self.stem(x)))
"""

#: Linters, as programs. Each prints the JSON report of bn-lint on what it is given.
FRAME = """
import json, pathlib, sys
findings = []
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        message = judge(number, line)
        if message is not None:
            findings.append({"path": str(path), "line": number, "code": "XX001", "message": message})
print(json.dumps({"version": 1, "findings": findings, "errors": []}))
"""
SILENT = "judge = lambda number, line: None"
EVERYTHING = "judge = lambda number, line: 'wrong'"
SUSPICIOUS = "judge = lambda number, line: f'wrong: {line}'"
#: Knows this one model by heart.
ORACLE = """
import re
def judge(number, line):
    written = re.search(r"nn.BatchNorm(..)[(](.*)[)]", line)
    right = ("planes * 4", "(planes * 4) * 1", "16", "16 * 1")
    return "wrong" if written and (written[1] != "2d" or written[2] not in right) else None
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    (folder / "zoo").mkdir(parents=True)
    (folder / "zoo" / "__init__.py").touch()
    (folder / "zoo" / "model.py").write_text(MODEL)
    return folder


def sites() -> list[Site]:
    found = []
    for node in ast.walk(ast.parse(MODEL)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "nn.BatchNorm2d":
            width = node.args[0]
            call, inner = ((n.lineno, n.col_offset, n.end_lineno or 0, n.end_col_offset or 0) for n in (node, width))
            variants = ["BatchNorm1d", "BatchNorm3d"]
            found.append(Site("zoo/model.py", call, inner, ["inputs"], variants, ["zoo/model.py"]))
    assert len(found) == 2
    return found


def changes() -> list[Mutant]:
    rng = random.Random(0)
    return plan((group for site in sites() for group in mutants(site, MODEL.encode(), rng)), rng)


def score(linter: str, package: Path, tmp_path: Path) -> Score:
    program = tmp_path / "linter.py"
    program.write_text(linter + FRAME)
    broken = changes()
    equal = [each for site in sites() if (each := control(site, MODEL.encode())) is not None]
    command = Command(f"{{python}} -S {program} {{path}}")
    found = list(verdicts(command, package, "zoo", [*broken, *equal], by_file=False, jobs=1))
    truth = Truth("zoo", 2, len(broken), 0.0, [Case(m, "", "RuntimeError") for m in broken], [], {})
    return Score("zoo", truth, tuple(found[: len(broken)]), tuple(found[len(broken) :]))


def test_every_operator_has_mutants_and_they_are_programs() -> None:
    found = changes()
    assert {mutant.operator for mutant in found} == set(OPERATORS)
    for mutant in found:
        text = mutant.apply(MODEL.encode())
        assert text != MODEL
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(MODEL))
        assert len(text.splitlines()) == len(MODEL.splitlines())
    assert found == changes()


@pytest.mark.parametrize(
    ("linter", "found", "alarms", "margin"),
    [
        pytest.param(SILENT, 0.0, 0.0, "0 %", id="nothing"),
        pytest.param(EVERYTHING, 0.0, 0.0, "0 %", id="everything everywhere"),
        pytest.param(SUSPICIOUS, 1.0, 1.0, "0 %", id="everything that changes"),
        pytest.param(ORACLE, 1.0, 0.0, "100 %", id="what is wrong"),
    ],
)
def test_score(linter: str, found: float, alarms: float, margin: str, package: Path, tmp_path: Path) -> None:
    result = score(linter, package, tmp_path)
    assert len(result.mutants) > 5
    assert len(result.controls) == 2
    assert sum(v.found for v in result.mutants) == found * len(result.mutants)
    assert sum(v.located for v in result.mutants) == found * len(result.mutants)
    assert sum(v.found for v in result.controls) == alarms * len(result.controls)
    assert by_library([result]).splitlines()[-1].split("|")[-3].strip() == margin
    assert (package / "zoo" / "model.py").read_text() == MODEL


def test_a_linter_that_breaks_finds_nothing(package: Path, tmp_path: Path) -> None:
    result = score("sys.exit(3)", package, tmp_path)
    assert not any(verdict.found for verdict in result.mutants)
    assert "NameError" in result.mutants[0].reason


@pytest.mark.parametrize(("line", "located"), [(5, True), (11, True), (4, False), (12, False)])
def test_located(line: int, located: bool) -> None:
    mutant = Mutant("scaled", "zoo/model.py", 8, "a", "a * 2", (8, 0, 8, 1), ())
    report = Report({Found("zoo/model.py", line, "BN001", "wrong")})
    assert judge(mutant, Report(), report) == Verdict(mutant, tuple(report.findings), located, "")
    elsewhere = Report({Found("zoo/other.py", 8, "BN001", "wrong")})
    assert not judge(mutant, Report(), elsewhere).located
    assert not judge(mutant, report, report).found


def test_reason_of_a_miss() -> None:
    mutant = Mutant("scaled", "zoo/model.py", 8, "a", "a * 2", (8, 0, 8, 1), ())
    after = Report(undecided=[("zoo/model.py", 9, "too dark"), ("zoo/other.py", 8, "too far")])
    assert judge(mutant, Report(), after).reason == "too dark"
    assert judge(mutant, Report(), Report()).reason == "the linter names no reason"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="positions of calls")
def test_recorder(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.mutation.run import watched

    path = tmp_path / "zoo.py"
    text = textwrap.dedent(
        """
        from torch import nn

        class Own(nn.BatchNorm2d):
            def __init__(self, width, act=True):
                super().__init__(width)

        def block(planes, wide, name="x", norm=nn.BatchNorm2d):
            return nn.Sequential(norm(planes), Own(planes * 2), nn.BatchNorm1d(num_features=8))
        """
    )
    path.write_text(text)
    names: dict[str, Callable[..., object]] = {}
    exec(compile(text, str(path), "exec"), names)
    recorder = Recorder(tmp_path)
    with watched(recorder.notice), torch.device("meta"):
        names["block"](4, 6)
    line = text.splitlines()[8]
    seen = {line[s.span[1] : s.span[3]]: (line[s.width[1] : s.width[3]], s) for s in recorder.sites.values()}
    assert {call: width for call, (width, _) in seen.items()} == {
        "norm(planes)": "planes",
        "Own(planes * 2)": "planes * 2",
        "nn.BatchNorm1d(num_features=8)": "8",
    }
    assert seen["norm(planes)"][1].parameters == ["wide"]
    assert seen["nn.BatchNorm1d(num_features=8)"][1].variants == ["BatchNorm2d", "BatchNorm3d"]
    assert seen["norm(planes)"][1].stack == ["zoo.py"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="positions of calls")
@pytest.mark.parametrize(
    ("expression", "stage"),
    [
        ("torch.nn.BatchNorm2d(8)", "ok"),
        ("torch.nn.BatchNorm2d(9)", "forward"),
        ("torch.nn.BatchNorm1d(8)", "forward"),
        ("torch.nn.BatchNorm2d('8')", "build"),
    ],
)
def test_truth_of_a_model(expression: str, stage: str) -> None:
    pytest.importorskip("torch")
    from benchmarks.mutation.libraries import Library, Recipe
    from benchmarks.mutation.run import run

    recipe = Recipe(expression, ((2, 8, 4, 4),))
    assert run(Library("none", "0", "torch", (recipe,)), recipe).stage == stage


def test_what_other_linters_say_is_read() -> None:
    from benchmarks.peers.__main__ import Report, _reports

    said = """\
vgg/bad.py:13:14: UP008 [*] Use `super()` instead
./vgg/bad.py:14:1: E501 line too long (91 > 79 characters)
/tmp/tree/vgg/bad.py:15:30: TOR102 [*] `torch.load` is unsafe
vgg/good.py@16:8 NoRedundantArgumentsSuper: Do not use arguments
::notice file=project_good/train.py,line=17,endLine=10,col=22,title=TG008 Training run::without a seed
vgg/bad.py:18: error: Module has no attribute "BatchNorm"  [attr-defined]
vgg/bad.py:19:9: warning BN401 momentum 0.99 gives (keras-momentum)
Found 3 errors in bad.py.
"""
    assert _reports(said, Path("/tmp/tree")) == [
        Report("vgg/bad.py", 13, "UP008"),
        Report("vgg/bad.py", 14, "E501"),
        Report("vgg/bad.py", 15, "TOR102"),
        Report("vgg/good.py", 16, "NoRedundantArgumentsSuper"),
        Report("project_good/train.py", 17, "TG008"),
        Report("vgg/bad.py", 18, "attr-defined"),
        Report("vgg/bad.py", 19, "BN401"),
    ]
